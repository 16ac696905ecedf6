"""PyTorch modules as models, whichever loader made them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from batcountry.errors import ModelError, UnsupportedLayer
from batcountry.models.inspect.layouts import Size
from batcountry.models.loaders.limits import check_work
from batcountry.models.loaders.request import Request
from batcountry.models.model import Model
from batcountry.models.module_copy import check_weights
from batcountry.models.module_model import USUAL_SIZE, model_of
from batcountry.models.preprocess import Entry


def opened(
    request: Request,
    module: nn.Module,
    name: str,
    *,
    stated: Mapping[str, Any] | None = None,
    weights_sha256: str | None = None,
    from_file: bool = False,
) -> Model:
    """Make a model of a frozen module as a request says, or else as the module says of itself.

    Parameters
    ----------
    name
        What to open the model by again.
    stated
        What is known of the network: `mean`, `std`, `input`, `size`, `classes`.
    weights_sha256
        As of `batcountry.models.module_model.model_of`.
    from_file
        Whether the module is a program of a file, so that the work it takes is bounded; see
        `batcountry.models.loaders.limits.check_work`.

    Raises
    ------
    ModelError
        If what was asked for does not fit the network, none of its layers can be dreamed with, or it takes too much work.
    """
    check_weights(module, name)
    known = {**said_by(module), **(stated or {})}
    mean, std = request.mean, request.std
    if isinstance(mean, (str,)) or hasattr(mean, "__fspath__"):
        raise ModelError("a mean in a file is for Caffe's nets; give its numbers")
    if mean is None and std is None and request.input is None:
        mean, std = known.get("mean"), known.get("std")
    entry = Entry.of(known.get("input") if request.input is None else request.input, mean, std)
    size = size_of(request.size if request.size is not None else known.get("size", USUAL_SIZE))
    if from_file:
        _check_work(module, (1, entry.channels, *size), name)
    return model_of(
        module,
        name,
        entry=entry,
        size=size,
        classes=request.classes if request.classes is not None else known.get("classes", ()),
        weights_sha256=weights_sha256,
    )


def _check_work(module: nn.Module, shape: tuple[int, int, int, int], name: str) -> None:
    """Check the work of a module; a network of large pictures is told that it may open with smaller ones."""
    try:
        check_work(module, shape, name)
    except UnsupportedLayer:
        raise
    except ModelError as error:
        if max(shape[2:]) <= max(USUAL_SIZE):
            raise
        raise ModelError(
            f"{error}; that is for {shape[3]}×{shape[2]} pixels, so name a smaller size if it takes others too"
        ) from None


def size_of(given: Any) -> Size:
    """Return a picture's (height, width) from a side or both.

    Raises
    ------
    ModelError
        If it is neither, or not from 1 to 4096.
    """
    pair = given if isinstance(given, (tuple, list)) else (given, given)
    if len(pair) != 2 or not all(isinstance(each, int) and 1 <= each <= 4096 for each in pair):
        raise ModelError(f"size must be a side or (height, width) in pixels, up to 4096, not {given!r}")
    return pair[0], pair[1]


def said_by(module: nn.Module) -> dict[str, Any]:
    """Return what a module says of itself, as timm's and torchvision's transformers do."""
    config = getattr(module, "pretrained_cfg", None) or getattr(module, "default_cfg", None)
    found: dict[str, Any] = {}
    if isinstance(config, Mapping):
        found = {name: config[name] for name in ("mean", "std") if config.get(name)}
        shape = config.get("input_size")
        if isinstance(shape, (tuple, list)) and len(shape) == 3:
            found["size"] = tuple(shape[1:])
    size = getattr(module, "image_size", None)
    if "size" not in found and isinstance(size, int):
        found["size"] = size
    return found
