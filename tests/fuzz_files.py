"""Damaged and hostile files of every kind that the project reads, made from a seed.

Most are good files with some changes, the rest are built on purpose: counts and offsets that lie,
archives that unpack to gigabytes, trees of nodes that are deep or closed to a circle.
"""

import base64
import gzip
import io
import json
import pickle
import random
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import mesh_dialects as dialects
import numpy as np
import pyvista as pv
import torch
from made_up_meshes import BRICK, brick_gltf, glb, mixed_ply, saved
from safetensors.torch import save

from mspt.checkpoint import FORMAT
from mspt.config import ModelConfig
from mspt.data.registry import datasets
from mspt.geometry.mesh import SurfaceMesh
from mspt.inference.drawings import RANDOM, drawing_file, preset_drawing
from mspt.models.normalizer import Normalizer
from mspt.models.published.model import PublishedMSPT
from mspt.models.registry import build_model

Random = random.Random
MESH, DRAWING, CHECKPOINT, PUBLISHED = "mesh", "drawing", "checkpoint", "published"
FLOW, RECORD, ABLATIONS, ROWS, JOBS, CASES = "flow", "record", "ablations", "rows", "jobs", "cases"
ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Made:
    """A file of one kind.

    Attributes:
        name: What it is and what was changed.
        kind: Which reader it is for.
        suffix: Ending of its name.
        data: Its contents.
    """

    name: str
    kind: str
    suffix: str
    data: bytes


# ---- good files


@cache
def good_files() -> tuple[Made, ...]:
    """Return good files, of each kind and dialect one."""
    return (*_meshes(), *_drawings(), *_models(), *_inputs_of_commands())


def _meshes() -> Iterator[Made]:
    ball = pv.Sphere(theta_resolution=8, phi_resolution=8).triangulate()
    mesh = SurfaceMesh(np.asarray(ball.points, dtype=float), ball.regular_faces.astype(np.int64))
    texts = {
        ".stl": dialects.stl(mesh),
        ".stl text": dialects.text_stl(BRICK).encode(),
        ".obj": dialects.obj(mesh).encode(),
        ".ply": dialects.ply(mesh).encode(),
        ".ply little": dialects.binary_ply(mesh),
        ".ply big": dialects.binary_ply(mesh, order=">"),
        ".ply strips": dialects.binary_ply(BRICK, strips=True),
        ".ply mixed": mixed_ply("<"),
        ".glb": dialects.plain_glb(mesh),
        ".glb sparse": dialects.sparse_glb(BRICK),
        ".glb instanced": dialects.instanced_glb(BRICK),
        ".glb skinned": dialects.skinned_glb(BRICK),
        ".glb morphed": dialects.morphed_glb(BRICK),
        ".gltf": _text_gltf(),
    }
    for name, data in texts.items():
        yield Made(name, MESH, name.split()[0], data)
    cells = pv.ImageData(dimensions=(3, 3, 3)).cast_to_unstructured_grid()
    with TemporaryDirectory() as folder:
        path = saved(mesh, Path(folder) / "a.vtp")
        yield Made(".vtp", MESH, ".vtp", path.read_bytes())
        for suffix, data in ((".vtp", ball), (".vtu", cells), (".vtk", ball), (".vtk", cells)):
            for words, options in (("text", {"binary": False}), ("binary", {"binary": True})):
                path = Path(folder) / f"b{suffix}"
                data.save(path, **options)
                name = f"{suffix} {words} {type(data).__name__}"
                yield Made(name, MESH, suffix, path.read_bytes())


def _text_gltf() -> bytes:
    document, binary = brick_gltf()
    link = "data:application/octet-stream;base64," + base64.b64encode(binary).decode()
    document["buffers"][0]["uri"] = link
    return json.dumps({"asset": {"version": "2.0"}, **document}).encode()


def _drawings() -> Iterator[Made]:
    for dataset in datasets():
        if dataset.drawing is None:
            continue
        drawn = preset_drawing(dataset, RANDOM, seed=0)
        text = drawing_file(dataset, drawn)
        yield Made(f"{dataset.name}.json", DRAWING, ".json", bytes(text, "utf-8"))
        if None not in dataset.drawing.shape:
            array = np.array(json.loads(text)[dataset.drawing.key], dtype=np.float64)
            yield Made(f"{dataset.name}.npy", DRAWING, ".npy", npy(array))


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def _models() -> Iterator[Made]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # the same weights in every process
        yield from _random_models()


