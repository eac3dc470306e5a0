"""Rows of ablations against plain readings of the same text."""

import csv
import math
import shlex
from io import StringIO
from itertools import product
from pathlib import Path
from statistics import fmean

import pytest

from mspt.benchmarks.ablation_curves import (
    ablation_table,
    axes_of,
    curves_along,
    quantities,
    row_names,
    time_of,
    varied,
)
from mspt.benchmarks.ablation_maps import (
    flops_over_patches,
    map_table,
    maps_over_patches,
    nearest_cell,
)
from mspt.benchmarks.ablations import (
    ablate_command,
    parse_ablations,
    points_of,
    read_ablations,
)
from mspt.cli.ablate import COLUMNS
from mspt.cli.main import build_parser
from mspt.config import ModelConfig
from mspt.cost.formulas import forward_flops
from mspt.errors import MSPTError
from mspt.training.presets import get_preset

STORED = Path(__file__).parents[2] / "assets" / "ablations" / "runs.csv"
COLUMNS_NOW = (*COLUMNS, *(() if "core_minutes" in COLUMNS else ("core_minutes",)))


def line(written: str, error: float | None = None, **cells: object) -> dict[str, object]:
    """A row of the table: of a run that ended with an error, or failed without."""
    usual = {"dataset": "elasticity", "preset": "elasticity", "seed": 0, "epochs": 8}
    ended = {"train_cases": 1000, "parameters": 7, "minutes": 3.5, "train_error": 0.5}
    if error is None:
        return {**usual, "set": written, "error": "loss is NaN", **cells}
    curve = f"0.9 {error:.5f}"
    return {**usual, **ended, "set": written, "validation_error": error, "curve": curve, **cells}


def text_of(*lines: dict[str, object], columns: tuple[str, ...] = COLUMNS_NOW) -> str:
    out = StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return out.getvalue()


GRID = text_of(
    *(
        line(f"num_patches={k} num_supernodes={q}", 0.01 * k + 0.001 * q + 0.0001 * seed, seed=seed)
        for k, q, seed in product((4, 8, 32), (1, 8), (0, 1, 2))
    ),
    line("num_patches=4 num_supernodes=32", seed=0),
    line("num_patches=8 num_supernodes=1 pooling=max", 0.2),
)


def test_every_stored_run_is_read_as_it_is_written() -> None:
    with STORED.open(encoding="utf-8", newline="") as file:
        cells = list(csv.DictReader(file))
    found = read_ablations(STORED)
    by_key = {(row.dataset, row.preset, " ".join(row.written), row.seed, row.epochs): row
              for row in found}  # fmt: skip
    for one in cells:
        key = (one["dataset"], one["preset"], one["set"], int(one["seed"]), int(one["epochs"]))
        row = by_key[key]
        assert row.run is not None, key  # a model can still be built from it
        if not one["error"]:
            assert row.validation_error == float(one["validation_error"])
            assert list(row.curve) == [float(part) for part in one["curve"].split()]
            assert len(row.curve) == row.epochs
            assert row.parameters == int(one["parameters"])


@pytest.mark.parametrize("row", read_ablations(STORED), ids=lambda row: " ".join(row.written))
def test_command_of_a_stored_run_has_its_settings(row: object) -> None:
    words = shlex.split(ablate_command(row))
    args = build_parser("ablate").parse_args(words[3:])
    assert words[:3] == ["python", "-m", "mspt"]
    assert " ".join(sorted(args.set)) == " ".join(row.written)
    assert (args.dataset, args.preset or args.dataset) == (row.dataset, row.preset)
    assert (args.epochs, args.seed) == (row.epochs, row.seed)


def test_command_limits_the_cases_where_the_run_did() -> None:
    few, all_of_them = parse_ablations(
        text_of(line("carry=true", 0.1, train_cases=50), line("carry=false", 0.1))
    )
    assert ablate_command(few).endswith(" --cases 50")
    assert "--cases" not in ablate_command(all_of_them)


