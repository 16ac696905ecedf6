"""What is stored of a film is read within bounds, and what is damaged is said in a sentence."""

import io
import zipfile
from fractions import Fraction

import numpy as np
import pytest

from batcountry.backend.outputs import Output
from batcountry.errors import BatCountryError, OutputExists, WorkDamaged
from batcountry.motion.form import Form
from batcountry.motion.frame import Frame
from batcountry.motion.io.encode import Part
from batcountry.motion.jobs.journal import FrameStates, arrays_bytes, read_arrays
from batcountry.motion.jobs.picture_sinks import AnimationSink, FolderSink

STATE = {"image": np.arange(60, dtype=np.float32).reshape(4, 5, 3), "since": np.array([7])}
FORMS = {"image": Form(np.float32, (4, None, 3)), "since": Form(np.int64, (1,))}


@pytest.fixture
def place(tmp_path):
    FrameStates(tmp_path).keep(3, STATE)
    return tmp_path / "state-00000003.npz"


def compressed(**arrays) -> bytes:
    out = io.BytesIO()
    np.savez_compressed(out, **arrays)
    return out.getvalue()


def lying(shape: str) -> bytes:
    """A state whose first array says that it has another shape."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(bytes(arrays_bytes(STATE)))) as whole, zipfile.ZipFile(out, "w") as made:
        for each in whole.namelist():
            made.writestr(each, whole.read(each).replace(b"(4, 5, 3)", shape.encode().ljust(9)))
    return out.getvalue()


def test_what_is_kept_is_read_back(place):
    found = FrameStates(place.parent).read(3, FORMS)
    assert {name: each.tolist() for name, each in found.items()} == {k: v.tolist() for k, v in STATE.items()}


def test_a_state_cut_short_anywhere_is_a_sentence(place):
    data = place.read_bytes()
    for length in [*range(0, len(data), 37), len(data) - 1]:
        place.write_bytes(data[:length])
        with pytest.raises(WorkDamaged, match=r"state-00000003\.npz is (damaged|empty)"):
            FrameStates(place.parent).read(3, FORMS)


@pytest.mark.parametrize(
    "data",
    [
        compressed(image=np.zeros((4000, 4000, 3), np.float32), since=np.array([7])),
        lying("(9,99999)"),
        lying("(4, 5)"),
        b"PK\x03\x04" + b"\xff" * 99,
    ],
)
def test_what_would_take_more_memory_than_it_has_bytes_is_refused(place, data):
    place.write_bytes(data)
    with pytest.raises(WorkDamaged, match="start the film anew"):
        read_arrays(place, FORMS)


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"image": STATE["image"]},
        {**STATE, "more": STATE["since"]},
        {**STATE, "image": STATE["image"].astype(np.float64)},
        {**STATE, "image": STATE["image"][..., :2]},
        {**STATE, "since": np.array([[7]])},
    ],
)
def test_a_state_of_another_film_is_refused(place, state):
    FrameStates(place.parent).keep(3, state)
    with pytest.raises(WorkDamaged, match="is of another film"):
        FrameStates(place.parent).read(3, FORMS)


def test_a_part_has_the_packets_of_its_frames():
    sizes, order = np.array([2, 1]), np.array([1, 0])
    whole = {
        "data": np.zeros(3, np.uint8),
        "sizes": sizes,
        "order": order,
        "key": order == 1,
        "pts": order,
        "durations": sizes,
    }
    assert Part(**whole).is_whole
    for name, wrong in [
        ("sizes", [2, 2]),
        ("sizes", [-1, 4]),
        ("order", [0, 0]),
        ("order", [0, 5]),
        ("pts", [1]),
    ]:
        assert not Part(**{**whole, name: np.array(wrong)}).is_whole


def frame(index: int) -> Frame:
    return Frame(index, 3, index, 1, 1, np.full((4, 5, 3), 9.0, np.float32))


def test_a_frame_replaces_no_file_of_the_users(tmp_path):
    sink = FolderSink(tmp_path, (5, 4))
    sink.add(frame(0))
    (tmp_path / "000002.png").write_bytes(b"mine")
    with pytest.raises(OutputExists):
        sink.add(frame(1))
    assert (tmp_path / "000002.png").read_bytes() == b"mine"


def test_a_kept_frame_that_is_damaged_or_no_png_is_said(tmp_path):
    (tmp_path / "files").mkdir()
    sink = AnimationSink(
        tmp_path / "files", (5, 4), Output(tmp_path / "film.gif"), Fraction(1, 10), quality=80
    )
    for index in range(3):
        sink.add(frame(index))
    whole = sink.path(1).read_bytes()
    for data in (b"GIF89a" + whole[6:], whole[:50], b"%!PS\n"):
        sink.path(1).write_bytes(data)
        with pytest.raises(BatCountryError):
            sink.write("")
        assert not (tmp_path / "film.gif").exists()
    sink.path(1).write_bytes(whole)
    sink.write("")
    assert (tmp_path / "film.gif").exists()
