"""What a crowd has seen, in one row."""

import csv
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from tests.load.visits import Step

TARGETS = {"median_step_s": 1.0, "p95_step_s": 4.0, "memory_growth": 0.2, "max_mb": 3000.0}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One run.

    Attributes:
        date: Day of the run.
        visitors: At a time, those with a browser included.
        browsers: Visitors with a real browser.
        minutes: Length.
        cpus: Processors of the server.
        steps: Interactions, new tabs included.
        errors: Interactions that failed.
        median_step_s: Seconds until the page was idle after a control or another page.
        p95_step_s: Of these, 95 % took at most this long.
        median_page_s: Of these, those that opened another page.
        p95_page_s: The same.
        median_open_s: Seconds to open a new tab.
        p95_open_s: The same.
        start_mb: Memory of the server before anybody came.
        before_mb: Memory after one visitor had opened each page once.
        max_mb: The most at any time.
        after_mb: Memory once all had left.
    """

    date: str
    visitors: int
    browsers: int
    minutes: float
    cpus: int
    steps: int
    errors: int
    median_step_s: float
    p95_step_s: float
    median_page_s: float
    p95_page_s: float
    median_open_s: float
    p95_open_s: float
    start_mb: int
    before_mb: int
    max_mb: int
    after_mb: int

    def misses(self) -> list[str]:
        """Return which targets are missed, in words."""
        found = [] if self.errors == 0 else [f"{self.errors} errors"]
        if not self.median_step_s <= TARGETS["median_step_s"]:
            found.append(f"median step {self.median_step_s} s")
        if not self.p95_step_s <= TARGETS["p95_step_s"]:
            found.append(f"95 % of steps within {self.p95_step_s} s")
        if self.after_mb > (1 + TARGETS["memory_growth"]) * self.before_mb:
            found.append(f"memory {self.before_mb} MB before and {self.after_mb} MB after")
        if self.max_mb > TARGETS["max_mb"]:
            found.append(f"{self.max_mb} MB at most")
        return found


def quantile(steps: Sequence[Step], share: float) -> float:
    """Return a quantile of the seconds of steps; NaN without steps."""
    return round(float(np.quantile([one.seconds for one in steps], share)), 2) if steps else np.nan


def make_row(
    steps: Sequence[Step],
    *,
    visitors: int,
    browsers: int,
    minutes: float,
    cpus: int,
    memory: tuple[float, float, float, float],
) -> Row:
    """Return the row of a run; memory in MB at the start, before, at most and after."""
    by_kind = defaultdict(list)
    for one in steps:
        by_kind[one.kind].append(one)
    moves = [one for one in steps if one.kind not in ("open", "visit")]
    start, before, most, after = map(round, memory)
    return Row(
        date=datetime.now(UTC).date().isoformat(),
        visitors=visitors,
        browsers=browsers,
        minutes=minutes,
        cpus=cpus,
        steps=len(steps),
        errors=sum(bool(one.error) for one in steps),
        median_step_s=quantile(moves, 0.5),
        p95_step_s=quantile(moves, 0.95),
        median_page_s=quantile(by_kind["page"], 0.5),
        p95_page_s=quantile(by_kind["page"], 0.95),
        median_open_s=quantile(by_kind["open"], 0.5),
        p95_open_s=quantile(by_kind["open"], 0.95),
        start_mb=start,
        before_mb=before,
        max_mb=most,
        after_mb=after,
    )


def append_row(row: Row, path: Path) -> None:
    """Add a row to a table."""
    is_new = not path.exists()
    with path.open("a", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, [one.name for one in fields(Row)], lineterminator="\n")
        if is_new:
            table.writeheader()
        table.writerow(asdict(row))


def by_page(steps: Sequence[Step]) -> str:
    """Return a table of medians, 95 % and errors for each page and kind of visitor."""
    groups = defaultdict(list)
    for one in steps:
        groups[one.tool, one.page or "home", one.kind].append(one)
    lines = ["tool      page        kind      steps  median  95 %   most  errors"]
    for (tool, page, kind), found in sorted(groups.items()):
        errors = sum(bool(one.error) for one in found)
        lines.append(
            f"{tool:9} {page:11} {kind:9} {len(found):5} {quantile(found, 0.5):7.2f} "
            f"{quantile(found, 0.95):6.2f} {quantile(found, 1):6.2f} {errors:5}"
        )
    slow = sorted(steps, key=lambda one: -one.seconds)[:15]
    lines += [
        f"slow: {one.seconds:6.2f} s at {one.begin:5.0f} s: {one.page} {one.what}" for one in slow
    ]
    wrong = Counter(f"{one.page} {one.what}: {one.error}" for one in steps if one.error)
    lines += [f"error, {count} times: {words}" for words, count in wrong.most_common()]
    return "\n".join(lines)
