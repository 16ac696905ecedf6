"""The example package adds to every registry, once it is installed, with nothing but its `pyproject.toml`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

EXAMPLE = Path(__file__).parents[1] / "plugin_example"

DREAM = """
import json, sys
import numpy as np
import batcountry
from batcountry.caffe import layer_type_list
from batcountry.recipe.described import described

options = json.loads(sys.argv[1])
picture = batcountry.dream(np.full((23, 31, 3), 90, np.uint8), **options)
recipe = picture.recipe
again = batcountry.dream(np.full((23, 31, 3), 90, np.uint8), recipe)
print(json.dumps({
    "model": recipe.model,
    "param": recipe.param,
    "octaves": recipe.octaves,
    "same": bool((again.array() == picture.array()).all()),
    "warmer": float(np.subtract(*picture.pixels.mean((0, 1))[[0, 2]])),
    "cube": "Cube" in layer_type_list(),
    "enum": batcountry.Recipe.model_json_schema()["properties"]["optimizer"]["enum"],
}))
"""


@pytest.fixture
def installed(tmp_path):
    """The environment of a process in which the example is installed, as an installer does it."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    facts = tmp_path / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    groups = [
        "\n".join([f"[{group}]", *(f"{name} = {value}" for name, value in points.items())])
        for group, points in project["entry-points"].items()
    ]
    (facts / "entry_points.txt").write_text("\n\n".join(groups) + "\n")
    path = [str(tmp_path), str(EXAMPLE / "src"), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path))}


def run(*arguments, env, cwd):
    return subprocess.run(
        [sys.executable, *arguments], env=env, cwd=cwd, capture_output=True, text=True, check=False
    )


def test_what_an_installed_package_adds_is_named_in_recipes_like_all_else(installed, tmp_path):
    options = {
        "preset": "sunset",
        "model": "blur:3",
        "objective": 'layer("0") + 9*warmth(2)',
        "transforms": "tilt(3)",
        "param": "warm-pixels",
        "optimizer": "sign",
        "color": "free",
        "jitter": 1,
    }
    done = run("-c", DREAM, json.dumps(options), env=installed, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["model"], found["param"], found["octaves"]) == ("blur:3", "warm-pixels", 1)
    assert found["same"] and found["cube"] and found["warmer"] > 1
    assert found["enum"] == ["ascent", "adam", "rmsprop", "rmsprop-cnn-vis", "sign"]


def test_the_command_line_offers_and_takes_it_and_says_what_is_broken(installed, tmp_path):
    command = ("-c", "from batcountry.cli import main; main()", "dream")
    shown = run(*command, "--help", env={**installed, "COLUMNS": "200"}, cwd=tmp_path)
    assert "maco, warm-pixels" in shown.stdout and "maco-small, sunset" in shown.stdout
    done = run(*command, "--objective", "broken()", env=installed, cwd=tmp_path)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    note, error = " ".join(done.stderr.split()).split("error: ")
    assert "the plug-in 'broken' of batcountry-warmth for batcountry.objectives is left out" in note
    assert "there is no objective 'broken'" in error
