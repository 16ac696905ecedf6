"""What tests start processes with: they end with the test, and are killed at the same place on any computer."""

import signal
import sys

import pytest

from children import child, killed_at

WRITES = """
import pathlib, sys
for name in "abcd":
    pathlib.Path(sys.argv[1], name).write_text(name)
"""


def test_a_child_ends_with_its_block_even_if_that_fails():
    with (
        pytest.raises(ZeroDivisionError),
        child([sys.executable, "-c", "import signal; signal.pause()"]) as process,
    ):
        _ = 1 / 0
    assert process.returncode == -signal.SIGKILL


@pytest.mark.parametrize(("operation", "killed"), [(1, True), (3, True), (4, True), (5, False)])
def test_a_program_is_killed_just_before_an_operation_on_a_file(tmp_path, operation, killed):
    assert killed_at(operation, tmp_path, WRITES, str(tmp_path)) is killed
    assert "".join(sorted(each.name for each in tmp_path.iterdir())) == "abcd"[: operation - 1]


def test_a_program_that_fails_is_no_killed_one(tmp_path):
    with pytest.raises(AssertionError, match="no such thing"):
        killed_at(1, tmp_path, "raise SystemExit('no such thing')")
