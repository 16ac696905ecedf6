"""How a running job is told what to do, from any thread."""

from __future__ import annotations

import threading


class Control:
    """Cancels, pauses and resumes a job; heeded between its steps."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._cancelled = self._paused = False
        self._side: int | None = None

    def cancel(self) -> None:
        """Stop the job after the step that it is at; what it has is kept, and it can be gone on with from its folder."""
        with self._changed:
            self._cancelled = True
            self._changed.notify_all()

    def pause(self) -> None:
        """Have the job wait after the step that it is at."""
        with self._changed:
            self._paused = True

    def resume(self) -> None:
        """Have it go on."""
        with self._changed:
            self._paused = False
            self._changed.notify_all()

    def ask_preview(self, side: int = 512) -> None:
        """Have the next step followed by a `Preview` whose longer side has at most so many pixels."""
        with self._changed:
            self._side = side

    @property
    def cancelled(self) -> bool:
        """Whether the job is to stop."""
        return self._cancelled

    @property
    def paused(self) -> bool:
        """Whether the job is to wait."""
        return self._paused and not self._cancelled

    def wait(self) -> None:
        """Wait while the job is paused; returns at once if it is cancelled."""
        with self._changed:
            while self.paused:
                self._changed.wait()

    def take_preview(self) -> int | None:
        """Return the side of the preview that was asked for, once; None if none was."""
        with self._changed:
            side, self._side = self._side, None
            return side
