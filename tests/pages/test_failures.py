"""What pages say when a file is odd, cut, gone or hostile: one line, and no path of the server."""

import json
import logging
import shutil
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file, save_file
from streamlit.testing.v1 import AppTest

from mspt.checkpoint import FORMAT, read_info
from pages._shared import viewer
from tests.pages.tiny import ROOT

HOSTILE = "![x](https://evil.example/p.png)"


@pytest.fixture
def folder(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the project whose files may be spoiled; pages are opened in it."""
    for name in ("assets", "static", ".streamlit"):
        (tmp_path / name).symlink_to(ROOT / name)
    shutil.copytree(project / "pretrained", tmp_path / "pretrained")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(viewer, "time", SimpleNamespace(sleep=lambda _: None))
    return tmp_path


def open_in(folder: Path, page: str, **query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=180)
    app.query_params.update(query)
    app.switch_page(f"pages/{page}.py")
    app.run()
    assert not app.exception
    assert str(folder) not in said(app)
    return app


def said(app: AppTest) -> str:
    kinds = (app.error, app.warning, app.info)
    return "\n".join(read(one.value) for kind in kinds for one in kind)


def read(markdown: str) -> str:
    """Return Markdown as a person reads it, except for marks."""
    return markdown.replace("\\", "").replace("\N{WORD JOINER}", "")


def respell(path: Path, header: dict) -> None:
    """Give a checkpoint another header."""
    save_file(load_file(path), path, {"format": FORMAT, "info": json.dumps(header)})


def header_of(path: Path) -> dict:
    found = read_info(path)
    return {"config": found.config.to_dict(), "info": found.info}


def test_odd_checkpoints_are_named_and_the_page_goes_on(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pages._home.panels.tour", lambda: None)  # takes seconds
    pretrained = folder / "pretrained"
    good, header = pretrained / "darcy.safetensors", header_of(pretrained / "darcy.safetensors")
    for name, change in (
        ("a", {"config": []}),
        ("b", {"info": [1]}),
        ("c", {"config": header["config"] | {"width": 65_536}}),
        ("d", {"config": header["config"] | {"num_heads": float("nan")}}),
    ):
        shutil.copy(good, pretrained / f"darcy-{name}.safetensors")
        respell(pretrained / f"darcy-{name}.safetensors", header | change)
    shutil.copy(good, pretrained / "darcy ![x](&#47;&#47;evil.example).safetensors")
    app = open_in(folder, "home")
    words = [read(one.value) for one in app.warning]
    for name, reason in (
        ("darcy-a.safetensors", "config must be an object, got []"),
        ("darcy-b.safetensors", "info must be an object, got [1]"),
        ("darcy-c.safetensors", "must hold exactly the tensors of its config"),
        ("darcy-d.safetensors", "num_heads must be a whole number, got nan"),
        ("&#47;evil.example)", "its name must consist of letters"),
    ):
        assert [one for one in words if name in one and reason in one], (name, words)
    assert not any("x](" in one.value for one in app.warning)
    assert list(app.dataframe[0].value["Checkpoint"]).count("darcy") == 1


def test_checkpoint_that_is_cut_or_gone_is_not_replaced_without_a_word(folder: Path) -> None:
    path = folder / "pretrained" / "elasticity-sequence.safetensors"
    query = {"source": "elasticity", "checkpoint": path.stem}
    app = open_in(folder, "patches", **query)
    assert not said(app)
    assert app.selectbox(key="checkpoint").value == path.stem
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    app.run()
    assert app.selectbox(key="checkpoint").value == "elasticity"
    assert f"The checkpoint **{path.stem}** cannot be used: {path.name} must be a complete" in said(
        app
    )
    assert "All numbers are of elasticity." in said(app)
    path.unlink()
    app.run()
    assert said(app) == (
        f"The checkpoint **{path.stem}** was there before and is not any longer. "
        "All numbers are of elasticity."
    )
    path.write_bytes(whole)
    assert not said(app.run())


def test_weights_that_are_no_numbers_are_refused_in_one_line(folder: Path) -> None:
    path = folder / "pretrained" / "elasticity.safetensors"
    header, tensors = header_of(path), load_file(path)
    tensors["head.0.weight"][0] = torch.nan
    save_file(tensors, path, {"format": FORMAT, "info": json.dumps(header)})
    app = open_in(folder, "explore", source="elasticity")
    assert said(app) == (
        "Elasticity.safetensors must hold finite weights, got NaN or infinity in head.0.weight; "
        "copy it again, or train it anew."
    )


def test_what_a_header_says_of_its_maker_is_shown_as_it_is(folder: Path) -> None:
    path = folder / "pretrained" / "elasticity.safetensors"
    header = header_of(path)
    header["info"]["hardware"] = HOSTILE
    respell(path, header)
    app = open_in(folder, "explore", source="elasticity")
    (facts,) = [one.value for one in app.table if "Hardware" in one.value.index]
    assert "evil" in facts.loc["Hardware"].item()
    assert "x](" not in facts.to_string()


GLTF = {"asset": {"version": "2.0"}, "extensionsUsed": [HOSTILE], "extensionsRequired": [HOSTILE]}


BUFFERS = {"asset": {"version": "2.0"}, "buffers": [{"uri": HOSTILE, "byteLength": 9}]}
FILES = {
    "extension": ("car.gltf", json.dumps(GLTF).encode()),
    "address of data": ("car.gltf", json.dumps(BUFFERS).encode()),
    "token": ("car.obj", f"v {HOSTILE} 0 0\n".encode()),
    "name": (f"{HOSTILE}.stl", b"solid x\n"),
}


def test_words_of_a_file_are_shown_as_they_are(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "pages._upload.data.predict", lambda *_: (one for one in ())
    )  # takes seconds
    app = open_in(folder, "upload", sample="Ellipsoid")
    quoted = []
    for where, file in FILES.items():
        app.file_uploader[0].set_value((*file, "model/stl")).run()
        assert not app.exception, where
        assert len(app.error) == 1, where
        words = app.error[0].value
        assert "x](" not in words, where
        assert "://" not in words.replace("\\", ""), where
        quoted += [where] if "evil" in words else []
    assert quoted == ["extension", "address of data", "token"]


def test_missing_style_is_named_and_the_page_goes_on(folder: Path) -> None:
    (folder / "assets").unlink()
    (folder / "assets").mkdir()
    for path in (ROOT / "assets").iterdir():
        if path.name not in ("app.css", "logo.svg"):
            (folder / "assets" / path.name).symlink_to(path)
    app = open_in(folder, "benchmarks")
    assert [read(one.value)[:40] for one in app.warning] == [
        "The file assets/logo.svg is missing, so ",
        "The file assets/app.css is missing, so p",
    ]
    assert app.dataframe


def test_failure_is_logged_under_a_number_and_shown_without_its_words(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def page() -> None:
        from pages._shared import frame

        assert frame.show_failure(ValueError("/srv/secret/place"))

    with caplog.at_level(logging.ERROR, "mspt.pages"):
        app = AppTest.from_function(page).run()
    assert not app.exception
    (shown,) = [one.value for one in app.error]
    assert "secret" not in shown
    assert "ValueError" not in shown
    number = caplog.records[0].args[0]
    assert f"**{number}**" in shown


def test_part_that_is_rerun_alone_shows_what_a_person_can_put_right() -> None:
    def page() -> None:
        from mspt.errors import GeometryError
        from pages._shared import frame

        @frame.fragment
        def part(word: str) -> None:
            raise GeometryError(f"mesh must have triangles, got {word}")

        part("none")

    app = AppTest.from_function(page).run()
    assert not app.exception
    assert [one.value for one in app.error] == ["Mesh must have triangles, got none."]


def test_settings_that_ship_show_no_code_and_send_no_error_to_others() -> None:
    settings = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert settings["client"]["showErrorDetails"] == "none"
    assert settings["client"]["showErrorLinks"] is False
    assert settings["client"]["allowedOrigins"] == []
    assert settings["server"]["address"] == "127.0.0.1"
    assert settings["browser"]["gatherUsageStats"] is False
