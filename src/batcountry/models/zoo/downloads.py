"""Downloads that go on where they were cut off, from the first address that has the right file.

Pooch's part is the hashes. It downloads to files of other names each time, which a process that is killed leaves behind; here
there is one for each download, which the next goes on with, and while it is at work a lock.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from batcountry.backend.outputs import free_name
from batcountry.errors import ModelError
from batcountry.models.zoo.cards import ModelFile, Source

log = logging.getLogger("batcountry")

Watch = Callable[[str, int, "int | None"], None]
"""Called with a file's name, the bytes that are there and the bytes there will be, or None if unknown."""

_TIMEOUT = (10.0, 60.0)
_PIECE = 1 << 16
_LARGEST = 1 << 32
"""Bytes that a file of unknown size may have."""
_TRIES = 100


class WrongAnswer(Exception):
    """What a server sends cannot be the file. What came before, from elsewhere, is kept if it may be."""


class Resuming:
    """A download that keeps what came in `part` and asks for the rest only.

    Parameters
    ----------
    part
        Where unfinished downloads are kept.
    size
        Bytes that the file has, if known; a longer answer is not read.
    watch
        Called after each piece.
    """

    def __init__(self, part: Path, size: int | None, watch: Callable[[int, int | None], None]) -> None:
        self.part = part
        self.size = size
        self.watch = watch

    def __call__(self, address: str) -> None:
        """Download to `part` until it is whole; if nothing came, there is none."""
        try:
            if self.size is None or self.came != self.size:
                self._rest(address)
        finally:
            if not self.came:
                self.part.unlink(missing_ok=True)

    @property
    def came(self) -> int:
        """Bytes that came so far."""
        return self.part.stat().st_size if self.part.exists() else 0

    def _rest(self, url: str) -> None:
        import requests

        came = self.came
        asked = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={came}-"} if came else {})
        with requests.get(url, headers=asked, stream=True, timeout=_TIMEOUT) as answer:
            if answer.status_code == 416:
                self._drop_if_doubtful()
                raise WrongAnswer("the file there is shorter than what came before")
            answer.raise_for_status()
            resumed = answer.status_code == 206
            if resumed and not answer.headers.get("Content-Range", "").startswith(f"bytes {came}-"):
                raise WrongAnswer("the server sent another part than asked for")
            length = answer.headers.get("Content-Length", "")
            total = int(length) + came * resumed if length.isdigit() else self.size
            if self.size is not None and total != self.size:
                raise WrongAnswer(f"the file there has {total} bytes, not {self.size}")
            with self.part.open("ab" if resumed else "wb") as file:
                self._write(file, answer.iter_content(_PIECE), total)

    def _write(self, file: IO[bytes], pieces: Iterable[bytes], total: int | None) -> None:
        for piece in pieces:
            file.write(piece)
            if file.tell() > (self.size or _LARGEST):
                self.part.unlink()
                raise WrongAnswer("the file there is too long")
            self.watch(file.tell(), total)

    def _drop_if_doubtful(self) -> None:
        """Without a known size, what came before may be what is too long."""
        if self.size is None:
            self.part.unlink()


def fetch(file: ModelFile, folder: Path, watch: Watch, *, offline: bool = False) -> Path:
    """Return the path of a file in `folder`, downloading it if it is not there or not the right one.

    Several processes may ask for the same file: one downloads, the others wait.

    Parameters
    ----------
    watch
        Called while it is downloaded.
    offline
        Never download.

    Raises
    ------
    ModelError
        If it cannot be had; the message says where to put it by hand.
    """
    target = folder / file.name
    if file.known_hash is None:
        if target.is_file():
            return target
        raise ModelError(
            f"{file.name} has no published hash, so it is not downloaded; {by_hand(file, folder)}"
        )
    try:
        with _only_one(folder, file.name):
            if is_right(file, target):
                return target
            if offline:
                what = f"{target} is not the published file" if target.exists() else f"there is no {target}"
                raise ModelError(f"{what}, and offline nothing is downloaded; {by_hand(file, folder)}")
            return _from_any(file, target, watch)
    except OSError as error:
        raise ModelError(f"cannot write in {folder}: {error.strerror or error}") from None


