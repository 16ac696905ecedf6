"""What a worker has done while nobody wants to dream: pictures of layers, by a process that it ends as soon as somebody does."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import suppress

from batcountry.studio.settings import StudioSettings
from batcountry.studio.worker.small.layers import networks_without

QUIET = 15.0
"""Seconds without a job until it is begun, so that it is not in the way of who chooses a picture."""

_TRIES = 5
"""Times that it is begun at most by one worker, whatever ends it."""


class Meanwhile:
    """Keeps such a process going while it is called; `stop` ends it."""

    def __init__(self, settings: StudioSettings) -> None:
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self._quiet_since, self._tries = time.monotonic(), 0

    def go_on(self) -> None:
        """Begin it if it has been quiet for long enough and something is missing."""
        if self._process is not None:
            if self._process.poll() is None:
                return
            self.stop()
        quiet = time.monotonic() - self._quiet_since >= QUIET
        if not quiet or self._tries >= _TRIES:
            return
        if next(networks_without(self._settings.places), None) is None:
            self._quiet_since = time.monotonic()  # a network may come
            return
        self._tries += 1
        self._begin()

    def _begin(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "batcountry.studio.worker.small.layers"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        assert self._process.stdin is not None
        with suppress(OSError):  # it has ended already
            self._process.stdin.write(f"{self._settings.model_dump_json()}\n".encode())
            self._process.stdin.flush()

    def stop(self) -> None:
        """End it at once; it goes on where it was when it is quiet again."""
        self._quiet_since = time.monotonic()
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        if process.stdin is not None:
            with suppress(OSError):
                process.stdin.close()
