import json
import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from streamlit.elements.lib import policies
from streamlit.testing.v1 import AppTest

from mspt.checkpoint import CheckpointInfo, list_checkpoints, load_checkpoint, read_info
from mspt.data.sets.car.store import list_flows, load_flow, load_repeats
from mspt.data.store import load_case, load_split
from mspt.evaluation.flows import compare_labels, score_flow
from mspt.evaluation.resolution import at_factor, error_at
from mspt.figures.viewer.encode import STEPS, decode_packet, shuffle_order
from mspt.inference.predict import predict_case
from mspt.inference.sample import sample_of_case
from tests.pages.reading import charts, finish, metrics
from tests.pages.tiny import NOISE, NOT_STORED, NUM_SURFACE, NUM_VOLUME, STORED, made_up_scores

Open = Callable[..., AppTest]
SHIPPED = list_checkpoints(Path(__file__).parents[2] / "pretrained")


def reference_error(folder: Path, checkpoint: str, name: str) -> float:
    """Relative L2 by numpy in double precision, past the app's caches and metrics."""
    loaded = load_checkpoint(folder / "pretrained" / f"{checkpoint}.safetensors")
    case = load_case(name.split("-")[0], name)
    predicted = predict_case(loaded, case.points, case.features).fields.numpy().astype(np.float64)
    truth = case.fields.numpy().astype(np.float64)
    return float(np.linalg.norm(predicted - truth) / np.linalg.norm(truth))


@pytest.mark.parametrize("page", ["home", "explore", "draw"])
def test_page_opens_with_a_finished_picture_and_no_click(open_page: Open, page: str) -> None:
    app = open_page(page)
    assert not app.exception
    assert not app.error
    assert charts(app) or app.main.get("bidi_component")


def test_home_lists_every_checkpoint_with_its_stored_error(open_page: Open) -> None:
    table = open_page("home").dataframe[0].value
    assert set(table["Checkpoint"]) == {
        "car",
        "darcy",
        "elasticity",
        "elasticity-sequence",
        "elasticity-transolver",
    }
    assert set(table["Test error"]) == {0.4321}
    assert dict(zip(table["Checkpoint"], table["Partition"], strict=True)) == {
        "car": "ball tree",
        "darcy": "ball tree",
        "elasticity": "ball tree",
        "elasticity-sequence": "sequence",
        "elasticity-transolver": "none",
    }


@pytest.mark.parametrize("name", ["elasticity-1103", "darcy-1102"])
def test_shown_error_equals_an_independent_computation(
    open_page: Open, project: Path, name: str
) -> None:
    dataset = name.split("-")[0]
    app = open_page("explore", source=dataset, **{f"{dataset}_case": name})
    assert app.selectbox(key=f"{dataset}_case").value == name
    expected = reference_error(project, dataset, name)
    assert (
        metrics(app)[f"Error of {'stress' if dataset == 'elasticity' else 'pressure'}"]
        == f"{expected:.2%}"
    )
    assert metrics(app)["Average over 200 test cases"] == "43.21%"


def test_every_number_shows_its_origin_once_a_row(open_page: Open) -> None:
    app = open_page("explore", source="elasticity")
    assert list(metrics(app)) == [
        "Error of stress",
        "Average over 200 test cases",
        "Largest error of stress",
        "Forward pass",
    ]
    assert not any(metric.delta for metric in app.metric)
    device, row = [caption.value for caption in app.caption[1:3]]
    assert device == "on CPU"
    state = "elasticity on elasticity-1100 · N = 972 points · K = 9 patches"
    other = ":blue-badge[stored with the checkpoint] average over 200 test cases"
    assert row == f":green-badge[measured here] {state} · {other}"


def test_picture_holds_the_exact_truth_and_prediction_at_the_points(
    open_page: Open, project: Path
) -> None:
    app = open_page("explore", source="elasticity", elasticity_case="elasticity-1105", view="Flat")
    dots = [trace for trace in charts(app)[0]["data"] if trace.get("mode") == "markers"]
    truth, predicted, error = dots[0]["customdata"].T
    case = load_case("elasticity", "elasticity-1105")
    np.testing.assert_array_equal(truth, case.fields[:, 0].numpy())
    checkpoint = load_checkpoint(project / "pretrained" / "elasticity.safetensors")
    expected = predict_case(checkpoint, case.points, case.features).fields[:, 0].numpy()
    np.testing.assert_allclose(predicted, expected, rtol=1e-5)
    np.testing.assert_allclose(error, predicted - truth, rtol=1e-4, atol=1e-3)


