import subprocess
import sys

import pytest

HEAVY = ("numba", "pandas", "plotly", "pyvista", "scipy.interpolate", "scipy.sparse", "sklearn")


@pytest.mark.parametrize("module", ["mspt", "mspt.cli.main"])
def test_import_takes_little_more_than_torch(module: str) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    loaded = set(run.stdout.split())
    assert "torch" in loaded
    assert loaded.isdisjoint(HEAVY)
