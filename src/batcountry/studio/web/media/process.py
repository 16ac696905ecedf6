"""Asking the decoder's process, which is started when it is needed, stopped when it is not, and killed when it hangs."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import suppress
from typing import Any

from batcountry.errors import StudioError

IDLE_SECONDS = 60.0
"""Without a task, until the process goes and its memory with it."""


class Unusable(StudioError):
    """What was sent is no picture or film that can be used."""


class OverBounds(StudioError):
    """What was sent is more than is taken."""


class NoRoom(StudioError):
    """The disk is full."""


_ERRORS: dict[str, type[StudioError]] = {"too large": OverBounds, "disk": NoRoom}


class Decoder:
    """A process that decodes, one task after the other.

    Parameters
    ----------
    seconds
        That a task may take.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._idle: asyncio.TimerHandle | None = None

    async def warm(self) -> None:
        """Start the process, so that the first task need not wait for it."""
        async with self._turn:
            await self._started()
            self._rest()

    async def ask(self, task: str, **facts: Any) -> dict[str, Any]:
        """Have a task done, and return what came of it.

        Raises
        ------
        Unusable, OverBounds, NoRoom
            With the sentence that says why it cannot be done.
        """
        async with self._turn:
            reply = await self._replied({"task": task, **facts})
            self._rest()
        if "error" in reply:
            raise _ERRORS.get(reply["error"], Unusable)(reply["sentence"])
        return reply

    async def _replied(self, task: dict[str, Any]) -> dict[str, Any]:
        process = await self._started()
        try:
            line = await asyncio.wait_for(_exchanged(process, json.dumps(task)), self._seconds)
        except asyncio.TimeoutError:
            await self._kill()
            sentence = f"this takes longer than {self._seconds:g} s to read, and no more is given to it; send something smaller"
            return {"error": "too large", "sentence": sentence}
        except BaseException:  # whoever asked has left, and nobody would take the reply
            await self._kill()
            raise
        if not line:
            await self._kill()
            return {"error": "unusable", "sentence": "this cannot be read: the program that tried died of it"}
        reply: dict[str, Any] = json.loads(line)
        return reply

    async def _started(self) -> asyncio.subprocess.Process:
        if self._idle is not None:
            self._idle.cancel()
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "batcountry.studio.web.media.decoder",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            )  # fmt: skip
        return self._process

    def _rest(self) -> None:
        loop = asyncio.get_running_loop()
        self._idle = loop.call_later(IDLE_SECONDS, lambda: loop.create_task(self.close()))

    async def _kill(self) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
            self._process = None

    async def close(self) -> None:
        """Stop the process."""
        async with self._turn:
            if self._idle is not None:
                self._idle.cancel()
            await self._kill()


async def _exchanged(process: asyncio.subprocess.Process, line: str) -> bytes:
    assert process.stdin is not None and process.stdout is not None
    with suppress(ConnectionError):  # it died; its output has ended, then
        process.stdin.write(line.encode() + b"\n")
        await process.stdin.drain()
    return await process.stdout.readline()
