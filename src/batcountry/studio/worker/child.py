"""One worker as its supervisor has it: started, watched, ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress

import psutil

from batcountry.studio.settings import StudioSettings
from batcountry.studio.worker.main import Orders
from batcountry.studio.worker.names import ProcessName, worker_name

_KEPT = 4096


class Child:
    """A worker's process.

    Parameters
    ----------
    device
        That it dreams on; empty for the best that is there.

    Attributes
    ----------
    name
        By which the database knows it.
    """

    def __init__(self, settings: StudioSettings, device: str) -> None:
        self.device, self.begun = device, time.monotonic()
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - it is open as long as the process is there
        environment = {**os.environ, **({"BATCOUNTRY_DEVICE": device} if device else {})}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "batcountry.studio.worker"],
            stdin=subprocess.PIPE,
            stdout=self._said,
            stderr=self._said,
            env=environment,
        )
        self.name = worker_name(ProcessName.of(self.process.pid), ProcessName.of())
        # A worker needs no secret, and works in another folder.
        told = settings.model_copy(update={"token": None, "watch": None, "database": settings.database_url})
        orders = Orders(settings=told, name=self.name)
        assert self.process.stdin is not None
        with suppress(OSError):  # it has ended already, which is seen soon
            self.process.stdin.write(f"{orders.model_dump_json()}\n".encode())
            self.process.stdin.flush()

    @property
    def has_ended(self) -> bool:
        """Whether the process is over."""
        return self.process.poll() is not None

    @property
    def is_stopped(self) -> bool:
        """Whether somebody stopped the process, as SIGSTOP does."""
        try:
            return bool(psutil.Process(self.process.pid).status() == psutil.STATUS_STOPPED)
        except psutil.Error:
            return False

    @property
    def seconds(self) -> float:
        """How long ago it was started."""
        return time.monotonic() - self.begun

    def end(self) -> str:
        """Say in a sentence how the process ended, with what it said last."""
        code = self.process.wait()
        how = f"ended by the signal {_signal(-code)}" if code < 0 else f"ended with the code {code}"
        hint = ", as happens when memory runs out" if -code == getattr(signal, "SIGKILL", 9) else ""
        return f"the worker was {how}{hint}\n{self._last_words()}"

    def ask_to_leave(self) -> None:
        """Let it store what it has and end."""
        if self.process.stdin is not None:
            with suppress(OSError):
                self.process.stdin.close()

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()

    def close(self) -> None:
        """Let go of what is open for a process that has ended."""
        self.ask_to_leave()
        self._said.close()

    def _last_words(self) -> str:
        size = self._said.seek(0, os.SEEK_END)
        self._said.seek(max(0, size - _KEPT))
        return self._said.read().decode("utf-8", "replace")


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