def test_the_last_of_equal_runs_counts_and_one_that_ended_before_one_that_failed() -> None:
    rows = parse_ablations(
        text_of(
            line("num_patches=4"),
            line("num_patches=4", 0.3),
            line("num_patches=4", 0.2),
            line("num_patches=4"),
            line("num_patches=4", 0.1, train_cases=50),
            line("num_patches=8"),
            line("num_patches=8") | {"error": "out of memory"},
        )
    )
    assert [(row.written, row.train_cases, row.validation_error) for row in rows[:2]] == [
        (("num_patches=4",), 1000, 0.2),
        (("num_patches=4",), 50, 0.1),
    ]
    assert rows[2].has_failed
    assert (len(rows), rows[2].train_cases, rows[2].error) == (3, 1000, "out of memory")
    assert math.isnan(rows[2].validation_error)


def test_tables_of_earlier_versions_are_read_and_others_refused(tmp_path: Path) -> None:
    needed = ("dataset", "preset", "set", "seed", "epochs", "validation_error", "error")
    one = {name: value for name, value in line("carry=true", 0.3).items() if name in needed}
    (row,) = parse_ablations(text_of(one, columns=needed))
    assert (row.validation_error, row.regions, row.curve) == (0.3, {}, ())
    assert math.isnan(row.core_minutes)
    assert read_ablations(tmp_path / "none.csv") == parse_ablations("") == ()
    with pytest.raises(MSPTError, match=r"must have the columns dataset, .* got none named set"):
        parse_ablations("dataset,preset,seed,epochs,validation_error,error\n")


def test_a_line_that_is_not_written_to_its_end_is_left_out() -> None:
    text = text_of(line("num_patches=4", 0.3), line("num_patches=8", 0.2))
    whole, _, _ = text.rstrip().rpartition(",")
    for cut in (whole.rpartition(",")[0], text[: text.index("num_patches=8") + 5]):
        (row,) = parse_ablations(cut)
        assert row.written == ("num_patches=4",)


def test_settings_are_those_of_the_preset_with_the_varied_ones() -> None:
    (row,) = parse_ablations(text_of(line("num_patches=9 train.learning_rate=3e-3", 0.1)))
    preset = get_preset("elasticity")
    assert row.run.model.num_patches == 9
    assert row.run.train.learning_rate == 0.003
    assert row.settings["num_supernodes"] == preset.model.num_supernodes
    assert row.settings["train.learning_rate"] == 0.003
    assert (row.settings["epochs"], row.settings["train_cases"]) == (8, 1000)
    assert "train.seed" not in row.settings
    (gone,) = parse_ablations(text_of(line("num_patches=9", 0.1, preset="gone")))
    assert gone.run is None
    assert gone.settings == {"num_patches": 9, "epochs": 8, "train_cases": 1000}


def test_a_curve_has_mean_and_range_over_seeds_at_each_value() -> None:
    rows = parse_ablations(GRID)
    validation = quantities(rows)[0]
    assert varied(rows)[:2] == ("num_patches", "num_supernodes")
    curves = {one.label: one for one in curves_along(rows, "num_patches", validation)}
    assert set(curves) == {"Q = 1", "Q = 8"}
    for q in (1, 8):
        points = curves[f"Q = {q}"].points
        assert [point.value for point in points] == [4, 8, 32]
        for point in points:
            errors = [0.01 * point.value + 0.001 * q + 0.0001 * seed for seed in (0, 1, 2)]
            expected = (fmean(errors), min(errors), max(errors))
            assert (point.mean, point.low, point.high) == pytest.approx(expected)
            assert len(point.rows) == 3


def test_failed_runs_stay_on_their_curve_without_a_number() -> None:
    rows = parse_ablations(GRID)
    along_q = {
        one.label: one.points for one in curves_along(rows, "num_supernodes", quantities(rows)[0])
    }
    last = along_q["K = 4"][-1]
    assert last.value == 32
    assert math.isnan(last.mean)
    assert [row.error for row in last.rows] == ["loss is NaN"]
    table = ablation_table(rows)
    assert table["failed"].tolist().count("loss is NaN") == 1
    assert table["validation error"].isna().sum() == 1


