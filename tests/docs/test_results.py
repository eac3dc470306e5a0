"""Numbers in the page of results that come from stored rows of benchmarks."""

import csv
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")


def test_times_with_keys_of_several_levels_are_those_of_the_stored_rows() -> None:
    with (ROOT / "assets" / "benchmarks" / "levels.csv").open(encoding="utf-8") as file:
        rows = {row["architecture"]: row for row in csv.DictReader(file)}
    (part,) = re.findall(r"\*\*Keys of several levels\.\*\*(.*?)```sh\n(.*?)```", TEXT, re.DOTALL)
    words = " ".join(part[0].split())
    for row in rows.values():
        shown = f"{float(row['seconds']):.1f} s and {float(row['activations']):.3g} times"
        assert shown in words
    mspt, transolver = rows["mspt"], rows["transolver"]
    assert f"{int(mspt['num_patches']):,} patches" in words
    assert float(mspt["seconds"]) < 0.5 * float(transolver["seconds"])
    for setting in (f"--points {mspt['num_points']}", f"--patches {mspt['num_patches']}"):
        assert setting in part[1]
