"""Networks opened for dreaming: one file per kind, and `open_model` for all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from batcountry.errors import ModelError, suggestion
from batcountry.models.efficientnet_lite import NAME
from batcountry.models.kinds import known, openers
from batcountry.models.model import Layer, Model, Network
from batcountry.models.request import Opener, Request

__all__ = ["Layer", "Model", "Network", "Opener", "Request", "known", "open_model", "openers"]


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
    request = Request(source, None if weights is None else Path(weights), mean)
    for opener in openers:
        model = opener(request)
        if model is not None:
            return model
    raise ModelError(
        f"there is no model {str(source)!r}{suggestion(str(source), known)}: "
        f"give a folder with deploy.prototxt and a .caffemodel, or one of: {', '.join(known)}"
    )
