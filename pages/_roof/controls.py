"""The sliders of the page, and what can be done with their car."""

import streamlit as st

from mspt.geometry.bodies.tailored import RANGES, CarDesign
from pages._roof.data import Chosen
from pages._shared import frame
from pages._shared.datasets import SHAPES
from pages._shared.pickers import pick_checkpoint

SLIDERS = (  # name, label, shown units in one m or degree, step, help
    ("height", "Roof height, cm", 100, 1, "Of the roof above the ground."),
    ("slope", "Rear slope, °", 1, 1, "Of the rear window: 12° is a coupe, 60° an estate."),
    ("clearance", "Ride height, cm", 100, 1, "Of the underbody above the ground."),
    ("length", "Length, cm", 100, 5, "From nose to tail; heights stay as they are."),
    ("spoiler", "Spoiler, cm", 100, 1, "A lip at the rear edge; 0 for none."),
)
WHEELS = "roof_wheels"


def pick() -> Chosen:
    """Show the sliders; return the car and the model."""
    usual, sizes = CarDesign(), {}
    for name, label, scale, step, help_text in SLIDERS:
        low, high = RANGES[name]
        sizes[name] = (
            st.slider(
                label,
                min_value=round(scale * low),
                max_value=round(scale * high),
                value=round(scale * getattr(usual, name)),
                step=step,
                key=f"roof_{name}",
                bind="query-params",
                help=help_text,
            )
            / scale
        )
    with st.container(horizontal=True, vertical_alignment="center"):
        wheels = st.toggle("Wheels", value=True, key=WHEELS, bind="query-params")
        st.button("Reset", icon=":material/restart_alt:", key="roof_reset", on_click=_reset)
    return Chosen(
        design=CarDesign(**sizes, wheels=wheels),
        checkpoint=pick_checkpoint(SHAPES),
        device=frame.device(),
    )


def _reset() -> None:
    """Move all sliders to where they were at first."""
    usual = CarDesign()
    for name, _, scale, _, _ in SLIDERS:
        st.session_state[f"roof_{name}"] = round(scale * getattr(usual, name))
    st.session_state[WHEELS] = usual.wheels


def hand_over(chosen: Chosen) -> None:
    """Offer the car as a file, and the page that predicts and solves any shape."""
    with st.container(horizontal=True):
        if st.button(
            "Open in Upload a shape",
            icon=":material/open_in_new:",
            key="roof_upload",
            help="The same car with all fields, trust and exports; *Solve it now* is there.",
        ):
            _open(chosen)
        st.download_button(
            "Car (STL)",
            lambda: chosen.shape.file,
            key="roof_stl",
            file_name="pulled-car.stl",
            mime="model/stl",
            on_click="ignore",
            icon=":material/download:",
        )


def _open(chosen: Chosen) -> None:
    state, _ = st.session_state, chosen.key  # the key notes how the car is placed
    state["my_shape"] = chosen.shape
    state["prefers_sample"] = False
    st.switch_page("pages/upload.py")


def commands(chosen: Chosen) -> tuple[str, ...]:
    """Return the commands for the full prediction and for the solver's result of the car's file."""
    where = "--unit m --forward=-x --up=+z"
    used = f"--checkpoint {chosen.checkpoint.path.as_posix()}"
    return (
        f"python -m mspt predict pulled-car.stl {used} {where} --speed 130km/h",
        f"python -m mspt solve pulled-car.stl {where} --out pulled-car-truth.npz",
    )
