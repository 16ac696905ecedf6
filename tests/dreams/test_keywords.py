import inspect
import runpy
import subprocess
import sys
import textwrap
from typing import get_type_hints

import pytest

import batcountry
from batcountry import jobs, motion
from batcountry.dreams.keywords import DreamOptions, VisualizeOptions, ZoomOptions
from batcountry.motion.keyframes import LEFT_OUT
from batcountry.recipe import Recipe
from conftest import ROOT

SCRIPT = ROOT / "tools" / "keywords.py"


def test_the_keywords_are_those_of_the_schema():
    wanted = runpy.run_path(str(SCRIPT))["keywords"]()
    found = (ROOT / "src" / "batcountry" / "dreams" / "keywords.py").read_text(encoding="utf-8")
    assert found == wanted, "run `make keywords`, and commit src/batcountry/dreams/keywords.py"


def test_a_dream_takes_every_field_of_a_recipe_and_a_preset():
    fields = set(Recipe.model_fields)
    assert set(DreamOptions.__annotations__) == fields | {"preset"}
    assert set(VisualizeOptions.__annotations__) == (fields | {"preset"}) - {"objective", "layer", "guide"}
    assert fields - set(LEFT_OUT) <= set(ZoomOptions.__annotations__)
    assert not set(LEFT_OUT) & set(ZoomOptions.__annotations__)


@pytest.mark.parametrize(
    "function",
    [
        *(batcountry.dream, batcountry.dreaming, batcountry.Dreamer.__init__, batcountry.visualize),
        *(jobs.dream_on_disk, jobs.bulk),
        *(motion.zoom, motion.video, motion.save_zoom, motion.save_video),
    ],
)
def test_types_of_the_public_functions_can_be_asked_for(function):
    hints = get_type_hints(function)
    options = next(
        each.name for each in inspect.signature(function).parameters.values() if each.kind is each.VAR_KEYWORD
    )
    assert hints[options].__name__ == "Unpack" or "Options" in str(hints[options])


RIGHT = """
    from pathlib import Path

    import numpy as np
    import torch
    from torch import Tensor, nn

    import batcountry
    from batcountry import Dreamer, Picture, dream, dreaming, motion, visualize
    from batcountry.jobs import dream_on_disk
    from batcountry.objectives import channel, function

    def mirrored(pictures: Tensor) -> Tensor:
        return pictures.flip(-1)

    one: Picture = dream("photo.jpg", octaves=3, iterations=5, carry="detail", spacing="linear")
    many: list[Picture] = dream(["a.jpg", Path("b.jpg"), b"...", one], batch=4, progress=True)
    paths: list[Path] = []
    dream(paths)
    dream(torch.zeros(3, 8, 8), callback=lambda step: step.score > 5)
    dream(np.zeros((8, 8, 3)), model=nn.Identity(), guide=one, mask=Path("mask.png"), size=None)
    dream(open("photo.jpg", "rb"), objective=lambda seen: seen["blocks.10"][:, 17].mean())
    dream(objective=channel("blocks.10", 17) - 0.1 * function(lambda seen: seen["stem"].mean()))
    dream(transforms=["jitter(3)", mirrored, nn.Identity()], optimizer=torch.optim.Adam)
    dream(optimizer=lambda tensors: torch.optim.SGD(tensors, lr=1.0), param=batcountry.optim.param.Fourier)
    for step in dreaming(one, one.recipe, preset="classic"):
        step.picture().save("dream.png").exists()
    Dreamer(octaves=2).dreaming("photo.jpg")
    visualize(["layer('stem')", channel("stem", 1), lambda seen: seen["stem"].mean()], canvas="32x32")
    dream_on_disk("photo.jpg", "dream.tif", octaves=2, work="work")
    motion.save_zoom("photo.jpg", "zoom.mp4", octaves=2, zoom={0: 1.0, 100: 1.1}, seconds=3)
    motion.video("film.mp4", coherence=0.5, begin="1:30")
    options: dict[str, object] = {}
"""

WRONG = {
    'dream("photo.jpg", octave=3)': 'No overload variant of "dream"',
    'dream("photo.jpg", octaves="3")': 'No overload variant of "dream"',
    'dreaming("photo.jpg", octave=3)': '"octave"',
    'dreaming("photo.jpg", octaves="3")': '"octaves"',
    'dreaming("photo.jpg", spacing="cubic")': '"spacing"',
    'dreaming("photo.jpg", optimizer=3)': '"optimizer"',
    "Dreamer(layers=3)": '"layers"',
    'visualize(["x"], layer="stem")': '"layer"',
    'dream_on_disk("a", "b", iteration=3)': '"iteration"',
    'motion.zoom("a", zooms=2)': '"zooms"',
    'motion.video("a", wrap="x")': '"wrap"',
    'other: Picture = dream(["a"])': "Incompatible types",
}


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    """What mypy says of a text, as lines."""
    pytest.importorskip("mypy", reason="needs mypy; install it with: pip install mypy")
    folder = tmp_path_factory.mktemp("mypy")

    def check(text):
        (folder / "program.py").write_text(text)
        command = [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--follow-imports=silent",
            f"--cache-dir={folder}",
        ]
        done = subprocess.run(
            [*command, "program.py"], cwd=folder, capture_output=True, text=True, env=_environment()
        )
        return [line for line in done.stdout.splitlines() if ": error:" in line], done

    return check


def _environment():
    import os

    return {**os.environ, "MYPYPATH": str(ROOT / "src")}


@pytest.mark.slow
def test_type_checkers_take_what_a_dream_takes_and_refuse_what_it_does_not(checked):
    right = textwrap.dedent(RIGHT)
    errors, done = checked(right + "".join(f"{line}\n" for line in WRONG))
    first = len(right.splitlines()) + 1
    found = {int(line.split(":")[1]): line for line in errors}
    assert done.returncode == 1, done.stderr
    assert sorted(found) == list(range(first, first + len(WRONG))), "\n".join(errors)
    for number, (line, name) in enumerate(WRONG.items(), first):
        assert name in found[number], f"{line}: {found[number]}"
