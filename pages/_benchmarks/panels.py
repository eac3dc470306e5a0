"""What the page on benchmarks shows of checkpoints: their errors, beside published ones."""

from functools import partial

import streamlit as st

from mspt.data.dataset import Dataset
from mspt.data.registry import get_dataset
from mspt.evaluation.accuracy import TrainedModel
from mspt.evaluation.literature import band, paper_error
from mspt.figures.charts.series import error_against_cost, learning_curves
from pages._benchmarks import controls, data
from pages._shared import bring, frame, jobs, notes, own, words
from pages._shared.cache import PRETRAINED
from pages._shared.charts import PERCENT, chart, csv_button, formatted
from pages._shared.numbers import (
    PAPER,
    PUBLISHED,
    STORED,
    STORED_CURVE,
    Card,
    badge,
    number_row,
    percent,
)

BUSY = 1.5
"""Load, over the threads of a measurement, from which its times are called rough."""
MOST_NAMED = 3
"""Fields that are named one by one."""


def accuracy(name: str) -> None:
    """Show what the checkpoints of a data set have reached, and what others have published."""
    dataset, found = get_dataset(name), data.models(name)
    if found:
        _numbers(dataset, found)
        _table(name, found)
        _bring(name)
        _charts(name, found)
    else:
        st.markdown(
            f"No checkpoint of `{name}` ships yet. This command trains one; its test errors then "
            "stand here."
        )
        st.code(f"python -m mspt train {name} --out {PRETRAINED}", language="bash")
        _bring(name)
    _published(dataset)
    frame.command(*commands(found))


def commands(found: tuple[TrainedModel, ...]) -> list[str]:
    """Return the commands that give the shown numbers."""
    evaluate = [_evaluate_command(one) for one in found]
    return [*evaluate, "python -m mspt cards", passes_command()]


def _evaluate_command(one: TrainedModel) -> str:
    if one.architecture == "predictions":
        return one.command
    folder = "" if one.name in own.models() else f"{PRETRAINED}/"
    return f"python -m mspt evaluate {folder}{one.name}.safetensors"


