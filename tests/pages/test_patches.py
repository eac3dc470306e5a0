import csv
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
import torch
from streamlit.testing.v1 import AppTest

from mspt.checkpoint import load_checkpoint, save_checkpoint
from mspt.cost.formulas import forward_flops, recommended_patches
from mspt.data.store import load_case
from mspt.data.stress_clouds import STRESS_CLOUDS, stress_cloud
from mspt.evaluation.other_patches import with_other_patches
from mspt.figures.viewer.encode import decode_packet, shuffle_order
from mspt.inference.predict import predict_case
from mspt.inference.sample import sample_of_case
from mspt.inspection.observation import attend_from, observe
from mspt.partition.alternatives import divide_points
from mspt.partition.ball_tree import build_partition
from mspt.partition.levels import tree_levels
from tests.pages.reading import charts, metrics

Open = Callable[..., AppTest]
LINE = {"source": "stress", "stress_case": "line", "stress_points": "1000"}


def message(app: AppTest) -> tuple[dict, list[bytes]]:
    """The header and buffers that the viewer was sent."""
    (found,) = app.main.get("bidi_component")
    return decode_packet(found.proto.bytes)


def labels(app: AppTest, panel: int = 0) -> np.ndarray:
    """The patch of each point as the browser sees it, in the order of the cloud."""
    header, buffers = message(app)
    place = header["panels"][panel]["buffer"]
    kind = {"u1": np.uint8, "u2": np.uint16, "u4": np.uint32}[header["kinds"][place]]
    sent = np.frombuffer(buffers[place], dtype=kind)
    patch = np.empty(len(sent), dtype=int)
    patch[shuffle_order(len(sent))] = sent
    return patch


def text(app: AppTest) -> str:
    return "\n".join(item.value for item in (*app.markdown, *app.caption))


def test_first_visit_shows_a_car_partitioned_as_in_its_model(open_page: Open) -> None:
    app = open_page("patches")
    assert not app.exception
    assert not app.error
    header, _ = message(app)
    assert header["panels"][0]["title"] == "ball tree"
    assert header["panels"][0]["count"] == app.session_state["K_slider"]
    assert "notchback" in text(app).lower()
    assert charts(app)


def test_one_click_brings_back_the_sizes_of_the_model(open_page: Open) -> None:
    app = open_page("patches", source="elasticity", K="37", Q="3")
    before = message(app)[0]["panels"][0]["count"]
    app.button(key="K_model").click().run()
    assert app.number_input(key="K").value is None
    assert app.number_input(key="Q").value is None
    own = load_checkpoint("pretrained/elasticity.safetensors").config
    assert f"K = {own.num_patches}, Q = {own.num_supernodes}" in app.button(key="K_model").label
    assert before == 37
    assert message(app)[0]["panels"][0]["count"] == own.num_patches


def test_picture_shows_the_patches_that_the_library_makes(open_page: Open) -> None:
    app = open_page("patches", source="elasticity", elasticity_case="elasticity-1105", K="37")
    points = load_case("elasticity", "elasticity-1105").points
    expected = build_partition(points, 37)
    assert np.array_equal(labels(app), expected.patch_of_point.numpy())
    assert message(app)[0]["panels"][0]["count"] == 37
    levels = message(app)[0]["panels"][0]["levels"]
    assert len(levels) == len(tree_levels(expected.tree).groups) == 7
    texts = message(app)[0]["groupText"]
    assert len(texts) == 37
    assert texts[0].startswith("patch 0 · 27 points · radius ")


def test_supernodes_are_as_many_as_asked_for(open_page: Open) -> None:
    app = open_page("patches", **LINE, K="10", Q="6")
    header, buffers = message(app)
    (layer,) = (one for one in header["layers"] if one["name"] == "supernodes")
    assert len(buffers[layer["spheres"]]) == 60 * 4 * 4
    assert metrics(app)["Keys L + S"] == "100 + 60"


