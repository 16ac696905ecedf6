"""What is said before a dream is what it takes, and never less."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from batcountry.backend.allocator import keeps_memory

pytestmark = pytest.mark.skipif(not keeps_memory(), reason="needs glibc's malloc, and the peak from /proc")

RUN = """
from batcountry.backend.allocator import peak_memory
from batcountry.cli import main
try:
    main()
finally:
    print(peak_memory())
"""


def said_and_taken(folder, *options: str, command: str = "dream") -> tuple[float, int]:
    """Run a command in a process of its own; returns bytes."""
    run = subprocess.run(
        [sys.executable, "-c", RUN, command, *options],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    amount, unit = re.search(r"about ([\d.]+)\s+(MB|GB)\s+of\s+memory", run.stderr).groups()
    return float(amount) * {"MB": 1e6, "GB": 1e9}[unit], int(run.stdout.split()[-1])


@pytest.mark.parametrize("network", ["efficientnet-lite0", "googlenet"])
def test_a_dream_takes_what_is_said(tmp_path, network, request):
    model = network if "-" in network else str(request.getfixturevalue(network))
    pixels = np.random.RandomState(0).randint(0, 256, (400, 420, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    options = ("photo.png", "--model", model, "--octaves", "1", "--iterations", "1")
    said, taken = said_and_taken(tmp_path, *options)
    assert taken <= said <= 1.15 * taken


def test_a_huge_picture_of_one_bit_a_pixel_takes_no_more_than_is_said(tmp_path):
    Image.new("1", (13_000, 13_000), 1).save(tmp_path / "huge.png")
    options = ("huge.png", "--size", "96", "--octaves", "1", "--iterations", "1", "--max-memory", "1GB")
    said, taken = said_and_taken(tmp_path, *options)
    assert taken <= said <= 1.15 * taken
    assert taken < 700e6


@pytest.mark.slow
def test_batches_one_after_the_other_take_no_more_than_was_said_of_the_first(tmp_path):
    pixels = np.random.RandomState(1).randint(0, 256, (90, 160, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    said, taken = said_and_taken(tmp_path, "photo.png", "-o", "look.png", command="look")
    assert taken <= said <= 1.15 * taken
