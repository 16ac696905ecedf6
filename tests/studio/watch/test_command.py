"""The command and the studio, as processes that are killed and stopped, with real dreams."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

pytest.importorskip("sqlalchemy", reason="needs SQLAlchemy, which the extra `studio` brings")

from batcountry.studio.settings import StudioSettings, WatchedFolder
from batcountry.studio.store.database import Database
from batcountry.studio.store.pictures import Pictures
from batcountry.studio.watch.running import WatchingSupervisor
from children import COMMAND_LINE, child

from .conftest import names_in, picture_bytes

SETTINGS = {"layer": "blocks.2", "octave_n": 1, "iter_n": 1, "maxwidth": 32}


def watch(path, *more):
    command = [sys.executable, "-c", COMMAND_LINE, "watch", str(path / "in"), str(path / "out"), *more]
    return child(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)


def wait_until(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def kill_all(process):
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs process groups")
def test_killed_stopped_and_started_again_all_is_dreamed_once(tmp_path):
    (tmp_path / "in").mkdir()
    for number in range(6):
        (tmp_path / f"in/{number}.png").write_bytes(picture_bytes(number, size=(48, 32)))
    (tmp_path / "in/bad.png").write_bytes(picture_bytes()[:60] + b"IEND")
    settings = tmp_path / "settings.json"
    settings.write_text(json.dumps(SETTINGS))
    options, out = ("--settings", str(settings)), tmp_path / "out"
    with watch(tmp_path, *options) as process:
        wait_until(lambda: len(names_in(out)) >= 1)
        kill_all(process)
    with watch(tmp_path, *options) as process:
        wait_until(lambda: len(names_in(out)) >= 3)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate()
    assert process.returncode == 130
    assert "the same command goes on" in said and "Traceback" not in said
    with watch(tmp_path, *options, "--once") as process:
        said, _ = process.communicate()
    assert process.returncode == 0, said
    assert names_in(out) == {f"{number}.png".encode() for number in range(6)}
    assert names_in(tmp_path / "in/set-aside") == {b"bad.png", b"bad.png.txt"}
    from PIL import Image

    with Image.open(out / "0.png") as picture:
        assert picture.size == (32, 21)


def test_a_studio_watches_its_folder_and_has_results_in_its_gallery(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/photo.png").write_bytes(picture_bytes(size=(48, 32)))
    (tmp_path / "settings.json").write_text(json.dumps(SETTINGS))
    folder = WatchedFolder(
        inputs=tmp_path / "in", outputs=tmp_path / "out", settings=tmp_path / "settings.json"
    )
    settings = StudioSettings(folder=tmp_path / "studio", watch=folder)
    settings.places.make()
    database = Database(settings.database_url)
    supervisor = WatchingSupervisor(settings, database)
    supervisor.start()
    try:
        wait_until(lambda: names_in(tmp_path / "out") == {b"photo.png"})
    finally:
        supervisor.stop()
    (picture,), _ = Pictures(database).page()
    assert (picture.width, picture.height, picture.layer) == (32, 21, "blocks.2")
    database.close()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["watch", "nothing", "out"], "there is no folder"),
        (["watch", ".", "."], "another folder"),
        (["watch", ".", "out", "--settings", "none.json"], "there is no file"),
        (["studio", "--watch", "."], "give both"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(tmp_path, monkeypatch, capfd, arguments, said):
    import batcountry.cli

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["bat-country", *arguments])
    with pytest.raises(SystemExit) as ended:
        batcountry.cli.main()
    assert ended.value.code == 2
    assert said in capfd.readouterr().err
