"""Clouds whose points are described by the shape of the body: more features for a model.

Which groups of descriptors a model reads is said in its config; they come after the features of the
data set. They take half a second a body, so those of training cases are stored in a file each.

Letters: N points, D descriptors.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

from mspt.config import DESCRIPTORS, Descriptor
from mspt.data.case import Quantity
from mspt.data.clouds import Cloud, CloudStack
from mspt.data.dataset import Cases, PointsStored
from mspt.data.files import DATA, read_arrays, write_arrays
from mspt.data.layout import Layout
from mspt.errors import DataError
from mspt.geometry.descriptors.body import LIFT, LOW, NEAR, REACH, SCALES

VERSION = 1
"""Of the stored descriptors; change it with what any of them means."""

FOLDER = "descriptors"
"""Folder, below that of a data set, with the descriptors of its cases."""


def _lengths(name: str, symbol: str, what: str) -> Quantity:
    """Return a length d without an upper limit, on a scale from 0 to 1."""
    words = f"{what}, as d / (d + {NEAR}) of its length d."
    return Quantity(name=name, symbol=symbol, unit="1", description=words)


def _plain(name: str, symbol: str, words: str) -> Quantity:
    return Quantity(name=name, symbol=symbol, unit="1", description=words)


QUANTITIES: Mapping[Descriptor, tuple[Quantity, ...]] = {
    "shelter": (
        _lengths("free_upstream", "d_-", f"Free way upstream, {LIFT} lengths above the wall"),
        _lengths("free_downstream", "d_+", f"Free way downstream, {LIFT} lengths above the wall"),
    ),
    "height": (
        _plain("ground_height", "z", f"Logarithm of one plus the height over {LOW} lengths."),
        _plain("below_roof", "z_r", "Height of the roof line over the point, in body lengths."),
    ),
    "curvature": tuple(
        _plain(name, "r H", f"Mean curvature of the nearest wall within {r} lengths, times these.")
        for name, r in zip(DESCRIPTORS["curvature"], SCALES, strict=True)
    ),
    "thickness": (_lengths("thickness", "t", "Thickness of the body below the nearest wall"),),
    "section": tuple(
        _plain(name, "A", f"Mean cross-section {where} {REACH} lengths, over the largest one.")
        for name, where in zip(DESCRIPTORS["section"], ("of the last", "of the next"), strict=True)
    ),
}
"""What the input features of each group are."""


@cache
def layout_with(layout: Layout, groups: tuple[Descriptor, ...]) -> Layout:
    """Return a layout with these groups of descriptors in place of its own.

    Descriptors are the same on both sides of a plane of symmetry.
    """
    known = {one for group in QUANTITIES.values() for one in group}
    own = tuple(one for one in layout.features if one not in known)
    added = tuple(one for group in groups for one in QUANTITIES[group])
    mirror = layout.mirror
    if mirror is not None:
        count = sum(len(one.channels) for one in own)
        signs = (*mirror.features[:count], *(1.0,) * len(added))
        mirror = replace(mirror, features=signs)
    return replace(layout, features=(*own, *added), mirror=mirror)


def described(cloud: Cloud, groups: tuple[Descriptor, ...], *, folder: Path | None = None) -> Cloud:
    """Return a cloud with these groups of descriptors as its last features, in place of others.

    Args:
        cloud: Points on a body and around it; returned as it is if it has these descriptors.
        groups: As in the config of the model that is to read them.
        folder: Where the descriptors are stored, and read if they are there already.

    Raises:
        DataError: If the body is not known.
        GeometryError: If the body is not the one that the cloud's surface points lie on.
    """
    layout, plain = layout_with(cloud.layout, groups), layout_with(cloud.layout, ())
    if layout == cloud.layout:
        return cloud
    features = cloud.features[:, : len(plain.feature_channels)]
    if groups:
        found = _stored(cloud, folder) if folder else None
        values = _computed(cloud, groups) if found is None else _picked(found, groups)
        features = torch.cat([features, values], dim=1)
    return replace(cloud, features=features, layout=layout)


def _computed(cloud: Cloud, groups: Sequence[Descriptor]) -> Float32[Tensor, "N D"]:
    if cloud.shape is None:
        raise DataError(
            f"descriptors {', '.join(groups)} need the surface of the body, got points without "
            "one; use a model that has none of them, or points of a case or of a shape"
        )
    # Compiles: readers of stored flows need it not.
    from mspt.geometry.descriptors.points import describe_points

    features = cloud.layout.named_features(cloud.features[: cloud.num_surface])
    normals = features["direction"].double().numpy()
    points = cloud.points.double().numpy()
    return torch.from_numpy(describe_points(cloud.shape(), points, normals, groups)).float()


def _picked(
    stored: Float32[Tensor, "N D"], groups: Sequence[Descriptor]
) -> Float32[Tensor, "N _D"]:
    """Return the columns of some groups from those of all groups."""
    columns = [name for names in DESCRIPTORS.values() for name in names]
    return stored[:, [columns.index(name) for group in groups for name in DESCRIPTORS[group]]]


def _stored(cloud: Cloud, folder: Path) -> Float32[Tensor, "N D"]:
    """Return the descriptors of all groups from their file, which is made if it is not there."""
    path = _path(cloud, folder)
    if found := read_arrays(path):
        return torch.from_numpy(found["descriptors"].astype(np.float32))
    values = _computed(cloud, tuple(DESCRIPTORS)).half()
    folder.mkdir(parents=True, exist_ok=True)
    write_arrays(path, {"descriptors": values.numpy()})
    return values.float()


def _path(cloud: Cloud, folder: Path) -> Path:
    """Return the file of a cloud; other points have another one."""
    given = (cloud.points, cloud.features[:, : len(layout_with(cloud.layout, ()).feature_channels)])
    digest = sha256(f"{VERSION} {SCALES} {LIFT} {LOW} {NEAR} {REACH}".encode())
    for values in given:
        digest.update(values.contiguous().numpy().tobytes())
    return folder / f"{digest.hexdigest()[:20]}.npz"


def store_descriptors(
    cases: Cases, groups: Sequence[Descriptor], *, folder: Path | None = None
) -> Iterator[PointsStored]:
    """Store the descriptors of cases that have no file of them yet, yielding after each.

    Args:
        cases: As training reads them.
        groups: Those that a model reads; nothing is done for none.
        folder: Where to; default: below the folder of generated data.

    Raises:
        DataError: If the cases are no flows around bodies, or a body is not known.
    """
    if not groups:
        return
    stack = _flows(cases, groups)
    folder = folder or DATA / stack.dataset / FOLDER
    missing = [k for k, half in enumerate(stack.halves) if not _path(half, folder).exists()]
    for done, index in enumerate(missing, start=1):
        _stored(stack.halves[index], folder)
        yield PointsStored(name=stack.names[index], done=done, total=len(missing))


def described_cases(
    cases: Cases, groups: tuple[Descriptor, ...], *, folder: Path | None = None
) -> Cases:
    """Return cases with the descriptors that a model reads; the same ones for a model without any.

    Args:
        cases: As training reads them.
        groups: As in the config of the model.
        folder: Where the descriptors are stored; default: below the folder of generated data.

    Raises:
        DataError: If the cases are no flows around bodies, or a body is not known.
    """
    if not groups:
        return cases
    stack = _flows(cases, groups)
    folder = folder or DATA / stack.dataset / FOLDER
    return replace(
        stack,
        halves=tuple(described(half, groups, folder=folder) for half in stack.halves),
        layout=layout_with(stack.layout, groups),
    )


def _flows(cases: Cases, groups: Sequence[Descriptor]) -> CloudStack:
    if isinstance(cases, CloudStack):
        return cases
    raise DataError(
        f"descriptors must be none for {cases.dataset}, got {', '.join(groups)}; only flows around "
        "bodies have them"
    )