def test_mirrored_case_is_predicted_and_compared_on_demand(open_page: Open, project: Path) -> None:
    app = open_page("explore", source="elasticity", elasticity_case="elasticity-1102", turn="true")
    table = next(one.value for one in app.dataframe if "Prediction changes by" in one.value)
    assert table["The case"].tolist() == ["mirrored left to right"]
    checkpoint = load_checkpoint(project / "pretrained" / "elasticity.safetensors")
    case = load_case("elasticity", "elasticity-1102")
    mirrored = case.points.clone()
    mirrored[:, 0] = 1 - mirrored[:, 0]
    here, there, truth = (
        values.double().numpy()
        for values in (
            predict_case(checkpoint, case.points, case.features).fields,
            predict_case(checkpoint, mirrored, case.features).fields,
            case.fields,
        )
    )
    change = np.linalg.norm(there - here) / np.linalg.norm(here)
    error = np.linalg.norm(there - truth) / np.linalg.norm(truth)
    assert table["Prediction changes by"][0] == pytest.approx(change, rel=1e-4)
    assert table["Error"][0] == pytest.approx(error, rel=1e-4)


def test_another_case_shows_another_truth(open_page: Open) -> None:
    app = open_page("explore", source="elasticity", view="Flat")
    before = charts(app)[0]["data"][0]["z"]
    app.selectbox(key="elasticity_case").set_value("elasticity-1110").run()
    assert not np.array_equal(before, charts(app)[0]["data"][0]["z"], equal_nan=True)


def test_another_checkpoint_shows_another_prediction_of_the_same_truth(open_page: Open) -> None:
    app = open_page("explore", source="elasticity", view="Flat")
    truth, prediction = (charts(app)[0]["data"][trace]["z"] for trace in (0, 3))
    app.selectbox(key="checkpoint").set_value("elasticity-sequence").run()
    after = [charts(app)[0]["data"][trace]["z"] for trace in (0, 3)]
    np.testing.assert_array_equal(truth, after[0])
    assert not np.array_equal(prediction, after[1], equal_nan=True)


def test_another_data_set_brings_its_own_checkpoints_and_cases(open_page: Open) -> None:
    app = open_page(
        "explore",
        source="elasticity",
        elasticity_case="elasticity-1105",
        checkpoint="elasticity-sequence",
        view="Flat",
    )
    app.button_group(key="source").set_value("darcy").run()
    assert not app.exception
    assert app.selectbox(key="checkpoint").value == "darcy"
    assert app.selectbox(key="darcy_case").value == "darcy-1100"
    assert charts(app)[1]["layout"]["coloraxis"]["cmin"] == 3


def test_address_restores_the_state(open_page: Open) -> None:
    app = open_page("explore", source="darcy", darcy_case="darcy-1150", view="Flat", look="Patches")
    assert app.button_group(key="source").value == "darcy"
    assert app.selectbox(key="darcy_case").value == "darcy-1150"
    assert "patch" in charts(app)[1]["data"][0]["hovertemplate"]


def test_address_restores_what_the_panels_show(open_page: Open) -> None:
    app = open_page("explore", car_field="Velocity change", part="z", error="log", resolution="N/2")
    panels, points = panels_of(app)
    assert [panel["name"] for panel in panels[:2]] == ["u − U_inf, z"] * 2
    assert panels[2]["log"]
    assert panels[2]["palette"] == "magnitude"
    assert points == NUM_VOLUME // 2


def test_address_with_unknown_values_falls_back_to_defaults(open_page: Open) -> None:
    app = open_page(
        "explore", source="elasticity", elasticity_case="elasticity-9999", device="TPU", versus="x"
    )
    assert not app.exception
    assert app.selectbox(key="elasticity_case").value == "elasticity-1100"
    assert not open_page("explore", source="no-such", resolution="8N").exception


def test_arrows_go_round_the_list(open_page: Open) -> None:
    app = open_page("explore", source="elasticity")
    app.button(key="case_previous").click().run()
    assert app.selectbox(key="elasticity_case").value == "elasticity-1299"
    app.button(key="case_next").click().run()
    assert app.selectbox(key="elasticity_case").value == "elasticity-1100"


