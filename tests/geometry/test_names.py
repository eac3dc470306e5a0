import shlex
from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mspt.geometry.files.names import MAX_LENGTH, safe_name, stem_of

HOSTILE = "/\\'\"`$&|;<>*?!#~{}[]^%=\0\n\r\t\x1b\u202e"


@given(name=st.text(max_size=200))
@example(name="../../etc/passwd")
@example(name="a" * 300 + ".stl")
@example(name="-rf.stl")
@example(name="..\\..\\x.stl")
@example(name="x." + "y" * 300)
def test_any_text_becomes_a_name_in_the_same_folder(name: str) -> None:
    found = safe_name(name)
    assert 0 < len(found) <= MAX_LENGTH
    assert not set(found) & set(HOSTILE)
    assert PurePosixPath(found).name == PureWindowsPath(found).name == found
    assert found[0] not in "-. "
    assert shlex.split(shlex.quote(found)) == [found]
    assert safe_name(found) == found
    assert safe_name(f"folder/{found}") == safe_name(f"c:\\folder\\{found}") == found
    assert stem_of(name)
    assert found.startswith(stem_of(name))


@pytest.mark.parametrize("name", ["my-car.stl", "Größe 2 (neu).OBJ", "車.glb", "a_b+c.v2.ply"])
def test_usual_names_stay(name: str) -> None:
    assert safe_name(name) == name
