"""A picture on disk reads and adds as one in memory would."""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from batcountry.dreams.disk.canvas import Canvas


@settings(max_examples=50, deadline=None)
@given(
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    st.tuples(st.integers(-20, 20), st.integers(-20, 20)),
    st.tuples(st.integers(1, 25), st.integers(1, 25)),
)
def test_pieces_go_round_the_edges(tmp_path_factory, size, first, count):
    canvas = Canvas(tmp_path_factory.mktemp("canvas") / "a.raw", size).blank()
    values = torch.rand(1, 3, *size)
    canvas.write(range(size[0]), values)
    rows, columns = (range(f, f + c) for f, c in zip(first, count, strict=True))
    wanted = values[:, :, [each % size[0] for each in rows]][..., [each % size[1] for each in columns]]
    assert torch.equal(canvas.read(rows, columns), wanted)
    added = torch.rand(1, 3, *count)
    canvas.add(rows, columns, added)
    total = values.numpy().copy()
    for y, row in enumerate(rows):
        for x, column in enumerate(columns):
            total[0, :, row % size[0], column % size[1]] += added[0, :, y, x].numpy()
    assert np.allclose(canvas.read(range(size[0])).numpy(), total, atol=1e-5)


def test_strips_cover_all_rows_once(tmp_path):
    canvas = Canvas(tmp_path / "a.raw", (5000, 3000))
    assert [row for rows in canvas.strips() for row in rows] == list(range(5000))
    assert max(len(rows) for rows in canvas.strips()) * 3000 * 12 <= 16 << 20


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="room cannot be taken beforehand here")
def test_a_canvas_takes_its_room_at_once(tmp_path):
    canvas = Canvas(tmp_path / "a.raw", (100, 300)).blank()
    assert canvas.path.stat().st_blocks * 512 >= 100 * 300 * 12
    assert not canvas.read(range(100)).any()
