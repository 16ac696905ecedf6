"""Jobs that are killed go on, and end in the identical result; tools/kill_test.py does the same at random moments."""

from __future__ import annotations

import runpy
import signal
from pathlib import Path

import pytest

from children import killing
from conftest import ROOT

CASES = runpy.run_path(str(ROOT / "tools" / "kill_test.py"))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL here"),
]


@pytest.mark.parametrize(
    ("kind", "operations"),
    [
        ("dream", (3, 40, 12)),
        ("dream-on-disk", (40, 130, 200)),
        ("bulk", (30, 60, 45)),
        ("zoom", (60, 150)),
        ("video", (40, 200)),
        ("atlas", (25, 60)),
        ("visualize", (20, 45)),
    ],
)
def test_killed_at_some_moments_it_ends_in_the_identical_files(tmp_path, monkeypatch, kind, operations):
    if kind == "dream-on-disk":
        pytest.importorskip("pyvips", reason="needs pyvips, which the extra `big` brings")
    wanted = CASES["finished"](CASES["place"](tmp_path, kind, "whole"))
    folder: Path = CASES["place"](tmp_path, kind, "killed")
    monkeypatch.chdir(folder)
    with killing("batcountry.dreams.dreamer") as killed_at:
        assert [killed_at(each, folder, CASES["CHILD"]) for each in operations] == [True] * len(operations)
    assert CASES["finished"](folder) == wanted and wanted
