"""Errors that others have published, to be read beside those of this project and not against them.

The published models were trained on the public files for hundreds of epochs, those of this project
on data of its own solvers for a small budget. All numbers are mean relative L2 errors in percent
over the test cases. Cells of the paper are from notes about it that agree with each other and from
an index of published results.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["paper", "published", "re-run"]
KINDS: dict[Kind, str] = {
    "paper": "from the paper",
    "published": "published by its authors",
    "re-run": "run again by others",
}
"""The words for where a number comes from."""


@dataclass(frozen=True, kw_only=True)
class PublishedError:
    """One published number.

    Attributes:
        dataset: Data set.
        method: Method.
        percent: Mean relative L2 error in percent.
        kind: ``paper`` for the paper of MSPT; ``published`` for another one's own number;
            ``re-run`` where somebody ran the code of others.
        source: Who, and where.
        note: What the number is of, if it is not the one field of the data set.
    """

    dataset: str
    method: str
    percent: float
    kind: Kind
    source: str
    note: str = ""


SETS = ("elasticity", "plasticity", "airfoil", "pipe", "navier_stokes", "darcy")
"""The six standard sets, in the order of the table's columns."""

TABLE_2, TABLE_3, TABLE_4 = (f"arXiv 2512.01738, Table {number}" for number in (2, 3, 4))

_Row = tuple[str, Kind, str, Sequence[float | None]]
_STANDARD: tuple[_Row, ...] = (
    ("MSPT", "paper", TABLE_2, (0.48, 0.10, 0.51, 0.31, 6.32, 0.63)),
    ("Transolver", "paper", TABLE_2, (0.64, 0.12, 0.53, 0.33, 9.00, 0.57)),
    ("Erwin", "paper", TABLE_2, (0.34, 0.10, 2.57, 0.61, None, None)),
    (
        "Transolver",
        "re-run",
        "PaddlePaddle community, request for comments",
        (0.72, 0.13, 0.49, 0.47, None, 0.49),
    ),
    ("Transolver", "re-run", "repository of LNO", (0.62, 0.12, 0.47, 0.31, 8.79, 0.58)),
    (
        "Transolver",
        "re-run",
        "paper of FLARE++, one backbone for all methods",
        (0.72, None, 0.60, 0.38, None, 1.04),
    ),
    (
        "Transolver",
        "re-run",
        "xjffff/FUNCATTN, table of results",
        (0.64, 0.13, 0.53, 0.31, 9.44, 0.57),
    ),
    (
        "Transolver",
        "re-run",
        "authors of LaMO, least of their runs (M3RG-IITD/LaMO, issue 2)",
        (0.68, None, None, None, None, None),
    ),
    (
        "Transolver",
        "re-run",
        "authors of LaMO, largest of their runs (M3RG-IITD/LaMO, issue 2)",
        (0.92, None, None, None, None, None),
    ),
    (
        "Transolver++",
        "published",
        "figure in its repository",
        (0.52, 0.11, 0.48, 0.27, 7.19, 0.49),
    ),
    (
        "Transolver++",
        "re-run",
        "authors of MSPT (arXiv 2512.01738, Table 9)",
        (1.54, None, None, None, None, None),
    ),
    (
        "Transolver++",
        "re-run",
        "a user (thuml/Transolver_plus, issue 8)",
        (1.1, 0.19, 0.9, 0.5, 18.0, 1.5),
    ),
    (
        "Transolver++",
        "re-run",
        "paper of FLARE++, one backbone for all methods",
        (1.02, None, 1.27, 0.76, None, 2.76),
    ),
    ("LNO", "published", "its repository", (0.52, 0.29, 0.51, 0.26, 8.45, 0.49)),
    (
        "LNO",
        "re-run",
        "with the 200 test cases of the others (L-I-M-I-T/LatentNeuralOperator, pull request 6)",
        (1.53, None, None, None, None, None),
    ),
    (
        "LNO",
        "re-run",
        "xjffff/FUNCATTN, table of results",
        (0.73, 0.31, 0.54, 0.25, 8.45, 0.60),
    ),
    (
        "LaMO",
        "published",
        "mean of three runs: 0.522, 0.606, 0.509 % (M3RG-IITD/LaMO, issue 2)",
        (0.546, None, None, None, None, None),
    ),
    ("LinearNO", "published", "arXiv 2511.06294", (0.50, 0.11, 0.49, 0.24, 6.99, 0.50)),
    ("HiLNO", "published", "its paper", (None, None, 0.46, None, None, 0.37)),
    ("FLARE++", "published", "its paper", (0.38, None, 0.52, 0.34, None, 0.59)),
    ("FuncAttn", "published", "xjffff/FUNCATTN", (0.50, 0.11, 0.43, 0.29, 8.00, 0.42)),
    ("LRSA", "published", "arXiv 2604.03582", (0.33, 0.05, 0.42, 0.23, 4.84, 0.43)),
    (
        "LRSA",
        "published",
        "one released checkpoint a set (Adversarr/LRSA-Operator)",
        (0.308, 0.0465, 0.376, 0.231, 4.21, 0.432),
    ),
)