def _random_models() -> Iterator[Made]:
    config = ModelConfig(space_dim=2, width=8, num_heads=2, num_blocks=1, num_patches=4)
    yield Made("model.safetensors", CHECKPOINT, ".safetensors", _checkpoint(config))
    published = ModelConfig(
        architecture="published", partition="sequence", space_dim=2, width=16, num_blocks=1,
        num_patches=4,
    )  # fmt: skip
    state = PublishedMSPT(published).state_dict()
    for new, name in enumerate(("old authors.pt", "authors.pt")):
        stream = io.BytesIO()
        torch.save({"epoch": 3, "net": state}, stream, _use_new_zipfile_serialization=bool(new))
        yield Made(name, PUBLISHED, ".pt", stream.getvalue())
    yield Made("authors.safetensors", PUBLISHED, ".safetensors", save(state))


def _checkpoint(config: ModelConfig) -> bytes:
    normalizer = Normalizer(
        space_dim=config.space_dim,
        in_features=config.in_features,
        out_channels=config.out_channels,
    )
    tensors = dict(build_model(config).state_dict())
    tensors |= {f"normalizer.{name}": one for name, one in normalizer.state_dict().items()}
    header = {"config": config.to_dict(), "info": {"dataset": "elasticity", "metrics": {}}}
    return save(tensors, {"format": FORMAT, "info": json.dumps(header)})


def _inputs_of_commands() -> Iterator[Made]:
    flow = min((ROOT / "assets" / "data" / "car").glob("[0-9]*.npz"), key=lambda one: one.name)
    yield Made("flow.npz", FLOW, ".npz", flow.read_bytes())
    held = {
        "case": np.array([1100], np.int32),
        "pressure_codes": np.zeros((1, 2, 7225), np.uint8),
        "pressure_offset": np.zeros(1, np.float32),
        "pressure_step": np.ones(1, np.float32),
        "permeability_bits": np.zeros((1, 904), np.uint8),
    }
    yield Made("test.npz", CASES, ".npz", _npz(**{name: npy(one) for name, one in held.items()}))
    table = (ROOT / "assets" / "ablations" / "runs.csv").read_text(encoding="utf-8")
    yield Made(
        "ablations.csv", ABLATIONS, ".csv", "".join(table.splitlines(keepends=True)[:4]).encode()
    )
    rows = next((ROOT / "assets" / "benchmarks").glob("scaling*.csv")).read_text(encoding="utf-8")
    yield Made("rows.csv", ROWS, ".csv", "".join(rows.splitlines(keepends=True)[:4]).encode())
    yield Made("jobs.txt", JOBS, ".txt", b"# jobs\ntrain darcy --set 'num_patches=3'\ndatasets\n")
    yield Made("record.json", RECORD, ".json", json.dumps(RUN_RECORD).encode())


RUN_RECORD = {
    "format": "mspt-run/2",
    "checkpoint": {"path": "pretrained/car.safetensors", "sha256": "0" * 64},
    "shape": {"path": "car.stl", "sha256": "1" * 64},
    "placement": {"unit": "m", "forward": "-x", "up": "+z", "clearance": 0.0, "length_m": 4.0},
    "reading": {"half": "auto", "domain": "auto"},
    "seed": 0,
    "device": "cpu",
    "versions": {"torch": "2.9"},
    "C_D": 0.3,
    "C_L": 0.1,
    "Cp": [0.5, -0.5],
    "Cf": [0.01, 0.0],
}

# ---- changes of bytes

NUMBERS = (b"0", b"-1", b"nan", b"inf", b"1e308", b"99999999999", b"1e-320", b"4294967295", b"0x10",
           b"1" * 5000, b"", b"1,5", b"true", b"\xff")  # fmt: skip
WORDS = (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x7FC00000, 0x7F800000, 10**9, 2**40, 2**63 - 1,
         2**64 - 1)  # fmt: skip


