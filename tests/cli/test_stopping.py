"""Ctrl-C while a picture grows."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

import batcountry.cli
from cli.conftest import QUICK


def test_a_stopped_dream_keeps_the_picture_so_far_and_says_how_to_go_on(run_tiny, stop_after, names):
    stop_after(3)
    code, out, err = run_tiny("dream", "photo.png", *QUICK)
    assert (code, out) == (130, "")
    assert "stopped at octave 2/2, iteration 1/2" in err and "53×37, is in dream-photo-stopped.png" in err
    assert "bat-country again dream-photo-stopped.png" in err
    assert names() == ["dream-photo-stopped.png", "photo.png"]
    note = json.loads(run_tiny("info", "--json", "dream-photo-stopped.png")[1])
    assert note["stopped"] == {"octave": 2, "octaves": 2, "iteration": 1, "iterations": 2}


def test_it_has_the_size_that_it_had_reached_and_takes_a_free_name(run_tiny, stop_after, names):
    stop_after(1)
    for _ in range(2):
        assert run_tiny("dream", "photo.png", "-o", "out.jpg", *QUICK)[0] == 130
    assert names() == ["out-stopped-2.jpg", "out-stopped.jpg", "photo.png"]
    with Image.open("out-stopped.jpg") as picture:
        assert picture.size == (38, 26)


def test_again_makes_the_whole_of_it_and_says_so(run_tiny, stop_after, monkeypatch):
    with monkeypatch.context():
        assert run_tiny("dream", "photo.png", "-o", "whole.png", *QUICK)[0] == 0
    assert "stopped" not in json.loads(run_tiny("info", "--json", "whole.png")[1])
    stop_after(2)
    assert run_tiny("dream", "photo.png", "-o", "half.png", *QUICK)[0] == 130
    stop_after(99)
    code, out, _ = run_tiny("again", "half-stopped.png")
    assert code == 0
    assert "half-stopped.png was stopped at octave 1/2, iteration 2/2; this is the whole dream" in out
    assert Path("half-stopped-again.png").read_bytes() == Path("whole.png").read_bytes()


def test_stopped_before_the_first_step_there_is_nothing_to_keep(run_tiny, stop_after, names):
    stop_after(0)
    code, _, err = run_tiny("dream", "photo.png", "-o", "new/", *QUICK)
    assert code == 130 and "before the first step" in err and "nothing was written" in err
    assert names() == ["photo.png"]


def test_a_second_ctrl_c_while_saving_leaves_no_half_file(run_tiny, stop_after, names, monkeypatch):
    stop_after(2)

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("batcountry.backend.outputs.place", interrupted)
    code, _, err = run_tiny("dream", "photo.png", *QUICK)
    assert code == 130 and "and again while the picture so far was written" in err
    assert names() == ["photo.png"]


def test_a_picture_that_is_visualized_is_kept_too_with_its_plots(run_tiny, stop_after, names):
    stop_after(2)
    code, _, err = run_tiny("visualize", "photo.png", "--layer", "sum", "--plot", "plot.png", *QUICK)
    assert code == 130 and "is in visualize-photo-stopped.png" in err
    assert names() == ["photo.png", "plot.png", "visualize-photo-stopped.png"]


def test_bulk_keeps_the_current_picture_and_does_not_take_it_for_done(run_tiny, stop_after, names):
    stop_after(2)
    code, _, err = run_tiny("bulk", ".", "-o", "out", "--layer", "sum", *QUICK)
    assert code == 130 and "the same command goes on with the rest" in err and "0 dreamed" in err
    assert names("out") == ["photo-png_sum-stopped.png"]
    stop_after(99)
    assert "1 dreamed, 0 done before" in run_tiny("bulk", ".", "-o", "out", "--layer", "sum", *QUICK)[1]


def test_a_visualization_with_a_folder_goes_on_from_there(run_tiny, stop_after, names):
    arguments = ("visualize", "photo.png", "--layer", "sum", "--plot", "plot.png", *QUICK)
    assert run_tiny(*arguments, "-o", "whole.png")[0] == 0
    plot = Path("plot.png").read_bytes()
    Path("plot.png").unlink()
    stop_after(2)
    code, _, err = run_tiny(*arguments, "-o", "out.png", "--work", "work")
    assert code == 130 and "go on with: bat-country resume work" in err
    assert names() == ["photo.png", "whole.png", "work"]
    stop_after(99)
    code, out, err = run_tiny("resume", "work")
    assert code == 0, err
    assert out == f"the dream is in {Path('out.png').absolute()}\n"
    assert Path("out.png").read_bytes() == Path("whole.png").read_bytes()
    assert Path("plot.png").read_bytes() == plot


def test_an_atlas_goes_on_by_its_name(run_tiny, stop_after, names):
    options = ("--layers", "sum", "--iterations", "2", "--canvas", "24x24", "--batch", "1")
    stop_after(1)
    code, _, err = run_tiny("atlas", *options)
    assert code == 130
    assert (
        "stopped at channel 0/" in err
        and "what is done is in atlas; go on with: bat-country resume atlas" in err
    )
    stop_after(99)
    code, out, err = run_tiny("resume", "atlas")
    assert code == 0, err
    assert out.startswith(f"open {Path('atlas/index.html').absolute()} to see ") and "channels" in out
    assert names("atlas") == ["atlas.json", "channels", "index.html", "sheets"]
    assert run_tiny("atlas", *options)[0] == 0


def test_a_film_goes_on_by_its_name(run_tiny, monkeypatch, names):
    from batcountry.motion.endless_zoom import Zoom

    real = Zoom.dreamt

    def frames(self, *args):
        yield next(real(self, *args))
        raise KeyboardInterrupt

    monkeypatch.setattr(Zoom, "dreamt", frames)
    code, _, err = run_tiny("zoom", "photo.png", "film.gif", "--frames", "3", "--layer", "sum", *QUICK)
    assert code == 130
    assert (
        "stopped at frame 1/3" in err
        and "what is done is in film.gif; go on with: bat-country resume film.gif.journal" in err
    )
    monkeypatch.setattr(Zoom, "dreamt", real)
    code, out, err = run_tiny("resume", "film.gif")
    assert code == 0, err
    assert out == f"the film is in {Path('film.gif').absolute()}\n"
    assert names() == ["film.gif", "photo.png"]


def test_frames_that_were_taken_out_are_kept(run_tiny, monkeypatch, names):
    from batcountry.motion.io.decode import Film
    from motion.clips import make_clip, moving

    make_clip("clip.mp4", moving(6, 24, 32))
    real = Film.shots

    def shots(clip):
        for index, each in enumerate(real(clip)):
            if index == 2:
                raise KeyboardInterrupt
            yield each

    monkeypatch.setattr(Film, "shots", shots)
    code, _, err = run_tiny("frames", "make", "clip.mp4", "frames")
    assert code == 130 and "stopped at frame 2/6 (33 %); what is done is in frames" in err
    assert names("frames") == ["000001.png", "000002.png"]


@pytest.mark.slow
def test_a_real_ctrl_c_is_heeded(tmp_path):
    command = [sys.executable, "-c", "from batcountry.cli import main; main()", "dream", "--layer", "stem"]
    command += ["--size", "64", "--octaves", "1", "--iterations", "100000", "--save-steps", "steps"]

    def heed_ctrl_c():  # which a shell lets its background jobs ignore, tests among them
        signal.signal(signal.SIGINT, signal.default_int_handler)

    pipes = {"stderr": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=tmp_path, preexec_fn=heed_ctrl_c, **pipes) as process:
        try:
            while process.poll() is None and not list(tmp_path.glob("steps/*.png")):
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=120)
        finally:
            process.kill()
    assert process.returncode == 130
    assert "stopped at octave 1/1" in err and "is in dream-stopped.png" in err
    assert sorted(each.name for each in tmp_path.iterdir()) == ["dream-stopped.png", "steps"]


def test_stopped_while_modules_are_loaded_there_is_one_sentence_and_no_traceback(monkeypatch, capsys):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr("batcountry.cli.application", interrupted)
    with pytest.raises(SystemExit) as stop:
        batcountry.cli.main()
    assert stop.value.code == 130 and capsys.readouterr().err == "error: stopped\n"


def test_ctrl_c_before_a_dream_begins_is_said_too(run_tiny, monkeypatch, names):
    def pressed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("batcountry.image.files.picture_size", pressed)
    code, out, err = run_tiny("dream", "photo.png")
    assert (code, out, err) == (130, "", "error: stopped\n")
    assert names() == ["photo.png"]
