"""A network opened for dreaming."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from copy import copy
from typing import Any

import torch
from torch import Tensor, nn

from batcountry.backend.devices import fast_type, is_fast, is_out_of_memory
from batcountry.backend.float32 import full_float32
from batcountry.backend.idle import Idle
from batcountry.backend.scaled_gradient import ScaledGradient
from batcountry.backend.widened import widened_products
from batcountry.errors import LayerNotFound, ModelError
from batcountry.models.inspect.other_families import layers_at_depth_of
from batcountry.models.layer import Layer as Layer
from batcountry.models.networks import Capturable, Castable, Modular, Network, Padding

CLASSES = "@classes"
"""Name that stands for whichever layer of a model has its classes."""

_ENOUGH = 384
"""Pixels along one axis from which on all pictures run if one does, to layers whose units see a part of it."""

_LARGE = 1024
"""The same for layers that see all of it, which may take one size only."""


class Model:
    """A network with its layers by name and the way pictures enter it.

    Every model takes RGB in gray levels 0–255, so a step size means the same with each of them.
    Channel order and scale are folded into the first convolution; the mean is subtracted here,
    since the network's zero padding stands for it.

    Parameters
    ----------
    name
        What to open the model by again: a known name or a path.
    network
        Runs it.
    layers
        All dreamable layers, in running order.
    mean
        Of red, green and blue, in gray levels; or of each channel, for a network whose pictures are no colors.
    weights_sha256
        Hash of the file the weights are from, or of the weights themselves.
    default_layer
        The layer to dream with if none is named.
    classes
        Names of the classes of the last layer, or nothing.
    refused
        Names of layers that cannot be dreamed with, and why.
    class_layer
        The layer with one unit for each class, before any softmax; it may be asked for as `CLASSES`, too.
        By default the last, if it has a unit for each of `classes`.
    input_size
        Height and width of the pictures it was trained on, where that is known.
    other_names
        Further names to the layers that are found by them too.
    """

    def __init__(
        self,
        name: str,
        network: Network,
        *,
        layers: Sequence[Layer],
        mean: tuple[float, ...],
        weights_sha256: str,
        default_layer: str,
        classes: Sequence[str] = (),
        refused: Mapping[str, str] | None = None,
        class_layer: str | None = None,
        input_size: tuple[int, int] | None = None,
        other_names: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.network = network
        self.layers = tuple(layers)
        self.mean = mean
        self.weights_sha256 = weights_sha256
        self.default_layer = default_layer
        self.classes = tuple(classes)
        self.refused = dict(refused or {})
        last = self.layers[-1] if self.layers else None
        if class_layer is None and last is not None and classes and last.channels == len(classes):
            class_layer = last.name
        self.class_layer = class_layer
        self.input_size = input_size
        self.device = torch.device("cpu")
        self.idle_steps: Idle[Any] = Idle()
        """Steps of dreams on graphics cards that nobody uses at the moment, kept for the next dream."""
        self._known_to_run: dict[Hashable, bool] = {}
        self.costs: dict[Hashable, Any] = {}
        """What gradients cost on graphics cards, measured once."""
        self.said: set[str] = set()
        """What was logged of this network, which is said once."""
        self._fast: Model | None = None
        self._inside: torch.dtype | None = None
        self._by_name = {layer.name: layer for layer in self.layers}
        for other, layer_name in (other_names or {}).items():
            if layer_name in self._by_name:
                self._by_name.setdefault(other, self._by_name[layer_name])
        self._offset = torch.tensor(mean).reshape(1, -1, 1, 1)

    @property
    def channels(self) -> int:
        """How many channels a picture has: 3, red, green and blue, for all but networks made for other data."""
        return len(self.mean)

    def layer(self, name: str) -> Layer:
        """Return what is known of a layer; of Caffe's nets it may be named by its top too.

        Raises
        ------
        LayerNotFound
            If there is none of that name; the message has the nearest.
        ModelError
            If the layer is there and cannot be dreamed with.
        """
        if name in self.refused:
            raise ModelError(
                f"the layer {name!r} of {self.name} cannot be dreamed with: {self.refused[name]}"
            )
        if name == CLASSES:
            if self.class_layer is None:
                raise ModelError(f"nobody knows which layer of {self.name} has the classes; name the layer")
            name = self.class_layer
        try:
            return self._by_name[name]
        except KeyError:
            near = layers_at_depth_of(str(name), self.layers)
            raise LayerNotFound(name, self._by_name, self.name, near) from None

    def activations(self, image: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        """Return the activations of `layers` for a picture, running no further than the last.

        Parameters
        ----------
        image : (N, 3, H, W) float, RGB in gray levels 0–255; or (N, `channels`, H, W)
        layers
            Layer names.

        Raises
        ------
        LayerNotFound
            If the model lacks one of them.
        RuntimeError
            From PyTorch, if the picture is too small for the network to run that far.
        """
        names = {name: self.layer(name).name for name in layers}
        own_names = set(names.values())
        x = image - self._offset.to(image.dtype)
        outputs = self._run(x, own_names)
        return {name: outputs[own] for name, own in names.items()}

    def _run(self, x: Tensor, layers: set[str]) -> dict[str, Tensor]:
        """Run the network in its precision; what comes out is as precise as what goes in."""
        if self._inside == torch.float16:
            scaled = ScaledGradient()
            return scaled.leave(self.network.run(scaled.enter(x), layers), x.dtype)
        if self._inside is None:
            with full_float32():  # whoever takes the gradient has it open until then
                outputs = self.network.run(x, layers)
        else:
            with widened_products(x.device):
                outputs = self.network.run(x.to(self._inside), layers)
        return {name: each.to(x.dtype) for name, each in outputs.items()}

    @property
    def module(self) -> nn.Module:
        """The network as a PyTorch module, frozen and in evaluation mode, for hooks, captum and the like.

        It takes what `preprocess` gives, and gives what the whole network does. Its parts have names by which layers are
        found: `dict(model.module.named_modules())["blocks.10"]`. Hooks on parts are called in dreams, too, as
        far as those run; the embedded network and Caffe's then run slower, in plain operations and float32.

        Raises `ModelError` if the network cannot be had as a module.
        """
        return self._modular.module

    def preprocess(self, image: Tensor) -> Tensor:
        """Return what `module` takes for pictures, (N, 3, H, W), RGB in gray levels, differentiably."""
        return self._modular.entered(image - self._offset.to(image.dtype))

    @property
    def _modular(self) -> Modular:
        if not isinstance(self.network, Modular):
            raise ModelError(
                f"{self.name} is run by {type(self.network).__name__}, which is no PyTorch module"
            )
        return self.network

    @property
    def precision(self) -> str:
        """`exact`, or `fast` if the network runs in bfloat16 or float16."""
        return "exact" if self._inside is None else "fast"

    @property
    def is_narrow(self) -> bool:
        """Whether the network runs in float16, in which numbers end at 65,504."""
        return self._inside == torch.float16

    def at(self, precision: str) -> Model:
        """Return this model in a precision.

        Parameters
        ----------
        precision
            `exact`: the network runs in the picture's precision, float32. `fast`: it runs in
            bfloat16, or in float16 on a card if its numbers stay small, pictures and activations being float32
            as before. `auto`: fast if the device is made for it and the network prefers it.

        Raises
        ------
        ModelError
            If it is to be fast and the network cannot run in another precision.
        """
        network = self.network
        if precision == "exact" or self._inside is not None:
            return self
        dtype = fast_type(self.device, small=getattr(network, "has_small_numbers", False))
        if precision == "auto" and not (
            isinstance(network, Castable) and network.prefers_bf16 and is_fast(self.device, dtype)
        ):
            return self
        if not isinstance(network, Castable):
            raise ModelError(
                f"{self.name} cannot run in another precision than float32; use the precision exact"
            )
        if self._fast is None:
            self._fast = copy(self)
            self._fast.network, self._fast._inside = network.cast(dtype), dtype
        return self._fast

    def capture_key(self) -> Hashable:
        """Return what a run of the network depends on beside its picture and the layers; None if nobody knows.

        While that is the same, what was recorded of a run holds.
        """
        return self.network.capture_key() if isinstance(self.network, Capturable) else None

    def runs_on(self, size: tuple[int, int], layers: Iterable[str]) -> bool:
        """Say whether a picture of (height, width) pixels is large enough to run as far as `layers`."""
        layers = list(layers)
        most = _ENOUGH if all(self.layer(name).stride for name in layers) else _LARGE
        enough = min(size[0], most), min(size[1], most)
        if self.device.type == "cpu":
            return self._runs(enough, layers)
        key = enough, *layers
        if key not in self._known_to_run:  # each run is hundreds of small pieces of work
            self._known_to_run[key] = self._runs(enough, layers)
        return self._known_to_run[key]

    def _runs(self, enough: tuple[int, int], layers: list[str]) -> bool:
        try:
            with torch.no_grad():
                activations = self.activations(
                    torch.zeros(1, self.channels, *enough, device=self.device), layers
                )
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise
            return False
        return all(each.numel() for each in activations.values())

    def padded_size(self, size: tuple[int, int], layers: Iterable[str]) -> tuple[int, int]:
        """Return the (height, width) that a picture is padded to within, at the right and the bottom; most run as they are."""
        names = [self.layer(name).name for name in layers]
        return self.network.padded_size(size, names) if isinstance(self.network, Padding) else size

    def size_rules(self) -> dict[str, str]:
        """Return, of the layers that not all sizes of pictures reach, which sizes do, and what happens to the others."""
        names = [layer.name for layer in self.layers]
        return self.network.size_rules(names) if isinstance(self.network, Padding) else {}

    def to(self, device: torch.device) -> Model:
        """Return this model after moving its weights to `device`."""
        if device == self.device:
            return self
        self.network = self.network.to(device)
        self._offset = self._offset.to(device)
        self.device = device
        self._fast = None
        self.idle_steps.clear()
        return self

    def __repr__(self) -> str:
        return f"Model({self.name!r}, {len(self.layers)} layers, on {self.device})"
