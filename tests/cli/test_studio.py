"""`bat-country studio`: what it says, and how it ends."""

import re
import signal
import subprocess
import sys
import urllib.request

import pytest

from batcountry.cli import main
from children import COMMAND_LINE, child

pytest.importorskip("fastapi")


def ran(monkeypatch, capfd, *arguments):
    monkeypatch.setattr(sys, "argv", ["bat-country", "studio", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    return end.value.code, capfd.readouterr().err


def test_it_says_where_it_is_and_ends_when_it_is_told_to(tmp_path):
    command = [
        sys.executable,
        "-c",
        COMMAND_LINE,
        "studio",
        "--folder",
        str(tmp_path / "files"),
        "--port",
        "0",
        "--page",
    ]
    with child(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as studio:
        address = re.search(r"http://127\.0\.0\.1:\d+", studio.stdout.readline())[0]
        with urllib.request.urlopen(f"{address}/health", timeout=10) as reply:
            assert reply.status == 200
        with urllib.request.urlopen(f"{address}/", timeout=10) as page:
            assert b"<html" in page.read()
        studio.send_signal(signal.SIGTERM)
        said = studio.communicate(timeout=30)
    assert studio.returncode == 143, said
    assert "Traceback" not in said[1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--host", "192.0.2.1"], "address of this machine"),
        (["--token", "short"], "token"),
        (["--quota", "much"], "much"),
        (["--device", "a b"], "devices"),
        (["--database", "nonsense"], "database"),
        (["--worker", "--page"], "give one"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(monkeypatch, capfd, tmp_path, arguments, words):
    code, said = ran(monkeypatch, capfd, "--folder", str(tmp_path / "files"), "--port", "0", *arguments)
    assert code == 2 and words in said and "Traceback" not in said


def test_a_folder_that_cannot_be_made_is_said_to_be(monkeypatch, capfd, tmp_path):
    (tmp_path / "file").write_text("")
    code, said = ran(monkeypatch, capfd, "--folder", str(tmp_path / "file"), "--port", "0")
    assert code == 2 and "name another folder" in said


def test_without_its_libraries_it_says_how_to_get_them(monkeypatch, capfd, tmp_path):
    monkeypatch.setitem(sys.modules, "fastapi", None)
    code, said = ran(monkeypatch, capfd, "--folder", str(tmp_path))
    assert code == 2 and ".[studio]" in said
