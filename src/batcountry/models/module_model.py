"""From a PyTorch module to a model: its layers, what their units see, its hash."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from batcountry.backend.receptive_field import ReceptiveField
from batcountry.errors import ModelError
from batcountry.models.inspect.layouts import Size
from batcountry.models.inspect.module_units import default_layer, recommended_layers
from batcountry.models.inspect.receptive_fields import receptive_fields
from batcountry.models.inspect.tracing import Traced, trace
from batcountry.models.model import Layer, Model
from batcountry.models.module_network import ModuleNetwork
from batcountry.models.preprocess import Entry

USUAL_SIZE = (224, 224)

log = logging.getLogger("batcountry")


def model_of(
    module: nn.Module,
    name: str,
    *,
    entry: Entry,
    size: Size,
    classes: Sequence[str] = (),
    weights_sha256: str | None = None,
) -> Model:
    """Make a model of a module that is frozen and nobody else's.

    Parameters
    ----------
    name
        What to open the model by again.
    entry
        How a picture enters it.
    size
        (height, width) of a picture that it takes.
    classes
        Names of what it tells apart, in the order of its last layer.
    weights_sha256
        Of the file the weights are from; of the module's tensors if not given.

    Raises
    ------
    ModelError
        If it does not run on such a picture, or none of its layers can be dreamed with.
    """
    columns = any(isinstance(part, nn.Conv2d) for part in module.modules())
    traced, columns = _traced(module, entry, size, columns=columns)
    if columns:
        module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    network = ModuleNetwork(module, traced, entry, columns=columns)
    good = recommended_layers(traced, module) if traced.layouts else set()
    layers = [
        replace(layer, recommended=layer.name in good) for layer in _layers(traced, receptive_fields(module))
    ]
    if not layers:
        raise ModelError(f"{name} has no layer that can be dreamed with: {_first(traced.refused)}")
    digest = weights_sha256 or state_sha256(module.state_dict())
    return _model(name, network, traced, layers, classes, digest)


def _model(
    name: str,
    network: ModuleNetwork,
    traced: Traced,
    layers: list[Layer],
    classes: Sequence[str],
    digest: str,
) -> Model:
    count = layers[-1].channels
    if classes and len(classes) != count:
        raise ModelError(f"{name} tells {count} classes apart, and {len(classes)} names were given")
    if 0 in traced.multiples.values():
        height, width = traced.size
        log.info("%s takes pictures of %d×%d; others are resized as they enter", name, width, height)
    return Model(
        name,
        network,
        layers=layers,
        mean=network.entry.picture_mean,
        weights_sha256=digest,
        default_layer=default_layer(traced, network.module),
        classes=classes,
        refused=traced.refused,
        class_layer=layers[-1].name if classes else None,
        input_size=traced.size,
    )


def _traced(module: nn.Module, entry: Entry, size: Size, *, columns: bool) -> tuple[Traced, bool]:
    """Trace a module, channels-last if it runs so; some reshape their activations in ways that forbid it."""
    channels = len(entry.picture_mean)
    if columns:
        try:
            return trace(module, size, lambda x: _columns(entry(x)), channels), True
        except ModelError as error:
            if "view" not in str(error):
                raise
    return trace(module, size, entry, channels), False


def _columns(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last)


def _layers(traced: Traced, fields: Mapping[tuple[str, int], ReceptiveField | None]) -> Iterator[Layer]:
    for name, layout in traced.layouts.items():
        field = (
            fields.get(traced.places[name])
            if traced.multiples[name] == 1 and layout.kind == "first"
            else None
        )
        if field is None:
            yield Layer(name, layout.channels, layout.stride, None)
        else:
            yield Layer(name, layout.channels, field.stride, field.field, field.before, field.grid)


def state_sha256(state: Mapping[str, Tensor]) -> str:
    """Return the sha256 of weights that are in no file.

    Of each tensor in the order of names: its name, type and shape as text, each followed by a zero byte, then its
    numbers as they lie in memory, row by row.
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(state.items()):
        shape = "×".join(map(str, tensor.shape))
        digest.update(f"{name}\0{tensor.dtype}\0{shape}\0".encode())
        rows = tensor.detach().cpu().contiguous().reshape(-1)
        digest.update(rows.view(torch.uint8).numpy().data if rows.numel() else b"")
    return digest.hexdigest()


def _first(refused: Mapping[str, str]) -> str:
    return next((f"{name!r}: {why}" for name, why in refused.items()), "it has no layers")
