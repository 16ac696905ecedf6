"""Films are written over nothing that is not theirs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from PIL import Image

from batcountry.cli import main
from batcountry.errors import OutputError, OutputExists
from batcountry.motion import join_frames, make_frames, resume, save_zoom
from motion.clips import make_clip, moving
from motion.jobs.filming import saving_video, saving_zoom, stopped

QUICK = {"layer": "stem", "octaves": 1, "iterations": 1, "frame_iterations": 1, "frames": 3}
OPTIONS = ["--layer", "stem", "--octaves", "1", "--iterations", "1", "--frame-iterations", "1"]


@pytest.fixture(autouse=True)
def _place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(moving(1, 40, 60)[0]).save("photo.png")


@pytest.fixture
def run(monkeypatch, capsys):
    """Run a command; gives its code, output and errors."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["bat-country", *arguments])
        with pytest.raises(SystemExit) as stop:
            main()
        said = capsys.readouterr()
        return int(stop.value.code or 0), said.out, said.err

    return call


@pytest.mark.parametrize("film", ["film.gif", "film.mp4"])
def test_what_is_there_is_replaced_only_on_request(film):
    Path(film).write_text("mine")
    with pytest.raises(OutputExists, match="overwrite=True"):
        save_zoom("photo.png", film, **QUICK)
    assert Path(film).read_text() == "mine"
    assert save_zoom("photo.png", film, overwrite=True, **QUICK) == Path(film)
    assert Path(film).read_bytes()[:4] != b"mine"


@pytest.mark.parametrize("film", ["film.gif", "film.mp4"])
def test_what_comes_to_be_there_meanwhile_stays_and_the_film_is_not_lost(film):
    made = saving_zoom("photo.png", film, **QUICK)
    next(made)
    Path(film).write_text("somebody's")
    for _ in made:
        pass
    assert Path(film).read_text() == "somebody's"
    assert made.film == Path(film).with_stem("film-2") and made.film.exists()
    assert not Path(f"{film}.journal").exists()


@pytest.mark.parametrize("film", ["film.gif", "film.mp4"])
def test_a_resumed_film_takes_the_place_of_its_beginning_and_of_nothing_else(film):
    stopped(saving_zoom("photo.png", film, **QUICK), 1)
    beginning = Path(film).read_bytes()
    assert resume(f"{film}.journal") == Path(film).absolute()
    assert Path(film).read_bytes() != beginning
    Path(film).unlink()
    stopped(saving_zoom("photo.png", film, **QUICK), 1)
    Path(film).write_text("edited by hand")
    assert resume(f"{film}.journal").name == Path(film).with_stem("film-2").name
    assert Path(film).read_text() == "edited by hand"


def test_old_frames_give_way_on_request_and_no_other_files_do():
    save_zoom("photo.png", "frames", **{**QUICK, "frames": 4})
    with pytest.raises(OutputExists):
        save_zoom("photo.png", "frames", **QUICK)
    save_zoom("photo.png", "frames", overwrite=True, **QUICK)
    assert sorted(each.name for each in Path("frames").iterdir()) == [f"00000{i}.png" for i in (1, 2, 3)]
    with pytest.raises(OutputError, match="has the input"):
        save_zoom("frames/000001.png", "frames", overwrite=True, **QUICK)
    Path("frames/diary.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"holds diary\.txt"):
        save_zoom("photo.png", "frames", overwrite=True, **QUICK)
    assert len(list(Path("frames").iterdir())) == 4


@pytest.mark.parametrize("option", ["guide", "mask"])
def test_a_film_is_not_written_over_its_guide_or_mask(option):
    make_clip("side.mp4", moving(3, 40, 60))
    before = Path("side.mp4").read_bytes()
    make_clip("clip.mp4", moving(3, 40, 60))
    options = {each: value for each, value in QUICK.items() if each != "frames"}
    with pytest.raises(OutputError, match="never written over"):
        saving_video("clip.mp4", "side.mp4", overwrite=True, **{option: "side.mp4"}, **options)
    assert Path("side.mp4").read_bytes() == before


def test_frames_are_joined_to_no_file_that_they_were_made_of():
    make_clip("clip.mp4", moving(3, 40, 60), tone=True)
    assert len(list(make_frames("clip.mp4", "frames"))) == 3
    with pytest.raises(OutputError, match="never written over"):
        join_frames("frames", "clip.mp4", overwrite=True)
    Path("out.mp4").write_text("mine")
    with pytest.raises(OutputExists):
        join_frames("frames", "out.mp4")
    with pytest.raises(OutputExists):
        make_frames("clip.mp4", "frames")
    Path("frames/000009.png").write_text("an old one")
    assert len(list(make_frames("clip.mp4", "frames", overwrite=True))) == 3
    assert not Path("frames/000009.png").exists()


def test_commands_take_free_names_and_say_them(run):
    Path("film.gif").write_text("mine")
    code, out, err = run("zoom", "photo.png", "film.gif", "--frames", "2", *OPTIONS)
    assert code == 0 and "the film is in film-2.gif" in out
    assert "film.gif is there already; the result goes to film-2.gif" in err
    assert "film-3.gif" in run("again", "film-2.gif", "-o", "film.gif")[1]
    code, out, _ = run("again", "film-2.gif", "-o", "new/")
    assert code == 0 and "the film is in new/film-2-again.gif" in out
    assert Path("film.gif").read_text() == "mine"
    code, out, _ = run("zoom", "photo.png", "film.gif", "--frames", "2", "--overwrite", *OPTIONS)
    assert code == 0 and "the film is in film.gif" in out
    assert Path("film.gif").read_bytes()[:3] == b"GIF"
    assert run("frames", "make", "film-2.gif", "frames")[0] == 0
    code, out, _ = run("frames", "make", "film-2.gif", "frames")
    assert code == 0 and "are in frames-2" in out
    code, out, _ = run("frames", "join", "frames", "film.gif", "--fps", "9")
    assert code == 0 and "is in film-4.gif" in out


def test_an_unfinished_film_is_not_begun_again_beside_itself(run):
    stopped(saving_zoom("photo.png", "film.gif", **QUICK), 1)
    code, _, err = run("zoom", "photo.png", "film.gif", *OPTIONS)
    assert code == 2 and "bat-country resume film.gif.journal" in err


def test_a_stopped_film_says_where_it_is_even_under_another_name(run, monkeypatch):
    from batcountry.motion.endless_zoom import Zoom

    real = Zoom.dreamt

    def frames(self, *args):
        yield next(real(self, *args))
        Path("film.gif").write_text("somebody's")
        raise KeyboardInterrupt

    monkeypatch.setattr(Zoom, "dreamt", frames)
    code, _, err = run("zoom", "photo.png", "film.gif", "--frames", "3", *OPTIONS)
    assert code == 130
    assert "what is done is in film-2.gif; go on with: bat-country resume film.gif.journal" in err
    monkeypatch.setattr(Zoom, "dreamt", real)
    code, out, _ = run("resume", "film.gif.journal")
    assert code == 0 and "film-2.gif" in out and Path("film.gif").read_text() == "somebody's"
