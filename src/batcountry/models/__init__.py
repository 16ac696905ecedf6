"""Networks opened for dreaming: one file per kind, and `open_model` for all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from batcountry.errors import ModelError, suggestion
from batcountry.models.converted import is_converted, open_converted
from batcountry.models.efficientnet_lite import NAME, open_efficientnet_lite0
from batcountry.models.model import Layer, Model, Network

__all__ = ["Layer", "Model", "Network", "known", "open_model"]

known: dict[str, Callable[[], Model]] = {NAME: open_efficientnet_lite0}
"""Models that are opened by name alone. Put your own function in to extend it."""


def open_model(
    source: str | Path = NAME,
    weights: str | Path | None = None,
    *,
    mean: Sequence[float] | str | Path | None = None,
) -> Model:
    """Open a network for dreaming, on the CPU.

    Parameters
    ----------
    source
        A known name, a folder with a `deploy.prototxt` and one `.caffemodel`, a prototxt file, or a
        folder that `bat-country convert` wrote.
    weights
        The `.caffemodel`, if `source` is a prototxt file. May be left out where only one lies beside it.
    mean
        For Caffe's files: the mean of blue, green and red in grey levels, or a `.binaryproto` or
        `.npy` file. By default the one such file beside the prototxt, or else what the programs
        of 2015 took.

    Raises
    ------
    ModelError
        If there is no such model, or its files cannot be read; the message says which and why.
    """
    if weights is None and str(source) in known:
        return known[str(source)]()
    if is_converted(Path(source)):
        return open_converted(Path(source))
    if Path(source).exists() or weights is not None:
        from batcountry.models.caffe_files import open_caffe

        return open_caffe(Path(source), None if weights is None else Path(weights), mean)
    raise ModelError(
        f"there is no model {str(source)!r}{suggestion(str(source), known)}: "
        f"give a folder with deploy.prototxt and a .caffemodel, or one of: {', '.join(known)}"
    )