def truncated(rng: Random, data: bytes) -> bytes:
    return data[: rng.choice([rng.randrange(len(data)), rng.randrange(min(len(data), 200))])]


def flipped(rng: Random, data: bytes) -> bytes:
    changed = bytearray(data)
    reach = rng.choice([len(data), min(len(data), 400)])
    for _ in range(rng.choice([1, 4, 40])):
        changed[rng.randrange(reach)] ^= 1 << rng.randrange(8)
    return bytes(changed)


def counts_changed(rng: Random, data: bytes) -> bytes:
    """Overwrite numbers of 2 to 8 bytes, most near the beginning, where counts and offsets lie."""
    changed = bytearray(data)
    for _ in range(rng.choice([1, 1, 3])):
        size = rng.choice([2, 4, 8])
        place = rng.randrange(max(1, rng.choice([len(data), min(len(data), 600)]) - size))
        word = (rng.choice(WORDS) % 256**size).to_bytes(size, rng.choice(["little", "big"]))
        changed[place : place + size] = word
    return bytes(changed)


def numbers_changed(rng: Random, data: bytes) -> bytes:
    """Replace numbers that are written as text, such as sizes of a header."""
    found = list(re.finditer(rb"(?<![\w.])-?\d[\d.eE+-]*", data[:20_000]))
    for one in sorted(
        rng.sample(found, min(len(found), rng.choice([1, 1, 3]))), key=at, reverse=True
    ):
        data = data[: one.start()] + rng.choice(NUMBERS) + data[one.end() :]
    return data


def at(found: re.Match[bytes]) -> int:
    return found.start()


def cut_out(rng: Random, data: bytes) -> bytes:
    start = rng.randrange(len(data))
    return data[:start] + data[start + rng.choice([1, 4, 64, 1000]) :]


def doubled(rng: Random, data: bytes) -> bytes:
    start = rng.randrange(len(data))
    part = data[start : start + rng.choice([1, 16, 300, len(data)])]
    return data[:start] + part * rng.choice([2, 2, 50]) + data[start:]


def noise_added(rng: Random, data: bytes) -> bytes:
    start = rng.randrange(len(data) + 1)
    return data[:start] + rng.randbytes(rng.choice([1, 8, 500])) + data[start:]


def zeroed(rng: Random, data: bytes) -> bytes:
    start = rng.randrange(len(data))
    size = rng.choice([1, 8, 200])
    return data[:start] + bytes(len(data[start : start + size])) + data[start + size :]


def lines_mixed(rng: Random, data: bytes) -> bytes:
    lines = data.split(b"\n")
    first, second = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[first], lines[second] = lines[second], lines[first]
    return b"\n".join(lines)