PRESSURE, VELOCITY = "pressure on the surface", "velocity off the surface"
_FLOW_SETS: tuple[tuple[str, str, Kind, str, float | None, float | None], ...] = (
    ("shapenet_car", "MSPT", "paper", TABLE_3, 7.41, 1.89),
    ("shapenet_car", "Transolver", "paper", TABLE_3, 7.45, 2.07),
    ("shapenet_car", "Transolver", "re-run", "PaddlePaddle community", 7.69, 2.11),
    ("shapenet_car", "Transolver", "re-run", "paper of HiLNO", 7.88, 2.21),
    ("shapenet_car", "AB-UPT", "published", "arXiv 2502.09692", 4.81, 1.16),
    ("shapenet_car", "AB-UPT", "re-run", "authors of MSPT (Table 10)", 7.67, 2.51),
    ("shapenet_car", "LinearNO", "re-run", "paper of HiLNO", 7.66, 1.98),
    ("shapenet_car", "HiLNO", "published", "its paper", 7.53, 2.20),
    ("ahmedml", "MSPT", "paper", TABLE_4, 3.22, 2.04),
    ("ahmedml", "Transolver", "paper", TABLE_4, 3.45, 2.05),
    ("ahmedml", "AB-UPT", "published", "arXiv 2502.09692", 3.01, 1.90),
    ("ahmedml", "AB-UPT", "re-run", "authors of MSPT (Table 4)", 4.33, 2.39),
)


def published_errors(dataset: str) -> tuple[PublishedError, ...]:
    """Return the published numbers of a data set; none for sets that are this project's own.

    Examples:
        >>> published_errors("darcy")[0].percent
        0.63
        >>> published_errors("car")
        ()
    """
    return tuple(one for one in _every() if one.dataset == dataset)


def _every() -> Iterator[PublishedError]:
    for method, kind, source, cells in _STANDARD:
        for dataset, percent in zip(SETS, cells, strict=True):
            if percent is not None:
                yield PublishedError(
                    dataset=dataset, method=method, percent=percent, kind=kind, source=source
                )
    for dataset, method, kind, source, *cells in _FLOW_SETS:
        for note, percent in zip((PRESSURE, VELOCITY), cells, strict=True):
            if percent is not None:
                yield PublishedError(
                    dataset=dataset,
                    method=method,
                    percent=percent,
                    kind=kind,
                    source=source,
                    note=note,
                )


def paper_error(dataset: str, method: str = "MSPT") -> float | None:
    """Return the error of a method in the paper as a share; None where it has none.

    Examples:
        >>> round(paper_error("darcy"), 6)
        0.0063
    """
    found = [
        one.percent / 100
        for one in published_errors(dataset)
        if one.kind == "paper" and one.method == method
    ]
    return found[0] if found else None


def band(dataset: str, method: str) -> tuple[float, float] | None:
    """Return the least and the largest published error of a method, as shares; re-runs count.

    Only the first quantity of a data set counts where it has several.

    Examples:
        >>> low, high = band("darcy", "Transolver")
        >>> round(100 * low, 2), round(100 * high, 2)
        (0.49, 1.04)
    """
    own = [one for one in published_errors(dataset) if one.method == method]
    found = [one.percent / 100 for one in own if one.note == own[0].note]
    return (min(found), max(found)) if found else None
