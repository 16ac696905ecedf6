"""How commands end: by signals, by outputs that nobody takes, by errors that say how to go on, with names as a terminal may show."""

import io
import logging
import os
import re
import shutil
import signal
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from PIL import Image

from batcountry.cli import main
from batcountry.cli.ending import stop_signals
from batcountry.cli.screen import plain
from batcountry.dreams.dreamer import Dreamer
from batcountry.models import Layer
from cli.conftest import QUICK
from conftest import ROOT

HOSTILE = "a\x1b[31m\n\u202eb"
SIGNALS = [each for each in ("SIGTERM", "SIGHUP") if hasattr(signal, each)]


@pytest.fixture(autouse=True)
def usual_signals():
    """Have signals do what they usually do, as whoever began the tests may ignore them (nohup, or a shell's background)."""
    usual = {getattr(signal, name): signal.SIG_DFL for name in SIGNALS}
    usual[signal.SIGINT] = signal.default_int_handler
    before = {number: signal.signal(number, handler) for number, handler in usual.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def sent_after(monkeypatch):
    """Have a signal sent after so many steps of a dream in memory."""
    real = Dreamer.dreaming

    def send(name, steps):
        def dreaming(self, *args, **options):
            for index, step in enumerate(real(self, *args, **options)):
                if index == steps:
                    os.kill(os.getpid(), getattr(signal, name))
                yield step

        monkeypatch.setattr(Dreamer, "dreaming", dreaming)

    return send


@pytest.mark.skipif(os.name == "nt", reason="Windows ends a process where others send it a signal")
@pytest.mark.parametrize("name", SIGNALS)
def test_signals_end_a_dream_as_ctrl_c_does(run_tiny, sent_after, names, name):
    sent_after(name, 3)
    code, out, err = run_tiny("dream", "photo.png", *QUICK)
    assert (code, out) == (128 + getattr(signal, name), "")
    assert "stopped at octave 2/2, iteration 1/2" in err and "is in dream-photo-stopped.png" in err
    assert names() == ["dream-photo-stopped.png", "photo.png"]
    assert signal.getsignal(getattr(signal, name)) == signal.SIG_DFL


@pytest.mark.skipif(os.name == "nt", reason="Windows ends a process where others send it a signal")
@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_what_fails_as_a_signal_came_at_a_bad_moment_is_no_fault(run_tiny, monkeypatch, name, code):
    def interrupted(*_, **__):
        with suppress(KeyboardInterrupt):  # as some imports of libraries do
            signal.raise_signal(getattr(signal, name))
        raise RecursionError("half imported")

    monkeypatch.setattr("batcountry.models.from_recipe.open_model", interrupted)
    left, out, err = run_tiny("dream", "photo.png")
    assert (left, out, err) == (code, "", "error: stopped\n")


@pytest.mark.skipif(os.name == "nt", reason="Windows ends a process where others send it a signal")
def test_a_job_in_a_folder_is_stored_and_says_how_to_go_on(run_tiny, sent_after, names):
    sent_after("SIGTERM", 1)
    code, _, err = run_tiny("dream", "photo.png", "--work", "work", *QUICK)
    assert code == 143 and "go on with: bat-country resume work" in err
    assert names() == ["photo.png", "work"]
    sent_after("SIGTERM", 99)
    assert run_tiny("resume", "work")[0] == 0


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="this system has no SIGHUP")
def test_what_is_ignored_stays_so_as_nohup_wants_it():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stop_signals() as signals:
            os.kill(os.getpid(), signal.SIGHUP)
            assert signals.code == 130
    finally:
        signal.signal(signal.SIGHUP, before)


def ended(monkeypatch, *arguments, stdout=None, stderr=None):
    """Run a command with its own standard outputs, and return its exit code and what each of them holds."""
    out, err = stdout or io.StringIO(), stderr or io.StringIO()
    monkeypatch.setattr(sys, "argv", ["bat-country", *arguments])
    with monkeypatch.context() as patch, pytest.raises(SystemExit) as stop:
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        main()
    return stop.value.code or 0, *(
        each.getvalue() if isinstance(each, io.StringIO) else "" for each in (out, err)
    )


