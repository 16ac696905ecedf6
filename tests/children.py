"""Processes that tests start: none outlives its test, and one can be killed wherever it has come to."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

COMMAND_LINE = "from batcountry.cli import main; main()"

_HEED = """
def heed(folder, left):
    import os, signal, sys
    def hook(event, arguments):
        nonlocal left
        if event not in ("open", "os.rename", "os.remove", "os.mkdir", "os.truncate", "os.rmdir"):
            return
        if isinstance(arguments[0], int) or not os.path.abspath(os.fsdecode(arguments[0])).startswith(folder):
            return
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(hook)
"""


@contextmanager
def child(command: Sequence[str], **options: Any) -> Iterator[subprocess.Popen]:
    """A process that is killed, if it still runs, and waited for at the end of the block, however that ends."""
    with subprocess.Popen(command, **options) as process:
        try:
            yield process
        finally:
            process.kill()


def killed_at(operation: int, folder: Path, program: str, *arguments: str) -> bool:
    """Run a program in Python that is killed with SIGKILL just before its nth operation on files in a folder.

    What a program has done by then is the same on any computer. Returns False if the program ended before that.
    """
    text = f"{_HEED}\nheed({str(folder.resolve())!r}, {operation})\n{program}"
    done = subprocess.run([sys.executable, "-c", text, *arguments], capture_output=True, text=True)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode != 0
