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
    assert "| `octaves` | whole number of octaves, 1 to 64, or `None` | `None` | " in text
    assert "| `size` | whole number of pixels, 8 to 262144, or `None` | `None` | " in text


def test_each_command_has_a_page_with_its_options_and_examples(generated):
    for name in ("dream", "frames join", "models get", "zoom"):
        page = generated.on_page_markdown(generated._command_page(name))
        assert page.startswith(f"# bat-country {name}\n")
        assert "```sh\n# " in page and "| `--quiet`, `-q` | " in page and "<!--" not in page
    zoom = generated.on_page_markdown("<!-- options of zoom -->")
    assert "| `--seconds` | number of seconds, more than 0, up to 86400 | `10.0` | " in zoom
    assert "| `--iterations` | whole number of steps, 1 to 100000 | " in zoom


def test_a_site_has_all_pages_and_those_that_somebody_wrote_are_left(generated, tmp_path):
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    (tmp_path / "docs" / "commands").mkdir(parents=True)
    (tmp_path / "docs" / "index.md").write_text("[recipe](recipe.md), [zoom](commands/zoom.md)")
    (tmp_path / "docs" / "commands" / "dream.md").write_text("My own words.\n\n<!-- options of dream -->\n")
    (tmp_path / "mkdocs.yml").write_text(
        "site_name: x\nplugins: []\nmarkdown_extensions: [tables]\n"
        f"hooks: ['{ROOT / 'docs' / 'generated.py'}']\n"
        "nav: [{Home: index.md}, {The recipe: recipe.md}, {Commands: commands/}]\n"
    )
    build(load_config(str(tmp_path / "mkdocs.yml"), strict=True))
    own = (tmp_path / "site" / "commands" / "dream" / "index.html").read_text("utf-8")
    assert "My own words." in own and "<td><code>--octaves</code></td>" in own
    home = (tmp_path / "site" / "index.html").read_text("utf-8")
    for path in ("recipe", "commands", "commands/zoom", "commands/frames-join", "commands/models-get"):
        assert (tmp_path / "site" / path / "index.html").is_file()
        assert f'href="{path}/"' in home
