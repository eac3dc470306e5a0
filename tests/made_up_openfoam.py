"""A body in a wind tunnel, and the small files that OpenFOAM might leave behind."""

from pathlib import Path

import numpy as np
from numpy import ndarray

from mspt.geometry.mesh import box
from mspt.solvers.openfoam.case import Recipe

BODY = box((0.0, -0.2, 0.05), (1.0, 0.2, 0.35))
FIELDS = {"U": "volVectorField"} | dict.fromkeys(("p", "k", "omega", "nut"), "volScalarField")
RECIPE = Recipe(iterations=30, average_from=21)


# Results: small files written by hand as OpenFOAM writes them.

CUBE = np.array([(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)], dtype=float)
# Faces of the boundary point out of the fluid, which is into the cube; the roof is two triangles.
CUBE_FACES = [
    (0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (2, 6, 7, 3), (0, 4, 6, 2), (1, 3, 7), (1, 7, 5),
]  # fmt: skip
CUBE_CENTERS = np.array(
    [
        (0, 0.5, 0.5), (1, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 1, 0.5), (0.5, 0.5, 0),
        (1 / 3, 2 / 3, 1), (2 / 3, 1 / 3, 1),
    ]
)  # fmt: skip
INNER_FACES = [(0, 1, 2), (3, 2, 1, 0, 4)]
COUNT = len(CUBE_FACES)


def foam_file(kind: str, *parts: bytes) -> bytes:
    header = f"FoamFile\n{{\n    format      binary;\n    class       {kind};\n}}\n// * * //\n\n"
    return header.encode() + b"".join(parts) + b"\n\n// **** //\n"


def binary(values: ndarray, kind: str = "<f8") -> bytes:
    return f"\n{len(values)}\n(".encode() + values.astype(kind).tobytes() + b")"


def field_file(inside: ndarray | str, at_body: ndarray | str, *, at_ground: ndarray) -> bytes:
    """A field; strings stand for what OpenFOAM writes instead of a list of values."""

    def entry(values: ndarray | str) -> bytes:
        if isinstance(values, str):
            return values.encode()
        kind = "scalar" if values.ndim == 1 else "vector"
        return f"nonuniform List<{kind}> ".encode() + binary(values)

    def patch(name: str, values: ndarray | str) -> bytes:
        if isinstance(values, str) and values.startswith("type"):
            text = values.encode()
        else:
            text = b"type            calculated;\n        value           " + entry(values)
        return f"    {name}\n    {{\n        ".encode() + text + b";\n    }\n"

    return foam_file(
        "volField",
        b"dimensions      [0 1 -1 0 0 0 0];\n\ninternalField   " + entry(inside) + b";\n\n",
        b"boundaryField\n{\n" + patch("inlet", "uniform (9 9 9)") + patch("ground", at_ground),
        patch("body", at_body) + b"}\n",
    )


def random_values(*shape: int) -> ndarray:
    return np.random.default_rng(sum(shape)).normal(size=shape)


def write_results(folder: Path, *, last: int = 30, averaged: bool = True) -> None:
    mesh, time_folder = folder / "constant/polyMesh", folder / str(last)
    mesh.mkdir(parents=True)
    time_folder.mkdir()
    faces = [*INNER_FACES, *CUBE_FACES]
    offsets = np.cumsum([0, *(len(face) for face in faces)])
    labels = np.array([label for face in faces for label in face])
    (mesh / "points").write_bytes(foam_file("vectorField", binary(CUBE)))
    lists = binary(offsets, "<i4") + b"\n" + binary(labels, "<i4")
    (mesh / "faces").write_bytes(foam_file("faceCompactList", lists))
    owners = np.array([0, 1, *(index % 3 for index in range(COUNT))])
    (mesh / "owner").write_bytes(foam_file("labelList", binary(owners, "<i4")))
    boundary = f"""2
(
    ground {{ type wall; inGroups 1(wall); nFaces 1; startFace 1; }}
    body
    {{
        type            wall;
        inGroups        1(wall);
        nFaces          {COUNT};
        startFace       {len(INNER_FACES)};
    }}
)
"""
    (mesh / "boundary").write_bytes(foam_file("polyBoundaryMesh", boundary.encode()))
    write_fields(time_folder, averaged=averaged)
    forces = folder / "postProcessing/forces/0"
    forces.mkdir(parents=True)
    rows = [f"{i}\t(9 9 9)\t({i} 1e+00 {-i})\t(0.5 -0.25 {2 * i:e})" for i in range(1, last + 1)]
    (forces / "force.dat").write_text("\n".join(["# Force", "# Time (total)", *rows]) + "\n")
    (folder / "simpleFoam.log").write_text(solver_log(last))


def solver_log(last: int) -> str:
    """What simpleFoam prints, with residuals that say their iteration and component."""
    lines = ["Create time", "SIMPLE: convergence criteria", "    field p\t tolerance 0.0001"]
    for i in range(1, last + 1):
        residuals = {"Ux": i + 0.25, "Uy": i + 0.5, "Uz": i, "p": i / 100, "omega": 99, "k": 98}
        lines += ["", f"Time = {i}", ""]
        lines += [
            f"solver:  Solving for {name}, Initial residual = {value:g}, Final residual = 77, "
            "No Iterations 2"
            for name, value in residuals.items()
        ]
        lines += ["time step continuity errors : sum local = 1, global = 2", "ExecutionTime = 1 s"]
    return "\n".join([*lines, "", "End", ""])


def write_fields(folder: Path, *, averaged: bool) -> None:
    scalars, vectors = random_values(2), random_values(2, 3)
    files = {
        # The momentary pressure has no values on the body.
        "p": (random_values(3), "type            zeroGradient", scalars),
        "U": (random_values(3, 3), "type            noSlip", vectors),
        "wallShearStress": ("uniform (0 0 0)", random_values(COUNT, 3), vectors),
        "C": (random_values(3, 3) + 5, "uniform (1 2 3)", vectors),
        "yPlus": ("uniform 0", np.arange(float(COUNT)), scalars),
    }
    if averaged:
        files |= {
            "pMean": (random_values(3) + 10, random_values(COUNT), scalars),
            "UMean": (random_values(3, 3) + 10, "uniform (0 0 0)", vectors),
            "wallShearStressMean": ("uniform (0 0 0)", random_values(COUNT, 3) + 10, vectors),
        }
    for name, (inside, at_body, at_ground) in files.items():
        (folder / name).write_bytes(field_file(inside, at_body, at_ground=at_ground))
