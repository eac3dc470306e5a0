"""What the page shows of the car: its drag now and at rest, its picture, the nearest cars."""

from typing import Any

import pandas as pd
import streamlit as st

from mspt.data.sets.car.clouds import LAYOUT
from mspt.data.sets.car.known_cars import NearCar
from mspt.figures.scenes.designs import designs_scene
from mspt.geometry.bodies.tailored import built_sizes, slope_of
from mspt.inference.quick import QuickDrag
from mspt.inference.shapes import ShapeResult
from mspt.metrics.conditions import force_in_newtons, power_in_kilowatts
from mspt.metrics.forces import Coefficients, drag_counts
from pages._roof import data
from pages._roof.data import Chosen
from pages._shared import charts, notes, units, viewer
from pages._shared.numbers import (
    MEASURED,
    Card,
    device_name,
    duration,
    minus,
    number_row,
    significant,
)
from pages._shared.progress import follow

IN_PICTURE = 2
"""Nearest cars that are drawn; the table has more."""
HEIGHT = 340
"""Of the pictures in pixels: in one row, so that the table below is in view."""
MOST_TRIED = 12
"""Cars that are remembered, so that they can be compared."""


def live(chosen: Chosen, place: Any) -> QuickDrag:
    """Show the drag from one cloud of points."""
    quick = chosen.quick
    card = Card(
        label="C_D, drag",
        value=f"{quick.coefficients.C_D:.3f}",
        note="from one cloud of points; the interval follows at rest",
    )
    state = f"one pass, {duration(quick.seconds)} on {device_name(chosen.device)}"
    _numbers(chosen, quick.coefficients, card, place, state=state)
    return quick


def at_rest(chosen: Chosen, quick: QuickDrag, numbers: Any, *, place: Any) -> None:
    """Predict the car in full once the sliders rest, and show its drag with an interval."""
    result = chosen.result
    if result is None:
        with place:
            if not follow("Predicting in full", data.predict(chosen), work=chosen.key):
                return
        result = chosen.result
    if result is None:
        return
    _numbers(
        chosen,
        result.prediction.coefficients,
        _full_card(result, quick),
        numbers,
        state=f"mean of two passes over four clouds, {duration(result.prediction.seconds)} on "
        f"{device_name(result.prediction.device)}",
    )
    expected = result.trust.expected
    if expected is not None and expected.is_outside:
        named = "; ".join(one.words for one in expected.unusual) or "models disagree about it"
        with place:
            notes.warning("This car is outside what the model knows: {}.", named)


def _full_card(result: ShapeResult, quick: QuickDrag) -> Card:
    """Return the card of C_D with its interval, and what one cloud has said."""
    prediction, expected = result.prediction, result.trust.expected
    one = f"one cloud: {quick.coefficients.C_D:.3f}"
    if expected is None:
        return Card(
            label="C_D, drag",
            value=f"{prediction.coefficients.C_D:.3f} ± {prediction.drag_spread:.3f}",
            note=one,
            help_text="± is the spread between clouds of points, not the error.",
        )
    share = f"{expected.coverage:.0%}"
    where = "untried on such shapes" if expected.is_outside else f"{share} of such shapes"
    return Card(
        label="C_D, drag",
        value=f"{expected.C_D:.3f} ± {expected.half_width:.3f}",
        note=f"{where}: {expected.C_D_low:.3f} to {expected.C_D_high:.3f}; {one}",
        help_text=f"For {share} of the bodies of a kind that was left out, the solver's C_D lay "
        "within such an interval.",
    )


