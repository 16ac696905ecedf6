"""Films from the command line."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from batcountry.cli import main
from motion.clips import facts, make_clip, moving

QUICK = ["--layer", "stem", "--octaves", "1", "--iterations", "1", "--frame-iterations", "1"]


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run the command in a folder with a picture and a clip; gives its code, output and errors."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(moving(1, 60, 90)[0]).save("photo.png")
    make_clip("clip.mp4", moving(6, 48, 64), tone=True)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["bat-country", *(str(each) for each in arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
        said = capsys.readouterr()
        return int(stop.value.code or 0), said.out, said.err

    return call


@pytest.mark.parametrize("suffix", ["mp4", "webm", "mkv", "mov"])
def test_zoom_writes_videos(run, suffix):
    code, out, err = run(
        "zoom", "photo.png", f"film.{suffix}", "--frames", "5", "--fps", "30000/1001", *QUICK
    )
    assert code == 0, err
    assert f"the film is in film.{suffix}" in out
    assert "5 frames of 90×60" in err and "of disk" in err
    found = facts(f"film.{suffix}")
    assert (len(found.times), found.size) == (5, (90, 60))


@pytest.mark.parametrize("suffix", ["gif", "apng"])
def test_zoom_writes_animated_pictures_that_keep_their_length(run, suffix):
    code, _, err = run("zoom", "photo.png", f"film.{suffix}", "--frames", "9", "--fps", "30", *QUICK)
    assert code == 0, err
    with Image.open(f"film.{suffix}") as film:
        assert film.n_frames == 9
        assert film.info["loop"] == 0
        lengths = []
        for index in range(9):
            film.seek(index)
            lengths.append(film.info["duration"])
    assert sum(lengths) == pytest.approx(300, abs=10)


def test_zoom_writes_frames_that_sort(run):
    assert run("zoom", "photo.png", "frames", "--frames", "12", *QUICK)[0] == 0
    names = sorted(each.name for each in Path("frames").iterdir())
    assert names == [f"{number:06d}.png" for number in range(1, 13)]


def test_a_picture_need_not_be_given(run):
    assert run("zoom", "sky", "film.mp4", "--frames", "2", "--size", "64", *QUICK)[0] == 0
    assert facts("film.mp4").size == (64, 36)


def test_video_keeps_times_and_sound(run):
    code, _, err = run("video", "clip.mp4", "out.mp4", *QUICK)
    assert code == 0, err
    before, after = facts("clip.mp4"), facts("out.mp4")
    assert (after.times, after.packets) == (before.times, before.packets)


@pytest.mark.parametrize("film", ["film.mp4", "film.webm", "film.gif", "film.apng", "frames"])
def test_info_shows_the_recipe_inside_a_film_and_again_makes_it_again(run, film):
    options = [*QUICK, "--zoom", "0: 1.02, 10: 1.1 smooth", "--key", "step_size=0:1, 3:2", "--seed", "9"]
    assert run("zoom", "photo.png", film, "--frames", "3", *options)[0] == 0
    code, out, _ = run("info", film, "--json")
    recipe = json.loads(out)["recipe"]
    assert code == 0
    assert recipe["zoom"] == "0: 1.02, 10: 1.1 smooth"
    assert recipe["keys"] == {"step_size": "0: 1, 3: 2"}
    assert recipe["dream"]["seed"] == 9
    code, _, err = run("again", film)
    assert code == 0, err
    path = Path(film)
    again = path.with_name(f"{path.stem}-again{path.suffix}")
    pairs = [(path, again)] if path.suffix else [(each, again / each.name) for each in path.iterdir()]
    assert all(one.read_bytes() == other.read_bytes() for one, other in pairs)


def test_a_video_is_made_again_too_and_not_of_another_source(run):
    run("video", "clip.mp4", "out.mp4", *QUICK)
    assert run("again", "out.mp4")[0] == 0
    assert Path("out.mp4").read_bytes() == Path("out-again.mp4").read_bytes()
    make_clip("clip.mp4", moving(5))
    code, _, err = run("again", "out.mp4")
    assert code == 2 and "--input" in err


def test_resume_takes_a_film_s_name_or_its_journal_and_says_when_there_is_none(run):
    code, _, err = run("resume", "film.mp4")
    assert code == 2 and len(err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["zoom", "photo.png", "film.avi"], ".mp4"),
        (["zoom", "nothing.png", "film.mp4"], "no file nothing.png"),
        (["zoom", "photo.png", "no/film.mp4"], "no folder"),
        (["zoom", "photo.png", "film.mp4", "--zoom", "9"], "from 0.25 to 4"),
        (["zoom", "photo.png", "film.mp4", "--zoom", "0: fast"], "is not a number"),
        (["zoom", "photo.png", "film.mp4", "--fps", "0"], "from 0.1 to 1000"),
        (["zoom", "photo.png", "film.mp4", "--key", "nothing=3"], "no keyframes"),
        (["zoom", "photo.png", "film.mp4", "--key", "3"], "has no ="),
        (["zoom", "photo.png", "film.webm", "--codec", "h264"], "cannot hold h264"),
        (["zoom", "photo.png", "film.mp4", "--codec", "divx"], "codec"),
        (["video", "clip.mp4", "out.mp4", "--layer", "nothing"], "no layer"),
        (["video", "photo.png", "out.mp4"], "is a picture that does not move"),
        (["video", "clip.mp4", "out.mp4", "--from", "soon"], "is not a time"),
        (["video", "clip.mp4", "out.mp4", "--from", "9", *QUICK], "no frame between"),
        (["video", "clip.mp4", "out.mp4", "--coherence", "2"], "coherence"),
        (["video", "clip.mp4", "out.mp4", "--guide", "no.mp4"], "guide"),
        (["frames", "make", "clip.mp4", "frames.png"], "name"),
        (["frames", "join", "nothing", "out.mp4"], "no folder nothing"),
        (["video", "clip.mp4", "clip.mp4"], "another name"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_leaves_nothing(run, arguments, said):
    before = sorted(Path().iterdir())
    code, _, err = run(*arguments)
    assert code == 2
    assert said in err
    assert "Traceback" not in err
    assert sorted(Path().iterdir()) == before


def test_frames_are_made_and_joined_with_times_and_sound(run):
    steps = np.random.RandomState(2).randint(300, 900, 12)
    times = [int(each) for each in np.cumsum(steps) - steps[0]]
    from fractions import Fraction

    make_clip("vfr.mp4", moving(12), times=times, time_base=Fraction(1, 12_800), tone=True)
    code, out, err = run("frames", "make", "vfr.mp4", "frames")
    assert code == 0, err
    assert "12 frames are in frames" in out
    assert sorted(each.name for each in Path("frames").glob("*.png"))[0] == "000001.png"
    code, _, err = run("frames", "join", "frames", "joined.mp4")
    assert code == 0, err
    before, after = facts("vfr.mp4"), facts("joined.mp4")
    assert after.times == before.times
    assert after.packets == before.packets
    assert after.duration == pytest.approx(before.duration, abs=1000)  # the source's is rounded to 1 ms
    pairs = zip(before.frames, after.frames, strict=True)
    assert max(np.abs(np.float32(a) - b).mean() for a, b in pairs) < 6


def test_every_nth_frame_of_a_part_stays_as_long_as_those_it_stands_for(run):
    make_clip("long.mp4", moving(50), tone=True)
    assert run("frames", "make", "long.mp4", "frames", "--every", "4", "--from", "0.4", "--to", "1.6")[0] == 0
    assert run("frames", "join", "frames", "joined.mp4")[0] == 0
    found = facts("joined.mp4")
    assert [float(each) for each in found.times] == pytest.approx([0.16 * index for index in range(8)])
    assert 0 < len(found.packets) < len(facts("long.mp4").packets)


def test_pictures_are_joined_in_the_order_of_their_numbers(run):
    Path("some").mkdir()
    for number in (1, 2, 9, 10, 100):
        Image.new("RGB", (32, 24), (number * 2, 0, 0)).save(f"some/a{number}.png")
    assert run("frames", "join", "some", "out.mkv", "--fps", "10", "--codec", "ffv1")[0] == 0
    assert [round(float(each[..., 0].mean()) / 2) for each in facts("out.mkv").frames] == [1, 2, 9, 10, 100]
    Image.new("RGB", (34, 24)).save("some/a11.png")
    code, _, err = run("frames", "join", "some", "other.mp4", "--fps", "10")
    assert code == 2 and "a11.png is 34×24" in err
    assert not Path("other.mp4").exists()
