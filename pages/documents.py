"""The documents of the project: what the app does, the method, the words, results and more."""

import streamlit as st

from pages._documents import files
from pages._shared import frame

frame.require_frame()
with frame.error_panel():
    name = st.segmented_control(
        "Document",
        files.names(),
        default=files.FIRST[0],
        key="doc",
        required=True,
        bind="query-params",
        label_visibility="collapsed",
    )
    with st.container(width=900):
        st.markdown(files.document(name))
