"""What Numba keeps of a compiled loop, looked at before it is used: what is not as it was written is made anew.

Numba reads its files as they are, and runs the machine code in them, so one that was cut short ends in an error, and one that
is damaged inside in a crash or in wrong numbers. So each has a second file beside it with its hash.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from numba.core.caching import FunctionCache

from batcountry.backend.files import replace_file, sha256_of


def swept(body: Callable[..., Any]) -> bool:
    """Delete what is kept of a loop and is damaged, or has no hash; returns whether the rest may be used.

    It may not be used if there is no place for such files, or what is damaged cannot be deleted.
    """
    try:
        for file in _files(body):
            if not _is_whole(file):
                file.unlink()
    except (OSError, RuntimeError):
        return False
    return True


def sign(body: Callable[..., Any]) -> None:
    """Write the hashes of what was kept of a loop just now; where that cannot be, it is made anew the next time."""
    with suppress(OSError, RuntimeError):
        for file in _files(body):
            if not _is_whole(file):
                replace_file(_hash_of(file), sha256_of(file).encode())


def _files(body: Callable[..., Any]) -> list[Path]:
    """Return the index and the data that Numba keeps of a function; raises `RuntimeError` if it has no place for them."""
    code, folder = body.__code__, Path(FunctionCache(body).cache_path)
    return sorted(
        folder.glob(f"{Path(code.co_filename).stem}.{body.__qualname__}-{code.co_firstlineno}.py*.nb[ci]")
    )


def _hash_of(file: Path) -> Path:
    return file.with_name(f"{file.name}.sha256")


def _is_whole(file: Path) -> bool:
    try:
        return _hash_of(file).read_bytes() == sha256_of(file).encode()
    except OSError:
        return False
