"""Keeping a folder watched: one process alone, woken by the system's events and by the clock."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from batcountry.backend.folders import exclusive_lock
from batcountry.errors import BatCountryError, MissingExtra, StudioError
from batcountry.studio.settings import StudioSettings, WatchedFolder
from batcountry.studio.store.database import Database
from batcountry.studio.watch.following import FollowedSettings
from batcountry.studio.watch.names import quoted
from batcountry.studio.watch.watching import Patience, Watcher
from batcountry.studio.web.files.room import Keeping, make_room
from batcountry.studio.worker.supervisor import Supervisor

log = logging.getLogger("batcountry")

STATE = ".bat-country-watch"
"""The hidden folder among the results: what is known of the files, if no studio has that, and a lock."""

_LOOK = 0.25
_TROUBLE = 2.0
_AGAIN, _LONGEST_LOOK = 10.0, 10.0
_SETTLE = 0.1  # seconds, in which more events come that belong together
_CHANGES = {"created", "modified", "moved", "closed", "deleted"}


def check_watched(watch: WatchedFolder) -> None:
    """Make the folder for results, and check that the two can be used.

    Raises
    ------
    StudioError
        If there is no folder to watch, or results would be dreamed again or cannot be written.
    """
    inputs, outputs = Path(os.path.realpath(watch.inputs)), Path(os.path.realpath(watch.outputs))
    if not inputs.is_dir():
        raise StudioError(f"there is no folder {watch.inputs} to watch; make it, or name another")
    if inputs == outputs or outputs in inputs.parents:
        raise StudioError(
            f"results in {watch.outputs} would lie where files are watched for, or over them; name another folder for them"
        )
    try:
        (watch.outputs / STATE).mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StudioError(
            f"results cannot go to {watch.outputs}: {error.strerror}; name another folder"
        ) from None
    if not os.access(watch.outputs, os.W_OK | os.X_OK):
        raise StudioError(f"results may not be written to {watch.outputs}; name another folder")


@contextmanager
def watcher_of(
    settings: StudioSettings, database: Database, patience: Patience | None = None, **more: Any
) -> Iterator[Watcher]:
    """Hold a studio's watched folder, which no other process may watch meanwhile, and yield its watcher.

    Parameters
    ----------
    more
        For `FollowedSettings`.

    Raises
    ------
    StudioError
        If it is watched already, or it or its settings cannot be used.
    """
    watch = settings.watch
    if watch is None:
        raise StudioError("the studio has no folder to watch")
    check_watched(watch)
    state = watch.outputs / STATE
    own = settings.folder == state  # then all that is known goes where the results go
    keeping = Keeping.of(settings, database)
    with exclusive_lock(state, StudioError):
        yield Watcher(
            watch,
            database,
            settings.places,
            FollowedSettings(watch.settings, state / "settings.json", **more),
            key="" if own else quoted(watch.outputs),
            keep=not own,
            at_once=1 + max(1, len(settings.devices)),
            patience=patience,
            make_room=lambda: make_room(keeping, 0),
        )


def watch_folder(
    watcher: Watcher,
    over: Callable[[], bool],
    *,
    once: bool = False,
    say: Callable[[str], object] = lambda _: None,
) -> None:
    """Watch until `over` says so, or with `once` until all that is there has been seen to.

    `say` hears why nothing goes on at present, and an empty text when it does again.
    """
    changed = threading.Event()
    trouble = ""
    with _events(watcher.watch.inputs, changed):
        while not over():
            told = changed.is_set()
            changed.clear()
            try:
                watcher.look(time.monotonic(), told=told)
                if trouble:
                    trouble = ""
                    say(trouble)
            except (
                StudioError,
                OSError,
            ) as error:  # a disk that is full, a network drive that is gone: it passes
                if str(error) != trouble:
                    trouble = str(error)
                    log.warning("%s", error)
                    say(trouble)
                time.sleep(_TROUBLE)
                continue
            if once and watcher.done:
                return
            if changed.wait(_LOOK):
                time.sleep(_SETTLE)


class WatchingSupervisor(Supervisor):
    """Watches over the workers of a studio, and, in another thread, over its folder; see `Supervisor`.

    Attributes
    ----------
    trouble
        Why files in the folder are not dreamed at present; empty if they are.
    """

    def __init__(self, settings: StudioSettings, database: Database) -> None:
        super().__init__(settings, database)
        self._database, self._ended = database, threading.Event()
        self.trouble = ""
        self._watch = threading.Thread(target=self._keep_watching, name="watch", daemon=True)

    def start(self) -> None:
        """Begin to watch. What is wrong with the folder or its settings is said, and it is tried again."""
        super().start()
        self._watch.start()

    def stop(self) -> None:
        """Watch no more, and let workers end; jobs that are in the queue stay there."""
        self._ended.set()
        super().stop()
        self._watch.join(_LONGEST_LOOK)

    def _keep_watching(self) -> None:
        while not self._ended.is_set():
            try:
                with watcher_of(self.settings, self._database) as watcher:
                    self._say("")
                    watch_folder(watcher, self._ended.is_set, say=self._say)
            except BatCountryError as error:
                if str(error) != self.trouble:
                    self._say(str(error))
                    log.error("the folder is not watched: %s", error)
            except Exception:  # without it nobody would watch any more
                log.exception("a fault of the program itself in what watches the folder")
            self._ended.wait(_AGAIN)

    def _say(self, trouble: str) -> None:
        self.trouble = trouble


@contextmanager
def _events(folder: Path, changed: threading.Event) -> Iterator[None]:
    """Set an event whenever something changes in a folder, as far as the system tells."""
    try:
        from watchdog.events import FileSystemEvent, FileSystemEventHandler
        from watchdog.observers import Observer
    except ImportError:
        raise MissingExtra("watching a folder", "watchdog", "studio") from None

    class Handler(FileSystemEventHandler):
        def on_any_event(self, event: FileSystemEvent) -> None:
            if event.event_type in _CHANGES:
                changed.set()

    observer = Observer()
    try:
        observer.schedule(Handler(), str(folder), recursive=True)
        observer.start()
    except OSError as error:  # so many folders are watched at most
        log.info(
            "the system tells of no changes in %s (%s); it is looked at every few seconds",
            folder,
            error.strerror,
        )
        yield
        return
    try:
        yield
    finally:
        observer.stop()
        observer.join()
