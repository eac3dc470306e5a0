"""MSPT Explorer: start with ``streamlit run app.py``."""

import streamlit as st

from mspt.figures.vtk.headless import choose_window
from mspt.threads import limit_threads
from pages._shared import bring, frame, jobs, links, sidebar

choose_window()
limit_threads()
frame.dress()
page = st.navigation(
    [
        st.Page("pages/home.py", title="Home", icon=":material/home:", default=True),
        st.Page("pages/explore.py", title="Explore predictions", icon=":material/compare:"),
        st.Page("pages/upload.py", title="Upload a shape", icon=":material/directions_car:"),
        st.Page("pages/compare.py", title="Compare designs", icon=":material/difference:"),
        st.Page("pages/roof.py", title="Pull the roof", icon=":material/tune:"),
        st.Page("pages/draw.py", title="Draw a domain", icon=":material/draw:"),
        st.Page("pages/patches.py", title="Patches and supernodes", icon=":material/bubble_chart:"),
        st.Page("pages/attention.py", title="Attention", icon=":material/center_focus_strong:"),
        st.Page("pages/train.py", title="Train", icon=":material/model_training:"),
        st.Page("pages/scaling.py", title="Scaling", icon=":material/monitoring:"),
        st.Page("pages/benchmarks.py", title="Benchmarks", icon=":material/leaderboard:"),
        st.Page("pages/documents.py", title="Documents", icon=":material/menu_book:"),
    ]
)
frame.turn_to(page.url_path)
frame.restore_address()
with st.sidebar:
    frame.device_picker()
    with frame.error_panel():
        bring.button()
    with frame.error_panel():
        frame.watch_browser()
    gone = jobs.adopt()
    listed = sidebar.show_jobs()
links.read(gone)
with frame.to_the_end(), frame.error_panel():
    page.run()
links.compare()
with st.sidebar:
    sidebar.show_others(listed)
frame.footer()