@contextmanager
def _only_one(folder: Path, name: str) -> Iterator[None]:
    """Keep other processes from downloading a file meanwhile; the folder is made, and goes if nothing came to be in it."""
    from filelock import FileLock, Timeout

    place = folder / f".{name}.lock"
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(place)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            log.info("waiting for another process that downloads %s", name)
            lock.acquire()
        if place.exists():
            break
        lock.release()  # whoever had it took the file away
    try:
        yield
    finally:
        with suppress(OSError):  # some systems delete no file that is open
            place.unlink()
        lock.release()
        with suppress(OSError):
            folder.rmdir()  # which only an empty one allows


def is_right(file: ModelFile, path: Path) -> bool:
    """Whether the file at `path` is the one with the published hashes."""
    import pooch

    if not path.is_file() or (file.size is not None and path.stat().st_size != file.size):
        return False
    known = {"sha256": file.sha256, "sha1": file.sha1}
    return all(pooch.file_hash(str(path), alg=name) == value for name, value in known.items() if value)


def by_hand(file: ModelFile, folder: Path) -> str:
    """Say how to get a file without this program."""
    named = " or ".join(each.address for each in file.sources) or "its authors"
    return f"get it from {named} and put it in {folder} as {file.name}"


def _from_any(file: ModelFile, target: Path, watch: Watch) -> Path:
    with _kept(target):
        return _first(file, target, watch)


@contextmanager
def _kept(target: Path) -> Iterator[None]:
    """Keep a file that is to be replaced under another name, or if nothing comes in its place, under its own."""
    if not target.exists():
        yield
        return
    kept = free_name(target.with_name(f"{target.name}.old"))
    log.warning(
        "%s is not the published file; that is downloaded, and this one kept as %s", target, kept.name
    )
    target.rename(kept)
    try:
        yield
    finally:
        if not target.exists():
            kept.rename(target)


def _first(file: ModelFile, target: Path, watch: Watch) -> Path:
    """Download a file from the first address that has it."""
    part = target.with_name(f".{file.name}.part")
    downloader = Resuming(part, file.size, lambda came, total: watch(file.name, came, total))
    failed = []
    for source in file.sources:
        problem = _from_one(file, target, source, downloader)
        if problem is None:
            return target
        failed.append(f"{source.address}: {problem}")
        if source is not file.sources[-1]:
            log.info("%s: %s; trying the next address", source.address, problem)
    tried = "; ".join(failed) or "none is known"
    raise ModelError(
        f"no address has {file.name} ({tried}); try later, or get it by other means and put it in "
        f"{target.parent} as {file.name}"
    )


def _from_one(file: ModelFile, target: Path, source: Source, downloader: Resuming) -> str | None:
    """Try one address, as long as something new comes; return what went wrong, or None."""
    import requests

    problem = ""
    from_nothing = not downloader.came
    for _ in range(_TRIES):
        came = downloader.came
        try:
            downloader(source.address)
        except requests.HTTPError as error:
            return f"{error.response.status_code} {error.response.reason}"
        except requests.RequestException as error:
            problem = _said(error)
        except WrongAnswer as error:
            problem = str(error)
        except ValueError:  # as requests and its parts say it of lengths and addresses that are none
            problem = "what the server says of the file makes no sense"
        else:
            if is_right(file, downloader.part):
                downloader.part.replace(target)
                return None
            downloader.part.unlink(missing_ok=True)
            problem = "the file there has another hash"
            if from_nothing:
                return problem
            from_nothing = True  # what came before may have been of another file
            continue
        if downloader.came == came:
            return problem
    return problem


def _said(error: Exception) -> str:
    import requests

    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection was cut"
    return "cannot be reached" if isinstance(error, requests.ConnectionError) else str(error)
