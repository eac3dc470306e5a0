"""Writing the case: schemes, boundary conditions, and what is read out."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mspt.errors import SolverError
from mspt.geometry.files.writers import write_stl
from mspt.geometry.mesh import SurfaceMesh
from mspt.solvers.openfoam.dictionary import write_dictionary
from mspt.solvers.openfoam.meshing import around_body, background

VISCOSITY = 2.5e-7
TURBULENT_ENERGY = 1.5 * 0.01**2
DISSIPATION = TURBULENT_ENERGY / (10 * VISCOSITY)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a flow is computed; the defaults made the data set.

    Attributes:
        cell: Edge of the background cells, in body lengths; the body's are an eighth of it.
        iterations: Of the pressure-velocity coupling, at most.
        average_from: Iteration from which fields and forces are averaged.
        symmetric: Compute y >= 0 only.

    Raises:
        SolverError: If a value is out of range.
    """

    cell: float = 0.08
    iterations: int = 240
    average_from: int = 160
    symmetric: bool = True

    def __post_init__(self) -> None:
        """Refuse meshes that would not fit or averages of nothing."""
        if not 0.04 <= self.cell <= 0.16:
            raise SolverError(f"cell must be 0.04 to 0.16 body lengths, got {self.cell}")
        if not 0 < self.average_from < self.iterations:
            raise SolverError(
                f"average_from must be 1 to {self.iterations - 1}, got {self.average_from}"
            )


def write_case(folder: Path, mesh: SurfaceMesh, recipe: Recipe) -> None:
    """Write everything that OpenFOAM reads for a body in the wind-tunnel frame."""
    files: Mapping[str, Mapping[str, Any]] = {
        "system/controlDict": _control(recipe),
        "system/fvSchemes": _schemes(),
        "system/fvSolution": _solution(),
        "system/blockMeshDict": background(cell=recipe.cell, symmetric=recipe.symmetric),
        "system/surfaceFeatureExtractDict": {
            "body.stl": {
                "extractionMethod": "extractFromSurface",
                "extractFromSurfaceCoeffs": {"includedAngle": 150},
            }
        },
        "system/snappyHexMeshDict": around_body(mesh, symmetric=recipe.symmetric),
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
    for name, (kind, entries) in _fields().items():
        write_dictionary(folder / "start" / name, entries, kind=kind)
    surface = folder / "constant/triSurface/body.stl"
    surface.parent.mkdir(parents=True)
    write_stl(surface, mesh)


def _control(recipe: Recipe) -> dict[str, Any]:
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
        "writeInterval": recipe.iterations,
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
                "rho": "rhoInf",
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
    return {
        "solvers": {
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
            "residualControl": {"p": 1e-4, "U": 1e-5},
        },
        "relaxationFactors": {
            "fields": {"p": 1.0},
            "equations": {"U": 0.9, '"(k|omega)"': 0.8},
        },
        "cache": {"grad(U)": ""},
    }


def _fields() -> dict[str, tuple[str, dict[str, Any]]]:
    """Return class and entries of each start field."""
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

    stream = "uniform (1 0 0)"
    moving = {"type": "fixedValue", "value": stream}
    viscosity = f"uniform {10 * VISCOSITY}"
    wall_viscosity = {"type": "nutkWallFunction", "value": viscosity}
    computed = {"type": "calculated", "value": viscosity}
    return {
        "U": (
            "volVectorField",
            field(
                "[0 1 -1 0 0 0 0]",
                "(1 0 0)",
                inlet=moving,
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
                f"{10 * VISCOSITY}",
                inlet=computed,
                outlet=computed,
                ground=wall_viscosity,
                body=wall_viscosity,
            ),
        ),
    }
