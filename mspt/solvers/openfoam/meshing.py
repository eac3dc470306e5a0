"""Settings of the mesh: a box of cells, refined toward the body, with layers of cells on it.

The values come from a study of 48 runs. With 70,000 to 90,000 cells of half a domain, the drag of
most bodies differs by less than 3 % from that on meshes with half as many cells again; it is less
certain for wakes that oscillate. All lengths are in body lengths.
"""

from typing import Any

from mspt.geometry.mesh import SurfaceMesh

UPSTREAM, DOWNSTREAM, ASIDE = -1.52, 4.0, 1.28
"""Ends of the domain along the flow, and its half width and height: multiples of the default
background cell of 0.08."""

SURFACE_LEVEL, NEAR_LEVEL, OUTER_LEVEL = 3, 2, 1
"""Times that background cells are halved: at the body, around it and in its wake, farther away."""

NUM_LAYERS = 2
"""Layers of cells on the body: without them the drag of one car was 0.487 instead of 0.354."""

MAX_CELLS = 2_000_000
"""Limit of the cells during meshing; usual meshes have less than a tenth of it."""

OFF_GRID = (0.0213, 0.0217, 0.0219)
"""Offsets that keep a point off all faces of cells, also after halving them."""


def background_settings(*, cell: float, symmetric: bool) -> dict[str, Any]:
    """Return the settings of blockMesh: a box of equal cells with six named sides.

    Args:
        cell: Edge of the cells.
        symmetric: Whether the domain is the half y >= 0.
    """
    side = 0.0 if symmetric else -ASIDE
    low, high = (UPSTREAM, side, 0.0), (DOWNSTREAM, ASIDE, ASIDE)
    count = [max(1, round((b - a) / cell)) for a, b in zip(low, high, strict=True)]
    (x0, y0, z0), (x1, y1, z1) = low, high
    corners = [(x, y, z) for z in (z0, z1) for x, y in ((x0, y0), (x1, y0), (x1, y1), (x0, y1))]
    patches = {
        "inlet": ("patch", [0, 4, 7, 3]),
        "outlet": ("patch", [2, 6, 5, 1]),
        # Not "symmetryPlane", which would require an exactly flat patch.
        "sym": ("symmetry", [1, 5, 4, 0]),
        "side": ("patch", [3, 7, 6, 2]),
        "ground": ("wall", [0, 3, 2, 1]),
        "top": ("patch", [4, 5, 6, 7]),
    }
    boundary = " ".join(
        f"{name} {{ type {kind}; faces (({' '.join(map(str, face))})); }}"
        for name, (kind, face) in patches.items()
    )
    return {
        "convertToMeters": 1,
        "vertices": corners,
        "blocks": f"(hex (0 1 2 3 4 5 6 7) ({' '.join(map(str, count))}) simpleGrading (1 1 1))",
        "edges": [],
        "boundary": f"({boundary})",
        "mergePatchPairs": [],
    }


def refinement_settings(mesh: SurfaceMesh, *, symmetric: bool) -> dict[str, Any]:
    """Return the settings of snappyHexMesh: refinement toward the body and layers on it.

    Args:
        mesh: Body in the wind-tunnel frame.
        symmetric: Whether the domain is the half y >= 0.
    """
    (x0, _, _), (x1, y1, z1) = mesh.bounds.tolist()

    def refinement(low: tuple[float, ...], high: tuple[float, ...]) -> dict[str, Any]:
        below = 0.0 if symmetric else -high[1]
        # A little below the ground, so that cells at the ground are inside the box.
        return {"type": "searchableBox", "min": [low[0], below, -0.1], "max": list(high)}

    boxes = {
        "outer": (refinement((x0 - 0.5,), (x1 + 1.5, y1 + 0.35, z1 + 0.35)), OUTER_LEVEL),
        "near": (refinement((x0 - 0.15,), (x1 + 0.15, y1 + 0.1, z1 + 0.1)), NEAR_LEVEL),
        "wake": (refinement((x1 - 0.1,), (x1 + 0.75, y1 + 0.04, z1 + 0.06)), NEAR_LEVEL),
    }
    # A point in the fluid: a corner of the domain, far from every body.
    corner = [UPSTREAM + OFF_GRID[0], ASIDE - OFF_GRID[1], ASIDE - OFF_GRID[2]]
    return {
        "castellatedMesh": True,
        "snap": True,
        "addLayers": True,
        "geometry": {
            "body.stl": {"type": "triSurfaceMesh", "name": "body"},
            **{name: shape for name, (shape, _) in boxes.items()},
        },
        "castellatedMeshControls": {
            "maxLocalCells": MAX_CELLS,
            "maxGlobalCells": MAX_CELLS,
            "minRefinementCells": 0,
            "nCellsBetweenLevels": 2,
            "resolveFeatureAngle": 30,
            "allowFreeStandingZoneFaces": True,
            "features": f'({{ file "body.eMesh"; level {SURFACE_LEVEL}; }})',
            "refinementSurfaces": {"body": {"level": [SURFACE_LEVEL, SURFACE_LEVEL]}},
            # In mode "inside" the distance is not used, but must be given.
            "refinementRegions": {
                name: {"mode": "inside", "levels": [(1e15, level)]}
                for name, (_, level) in boxes.items()
            },
            "locationInMesh": corner,
        },
        # Fewer iterations than usual (30, 5 and 10): those took 7 s longer without any gain.
        "snapControls": {
            "nSmoothPatch": 3,
            "tolerance": 2,
            "nSolveIter": 10,
            "nRelaxIter": 3,
            "nFeatureSnapIter": 4,
            "implicitFeatureSnap": False,
            "explicitFeatureSnap": True,
            "multiRegionFeatureSnap": False,
        },
        "addLayersControls": {
            # The outer layer has 0.4 of the height of the cell beside it. Together with the
            # wall functions this gives y+ of about 200 on the body.
            "relativeSizes": True,
            "layers": {"body": {"nSurfaceLayers": NUM_LAYERS}},
            "expansionRatio": 1.2,
            "finalLayerThickness": 0.4,
            "minThickness": 0.05,
            "nGrow": 0,
            "featureAngle": 130,
            # Usually 50 and 20: those took 5 to 10 s longer for the same coverage.
            "nLayerIter": 4,
            "nRelaxIter": 2,
            "nSmoothSurfaceNormals": 1,
            "nSmoothNormals": 3,
            "nSmoothThickness": 10,
            "maxFaceThicknessRatio": 0.5,
            "maxThicknessToMedialRatio": 0.3,
            "minMedialAxisAngle": 90,
            "nBufferCellsNoExtrude": 0,
            "nRelaxedIter": 2,
        },
        # checkMesh then reports only a few skew faces, which do no harm.
        "meshQualityControls": {
            "maxNonOrtho": 65,
            "maxBoundarySkewness": 20,
            "maxInternalSkewness": 4,
            "maxConcave": 80,
            "minVol": 1e-14,
            "minTetQuality": 1e-15,
            "minArea": -1,
            "minTwist": 0.02,
            "minDeterminant": 0.001,
            "minFaceWeight": 0.05,
            "minVolRatio": 0.01,
            "minTriangleTwist": -1,
            "nSmoothScale": 4,
            "errorReduction": 0.75,
            "relaxed": {"maxNonOrtho": 75},
        },
        "mergeTolerance": 1e-6,
    }
