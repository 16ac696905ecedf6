"""Videos from addresses, with a yt-dlp that stands in for the real one."""

from __future__ import annotations

import shlex
import stat
import sys

import pytest

from batcountry.errors import MissingExtra, VideoError
from batcountry.motion import save_video
from batcountry.motion.io import download as fetch
from motion.clips import facts, make_clip, moving

ADDRESS = "https://example.invalid/watch?v=1"


@pytest.fixture
def downloader(tmp_path, monkeypatch):
    """Put a program named yt-dlp on the path that copies a clip to where it is told, or fails."""
    clip = make_clip(tmp_path / "there.mkv", moving(4))
    place = tmp_path / "bin"
    place.mkdir()

    def with_script(body):
        program = place / "yt-dlp"
        script = place / "downloader.py"
        script.write_text(f"import shutil, sys\narguments = sys.argv[1:]\n{body}\n")
        # By a shell, since the first line of a script takes no interpreter with a space in its path.
        program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {shlex.quote(str(script))} "$@"\n')
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", str(place))

    with_script.copying = (
        f"open({str(tmp_path / 'asked')!r}, 'a').write(repr(arguments) + chr(10))\n"
        f"shutil.copy({str(clip)!r}, arguments[arguments.index('--output') + 1].replace('%(ext)s', 'mkv').replace('%%', '%'))"
    )
    return with_script


def test_a_video_is_fetched_once_and_dreamed_on(tmp_path, downloader, two_channels):
    downloader(downloader.copying)
    options = {"model": two_channels, "opacity": 0, "coherence": 0}
    save_video(ADDRESS, tmp_path / "100% out.mp4", **options)
    assert len(facts(tmp_path / "100% out.mp4").times) == 4
    assert (tmp_path / "100% out-source.mkv").exists()
    save_video(ADDRESS, tmp_path / "100% out.mp4", overwrite=True, **options)
    asked = (tmp_path / "asked").read_text().splitlines()
    assert len(asked) == 1
    assert f"'--', '{ADDRESS}'" in asked[0]


def test_what_the_downloader_says_is_passed_on(tmp_path, downloader):
    downloader("sys.exit('ERROR: Unsupported URL')")
    with pytest.raises(VideoError, match="cannot be fetched: Unsupported URL"):
        fetch.fetched(ADDRESS, tmp_path / "out.mp4")


def test_without_the_downloader_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(fetch, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"pip install yt-dlp, or .*'\.\[fetch\]'"):
        fetch.fetched(ADDRESS, tmp_path / "out.mp4")


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        (ADDRESS, True),
        ("HTTP://x/y", True),
        ("film.mp4", False),
        ("C:/film.mp4", False),
        ("file:///etc/passwd", False),
    ],
)
def test_only_the_web_has_addresses(text, is_one):
    assert fetch.is_address(text) == is_one
