"""Every control of every page in turn: after each step all numbers in view are of one state.

The numbers are computed again by the library from what the controls say, and compared with those
on the page.
"""

import csv
import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from mspt.benchmarks.fits import fit_rows
from mspt.benchmarks.rows import AXIS_MODELS, read_rows
from mspt.checkpoint import load_checkpoint, read_info
from mspt.data.case import Case
from mspt.data.registry import get_dataset
from mspt.data.sets.car.store import load_flow
from mspt.data.solve import solve_drawing
from mspt.data.store import load_case
from mspt.evaluation.comparison import compare, field_errors, primary_error, views_of, worst_patches
from mspt.evaluation.flows import body_of
from mspt.evaluation.resolution import at_factor
from mspt.inference.drawings import drawing_file, preset_drawing
from mspt.inference.flow import predict_stored
from mspt.inference.predict import predict_case
from mspt.inference.sample import Sample, predict_sample, sample_of_case, sample_of_flow
from mspt.inference.sampling import cloud_size
from mspt.inspection.observation import Observed, attend_from, observe, peak_point
from mspt.partition.alternatives import PARTITION_METHODS, divide_points
from mspt.partition.patches import compactness, measure_patches
from pages._shared import inside, vtk
from tests.pages.reading import charts, finish, metrics
from tests.pages.tiny import NOT_STORED, ROOT

Open = Callable[..., AppTest]

FACTORS = {"N/4": 0.25, "N/2": 0.5, "N": 1.0, "2N": 2.0}
MOST_STEPS = 90
ONCE = ("worst", "versus")
"""Controls that are set on one data set only: they predict many cases, or take two predictions."""


# --- walking -------------------------------------------------------------------------------------


def controls(app: AppTest) -> Iterator[tuple[str, object]]:
    """Yield the controls on the page that a visitor can set, with their kinds."""
    for kind in ("button_group", "toggle", "number_input", "select_slider", "slider", "selectbox"):
        for widget in getattr(app, kind):
            if not widget.disabled:
                yield kind, widget


def choices(kind: str, widget: object) -> list[object]:
    """Return what to set a control to: all of a few options, or two of many."""
    if kind == "toggle":
        return [True, False]
    if kind == "number_input" or widget.key == "dataset":
        # Solvers of the other data sets that can be drawn take seconds: see test_draw_flows.py.
        some = {"K": [5, 40], "Q": [2], "point": [7], "seed": [11], "patch": [1]}
        return {**some, "dataset": ["elasticity", "darcy"]}[widget.key]
    if kind == "slider":
        return [widget.min, widget.max]
    if widget.key in ("models", "curves"):  # several at a time
        return [[widget.options[0]], list(widget.options)]
    options = list(widget.options)
    if widget.key in ("car_case", "elasticity_case", "darcy_case"):
        return [[name for name in options if name not in NOT_STORED][1]]
    return options if len(options) <= 3 else [options[1], options[-1]]


def set_to(app: AppTest, kind: str, key: str, value: object) -> AppTest:
    widget = getattr(app, kind)(key=key)
    return widget.set_value(value).run()


def walk(
    app: AppTest,
    check: Callable[[AppTest], None],
    *,
    last: tuple[str, ...] = (),
    skip: tuple[str, ...] = (),
) -> set[str]:
    """Set each control to its values one after the other, and check the page after each step.

    Args:
        app: The page.
        check: Fails if a number in view is of another state.
        last: Controls that bring others with them: all of those are set first, and with each value
            of the very last one again.
        skip: Controls that are left alone.

    Returns:
        The controls that were set.
    """
    done, walked = set(), set()
    check(app)
    for _ in range(MOST_STEPS):
        place = str(value_of(app, last[-1])) if last else ""
        order = {key: index for index, key in enumerate(last, start=1)}
        moves = [
            (order.get(widget.key, 0), kind, widget.key, value)
            for kind, widget in controls(app)
            if widget.key not in ("device", *skip)
            for value in choices(kind, widget)
            if value != widget.value and _step(place, widget.key, value, last) not in done
        ]
        if not moves:
            break
        _, kind, key, value = min(moves, key=lambda move: move[0])
        done.add(_step(place, key, value, last))
        walked.add(key)
        app = set_to(app, kind, key, value)
        assert not app.exception, (key, value, app.exception)
        try:
            check(app)
        except AssertionError as error:
            raise AssertionError(f"after {key} = {value}: {error}; before: {walked}") from error
    else:
        pytest.fail(f"walked {MOST_STEPS} steps without an end")
    return walked


