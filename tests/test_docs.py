"""The pages of the docs that are made of the program."""

import importlib.util

import pytest

from batcountry.recipe import Recipe
from conftest import ROOT


@pytest.fixture(scope="module")
def generated():
    pytest.importorskip("mkdocs", reason="needs mkdocs")
    spec = importlib.util.spec_from_file_location("generated", ROOT / "docs" / "generated.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_recipes_page_has_every_field_with_its_range_and_default(generated):
    text = generated.on_page_markdown("<!-- recipe -->")
    for name in Recipe.model_fields:
        assert f"| `{name}` | " in text
    assert "| `octaves` | whole number, 1 to 64 | " in text
    assert "| `size` | whole number, 8 to 262144, or `None` | `None` | " in text


def test_each_command_has_a_page_with_its_options_and_examples(generated):
    for name in ("dream", "frames join", "models get", "zoom"):
        page = generated.on_page_markdown(generated._command_page(name))
        assert page.startswith(f"# bat-country {name}\n")
        assert "```sh\n# " in page and "| `--quiet`, `-q` | " in page and "<!--" not in page
    zoom = generated.on_page_markdown("<!-- options of zoom -->")
    assert "| `--seconds` | number, more than 0, up to 86400 | `10.0` | " in zoom
    assert "| `--iterations` | whole number, 1 to 100000 | " in zoom


def test_pages_that_somebody_wrote_are_left(generated):
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import File, Files

    config = MkDocsConfig()
    config.load_dict({"site_name": "x", "nav": [{"Commands": "commands/"}]})
    config.validate()
    own = File.generated(config, "commands/dream.md", content="mine")
    files = generated.on_files(Files([own]), generated.on_config(config))
    paths = {each.src_uri for each in files}
    assert files.get_file_from_path("commands/dream.md").content_string == "mine"
    named = [path for entry in config.nav[0]["Commands"] for path in entry.values()]
    assert {"recipe.md", "commands/index.md", "commands/zoom.md"} <= paths and set(named) <= paths