def _bring(name: str) -> None:
    """Show buttons to add a row: predictions of another model, or scores of an own one."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Add the predictions of another model",
            key="benchmarks_bring",
            icon=":material/upload_file:",
            on_click=bring.open_dialog,
            args=(bring.PREDICTIONS,),
        )
        st.download_button(
            "Test cases (NPZ)",
            partial(data.cases_file, name),
            file_name=f"{name}-test.npz",
            mime="application/octet-stream",
            icon=":material/download:",
            on_click="ignore",
            key="benchmarks_cases",
            disabled=not data.has_sheets(name),
            help="Names, points, features and true fields, to predict with another model.",
        )
    for model in data.own_without_scores(name):
        key = f"score {model.name}"
        for entries in jobs.fetch(key):
            own.add_scores(model.name, entries)
            st.rerun()
        if jobs.job(key) is not None or st.button(
            f"Score {model.name} on all test cases",
            key=f"{key}_start",
            icon=":material/play_arrow:",
        ):
            jobs.follow_work(key, partial(data.score_steps, model), title=f"Scoring {model.name}")


def passes_command() -> str:
    """Return the command that measures the time of a pass of every checkpoint."""
    return f"python -m mspt benchmark passes --threads 1 --out {data.PASSES_FILE.as_posix()}"


def _numbers(dataset: Dataset, found: tuple[TrainedModel, ...]) -> None:
    best = found[0]
    cards = [
        Card(
            label="Least test error",
            value=percent(best.error),
            note=f"`{best.name}`",
            help_text=words.tip("relative L2"),
        )
    ]
    turned = [one for one in found if one.symmetric is not None]
    if turned:
        least = min(turned, key=lambda one: one.symmetric or 0)
        cards.append(
            Card(
                label="Mean over symmetries",
                value=percent(least.symmetric),
                note=f"`{least.name}`, {len(dataset.symmetries)} passes",
            )
        )
    if best.mean_only is not None:
        cards.append(
            Card(
                label="Predicting the mean",
                value=percent(best.mean_only),
                help_text=words.tip("mean only"),
            )
        )
    cards += _published_cards(dataset.name)
    number_row(
        cards,
        origin=STORED,
        state=f"{dataset.title}, {best.cases} test cases: relative L2 of "
        f"{_scored(dataset)} for each case, in physical units and "
        "without weights, then the mean",
    )


def _scored(dataset: Dataset) -> str:
    """Return what the primary score is about, in words."""
    if dataset.primary.title:
        return dataset.primary.title
    names = [field.name for field in dataset.fields]
    return " and ".join(names) if len(names) <= MOST_NAMED else "all fields together"


def _published_cards(name: str) -> list[Card]:
    cards = []
    if (paper := paper_error(name)) is not None:
        cards.append(
            Card(label="Published MSPT", value=percent(paper), note="other data", origin=PAPER)
        )
    if (ends := band(name, "Transolver")) is not None:
        cards.append(
            Card(
                label="Published Transolver",
                value=f"{ends[0]:.2%} to {ends[1]:.2%}",
                note="and run again by others",
                origin=PUBLISHED,
            )
        )
    return cards


def _table(name: str, found: tuple[TrainedModel, ...]) -> None:
    table, key = data.model_table(found), f"benchmarks_models_{name}"
    column = st.column_config
    st.dataframe(
        formatted(table, data.formats(table)),
        hide_index=True,
        key=key,
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            "Minutes": column.NumberColumn(help="Wall time of the training."),
            "Seconds a pass": column.NumberColumn(
                help="One forward pass over a test case on one thread."
            ),
            "Over seeds": column.TextColumn(
                help="Mean and range of the test error over runs that differ in their seed alone."
            ),
        },
    )
    picked = [found[row] for row in controls.picked_rows(key) if row < len(found)]
    with st.container(horizontal=True, vertical_alignment="center"):
        csv_button("Table (CSV)", table, name=f"accuracy-{name}", key="benchmarks_models_csv")
        st.caption(_table_words(found, has_pick=bool(picked)), width="stretch")
    for one in picked:
        st.code(one.command or f"# no command trains {one.name} again", language="bash")


def _table_words(found: tuple[TrainedModel, ...], *, has_pick: bool) -> str:
    words = "" if has_pick else "Select a row for the command that trains it. "
    if len({one.configuration for one in found}) == len(found):
        words += "Each model was trained once: how much its error depends on the seed is not known."
    return f"{words} {badge(STORED)}"


def _charts(name: str, found: tuple[TrainedModel, ...]) -> None:
    cost, dark = controls.pick_cost(), frame.is_dark()
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**Error and cost**")
        if points := data.run_points(found, cost):
            figure = error_against_cost(
                points, title=data.COSTS[cost], paper=paper_error(name), dark=dark
            )
            chart(figure, key="benchmarks_cost")
        else:
            st.markdown("No checkpoint of this data set has this number yet.")
        st.caption(_cost_words(found, cost))
    curves = {one.name: [error for _, error in one.curve] for one in found if one.curve}
    if not curves:
        return
    with right:
        st.markdown("**Learning curves**")
        places = {one.name: place for place, one in enumerate(found)}
        chart(learning_curves(curves, dark=dark, places=places), key="benchmarks_curves")
        st.caption(
            f"Validation error of the averaged weights {badge(STORED)}. SVG and PNG above a "
            "chart save it."
        )


def _cost_words(found: tuple[TrainedModel, ...], cost: str) -> str:
    """Return where the costs come from."""
    if cost == "A pass":
        times = list(data.passes(found).values())
        if not times:
            return f"Not measured yet; measure with `{passes_command()}`."
        first, load = times[0], max(row.load for row in times)
        rough = ". The machine was busy: times are rough" if load > BUSY * first.threads else ""
        return (
            f"{badge(STORED_CURVE)} median of one pass of `{first.case}`, N = "
            f"{first.num_points:,}, {first.threads} thread, {notes.plain(first.machine)}, load "
            f"{load:.1f}{rough}. Partition and encoding are not in it. `{passes_command()}`"
        )
    if cost == "Training":
        machines = ", ".join(dict.fromkeys(one.hardware for one in found if one.hardware))
        return (
            f"{badge(STORED)} wall time on {notes.plain(machines)}, shared with other work: rough."
        )
    return f"{badge(STORED)} trainable parameters."


def _published(dataset: Dataset) -> None:
    table = data.published_table(dataset.name)
    if table.empty:
        st.caption(f"No published errors: `{dataset.name}` is a data set of this project's own.")
        return
    st.markdown(f"**What others have published** {badge(PAPER)} {badge(PUBLISHED)}")
    st.markdown(
        "For orientation only: these models were trained on the public files, most for 500 "
        "epochs, and ours on data of our own solver for a small budget. A published number moves "
        "by 10 to 20 % with the seed, and two- to threefold with the preparation of the data."
    )
    shown = table if table["Of"].any() else table.drop(columns="Of")
    st.dataframe(formatted(shown, {"Error": PERCENT}), hide_index=True, key="benchmarks_published")
    csv_button(
        "Published numbers (CSV)", table, name=f"published-{dataset.name}", key="published_csv"
    )
