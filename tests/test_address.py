"""The address of this project: it stands in one place, from which all others are made."""

import runpy
import shutil
import sys

import pytest

from conftest import ROOT

main = runpy.run_path(str(ROOT / "docs" / "address.py"))["main"]


@pytest.fixture
def clone(tmp_path):
    for name in ("pyproject.toml", "README.md", "README.zh-CN.md"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "docs", tmp_path / "docs", ignore=shutil.ignore_patterns("*.jpg"))
    (tmp_path / "examples").mkdir()
    shutil.copy(ROOT / "examples" / "tutorial.ipynb", tmp_path / "examples")
    return tmp_path


def test_an_address_is_put_everywhere_and_can_be_changed(clone, monkeypatch):
    for address in ("https://github.com/somebody/dreams", "https://github.com/some-else/bat-country.git"):
        monkeypatch.setattr(sys, "argv", ["address.py", address])
        main(clone)
    badge = "https://colab.research.google.com/github/some-else/bat-country/blob/main/examples/tutorial.ipynb"
    for page in ("README.md", "README.zh-CN.md", "docs/notebook.md", "examples/tutorial.ipynb"):
        text = (clone / page).read_text("utf-8")
        assert badge in text and "somebody" not in text
    assert 'repository = "some-else/bat-country"' in (clone / "pyproject.toml").read_text("utf-8")
    assert "git clone https://github.com/some-else/bat-country" in (clone / "docs/installing.md").read_text(
        "utf-8"
    )


@pytest.mark.parametrize("arguments", [[], ["github.com/a/b"], ["https://example.org/a/b"]])
def test_what_is_no_address_of_github_is_refused(clone, monkeypatch, arguments):
    monkeypatch.setattr(sys, "argv", ["address.py", *arguments])
    with pytest.raises(SystemExit, match=r"https://github\.com/ACCOUNT/NAME"):
        main(clone)
