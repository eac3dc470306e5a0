import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from made_up_shapes import coarse_body

from mspt.cli.main import COMMANDS
from mspt.config import ModelConfig
from mspt.data.registry import get_dataset
from mspt.geometry.files.writers import write_stl
from mspt.models.published.model import PublishedMSPT
from tests.docs.documents import (
    ROOT,
    SMALL,
    WHOLE,
    DocumentError,
    check_command,
    check_targets,
    commands_in_text,
    pieces,
    run_document,
)

DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
DOCUMENTS = [path for path in DOCUMENTS if path.exists()]
IN_TEXT = [*DOCUMENTS, ROOT / "pretrained" / "README.md"]


@pytest.fixture(scope="module")
def shape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with a body."""
    path = tmp_path_factory.mktemp("shapes") / "car.stl"
    write_stl(path, coarse_body("notchback", 3))
    return path


@pytest.fixture
def folder(shape: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder of a reader: links to what ships, a shape and weights.

    Folders that commands write to are real, and hold links to files.
    """
    (tmp_path / "assets" / "data").mkdir(parents=True)
    (tmp_path / "pretrained").mkdir()
    for path in (ROOT / "pretrained").iterdir():
        (tmp_path / "pretrained" / path.name).symlink_to(path)
    (tmp_path / "pretrained" / "README.md").unlink()
    for path in (ROOT / "assets").iterdir():
        if path.name not in ("data", "ablations"):
            (tmp_path / "assets" / path.name).symlink_to(path)
    for path in (ROOT / "assets" / "data").iterdir():
        (tmp_path / "assets" / "data" / path.name).symlink_to(path)
    # Names in capitals stand for a reader's own files.
    for name in ("car.stl", "SHAPE.stl"):
        shutil.copy(shape, tmp_path / name)
    config = ModelConfig(
        architecture="published", partition="sequence", space_dim=2, width=16, num_patches=32
    )
    torch.save(PublishedMSPT(config).state_dict(), tmp_path / "AUTHORS.pt")
    truth = get_dataset("elasticity").cases("test", limit=2)
    np.savez(tmp_path / "predictions.npz", names=np.array(truth.names), fields=truth.fields)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def done() -> set[str]:
    return set()


@pytest.mark.slow
@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_everything_a_document_shows_works(path: Path, done: set[str]) -> None:
    run_document(path, done)


@pytest.mark.parametrize("path", IN_TEXT, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_commands_in_running_text_exist(path: Path) -> None:
    for command in commands_in_text(path.read_text(encoding="utf-8")):
        if command.startswith("make "):
            check_targets(command.split()[1:], path.name)
        else:
            check_command(command.split()[3:], path.name)


def test_every_command_is_run_in_some_version() -> None:
    assert set(COMMANDS) == WHOLE | {first for first, *_ in SMALL}


def test_pieces_are_found_in_order() -> None:
    text = """\
# Title

    python -m mspt datasets   # what there is
    mspt/     a tree that is no command
    make.py

```python
first = 1
```

<!-- not run: it takes a day -->

```python
raise ValueError
```

```sh
$ make test
```

```text
python -m mspt fly
```

Then `python -m
mspt cards` and `make check`, `mspt/cli`.
"""
    found = [(piece.kind, piece.text, piece.line) for piece in pieces(text)]
    assert found == [
        ("command", "python -m mspt datasets", 3),
        ("python", "first = 1\n", 8),
        ("command", "make test", 18),
    ]
    assert list(commands_in_text(text)) == ["python -m mspt cards", "make check"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("```python\nvalue = 1\n```\n```python\nvalue + other\n```", "line 5: NameError"),
        ("```sh\nmake fly\n```", "line 2: no target fly"),
        ("```sh\nfly --high\n```", "`fly --high` is not run by this test"),
        ("```sh\npython -m mspt datasets --high\n```", "does not take datasets --high"),
        ("    python -m mspt solve darcy-9999 --out x.npz", "solve darcy-9999 --out x.npz failed"),
        ("```sh\n.venv/bin/python -m pytest tests/none.py\n```", "no file tests/none.py"),
    ],
)
def test_what_does_not_work_fails(
    text: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "document.md").write_text(text, encoding="utf-8")
    with pytest.raises(DocumentError, match=message):
        run_document(tmp_path / "document.md", set())


def test_blocks_of_a_document_share_their_names(tmp_path: Path) -> None:
    blocks = "```python\nvalue = [1]\n```\n\nThen:\n\n```python\nvalue.append(2)\n```"
    path = tmp_path / "document.md"
    path.write_text(f"{blocks}\n\n```python\nassert value == [1, 2]\n```\n", encoding="utf-8")
    run_document(path, set())
