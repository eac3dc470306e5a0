"""Cases in time and on grids that are bent, with made-up fields: no solver runs."""

import numpy as np
import torch

from mspt.data.case import Case, CaseStack
from mspt.data.sets.airfoil import AIRFOIL
from mspt.data.sets.airfoil import complete as complete_airfoils
from mspt.data.sets.navier_stokes import NAVIER_STOKES, torus_points
from mspt.data.sets.plasticity import PLASTICITY, make_points
from mspt.data.sets.plasticity import complete as complete_blocks


def torus_case(*, seed: int = 0) -> Case:
    """Random vorticities, which grow in time."""
    random = torch.Generator().manual_seed(seed)
    points = torus_points()
    frames = torch.randn(len(points), 20, generator=random) * torch.arange(1, 21)
    return Case(
        dataset="navier_stokes",
        name=NAVIER_STOKES.case_name(1100 + seed),
        points=points,
        features=frames[:, :10],
        fields=frames[:, 10:],
        triangles=NAVIER_STOKES.make_triangles(),
    )


def block_case(*, seed: int = 0) -> Case:
    """A block that is sheared and pressed further at each time, by a random amount."""
    random = np.random.default_rng(seed)
    points, count = make_points(), len(PLASTICITY.time.outputs)
    slide, press = random.uniform(0.1, 1.0, 2)
    fields = torch.zeros(1, len(points), 4 * count)
    for frame in range(count):
        share = (frame + 1) / count
        fields[0, :, 4 * frame + 2] = slide * share * points[:, 1]
        fields[0, :, 4 * frame + 3] = -press * share * points[:, 1]
    stack = CaseStack(
        dataset="plasticity",
        names=(PLASTICITY.case_name(1000 + seed),),
        points=points[None],
        features=torch.zeros(1, len(points), 1),
        fields=fields,
        triangles=PLASTICITY.make_triangles(),
    )
    return complete_blocks(stack).case(0)


def airfoil_case() -> Case:
    """The undeformed airfoil with a Mach number that grows along x."""
    count = 221 * 51
    stack = CaseStack(
        dataset="airfoil",
        names=(AIRFOIL.case_name(1100),),
        points=torch.zeros(1, count, 2),
        features=torch.zeros(1, count, 3),
        fields=torch.zeros(1, count, 1),
        triangles=AIRFOIL.make_triangles(),
    )
    case = complete_airfoils(stack).case(0)
    case.fields[:, 0] = 0.8 + 0.1 * case.points[:, 0]
    return case
