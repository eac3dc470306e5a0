"""What a data set is: one value that says everything the rest of the project needs to know of it.

A data set is one module in :mod:`mspt.data.sets` that ends in such a value. Nothing outside that
module depends on a data set's name; what a data set can do is stated by its capabilities:
``grid_shape``, ``coarsen``, ``symmetries``, ``drawing``, ``body``, ``mirror``, ``time``,
``regions`` and ``focus``.

Letters: N points, X space axes, T triangles, M points of a coarser cloud.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from jaxtyping import Float32, Int64
from numpy import ndarray
from torch import Tensor

from mspt.config import Preset, TrainConfig, descriptor_channels
from mspt.data.capabilities import Drawing, FlowBodies, Regions, TimeFrames
from mspt.data.case import Case, CaseStack, Quantity
from mspt.data.clouds import CloudStack
from mspt.data.layout import EVERYTHING, FieldGroup, Layout, Mirror
from mspt.data.symmetry import IDENTITY, Symmetry
from mspt.errors import DataError
from mspt.seeding import derive_seed

Cases = CaseStack | CloudStack
"""Cases as training reads them: of one size on top of each other, or clouds drawn from bodies."""


@dataclass(frozen=True, kw_only=True)
class CaseDone:
    """One case was generated, or could not be.

    Attributes:
        index: Index of the case.
        num_done: Cases done so far, including those of earlier runs.
        num_cases: Cases requested.
        seconds: Wall time of this case.
        error: Why it could not be generated; None if it was.
    """

    index: int
    num_done: int
    num_cases: int
    seconds: float
    error: str | None


@dataclass(frozen=True, kw_only=True)
class PointsStored:
    """A case too large to be read in every epoch, of which points are now stored beside it.

    Attributes:
        name: Name of the case.
        done: Cases done of those that had to be.
        total: Cases that had to be done.
    """

    name: str
    done: int
    total: int


@runtime_checkable
class CaseSource(Protocol):
    """Where the cases of a data set lie and how they are read.

    ``root`` is the one folder that is searched; None for ``data/``, then for what ships.
    """

    def names(self, dataset: "Dataset", split: str, root: Path | None) -> tuple[str, ...]:
        """Return the names of a split's cases that are there."""
        ...

    def load(self, dataset: "Dataset", name: str, root: Path | None) -> Any:  # noqa: ANN401
        """Return one case as it is stored."""
        ...

    def cases(
        self,
        dataset: "Dataset",
        split: str,
        root: Path | None,
        limit: int | None,
        train: TrainConfig,
    ) -> Cases:
        """Return the cases of a split, or the first of them, as training reads them."""
        ...

    def prepare(
        self, dataset: "Dataset", split: str, root: Path | None, limit: int | None
    ) -> Iterator[PointsStored]:
        """Do once what would make reading slow in every epoch; nothing for most data sets."""
        ...

    def generate(self, dataset: "Dataset", request: "Request") -> Iterator[CaseDone]:
        """Generate cases, resuming an earlier run."""
        ...

    def ship(
        self, dataset: "Dataset", root: Path, out: Path, limits: Mapping[str, int]
    ) -> Mapping[str, int]:
        """Copy generated data in compact form to ``out``; return the bytes of each file.

        Splits with a limit are copied up to so many cases, the first ones.
        """
        ...

    def at_hand(self, dataset: "Dataset", root: Path | None) -> Mapping[str, int]:
        """Return how many cases of each split are there."""
        ...


