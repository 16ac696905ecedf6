"""Files that are not what their names say: pointers, pages, archives, and Caffe's own in each other's places."""

from __future__ import annotations

import re
from pathlib import Path

from batcountry.errors import ModelError

HEAD = 4096
"""So many bytes of a file tell what it is."""

_ARCHIVES = {
    b"PK\x03\x04": "a zip archive (or a file of PyTorch's)",
    b"\x1f\x8b": "a gzip archive",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ\x00": "an xz archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!": "a RAR archive",
}
_OTHERS = {
    b"\x93NUMPY": "a NumPy array",
    b"\x80\x02": "a Python pickle",
    b"\x80\x04": "a Python pickle",
}
_PAGE = re.compile(rb"\s*(<!--.*?-->\s*)*<(!doctype html|html|head|body|\?xml)", re.IGNORECASE | re.DOTALL)
_STATE = re.compile(rb"\x08[\x80-\xff]*[\x00-\x7f]\x12.[^\x00]*\.caffemodel")


def check_content(path: Path, data: bytes, wanted: str) -> None:
    """Raise `ModelError` for a file that plainly is something else, with what it is and how to get the real one.

    Parameters
    ----------
    data
        Its bytes, or the first `HEAD` of them.
    wanted
        What it was to be, for people, such as `Caffe weights`.
    """
    head = bytes(data[:HEAD]).removeprefix(b"\xef\xbb\xbf")
    if head.startswith(b"version https://git-lfs."):
        raise ModelError(
            f"{path} is a git-lfs pointer{_size(head)} and not {wanted}: run git lfs pull in its clone, "
            "or download the file itself"
        )
    if head.startswith((b"/annex/objects/", b"../.git/annex", b".git/annex")):
        raise ModelError(f"{path} is a git-annex pointer and not {wanted}: run git annex get in its clone")
    if _PAGE.match(head):
        raise ModelError(
            f"{path} is a web page (HTML) and not {wanted}: the download gave a page in its place; download the file itself"
        )
    archive = next((what for start, what in _ARCHIVES.items() if head.startswith(start)), None)
    if archive or head[257:262] == b"ustar":
        raise ModelError(
            f"{path} is {archive or 'a tar archive'} and not {wanted}; unpack it and name the file in it"
        )
    other = next((what for start, what in _OTHERS.items() if head.startswith(start)), None)
    if other:
        raise ModelError(f"{path} is {other} and not {wanted}; check the name")
    if _STATE.match(head):
        raise ModelError(f"{path} is the state of a solver and not {wanted}; give the .caffemodel beside it")


def _size(head: bytes) -> str:
    """Return how large the file is that a git-lfs pointer stands for."""
    size = re.search(rb"^size (\d{1,15})\r?$", head, re.MULTILINE)
    return f" (to {int(size[1]):,} bytes)" if size else ""
