"""The decoder's process, `python -m batcountry.studio.web.media.decoder`: does tasks that come as lines of JSON.

It has a bound of memory, and ends when nobody can ask it any more. Its caller bounds the time.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from batcountry.errors import BatCountryError
from batcountry.studio.web.media import films, pictures

MAX_MEMORY = 4 << 30
"""Bytes of address space that the process may have, where the system can bound that."""


def bound_memory(most: int) -> None:
    """Let this process have no more memory, and leave no core when it dies."""
    try:
        import resource
    except ImportError:  # Windows
        return
    for what, bytes_ in ((resource.RLIMIT_AS, most), (resource.RLIMIT_CORE, 0)):
        _, hard = resource.getrlimit(what)
        resource.setrlimit(what, (bytes_ if hard == resource.RLIM_INFINITY else min(bytes_, hard), hard))


def upload(task: dict[str, Any]) -> dict[str, Any]:
    """Make anew what a client sent."""
    source, target = Path(task["source"]), Path(task["target"])
    with source.open("rb") as file:
        begin = file.read(32)
    if films.is_film(begin):
        return films.remade_film(
            source,
            target,
            max_pixels=task["max_pixels"],
            max_frames=task["max_frames"],
            max_seconds=task["max_seconds"],
        )
    return pictures.remade(source, target, task["max_pixels"])


def thumb(task: dict[str, Any]) -> dict[str, Any]:
    """Make a thumbnail of a picture or of a film."""
    source, target = Path(task["source"]), Path(task["target"])
    if source.suffix in films.SUFFIXES:
        return films.film_thumbnail(source, target, task["side"])
    return pictures.thumbnail(source, target, task["side"])


def jpeg(task: dict[str, Any]) -> dict[str, Any]:
    """Make a JPEG of a result."""
    return pictures.as_jpeg(Path(task["source"]), Path(task["target"]))


TASKS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "upload": upload,
    "thumb": thumb,
    "jpeg": jpeg,
}
"""What the process can be asked for, by name."""


def done(task: dict[str, Any]) -> dict[str, Any]:
    """Do a task, and return what came of it, or `error` and `sentence`."""
    try:
        return TASKS[task["task"]](task)
    except (pictures.TooLarge, films.TooLong) as error:
        return {"error": "too large", "sentence": _without_path(str(error), task)}
    except BatCountryError as error:
        return {"error": "unusable", "sentence": _without_path(str(error), task)}
    except MemoryError:
        return {
            "error": "too large",
            "sentence": "this takes more memory than there is; send something smaller",
        }
    except OSError as error:
        return {"error": "disk", "sentence": f"this cannot be kept: {error.strerror or error}"}
    except Exception as error:  # whatever decoders of others do
        return {
            "error": "unusable",
            "sentence": f"this cannot be read ({type(error).__name__}); save it anew",
        }


def _without_path(sentence: str, task: dict[str, Any]) -> str:
    """Return a sentence for a client, who is not to learn where files lie here."""
    return sentence.replace(str(Path(task["source"]).resolve()), "this").replace(task["source"], "this")


def main() -> None:
    """Do what standard input asks for, until it ends."""
    bound_memory(MAX_MEMORY)
    for line in sys.stdin:
        print(json.dumps(done(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
