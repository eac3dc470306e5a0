"""The error at the K and Q of the page: in numbers, and over many K beside the cost."""

import streamlit as st

from mspt.benchmarks.ablation_maps import AblationMap, MapCell, nearest_cell
from mspt.cost.formulas import forward_flops
from mspt.figures.charts.other_patches import patch_cost_figure, patch_errors_figure
from mspt.inference.partitioned import PartitionedCloud
from pages._patches import scores
from pages._patches.data import Chosen
from pages._patches.scores import WhatIf
from pages._shared import frame, progress, words
from pages._shared.charts import chart
from pages._shared.numbers import (
    COUNTED,
    MEASURED,
    STORED_RUNS,
    Card,
    badge,
    number_row,
    percent,
)

RUN = "Running the model at every K"


def errors(chosen: Chosen, cloud: PartitionedCloud, num_supernodes: int) -> None:
    """Show the error at the chosen K and Q, at those of the training, and of models trained there.

    The model is run with the partition of the page; around a body it keeps its own.
    """
    case = scores.what_if(chosen, cloud, num_supernodes)
    if isinstance(case, str):
        st.caption(case)
        return
    own, trained = scores.error_at(chosen, case, case.wanted), scores.error_as_trained(chosen, case)
    kind = "" if case.method is None else f", {cloud.name}"
    (k, q), (first_k, first_q) = case.wanted, case.trained
    cards = [
        Card(
            label=f"Error at {_sizes(k, q)}{kind}",
            value=percent(own.relative_l2),
            help_text=words.tip("relative L2", more="This model, run here at these sizes."),
        ),
        Card(
            label=f"Error at the training's {_sizes(first_k, first_q)}",
            value=percent(trained.relative_l2),
        ),
        *_trained_card(case, scores.trained_map(case.sample.dataset)),
        Card(
            label="Arithmetic",
            value=f"{_ratio(chosen, case):.2f} ×",
            note=f"that at {_sizes(first_k, first_q)}",
            origin=COUNTED,
        ),
    ]
    number_row(
        cards,
        origin=MEASURED,
        state=f"`{chosen.checkpoint.name}` on {chosen.name} at N = {len(case.sample.points):,}; it "
        f"was trained at {_sizes(first_k, first_q)} and has seen no other sizes",
    )


def in_words(chosen: Chosen, cloud: PartitionedCloud, num_supernodes: int) -> str:
    """Return error and cost at the chosen K, Q and partition in a line; empty without an error."""
    case = scores.what_if(chosen, cloud, num_supernodes)
    if isinstance(case, str):
        return ""
    own, trained = scores.error_at(chosen, case, case.wanted), scores.error_as_trained(chosen, case)
    words = (
        f"**Error {percent(own.relative_l2)}** at {_sizes(*case.wanted)} {badge(MEASURED)}, "
        f"{percent(trained.relative_l2)} at the training's {_sizes(*case.trained)}; "
        f"**{_ratio(chosen, case):.2f} ×** its arithmetic"
    )
    found = scores.trained_map(case.sample.dataset)
    cells = [] if found is None else _nearest(case, found)
    if cells:
        words += f". Models trained at {_cell(cells[0])}: {percent(cells[0].error.mean)} "
        words += badge(STORED_RUNS)
    return f"{words}."


def _sizes(num_patches: int, num_supernodes: int) -> str:
    return f"K = {num_patches:,}, Q = {num_supernodes}"


def _ratio(chosen: Chosen, case: WhatIf) -> float:
    count = len(case.sample.points)
    own, trained = (
        forward_flops(chosen.config(k, q), count) for k, q in (case.wanted, case.trained)
    )
    return own / trained


def _trained_card(case: WhatIf, found: AblationMap | None) -> list[Card]:
    """Return the error of a model that was trained at the chosen sizes, or the nearest ones."""
    cells = [] if found is None else _nearest(case, found)
    if found is None or not cells:
        return []
    own, first = cells
    return [
        Card(
            label=f"Trained at {_cell(own)}",
            value=percent(own.error.mean),
            note=f"at {_cell(first)}: {percent(first.error.mean)}",
            origin=STORED_RUNS,
            help_text=f"Mean over validation cases of a model that was trained at these sizes, the "
            f"nearest ones there are: {runs_words(found)}.",
        )
    ]


