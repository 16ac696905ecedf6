"""Folders of pictures, some of them dreamed on before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cli.conftest import QUICK


@pytest.fixture
def bulk(run_tiny, photo):
    """Dream on a folder with two pictures."""
    Path("in").mkdir()
    for name in ("a", "b"):
        Image.fromarray(photo).save(f"in/{name}.png")
    return lambda *options: run_tiny("bulk", "in", "-o", "out", "--layer", "sum", *QUICK, *options)


def test_what_the_same_options_made_is_skipped(bulk, names):
    assert "2 dreamed, 0 done before, 0 failed" in bulk()[1]
    assert "0 dreamed, 2 done before, 0 failed" in bulk()[1]
    assert names("out") == ["a-png_sum.png", "b-png_sum.png"]


@pytest.mark.parametrize("more", [(), ("--enlarge", "400"), ("--windows", "24x24")])
def test_octaves_that_the_pictures_size_chose_are_no_difference(run_tiny, photo, names, more):
    Path("in").mkdir()
    Image.fromarray(photo).resize((212, 148)).save("in/a.png")
    command = ("bulk", "in", "-o", "out", "--layer", "sum", "--iterations", "1", *more)
    assert "1 dreamed, 0 done before" in run_tiny(*command)[1]
    assert "0 dreamed, 1 done before" in run_tiny(*command)[1]
    assert "1 dreamed, 0 done before" in run_tiny(*command, "--octaves", "1")[1]


def test_other_options_make_other_files_and_the_difference_is_said_once(bulk, names):
    bulk()
    code, out, err = bulk("--step-size", "3")
    assert code == 0 and "2 dreamed, 0 done before" in out
    assert "a-png_sum.png was made otherwise (step_size 2.7 → 3.0); the new one is a-png_sum-2.png" in err
    assert err.count("was made otherwise") == 1
    assert names("out") == ["a-png_sum-2.png", "a-png_sum.png", "b-png_sum-2.png", "b-png_sum.png"]
    for options in ((), ("--step-size", "3")):
        assert "0 dreamed, 2 done before" in bulk(*options)[1]


def test_another_picture_of_the_same_name_is_dreamed_on(bulk, photo, names):
    bulk()
    Image.fromarray(photo[::-1]).save("in/a.png")
    code, out, err = bulk()
    assert code == 0 and "1 dreamed, 1 done before" in out and "(another picture)" in err
    assert names("out") == ["a-png_sum-2.png", "a-png_sum.png", "b-png_sum.png"]


def test_other_weights_are_a_difference(bulk, two_channels):
    bulk()
    two_channels.weights_sha256 = "1" * 64
    assert "(other weights)" in bulk()[2]


def test_overwrite_replaces_dreams_that_other_options_made_and_no_file_of_somebody_s(bulk, names):
    bulk()
    before = Path("out/a-png_sum.png").read_bytes()
    Path("out/b-png_sum.png").write_text("mine")
    code, out, err = bulk("--step-size", "3", "--overwrite")
    assert code == 0 and "2 dreamed" in out and "it is replaced" in err and "is no dream" in err
    assert Path("out/a-png_sum.png").read_bytes() != before
    assert Path("out/b-png_sum.png").read_text() == "mine"
    assert names("out") == ["a-png_sum.png", "b-png_sum-2.png", "b-png_sum.png"]


def test_tiles_and_memory_are_no_difference(bulk):
    bulk()
    assert "0 dreamed, 2 done before" in bulk("--max-memory", "20GB")[1]


def test_an_unknown_layer_leaves_no_folder(run_tiny, names):
    code, _, err = run_tiny("bulk", ".", "-o", "out", "--layer", "nothing")
    assert code == 2 and "no layer 'nothing'" in err
    assert names() == ["photo.png"]


def test_the_dreams_are_the_same_as_of_dream(bulk, run_tiny):
    bulk()
    run_tiny("dream", "in/a.png", "-o", "one.png", "--layer", "sum", *QUICK)
    np.testing.assert_array_equal(
        np.asarray(Image.open("one.png")), np.asarray(Image.open("out/a-png_sum.png"))
    )
