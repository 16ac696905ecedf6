"""The gallery: its page says what its script makes."""

import re
import runpy
from pathlib import Path

import pytest
from PIL import Image

from batcountry.objectives import parse
from batcountry.recipe import Recipe

DOCS = Path(__file__).parents[1] / "docs"
GALLERY = runpy.run_path(str(DOCS / "gallery.py"))
RECIPES = GALLERY["recipes"](Path("there"))
PAGE = (DOCS / "gallery.md").read_text()


def test_every_picture_of_the_page_is_there_and_small():
    shown = re.findall(r"\]\((images/gallery/[\w-]+\.jpg)\)", PAGE)
    assert sorted(shown) == sorted(
        f"images/gallery/{path.name}" for path in (DOCS / "images" / "gallery").iterdir()
    )
    assert {f"images/gallery/{name}.jpg" for name in RECIPES} <= set(shown)
    for path in shown:
        assert (DOCS / path).stat().st_size < 60_000


@pytest.mark.parametrize("name", RECIPES)
def test_a_picture_is_of_the_recipe_that_the_page_says(name):
    options = {**GALLERY["BASE"], **RECIPES[name]}
    recipe = Recipe().with_options(**options)
    assert parse(recipe.objective)
    text = (
        re.sub(r"there/", "", recipe.objective)
        .replace("woven.png", "woven.jpg")
        .replace("start.png", "start.jpg")
    )
    if name not in ("direction", "color-keep", "color-match"):
        assert f"`{text}`" in PAGE
    with Image.open(DOCS / "images" / "gallery" / f"{name}.jpg") as picture:
        assert picture.size == GALLERY["SIZE"]
