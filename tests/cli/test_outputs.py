"""Where commands write: free names, folders, and never over an input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from batcountry.recipe import Note
from cli.conftest import QUICK


def test_a_dream_takes_a_free_name_and_says_it(run_tiny, names):
    for name in ("dream-photo.png", "dream-photo-2.png", "dream-photo-3.png"):
        code, out, err = run_tiny("dream", "photo.png", *QUICK)
        assert code == 0 and out == f"the dream is in {name}\n" and "note" not in err
    assert names() == ["dream-photo-2.png", "dream-photo-3.png", "dream-photo.png", "photo.png"]


def test_a_name_that_was_given_and_is_there_is_said_at_once_and_replaced_only_on_request(run_tiny):
    Path("out.png").write_text("mine")
    code, out, err = run_tiny("dream", "photo.png", "-o", "out.png", *QUICK)
    assert code == 0 and "the dream is in out-2.png" in out
    assert "out.png is there already; the result goes to out-2.png" in err
    assert Path("out.png").read_text() == "mine"
    code, out, _ = run_tiny("dream", "photo.png", "-o", "out.png", "--overwrite", *QUICK)
    assert code == 0 and "the dream is in out.png" in out
    assert Path("out.png").read_bytes() == Path("out-2.png").read_bytes()


def test_what_another_process_wrote_meanwhile_stays_and_the_dream_is_not_lost(run_tiny, monkeypatch):
    from batcountry.dreams.dreamer import Dreamer

    real = Dreamer.dreaming

    def dreaming(*args, **options):
        for step in real(*args, **options):
            Path("dream-photo.png").write_text("somebody's")
            yield step

    monkeypatch.setattr(Dreamer, "dreaming", dreaming)
    code, out, err = run_tiny("dream", "photo.png", *QUICK)
    assert code == 0 and "the dream is in dream-photo-2.png" in out and "is there by now" in err
    assert Path("dream-photo.png").read_text() == "somebody's"


@pytest.mark.parametrize("given", ["folder", "folder/", "new/er/"])
def test_a_folder_can_be_named_for_the_output(run_tiny, given):
    Path("folder").mkdir()
    code, out, _ = run_tiny("dream", "photo.png", "-o", given, *QUICK)
    assert code == 0 and f"the dream is in {Path(given) / 'dream-photo.png'}" in out
    assert (Path(given) / "dream-photo.png").exists()
    code, out, _ = run_tiny("again", Path(given) / "dream-photo.png", "-o", "other/")
    assert code == 0 and Path("other/dream-photo-again.png").exists()
    assert run_tiny("visualize", "photo.png", "--layer", "sum", "-o", given, *QUICK)[0] == 0
    assert (Path(given) / "visualize-photo.png").exists()


def test_a_folder_that_was_made_for_nothing_goes_again(run_tiny, names):
    code, _, err = run_tiny("dream", "photo.png", "--layer", "nothing", "-o", "new/er/")
    assert code == 2 and "no layer 'nothing'" in err
    assert names() == ["photo.png"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("dream", "photo.png", "-o", "photo.png"),
        ("dream", "photo.png", "-o", "link.png"),
        ("dream", "link.png", "-o", "photo.png"),
        ("dream", "photo.png", "-o", "hard.png"),
        ("dream", "photo.png", "-o", "guide.png", "--guide", "guide.png"),
        ("dream", "photo.png", "-o", "guide.png", "--mask", "guide.png"),
        ("dream", "photo.png", "-o", "guide.png", "--objective", 'style("guide.png", "sum")'),
        ("dream", "photo.png", "-o", "guide.png", "--objective", 'region("guide.png", layer("sum"))'),
        ("visualize", "photo.png", "-o", "photo.png"),
        ("visualize", "photo.png", "--plot", "photo.png"),
        ("visualize", "photo.png", "--plot-pixels", "link.png"),
        ("again", "dream.png", "-o", "dream.png"),
        ("again", "dream.png", "-o", "photo.png"),
        ("look", "photo.png", "-o", "photo.png"),
        ("zoom", "guide.gif", "guide.gif"),
        ("bulk", ".", "-o", "."),
        ("bulk", ".", "-o", "here"),
    ],
)
def test_no_command_writes_over_an_input_not_even_with_overwrite(run_tiny, arguments):
    Image.open("photo.png").save("guide.png")
    Image.open("photo.png").save("guide.gif")
    Path("link.png").symlink_to("photo.png")
    Path("hard.png").hardlink_to("photo.png")
    Path("here").symlink_to(".")
    assert run_tiny("dream", "photo.png", "-o", "dream.png", *QUICK)[0] == 0
    before = {each: each.read_bytes() for each in Path().iterdir() if each.is_file()}
    code, out, err = run_tiny(*arguments, "--overwrite")
    assert (code, out) == (2, "") and err.count("\n") == 1
    assert {each: each.read_bytes() for each in Path().iterdir() if each.is_file()} == before


def test_pictures_of_steps_go_to_another_folder_if_there_are_some(run_tiny, names):
    Path("steps").mkdir()
    Path("steps/notes.txt").touch()  # which is in nobody's way
    assert run_tiny("dream", "photo.png", "--save-steps", "steps", *QUICK)[0] == 0
    files = names("steps")
    assert len(files) == 5
    code, _, err = run_tiny("dream", "photo.png", "--save-steps", "steps", "--jitter", "3", *QUICK)
    assert code == 0 and "the result goes to steps-2" in err and len(names("steps-2")) == 4
    one = "steps/octave_1-iter_001.png"
    code, _, err = run_tiny("dream", one, "--save-steps", "steps", "--overwrite", *QUICK)
    assert code == 2 and "never written over" in err
    before = Path(one).read_bytes()
    assert (
        run_tiny("dream", "photo.png", "--save-steps", "steps", "--overwrite", "--seed", "4", *QUICK)[0] == 0
    )
    assert Path(one).read_bytes() != before and names("steps") == files


def test_plots_take_free_names_and_outputs_differ(run_tiny, names):
    for _ in range(2):
        code = run_tiny("visualize", "photo.png", "--layer", "sum", "--plot", "plot.png", *QUICK)[0]
        assert code == 0
    assert names() == [
        "photo.png",
        "plot-2.png",
        "plot.png",
        "visualize-photo-2.png",
        "visualize-photo.png",
    ]
    code, _, err = run_tiny("visualize", "--layer", "sum", "--plot", "a.png", "-o", "a.png")
    assert code == 2 and "a.png is named for two outputs" in err


def test_each_of_several_layers_has_a_picture_of_its_own(run_tiny, names, opened):
    code, out, _ = run_tiny(
        "dream", "photo.png", "--layer", "sum", "--layer", "mean", "--layer", "sum", *QUICK
    )
    assert code == 0 and len(opened) == 1
    assert out.splitlines() == [
        "the dream is in dream-photo_sum.png",
        "the dream is in dream-photo_mean.png",
    ]
    from batcountry.image.files import read_note

    for layer in ("sum", "mean"):
        assert Note.read(read_note(Path(f"dream-photo_{layer}.png"))).recipe.layer == layer
    options = ("--layer", "sum", "--layer", "mean", "-o", "out.jpg", "--save-steps", "steps")
    assert run_tiny("dream", "photo.png", *options, *QUICK)[0] == 0
    assert {"out_sum.jpg", "out_mean.jpg", "steps_sum", "steps_mean"} < set(names())
    before = names()
    code, _, err = run_tiny("dream", "photo.png", "--layer", "sum", "--layer", "nothing", *QUICK)
    assert code == 2 and "no layer 'nothing'" in err and names() == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("dream", "no.png", "--seed", "1", "--seed", "2"),
            "--seed is given more than once; the last counts: 2",
        ),
        (("dream", "no.png", "-o", "a.png", "--output", "b.png"), "the last counts: b.png"),
        (("dream", "no.png", "--no-clip", "--no-clip"), "--no-clip is given more than once; the last counts"),
        (("visualize", "no.png", "--channel", "1", "--channel", "2"), "the last counts: 2"),
        (("look", "no.png", "--layer", "sum", "--layer", "mean"), "the last counts: mean"),
        (("zoom", "no.png", "a.gif", "--fps", "3", "--fps", "4"), "the last counts: 4"),
        (("frames", "make", "no.png", "frames", "--every", "1", "--every", "2"), "the last counts: 2"),
        (("models", "get", "nothing", "--offline", "--offline"), "--offline is given more than once"),
    ],
)
def test_the_last_of_an_option_s_values_is_not_taken_in_silence(run_tiny, arguments, said):
    err = run_tiny(*arguments)[2]
    assert err.startswith("note: ") and said in err


@pytest.mark.parametrize("command", ["dream", "visualize", "bulk"])
def test_an_option_of_the_start_is_not_ignored_in_silence_where_there_is_a_picture(run_tiny, command):
    err = run_tiny(command, "no.png", "--start", "sky", "--canvas", "30x40")[2]
    assert "note: --start does nothing, as no.png is dreamed on; it is for a dream on no picture" in err
    assert "note: --canvas does nothing" in err
    assert "does nothing" not in run_tiny(command, "no.png", "--preset", "class")[2]


def test_options_of_the_start_are_not_remarked_on_where_they_count(run_tiny):
    code, _, err = run_tiny("dream", "--start", "gray", "--canvas", "40x48", "--layer", "sum", *QUICK)
    assert code == 0 and "does nothing" not in err


def test_options_that_may_be_given_several_times_are_not_remarked_on(run_tiny):
    assert "more than once" not in run_tiny("dream", "no.png", "--layer", "sum", "--layer", "mean")[2]
    assert "more than once" not in run_tiny("bulk", "no", "--layer", "sum", "--layer", "mean")[2]


def test_an_option_and_its_opposite_are_refused(run_tiny, names):
    code, out, err = run_tiny("dream", "photo.png", "--clip", "--no-clip")
    assert (code, out) == (2, "") and "--clip and --no-clip say opposite things" in err
    assert names() == ["photo.png"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("dream", "missing.png"), "no file missing.png"),
        (("dream", "photo.png", "--guide", "missing.png"), "no file missing.png"),
        (("dream", "photo.png", "--mask", "missing.png"), "no file missing.png"),
        (("dream", "photo.png", "--weights", "missing.pt"), "no file missing.pt"),
        (("dream", "photo.png", "--objective", 'layer("sum"'), "objective"),
        (("dream", "photo.png", "--objective", 'content("missing.png", "sum")'), "no file missing.png"),
        (("dream", "photo.png", "--objective", 'direction("sum", "missing.npy")'), "no file missing.npy"),
        (("dream", "photo.png", "--objective", "tv()"), "reads no layer"),
        (("dream", "photo.png", "--transforms", "roll(3)"), "roll"),
        (("dream", "photo.png", "--optimizer", "magic"), "magic"),
        (("dream", "photo.png", "--param", "magic"), "magic"),
        (("dream", "photo.png", "--carry", "magic"), "magic"),
        (("dream", "photo.png", "--color", "magic"), "magic"),
        (("dream", "--start", "magic"), "magic"),
        (("dream", "photo.png", "--window-rates"), "window_rates is for windows"),
        (("dream", "photo.png", "--fade", "3"), "fade is for"),
        (("dream", "photo.png", "--octaves", "0"), "octaves cannot be 0"),
        (("dream", "photo.png", "-o", "no/out.png"), "no folder no"),
        (("dream", "photo.png", "-o", "photo.png/"), "is a file"),
        (("dream", "photo.png", "--save-steps", "photo.png"), "photo.png is a file"),
        (("visualize", "photo.png", "-o", "out.bmp"), "out.bmp"),
        (("visualize", "photo.png", "--plot", "no/plot.png"), "no folder no"),
        (("visualize", "photo.png", "--guide", "missing.png"), "No such option"),
        (("visualize", "photo.png", "--tv-every", "0"), "tv_every cannot be 0"),
        (("bulk", "missing"), "no folder missing"),
        (("bulk", "empty"), "no pictures"),
        (("bulk", ".", "--guide", "missing.png"), "no file missing.png"),
        (("bulk", ".", "-o", "photo.png"), "photo.png is a file"),
        (("zoom", "missing.png", "out.gif"), "no file missing.png"),
        (("zoom", "photo.png", "out.gif", "--mask", "missing.png"), "no file missing.png"),
        (("zoom", "photo.png", "out.gif", "--objective", "layer("), "objective"),
        (("look", "missing.png"), "no file missing.png"),
        (("look", "photo.png", "-o", "photo.png/look"), "is a file"),
        (("atlas", "-o", "photo.png"), "is a file"),
        (("atlas", "-o", "page"), "no atlas"),
        (("again", "dream.png", "-o", "no/out.png"), "no folder no"),
        (("again", "dream.png", "--input", "missing.png"), "missing.png"),
    ],
)
def test_what_needs_no_network_to_be_wrong_is_said_before_one_is_opened(run_tiny, opened, arguments, said):
    Path("empty").mkdir()
    Path("page").mkdir()
    Path("page/index.html").write_text("mine")
    run_tiny("dream", "photo.png", "-o", "dream.png", *QUICK)
    opened.clear()
    before = sorted(Path().rglob("*"))
    code, out, err = run_tiny(*arguments)
    assert (code, out) == (2, "") and said in err and err.count("\n") == 1
    assert opened == []
    assert sorted(Path().rglob("*")) == before


def test_a_look_takes_a_free_folder_and_replaces_only_its_own(run_tiny, names):
    options = ("--layer", "sum", "--top", "1", "--size", "32", "--iterations", "1")
    assert "look/index.html" in run_tiny("look", "photo.png", *options)[1]
    assert "look-2/index.html" in run_tiny("look", "photo.png", *options)[1]
    code, out, _ = run_tiny("look", "photo.png", "-o", "look", "--overwrite", *options)
    assert code == 0 and "open look/index.html" in out
    Path("look/diary.txt").write_text("mine")
    code, _, err = run_tiny("look", "photo.png", "-o", "look", "--overwrite", *options)
    assert code == 2 and "look holds diary.txt" in err


def test_an_atlas_is_made_in_no_folder_of_something_else(run_tiny, names):
    Path("web").mkdir()
    Path("web/index.html").write_text("mine")
    code, _, err = run_tiny("atlas", "--layers", "sum", "-o", "web", "--iterations", "1")
    assert code == 2 and "web holds index.html and no atlas" in err
    assert Path("web/index.html").read_text() == "mine" and names("web") == ["index.html"]


def test_a_picture_on_disk_and_its_pyramid_take_free_names_too(run_tiny, monkeypatch, names):
    pytest.importorskip("pyvips", reason="needs pyvips, which the extra `big` brings")
    monkeypatch.setattr("batcountry.dreams.planning.fits_in_memory", lambda *_: False)
    for number in ("", "-2"):
        code, out, _ = run_tiny("dream", "photo.png", "--deepzoom", "tiles", "--layer", "sum", *QUICK)
        assert code == 0
        assert (
            out == f"the dream is in dream-photo{number}.png\nopen tiles{number}/index.html to zoom in it\n"
        )
    first, second = (np.asarray(Image.open(f"dream-photo{each}.png")) for each in ("", "-2"))
    np.testing.assert_array_equal(first, second)
    options = (
        "-o",
        "dream-photo.png",
        "--deepzoom",
        "tiles",
        "--overwrite",
        "--layer",
        "sum",
        "--step-size",
        "9",
    )
    code, out, _ = run_tiny("dream", "photo.png", *options, *QUICK)
    assert code == 0 and "the dream is in dream-photo.png" in out and "open tiles/index.html" in out
    assert not np.array_equal(np.asarray(Image.open("dream-photo.png")), second)
    assert names() == ["dream-photo-2.png", "dream-photo.png", "photo.png", "tiles", "tiles-2"]
    Path("tiles/diary.txt").write_text("mine")
    code, _, err = run_tiny("dream", "photo.png", *options, *QUICK)
    assert code == 2 and "tiles holds diary.txt" in err


def test_a_net_is_not_converted_onto_itself_or_over_other_files(run_tiny):
    from conftest import REFERENCE

    case = REFERENCE / "layers" / "mini_inception"
    Path("net").mkdir()
    Path("net/deploy.prototxt").write_bytes((case / "net.prototxt").read_bytes())
    Path("net/net.caffemodel").write_bytes((case / "net.caffemodel").read_bytes())
    code, _, err = run_tiny("convert", "net", "net", "--overwrite")
    assert code == 2 and "is the net itself" in err
    assert run_tiny("convert", "net", "fast")[0] == 0
    code, _, err = run_tiny("convert", "net", "fast")
    assert code == 2 and "fast is there already" in err
    assert run_tiny("convert", "net", "fast", "--overwrite")[0] == 0
    Path("fast/diary.txt").write_text("mine")
    code, _, err = run_tiny("convert", "net", "fast", "--overwrite")
    assert code == 2 and "fast holds diary.txt" in err
