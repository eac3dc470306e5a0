"""Writer of the case: numerical schemes, boundary conditions and output."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mspt.errors import SolverError
from mspt.geometry.files.writers import write_stl
from mspt.geometry.mesh import SurfaceMesh
from mspt.solvers.openfoam.dictionary import write_dictionary
from mspt.solvers.openfoam.meshing import background_settings, refinement_settings

VISCOSITY = 2.5e-7
"""Kinematic viscosity for speed 1 and length 1: a Reynolds number of 4e6."""

TURBULENT_ENERGY = 1.5 * 0.01**2
"""Turbulent kinetic energy k of the free stream, for a turbulence intensity of 1 %."""

VISCOSITY_RATIO = 10
"""Eddy viscosity of the free stream over the molecular one."""

DISSIPATION = TURBULENT_ENERGY / (VISCOSITY_RATIO * VISCOSITY)
"""Specific dissipation rate omega of the free stream."""

STEADY_RESIDUALS = {"p": 1e-4, "U": 1e-5}
"""Residuals below which a flow counts as steady, so that the computation ends."""

CELL_RANGE = (0.04, 0.16)
"""Accepted edges of background cells: half to twice the default."""

FEATURE_ANGLE = 150
"""Edges with a smaller included angle are kept sharp by the mesh."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Settings of a computation; the defaults are those of the data set.

    Attributes:
        cell: Edge of the background cells, in body lengths; cells at the body are an eighth of it.
        iterations: Largest number of iterations of the pressure-velocity coupling.
        average_from: Iteration from which fields and forces are averaged, because the wakes of
            many bodies oscillate.
        symmetric: Whether only the half y >= 0 is computed.

    Raises:
        SolverError: If a value is out of range.
    """

    cell: float = 0.08
    iterations: int = 240
    average_from: int = 160
    symmetric: bool = True

    def __post_init__(self) -> None:
        """Reject cells that are too small or too large, and averages over no iteration."""
        low, high = CELL_RANGE
        if not low <= self.cell <= high:
            raise SolverError(
                f"cell must be {low} to {high} body lengths, got {self.cell}; "
                "the data set uses 0.08"
            )
        if not 0 < self.average_from < self.iterations:
            raise SolverError(
                f"average_from must be 1 to {self.iterations - 1}, got {self.average_from}; "
                "average over the last iterations"
            )


def write_openfoam_case(folder: Path, mesh: SurfaceMesh, recipe: Recipe) -> None:
    """Write all input files of OpenFOAM for a body.

    Args:
        folder: Folder of the case.
        mesh: Body in the wind-tunnel frame.
        recipe: Settings.
    """
    files: Mapping[str, Mapping[str, Any]] = {
        "system/controlDict": _control(recipe),
        "system/fvSchemes": _schemes(),
        "system/fvSolution": _solution(),
        "system/blockMeshDict": background_settings(cell=recipe.cell, symmetric=recipe.symmetric),
        "system/surfaceFeatureExtractDict": {
            "body.stl": {
                "extractionMethod": "extractFromSurface",
                "extractFromSurfaceCoeffs": {"includedAngle": FEATURE_ANGLE},
            }
        },
        "system/snappyHexMeshDict": refinement_settings(mesh, symmetric=recipe.symmetric),
        "constant/transportProperties": {
            "transportModel": "Newtonian",
            "nu": f"[0 2 -1 0 0 0 0] {VISCOSITY}",
        },
        "constant/turbulenceProperties": {
            "simulationType": "RAS",
            "RAS": {"RASModel": "kOmegaSST", "turbulence": True, "printCoeffs": False},
        },
    }
    for name, entries in files.items():
        write_dictionary(folder / name, entries)
    # The fields name the patch of the body, which exists only after meshing. They wait in a folder
    # of their own until then.
    for name, (kind, entries) in _fields().items():
        write_dictionary(folder / "start" / name, entries, kind=kind)
    surface = folder / "constant/triSurface/body.stl"
    surface.parent.mkdir(parents=True)
    write_stl(surface, mesh)


def _control(recipe: Recipe) -> dict[str, Any]:
    """Return controlDict: iterations and output (wall shear, means, forces, y+, cell centers)."""
    every_step = {"executeControl": "timeStep", "executeInterval": 1}
    at_end = {"executeControl": "writeTime", "writeControl": "writeTime"}
    return {
        "application": "simpleFoam",
        "startFrom": "startTime",
        "startTime": 0,
        "stopAt": "endTime",
        "endTime": recipe.iterations,
        "deltaT": 1,
        "writeControl": "timeStep",
        "writeInterval": recipe.iterations,  # only the last iteration, or the one that is steady
        "purgeWrite": 1,
        "writeFormat": "binary",
        "writePrecision": 8,
        "timeFormat": "general",
        "runTimeModifiable": False,
        "functions": {
            "shear": {
                "type": "wallShearStress",
                "libs": ["fieldFunctionObjects"],
                "patches": ["body"],
                "log": False,
                **every_step,
                "writeControl": "writeTime",
            },
            "means": {
                "type": "fieldAverage",
                "libs": ["fieldFunctionObjects"],
                "timeStart": recipe.average_from,
                "fields": "("
                + " ".join(
                    f"{name} {{ mean on; prime2Mean off; base time; }}"
                    for name in ("U", "p", "wallShearStress")
                )
                + ")",
                **every_step,
                "writeControl": "writeTime",
            },
            "forces": {
                "type": "forces",
                "libs": ["forces"],
                "patches": ["body"],
                "rho": "rhoInf",  # a kinematic pressure needs a density, here 1
                "rhoInf": 1,
                "CofR": [0, 0, 0],
                "log": False,
                "writeControl": "timeStep",
                "writeInterval": 1,
            },
            "layers": {"type": "yPlus", "libs": ["fieldFunctionObjects"], "log": False, **at_end},
            "centres": {
                "type": "writeCellCentres",
                "libs": ["fieldFunctionObjects"],
                **at_end,
            },
        },
    }


def _schemes() -> dict[str, Any]:
    """Return fvSchemes: second order for the velocity, first order for the turbulence."""
    limited = "cellLimited Gauss linear 1"
    return {
        "ddtSchemes": {"default": "steadyState"},
        "gradSchemes": {
            "default": "Gauss linear",
            "grad(U)": limited,
            "grad(k)": limited,
            "grad(omega)": limited,
        },
        "divSchemes": {
            "default": "none",
            # "bounded" removes the divergence of a flux that is not yet conservative.
            "div(phi,U)": "bounded Gauss linearUpwindV grad(U)",
            "div(phi,k)": "bounded Gauss upwind",
            "div(phi,omega)": "bounded Gauss upwind",
            "div((nuEff*dev2(T(grad(U)))))": "Gauss linear",
        },
        "laplacianSchemes": {"default": "Gauss linear limited corrected 0.5"},
        "interpolationSchemes": {"default": "linear"},
        "snGradSchemes": {"default": "limited corrected 0.5"},
        "wallDist": {"method": "meshWave"},
    }


def _solution() -> dict[str, Any]:
    """Return fvSolution: SIMPLEC, whose high relaxation factors converge in 130 to 240 iterations.

    A factor of 0.7 for the velocity converges much more slowly, and a relative tolerance of 0.1
    for the pressure saves no time.
    """
    return {
        "solvers": {
            # The pressure equation is the expensive one: multigrid.
            "p": {
                "solver": "GAMG",
                "smoother": "GaussSeidel",
                "tolerance": 1e-7,
                "relTol": 0.05,
            },
            '"(U|k|omega)"': {
                "solver": "smoothSolver",
                "smoother": "symGaussSeidel",
                "tolerance": 1e-9,
                "relTol": 0.1,
                "maxIter": 5,
            },
        },
        "SIMPLE": {
            "consistent": True,
            "nNonOrthogonalCorrectors": 0,
            # Steady flows reach these residuals after 130 to 190 iterations and stop.
            "residualControl": STEADY_RESIDUALS,
        },
        "relaxationFactors": {
            "fields": {"p": 1.0},
            "equations": {"U": 0.9, '"(k|omega)"': 0.8},
        },
        "cache": {"grad(U)": ""},
    }


def _fields() -> dict[str, tuple[str, dict[str, Any]]]:
    """Return class and entries of each initial field.

    The flow starts uniform. A potential flow as start made the solver diverge or lose 50 to 100
    iterations, because of its high speeds at corners.
    """
    slip = {"type": "slip"}
    mirror = {"type": "symmetry"}
    zero_gradient = {"type": "zeroGradient"}

    def field(dimensions: str, start: str, **patches: dict[str, Any]) -> dict[str, Any]:
        sides = {"side": slip, "top": slip, "sym": mirror}
        return {
            "dimensions": dimensions,
            "internalField": f"uniform {start}",
            "boundaryField": sides | patches,
        }

    def scalar(dimensions: str, start: float, wall: str) -> dict[str, Any]:
        value = f"uniform {start}"
        at_wall = {"type": wall, "value": value}
        return field(
            dimensions,
            f"{start}",
            inlet={"type": "fixedValue", "value": value},
            outlet={"type": "inletOutlet", "inletValue": value, "value": value},
            ground=at_wall,
            body=at_wall,
        )

    # The start value of the eddy viscosity is that of the free stream.
    stream = "uniform (1 0 0)"
    moving = {"type": "fixedValue", "value": stream}  # the ground moves with the free stream
    viscosity = f"uniform {VISCOSITY_RATIO * VISCOSITY}"
    wall_viscosity = {"type": "nutkWallFunction", "value": viscosity}
    computed = {"type": "calculated", "value": viscosity}
    return {
        "U": (
            "volVectorField",
            field(
                "[0 1 -1 0 0 0 0]",
                "(1 0 0)",
                inlet=moving,
                # Where the wake flows back through the outlet, fluid at rest enters.
                outlet={"type": "inletOutlet", "inletValue": "uniform (0 0 0)", "value": stream},
                ground=moving,
                body={"type": "noSlip"},
            ),
        ),
        "p": (
            "volScalarField",
            field(
                "[0 2 -2 0 0 0 0]",
                "0",
                inlet=zero_gradient,
                outlet={"type": "fixedValue", "value": "uniform 0"},
                ground=zero_gradient,
                body=zero_gradient,
            ),
        ),
        "k": ("volScalarField", scalar("[0 2 -2 0 0 0 0]", TURBULENT_ENERGY, "kqRWallFunction")),
        "omega": ("volScalarField", scalar("[0 0 -1 0 0 0 0]", DISSIPATION, "omegaWallFunction")),
        "nut": (
            "volScalarField",
            field(
                "[0 2 -1 0 0 0 0]",
                f"{VISCOSITY_RATIO * VISCOSITY}",
                inlet=computed,
                outlet=computed,
                ground=wall_viscosity,
                body=wall_viscosity,
            ),
        ),
    }
