"""Good files of every kind that the project reads, and changes of them, made from a seed."""

import base64
import gzip
import io
import json
import random
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import mesh_dialects as dialects
import numpy as np
import pyvista as pv
import torch
from made_up_meshes import BRICK, brick_gltf, mixed_ply, saved
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


def npz(**members: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), data)
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
    yield Made("test.npz", CASES, ".npz", npz(**{name: npy(one) for name, one in held.items()}))
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
    _, text, rebuild = _json_of(data)
    try:
        document = json.loads(text)
        inner = json.loads(document["__metadata__"]["info"])
    except (ValueError, TypeError, KeyError):  # no checkpoint, or not any more
        return json_changed(rng, data)
    _change(rng, inner)
    document["__metadata__"]["info"] = json.dumps(inner)
    return rebuild(json.dumps(document).encode())


CHANGES: tuple[Callable[[Random, bytes], bytes], ...] = (
    truncated, flipped, counts_changed, numbers_changed, cut_out, doubled, noise_added, zeroed,
    lines_mixed, packed, recoded, json_changed, header_changed,
)  # fmt: skip
BY_JSON = (".glb", ".gltf", ".json", ".safetensors")


# ---- good files with changes


def changed_files(count: int, seed: int, *, kinds: tuple[str, ...] = ()) -> Iterator[Made]:
    """Yield so many good files with changes, evenly from all kinds of files.

    Args:
        count: How many.
        seed: The same seed gives the same files.
        kinds: Only files of these kinds; all if empty.
    """
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
