"""What workers are called in the database: by where they run, so that anybody can see whether one still does."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass

import psutil

_SAME = 0.05  # seconds by which the time that a process was begun may be told differently


@dataclass(frozen=True)
class ProcessName:
    """A process that no other has ever been or will be: host, number, and when it was begun."""

    host: str
    pid: int
    begun: float

    @classmethod
    def of(cls, pid: int | None = None) -> ProcessName:
        """Return the name of a process of this machine, of this one if no number is given."""
        pid = os.getpid() if pid is None else pid
        return cls(socket.gethostname()[:40].replace("/", "-"), pid, _begun(psutil.Process(pid)))

    @classmethod
    def read(cls, text: str) -> ProcessName | None:
        """Read a name from its text; None if it is none."""
        host, _, rest = text.rpartition("/") if text.count("/") == 1 else ("", "", "")
        pid, _, begun = rest.partition("@")
        try:
            return cls(host, int(pid), float(begun))
        except ValueError:
            return None

    def __str__(self) -> str:
        return f"{self.host}/{self.pid}@{self.begun:.2f}"

    @property
    def is_here(self) -> bool:
        """Whether it is one of this machine."""
        return self.host == socket.gethostname()[:40].replace("/", "-")

    @property
    def lives(self) -> bool:
        """Whether a process of this machine is still there, and has not only not been waited for."""
        try:
            process = psutil.Process(self.pid)
            return abs(_begun(process) - self.begun) < _SAME and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False


def _begun(process: psutil.Process) -> float:
    """Return when a process was begun, in seconds that stay the same when somebody sets the clock.

    On Linux that is since the machine was started, as the date of that is worked out from the clock each time.
    """
    return process.create_time() - (psutil.boot_time() if psutil.LINUX else 0.0)


def worker_name(worker: ProcessName, supervisor: ProcessName) -> str:
    """Return what a worker is called that a supervisor started."""
    return f"{worker} of {supervisor}"


def is_orphaned(name: str) -> bool:
    """Whether a worker of this machine has ended, and its supervisor too, so that nobody else will say so."""
    both = [ProcessName.read(each) for each in name.split(" of ")]
    return len(both) == 2 and all(each is not None and each.is_here and not each.lives for each in both)