def _nearest(case: WhatIf, found: AblationMap) -> list[MapCell]:
    cells = [
        nearest_cell(found, num_patches=k, num_supernodes=q) for k, q in (case.wanted, case.trained)
    ]
    return [cell for cell in cells if cell is not None]


def _cell(cell: MapCell) -> str:
    return _sizes(cell.num_patches, cell.num_supernodes)


def runs_words(found: AblationMap) -> str:
    """Return what the stored runs have in common: data set, budget and other settings."""
    row = found.cells[0].error.rows[0]
    return (
        f"{row.dataset}, {row.epochs} epochs over {row.train_cases or 0:,} cases, otherwise "
        f"{found.label}"
    )


# --- over K --------------------------------------------------------------------------------------


def over_patches(chosen: Chosen, cloud: PartitionedCloud, num_supernodes: int) -> None:
    """Show the error over K beside the cost, and a button that runs the model at many K."""
    case = scores.what_if(chosen, cloud, num_supernodes)
    if not isinstance(case, str):
        _run_button(chosen, case)
    left, right = st.columns(2, gap="medium")
    with left:
        if isinstance(case, str):
            st.markdown(case)
        else:
            _error_chart(chosen, case)
    with right:
        _cost_chart(chosen, cloud, num_supernodes, case=None if isinstance(case, str) else case)


def _run_button(chosen: Chosen, case: WhatIf) -> None:
    known = {one.num_patches for one in scores.known_errors(chosen, case)}
    missing = [k for k in case.ladder if k not in known]
    started = st.button(
        "Run this model at every K",
        key="patches_ladder",
        icon=":material/play_arrow:",
        disabled=not missing,
    )
    if started:
        progress.follow(RUN, scores.run_ladder(chosen, case))


def _error_chart(chosen: Chosen, case: WhatIf) -> None:
    same = {one.num_patches: one.relative_l2 for one in scores.known_errors(chosen, case)}
    found = scores.trained_map(case.sample.dataset)
    cells = [] if found is None else _cells_at(found, case)
    trained = {cell.num_patches: cell.error.mean for cell in cells}
    q = cells[0].num_supernodes if cells else case.wanted[1]
    chart(
        patch_errors_figure(
            same,
            trained,
            model=f"{chosen.checkpoint.name}, Q = {case.wanted[1]},",
            training=case.trained[0],
            trained_name=f"models trained at K, Q = {q}, other cases",
            chosen=case.wanted[0],
            dark=frame.is_dark(),
        ),
        key="patches_errors",
    )
    words = f"{badge(MEASURED)} this model, which was trained at K = {case.trained[0]:,}."
    if found is not None and trained:
        words += (
            f" {badge(STORED_RUNS)} models trained at each K: means over validation cases, "
            f"{runs_words(found)}. Compare slopes, not values: case and budget differ."
        )
    else:
        words += " Models trained at other K are not stored for this data set yet."
    st.caption(words)


def _cells_at(found: AblationMap, case: WhatIf) -> list[MapCell]:
    """Return the stored runs with the Q in view, or with the nearest one."""
    nearest = nearest_cell(found, num_patches=case.wanted[0], num_supernodes=case.wanted[1])
    known = [cell for cell in found.cells if cell.error.mean == cell.error.mean]
    exact = [cell for cell in known if cell.num_supernodes == case.wanted[1]]
    if exact or nearest is None:
        return exact
    return [cell for cell in known if cell.num_supernodes == nearest.num_supernodes]


def _cost_chart(
    chosen: Chosen, cloud: PartitionedCloud, num_supernodes: int, *, case: WhatIf | None
) -> None:
    count = len(chosen.points) if case is None else len(case.sample.points)
    patches, supernodes = (cloud.num_patches, num_supernodes) if case is None else case.wanted
    places = sorted({*scores.LADDER, 512, 1024, patches})
    flops = {
        k: forward_flops(chosen.config(k, supernodes), count)
        for k in places
        if k * supernodes <= count
    }
    chart(
        patch_cost_figure(
            flops,
            training=None if case is None else case.trained[0],
            chosen=patches,
            dark=frame.is_dark(),
        ),
        key="patches_cost",
    )
    st.caption(f"{badge(COUNTED)} Q = {supernodes}, N = {count:,}, all blocks of the model.")
