"""`make mutants`: which tests concern which module, and how survivors are told apart."""

import runpy
import sys

import pytest

from conftest import ROOT

TOOL = runpy.run_path(str(ROOT / "tools" / "mutants.py"))
MODULES = TOOL["tomllib"].loads((ROOT / "tests" / "mutants.toml").read_text(encoding="utf-8"))


def test_every_module_and_every_test_that_is_named_is_there():
    for module, tests in MODULES.items():
        assert (ROOT / module).is_file(), module
        assert tests, module
        for each in tests:
            assert (ROOT / each).is_file(), each


@pytest.mark.parametrize("room", ["objectives", "optim", "optim/param", "optim/transforms", "recipe"])
def test_no_module_of_these_rooms_is_forgotten(room):
    there = {each.relative_to(ROOT).as_posix() for each in (ROOT / "src" / "batcountry" / room).glob("*.py")}
    left = {each.rpartition("/")[2] for each in there - set(MODULES)}
    assert left <= {"__init__.py", "base.py"}  # names and protocols


def test_a_survivor_is_listed_by_its_function_and_its_change(tmp_path, monkeypatch):
    listed = tmp_path / "mutants.md"
    listed.write_text("| `Schedule.at` | `- a < b` `+ a <= b` | both are whole |\n")
    survivor = TOOL["Survivor"]
    monkeypatch.setitem(survivor.is_listed.__globals__, "LISTED", listed)
    assert survivor("x", "Schedule.at", ("- a < b", "+ a <= b")).is_listed()
    assert not survivor("x", "Schedule.at", ("- a < b", "+ a > b")).is_listed()
    assert not survivor("x", "optimizer", ("- a < b", "+ a <= b")).is_listed()
    listed.unlink()
    assert not survivor("x", "Schedule.at", ("- a < b", "+ a <= b")).is_listed()


def test_modules_without_a_line_are_named(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["mutants.py", str(ROOT / "tests" / "conftest.py")])
    with pytest.raises(SystemExit):
        TOOL["main"]()
    assert "tests/conftest.py: not among the modules in tests/mutants.toml" in capsys.readouterr().err
