from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_meshes import parse
from mesh_dialects import DIALECTS

from mspt.geometry.mesh import SurfaceMesh


@st.composite
def meshes(draw: st.DrawFn) -> SurfaceMesh:
    """Return triangles whose coordinates are numbers of single precision."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count = draw(st.integers(3, 40))
    size = draw(st.sampled_from([1e-3, 1.0, 1e4]))
    vertices = (size * rng.normal(size=(count, 3))).astype(np.float32).astype(np.float64)
    triangles = np.array([rng.choice(count, 3, replace=False) for _ in range(rng.integers(4, 60))])
    return SurfaceMesh(vertices, triangles)


def read(data: bytes, suffix: str) -> SurfaceMesh:
    with TemporaryDirectory() as folder:
        vertices, triangles = parse(data, suffix, Path(folder))
    return SurfaceMesh(vertices, triangles.astype(np.int64))


@pytest.mark.parametrize("name", DIALECTS)
@settings(max_examples=3, deadline=None)
@given(mesh=meshes())
def test_every_dialect_holds_the_same_triangles(name: str, mesh: SurfaceMesh) -> None:
    found = read(DIALECTS[name](mesh), Path(name).suffix)
    # The poses of glTF multiply coordinates; all others keep each digit.
    error = 2e-6 * np.abs(mesh.vertices).max() if name.endswith(".glb") else 0.0
    if "instanced" in name or "skinned" in name:
        error += 1e-6 * 8
    np.testing.assert_allclose(found.corners, mesh.corners, rtol=0, atol=error)
