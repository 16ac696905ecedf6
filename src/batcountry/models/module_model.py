"""From a PyTorch module to a model: its layers, what their units see, its hash."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from batcountry.backend.batch_norm import use_exact_norms
from batcountry.backend.receptive_field import ReceptiveField
from batcountry.errors import ModelError
from batcountry.models.inspect.layouts import Size
from batcountry.models.inspect.module_units import default_layer, recommended_layers
from batcountry.models.inspect.receptive_fields import receptive_fields
from batcountry.models.inspect.tracing import Traced, trace
from batcountry.models.model import Layer, Model
from batcountry.models.module_network import ModuleNetwork
from batcountry.models.preprocess import Entry
from batcountry.models.state_hash import state_sha256

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
    digest = weights_sha256 or state_sha256(module.state_dict())
    use_exact_norms(module)
    traced, columns = _traced_in_float32(module, entry, size)
    if columns:
        _lay_channels_last(module)
    network = ModuleNetwork(module, traced, entry, columns=columns)
    good = recommended_layers(traced, module) if traced.layouts else set()
    layers = [
        replace(layer, recommended=layer.name in good)
        for layer in _layers(traced, _receptive_fields(network))
    ]
    if not layers:
        raise ModelError(f"{name} has no layer that can be dreamed with: {_first(traced.refused)}")
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


def _traced_in_float32(module: nn.Module, entry: Entry, size: Size) -> tuple[Traced, bool]:
    """Trace a module as it is, or else with all its weights in float32, as pictures are."""
    columns = any(isinstance(part, nn.Conv2d) for part in module.modules())
    try:
        return _traced(module, entry, size, columns=columns)
    except ModelError:
        weights = [*module.parameters(), *module.buffers()]
        if all(each.dtype == torch.float32 for each in weights if each.is_floating_point()):
            raise
    return _traced(module.float(), entry, size, columns=columns)


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


def _lay_channels_last(module: nn.Module) -> None:
    """Lay the filters of convolutions as pictures lie; weights of more axes stay, which no such convolution has."""
    for tensor in [*module.parameters(), *module.buffers()]:
        if tensor.ndim == 4 and tensor.layout is torch.strided and not tensor.is_quantized:
            tensor.data = tensor.data.contiguous(memory_format=torch.channels_last)


def _columns(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last)


def _receptive_fields(network: ModuleNetwork) -> Mapping[tuple[str, int], ReceptiveField]:
    """Return what units see, from runs for sizes that reach all layers which take more than one size."""
    traced = network.traced
    names = [
        name
        for name, layout in traced.layouts.items()
        if layout.kind == "first" and traced.multiples[name] == 1
    ]

    def fit(size: Size) -> Size:
        return network.sizes.fit(size, names) or size

    return receptive_fields(network.module, (network.entry.channels, *traced.size), fit)


def _layers(traced: Traced, fields: Mapping[tuple[str, int], ReceptiveField]) -> Iterator[Layer]:
    for name, layout in traced.layouts.items():
        field = (
            fields.get(traced.places[name])
            if traced.multiples[name] == 1 and layout.kind in ("first", "last")
            else None
        )
        if field is None:
            yield Layer(name, layout.channels, layout.stride, None)
        else:
            yield Layer(name, layout.channels, field.stride, field.field, field.before, field.grid)


def _first(refused: Mapping[str, str]) -> str:
    return next((f"{name!r}: {why}" for name, why in refused.items()), "it has no layers")
