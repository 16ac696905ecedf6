"""The documentation: what its home lists, its pictures, and its code."""

import re
import runpy

import numpy as np
import pytest
from PIL import Image

from conftest import ROOT

DOCS = ROOT / "docs"
PAGES = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))
NAV = (ROOT / "mkdocs.yml").read_text("utf-8")
HOW = runpy.run_path(str(DOCS / "how_it_works.py"))


@pytest.mark.parametrize("page", PAGES)
def test_every_page_is_in_the_navigation(page):
    assert re.search(rf"[-:] {re.escape(page)}$", NAV, re.MULTILINE)


@pytest.mark.parametrize("folder", ["", "reference/"])
def test_a_home_lists_all_pages_beside_it(folder):
    home = f"{folder}index.md"
    listed = set(re.findall(r"\| \[[^\]]+\]\(([\w/-]+\.md)\) \|", (DOCS / home).read_text("utf-8")))
    pages = {page.removeprefix(folder) for page in PAGES if page.startswith(folder) and page != home}
    assert {page for page in pages if folder or not page.startswith("reference/")} <= listed


@pytest.mark.parametrize("name", HOW["PICTURES"])
def test_how_it_works_shows_each_picture_of_its_script_and_keeps_it_small(name):
    path = f"images/how-it-works/{name}.jpg"
    assert f"]({path})" in (DOCS / "how-it-works.md").read_text("utf-8")
    assert (DOCS / path).stat().st_size < 150_000


@pytest.mark.parametrize("name", ["fields", "excited"])
def test_pictures_that_need_no_dream_are_made_as_they_are_shown(name):
    made = HOW["PICTURES"][name]()
    with Image.open(DOCS / "images" / "how-it-works" / f"{name}.jpg") as shown:
        assert made.size == shown.size
        assert np.abs(np.asarray(made.convert("RGB"), float) - np.asarray(shown, float)).mean() < 4


def test_the_whole_idea_in_plain_pytorch_runs(tmp_path, monkeypatch, photo):
    (code,) = re.findall(
        r"```python\n(import torch\n.*?)```", (DOCS / "how-it-works.md").read_text("utf-8"), re.DOTALL
    )
    monkeypatch.chdir(tmp_path)
    Image.fromarray(photo).save("photo.jpg")
    exec(compile(code.replace("range(20)", "range(3)"), "how-it-works.md", "exec"), {})
    with Image.open("plain.png") as made:
        assert made.size == (photo.shape[1], photo.shape[0])
        assert np.abs(np.asarray(made, float) - photo).mean() > 1


def test_questions_have_one_answer_each():
    questions = re.findall(r"^### (.+)$", (DOCS / "faq.md").read_text("utf-8"), re.MULTILINE)
    assert len(questions) == len(set(questions)) > 25