def test_steps_set_no_control_that_has_a_default_of_its_own(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Streamlit logs a warning, once in the life of a server."""
    warnings = []
    monkeypatch.setattr(policies, "_shown_default_value_warning", False)
    monkeypatch.setattr(policies._LOGGER, "warning", lambda *words, **_: warnings.append(words))
    app = open_page("explore")
    first = app.selectbox(key="car_case").value
    app.button(key="case_next").click().run()
    assert app.selectbox(key="car_case").value != first
    assert not warnings


# The linked panels


def panels_of(app: AppTest) -> tuple[list[dict], int]:
    """The viewer's panels with their values in the order of the points, and how many these are."""
    (viewer,) = app.main.get("bidi_component")
    header, buffers = decode_packet(viewer.proto.bytes)
    order = shuffle_order(header["points"])
    panels = []
    for panel in header["panels"]:
        steps = np.frombuffer(buffers[panel["buffer"]], dtype="<u2").astype(float)
        low, high = panel["range"]
        values = np.empty(len(order))
        values[order] = low + steps / STEPS * (high - low)
        panels.append({**panel, "values": values})
    return panels, header["points"]


def test_panels_hold_truth_prediction_and_error_with_shared_limits(
    open_page: Open, project: Path
) -> None:
    app = open_page("explore", source="elasticity", elasticity_case="elasticity-1105")
    panels, points = panels_of(app)
    case = load_case("elasticity", "elasticity-1105")
    checkpoint = load_checkpoint(project / "pretrained" / "elasticity.safetensors")
    predicted = predict_case(checkpoint, case.points, case.features).fields[:, 0].numpy()
    truth = case.fields[:, 0].numpy()
    assert points == 972
    for panel, expected in zip(panels, (truth, predicted, predicted - truth), strict=True):
        np.testing.assert_allclose(panel["values"], expected, atol=2e-5 * np.ptp(expected))
        assert panel["unit"] == "Pa"
    assert panels[0]["limits"] == panels[1]["limits"]
    low, high = panels[2]["limits"]
    assert low == -high
    assert panels[2]["palette"] == "error"


def test_second_checkpoint_shows_both_predictions_and_both_errors(open_page: Open) -> None:
    alone, _ = panels_of(open_page("explore", source="elasticity"))
    app = open_page("explore", source="elasticity", versus="elasticity-transolver")
    panels, _ = panels_of(app)
    assert [panel["title"] for panel in panels] == [
        "Prediction A: elasticity",
        "Prediction B: elasticity-transolver",
        "Error A: elasticity",
        "Error B: elasticity-transolver",
    ]
    truths = [panels[0]["values"] - panels[2]["values"], panels[1]["values"] - panels[3]["values"]]
    for truth in truths:
        np.testing.assert_allclose(truth, alone[0]["values"], atol=0.05)
    assert panels[2]["limits"] == panels[3]["limits"]


def shown_values(app: AppTest) -> dict[str, str]:
    """The table of a point's values."""
    tables = [table.value for table in app.table]
    (found,) = [table for table in tables if "Rank of its error" in table.index]
    return dict(zip(found.index, found.iloc[:, 0], strict=True))


def test_picked_point_shows_its_exact_values(open_page: Open, project: Path) -> None:
    app = open_page("explore", source="elasticity", elasticity_case="elasticity-1105")
    case = load_case("elasticity", "elasticity-1105")
    checkpoint = load_checkpoint(project / "pretrained" / "elasticity.safetensors")
    prediction = predict_case(checkpoint, case.points, case.features)
    error = (prediction.fields - case.fields)[:, 0].double().numpy()
    assert shown_values(app)["Rank of its error"].startswith("1 of 972")
    app.session_state["explore_pick"] = ("elasticity-1105", 500)
    values = shown_values(app.run())
    assert values["Truth of stress"] == f"{case.fields[500, 0].item():.5g} Pa"
    assert values["Error"] == f"{error[500]:+.5g} Pa"
    assert values["Patch"] == str(prediction.partition.patch_of_point[500].item())
    rank = int((np.abs(error) >= np.abs(error[500])).sum())
    assert values["Rank of its error"].startswith(f"{rank} of 972")


def test_picked_point_of_another_case_is_forgotten(open_page: Open) -> None:
    app = open_page("explore", source="elasticity")
    app.session_state["explore_pick"] = ("elasticity-1105", 500)
    assert shown_values(app.run())["Rank of its error"].startswith("1 of 972")


def test_fewer_points_are_asked_and_compared_at_those_points(open_page: Open) -> None:
    app = open_page("explore", source="darcy")
    whole, points = panels_of(app)
    app.select_slider(key="resolution").set_value("N/4").run()
    part, fewer = panels_of(app)
    assert (points, fewer) == (85 * 85, 43 * 43)
    expected = whole[0]["values"].reshape(85, 85)[::2, ::2].ravel()
    np.testing.assert_allclose(part[0]["values"], expected, atol=1e-6)


def test_errors_at_other_resolutions_are_those_of_the_library(
    open_page: Open, project: Path
) -> None:
    app = open_page("explore", source="elasticity")
    checkpoint = load_checkpoint(project / "pretrained" / "elasticity.safetensors")
    case = load_case("elasticity", app.selectbox(key="elasticity_case").value)
    curves = {curve.get("name"): curve for chart in charts(app) for curve in chart["data"]}
    for kept, name in (
        ("K", "as many patches as in training"),
        ("L", "as many points in each patch"),
    ):
        expected = [
            error_at(
                checkpoint, at_factor(sample_of_case(case), factor), factor=factor, kept=kept
            ).relative_l2
            for factor in (0.25, 0.5, 1.0)
        ]
        np.testing.assert_allclose(curves[name]["y"], expected, rtol=1e-4)


def test_resolution_without_truth_is_not_offered_and_this_is_said(open_page: Open) -> None:
    app = open_page("explore", source="darcy")
    assert app.select_slider(key="resolution").options == ["N/4", "N/2", "N"]
    assert any("No truth is stored at 2N" in caption.value for caption in app.caption)
    app.button_group(key="source").set_value("car").run()
    assert app.select_slider(key="resolution").options == ["N/4", "N/2", "N", "2N"]


def test_patches_are_listed_worst_first_and_the_worst_is_marked_on_demand(open_page: Open) -> None:
    app = open_page("explore", source="elasticity")
    (table,) = [frame.value for frame in app.dataframe]
    assert table["share"].is_monotonic_decreasing
    assert "marked patch" not in layers_of(app)
    app.toggle(key="mark_worst").set_value(True).run()
    assert "marked patch" in layers_of(app)


def test_camera_flies_to_the_patch_chosen_and_back(open_page: Open) -> None:
    app = open_page("explore", source="elasticity", fly="true")
    near = focus_of(app)
    assert "marked patch" in layers_of(app)
    assert np.ptp(near, axis=0).max() < 1.5
    app.toggle(key="fly").set_value(False).run()
    assert focus_of(app) is None


def focus_of(app: AppTest) -> list[list[float]] | None:
    (viewer,) = app.main.get("bidi_component")
    return decode_packet(viewer.proto.bytes)[0]["focus"]


def layers_of(app: AppTest) -> list[str]:
    (viewer,) = app.main.get("bidi_component")
    return [layer["name"] for layer in decode_packet(viewer.proto.bytes)[0]["layers"]]


# Bodies


def test_body_shows_surface_or_flow_but_never_both(open_page: Open) -> None:
    app = open_page("explore")
    assert panels_of(app)[1] == NUM_SURFACE
    app.selectbox(key="car_field").set_value("C_p in the flow").run()
    assert panels_of(app)[1] == NUM_VOLUME
    assert layers_of(app)[0] == "body"


def test_drag_of_all_bodies_is_drawn_against_the_solver(open_page: Open, project: Path) -> None:
    app = open_page("explore", car_case=NOT_STORED[0])
    if [button for button in app.button if button.key == "score_all"]:  # once for all tests
        finish(app.button(key="score_all").click().run())
    (scatter,) = [
        chart for chart in charts(app) if "solver" in str(chart["layout"].get("xaxis", {}))
    ]
    shown = {
        row[0]: point
        for trace in scatter["data"]
        for row, *point in zip(trace.get("customdata", []), trace["x"], trace["y"], strict=False)
    }
    assert set(shown) == {*list_flows("test"), *list_flows("unseen")}
    checkpoint = load_checkpoint(project / "pretrained" / "car.safetensors")
    for name in NOT_STORED:
        score = score_flow(checkpoint, name, load_flow(name))
        assert shown[name] == pytest.approx([score.C_D_true, score.C_D], rel=1e-4)
    stored = len(shown) - len(NOT_STORED)
    expected = f"{stored} stored with the checkpoint, {len(NOT_STORED)} measured here."
    assert any(expected in caption.value for caption in app.caption)


def test_bodies_are_sorted_by_the_error_of_their_pressure(open_page: Open, project: Path) -> None:
    app = finish(open_page("explore", worst="true"))
    assert not app.exception
    header = read_info(project / "pretrained" / "car.safetensors")
    errors = {score["name"]: score["surface_pressure"] for score in header.info["scores"]}
    checkpoint = load_checkpoint(header.path)
    for name in NOT_STORED:
        errors[name] = score_flow(checkpoint, name, load_flow(name)).surface_pressure
    assert app.selectbox(key="car_case").options == sorted(errors, key=lambda name: -errors[name])


def test_shown_drag_is_that_of_the_score(open_page: Open, project: Path) -> None:
    name = NOT_STORED[1]
    app = open_page("explore", car_case=name)
    checkpoint = load_checkpoint(project / "pretrained" / "car.safetensors")
    score = score_flow(checkpoint, name, load_flow(name))
    counts = f"{1e4 * (score.C_D - score.C_D_true):+,.0f} counts".replace("-", "−")
    assert metrics(app)["Error of C_D"] == counts
    note = f"model {score.C_D:.3f}, solver {score.C_D_true:.3f}".replace("-", "−")
    assert any(caption.value.startswith(note) for caption in app.caption)


def test_errors_stand_beside_the_noise_of_the_labels(open_page: Open) -> None:
    name, unseen = list_flows("test")[2], list_flows("unseen")
    other = next(one for one in unseen if not load_flow(one).info["settled"])
    case, repeats = load_flow(name), load_repeats(name).values()
    noise = [compare_labels(name, case, repeat) for repeat in repeats]
    (stored,) = [one["velocity"] for one in made_up_scores() if one["name"] == name]
    app = open_page("explore", car_case=name)
    mean = np.mean([one.surface_pressure for one in noise])
    words, scatter = "mesh-to-mesh scatter of the solver", "Scatter of the solver"
    assert {"Error of C_p", "Average over 40 test bodies"} <= metrics(app).keys()
    below = [caption.value for caption in app.caption]
    (own,) = [text for text in below if text.endswith(f"({words}: {mean:.1%})")]
    assert f"({words}: {NOISE['surface_pressure']:.1%})" in below
    (table,) = [one.value for one in app.table if scatter in one.value]
    assert table.loc["C_p", scatter] == f"{mean:.2%}"
    # Error and scatter are of the same points, as in the table.
    whole = f"{float(table.loc['C_p', 'This body'].rstrip('%')):.1f}%"
    assert own.startswith(f"at all stored points: {whole}")
    assert table.loc["Velocity", "This body"] == f"{stored:.2%}"
    assert table.loc["Velocity", f"{scatter}, average"] == "5.43%"
    assert case.info["settled"]
    assert not [one for one in app.caption if "not settled" in one.value]
    spread = load_flow(other).info["C_D_spread"]
    app = open_page("explore", car_case=other)
    (told,) = [one.value for one in app.caption if "not settled" in one.value]
    assert f"±{spread:.2g}" in told
    assert any(one.value.endswith(f"({words}: not known)") for one in app.caption)
    (table,) = [one.value for one in app.table if scatter in one.value]
    assert set(table[scatter]) == {"–"}


@pytest.mark.parametrize("layer", ["Edges", "Clip", "Slice"])
def test_vtk_view_of_a_body_opens(open_page: Open, layer: str) -> None:
    app = open_page("explore", view="VTK view", car_layer=layer, of="Error")
    assert not app.exception
    (scene,) = app.main.get("bidi_component")
    assert "error of" in json.loads(scene.proto.json)["_html"]


# Flat pictures


@pytest.mark.parametrize("view", ["Patches", "Error by patch"])
def test_model_without_patches_says_so(open_page: Open, view: str) -> None:
    app = open_page(
        "explore",
        source="elasticity",
        checkpoint="elasticity-transolver",
        view="Flat",
        look=view,
    )
    assert any("has no patches" in caption.value for caption in app.caption)


def test_worst_first_sorts_the_list_by_an_error_anyone_can_recompute(
    open_page: Open, project: Path
) -> None:
    app = finish(open_page("explore", source="elasticity", worst="true"))
    assert not app.exception
    names = app.selectbox(key="elasticity_case").options
    first, last = (reference_error(project, "elasticity", names[place]) for place in (0, -1))
    middle = reference_error(project, "elasticity", names[100])
    assert first > middle > last
    histogram = charts(app)[0]["data"][0]
    assert histogram["y"].sum() == len(names) == 200


def test_stored_errors_are_shown_and_sorted_by_without_predicting(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "pages._explore.scores._evaluate_cases", lambda *_: pytest.fail("predicted")
    )
    app = open_page("explore", source="elasticity", checkpoint=STORED)
    (text,) = [one.value for one in app.markdown if "have a smaller error" in one.value]
    assert text.startswith("**0 of 200**")
    assert ":blue-badge[stored with the checkpoint]" in text
    assert any("34.56%" in table.value.to_string() for table in app.table)
    app.toggle(key="worst").set_value(True).run()
    cases = load_split("elasticity", "test")
    assert app.selectbox(key="elasticity_case").options == list(reversed(cases.names))


def test_folder_without_checkpoints_says_how_to_make_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, project: Path
) -> None:
    (tmp_path / "assets").symlink_to(project / "assets")
    monkeypatch.chdir(tmp_path)
    (error,) = (
        AppTest.from_file(str(Path(__file__).parents[2] / "app.py"), default_timeout=180)
        .run()
        .error
    )
    assert "python -m mspt train car" in error.value


