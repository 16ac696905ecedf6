import base64
import builtins
import io
import json
import re
import shutil
import sys

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from PIL import Image

import batcountry
from batcountry import dreaming, notebook, read_picture
from batcountry.errors import MissingExtra, RecipeError
from batcountry.recipe import Recipe
from conftest import ROOT

quick = {"octaves": 2, "iterations": 3, "jitter": 2}


@pytest.fixture
def shown(monkeypatch):
    """What a notebook would show: a list of each version of the one display."""
    versions = []

    class Handle:
        def update(self, preview):
            versions.append(preview)

    def display(preview, *, display_id):
        assert display_id is True and not versions, "there is one display"
        versions.append(preview)
        return Handle()

    monkeypatch.setattr(notebook, "_display", lambda: display)
    return versions


def picture_in(html):
    kind, data = re.search(r'src="data:image/(\w+);base64,([^"]+)"', html).groups()
    image = Image.open(io.BytesIO(base64.b64decode(data)))
    assert image.format.lower() == kind
    return image


def test_outside_a_notebook_watching_only_hands_the_steps_on(photo, two_channels, monkeypatch):
    plain = [each.score for each in dreaming(photo, model=two_channels, **quick)]
    assert notebook._display() is None
    watched = list(notebook.watch(dreaming(photo, model=two_channels, **quick)))
    assert [each.score for each in watched] == plain
    monkeypatch.setitem(sys.modules, "IPython", None)  # as if it were not installed
    assert len(list(notebook.watch(iter(watched)))) == len(plain)


def test_one_display_is_updated_and_its_last_version_is_the_finished_picture(photo, two_channels, shown):
    finished = notebook.show(dreaming(photo, model=two_channels, **quick), every=0)
    assert len(shown) == 6
    assert "octave 2/2, iteration 3/3, 53×37" in shown[-1].text and "100 %" in shown[-1].text
    difference = np.asarray(picture_in(shown[-1].text), float) - finished.array()
    assert finished.size == (53, 37) and np.abs(difference).mean() < 12  # a JPEG of it


def test_previews_are_throttled_but_the_last_is_always_shown(photo, two_channels, shown):
    notebook.show(dreaming(photo, model=two_channels, **quick), every=3600)
    assert len(shown) == 2
    assert "octave 2/2, iteration 3/3" in shown[1].text


def test_previews_are_shrunk_to_the_size_asked_for(photo, two_channels, shown):
    notebook.show(dreaming(photo, model=two_channels, **quick), longest=20)
    assert picture_in(shown[-1].text).size == (20, 14)


def test_a_stopped_dream_gives_the_picture_as_it_is(photo, two_channels):
    def stopped():
        for number, step in enumerate(dreaming(photo, model=two_channels, **quick)):
            if number == 2:
                raise KeyboardInterrupt
            yield step

    steps = list(dreaming(photo, model=two_channels, **quick))
    assert np.array_equal(notebook.show(stopped()).array(), steps[1].picture().array())


def test_steps_that_are_used_up_are_refused(photo, two_channels):
    steps = dreaming(photo, model=two_channels, **quick)
    notebook.show(steps)
    with pytest.raises(RecipeError, match="no steps"):
        notebook.show(steps)


def test_the_bar_goes_to_a_hundred_percent_and_hands_the_steps_on(photo, two_channels, capsys):
    steps = list(notebook.progress(dreaming(photo, model=two_channels, **quick), title="a photo"))
    assert len(steps) == 6
    said = capsys.readouterr().err
    assert "a photo: 100%" in said and "octave 2/2, iteration 3/3, 53×37" in said


def test_without_tqdm_the_extra_is_named(monkeypatch):
    imported = builtins.__import__

    def without(name, *rest):
        if name.startswith("tqdm"):
            raise ImportError(name)
        return imported(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtra, match=r"bat-country\[notebook\]"):
        notebook.progress([])


def test_names_beside_pictures_are_text_and_never_markup(photo):
    row = notebook.beside({"<script>": read_picture(photo), "b": read_picture(photo)})
    assert row._repr_html_().count("<figure") == 2
    assert "<script>" not in row._repr_html_() and "&lt;script&gt;" in row._repr_html_()
    assert repr(row) == "<script>, b"


def test_a_picture_with_transparency_is_shown_with_it(photo):
    alpha = np.full((*photo.shape[:2], 1), 100, np.uint8)
    row = notebook.beside({"a": read_picture(np.concatenate([photo, alpha], axis=2))})
    assert picture_in(row._repr_html_()).mode == "RGBA"


def test_a_large_picture_is_shown_smaller_and_a_small_one_as_it_is(photo):
    small = Image.open(io.BytesIO(read_picture(photo)._repr_png_()))
    assert np.array_equal(np.asarray(small), photo)
    large = read_picture(np.zeros((1100, 2200, 3), np.uint8))
    assert Image.open(io.BytesIO(large._repr_png_())).size == (1024, 512)


def test_a_step_shows_where_the_dream_is(photo, two_channels):
    step = next(dreaming(photo, model=two_channels, **quick))
    html = step._repr_html_()
    assert picture_in(html).size == step.picture().size
    assert "octave 1/2, iteration 1/3" in html and f"score {step.score:.4g}" in html


def test_a_recipe_shows_first_what_is_its_own():
    own, rest = Recipe(seed=7, model="<my net>")._repr_html_().split("<details>")
    assert "<th>seed</th><td>7</td>" in own and "&lt;my net&gt;" in own
    assert "octaves" not in own and "<th>octaves</th><td>4</td>" in rest
    assert "all defaults" in Recipe()._repr_html_()


def test_the_module_is_loaded_by_name():
    assert batcountry.notebook is notebook


TUTORIAL = ROOT / "examples" / "tutorial.ipynb"


def test_the_tutorial_is_kept_without_outputs():
    for cell in json.loads(TUTORIAL.read_text())["cells"]:
        assert cell["cell_type"] == "markdown" or (cell["outputs"] == [] and cell["execution_count"] is None)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")  # of the kernel's client
def test_the_tutorial_runs_and_shows_what_it_says(tmp_path, monkeypatch):
    for name in ("tutorial.ipynb", "still_life.py"):
        shutil.copy(ROOT / "examples" / name, tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # small pictures; more threads would only wait for each other
    told = nbformat.read(tmp_path / "tutorial.ipynb", as_version=4)
    # However slow the machine is, a kernel starts, and no output is given up; pytest's is the only limit of time.
    patience = {"timeout": None, "startup_timeout": 600, "iopub_timeout": 600}
    client = NotebookClient(told, **patience, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    outputs = [each for cell in told.cells for each in cell.get("outputs", ())]
    text = "".join(each.get("text", "") for each in outputs)
    assert "the same, pixel for pixel: True" in text
    # Each `show` and `watch` has one display, at its last step.
    last = [each for each in outputs if each.output_type == "display_data" and "text/html" in each.data]
    assert len(last) == 3 and all("100 %" in each.data["text/html"] for each in last)
    assert (tmp_path / "tutorial-dream.png").exists()