def test_the_model_s_own_sizes_are_taken_and_read_anew_when_its_file_changes(
    open_page: Open, project: Path
) -> None:
    path = project / "pretrained" / "elasticity.safetensors"
    kept, model = path.read_bytes(), load_checkpoint(path)
    app = open_page("patches", source="elasticity", checkpoint="elasticity")
    config = replace(model.config, num_patches=9, patch_size=None, num_supernodes=5)
    try:
        save_checkpoint(
            path, model=model.model, config=config, normalizer=model.normalizer, info=model.info
        )
        assert metrics(app.run())["Keys L + S"] == "108 + 45"
    finally:
        path.write_bytes(kept)
    assert "has no 5 supernodes" not in text(app)


def test_a_slid_or_clicked_number_of_patches_is_the_typed_one(open_page: Open) -> None:
    app = open_page("patches", **LINE)
    cheapest = recommended_patches(1000)
    assert len(np.unique(labels(app))) == cheapest
    app.select_slider(key="K_slider").set_value(8).run()
    assert app.number_input(key="K").value == 8
    assert len(np.unique(labels(app))) == 8
    app.button(key="K_cheapest").click().run()
    assert app.number_input(key="K").value == cheapest
    assert app.select_slider(key="K_slider").value == cheapest


def test_every_number_of_patches_from_one_to_all_points(open_page: Open) -> None:
    app = open_page("patches", **LINE, K="1")
    assert not app.exception
    app.number_input(key="K").set_value(1000).run()
    assert not app.exception
    assert len(np.unique(labels(app))) == 1000
    app.number_input(key="K").set_value(5000).run()
    assert not app.exception
    assert "5,000 is more than the 1,000 points" in text(app)
    app.number_input(key="Q").set_value(3).run()
    assert "A patch of 1 points has no 3 supernodes" in text(app)


@pytest.mark.parametrize("kind", STRESS_CLOUDS)
def test_every_stress_cloud_opens_with_its_table(open_page: Open, kind: str) -> None:
    query = {**LINE, "stress_case": kind, "closer": "Every patch", "K": "21"}
    app = open_page("patches", **query)
    assert not app.exception
    assert app.dataframe[0].value["size"].tolist() == [48] * 13 + [47] * 8
    points = stress_cloud(kind, 1000)
    radius = build_partition(points, 21).tree.radius
    leaves = build_partition(points, 21).tree.num_patches == 1
    np.testing.assert_allclose(app.dataframe[0].value["radius"], radius[leaves], rtol=1e-4)


def test_click_selects_the_patch_and_names_its_neighbors(open_page: Open) -> None:
    app = open_page("patches", **LINE, K="8", closer="Every patch")
    app.number_input(key="point").set_value(321).run()  # what a click does
    assert not app.exception
    patch = int(build_partition(stress_cloud("line", 1000), 8).patch_of_point[321])
    expected = [one for one in (patch - 1, patch + 1) if 0 <= one < 8]
    assert f"**Patch {patch}** of 8, around point 321: 125 points" in text(app)
    assert f"Touches {', '.join(map(str, expected))}." in text(app)
    assert app.dataframe[0].value["patch"].tolist()[: 1 + len(expected)] == [patch, *expected]
    header, _ = message(app)
    assert [int(shuffle_order(1000)[place]) for place in header["marked"]] == [321]
    assert any(layer["name"] == "picked patch" for layer in header["layers"])


def test_a_point_of_another_cloud_is_forgotten(open_page: Open) -> None:
    app = open_page("patches", **LINE, point="7")
    assert "around point 7:" in text(app)
    app.selectbox(key="stress_case").set_value("sheet").run()
    assert not app.exception
    assert app.number_input(key="point").value is None
    assert "around point" not in text(app)


def test_share_of_the_error_is_known_where_the_truth_is(open_page: Open) -> None:
    query = {"source": "elasticity", "closer": "Every patch", "point": "5"}
    app = open_page("patches", **query)
    assert app.dataframe[0].value["error_share"].sum() == pytest.approx(1)
    assert "of the squared error of stress" in text(app)
    app = open_page("patches", **LINE, closer="Every patch", point="5")
    assert "error_share" not in app.dataframe[0].value