@pytest.fixture
def full():
    """A standard output on a full disk, which complains of nothing when it is closed."""
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    with io.TextIOWrapper(Path("/dev/full").open("wb")) as stream:
        yield stream


@pytest.mark.parametrize("command", [("models", "list"), ("--version",), ("--help",), ("dream", "--help")])
def test_a_full_standard_output_is_said_in_a_sentence(monkeypatch, full, command):
    code, _, err = ended(monkeypatch, *command, stdout=full)
    assert code == 2
    assert err == (
        "error: what was to be said cannot be written: No space left on device; give the standard output another place\n"
    )


def test_a_reader_that_has_enough_is_no_error(monkeypatch):
    read, write = os.pipe()
    os.close(read)
    with io.TextIOWrapper(os.fdopen(write, "wb")) as stream:
        code, _, err = ended(monkeypatch, "models", "list", stdout=stream)
    assert code in (0, 1) and not err


def test_what_is_told_beside_the_work_may_get_lost(run_tiny, monkeypatch, full):
    code, out, _ = ended(monkeypatch, "dream", "photo.png", *QUICK, stderr=full)
    assert code == 0 and "the dream is in dream-photo.png" in out and Path("dream-photo.png").is_file()


def test_an_error_says_where_its_job_is_and_how_to_go_on(run_tiny, monkeypatch):
    pytest.importorskip("pyvips", reason="needs pyvips, which the extra `big` brings")
    from batcountry.dreams.disk import worker

    steps = []

    def broken(*given, real=worker.update):
        steps.append(given)
        if len(steps) > 2:
            raise OSError(28, "No space left on device")
        return real(*given)

    monkeypatch.setattr(worker, "update", broken)
    monkeypatch.setattr("batcountry.jobs.dream_specs.fits_in_memory", lambda *_: False)
    code, _, err = run_tiny("dream", "photo.png", "-o", "big.tif", *QUICK)
    folder = next(Path().glob("big-work-*"))
    assert code == 2 and "No space left on device; make room and go on from there" in err
    assert re.search(rf"with: bat-country resume \S*{folder.name}$", err.strip()), err
    monkeypatch.undo()


def test_an_error_before_anything_is_done_leaves_no_folder(run_tiny, monkeypatch, names):
    pytest.importorskip("pyvips", reason="needs pyvips, which the extra `big` brings")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("batcountry.dreams.disk.canvas.Canvas.blank", full)
    monkeypatch.setattr("batcountry.jobs.dream_specs.fits_in_memory", lambda *_: False)
    code, _, err = run_tiny("dream", "photo.png", "-o", "big.tif", *QUICK)
    assert code == 2 and "No space left on device" in err and "resume" not in err
    assert names() == ["photo.png"]


@pytest.mark.parametrize("where", [".", "..", "/", "./", "nowhere", "x" * 250, "a\x00b"])
def test_a_folder_that_has_no_job_is_said(run, where):
    code, out, err = run("resume", where)
    assert code == 2 and err.startswith("error: ") and err.count("\n") == 1 and not out


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_names_reach_the_terminal_as_escapes_and_are_files_all_the_same(run_tiny, names):
    shutil.copy("photo.png", f"{HOSTILE}.png")
    for command in (
        ("dream", f"{HOSTILE}.png", *QUICK),
        ("info", f"dream-{HOSTILE}.png"),
        ("info", "--json", f"dream-{HOSTILE}.png"),
        ("dream", "photo.png", "--layer", HOSTILE),
        ("dream", "photo.png", "--model", HOSTILE),
        ("info", HOSTILE),
        ("resume", HOSTILE),
        ("bulk", ".", "-o", HOSTILE, *QUICK),
        ("models", "show", HOSTILE),
        ("models", "list", HOSTILE),
        (HOSTILE,),
        ("dream", f"--{HOSTILE}"),
    ):
        _, out, err = run_tiny(*command)
        said = out + err
        assert said and not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", said), (command, said)
    assert f"dream-{HOSTILE}.png" in names()