@dataclass(frozen=True, kw_only=True)
class Request:
    """What to generate.

    Attributes:
        num_cases: The first cases; None for all.
        per_split: Only the first cases of each split: a small set to try things with.
        seed: Every case draws from this seed and its own index.
        out: Folder with one folder for each data set.
        jobs: Processes that work at the same time.
        mesh: For data sets with ``body.meshes``: solve test cases on this other mesh.
        first: For data sets with ``body``: index of the first case.
    """

    num_cases: int | None = None
    per_split: int | None = None
    seed: int = 0
    out: Path
    jobs: int = 1
    mesh: str | None = None
    first: int = 0


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """One data set.

    Attributes:
        name: The word for it on the command line and in files.
        title: The words for it on screen.
        equation: LaTeX.
        geometry: Domain and points, in words.
        solver: Scheme and measured errors, in words; for public data who computed them.
        licence: Licence of the data.
        publication: Who published the data, and where; empty for data generated here.
        files: Files that public data are read from; empty for data generated here.
        space_dim: Space axes X.
        layout: What the channels are: features, fields, groups that are scored, mirror image.
        splits: Cases of each split, in the order of their indices; None where a number is not
            known before the files are there.
        source: Where the cases lie and how they are read.
        presets: Training runs by name; the data set's own name is the default.
        seconds_per_case: Processor seconds to generate one case, measured on one core; None where
            cases are not generated.
        make_case: Solve the case of a seed; the same seed always gives the same case.
        shared_points: The points of all cases; None where each case stores its own.
        stores_points: Whether files hold the points of each case, unless all share them.
        complete: Fill in what files do not hold: quantities that are not stored, and points that
            are neither stored nor shared; None where nothing is missing.
        make_triangles: The triangles for drawing that all cases share; None for clouds.
        grid_shape: Rows and columns where the points are a grid, row by row, perhaps a bent one;
            else None.
        coarsen: Return the points kept by a share (0.5 or 0.25) of them, None where there is no
            such share; None for a data set that has no coarser points.
        stored_bits: Bits of the codes that features and fields are stored as; fewer compress better
            where an error of storing below 0.1 % allows it.
        symmetries: What turns one solution into another, point by point; the identity first.
        drawing: How a case is drawn by hand; None where it cannot be.
        body: What flows around bodies add; None for other data.
        time: Frames in time; None for steady data.
        regions: Parts of a case with errors of their own; None where there are none.
        focus: Lower and upper corner of what pictures show at first, where the domain is much
            larger than what is of interest in it; None for all points.
        length_unit: Unit of the coordinates, in words.
        training_facts: Return what a checkpoint's header stores of the training cases.
    """

    name: str
    title: str
    equation: str
    geometry: str
    solver: str
    licence: str
    space_dim: int
    layout: Layout
    splits: Mapping[str, int | None]
    source: CaseSource
    presets: Mapping[str, Preset] = field(default_factory=dict)
    publication: str = ""
    files: str = ""
    seconds_per_case: float | None = None
    make_case: Callable[[int], Case] | None = None
    shared_points: Callable[[], Float32[Tensor, "N X"]] | None = None
    stores_points: bool = True
    complete: Callable[[CaseStack], CaseStack] | None = None
    make_triangles: Callable[[], Int64[Tensor, "T 3"]] | None = None
    grid_shape: tuple[int, int] | None = None
    coarsen: Callable[[float], Int64[ndarray, " M"] | None] | None = None
    stored_bits: int = 16
    symmetries: tuple[Symmetry, ...] = (IDENTITY,)
    drawing: Drawing | None = None
    body: FlowBodies | None = None
    time: TimeFrames | None = None
    regions: Regions | None = None
    focus: tuple[tuple[float, ...], tuple[float, ...]] | None = None
    length_unit: str = "domain sides"
    training_facts: Callable[[Any], dict[str, Any]] | None = None

    def __post_init__(self) -> None:
        """Reject presets and frames that do not fit the channels."""
        sizes = self.space_dim, len(self.layout.feature_channels), len(self.layout.field_channels)
        for name, preset in self.presets.items():
            model = preset.model
            own_features = model.in_features - len(descriptor_channels(model.descriptors))
            found = model.space_dim, own_features, model.out_channels * model.rollout
            if found != sizes:
                raise ValueError(
                    f"preset {name} must have space_dim, in_features and out_channels {sizes}, got "
                    f"{found}"
                )
            if model.rollout > 1 and (
                self.time is None
                or len(self.time.inputs) != model.input_frames
                or self.layout.groups != (EVERYTHING,)
            ):
                raise ValueError(
                    f"preset {name} must have a rollout of 1 for a data set whose frames are not "
                    f"{model.input_frames} features and all fields, scored as one group; got "
                    f"{model.rollout}"
                )
        num_fields, num_features = len(self.fields), len(self.features)
        if self.time and (
            len(self.time.inputs) > num_features or num_fields % len(self.time.outputs)
        ):
            raise ValueError(
                f"time must have a frame for each of the {num_fields} fields, or for as many of "
                f"them in each, and at most one for each of the {num_features} features, got "
                f"{len(self.time.outputs)} and {len(self.time.inputs)}"
            )

    @property
    def features(self) -> tuple[Quantity, ...]:
        """What the model reads at each point besides the coordinates."""
        return self.layout.features

    @property
    def fields(self) -> tuple[Quantity, ...]:
        """What the model predicts at each point."""
        return self.layout.fields

    @property
    def primary(self) -> FieldGroup:
        """The group of fields that the primary score is about."""
        return self.layout.groups[0]

    @property
    def mirror(self) -> Mirror | None:
        """The mirror image of the stored side of a body; None where both are stored."""
        return self.layout.mirror

    @property
    def num_cases(self) -> int:
        """All cases of all splits, as far as their numbers are known."""
        return sum(size or 0 for size in self.splits.values())

    @property
    def can_generate(self) -> bool:
        """Whether this project generates the cases; public data are read from files."""
        return self.seconds_per_case is not None

    def indices(self, split: str) -> range:
        """Return the indices of a split's cases, where splits are runs of indices.

        Raises:
            DataError: If there is no such split.
        """
        self.check_split(split)
        start = 0
        for name, size in self.splits.items():
            if name == split:
                return range(start, start + (size or 0))
            start += size or 0
        raise AssertionError  # pragma: no cover - check_split has refused other names

    def check_split(self, split: str) -> None:
        """Refuse a split that the data set does not have.

        Raises:
            DataError: With the splits it has.
        """
        if split not in self.splits:
            raise DataError(f"split must be one of {', '.join(self.splits)}, got {split!r}")

    def case_name(self, index: int) -> str:
        """Return the name of a case, such as ``darcy-0007``."""
        return f"{self.name}-{index:04d}"

    def case_index(self, case: str) -> int:
        """Return the index of a case from its name.

        Raises:
            DataError: If the data set has no such case.
        """
        digits = case.removeprefix(f"{self.name}-")
        known = digits != case and digits.isdecimal() and int(digits) < self.num_cases
        if not known:
            last = self.case_name(self.num_cases - 1)
            raise DataError(f"case must be one of {self.case_name(0)} to {last}, got {case!r}")
        return int(digits)

    def case_seed(self, index: int, *, seed: int = 0) -> int:
        """Return the seed that makes a case; what ships was made with seed 0."""
        return derive_seed(seed, "case", self.name, index)

    def names(self, split: str = "test", *, root: Path | None = None) -> tuple[str, ...]:
        """Return the names of a split's cases that are there.

        Raises:
            DataError: If there is no such split.
        """
        self.check_split(split)
        return self.source.names(self, split, root)

    def load(self, name: str, *, root: Path | None = None) -> Any:  # noqa: ANN401
        """Return one case as it is stored.

        Raises:
            DataError: If there is no such case.
        """
        return self.source.load(self, name, root)

    def cases(
        self,
        split: str,
        *,
        root: Path | None = None,
        limit: int | None = None,
        train: TrainConfig | None = None,
    ) -> Cases:
        """Return the cases of a split, or the first of them, as training reads them.

        Args:
            split: One of ``splits``.
            root: Folder with one folder for each data set, the only one that is searched; default:
                ``data``, then what ships with the project.
            limit: Return only the first cases.
            train: Says how many points are drawn of each body; needed for clouds only.

        Raises:
            DataError: If they are not there; the message says how to get them.
        """
        self.check_split(split)
        if limit is not None and limit < 1:
            raise DataError(f"limit must be at least 1, got {limit}")
        return self.source.cases(self, split, root, limit, train or TrainConfig(epochs=1))
