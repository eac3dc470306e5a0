"""Text of shape files: encodings, comments, numbers, and errors that name the line.

Exporters differ in encoding, line ends and the way numbers are written. What has one meaning only
is read; all else is refused with the line where it stands.
"""

import re
from collections.abc import Callable, Sequence

import numpy as np
from numpy import ndarray

from mspt.errors import GeometryError

EXPORT = "export the shape again, for example as a binary .stl"
# Longer marks first: that of UTF-32 begins with that of UTF-16.
MARKS = {
    b"\xff\xfe\0\0": "utf-32-le", b"\0\0\xfe\xff": "utf-32-be", b"\xef\xbb\xbf": "utf-8",
    b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be",
}  # fmt: skip
# First bytes of files that often come under a wrong suffix.
KINDS = {
    b"PK\x03\x04": "a ZIP archive", b"\x1f\x8b": "a gzip file", b"7z\xbc\xaf": "a 7z archive",
    b"ISO-10303-21": "a STEP file", b"glTF": "a .glb file", b"ply\n": "a .ply file",
    b"ply\r": "a .ply file", b"# vtk DataFile": "a .vtk file", b"\x89HDF": "an HDF5 file",
    b"version https://git-lfs": "a pointer to a file in Git LFS", b"%PDF": "a PDF file",
}  # fmt: skip
MARKUP = {
    b"<html": "a web page",
    b"<!doctype html": "a web page",
    b"<vtkfile": "a .vtp or .vtu file",
}
# Fortran writes 1.0D+03, and leaves out the letter if the exponent has three digits.
FORTRAN = re.compile(rb"(?<=[\d.])(?:[dDqQ](?=[-+]?\d+$)|(?=[-+]\d{3}$))")


def decoded(data: bytes) -> bytes:
    """Return a text in UTF-8 without byte order mark; other contents are returned as they are.

    Examples:
        >>> decoded("v 1 2 3".encode("utf-16")), decoded("v 1 2 3".encode("utf-16-be"))
        (b'v 1 2 3', b'v 1 2 3')
    """
    for mark, encoding in MARKS.items():
        if data.startswith(mark):
            rest = data[len(mark) :]
            # Binary contents may follow a mark of UTF-8, which must stay as they are.
            return rest if encoding == "utf-8" else rest.decode(encoding, "replace").encode()
    # UTF-16 without a mark: every second byte of Latin letters is zero, the others are not.
    head = data[:200]
    for first, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        zeros, others = head[first::2], head[1 - first :: 2]
        if len(zeros) > 1 and not any(zeros) and all(others):
            return data.decode(encoding, "replace").encode()
    return data


def is_padding(rest: bytes, *, unit: int) -> bool:
    """Return whether bytes after the contents of a binary file cannot be more of them.

    So it is if there are too few, if they are all equal, or if they are a remark in words.

    Args:
        rest: The bytes.
        unit: Bytes that a triangle needs.

    Examples:
        >>> is_padding(bytes(90), unit=50), is_padding(bytes(range(90)), unit=50)
        (True, False)
    """
    if len(rest) < unit or rest.count(rest[:1]) == len(rest):
        return True
    is_text = all(9 <= byte <= 126 for byte in set(rest))
    return is_text and not any(word in rest.lower() for word in (b"facet", b"end_header"))


def text_lines(text: bytes) -> list[bytes]:
    r"""Return the lines of a text, ended by LF, CR LF or CR, without padding after the text.

    Examples:
        >>> text_lines(b"v 1\r\nv 2\rv 3\n\x1a\0\0")
        [b'v 1', b'v 2', b'v 3']
    """
    return text.rstrip(b"\0\x1a").splitlines()


def parse_numbers(words: Sequence[bytes], line_of: Callable[[int], int]) -> ndarray:
    """Return the numbers that words stand for.

    Args:
        words: Words, such as ``b"-1.5e3"``; exponents may be those of Fortran.
        line_of: Gives the number of the line of a word, from its place among the words.

    Raises:
        GeometryError: If a word is no number, as with a decimal comma.

    Examples:
        >>> parse_numbers([b"1.5", b"-2D+01", b"4"], lambda place: 1).tolist()
        [1.5, -20.0, 4.0]
    """
    try:
        return np.fromiter(map(float, words), np.float64, len(words))
    except ValueError:
        values = np.empty(len(words))
    for place, word in enumerate(words):
        try:
            values[place] = float(FORTRAN.sub(b"e", word))
        except ValueError:
            raise _number_error(line_of(place), word) from None
    return values


def _number_error(line: int, word: bytes) -> GeometryError:
    if b"," in word:
        return line_error(
            line, "write numbers with a decimal point and no other sign between digits",
            f"the comma in {shown(word)}", "export it with the number format of English",
        )  # fmt: skip
    return line_error(line, "hold a number here", shown(word))


def line_error(line: int, rule: str, found: str, advice: str = EXPORT) -> GeometryError:
    """Return the error that a line breaks a rule of its format; lines are counted from 1."""
    return GeometryError(f"line {line:,} of the file must {rule}, got {found}; {advice}")


def shown(word: bytes) -> str:
    r"""Return a word of a file for a message, shortened and printable.

    Examples:
        >>> shown(b"0,5"), shown(b"\xff" + b"a" * 90)
        ("'0,5'", "'?aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'")
    """
    letters = "".join(chr(byte) if 32 <= byte < 127 else "?" for byte in word[:40])
    return f"'{letters}'"


def line_of_word(text: bytes, place: int) -> int:
    r"""Return the number of the line in which a word of a text stands.

    Args:
        text: Text with LF as line ends.
        place: Place of the word among ``text.split()``.

    Examples:
        >>> line_of_word(b"a b\n\nc d", 2)
        3
    """
    passed = 0
    for number, line in enumerate(text.split(b"\n"), start=1):
        passed += len(line.split())
        if passed > place:
            return number
    return text.count(b"\n") + 1


def refuse_other_kinds(data: bytes, suffix: str) -> None:
    """Reject a file that begins like one of another format.

    Raises:
        GeometryError: If it does.
    """
    start = data[:400].lstrip(b"\xef\xbb\xbf \t\r\n")
    found = next((kind for mark, kind in KINDS.items() if start.startswith(mark)), None)
    found = found or next((k for mark, k in MARKUP.items() if mark in start.lower()), None)
    if found and suffix not in found:
        raise GeometryError(
            f"file must be what its suffix {suffix} says, got {found}; "
            "unpack or rename it, or export the shape as .stl"
        )