def packed(rng: Random, data: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(zipfile.ZipInfo("shape.stl"), data)
    nested = stream.getvalue()
    return rng.choice([gzip.compress(data, mtime=0), zlib.compress(data), nested])


def recoded(rng: Random, data: bytes) -> bytes:
    return data.decode("latin-1").encode(rng.choice(["utf-16", "utf-32", "utf-16-be"]))


def json_changed(rng: Random, data: bytes) -> bytes:
    """Replace, drop or rename a value of the JSON that a file is or holds."""
    start, text, rebuild = _json_of(data)
    if start is None:
        return counts_changed(rng, data)
    document = json.loads(text)
    for _ in range(rng.choice([1, 1, 2])):
        _change(rng, document)
    return rebuild(json.dumps(document).encode())


ODD = (None, True, -1, 0, 1.5, 1e300, float("nan"), 10**12, 10**400, "", "a\nb", "../../x", [], {},
       [[]], ["a"], {"a": []}, [1], "<img src=x>")  # fmt: skip


def _change(rng: Random, document: object) -> None:
    places: list[tuple[object, object]] = []
    waiting = [document]
    while waiting and len(places) < 4000:
        value = waiting.pop()
        keys = (
            value
            if isinstance(value, dict)
            else range(len(value))
            if isinstance(value, list)
            else ()
        )
        for key in keys:
            places.append((value, key))
            waiting.append(value[key])
    if not places:
        return
    # Values high up in the document are few, and change more.
    holder, key = places[min(rng.randrange(len(places)), rng.randrange(len(places)))]
    if isinstance(holder, dict) and rng.random() < 0.3:
        if rng.random() < 0.5:
            del holder[key]
        else:
            holder[rng.choice(["", "x", "\0"])] = holder.pop(key)
    else:
        holder[key] = rng.choice(ODD)


def _json_of(data: bytes) -> tuple[int | None, bytes, Callable[[bytes], bytes]]:
    """Return where the JSON of a file begins, the JSON, and how a file is made of another one."""
    try:
        if data.startswith(b"glTF"):
            size = int.from_bytes(data[12:16], "little")

            def as_glb(text: bytes) -> bytes:
                chunk = text + b" " * (-len(text) % 4)
                rest = struct.pack("<I", len(chunk)) + b"JSON" + chunk + data[20 + size :]
                return b"glTF" + struct.pack("<II", 2, 12 + len(rest)) + rest

            return 20, _checked(data[20 : 20 + size]), as_glb
        if data[8:9] == b"{":
            size = int.from_bytes(data[:8], "little")
            return (
                8,
                _checked(data[8 : 8 + size]),
                lambda text: struct.pack("<Q", len(text)) + text + data[8 + size :],
            )
        return 0, _checked(data), lambda text: text
    except ValueError:
        return None, b"", bytes


def _checked(text: bytes) -> bytes:
    json.loads(text)
    return text


def header_changed(rng: Random, data: bytes) -> bytes:
    """Change the JSON within the JSON of a checkpoint's header."""
    start, text, rebuild = _json_of(data)
    found = json.loads(text).get("__metadata__") if start == 8 else None
    if not isinstance(found, dict) or "info" not in found:
        return json_changed(rng, data)
    document, inner = json.loads(text), json.loads(found["info"])
    _change(rng, inner)
    document["__metadata__"]["info"] = json.dumps(inner)
    return rebuild(json.dumps(document).encode())


CHANGES: tuple[Callable[[Random, bytes], bytes], ...] = (
    truncated, flipped, counts_changed, numbers_changed, cut_out, doubled, noise_added, zeroed,
    lines_mixed, packed, recoded, json_changed, header_changed,
)  # fmt: skip
BY_JSON = (".glb", ".gltf", ".json", ".safetensors")


# ---- files that are made to do damage


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
    yield Made("flow of a lying array", FLOW, ".npz", _npz(points=_lying((10**12,))))


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


def _npz(**members: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), data)
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
        "an archive": _npz(a=npy(full)),
        "a pickle": pickle.dumps(Dangerous()),
        "other shape": npy(np.zeros((3, 3, 3))),
        "no axis": npy(np.array(3.0)),
    }
    for name, data in arrays.items():
        yield Made(f"drawing {name}", DRAWING, ".npy", data)


# ---- all together


def made_files(count: int, seed: int, *, kinds: tuple[str, ...] = ()) -> Iterator[Made]:
    """Yield the files that are made on purpose, then so many good ones with changes.

    Args:
        count: How many with changes, evenly from all kinds of files.
        seed: The same seed gives the same files.
        kinds: Only files of these kinds; all if empty.
    """
    yield from (one for one in hostile() if not kinds or one.kind in kinds)
    yield from changed_files(count, seed, kinds=kinds)


def changed_files(count: int, seed: int, *, kinds: tuple[str, ...] = ()) -> Iterator[Made]:
    """Yield so many good files with changes; see :func:`made_files`."""
    rng = random.Random(seed)
    good = [one for one in good_files() if not kinds or one.kind in kinds]
    sorts = list(dict.fromkeys((one.kind, one.suffix) for one in good))
    for number in range(count):
        kind, suffix = sorts[number % len(sorts)]
        chosen = rng.choice([one for one in good if (one.kind, one.suffix) == (kind, suffix)])
        data, names = chosen.data, []
        for _ in range(rng.choice([1, 1, 1, 2, 3])):
            by_json = suffix in BY_JSON and rng.random() < 0.5
            change = rng.choice(CHANGES[-2:] if by_json else CHANGES)
            if data:
                data = change(rng, data)
                names.append(change.__name__)
        yield Made(f"{chosen.name}: {', '.join(names)} ({number})", kind, suffix, data)
