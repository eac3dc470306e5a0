"""What the page that compares shapes shows: the linked panels, the table, downloads."""

from typing import Any

import pandas as pd
import streamlit as st

from mspt.data.sets.car.clouds import LAYOUT
from mspt.figures.scenes.designs import MOST_TRIANGLES, ColoredBody, designs_scene
from mspt.figures.viewer.scene import Scene
from mspt.geometry.mesh import SurfaceMesh
from mspt.inference.calibration import calibrated
from mspt.inference.physical import in_units
from mspt.inference.side_by_side import design_rows
from pages._compare import data
from pages._compare.data import Chosen, Entry
from pages._shared import charts, frame, notes, viewer
from pages._shared.cache import load
from pages._shared.numbers import MEASURED, STORED, badge, device_name, minus, significant
from pages._shared.predicted import finished

BESIDE, DIVIDER, DIFFERENCE = "Side by side", "Divider", "Difference"
FIELDS = {"Pressure": "C_p", "Friction": "C_f"}
VERDICTS = {"good": "good", "fair": "fair: use with care", "poor": "poor: do not rely on it"}


@frame.fragment
def view(chosen: Chosen) -> None:
    """Show the shapes in linked panels with one camera and one range of colors."""
    is_solved = any(one.truth is not None for one in chosen.entries)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        kind = st.segmented_control(
            "View",
            (BESIDE, DIVIDER, DIFFERENCE),
            default=BESIDE,
            key="view",
            bind="query-params",
            required=True,
            help="*Divider*: the first two shapes in one place, with a line to drag. *Difference*: "
            "to the first shape, at the nearest points.",
        )
        words = st.segmented_control(
            "Field",
            tuple(FIELDS),
            default="Pressure",
            key="surface",
            bind="query-params",
            required=True,
        )
        with_solver = is_solved and st.toggle(
            "Solver beside the model", key="solver", bind="query-params"
        )
    scene = _scene(chosen, kind, FIELDS[words], with_solver=with_solver)
    viewer.show(
        scene,
        key="compare_view",
        label=f"{words} on {', '.join(one.name for one in chosen.entries)}",
    )
    if with_solver and kind == DIVIDER:
        st.caption("The divider is between model (left) and solver (right) of the first shape.")


def _scene(chosen: Chosen, kind: str, field: str, *, with_solver: bool) -> Scene:
    """Return the panels of a view; each belongs to one shape."""
    bodies: list[tuple[Entry, str, Any, bool]] = []
    for entry in chosen.entries:
        differs = kind == DIFFERENCE and entry is not chosen.entries[0]
        values = (
            data.difference_to(chosen.entries[0], entry, field)
            if differs
            else data.field_of(finished(entry.key), field)
        )
        title = f"{entry.name} − {chosen.entries[0].name}" if differs else entry.name
        bodies.append((entry, title, values, differs))
        if with_solver and (solved := data.solved_field(entry, field)) is not None:
            bodies.append((entry, f"{entry.name}, solver", solved, False))
    if with_solver and kind == DIVIDER:  # the shape that has been solved comes first
        solved = next(place for place, body in enumerate(bodies) if body[1].endswith(", solver"))
        bodies = [*bodies[solved - 1 : solved + 1], *bodies[: solved - 1], *bodies[solved + 1 :]]
    plain = next(one for one in LAYOUT.fields if one.name == field)
    quantity, most = plain, MOST_TRIANGLES // len(bodies)
    colored = []
    for entry, title, values, differs in bodies:
        mesh, shown = _thinned(finished(entry.key).prediction.fine_mesh, values, most)
        quantity, shown = in_units(plain, shown, chosen.conditions)
        colored.append(ColoredBody(title=title, mesh=mesh, values=shown, is_difference=differs))
    return designs_scene(colored, quantity=quantity, divided=kind == DIVIDER)


def _thinned(mesh: SurfaceMesh, values: Any, most: int) -> tuple[SurfaceMesh, Any]:
    if len(mesh.triangles) <= most:
        return mesh, values
    from mspt.figures.vtk.stage import thin_mesh  # VTK takes two seconds: few bodies need it

    return thin_mesh(mesh, values, most=most)


# --- the table -----------------------------------------------------------------------------------


def compared(chosen: Chosen) -> list[dict[str, Any]]:
    """Return the rows of the table; say above all else which shape has the least drag."""
    known = calibrated(load(chosen.checkpoint.key))
    rows = design_rows(
        chosen.designs,
        metrics=chosen.checkpoint.metrics,
        pairs=None if known is None else known.calibration.pairs,
        conditions=chosen.conditions,
    )
    st.markdown(_sentence(rows, first=chosen.entries[0].name))
    if poor := [row["name"] for row in rows if row["trust"] == "poor"]:
        notes.warning(
            "Do not rely on the numbers of **{}**: a check is poor. *Upload a shape* says which.",
            ", ".join(poor),
        )
    return rows


