"""Names of pictures that are more than names of files: `~`, `file://`, and addresses on the web."""

from __future__ import annotations

import logging
import queue
import re
import threading
import time
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit
from urllib.request import url2pathname

from batcountry.backend.files import replace_file
from batcountry.backend.outputs import free_name
from batcountry.backend.policy import OPEN, Policy
from batcountry.errors import PictureError

if TYPE_CHECKING:
    import requests

log = logging.getLogger("batcountry")

MAX_FETCHED = 256 << 20
"""Most bytes of a picture that is fetched."""

MAX_SECONDS = 120.0
"""Longest time that a picture may take to come, in seconds."""

_REDIRECTS = 5
_WAIT = (10.0, 20.0)  # to connect, and from one piece to the next
_PIECE = 1 << 16


def is_address(text: str) -> bool:
    """Whether a text is an address on the web rather than a file's name."""
    return re.match(r"(?i)https?:", text) is not None


def address_of(name: str | PathLike[str]) -> str | None:
    """Return the address that a name is, with the slash that paths lose; None if it is a file's name."""
    text = str(name)
    return re.sub(r"^([A-Za-z]+):/+", r"\1://", text) if is_address(text) else None


def local_path(name: str | PathLike[str]) -> Path:
    """Return the path of a file that is named by its path, with `~` for the own folder, or as `file://`.

    Raises
    ------
    PictureError
        For a `file://` of another computer, or one that is no address.

    Examples
    --------
    >>> local_path("file:///pictures/my%20cat.jpg").as_posix()
    '/pictures/my cat.jpg'
    """
    text = str(name)
    if re.match(r"(?i)file:/", text):
        try:
            parts = urlsplit(text)
        except ValueError as error:
            raise PictureError(f"{text} is no address of a file ({error})") from None
        if parts.netloc.lower() not in ("", "localhost"):
            raise PictureError(f"{text} lies on another computer; name a file on this one")
        return Path(url2pathname(parts.path))
    path = Path(text)
    if text.startswith("~") and not path.exists():
        try:
            return path.expanduser()
        except RuntimeError:  # nobody has that name here
            return path
    return path


def fetch_picture(address: str, policy: Policy = OPEN) -> bytes:
    """Return the bytes at an address; nothing is made of them here.

    At most five addresses lead from one to the next, all of them `http` or `https`; bytes and time are bounded.

    Raises
    ------
    PolicyError
        If the policy allows no addresses.
    PictureError
        If it cannot be fetched, is too large, or takes too long.
    """
    policy.check_address(address)
    most, seconds = min(MAX_FETCHED, policy.max_bytes or MAX_FETCHED), MAX_SECONDS
    log.info("fetching %s", address)
    came: queue.SimpleQueue[bytes | BaseException] = queue.SimpleQueue()

    def fetch() -> None:
        try:
            came.put(_fetched(address, most, time.monotonic() + seconds))
        except BaseException as error:  # raised where it is waited for
            came.put(error)

    # In a thread, since a server may take for ever with its answer's header, where nothing of ours is asked in between.
    threading.Thread(target=fetch, daemon=True).start()
    try:
        found = came.get(timeout=seconds + 1)
    except queue.Empty:
        raise _too_slow(address) from None
    if isinstance(found, BaseException):
        raise found
    return found


def _fetched(address: str, most: int, end: float) -> bytes:
    import requests
    import urllib3

    try:
        with requests.Session() as session, _answer(session, address) as answer:
            return _body(answer, address, most, end)
    except (requests.Timeout, urllib3.exceptions.TimeoutError):
        raise PictureError(f"{address} does not answer; try later, or fetch it by other means") from None
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        said: object = error
        if isinstance(error, requests.ConnectionError):
            said = "it cannot be reached"
        elif isinstance(error, urllib3.exceptions.HTTPError):
            said = "what came is damaged or cut short; try again"
        raise PictureError(f"{address} cannot be fetched: {said}") from None


def _too_slow(address: str) -> PictureError:
    return PictureError(f"{address} takes longer than {MAX_SECONDS:.0f} s; fetch it by other means")


def _answer(session: requests.Session, address: str) -> requests.Response:
    """Return the answer that an address leads to in the end, with its body still to come."""
    place = address
    for _ in range(_REDIRECTS + 1):
        answer = session.get(place, stream=True, timeout=_WAIT, allow_redirects=False)
        if not answer.is_redirect:
            if answer.status_code != 200:
                answer.close()
                raise PictureError(
                    f"{address} cannot be fetched: the server says {answer.status_code} {answer.reason}"
                )
            return answer
        place = urljoin(place, answer.headers["location"])
        answer.close()
        if not is_address(place):
            raise PictureError(f"{address} leads to {place}, which is no address on the web")
    raise PictureError(f"{address} leads from address to address more than {_REDIRECTS} times")


def _body(answer: requests.Response, address: str, most: int, end: float) -> bytes:
    data = bytearray()
    while piece := _piece(answer.raw):
        data += piece
        if len(data) > most:
            raise PictureError(f"{address} has more than {most:,} bytes, which is too much for a picture")
        if time.monotonic() > end:
            raise _too_slow(address)
    if not data:
        raise PictureError(f"{address} is empty (0 bytes)")
    return bytes(data)


def _piece(raw: Any) -> bytes:
    """Return what has come by now, and not only when a whole piece has, so that no slow server holds us for hours."""
    if hasattr(raw, "read1"):
        return bytes(raw.read1(_PIECE, decode_content=True))
    return bytes(raw.read(256, decode_content=True))  # urllib3 before 2


def picture_beside(name: str | PathLike[str], output: Path, policy: Policy = OPEN) -> Path:
    """Return the file of a picture that is named; one from an address is kept beside an output, as `OUTPUT-source`.

    So what is made of it can be made again, and gone on with, whatever becomes of the address.

    Raises
    ------
    BatCountryError
        As `local_path` and `fetch_picture`, or if what is there is no picture.
    """
    from batcountry.image.sources.light import picture_kind

    address = address_of(name)
    if address is None:
        return local_path(name)
    data = fetch_picture(address, policy)
    suffix = picture_kind(data, address)
    place = output.with_name(f"{output.stem}-source{suffix}")
    if not (place.is_file() and place.stat().st_size == len(data) and place.read_bytes() == data):
        place = free_name(place)
        try:
            replace_file(place, data)
        except OSError as error:
            raise PictureError(f"cannot write {place}: {error.strerror}") from None
    log.info("%s is kept as %s", address, place)
    return place


def stem_of(name: str | PathLike[str]) -> str:
    """Return a picture's name without its folder and suffix, which names of outputs are made of."""
    address = address_of(name)
    path = local_path(name) if address is None else Path(re.sub(r"^[^:]*://[^/?#]*|[?#].*", "", address))
    return path.stem or "picture"
