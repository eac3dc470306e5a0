"""MSPT Explorer: start with ``streamlit run app.py``."""

import streamlit as st

from mspt.figures.headless import choose_window
from pages._parts import device_picker, error_panel, footer

choose_window()
st.set_page_config(
    page_title="MSPT Explorer",
    page_icon="assets/icon.svg",
    layout="wide",
    initial_sidebar_state="expanded",
)
st.logo("assets/logo.svg", size="large", icon_image="assets/icon.svg")
page = st.navigation(
    [
        st.Page("pages/home.py", title="Home", icon=":material/home:", default=True),
        st.Page("pages/explore.py", title="Explore predictions", icon=":material/compare:"),
        st.Page("pages/upload.py", title="Upload a shape", icon=":material/directions_car:"),
        st.Page("pages/draw.py", title="Draw a domain", icon=":material/draw:"),
    ]
)
with st.sidebar:
    device_picker()
with error_panel():
    page.run()
footer()