@pytest.mark.parametrize("page", ["home", "explore", "draw"])
def test_shown_command_is_one_the_command_line_takes(open_page: Open, page: str) -> None:
    from mspt.cli.main import build_parser

    for line in open_page(page).code[-1].value.splitlines():
        program, *arguments = shlex.split(line.removeprefix("python -m "))
        assert program == "mspt"
        build_parser().parse_args(arguments)


def test_footer_names_the_last_run(open_page: Open) -> None:
    captions = [caption.value for caption in open_page("explore", source="elasticity").caption]
    assert any("N = 972 points · K = 9 patches" in text and " ms on " in text for text in captions)


def test_footer_names_the_device_that_auto_stands_for(open_page: Open) -> None:
    from mspt.inference.predict import pick_device

    captions = [caption.value for caption in open_page("explore").caption]
    (last,) = (text for text in captions if text.startswith("Last run"))
    assert f" ms on {str(pick_device()).upper()} · " in last


def test_device_picker_offers_only_what_is_here(open_page: Open) -> None:
    from mspt.inference.predict import available_devices

    options = open_page("home").sidebar.button_group(key="device").options
    names = {"auto": "Auto", "cuda": "CUDA", "mps": "MPS", "cpu": "CPU"}
    assert options == [names[name] for name in available_devices()]


