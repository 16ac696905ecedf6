"""What damaged films and pictures say of themselves: a sentence, and never a traceback."""

from __future__ import annotations

import io
import random
import sys

import numpy as np
import pytest
from PIL import Image

from batcountry.cli import main
from fuzz.damage import damaged_bytes


@pytest.fixture
def run(monkeypatch, capsys):
    """Run `info` on a file; gives its code and its errors."""

    def call(path):
        monkeypatch.setattr(sys, "argv", ["bat-country", "info", str(path)])
        with pytest.raises(SystemExit) as stop:
            main()
        return stop.value.code, capsys.readouterr().err

    return call


@pytest.mark.parametrize("suffix", [".gif", ".apng", ".webp", ".png", ".tif", ".avif"])
def test_info_on_a_damaged_picture_is_a_sentence(run, tmp_path, suffix):
    frames = [
        Image.fromarray(np.random.RandomState(n).randint(0, 255, (12, 16, 3)).astype(np.uint8))
        for n in range(3)
    ]
    file, kind = io.BytesIO(), {".apng": "PNG", ".tif": "TIFF"}.get(suffix, suffix[1:].upper())
    frames[0].save(file, kind, save_all=True, append_images=frames[1:])
    path, draw = tmp_path / f"moving{suffix}", random.Random(3)
    for _ in range(12):
        path.write_bytes(damaged_bytes(file.getvalue(), draw))
        code, said = run(path)
        assert code == 2
        assert said.startswith("error: ")
        assert said.count("\n") == 1
        assert f"moving{suffix}" in said


def test_a_jobs_folder_is_said_to_be_one(run, tmp_path):
    (tmp_path / "job.json").write_text("{}")
    code, said = run(tmp_path)
    assert code == 2 and f"is a job's; go on with it by: bat-country resume {tmp_path}" in " ".join(
        said.split()
    )
