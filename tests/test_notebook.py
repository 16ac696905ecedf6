import base64
import builtins
import datetime
import io
import re
import runpy
import sys

import nbformat
import numpy as np
import pytest
from PIL import Image

import batcountry
from batcountry import dreaming, notebook, read_picture
from batcountry.errors import MissingExtra, PictureError, RecipeError
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
    with pytest.raises(MissingExtra, match=r"pip install tqdm, or .*'\.\[notebook\]'"):
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
    assert "iterations" not in own and "<th>iterations</th><td>10</td>" in rest
    assert "all defaults" in Recipe()._repr_html_()


def test_the_module_is_loaded_by_name():
    assert batcountry.notebook is notebook


TUTORIAL = ROOT / "examples" / "tutorial.ipynb"


RUNNER = runpy.run_path(str(ROOT / "docs" / "run_tutorial.py"))


def test_the_tutorial_is_kept_with_the_outputs_of_the_code_that_it_has():
    told = nbformat.read(TUTORIAL, as_version=4)
    assert told.metadata["outputs_of"] == RUNNER["code_hash"](told), "make notebook runs it anew"
    code = [cell for cell in told.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code)
    pictures = [
        each
        for cell in code
        for each in cell.outputs
        if "image/jpeg" in each.get("data", {}) or "data:image" in each.get("data", {}).get("text/html", "")
    ]
    assert len(pictures) >= 8


def test_the_tutorial_is_small_and_says_nothing_of_the_machine_it_was_run_on():
    text = TUTORIAL.read_text("utf-8")
    assert len(text) < 1_500_000
    nbformat.validate(nbformat.reads(text, as_version=4))
    assert not re.search(r"/(home|root|tmp|work|Users)/|site-packages", text)


def test_what_installs_does_not_count_as_code_that_shows_something():
    told = nbformat.read(TUTORIAL, as_version=4)
    before = RUNNER["code_hash"](told)
    (install,) = (cell for cell in told.cells if "install" in cell.metadata.get("tags", ()))
    assert "git clone" in install.source
    install.source = "pass"
    assert RUNNER["code_hash"](told) == before


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")  # of the kernel's client
def test_the_tutorial_runs_and_shows_what_it_says(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # small pictures; more threads would only wait for each other
    told = nbformat.read(TUTORIAL, as_version=4)
    for cell in told.cells:  # what it does, at a size that is quick
        cell.source = cell.source.replace("448", "160").replace("252", "90").replace("320", "128")
        cell.source = re.sub(r"iterations=\d+", "iterations=3", cell.source)
        cell.source = cell.source.replace('preset="channel"', 'preset="thumbnail"')
    RUNNER["run"](told)
    outputs = [each for cell in told.cells for each in cell.get("outputs", ())]
    text = "".join(each.get("text", "") for each in outputs)
    assert "the same, pixel for pixel: True" in text
    # Each `show` and `watch` has one display, at its last step.
    last = [each for each in outputs if each.output_type == "display_data" and "text/html" in each.data]
    assert len(last) == 3 and all("100 %" in each.data["text/html"] for each in last)
    widgets = told.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]["state"].values()
    assert {"FileUploadModel", "IntSliderModel", "SelectionSliderModel"} <= {w["model_name"] for w in widgets}


class Upload:
    def __init__(self, value):
        self.value = value


@pytest.mark.parametrize("by_name", [True, False], ids=["ipywidgets 7", "ipywidgets 8"])
def test_an_uploaded_picture_is_read(photo, by_name):
    data = io.BytesIO()
    Image.fromarray(photo).save(data, "PNG")
    file = {"content": memoryview(data.getvalue())}
    found = notebook.uploaded(Upload({"a.png": file} if by_name else ({"name": "a.png", **file},)))
    assert np.array_equal(found.array(), photo)


def test_an_upload_that_is_empty_or_no_picture_is_said():
    with pytest.raises(PictureError, match="no picture was chosen yet"):
        notebook.uploaded(Upload(()))
    with pytest.raises(PictureError, match=r"a\.txt is not a picture"):
        notebook.uploaded(Upload(({"name": "a.txt", "content": memoryview(b"no")},)))


def test_a_real_button_of_ipywidgets_is_understood(photo):
    ipywidgets = pytest.importorskip("ipywidgets")
    data = io.BytesIO()
    Image.fromarray(photo).save(data, "PNG")
    upload = ipywidgets.FileUpload(accept="image/*")
    upload.value = (
        {
            "name": "a.png",
            "type": "image/png",
            "size": len(data.getvalue()),
            "content": memoryview(data.getvalue()),
            "last_modified": datetime.datetime.now(datetime.timezone.utc),
        },
    )
    assert notebook.uploaded(upload).size == (53, 37)