def _numbers(chosen: Chosen, found: Coefficients, drag: Card, place: Any, *, state: str) -> None:
    conditions, area = units.usual(chosen.design.length), found.reference_area
    force = force_in_newtons(found.C_D, reference_area=area, conditions=conditions)
    power = power_in_kilowatts(found.C_D, reference_area=area, conditions=conditions)
    near = data.nearest(chosen.design)
    cards = [
        drag,
        Card(
            label=f"Drag at {units.words(conditions)}",
            value=f"{significant(force)} N",
            note=f"{significant(power)} kW",
        ),
        Card(
            label="Frontal area",
            value=f"{area * chosen.design.length**2:.2f} m²",
            note=minus(f"C_L = {found.C_L:+.3f}"),
        ),
    ]
    if near:
        cards.append(
            Card(
                label="C_D of the nearest solved car",
                value=f"{data.solved(near[0].name)['C_D']:.3f}",
                note=f"{near[0].name}, {near[0].car.kind}, by the solver",
            )
        )
    words = f"{chosen.design.describe()} · {chosen.checkpoint.name}, {state}"
    with place.container():
        number_row(cards, origin=MEASURED, state=words)


def view(chosen: Chosen, quick: QuickDrag) -> None:  # noqa: ARG001 - drawn once it is there
    """Show the pressure on the car by the model, and on the nearest ones by the solver."""
    near = data.nearest(chosen.design)[:IN_PICTURE]
    bodies = [data.own_body(chosen), *(data.solved_body(one.name) for one in near)]
    viewer.show(
        designs_scene(bodies, quantity=next(one for one in LAYOUT.fields if one.name == "C_p")),
        key="roof_view",
        height=HEIGHT,
        label="C_p on your car by the model and on the nearest solved cars by the solver",
    )


def nearest(chosen: Chosen) -> None:
    """Show the nearest solved cars, what they differ in, and their drag by the solver."""
    st.subheader("Nearest solved cars", anchor=False)
    near = data.nearest(chosen.design)
    if not near:
        st.caption("No solved car of this kind is at hand.")
        return
    rows = [_row(one, chosen.design.length) for one in near]
    st.table(pd.DataFrame(rows).set_index("Case"), border="horizontal", width="stretch")
    st.caption(
        "Cars of the data set with the nearest profile from the side and width, on wheels only if "
        "yours is; sizes at the length of your car. Distance: root mean square along the car. "
        "The model was trained on cases of the split *train*."
    )


def _row(one: NearCar, length: float) -> dict[str, str]:
    info = data.solved(one.name)
    size = {name: f"{100 * length * value:.0f}" for name, value in built_sizes(one.car).items()}
    return {
        "Case": one.name,
        "C_D, solver": f"{info['C_D']:.3f}",
        "C_L, solver": minus(f"{info['C_L']:+.3f}"),
        "Kind": one.car.kind,
        "Distance, cm": f"{100 * length * one.distance:.1f}",
        "Roof height, cm": size["height"],
        "Rear slope, °": f"{slope_of(one.car):.0f}",
        "Ride height, cm": size["clearance"],
        "Width, cm": size["width"],
        "Split": one.split,
    }


def tried(chosen: Chosen, quick: QuickDrag) -> None:
    """Show the cars that the visitor has tried, with their drag from one cloud."""
    known: dict[Any, float] = st.session_state.setdefault("roof_tried", {})
    known.pop((chosen.design, chosen.checkpoint.name), None)
    known[chosen.design, chosen.checkpoint.name] = quick.coefficients.C_D
    while len(known) > MOST_TRIED:
        known.pop(next(iter(known)))
    if len(known) < 2:
        return
    with st.expander(f"The last {len(known)} cars you tried", icon=":material/history:"):
        rows = []
        for (design, model), drag in reversed(known.items()):
            change = drag_counts(drag - quick.coefficients.C_D)
            rows.append(
                {
                    "Car": design.describe(),
                    "C_D, one cloud": f"{drag:.3f}",
                    "Counts against yours": minus(f"{change:+.0f}"),
                    "Model": model,
                }
            )
        table = pd.DataFrame(rows)
        st.table(table.set_index("Car"), border="horizontal", width="stretch")
        charts.csv_button("Tried (CSV)", table, name="tried-cars", key="roof_tried_csv")