ONE_OF_EACH_KIND = {
    (header.info["dataset"], header.config.architecture, header.config.partition): header
    for header in SHIPPED
}.values()


@pytest.mark.parametrize(
    "header", ONE_OF_EACH_KIND, ids=[header.path.stem for header in ONE_OF_EACH_KIND]
)
def test_shipped_checkpoint_opens_and_beats_the_mean(
    monkeypatch: pytest.MonkeyPatch, header: CheckpointInfo
) -> None:
    monkeypatch.chdir(header.path.parents[1])
    app = AppTest.from_file(str(header.path.parents[1] / "app.py"), default_timeout=180)
    app.query_params.update(source=header.info["dataset"], checkpoint=header.path.stem)
    if header.info["dataset"] == "car":
        app.switch_page("pages/upload.py").run()
        assert not app.exception
        assert app.selectbox(key="checkpoint").value == header.path.stem
        assert 0 < float(metrics(app)["C_D, drag"].split(" ")[0]) < 1
        return
    app.switch_page("pages/explore.py").run()
    assert not app.exception
    assert app.selectbox(key="checkpoint").value == header.path.stem
    (shown,) = (
        float(value.removesuffix("%"))
        for label, value in metrics(app).items()
        if label.startswith("Error of")
    )
    assert shown < 100 * header.info["metrics"]["mean_only"]


def test_unknown_body_of_an_address_gives_way_to_the_first(open_page: Open) -> None:
    app = open_page("explore", source="car", car_case="car-9999")
    assert not app.exception
    assert app.selectbox(key="car_case").value in list_flows("test")
