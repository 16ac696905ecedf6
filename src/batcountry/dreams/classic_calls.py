"""What programs of 2015 name and hand over: layers and blobs by their names, and functions with the keywords that they take."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from batcountry.caffe import Blob, Net


def place_of(net: Net, end: str) -> tuple[str, Blob]:
    """Return the layer that a name stands for, its own or that of the blob that it makes last, and its blob.

    Raises
    ------
    KeyError
        If there is no such layer and no such blob.
    """
    tops = net.top_names
    if tops.get(end):
        return end, net.blobs[tops[end][0]]
    blob = net.blobs[end]
    return next(name for name, made in reversed(tops.items()) if end in made), blob


def called(function: Callable[..., Any], net: Net, img: Any, options: dict[str, Any]) -> Any:
    """Call a caller's function with the net, the picture if there is one, and the options it accepts."""
    parameters = inspect.signature(function).parameters.values()
    if not any(each.kind is each.VAR_KEYWORD for each in parameters):
        taken = {
            each.name for each in parameters if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)
        }
        options = {name: value for name, value in options.items() if name in taken}
    return function(net, **options) if img is None else function(net, img, **options)
