"""Files built to do damage: they lie about sizes, refer to themselves, unpack to gigabytes."""

import gzip
import io
import json
import pickle
import re
import struct
import zipfile
from collections.abc import Iterator
from copy import copy

import numpy as np
import torch
from fuzz_files import CHECKPOINT, DRAWING, FLOW, MESH, PUBLISHED, Made, good_files, npy, npz
from made_up_meshes import brick_gltf, glb


def hostile() -> Iterator[Made]:
    """Yield files that lie about their sizes, refer to themselves, or unpack to gigabytes."""
    yield from _hostile_meshes()
    yield from _hostile_gltf()
    yield from _hostile_models()
    yield from _hostile_drawings()


def _hostile_meshes() -> Iterator[Made]:
    vtp = next(one.data for one in good_files() if one.name.startswith(".vtp text")).decode()
    bomb = (
        b'<?xml version="1.0"?><!DOCTYPE b [<!ENTITY e0 "ha">%s]><VTKFile>&e12;</VTKFile>'
        % b"".join(b'<!ENTITY e%d "%s">' % (n, b"&e%d;" % (n - 1) * 10) for n in range(1, 13))
    )
    inflated = gzip.compress(bytes(100 * 1024**2), compresslevel=1, mtime=0)
    axes = b"".join(b"property float %c\n" % axis for axis in b"xyz")
    ply = b"ply\nformat %s 1.0\nelement vertex %d\n" + axes
    legacy = b"# vtk DataFile Version 3.0\na\n%s\nDATASET %s\n"
    outside = b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>'
    faces = b"element face %d\nproperty list %s int vertex_indices\nend_header\n"
    many = b"property float a\n" * 200_000
    files = {
        ".stl bomb": (".stl", inflated),
        ".stl nothing but a count": (".stl", bytes(80) + b"\xff\xff\xff\xff"),
        ".stl of one endless line": (".stl", b"solid " + b"a" * 5_000_000),
        ".obj index": (".obj", b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 99999999\n"),
        ".obj of one endless line": (".obj", b"f" + b" 1" * 2_000_000),
        ".obj of many slashes": (".obj", b"v 0 0 0\nf " + b"1/" * 1_000_000 + b"1 1 1\n"),
        ".obj of many vertices": (".obj", b"v 1 2 3\n" * 500_000),
        ".obj of digits": (".obj", b"v " + b"9" * 3_000_000 + b" 0 0\nf 1 1 1\n"),
        ".ply 4e9 rows": (".ply", ply % (b"ascii", 4 * 10**9) + faces % (4, b"uchar") + b"0 0 0\n"),
        ".ply 1e15 rows": (".ply", ply % (b"binary_little_endian", 10**15) + faces % (9, b"uchar")),
        ".ply long lists": (
            ".ply",
            ply % (b"binary_little_endian", 3)
            + faces % (2, b"uint")
            + bytes(36)
            + b"\xff\xff\xff\xff" * 8,
        ),
        ".ply of many properties": (".ply", ply % (b"ascii", 3) + many + faces % (1, b"uchar")),
        ".ply of many elements": (
            ".ply",
            b"ply\nformat ascii 1.0\n" + b"element face 99999999\n" * 50_000 + b"end_header\n",
        ),
        ".ply without an end": (".ply", ply % (b"ascii", 3) + b"comment a\n" * 300_000),
        ".vtp 9e9 points": (
            ".vtp",
            re.sub(r'NumberOfPoints="\d+"', 'NumberOfPoints="9000000000"', vtp).encode(),
        ),
        ".vtp 2e8 points": (
            ".vtp",
            re.sub(r'NumberOfPoints="\d+"', 'NumberOfPoints="200000000"', vtp).encode(),
        ),
        ".vtp many components": (
            ".vtp",
            vtp.replace('NumberOfComponents="3"', 'NumberOfComponents="2000000000"').encode(),
        ),
        ".vtp deep": (".vtp", b"<VTKFile>" * 200_000),
        ".vtp of many attributes": (
            ".vtp",
            b"<VTKFile " + b" ".join(b'a%d="1"' % n for n in range(100_000)) + b"/>",
        ),
        ".vtp entities": (".vtp", bomb),
        ".vtp outside": (
            ".vtp",
            b'<?xml version="1.0"?>' + outside + b'<VTKFile type="PolyData">&b;</VTKFile>',
        ),
        ".vtk 1e9 points": (
            ".vtk",
            legacy % (b"ASCII", b"POLYDATA") + b"POINTS 999999999 float\n0 0 0\n",
        ),
        ".vtk 1e8 cells": (
            ".vtk",
            legacy % (b"BINARY", b"UNSTRUCTURED_GRID")
            + b"POINTS 3 float\n"
            + bytes(36)
            + b"\nCELLS 100000000 2000000000\n",
        ),
        ".vtk huge grid": (
            ".vtk",
            legacy % (b"ASCII", b"STRUCTURED_POINTS")
            + b"DIMENSIONS 3000 3000 3000\nORIGIN 0 0 0\nSPACING 1 1 1\n",
        ),
        ".vtk negative": (
            ".vtk",
            legacy % (b"ASCII", b"POLYDATA") + b"POINTS -5 float\n0 0 0\n",
        ),
        ".vtu bad offsets": (".vtu", _bad_offsets()),
    }
    for name, (suffix, data) in files.items():
        yield Made(name, MESH, suffix, data)
    for suffix in (".stl", ".obj", ".ply", ".vtp", ".vtu", ".vtk", ".glb", ".gltf"):
        yield Made(f"{suffix} pickle", MESH, suffix, pickle.dumps(Dangerous()) + bytes(100))
        yield Made(f"{suffix} zeros", MESH, suffix, bytes(3000))
        yield Made(f"{suffix} ones", MESH, suffix, b"\xff" * 3000)
        yield Made(f"{suffix} of brackets", MESH, suffix, b"[" * 100_000)
        for other in (".obj", ".vtp", ".glb"):  # wrong suffix
            data = next(one.data for one in good_files() if one.name == other)
            yield Made(f"{suffix} with {other}", MESH, suffix, data)


def _bad_offsets() -> bytes:
    grid = next(one.data for one in good_files() if one.name.startswith(".vtu text")).decode()
    start = grid.index('Name="offsets"')
    numbers = re.search(r">\s*\d+", grid[start:])
    assert numbers
    place = start + numbers.end()
    return f"{grid[:place]}99999999{grid[place:]}".encode()


class Dangerous:
    """What a pickle could do."""

    def __reduce__(self) -> tuple:
        return exec, ("raise SystemExit",)


def _hostile_gltf() -> Iterator[Made]:
    deep = [{"children": [n + 1]} for n in range(100_000)] + [{"mesh": 0}]
    ring = [{"children": [1], "mesh": 0}, {"children": [2]}, {"children": [0]}]
    wide = [{"children": list(range(1, 20_001)), "mesh": 0}] + [{"mesh": 0}] * 20_000
    shared = [{"children": [1, 1, 1]}, {"mesh": 0}]
    accessor = {"componentType": 5126, "type": "VEC3"}
    empty = {
        "count": 1,
        "indices": {"bufferView": 1, "componentType": 5123},
        "values": {"bufferView": 0},
    }
    changes: dict[str, dict] = {
        "deep": {"nodes": deep, "scenes": [{"nodes": [0]}]},
        "ring": {"nodes": ring, "scenes": [{"nodes": [0]}]},
        "ring without a scene": {"nodes": ring},
        "own child": {"nodes": [{"children": [0], "mesh": 0}]},
        "shared child": {"nodes": shared, "scenes": [{"nodes": [0, 0]}]},
        "wide": {"nodes": wide, "scenes": [{"nodes": [0]}]},
        "negative child": {"nodes": [{"children": [-1], "mesh": 0}], "scenes": [{"nodes": [0]}]},
        "many accessors": {"accessors": [{**accessor, "bufferView": 0, "count": 8}] * 50_000},
        "count": {"accessors": [{**accessor, "bufferView": 0, "count": 10**12}] * 2},
        "sparse of nothing": {
            "accessors": [
                {**accessor, "count": 3 * 10**7, "sparse": empty},
                {**accessor, "bufferView": 1, "componentType": 5123, "type": "SCALAR", "count": 36},
            ]
        },
        "stride of zero": {
            "bufferViews": [
                {"buffer": 0, "byteLength": 96, "byteStride": 0},
                {"buffer": 0, "byteOffset": 96, "byteLength": 72, "byteStride": 0},
            ],
            "accessors": [
                {**accessor, "bufferView": 0, "count": 5 * 10**7},
                {"componentType": 5123, "type": "SCALAR", "bufferView": 1, "count": 3 * 10**7},
            ],
        },
        "negative stride": {
            "bufferViews": [
                {"buffer": 0, "byteLength": 96, "byteStride": -12, "byteOffset": -5},
                {"buffer": 0, "byteOffset": 96, "byteLength": 72},
            ]
        },
        "many instances": {
            "nodes": [
                {"mesh": 0, "extensions": {"EXT_mesh_gpu_instancing": {"attributes": {"SCALE": 2}}}}
            ],
            "accessors": [
                {**accessor, "bufferView": 0, "count": 8},
                {"componentType": 5123, "type": "SCALAR", "bufferView": 1, "count": 36},
                {**accessor, "bufferView": 0, "count": 10**9},
            ],
        },
        "many primitives": {
            "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}] * 20_000}]
        },
        "link": {"buffers": [{"byteLength": 168, "uri": "http://example.org/a.bin"}]},
        "link to a file": {"buffers": [{"byteLength": 168, "uri": "../../../etc/passwd"}]},
        "NaN": {"nodes": [{"mesh": 0, "scale": [float("nan"), 1, 1]}]},
        "overflow": {"nodes": [{"mesh": 0, "scale": [1e300, 1e300, 1e300]}]},
    }
    for name, change in changes.items():
        document, binary = brick_gltf(**change)
        yield Made(f".glb {name}", MESH, ".glb", glb(document, binary))
    whole = glb(*brick_gltf())
    for place in (8, 12):
        for word in (0, 11, 10**9, 2**32 - 1):
            data = whole[:place] + struct.pack("<I", word) + whole[place + 4 :]
            yield Made(f".glb length {word} at {place}", MESH, ".glb", data)


def _hostile_models() -> Iterator[Made]:
    good = next(one.data for one in good_files() if one.kind == CHECKPOINT)
    size = int.from_bytes(good[:8], "little")
    header, rest = json.loads(good[8 : 8 + size]), good[8 + size :]
    first = next(name for name in header if name != "__metadata__")
    info = json.loads(header["__metadata__"]["info"])

    def built(changed: dict) -> bytes:
        text = json.dumps(changed).encode()
        return struct.pack("<Q", len(text)) + text + rest

    def with_config(**changes: object) -> bytes:
        inner = json.dumps(info | {"config": info["config"] | changes})
        return built(header | {"__metadata__": header["__metadata__"] | {"info": inner}})

    sizes = ("width", "num_blocks", "num_patches", "unified_position", "mlp_ratio", "num_slices")
    files = {
        "length of the header": struct.pack("<Q", 2**62) + good[8:],
        "length of the header, 90 MB": struct.pack("<Q", 90 * 1024**2) + good[8:],
        "no header": struct.pack("<Q", 0) + rest,
        "deep header": struct.pack("<Q", 100_000) + b"[" * 100_000,
        "offsets beyond the end": built(
            header | {first: header[first] | {"data_offsets": [0, 10**15]}}
        ),
        "offsets that overlap": built(header | {first: header[first] | {"data_offsets": [0, 4]}}),
        "shape": built(header | {first: header[first] | {"shape": [10**9, 10**9]}}),
        "type": built(header | {first: header[first] | {"dtype": "F99"}}),
        "type of 8 bits": built(header | {first: header[first] | {"dtype": "F8_E4M3"}}),
        "config no table": built(
            header
            | {"__metadata__": header["__metadata__"] | {"info": json.dumps(info | {"config": []})}}
        ),
        "info no table": built(
            header
            | {"__metadata__": header["__metadata__"] | {"info": json.dumps(info | {"info": [1]})}}
        ),
        "weights that are NaN": good[: 8 + size] + b"\x00\x00\xc0\x7f" * (len(rest) // 4),
        "tensor of another name": built(
            {f"{name}x": one for name, one in header.items()}
            | {"__metadata__": header["__metadata__"]}
        ),
        "name that cannot be shown": with_config(**{"\0" * 5: 1}),
        "number without an end": with_config(architecture=10**400),
        "nan": with_config(width=float("nan")),
        "shape of a grid": with_config(structured_shape=[10**9, 10**9]),
        **{f"{name} of 1e9": with_config(**{name: 10**9}) for name in sizes},
        **{f"{name} of 1e6": with_config(**{name: 10**6}) for name in sizes},
        **{f"{name} a list": with_config(**{name: [1]}) for name in sizes},
    }
    for name, data in files.items():
        yield Made(f"checkpoint {name}", CHECKPOINT, ".safetensors", data)
        yield Made(f"published {name}", PUBLISHED, ".safetensors", data)
    ring: list = []
    ring.append(ring)
    deep: list = []
    for _ in range(400):
        deep = [deep]
    for name, value in (
        ("ring", {"net": ring}),
        ("deep", {"net": deep}),
        ("list", [1, 2]),
        ("number", 3),
    ):
        stream = io.BytesIO()
        torch.save(value, stream)
        yield Made(f"published {name}", PUBLISHED, ".pt", stream.getvalue())
    yield Made("published pickle", PUBLISHED, ".pt", pickle.dumps(Dangerous()))
    yield Made("published empty", PUBLISHED, ".pt", b"")
    yield Made("published bomb", PUBLISHED, ".pt", _unpacking("archive/data.pkl"))
    yield Made("flow bomb", FLOW, ".npz", _unpacking("info.npy", times=60))
    yield Made("flow of a lying array", FLOW, ".npz", npz(points=_lying((10**12,))))


def _unpacking(name: str, *, times: int = 1) -> bytes:
    """Return an archive that unpacks to 100 MB of zeros, or to many times as much.

    All of its entries but the first are one and the same part of the file.
    """
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        first = zipfile.ZipInfo(name)  # of a fixed date
        archive.writestr(first, bytes(10**8), zipfile.ZIP_DEFLATED, 1)
        for number in range(1, times):
            entry = copy(archive.filelist[0])
            entry.filename = f"{number}{name}"
            archive.filelist.append(entry)
    return stream.getvalue()


def _lying(shape: tuple[int, ...], kind: str = "<f8") -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        stream, {"descr": kind, "fortran_order": False, "shape": shape}
    )
    return stream.getvalue() + bytes(64)


def _hostile_drawings() -> Iterator[Made]:
    full = np.full((85, 85), 3.0)
    spotted = full.copy()
    spotted[3, 4] = 1e-300
    grids = {"1e308": full * 1e307, "1e-320": full * 1e-320, "zeros": full * 0, "spotted": spotted}
    texts: dict[str, str] = {
        "array": "[1, 2]",
        "null": "null",
        "deep": "[" * 100_000,
        "dataset a list": '{"dataset": ["darcy"], "permeability": [[1]]}',
        "dataset a table": '{"dataset": {"a": 1}}',
        "key a table": '{"dataset": "darcy", "permeability": {"a": 1}}',
        "long number": '{"dataset": "elasticity", "polygon": [[1%s, 0]]}' % ("0" * 400),
        "longer number": '{"dataset": "elasticity", "polygon": [[1%s, 0]]}' % ("0" * 5000),
        "ragged": '{"dataset": "elasticity", "polygon": [[1, 0], [1]]}',
        "two points": '{"dataset": "elasticity", "polygon": [[0.2, 0.5], [0.8, 0.5]]}',
        "equal points": '{"dataset": "elasticity", "polygon": %s}' % ([[0.5, 0.5]] * 5),
        "middle": '{"dataset": "elasticity", "polygon": %s}' % ([[0.5, 0.5], [1, 0], [0, 1]]),
        "many points": '{"dataset": "elasticity", "polygon": %s}' % ([[0.1, 0.2]] * 300_000),
        "text for numbers": '{"dataset": "pipe", "center_line": [["a", "b"]]}',
        "still pipe": '{"dataset": "pipe", "center_line": %s}' % ([[0, 0]] * 5),
        "steep pipe": '{"dataset": "pipe", "center_line": %s}'
        % ([[1e5, 1e5], [-1e5, 0]] * 2 + [[0, 0]]),
        "flat die": '{"dataset": "plasticity", "die": [[0, 0], [50, 0]]}',
        "crossed airfoil": '{"dataset": "airfoil", "moves": [[1e5, 0, 0, 0], [0, 0, 0, -1e5]]}',
    }
    for name, text in texts.items():
        yield Made(f"drawing {name}", DRAWING, ".json", text.encode())
    for name, grid in grids.items():
        yield Made(f"drawing {name}", DRAWING, ".npy", npy(grid))
    arrays = {
        "empty": b"",
        "lying shape": _lying((85, 85)),
        "huge shape": _lying((10**6, 10**6)),
        "negative shape": _lying((-85, 85)),
        "objects": _lying((85, 85), "|O"),
        "records": npy(np.zeros((85, 85), [("a", "f4")])),
        "complex": npy(np.zeros((85, 85), complex)),
        "words": npy(np.full((85, 85), "a")),
        "an archive": npz(a=npy(full)),
        "a pickle": pickle.dumps(Dangerous()),
        "other shape": npy(np.zeros((3, 3, 3))),
        "no axis": npy(np.array(3.0)),
    }
    for name, data in arrays.items():
        yield Made(f"drawing {name}", DRAWING, ".npy", data)