def test_two_partitions_side_by_side(open_page: Open) -> None:
    app = open_page("patches", **LINE, K="5", beside="sequence")
    header, _ = message(app)
    assert [panel["title"] for panel in header["panels"]] == ["ball tree", "sequence"]
    assert not np.array_equal(labels(app, 0), labels(app, 1))
    assert labels(app, 1).tolist() == np.repeat(np.arange(5), 200).tolist()


def test_other_partitions_stand_beside_the_paper_s(open_page: Open) -> None:
    app = open_page("patches", **LINE, cut="grid", closer="Other partitions")
    traces = charts(app)[0]["data"]
    assert [trace["y"][0] for trace in traces] == ["grid", "random", "sequence", "ball tree"]
    assert "0.0065 against 0.2035" in text(app)


def test_message_of_a_large_cloud_is_small(open_page: Open) -> None:
    app = open_page("patches", source="stress", stress_case="uniform", K="128")
    (found,) = app.main.get("bidi_component")
    header, _ = message(app)
    assert header["points"] == 32_768
    assert len(found.proto.bytes) < 100_000


def test_address_restores_the_state(open_page: Open) -> None:
    query = {**LINE, "K": "12", "Q": "2", "cut": "random", "point": "7", "closer": "Every patch"}
    app = open_page("patches", **query)
    assert app.number_input(key="K").value == 12
    assert app.number_input(key="Q").value == 2
    assert app.number_input(key="point").value == 7
    assert message(app)[0]["panels"][0]["title"] == "random"
    assert app.query_params["K"] == "12"
    assert len(app.dataframe) == 1


def test_every_number_shows_its_origin(open_page: Open) -> None:
    app = open_page("patches", **LINE)
    assert [metric.label for metric in app.metric] == [
        "Keys L + S",
        "Radius, cube sides",
        "Dispersion, cube sides²",
        "Attention",
        "Whole forward pass",
    ]
    captions = [caption.value for caption in app.caption]
    (counted,) = (caption for caption in captions if "counted by formula] att" in caption)
    assert counted.endswith("attention, whole forward pass")
    (row,) = (caption for caption in captions if "measured here]" in caption and "K = " in caption)
    assert f"ball tree, K = {app.session_state['K_slider']}, Q = 1, N = 1,000" in row


