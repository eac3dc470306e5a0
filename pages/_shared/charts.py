"""Charts and tables that a visitor can take along."""

from collections.abc import Mapping

import pandas as pd
import streamlit as st
from pandas.io.formats.style import Styler

PERCENT = "{:.2%}"


def chart(figure, *, key: str) -> None:
    """Show a figure; the bar above it saves it as SVG or PNG, under the name of its key."""
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


def formatted(table: pd.DataFrame, formats: Mapping[str, str]) -> Styler:
    """Return a table whose numbers are shown in given formats, and what is missing as a dash."""
    known = {title: form for title, form in formats.items() if title in table}
    return table.style.format(known, na_rep="–")
