"""Processes that tests start: none outlives its test, and one can be killed wherever it has come to."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE
from tempfile import TemporaryDirectory
from typing import Any

COMMAND_LINE = "from batcountry.cli import main; main()"


@contextmanager
def child(command: Sequence[str], **options: Any) -> Iterator[subprocess.Popen]:
    """A process that is killed, if it still runs, and waited for at the end of the block, however that ends."""
    with subprocess.Popen(command, **options) as process:
        try:
            yield process
        finally:
            process.kill()


KilledAt = Callable[..., bool]


@contextmanager
def killing(*modules: str) -> Iterator[KilledAt]:
    """Give a `killed_at` whose processes have imported modules already, which is done once for all of them."""
    command = [sys.executable, str(Path(__file__).with_name("forks.py")), *modules]
    with TemporaryDirectory() as beside, child(command, stdin=PIPE, stdout=PIPE, text=True) as forks:
        said = Path(beside, "said")

        def killed(operation: int, folder: Path, program: str, *arguments: str) -> bool:
            task = {"operation": operation, "folder": str(folder.resolve()), "program": program}
            print(
                json.dumps({**task, "arguments": arguments, "said": str(said)}), file=forks.stdin, flush=True
            )
            code = int(forks.stdout.readline())
            assert code in (0, -signal.SIGKILL), said.read_text()
            return code != 0

        yield killed


def killed_at(operation: int, folder: Path, program: str, *arguments: str) -> bool:
    """Run a program in Python that is killed with SIGKILL just before its nth operation on files in a folder.

    What a program has done by then is the same on any computer. Returns False if the program ended before that.
    """
    with killing() as killed:
        return killed(operation, folder, program, *arguments)