def test_words_are_an_axis_too_and_only_settings_with_a_curve_are_offered() -> None:
    rows = parse_ablations(GRID)
    validation = quantities(rows)[0]
    assert axes_of(rows, validation) == ("num_patches", "num_supernodes", "pooling")
    (curve,) = curves_along(rows, "pooling", validation)
    assert curve.label == "K = 8, Q = 1"
    assert [point.value for point in curve.points] == ["max", "mean"]
    assert axes_of(rows[:1], validation) == ()


def test_names_of_rows_differ() -> None:
    names = row_names(parse_ablations(GRID))
    assert len(set(names)) == len(names) == 20
    assert names[0] == "K = 4, Q = 1, seed 0"
    assert names[-1] == "K = 8, Q = 1, pooling = max, seed 0"


def test_errors_of_regions_are_quantities_of_the_rows_that_have_them() -> None:
    rows = parse_ablations(
        text_of(
            line("num_patches=4", 0.1, region_errors="jump=0.21 elsewhere=0.04"),
            line("num_patches=8", 0.1),
        )
    )
    found = {one.name: one for one in quantities(rows)}
    assert [one.unit for one in found.values()] == ["%"] * 4 + ["min"]
    jump = found["error: jump"]
    assert jump.of(rows[0]) == 0.21
    assert math.isnan(jump.of(rows[1]))


def test_processor_time_is_preferred_wherever_a_row_has_it() -> None:
    without = parse_ablations(text_of(line("num_patches=4", 0.1)))
    assert time_of(without).of(without[0]) == 3.5
    assert "not comparable" in time_of(without).title
    some = parse_ablations(
        text_of(line("num_patches=4", 0.1, core_minutes=2.25), line("num_patches=8", 0.1))
    )
    time = time_of(some)
    assert time.title == "core minutes (processor time)"
    assert time.of(some[0]) == 2.25
    assert math.isnan(time.of(some[1]))  # its wall time is no processor time


def test_maps_hold_the_errors_and_the_cost_of_each_k_and_q() -> None:
    rows = parse_ablations(GRID)
    first, *others = maps_over_patches(rows, quantities(rows)[0])
    assert not others  # one run with another pooling is no map
    assert (first.label, first.num_points) == ("the settings of most rows", 972)
    model = get_preset("elasticity").model.to_dict()
    for cell in first.cells:
        sizes = {"num_patches": cell.num_patches, "num_supernodes": cell.num_supernodes}
        assert cell.flops == forward_flops(ModelConfig.from_dict(model | sizes), 972)
    table = map_table(first).set_index(["K", "Q"])
    assert table.loc[(32, 8), "mean"] == pytest.approx(0.3281)
    assert table.loc[(32, 8), "runs"] == 3
    assert table.loc[(4, 32), "failed"] == 1
    (grid,) = flops_over_patches(first, [4, 512], [2])
    assert grid[0] == forward_flops(
        ModelConfig.from_dict(model | {"num_patches": 4, "num_supernodes": 2}), 972
    )
    assert math.isnan(grid[1])  # 1,024 supernodes of 972 points


def test_nearest_runs_are_the_fewest_doublings_away_and_did_not_fail() -> None:
    rows = parse_ablations(GRID)
    (found,) = maps_over_patches(rows, quantities(rows)[0])

    def nearest(k: int, q: int) -> tuple[int, int]:
        cell = nearest_cell(found, num_patches=k, num_supernodes=q)
        return cell.num_patches, cell.num_supernodes

    assert nearest(32, 8) == (32, 8)
    assert nearest(13, 1) == (8, 1)
    assert nearest(23, 2) == (32, 1)
    assert nearest(4, 32) == (4, 8)


@pytest.mark.parametrize(
    ("dataset", "points"), [("darcy", 85 * 85), ("shock_tube", 1024), ("car", 4096 + 2560)]
)
def test_points_of_a_run_are_those_of_its_cases(dataset: str, points: int) -> None:
    (row,) = parse_ablations(text_of(line("", 0.1, dataset=dataset, preset=dataset)))
    assert points_of(row) == points
