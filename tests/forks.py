"""Imports modules, and then runs programs, each in a process that is forked from this one and may be killed as it works.

A program comes as a line of JSON on the standard input, and when its process has ended, the exit code of that goes out as a
line. To import the package takes longer than what most of them do. See `children.killing`.
"""

import json
import os
import signal
import sys
from importlib import import_module

_CHANGES = ("open", "os.rename", "os.remove", "os.mkdir", "os.truncate", "os.rmdir")


def kill_at(operation: int, folder: str) -> None:
    """Have this process killed just before its nth operation on files in a folder."""
    left = operation

    def hook(event, arguments):
        nonlocal left
        if event not in _CHANGES or isinstance(arguments[0], int):
            return
        if os.path.abspath(os.fsdecode(arguments[0])).startswith(folder):  # noqa: PTH100 - no link is followed
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


for name in sys.argv[1:]:
    import_module(name)
for line in sys.stdin:  # noqa: B007 - the process that is forked takes it
    process = os.fork()
    if not process:
        break
    print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)
else:
    sys.exit()
task = json.loads(line)
said = os.open(task["said"], os.O_WRONLY | os.O_CREAT)
os.dup2(said, 1)
os.dup2(said, 2)
sys.argv = ["-c", *task["arguments"]]
kill_at(task["operation"], task["folder"])
exec(task["program"], {"__name__": "__main__"})