def _step(place: str, key: str, value: object, last: tuple[str, ...]) -> tuple[str, str, str]:
    """Return what a step is: the same value elsewhere is another, but for costly controls."""
    return ("" if key in (*last, *ONCE) else place, key, str(value))


def words(app: AppTest) -> list[str]:
    return [one.value for one in (*app.markdown, *app.caption)]


def value_of(app: AppTest, key: str, default: object = None) -> object:
    found = [widget.value for _, widget in controls(app) if widget.key == key]
    return found[0] if found else default


def counts(app: AppTest, pattern: str) -> set[int]:
    """Return all numbers in view that a pattern finds."""
    found = re.findall(pattern, " ".join(words(app)))
    return {int(number.replace(",", "")) for number in found}


@pytest.fixture(autouse=True)
def no_vtk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Views of VTK, and of the flow from inside, take seconds; their numbers are around them."""
    monkeypatch.setattr(vtk, "show", lambda *_, **__: None)
    monkeypatch.setattr(inside, "show", lambda *_, **__: None)


@pytest.fixture
def reference(project: Path) -> "Reference":
    return Reference(project)


class Reference:
    """Predictions by the library, past the caches of the app."""

    def __init__(self, project: Path) -> None:
        self.folder = project / "pretrained"
        self.checkpoint = cache(lambda name: load_checkpoint(self.folder / f"{name}.safetensors"))
        self.sample = cache(self._sample)
        self.predicted = cache(self._predicted)
        self.observed = cache(self._observed)
        self.solved = cache(self._solved)

    def _sample(self, checkpoint: str, name: str, factor: float) -> Sample:
        source = name.split("-")[0]
        if source != "car":
            return at_factor(sample_of_case(load_case(source, name)), factor)
        flow = load_flow(name)
        if factor == 0:
            return sample_of_flow(name, flow, size=None)
        trained = sample_of_flow(name, flow, size=cloud_size(self.checkpoint(checkpoint)))
        return at_factor(trained, factor, flow=flow)

    def _predicted(self, checkpoint: str, first: str, name: str, factor: float) -> object:
        sample = self.sample(first, name, factor)
        return predict_sample(self.checkpoint(checkpoint), sample, device="cpu")

    def _observed(self, checkpoint: str, name: str) -> Observed:
        sample = sample_of_case(load_case(name.split("-")[0], name))
        return observe(self.checkpoint(checkpoint), sample, device="cpu")

    def _solved(self, dataset: str, start: str, seed: int) -> Case:
        found = get_dataset(dataset)
        content = preset_drawing(found, start, seed=seed)
        return solve_drawing(json.loads(drawing_file(found, content))).case


def percent(share: float) -> str:
    return f"{share:.2%}"


# --- Explore -------------------------------------------------------------------------------------


def check_explore(app: AppTest, reference: Reference) -> None:
    source, view = value_of(app, "source"), value_of(app, "view")
    first, second = value_of(app, "checkpoint"), value_of(app, "versus")
    name, factor = value_of(app, f"{source}_case"), FACTORS[value_of(app, "resolution", "N")]
    sample = reference.sample(first, name, factor)
    models = [first] if second == "nothing" else [first, second]
    predicted = {model: reference.predicted(model, first, name, factor) for model in models}
    assert counts(app, r"N = ([\d,]+) points") == {len(sample.points)}
    _check_texts(app, name, first)
    if len(models) == 1:
        _check_cards(app, sample, predicted[first], view=view)
        info = read_info(reference.folder / f"{first}.safetensors").info
        mean = next(v for k, v in metrics(app).items() if k.startswith("Average over"))
        assert mean == percent(info["metrics"]["relative_l2"])
    else:
        _check_both(app, sample, predicted)
    if view == "Fields":
        _check_panels(app, sample, predicted, field=value_of(app, f"{source}_field"))
    score = _known_score(reference, first, name)
    if score and source == "car" and len(models) == 1:
        counted = f"{1e4 * (score['C_D'] - score['C_D_true']):+,.0f} counts".replace("-", "−")
        assert metrics(app)["Error of C_D"] == counted
        (table,) = [one.value for one in app.table if "This body" in one.value]
        assert table.loc["C_p", "This body"] == percent(score["surface_pressure"])


def _known_score(reference: Reference, checkpoint: str, name: str) -> dict:
    info = read_info(reference.folder / f"{checkpoint}.safetensors").info
    return next((one for one in info.get("scores", []) if one["name"] == name), {})


def _check_texts(app: AppTest, name: str, checkpoint: str) -> None:
    """Check that no text names another case, and that the commands and the footer name this one."""
    shown = " ".join(words(app))
    source = name.split("-")[0]
    assert set(re.findall(rf"{source}-\d{{4}}", shown)) == {name}
    assert f"Last run: {checkpoint} on {name} " in shown
    command = app.code[0].value
    assert f"/{checkpoint}.safetensors" in command
    assert set(re.findall(rf" {source}-\d{{4}}", command)) <= {f" {name}"}


def _check_cards(app: AppTest, sample: Sample, predicted: object, *, view: str) -> None:
    errors = [value for label, value in metrics(app).items() if label.startswith("Error of")]
    if view in ("VTK view", "Inside the flow") and sample.num_surface:
        return  # of all stored points, which the test below predicts
    assert errors[0] == percent(primary_error(sample, predicted))


def _check_both(app: AppTest, sample: Sample, predicted: dict[str, object]) -> None:
    table = next(one.value for one in app.table if any("A: " in str(c) for c in one.value))
    for letter, (model, fields) in zip("AB", predicted.items(), strict=True):
        for field, error in field_errors(sample, fields).items():
            assert table.loc[f"Error of {field}", f"{letter}: {model}"] == percent(error)
    assert not any(label.startswith("Error of") for label in metrics(app))


def _check_panels(
    app: AppTest, sample: Sample, predicted: dict[str, object], *, field: str
) -> None:
    view = views_of(sample)[field]
    found = {
        model: compare(sample, fields, view, part=value_of(app, "part", "size"))
        for model, fields in predicted.items()
    }
    (caption,) = [text for text in words(app) if f" Relative L2 of {field}: " in text]
    for model, one in found.items():
        assert f"{percent(one.relative_l2)} ({model})" in caption
    assert f"at {len(view_rows := next(iter(found.values())).rows):,} of N = " in caption
    (values,) = [one.value for one in app.table if any("Rank of" in row for row in one.value.index)]
    texts = dict(zip(values.index, values.iloc[:, 0], strict=True))
    rank = next(text for row, text in texts.items() if row.startswith("Rank of"))
    assert rank == f"1 of {len(view_rows):,}, largest first"
    one = next(iter(found.values()))
    row = int(one.squared.argmax())
    truth = next(text for label, text in texts.items() if label.startswith("Truth of"))
    assert float(truth.split()[0].replace("−", "-")) == pytest.approx(one.truth[row], rel=1e-3)
    assert "**The point with the largest error**" in " ".join(words(app))


def test_numbers_of_explore_follow_every_control(open_page: Open, reference: Reference) -> None:
    app = open_page("explore", source="elasticity", checkpoint="elasticity-sequence")
    walked = walk(app, lambda app: check_explore(app, reference), last=("view", "source"))
    assert {"source", "view", "checkpoint", "versus", "resolution", "error", "worst"} <= walked
    assert {"part", "mark_worst", "fly", "car_case", "elasticity_case", "car_field"} <= walked


def test_error_above_the_vtk_view_is_of_the_points_it_shows(
    open_page: Open, reference: Reference
) -> None:
    app = open_page("explore", source="car", view="VTK view")
    name = app.selectbox(key="car_case").value
    whole = reference.sample("car", name, 0)
    shown = float(metrics(app)["Error of C_p"].removesuffix("%"))
    fields = whole_fields(reference, name)
    assert shown == pytest.approx(100 * primary_error(whole, fields), abs=0.006)
    assert any(f"all {len(whole.points):,} stored points" in text for text in words(app))


def whole_fields(reference: Reference, name: str) -> object:
    return predict_stored(reference.checkpoint("car"), body_of(load_flow(name)), device="cpu")


def test_shares_of_patches_are_those_of_the_shown_points(
    open_page: Open, reference: Reference
) -> None:
    app = open_page("explore", source="elasticity", elasticity_case="elasticity-1103")
    app.select_slider(key="resolution").set_value("N/4").run()
    sample = reference.sample("elasticity", "elasticity-1103", 0.25)
    checkpoint = reference.checkpoint("elasticity")
    found = predict_case(checkpoint, sample.points, sample.features)
    compared = compare(sample, found.fields, next(iter(views_of(sample).values())))
    expected = worst_patches(found.partition.patch_of_point.numpy(), compared)
    np.testing.assert_allclose(app.dataframe[0].value["share"], expected["share"], rtol=1e-4)
    assert app.dataframe[0].value["points"].sum() == len(sample.points)


def test_worst_first_goes_to_the_worst_and_then_lets_go(open_page: Open) -> None:
    app = open_page("explore", source="elasticity", checkpoint="elasticity-sequence")
    assert app.selectbox(key="elasticity_case").value == "elasticity-1100"
    app.toggle(key="worst").set_value(True).run()
    assert app.selectbox(key="elasticity_case").value == "elasticity-1299"  # of the made-up errors
    assert any(text.startswith("**199 of 200** test cases have") for text in words(app))
    app.button(key="case_next").click().run()
    assert app.selectbox(key="elasticity_case").value == "elasticity-1298"
    app.run()
    assert app.selectbox(key="elasticity_case").value == "elasticity-1298"


def test_address_with_a_case_keeps_it_among_those_sorted(open_page: Open) -> None:
    state = {"source": "elasticity", "checkpoint": "elasticity-sequence", "worst": "true"}
    app = open_page("explore", **state, elasticity_case="elasticity-1105")
    assert app.selectbox(key="elasticity_case").value == "elasticity-1105"
    assert open_page("explore", **state).selectbox(key="elasticity_case").value == "elasticity-1299"


def test_picked_point_of_another_number_of_points_is_not_called_picked(open_page: Open) -> None:
    app = open_page("explore", source="elasticity")
    app.session_state["explore_pick"] = ("elasticity-1100", 500)
    assert any("**The picked point**" in text for text in words(app.run()))
    app.select_slider(key="resolution").set_value("N/4").run()
    assert not any("**The picked point**" in text for text in words(app))
    assert any("**The point with the largest error**" in text for text in words(app))


def test_two_models_are_compared_over_all_test_cases(open_page: Open, reference: Reference) -> None:
    st.cache_resource.clear()  # other tests may have evaluated the model
    app = open_page(
        "explore", source="elasticity", checkpoint="elasticity-sequence", versus="elasticity"
    )
    assert not any("A is better" in text for text in words(app))  # errors of B are not known yet
    app = finish(app.button(key="score_elasticity").click().run())
    (text,) = [text for text in words(app) if "A is better" in text]
    assert "of 200" in text
    stored = {case: _known_score(reference, "elasticity-sequence", case) for case in CASES}
    other = {
        case: primary_error(
            reference.sample("elasticity", case, 1.0),
            reference.predicted("elasticity", "elasticity", case, 1.0),
        )
        for case in CASES
    }
    better = [other[case] < stored[case]["relative_l2"] for case in CASES]
    figure = next(chart for chart in charts(app) if "B:" in str(chart["layout"].get("yaxis")))
    names = [row[0] for row in figure["data"][1]["customdata"]]
    for case, is_better in zip(CASES, better, strict=True):
        row = names.index(case)
        a, b = (figure["data"][1][axis][row] for axis in "xy")
        assert (b < a) == is_better
        assert (a, b) == pytest.approx((stored[case]["relative_l2"], other[case]), rel=1e-4)


CASES = ("elasticity-1100", "elasticity-1203", "elasticity-1299")


# --- Patches -------------------------------------------------------------------------------------


def check_patches(app: AppTest, reference: Reference) -> None:
    source, name = value_of(app, "source"), value_of(app, f"{value_of(app, 'source')}_case")
    sample = sample_of_case(load_case(source, name))
    model = reference.checkpoint(value_of(app, "checkpoint")).config
    patched = model.architecture != "transolver"
    num_patches = app.select_slider(key="K_slider").value
    typed = value_of(app, "K")
    assert num_patches == (typed or (model.num_patches if patched else num_patches))
    assert counts(app, r"N = ([\d,]+) points") == {len(sample.points)}
    method = {one.replace("_", " "): one for one in PARTITION_METHODS}[value_of(app, "cut")]
    found = divide_points(sample.points, num_patches, method=method)
    shapes = measure_patches(sample.points, found)
    wanted = value_of(app, "Q") or (model.num_supernodes if patched else 1)
    per_patch = min(wanted, len(sample.points) // num_patches)
    shown = metrics(app)
    keys = next(value for label, value in shown.items() if label.startswith("Keys"))
    assert keys == f"{shapes.size.max()} + {num_patches * per_patch:,}"
    spread = next(value for label, value in shown.items() if label.startswith("Dispersion"))
    assert float(spread) == pytest.approx(compactness(shapes).median, rel=6e-3)
    point = value_of(app, "point")
    if point is not None:
        patch = int(found.patch_of_point[point])
        (text,) = [text for text in words(app) if text.startswith("**Patch ")]
        assert text.startswith(f"**Patch {patch}** of {num_patches:,}, around point {point:,}")


def test_numbers_of_patches_follow_every_control(open_page: Open, reference: Reference) -> None:
    app = open_page("patches", source="elasticity", elasticity_case="elasticity-1103")
    skip = ("source", "K_slider")
    walked = walk(app, lambda app: check_patches(app, reference), skip=skip)
    assert {"elasticity_case", "checkpoint", "K", "Q", "cut", "beside", "point"} <= walked
    app = set_to(app, "select_slider", "K_slider", 12)
    check_patches(app, reference)
    assert value_of(app, "K") == 12


# --- Attention -----------------------------------------------------------------------------------


def check_attention(app: AppTest, reference: Reference) -> None:
    if value_of(app, "checkpoint") == "elasticity-transolver":
        assert not app.metric
        return
    observed = reference.observed(value_of(app, "checkpoint"), value_of(app, "elasticity_case"))
    block, head = int(value_of(app, "block")) - 1, value_of(app, "head")
    typed = app.text_input(key="points").value
    points = tuple(map(int, typed.split(","))) if typed else (peak_point(observed),)
    head = None if head == "mean" else int(head) - 1
    found = attend_from(observed, points, block=block, head=head).summary
    texts = " ".join(words(app))
    assert f"numbers of point {points[0]} in block {block + 1}" in texts
    if value_of(app, "picture") != "Masking":
        shares = [f"{share:.1%}" for share in (found.global_share, found.local_share)]
        assert list(metrics(app).values())[:2] == shares


def test_numbers_of_attention_follow_every_control(open_page: Open, reference: Reference) -> None:
    app = open_page("attention", source="elasticity", elasticity_case="elasticity-1103")
    skip = ("source",)
    walked = walk(
        app, lambda app: check_attention(app, reference), last=("picture", "checkpoint"), skip=skip
    )
    assert {"elasticity_case", "checkpoint", "picture", "head", "masked", "where"} <= walked
    app = open_page("attention", source="elasticity", elasticity_case="elasticity-1103")
    app.text_input(key="points").set_value("7").run()
    check_attention(app, reference)


# --- Scaling -------------------------------------------------------------------------------------


def check_scaling(app: AppTest) -> None:
    axis = {"Points N": "points", "Patches K": "patches", "Supernodes Q": "supernodes"}[
        value_of(app, "axis")
    ]
    quantity = {"Time": "seconds", "Peak memory": "peak_bytes"}[value_of(app, "quantity")]
    rows = [row for row in read_rows(ROOT / "assets/benchmarks/scaling.csv") if row.axis == axis]
    measured = [row for row in rows if not row.stopped]
    if "Stored" not in value_of(app, "curves"):
        assert not app.metric
        return
    numbers = [float(found[0]) for found in map(_number, metrics(app).values()) if found]
    expected = []
    for model in AXIS_MODELS[axis]:
        own = sorted((r for r in measured if r.architecture == model), key=lambda r: r.value)
        cost = {row.value: getattr(row, quantity) for row in own}
        if axis == "points":
            fitted = fit_rows(rows, model, quantity=quantity)
            expected += [] if fitted is None else [round(fitted.slope, 2)]
        elif axis == "patches" and own:
            expected.append(min(cost, key=cost.__getitem__))
        elif own:
            expected.append(round(cost[own[-1].value] / cost[own[0].value], 2))
    shown = len(value_of(app, "models"))
    assert numbers == pytest.approx(expected if shown > 1 else expected[: len(numbers)], abs=0.006)


def _number(text: str) -> list[str]:
    return re.findall(r"\d+(?:\.\d+)?", text.replace(",", ""))


def test_numbers_of_scaling_follow_every_control(open_page: Open) -> None:
    app = open_page("scaling")
    # How far to measure changes no number in view; other views have tests of their own.
    skip = (*(f"up_to_{axis}" for axis in AXIS_MODELS), "view")
    walked = walk(app, check_scaling, last=("axis",), skip=skip)
    assert {"axis", "quantity", "models", "curves"} <= walked


# --- Benchmarks ----------------------------------------------------------------------------------


def check_benchmarks(app: AppTest, reference: Reference) -> None:
    """Recompute what is in view from the headers and from the lines of the file of runs."""
    view, name = value_of(app, "view"), value_of(app, "set")
    if view == "Accuracy":
        infos = [read_info(path).info for path in reference.folder.glob("*.safetensors")]
        errors = [one["metrics"]["relative_l2"] for one in infos if one["dataset"] == name]
        assert metrics(app).get("Least test error") == (percent(min(errors)) if errors else None)
    elif view == "Known mistakes":
        assert not app.metric
        assert not charts(app)
    else:
        _check_runs(app, name)


def _check_runs(app: AppTest, name: str) -> None:
    with (ROOT / "assets/ablations/runs.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["dataset"] == name]
    if not rows:
        assert any("There are no runs" in text for text in words(app))
        return
    shown = value_of(app, f"{name}_shown")
    column = {"training error": "train_error"}.get(shown, shown.replace(" ", "_"))
    groups: dict[tuple[str, ...], list[float]] = {}
    for row in rows:
        if row.get(column):
            key = tuple(row[one] for one in ("preset", "set", "epochs", "train_cases"))
            groups.setdefault(key, []).append(float(row[column]))
    means = [np.mean(values) for values in groups.values()]
    drawn = [trace for trace in charts(app)[0]["data"] if trace["mode"] == "lines+markers"]
    for value in (value for trace in drawn for value in trace["y"]):
        assert np.isclose(value, means).any()


def test_numbers_of_benchmarks_follow_every_control(open_page: Open, reference: Reference) -> None:
    app = open_page("benchmarks")
    walked = walk(app, lambda app: check_benchmarks(app, reference), last=("set", "view"))
    assert {"view", "set", "against", "elasticity_shown", "elasticity_varies"} <= walked


# --- Draw ----------------------------------------------------------------------------------------


def check_draw(app: AppTest, reference: Reference) -> None:
    dataset, start = value_of(app, "dataset"), value_of(app, f"{value_of(app, 'dataset')}_start")
    solved = reference.solved(dataset, start, value_of(app, "seed", 7))
    assert f"/{value_of(app, 'checkpoint')}.safetensors" in app.code[-1].value
    if not metrics(app):  # another drawing than the one that was solved last
        assert not value_of(app, "draw_live")
        return
    checkpoint = reference.checkpoint(value_of(app, "checkpoint"))
    found = predict_case(checkpoint, solved.points, solved.features, device="cpu")
    error = percent(primary_error(sample_of_case(solved), found.fields))
    assert next(iter(metrics(app).values())) == error
    assert counts(app, r"N = ([\d,]+) points") == {len(solved.points)}


def test_numbers_of_draw_follow_every_control(open_page: Open, reference: Reference) -> None:
    app = open_page("draw")
    walked = walk(app, lambda app: check_draw(app, reference), last=("dataset",))
    assert {"dataset", "checkpoint", "elasticity_start", "darcy_start", "seed"} <= walked


# --- the frame -----------------------------------------------------------------------------------


def test_no_page_shows_the_run_of_another(open_page: Open) -> None:
    app = open_page("explore", source="elasticity")
    assert any(text.startswith("Last run") for text in words(app))
    for page in ("home", "scaling", "patches"):
        app.switch_page(f"pages/{page}.py").run()
        assert not any(text.startswith("Last run") for text in words(app))
