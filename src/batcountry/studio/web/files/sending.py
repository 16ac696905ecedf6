"""Sending files: of types from a list, in part if that is asked for, and only once to who keeps them."""

from __future__ import annotations

from email.utils import formatdate
from pathlib import Path

from fastapi import Request, Response
from fastapi.responses import FileResponse

from batcountry.errors import NotFound
from batcountry.studio.web.safety.heads import ASKED

TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".tif": "image/tiff",
    ".gif": "image/gif",
    ".mp4": "video/mp4",
    ".webm": "video/webm",
    ".mkv": "video/x-matroska",
    ".dzi": "application/xml",
}
"""What is sent, by suffix; nothing else is, so that no page, script or drawing of anybody's is ever served."""

FOREVER = "private, max-age=31536000, immutable"
"""For what has an id of its own, and never changes."""

SMALL = 256 << 10
"""Bytes up to which a file is read at once: looking, opening, reading and closing in turn take longer than that."""

SHORTLY = "private, no-cache"
"""For what changes under the same address: it is asked for each time, and sent if it is another."""


def send_file(
    request: Request, path: Path, noun: str, *, kept: str = FOREVER, download: str | None = None
) -> Response:
    """Reply with a file, or with 304 to who has it.

    Parameters
    ----------
    noun
        What it is, for the sentence if it is not there.
    download
        The name under which a browser saves it; None to show it.

    Raises
    ------
    NotFound
        If it is not there, or of no type that is sent.
    """
    kind = TYPES.get(path.suffix.lower())
    try:
        status = path.stat()
    except OSError:
        status = None
    if kind is None or status is None or not path.is_file():
        raise NotFound(noun, path.stem)
    tag = f'"{status.st_mtime_ns:x}-{status.st_size:x}"'
    headers = {"cache-control": kept, "etag": tag, "last-modified": formatdate(status.st_mtime, usegmt=True)}
    if tag in [
        each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")
    ]:
        return Response(status_code=304, headers=headers)
    asked = request.scope.get(ASKED)
    if status.st_size <= SMALL and not (asked or download or "range" in request.headers):
        return _small(path, headers, kind)
    shown = "attachment" if download else "inline"
    reply = FileResponse(
        path,
        headers=headers,
        media_type=kind,
        filename=download,
        content_disposition_type=shown,
        stat_result=status,
    )
    return Response(headers=dict(reply.headers)) if asked else reply


def _small(path: Path, headers: dict[str, str], kind: str) -> Response:
    """Reply with a whole file that is read now; raises `NotFound` if it has just gone."""
    try:
        content = path.read_bytes()
    except OSError:
        raise NotFound("file", path.stem) from None
    return Response(content, headers={**headers, "accept-ranges": "bytes"}, media_type=kind)
