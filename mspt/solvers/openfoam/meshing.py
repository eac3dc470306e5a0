"""The mesh of a case: a box of cells, refined toward the body, with layers on it."""

from typing import Any

from mspt.geometry.mesh import SurfaceMesh

UPSTREAM, DOWNSTREAM, ASIDE = -1.52, 4.0, 1.28


def background(*, cell: float, symmetric: bool) -> dict[str, Any]:
    """Return the settings of blockMesh: a box of equal cells, named on its six sides."""
    side = 0.0 if symmetric else -ASIDE
    low, high = (UPSTREAM, side, 0.0), (DOWNSTREAM, ASIDE, ASIDE)
    count = [max(1, round((b - a) / cell)) for a, b in zip(low, high, strict=True)]
    (x0, y0, z0), (x1, y1, z1) = low, high
    corners = [(x, y, z) for z in (z0, z1) for x, y in ((x0, y0), (x1, y0), (x1, y1), (x0, y1))]
    patches = {
        "inlet": ("patch", [0, 4, 7, 3]),
        "outlet": ("patch", [2, 6, 5, 1]),
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


def around_body(mesh: SurfaceMesh, *, symmetric: bool) -> dict[str, Any]:
    """Return the settings of snappyHexMesh: cells halved toward the body, layers on it."""
    (x0, _, _), (x1, y1, z1) = mesh.bounds.tolist()

    def refinement(low: tuple[float, ...], high: tuple[float, ...]) -> dict[str, Any]:
        below = 0.0 if symmetric else -high[1]
        return {"type": "searchableBox", "min": [low[0], below, -0.1], "max": list(high)}

    boxes = {
        "outer": (refinement((x0 - 0.5,), (x1 + 1.5, y1 + 0.35, z1 + 0.35)), 1),
        "near": (refinement((x0 - 0.15,), (x1 + 0.15, y1 + 0.1, z1 + 0.1)), 2),
        "wake": (refinement((x1 - 0.1,), (x1 + 0.75, y1 + 0.04, z1 + 0.06)), 2),
    }
    corner = [UPSTREAM + 0.0213, ASIDE - 0.0217, ASIDE - 0.0219]
    return {
        "castellatedMesh": True,
        "snap": True,
        "addLayers": True,
        "geometry": {
            "body.stl": {"type": "triSurfaceMesh", "name": "body"},
            **{name: shape for name, (shape, _) in boxes.items()},
        },
        "castellatedMeshControls": {
            "maxLocalCells": 2_000_000,
            "maxGlobalCells": 2_000_000,
            "minRefinementCells": 0,
            "nCellsBetweenLevels": 2,
            "resolveFeatureAngle": 30,
            "allowFreeStandingZoneFaces": True,
            "features": '({ file "body.eMesh"; level 3; })',
            "refinementSurfaces": {"body": {"level": [3, 3]}},
            "refinementRegions": {
                name: {"mode": "inside", "levels": [(1e15, level)]}
                for name, (_, level) in boxes.items()
            },
            "locationInMesh": corner,
        },
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
            "relativeSizes": True,
            "layers": {"body": {"nSurfaceLayers": 2}},
            "expansionRatio": 1.2,
            "finalLayerThickness": 0.4,
            "minThickness": 0.05,
            "nGrow": 0,
            "featureAngle": 130,
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
