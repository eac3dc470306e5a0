"""All runs of the ablations as one document of tables.

Letters: K patches, Q supernodes per patch.
"""

import math
from collections.abc import Sequence
from statistics import fmean

from mspt.benchmarks.ablation_curves import PATCHES, SUPERNODES, grouped
from mspt.benchmarks.ablations import AblationRow

HEAD = """# Ablations

Written by `python -m mspt cards --ablations` from [runs.csv](runs.csv), which has a row for each
run and its learning curve. Every run of a table took equally many steps over the same cases in the
same order. Errors are relative L2 errors on validation cases: the mean over seeds, and from the
least to the largest where there are several. *Change* is against the first row of a table, from
which the others differ in the named settings alone. Core minutes are processor time of one thread,
which is what a run costs on a machine that does nothing else; early runs have none. The page
*Benchmarks* draws all runs and prints the command that repeats each one.
"""
PLAIN = "the paper's choices"


def ablation_report(rows: Sequence[AblationRow]) -> str:
    """Return a document with a table for each data set, preset and number of passes, K and Q.

    Args:
        rows: All runs.
    """
    parts = [HEAD]
    for (dataset, preset, epochs), own in _by_series(rows).items():
        common = set.intersection(*(set(options_of(row)) for row in own))
        tables = [_over_sizes(own, common)]
        for (patches, supernodes), members in sorted(
            grouped(own, [PATCHES, SUPERNODES]).items(), key=_order
        ):
            title = f"K = {patches}, Q = {supernodes}" if patches else "without patches"
            tables.append(_options(members, common, title=title))
        if found := [table for table in tables if table]:
            named = "".join(f", `{one}`" for one in sorted(common))
            parts += [f"## {dataset}: preset `{preset}`, {epochs} epochs{named}\n", *found]
    return "\n".join(parts)


def _by_series(
    rows: Sequence[AblationRow],
) -> dict[tuple[str, str, int], list[AblationRow]]:
    series: dict[tuple[str, str, int], list[AblationRow]] = {}
    for row in rows:
        series.setdefault((row.dataset, row.preset, row.epochs), []).append(row)
    return series


def _order(item: tuple[tuple, object]) -> tuple[int, int]:
    patches, supernodes = item[0]
    return int(patches or 0), int(supernodes or 0)


def _options(rows: Sequence[AblationRow], common: set[str], *, title: str) -> str | None:
    """Return a line for each set of options at one K and Q; None if there is one alone."""
    by_options: dict[tuple[str, ...], list[AblationRow]] = {}
    for row in rows:
        options = tuple(one for one in options_of(row) if one not in common)
        by_options.setdefault(options, []).append(row)
    if len(by_options) < 2:
        return None
    base = _mean(by_options.get((), []))
    lines = [
        f"### {title}\n",
        "| settings | seeds | error | change | core minutes |",
        "| --- | --- | --- | --- | --- |",
    ]
    for options, own in sorted(by_options.items(), key=lambda item: (len(item[0]), item[0])):
        named = ", ".join(f"`{one}`" for one in options) or PLAIN
        if not (done := [row for row in own if not row.has_failed]):
            lines.append(f"| {named} | | failed: {own[0].error} | | |")
            continue
        mean = _mean(done)
        change = "" if math.isnan(base) or not options else f"{100 * (mean / base - 1):+.0f} %"
        lines.append(
            f"| {named} | {len(done)} | {_spread(done)} | {change.replace('-', '−')} | "
            f"{_minutes(done)} |"
        )
    return "\n".join([*lines, ""])


def _over_sizes(rows: Sequence[AblationRow], common: set[str]) -> str | None:
    """Return the errors over K and Q of runs without options; None where only one has been run."""
    plain = [row for row in rows if set(options_of(row)) == common and not row.has_failed]
    cells = {
        (int(key[0]), int(key[1])): own
        for key, own in grouped(plain, [PATCHES, SUPERNODES]).items()
        if isinstance(key[0], int) and isinstance(key[1], int)
    }
    if len(cells) < 2:
        return None
    patches, supernodes = (sorted({cell[axis] for cell in cells}) for axis in (0, 1))
    lines = [
        "| | " + " | ".join(f"Q = {each}" for each in supernodes) + " |",
        "| --- |" + " --- |" * len(supernodes),
    ]
    for count in patches:
        found = [cells.get((count, each)) for each in supernodes]
        lines.append(
            f"| K = {count} | " + " | ".join(_spread(own) if own else "" for own in found) + " |"
        )
    return "\n".join(["### Over K and Q\n", *lines, ""])


def options_of(row: AblationRow) -> tuple[str, ...]:
    """Return the varied settings of a row besides K and Q."""
    return tuple(one for one in row.written if one.partition("=")[0] not in (PATCHES, SUPERNODES))


def _mean(rows: Sequence[AblationRow]) -> float:
    errors = [row.validation_error for row in rows if not row.has_failed]
    return fmean(errors) if errors else math.nan


def _spread(rows: Sequence[AblationRow]) -> str:
    errors = [row.validation_error for row in rows]
    text = f"{fmean(errors):.2%}"
    if len(errors) > 1:
        text += f" ({min(errors):.2%} to {max(errors):.2%})"
    return text.replace("%", " %")


def _minutes(rows: Sequence[AblationRow]) -> str:
    known = [row.core_minutes for row in rows if not math.isnan(row.core_minutes)]
    return f"{fmean(known):.1f}" if known else ""
