"""What the page on training shows: curves, numbers, fields, and the models to keep."""

from functools import partial

import streamlit as st

from mspt.evaluation.comparison import compare, views_of
from mspt.figures.charts.fields import panels_figure
from mspt.figures.charts.series import race_figure
from mspt.figures.scenes.comparison import quantity_of
from pages._shared import frame, jobs, notes
from pages._shared.numbers import MEASURED, Card, duration, number_row, percent
from pages._shared.sheets import raster_of
from pages._train import data

AXES = {"Steps": False, "Seconds": True}


def show(race: data.Race | None, *, dark: bool) -> None:
    """Show a race, or what the page is for where there is none."""
    if race is None or not all(race.snapshots.values()):
        st.markdown(
            "Choose data and models and press **Train**. A minute on two cores shows how the error "
            "falls, what each model predicts meanwhile, and what K, Q and the pooling change."
        )
        return
    _numbers(race)
    axis = st.segmented_control(
        "Along", list(AXES), default="Steps", key="train_axis", required=True, bind="query-params"
    )
    by_seconds = AXES[axis]
    title = "seconds of own steps" if by_seconds else "steps"
    st.plotly_chart(
        race_figure(race.curves(by_seconds=by_seconds), title=title, dark=dark), key="train_chart"
    )
    _fields(race, dark=dark)
    if not jobs.is_running(data.JOB):
        _keep(race)


def _numbers(race: data.Race) -> None:
    cards = []
    for name, snapshots in race.snapshots.items():
        last = snapshots[-1]
        steps = f"{last.step:,} of {last.num_steps:,} steps in {duration(last.seconds)}"
        cards.append(Card(label=name, value=percent(last.error), note=steps))
    chosen = race.chosen
    state = (
        f"relative L2 error over {data.VALIDATION_CASES} validation cases of {chosen.dataset}, "
        f"trained on {chosen.num_cases} cases; seed {chosen.seed}"
    )
    number_row(cards, origin=MEASURED, state=state)


def _fields(race: data.Race, *, dark: bool) -> None:
    """Show the case in view: the truth, and what each model predicts now."""
    sample = race.sample
    view = next(iter(views_of(sample).values()))
    shown = {
        f"{name}, {one.relative_l2:.1%}": one
        for name, snapshots in race.snapshots.items()
        for one in [compare(sample, snapshots[-1].fields, view)]
    }
    first = next(iter(shown.values()))
    fields = {"Truth (solver)": first.truth}
    fields |= {title: one.prediction for title, one in shown.items()}
    figure = panels_figure(
        raster_of(sample), sample.points.numpy(), fields, quantity=quantity_of(first), dark=dark
    )
    st.plotly_chart(figure, key="train_fields")
    st.caption(f"The validation case {notes.plain(sample.key)}, with its error at each model.")


def _keep(race: data.Race) -> None:
    """Show buttons to download each model, and to add it to the checkpoints of this app."""
    with st.container(horizontal=True):
        for name, training in race.trainings.items():
            architecture = training.preset.model.architecture
            st.download_button(
                f"{name} (checkpoint)",
                partial(data.checkpoint_file, race, name),
                key=f"train_file_{name}",
                file_name=f"live-{race.chosen.dataset}-{architecture}.safetensors",
                mime="application/octet-stream",
                on_click="ignore",
                icon=":material/download:",
            )
            if st.button(
                f"Offer {name} on all pages",
                key=f"train_keep_{name}",
                icon=":material/library_add:",
                help="Writes it to the folder pretrained/, for everybody who uses this server.",
            ):
                with frame.error_panel():
                    notes.info("Saved as {}; every page offers it now.", data.keep(race, name))
