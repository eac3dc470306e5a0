"""Reports: what comes from outside is escaped, nothing is fetched, pictures show what they say."""

import struct
import zlib
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from mspt.figures.report import pdf
from mspt.figures.report.document import _about_error, _facts, _text
from mspt.figures.report.pictures import SIDE, Shades, body_picture, slice_picture
from mspt.figures.report.scenes import color_bar
from mspt.figures.vtk.resample import SliceGrid
from mspt.geometry.mesh import box

HOSTILE = "<img src=//evil.example>\"'&<script>x</script>\u202e\x00"


def pixels(png: bytes) -> np.ndarray:
    """Decode a PNG file whose lines have no filter."""
    width, height = struct.unpack(">II", png[16:24])
    start = png.index(b"IDAT") + 4
    raw = np.frombuffer(zlib.decompressobj().decompress(png[start:]), np.uint8)
    return raw.reshape(height, 4 * width + 1)[:, 1:].reshape(height, width, 4)[..., :3].astype(int)


def test_text_and_names_are_shown_as_they_are() -> None:
    found = _facts({HOSTILE: HOSTILE})
    assert "<img" not in found
    assert "<script" not in found
    assert "\u202e" not in found
    seen: list[str] = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: seen.append(tag)  # noqa: ARG005
    parser.feed(found)
    assert set(seen) == {"table", "tr", "td"}
    assert _text("<b>") == "&lt;b&gt;"
    assert "evil" in color_bar(HOSTILE, Shades(limits=(0.0, 1.0)))
    assert "<img" not in color_bar(HOSTILE, Shades(limits=(0.0, 1.0)))
    told = _about_error({"C_D_relative": 0.05, "cases": HOSTILE})
    assert "<img" not in told


def test_a_body_is_drawn_where_it_is_in_the_colors_of_its_values() -> None:
    """A box twice as long as high, seen from its left: the front half is low, the rear high."""
    mesh = box((0, -0.2, 0), (1, 0.2, 0.5))
    shades = Shades(limits=(0.0, 1.0))
    values = np.linspace(0, 1, len(mesh.triangles))
    values[:] = 0.0
    low = pixels(body_picture(mesh, values, shades=shades, toward=SIDE, width=200, height=120))
    drawn = np.ptp(low, axis=-1) > 20
    rows, columns = np.nonzero(drawn)
    assert np.ptp(columns) + 1 == pytest.approx(2 * (np.ptp(rows) + 1), abs=3)
    assert drawn.sum() == pytest.approx((np.ptp(rows) + 1) * (np.ptp(columns) + 1), rel=0.03)
    assert 170 < np.ptp(columns) < 195
    purple = np.array([0x44, 0x01, 0x54])  # the first color of the scale, in some light
    shown = np.median(low[drawn], axis=0)
    assert np.abs(shown / shown.max() - purple / purple.max()).max() < 0.05
    high = pixels(body_picture(mesh, values + 1, shades=shades, toward=SIDE, width=200, height=120))
    assert np.median(high[drawn], axis=0)[0] > 150  # yellow
    gray = pixels(body_picture(mesh, None, shades=shades, toward=SIDE, width=200, height=120))
    assert np.ptp(gray, axis=-1).max() < 30


def test_what_is_in_front_hides_what_is_behind() -> None:
    from mspt.geometry.mesh import joined

    mesh = joined(box((0, -0.2, 0), (1, 0.2, 0.5)), box((0.2, 0.3, 0.1), (0.8, 0.4, 0.4)))
    values = np.repeat([0.0, 1.0], 12)  # the second one is on the far side, y > 0
    image = pixels(
        body_picture(
            mesh, values, shades=Shades(limits=(0.0, 1.0)), toward=SIDE, width=90, height=60
        )
    )
    drawn = np.ptp(image, axis=-1) > 20
    red, green, blue = image[drawn].T
    assert (green < 60).mean() > 0.9  # purple inside, paler at the smooth edges
    assert not ((red > 150) & (green > 150) & (blue < 100)).any()  # no yellow


def test_a_slice_has_its_ground_below_and_its_body_gray() -> None:
    values = np.array([[0.0, 0.0, 0.0], [1.0, np.nan, 1.0]])  # low at the ground
    grid = SliceGrid(x=np.arange(3.0), z=np.arange(2.0), values=values)
    image = pixels(slice_picture(grid, shades=Shades(limits=(0.0, 1.0)), finer=1))
    assert image.shape == (2, 3, 3)
    assert (image[1] == [0x44, 0x01, 0x54]).all()
    assert image[0, 1].tolist() == [140, 150, 158]
    assert (image[0, 0] == [0xFD, 0xE7, 0x25]).all()


def test_without_a_browser_there_is_no_pdf(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pdf, "find_browser", lambda: None)
    assert pdf.pdf_bytes("<p>") is None
    failing = tmp_path / "chromium"
    failing.write_text("#!/bin/sh\nexit 3\n")
    failing.chmod(0o755)
    monkeypatch.setattr(pdf, "find_browser", lambda: str(failing))
    assert pdf.pdf_bytes("<p>") is None
    printing = tmp_path / "printing"
    printing.write_text(
        '#!/bin/sh\nfor one in "$@"; do case $one in --print-to-pdf=*) '
        'printf %%PDF > "${one#--print-to-pdf=}";; esac; done\n'
    )
    printing.chmod(0o755)
    monkeypatch.setattr(pdf, "find_browser", lambda: str(printing))
    assert pdf.pdf_bytes("<p>") == b"%PDF"
