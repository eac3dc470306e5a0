import math
from dataclasses import replace
from pathlib import Path

from mspt.benchmarks.ablation_report import ablation_report
from mspt.benchmarks.ablations import AblationRow, read_ablations

FOLDER = Path("assets/ablations")


def row(error: float, *options: str, seed: int = 0, minutes: float = math.nan) -> AblationRow:
    return AblationRow(
        dataset="elasticity",
        preset="elasticity",
        written=("num_patches=32", "num_supernodes=1", *options),
        seed=seed,
        epochs=8,
        train_cases=1000,
        parameters=1,
        validation_error=error,
        train_error=error,
        curve=(error,),
        minutes=1.0,
        core_minutes=minutes,
        regions={},
        error="out of memory" if math.isnan(error) else "",
        device="",
        threads=1,
    )


def lines(rows: list[AblationRow]) -> list[str]:
    return [line for line in ablation_report(rows).splitlines() if line.startswith("|")]


def test_tables_are_those_of_the_stored_runs() -> None:
    written = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert written == ablation_report(read_ablations(FOLDER / "runs.csv"))


def test_a_line_has_mean_spread_change_and_time_of_its_seeds() -> None:
    rows = [row(0.2), row(0.1, "rotary=2"), row(0.12, "rotary=2", seed=1, minutes=7.0)]
    assert lines(rows)[2:] == [
        "| the paper's choices | 1 | 20.00 % |  |  |",
        "| `rotary=2` | 2 | 11.00 % (10.00 % to 12.00 %) | −45 % | 7.0 |",
    ]


def test_a_failed_run_is_a_line_with_its_reason() -> None:
    assert lines([row(0.2), row(math.nan, "rotary=2")])[-1] == (
        "| `rotary=2` | | failed: out of memory | | |"
    )


def test_what_all_runs_have_in_common_is_in_the_title_alone() -> None:
    coarse = "train.coarse_epochs=4"
    rows = [row(0.2, coarse), row(0.1, "rotary=2", coarse)]
    report = ablation_report(rows)
    assert f"preset `elasticity`, 8 epochs, `{coarse}`" in report
    assert lines(rows)[2:] == [
        "| the paper's choices | 1 | 20.00 % |  |  |",
        "| `rotary=2` | 1 | 10.00 % | −50 % |  |",
    ]


def test_errors_over_k_and_q_stand_in_their_row_and_column() -> None:
    rows = [
        replace(row(error), written=(f"num_patches={k}", f"num_supernodes={q}"))
        for k, q, error in ((4, 1, 0.3), (4, 8, 0.2), (32, 1, 0.1))
    ]
    assert lines(rows) == [
        "| | Q = 1 | Q = 8 |",
        "| --- | --- | --- |",
        "| K = 4 | 30.00 % | 20.00 % |",
        "| K = 32 | 10.00 % |  |",
    ]
