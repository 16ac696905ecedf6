"""Optional parts: what is said of them is what `pyproject.toml` has."""

import ast
import re
import shlex
import sys

import pytest

from batcountry.errors import MissingExtra
from conftest import ROOT

if sys.version_info < (3, 11):
    pytest.skip("needs tomllib", allow_module_level=True)
import tomllib

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
PAGES = [*ROOT.glob("README*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.ipynb")]
SOURCES = [*(ROOT / "src").rglob("*.py"), *(ROOT / "examples").rglob("*.py")]


def hints():
    """The arguments of each `MissingExtra(…)` that are written out: library, extra, packages."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "MissingExtra":
                values = [each.value for each in node.args[1:] if isinstance(each, ast.Constant)]
                if values:
                    yield pytest.param(values, id=path.name)


@pytest.mark.parametrize("values", [*hints()])
def test_a_hint_names_packages_that_its_extra_brings(values):
    library, extra, *packages = values
    brought = {re.split(r"[\[<>=]", each)[0] for each in EXTRAS[extra]}
    for package in shlex.split(packages[0] if packages else library):
        assert package.partition("[")[0] in brought


def test_a_hint_has_a_line_for_both_ways_to_install():
    said = str(MissingExtra("a film", "PyAV", "video", "av"))
    assert said == (
        "a film needs PyAV; install it with: pip install av, or in a clone of bat-country: pip install '.[video]'"
    )


def test_all_is_all_of_them():
    (everything,) = EXTRAS["all"]
    assert everything == f"bat-country[{','.join(name for name in EXTRAS if name != 'all')}]"


@pytest.mark.parametrize("path", [*PAGES, *SOURCES], ids=lambda path: path.name)
def test_nothing_is_installed_by_the_name_that_another_package_has_on_the_index(path):
    assert not re.search(
        r"(pip|uv)3? (install|add)[^\n]*[ '\"]bat-country[\[ '\"=\n]", path.read_text("utf-8")
    )
