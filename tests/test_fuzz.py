"""Some of the damaged and hostile files of ``make fuzz``, read here where that is safe."""

import json
from pathlib import Path

import fuzzing
import pytest
from fuzz_files import CHECKPOINT, DRAWING, MESH, PUBLISHED, Made, changed_files, good_files
from fuzz_hostile import hostile
from fuzzing import read, unclear

from mspt.geometry.files._process import VTK_SUFFIXES, answer
from mspt.geometry.files.readers import SUFFIXES

FEW = 66
"""Files with changes: a few of each kind."""


def parsed(made: Made, folder: Path) -> tuple[str, str]:
    """Parse a mesh as the child process does."""
    path = folder / f"file{made.suffix}"
    path.write_bytes(made.data)
    reply = json.loads(answer({"path": str(path), "suffix": made.suffix})[0])
    return ("refused", reply["error"]) if "error" in reply else ("read", "")


@pytest.fixture
def end_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # noqa: ANN201 - a function
    monkeypatch.setattr(fuzzing, "QUICK", ())  # solving takes seconds

    def end(made: Made) -> tuple[str, str]:
        alone = made.kind == MESH and made.suffix not in VTK_SUFFIXES
        return parsed(made, tmp_path) if alone else read(made)

    return end


def test_good_files_are_read(end_of) -> None:  # noqa: ANN001
    assert {one.suffix for one in good_files() if one.kind == MESH} == set(SUFFIXES)
    assert {one.kind for one in good_files()} == set(fuzzing.READERS)
    for made in good_files():
        assert end_of(made) == ("read", ""), made.name


def test_files_with_changes_are_read_or_refused_in_a_clear_sentence(end_of) -> None:  # noqa: ANN001
    outcomes = []
    for made in changed_files(FEW, seed=28):
        if made.suffix in VTK_SUFFIXES and "(1" not in made.name:  # each needs another process
            continue
        outcome, words = end_of(made)
        assert outcome in ("read", "refused"), (made.name, words)
        assert outcome == "read" or not unclear(words), made.name
        outcomes.append(outcome)
    assert min(outcomes.count("read"), outcomes.count("refused")) > 3


def test_hostile_files_are_read_or_refused_in_a_clear_sentence(end_of) -> None:  # noqa: ANN001
    kinds = (DRAWING, CHECKPOINT, PUBLISHED)
    large = (".glb deep", ".glb wide", ".glb many primitives")  # a second or more each
    chosen = [
        one
        for one in hostile()
        if one.kind in kinds or (one.suffix == ".glb" and one.name not in large)
    ]
    assert len(chosen) > 80
    for made in chosen:
        outcome, words = end_of(made)
        assert outcome in ("read", "refused"), (made.name, words)
        assert outcome == "read" or not unclear(words), made.name


def test_the_same_seed_makes_the_same_files() -> None:
    first = list(changed_files(40, seed=3))
    assert first == list(changed_files(40, seed=3))
    assert first != list(changed_files(40, seed=4))


@pytest.mark.parametrize(
    ("refusal", "complaint"),
    [
        ("file must be whole, got half of it; copy it again", ""),
        ("'width'", "no rule"),
        ("file must be whole, got half of it", "no rule"),
        ("file must be whole,\ngot half; copy it", "no rule"),
        ("file must be a table, got KeyError: 'a'; copy it", "words of a library"),
        ("file must hold text, got what the codec refuses; copy it", "words of a library"),
        (f"file must be short, got {'a' * 700}; copy it", "letters"),
    ],
)
def test_a_sentence_has_a_rule_a_value_and_advice(refusal: str, complaint: str) -> None:
    found = unclear(refusal)
    assert complaint in found
    assert bool(found) == bool(complaint)