@pytest.mark.parametrize(
    "query",
    [{}, LINE, {"source": "elasticity"}, {"source": "shape"}],
    ids=["car", "line", "2d", "shape"],
)
def test_shown_command_repeats_the_numbers(
    open_page: Open, project: Path, query: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from mspt.cli.main import build_parser
    from mspt.cli.patches import run_patches

    app = open_page("patches", **query)
    program, *arguments = shlex.split(app.code[0].value.removeprefix("python -m "))
    assert program == "mspt"
    args = build_parser().parse_args(arguments)
    if query.get("source") == "shape":
        return
    monkeypatch.chdir(project)
    args.out = None
    found = run_patches(args)
    shown = {label.split(",")[0]: value for label, value in metrics(app).items()}
    assert float(shown["Radius"]) == pytest.approx(found["median_radius"], rel=5e-3)
    assert float(shown["Dispersion"]) == pytest.approx(found["dispersion"]["median"], rel=5e-3)
    assert f"K = {found['recommended_patches']:,} is cheapest" in text(app)
    st.cache_resource.clear()


def test_error_at_another_k_stands_beside_that_of_the_training(
    open_page: Open, project: Path
) -> None:
    name = "elasticity-1105"
    app = open_page("patches", source="elasticity", elasticity_case=name, K="37")
    assert not app.exception
    checkpoint = load_checkpoint(project / "pretrained" / "elasticity.safetensors")
    case = load_case("elasticity", name)
    encoded, _ = checkpoint.normalizer.encode(case.points, case.features)
    expected = {}
    for num_patches in (37, 9):
        partition = build_partition(encoded, num_patches=num_patches)
        fields = predict_case(
            checkpoint, case.points, case.features, partition=partition, device="cpu"
        ).fields
        error = ((fields - case.fields).norm() / case.fields.norm()).item()
        expected[num_patches] = f"{error:.2%}"
    assert expected[37] != expected[9]
    shown = metrics(app)
    assert shown["Error at K = 37, Q = 1"] == expected[37]
    assert shown["Error at the training's K = 9, Q = 1"] == expected[9]
    (row,) = [one.value for one in app.caption if "has seen no other sizes" in one.value]
    assert "trained at K = 9, Q = 1" in row
    assert f" {name} " in row
    assert "--error" in app.code[0].value
    model = replace(checkpoint.config, num_patches=37)
    ratio = forward_flops(model, 972) / forward_flops(checkpoint.config, 972)
    assert shown["Arithmetic"] == f"{ratio:.2f} ×"


def test_errors_of_models_trained_at_the_k_are_those_of_the_stored_runs(open_page: Open) -> None:
    app = open_page("patches", source="elasticity", K="32", Q="1")
    with Path("assets/ablations/runs.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["dataset"] == "elasticity"]
    same = [
        float(row["validation_error"])
        for row in rows
        if row["set"] == "num_patches=32 num_supernodes=1" and not row["error"]
    ]
    mean = sum(same) / len(same)
    assert metrics(app)["Trained at K = 32, Q = 1"] == f"{mean:.2%}"
    (chart, _) = charts(app)
    trained = next(one for one in chart["data"] if "models trained at K, Q = 1" in one["name"])
    assert dict(zip(trained["x"], trained["y"], strict=True))[32] == pytest.approx(mean)


def test_one_click_runs_the_model_at_every_k(open_page: Open) -> None:
    app = open_page("patches", source="elasticity", elasticity_case="elasticity-1107", Q="2")
    own = [trace for trace in charts(app)[0]["data"] if "this case" in trace.get("name", "")]
    assert list(own[0]["x"]) == [9]
    app.button(key="patches_ladder").click().run()
    assert not app.exception
    own = [trace for trace in charts(app)[0]["data"] if "this case" in trace.get("name", "")]
    assert list(own[0]["x"]) == [1, 2, 4, 8, 9, 16, 32, 64, 128, 256]
    assert app.run().button(key="patches_ladder").disabled


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        (LINE, "The solution on this cloud is not known"),
        (
            {"source": "elasticity", "checkpoint": "elasticity-transolver"},
            "does not run at another K than in its training",
        ),
    ],
)
def test_without_an_error_the_page_says_why_and_shows_the_cost(
    open_page: Open, query: dict[str, str], reason: str
) -> None:
    app = open_page("patches", **query)
    assert not app.exception
    assert reason in text(app)
    assert not any(label.startswith("Error at") for label in metrics(app))
    (cost,) = charts(app)
    assert cost["layout"]["yaxis"]["title"]["text"] == "multiplications and additions"
    assert "--error" not in app.code[0].value


def test_attention_of_a_point_moves_with_k_and_the_partition(
    open_page: Open, project: Path
) -> None:
    """The picture's second panel has the weights that the library computes at this K."""
    checkpoint = load_checkpoint(project / "pretrained" / "elasticity.safetensors")
    case = load_case("elasticity", "elasticity-1103")
    shown = {}
    for cut, method in (("ball tree", "ball_tree"), ("random", "random")):
        app = open_page(
            "patches", source="elasticity", elasticity_case=case.name, K="16", cut=cut, point="40"
        )
        assert not app.exception
        panel = message(app)[0]["panels"][1]
        assert panel["title"] == "attention of point 40"
        other = with_other_patches(checkpoint, num_patches=16, num_supernodes=1, method=method)
        partition = divide_points(case.points, 16, method=method)
        observed = observe(other, sample_of_case(case), partition=partition)
        seen = attend_from(observed, (40,), block=0).summary
        assert f"attends {seen.local_share:.0%} to its patch" in text(app)
        predicted = predict_case(other, case.points, case.features, partition=partition).fields
        error = torch.linalg.norm(predicted - case.fields) / torch.linalg.norm(case.fields)
        assert f"**Error {error.item():.2%}** at K = 16" in text(app)
        shown[cut] = error.item()
    assert shown["ball tree"] != pytest.approx(shown["random"], rel=1e-4)
