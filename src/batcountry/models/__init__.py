"""Networks opened for dreaming: one file per kind, and `open_model` for all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from batcountry.errors import ModelError, suggestion
from batcountry.models.caffe_net import open_caffe
from batcountry.models.efficientnet_lite import NAME, open_efficientnet_lite0
from batcountry.models.model import Layer, Model, Network

__all__ = ["Layer", "Model", "Network", "known", "open_model"]

known: dict[str, Callable[[], Model]] = {NAME: open_efficientnet_lite0}
"""Models that are opened by name alone. Put your own function in to extend it."""


def open_model(source: str | Path = NAME, weights: str | Path | None = None) -> Model:
    """Open a network for dreaming, on the CPU.

    Parameters
    ----------
    source
        A known name, a folder with a `deploy.prototxt` and one `.caffemodel`, or a prototxt file.
    weights
        The `.caffemodel`, if `source` is a prototxt file. May be left out where only one lies beside it.

    Raises
    ------
    ModelError
        If there is no such model, or its files cannot be read; the message says which and why.
    """
    if weights is None and str(source) in known:
        return known[str(source)]()
    if Path(source).exists() or weights is not None:
        return open_caffe(Path(source), None if weights is None else Path(weights))
    raise ModelError(
        f"there is no model {str(source)!r}{suggestion(str(source), known)}: "
        f"give a folder with deploy.prototxt and a .caffemodel, or one of: {', '.join(known)}"
    )
