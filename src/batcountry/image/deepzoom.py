"""The page that shows a deep-zoom pyramid from disk, with no network and no server."""

from __future__ import annotations

import html
import json
from importlib.resources import files


def page(title: str, width: int, height: int, tile: int, overlap: int) -> str:
    """Return an HTML page for the tiles in `dream_files` beside it.

    Parameters
    ----------
    width, height, tile
        Of the picture and of a tile's side, in pixels.
    overlap
        Pixels by which tiles reach into their neighbors.
    """
    template = (files("batcountry.image") / "viewer.html").read_text("utf-8")
    facts = json.dumps({"width": width, "height": height, "tile": tile, "overlap": overlap})
    return template.replace("__TITLE__", html.escape(title)).replace("__FACTS__", facts)
