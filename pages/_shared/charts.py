"""Charts and tables that a visitor can take along."""

import pandas as pd
import streamlit as st


def chart(figure, *, key: str) -> None:
    """Show a figure; the camera above it saves it as SVG, under the name of its key."""
    picture = {"format": "svg", "filename": key.replace("_", "-")}
    st.plotly_chart(figure, key=key, config={"toImageButtonOptions": picture})


def csv_button(label: str, table: pd.DataFrame, *, name: str, key: str) -> None:
    """Show a button that downloads a table as CSV."""
    st.download_button(
        label,
        lambda: table.to_csv(index=False, float_format="%.7g").encode(),
        file_name=f"{name}.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
        key=key,
    )