def test_layers_with_such_names_are_listed_as_escapes(run_tiny, two_channels, opened):
    two_channels.layers = (Layer(HOSTILE, 2, 1, 1, 0, 1), *two_channels.layers)
    _, out, _ = run_tiny("layers", "net")
    assert r"a\x1b[31m\n\u202eb" in out


def test_all_that_commands_show_goes_through_one_function():
    assert plain("[bold]\x1b[1m") == r"\[bold]\x1b[1m"
    rich_only = {"screen.py", "commands.py"}
    for each in (ROOT / "src/batcountry/cli").glob("*.py"):
        assert each.name in rich_only or "import escape" not in each.read_text(), each


def test_names_that_are_not_utf8_or_too_long_are_said_in_a_sentence(run_tiny, names):
    try:
        bad = os.fsdecode(b"bad\xff.png")
        shutil.copy("photo.png", bad)
    except OSError:
        pytest.skip("this system has no such names")
    for command in (
        ("dream", bad, *QUICK),
        ("dream", "photo.png", "-o", f"o{bad}", *QUICK),
        ("dream", "photo.png", "--guide", bad, "-o", "g.png", *QUICK),
        ("zoom", "photo.png", f"{bad}.gif", "--frames", "1"),
        ("atlas", "-o", bad[:-4]),
        ("dream", "y" * 260, *QUICK),
        ("dream", "photo.png", "-o", "y" * 256 + ".png", *QUICK),
        ("dream", "photo.png", "--work", "y" * 256, "-o", "w.png", *QUICK),
        ("zoom", "photo.png", "y" * 250 + ".gif", "--frames", "1"),
        ("info", "y" * 5000),
    ):
        code, _, err = run_tiny(*command)
        last = err.strip().splitlines()[-1]
        assert code == 2 and last.startswith("error: ") and "a fault of the program" not in err, (
            command,
            err,
        )
    with Image.open(bad) as image:
        assert image.size == (53, 37)


def test_one_name_that_is_not_utf8_stops_no_folder_of_pictures(run_tiny):
    Path("in").mkdir()
    shutil.copy("photo.png", "in/good.png")
    try:
        shutil.copy("photo.png", Path("in", os.fsdecode(b"bad\xff.png")))
    except OSError:
        pytest.skip("this system has no such names")
    code, out, err = run_tiny("bulk", "in", "-o", "out", "--layer", "sum", *QUICK)
    assert code == 2 and "1 dreamed" in out and "1 failed" in out and "is not UTF-8" in err


def test_a_damaged_gif_has_no_note_but_an_error(run):
    whole = io.BytesIO()
    Image.new("P", (8, 8)).save(whole, "GIF")
    data = bytearray(whole.getvalue())
    data[6:10] = b"\xff\xff\xff\xff"  # its size: a bomb
    at = data.index(b",")
    data[at + 5 : at + 9] = b"\xff\xff\xff\xff"
    Path("bomb.gif").write_bytes(data)
    code, _, err = run("info", "bomb.gif")
    assert code == 2 and err.startswith("error: bomb.gif ") and err.count("\n") == 1


def test_outputs_whose_encoding_lacks_a_character_take_its_escape(monkeypatch):
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, "ascii", errors="strict", write_through=True)
    code, *_ = ended(monkeypatch, "models", "show", "alexnet-é", stderr=stream)
    assert code == 2 and rb"alexnet-\xe9" in raw.getvalue()


def test_what_cannot_be_printed_is_changed_before_any_handler_has_it(caplog):
    with caplog.at_level(logging.WARNING, "batcountry"):
        logging.getLogger("batcountry").warning("no %s", HOSTILE)
    assert caplog.messages == [r"no a\x1b[31m\n\u202eb"]