def table(chosen: Chosen, rows: list[dict[str, Any]]) -> None:
    """Show coefficients or forces, and their differences to the first shape."""
    shown = [_forces(row) if chosen.conditions else _coefficients(row) for row in rows]
    st.table(pd.DataFrame(shown).set_index("Shape"), border="horizontal", width="stretch")
    device = device_name(finished(chosen.entries[0].key).prediction.device)
    expected = chosen.designs[0].result.trust.expected
    cases = chosen.checkpoint.metrics.get("cases", 0)
    if expected is None:
        error = f"mean relative error of C_D over {cases} test bodies; of a difference, of two such"
    else:
        error = (
            f"for {expected.coverage:.0%} of such shapes; of a difference, for pairs of one kind"
        )
    st.caption(
        f"{badge(MEASURED)} predicted by {chosen.checkpoint.name} on {device} · "
        f"± {badge(STORED)} {error}."
    )
    if chosen.conditions is not None:
        st.caption(
            f"At {chosen.conditions.describe(with_length=False)}; each body has the length "
            "of its file."
        )
    for entry in chosen.entries:
        for line in finished(entry.key).warnings():
            notes.warning("**{}**: {}", entry.name, notes.sentence(line))
    _downloads(chosen, rows)


def _sentence(rows: list[dict[str, Any]], *, first: str) -> str:
    """Return which shape has the least drag, and whether the model can tell."""
    best = min(rows, key=lambda row: row["C_D"])
    name, start = notes.plain(best["name"]), notes.plain(first)
    if best is rows[0]:
        others = [row for row in rows[1:] if row["is_clear"]]
        told = (
            "clearly less than all others"
            if len(others) == len(rows) - 1
            else ("but not clearly less than all others")
        )
        return f"**{name}** has the least C_D, {told}."
    less = -best["C_D_difference"]
    clear = "clear" if best["is_clear"] else "not clear: within the error of the model"
    return (
        f"**{name}** has the least C_D: {less:.3f} ± {best['C_D_difference_uncertainty']:.3f} "
        f"less than {start} ({clear})."
    )


def _coefficients(row: dict[str, Any]) -> dict[str, str]:
    shown = {
        "Shape": notes.plain(row["name"]),
        "C_D": f"{row['C_D']:.3f} ± {row['C_D_uncertainty']:.3f}",
        "C_D − first": "–",
        "Clear?": "–",
        "C_L": minus(f"{row['C_L']:+.3f}"),
        "Frontal area, lengths²": f"{row['frontal_area']:.4f}",
        "Solver's C_D": f"{row['C_D_solver']:.3f}" if "C_D_solver" in row else "–",
        "Trust": VERDICTS[row["trust"]],
    }
    if "C_D_difference" in row:
        spread = row["C_D_difference_uncertainty"]
        shown["C_D − first"] = minus(f"{row['C_D_difference']:+.3f} ± {spread:.3f}")
        shown["Clear?"] = "yes" if row["is_clear"] else "no"
    return shown


def _forces(row: dict[str, Any]) -> dict[str, str]:
    shown = {
        "Shape": notes.plain(row["name"]),
        "Drag, N": f"{significant(row['drag_N'])} ± {significant(row['drag_N_uncertainty'])}",
        "Drag − first, N": "–",
        "C_D": f"{row['C_D']:.3f}",
        "C_D clearly differs?": "–",
        "Lift, N": minus(significant(row["lift_N"])),
        "Power, kW": significant(row["power_kW"]),
        "Frontal area, m²": f"{row['frontal_area_m2']:.3g}",
        "Solver's C_D": f"{row['C_D_solver']:.3f}" if "C_D_solver" in row else "–",
        "Trust": VERDICTS[row["trust"]],
    }
    if "C_D_difference" in row:
        shown["Drag − first, N"] = minus(significant(row["drag_N_difference"]))
        shown["C_D clearly differs?"] = "yes" if row["is_clear"] else "no"
    return shown


def _downloads(chosen: Chosen, rows: list[dict[str, Any]]) -> None:
    """Offer the table, and the shapes that the command needs as files."""
    with st.container(horizontal=True):
        charts.csv_button("Table (CSV)", pd.DataFrame(rows), name="comparison", key="compare_table")
        own = data.own_shapes()
        for entry in chosen.entries:
            if entry.name not in own:
                st.download_button(
                    f"{notes.plain(entry.name)} (STL)",
                    entry.shape.file,
                    key=f"compare_{entry.name}",
                    file_name=entry.shape.file_name,
                    mime="model/stl",
                    on_click="ignore",
                    icon=":material/download:",
                )
