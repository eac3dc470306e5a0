"""Runs of patches of one size, and the pieces in which they are worked on."""

from itertools import pairwise

import hypothesis.strategies as st
from hypothesis import given

from mspt.partition.runs import patch_offsets, patch_runs


@given(num_rows=st.integers(1, 300), data=st.data(), max_rows=st.integers(1, 100))
def test_pieces_hold_whole_patches_in_order(
    num_rows: int, data: st.DataObject, max_rows: int
) -> None:
    num_patches = data.draw(st.integers(1, num_rows))
    offsets = patch_offsets(num_rows, num_patches)
    sizes = [after - before for before, after in pairwise(offsets)]
    assert sizes == sorted(sizes, reverse=True)
    assert max(sizes) - min(sizes) <= 1
    seen = []
    for run in patch_runs(num_rows, num_patches):
        for piece in run.pieces(max_rows):
            assert piece.count == 1 or piece.size * piece.count <= max_rows
            assert piece.rows == slice(piece.start, piece.start + piece.size * piece.count)
            seen += [
                (piece.first + place, piece.start + place * piece.size, piece.size)
                for place in range(piece.count)
            ]
    assert seen == list(zip(range(num_patches), offsets, sizes, strict=False))
