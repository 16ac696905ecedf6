"""The house stays one that people find their way in: few entries at the top, small files, functions that fit a screen."""

import ast
import io
import tokenize
from pathlib import Path

import pytest

from conftest import ROOT

PACKAGE = ROOT / "src" / "batcountry"
MODULES = sorted(PACKAGE.rglob("*.py"))
WRITTEN_BY_PROGRAMS = {"dreams/keywords.py", "caffe/proto/caffe_pb2.py"}

MOST_ENTRIES = 16  # the rooms, with one for clusters to come
MOST_LINES = 300
MOST_CODE = 40


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def code_lines(source: str) -> set[int]:
    """The numbers of the lines that have code: no comment alone, no docstring, nothing blank."""
    none = {
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENDMARKER,
    }
    found = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in none:
            found.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            found.difference_update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return found


def long_functions(source: str) -> dict[str, int]:
    """Functions whose bodies have more than `MOST_CODE` lines of code; in its signature a command declares its options."""
    code = code_lines(source)
    found = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = sum(node.body[0].lineno <= line <= (node.end_lineno or 0) for line in code)
            if length > MOST_CODE:
                found[node.name] = length
    return found


def test_what_is_counted_is_code():
    body = "\n".join(f"    x = {i}  # a remark\n\n    # another" for i in range(MOST_CODE))
    source = f'def long(\n    x,\n):\n    """Two lines\n    of it."""\n{body}\n'
    assert long_functions(source) == {}
    assert long_functions(source + "    return x\n") == {"long": MOST_CODE + 1}


def test_few_entries_are_at_the_top():
    # A folder that was moved may stay behind with what Python keeps there.
    kept = {path for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    entries = {path.relative_to(PACKAGE).parts[0] for path in kept} - {"__init__.py", "py.typed"}
    assert len(entries) <= MOST_ENTRIES, sorted(entries)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_files_and_functions_are_short(path):
    if name_of(path) in WRITTEN_BY_PROGRAMS:
        pytest.skip("a program writes it, and nobody reads it from top to bottom")
    source = path.read_text(encoding="utf-8")
    assert source.count("\n") <= MOST_LINES
    assert long_functions(source) == {}
