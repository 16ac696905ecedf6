"""Caffe nets as networks to dream with."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from batcountry.backend.kernels.onednn_conv import has_filters
from batcountry.caffe.fusion import Plan, plan
from batcountry.caffe.graph import Node, ShapeError, ancestors, infer_shapes
from batcountry.caffe.layers.registry import Shape
from batcountry.caffe.receptive_fields import receptive_fields
from batcountry.models.inspect.caffe_units import caffe_units, last_feature
from batcountry.models.inspect.good_layers import Unit, best_unit, good_units
from batcountry.models.inspect.layouts import Size
from batcountry.models.inspect.runnable_sizes import RunnableSizes, padded, padding_rule
from batcountry.models.loaders.caffe_inputs import reached, shape_of
from batcountry.models.loaders.caffe_sizes import size_beside
from batcountry.models.loaders.module_views import CaffeModule, run_nodes
from batcountry.models.model import Layer
from batcountry.models.networks import has_hooks, places_of
from batcountry.models.preprocess import Entry

_PREFERRED = "inception_4c/output"


class CaffeNetwork:
    """A Caffe net run from its input to the layers asked for, and no other.

    Takes RGB, or what `entry` says; see `network_for`.

    Parameters
    ----------
    nodes
        The net's layers, weights channels-last.
    source
        Name of the blob that takes the picture.
    turned
        Whether the picture is turned to blue-green-red as it enters.
    entry
        How a picture enters that is more than that: of other channels, or divided by a deviation.
    """

    def __init__(
        self, nodes: list[Node], source: str, *, turned: bool = False, entry: Entry | None = None
    ) -> None:
        self.nodes = nodes
        self.source = source
        self.turned = turned
        self.entry = entry
        self._plans: dict[frozenset[str], Plan | None] = {}
        self._module: CaffeModule | None = None
        self._whole = self
        self._stated = _input_size(nodes, source)
        self.sizes = RunnableSizes(partial(layers_reached, tuple(nodes), self._stated), self._stated)

    @property
    def module(self) -> CaffeModule:
        """The net as a module; runs go through it while one of its parts has a hook."""
        if self._whole._module is None:
            self._whole._module = CaffeModule(self._whole.nodes, self.source)
        return self._whole._module

    def entered(self, x: Tensor) -> Tensor:
        """Return what the net's input takes for pictures without their mean, (N, 3, H, W), RGB, or other channels."""
        if self.entry is not None:
            return self.entry(x)
        return x.flip(1) if self.turned else x

    def run(self, x: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """Return the activations of `layers`; see `batcountry.models.model.Network`.

        A layer's activation is what its top holds right after it ran, so a convolution's is
        before the ReLU that works on it in place.
        """
        size = (x.shape[-2], x.shape[-1])
        x = self.entered(padded(x, self.padded_size(size, layers)))
        x = x.contiguous(memory_format=torch.channels_last)
        if has_hooks(self._whole._module):
            return {name: each.to(x.dtype) for name, each in self.module.run(x.float(), layers).items()}
        if has_filters(x) and (planned := self._plan(frozenset(layers))):
            return planned.run(x)
        return run_nodes(self.nodes, {self.source: x}, layers, self._stated, _tops)

    def capture_key(self) -> Hashable:
        """See `batcountry.models.networks.Capturable`."""
        if has_hooks(self._whole._module):
            return None
        return places_of(each for node in self.nodes for each in node.params)

    def _plan(self, layers: frozenset[str]) -> Plan | None:
        if layers not in self._plans:
            self._plans[layers] = plan(self.nodes, self.source, layers)
        return self._plans[layers]

    def padded_size(self, size: Size, layers: Collection[str]) -> Size:
        """Return what a picture of (height, width) is padded to; see `batcountry.models.networks.Padding`."""
        return self.sizes.fit(size, layers) or size

    def size_rules(self, layers: Collection[str]) -> dict[str, str]:
        """Return which sizes reach layers that not all do; see `batcountry.models.networks.Padding`."""
        return {name: padding_rule(rule) for name, rule in self.sizes.rules(layers).items()}

    prefers_bf16 = True

    @property
    def has_small_numbers(self) -> bool:
        """Whether its numbers are kept small by normalization, as GoogLeNet's and AlexNet's; those of VGG pass 10,000."""
        return any(node.layer.type == "LRN" for node in self.nodes)

    def cast(self, dtype: torch.dtype) -> CaffeNetwork:
        """Return this network with its weights in another precision; this one stays as it is."""
        nodes = [Node(n.layer, n.kind, [each.to(dtype) for each in n.params]) for n in self.nodes]
        other = CaffeNetwork(nodes, self.source, turned=self.turned, entry=self.entry)
        other.sizes = self.sizes
        other._whole = self._whole  # a hook is put on one module, whatever the precision of a run
        return other

    def to(self, device: torch.device) -> CaffeNetwork:
        """Move the weights to `device`."""
        for node in self.nodes:
            node.params[:] = [each.to(device) for each in node.params]
        self._plans.clear()
        if self._module is not None:
            self._module.to(device)
        return self


def _tops(node: Node, bottoms: list[Tensor], kept: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
    """Run a node, writing over its bottom where that is safe.

    A ReLU in place may be so in memory too if a convolution made its bottom, since that needs
    no output of its own for the gradient, unless the bottom was asked for.
    """
    if (
        node.layer.type == "ReLU"
        and node.in_place
        and not node.layer.relu_param.negative_slope
        and "Convolution" in type(bottoms[0].grad_fn).__name__
        and not any(each is bottoms[0] for each in kept.values())
    ):
        return (F.relu_(bottoms[0]),)
    return node.run(*bottoms)


def layers_reached(nodes: Sequence[Node], stated: Size, size: Size, layers: Collection[str]) -> set[str]:
    """Return those of `layers` that a net for pictures of `stated` reaches on others, found from shapes alone."""
    shapes: dict[str, Shape] = {}
    running: set[str] = set()
    needed = ancestors(nodes, layers)
    if all(len(node.bottoms) < 2 for node in needed):
        return set(layers)  # without branches nothing disagrees
    for node in needed:
        if not shapes.keys() >= set(node.bottoms):
            continue  # beyond one that does not run
        try:
            if node.bottoms != node.tops:  # one in place keeps its shape
                infer_shapes([node], shapes)
        except ShapeError:
            for top in node.tops:
                shapes.pop(top, None)
            continue
        if not node.bottoms:
            shapes.update({top: size_beside(shapes[top], stated, size) for top in node.tops})
        running.add(node.name)
    return running.intersection(layers)


def _input_size(nodes: Sequence[Node], source: str) -> Size:
    """Return the (height, width) that a net's definition has for its picture."""
    height, width = shape_of(nodes, source)[-2:]
    return height, width


def network_for(nodes: Sequence[Node], source: str, entry: Entry) -> CaffeNetwork:
    """Return the network that pictures enter in some way, weights channels-last."""
    if entry.kind == "bgr" and set(entry.std) == {1.0}:
        return network_for_rgb(nodes, source)
    found = [Node(n.layer, n.kind, [_arranged(each) for each in n.params]) for n in nodes]
    return CaffeNetwork(found, source, entry=entry)


def network_for_rgb(nodes: Sequence[Node], source: str) -> CaffeNetwork:
    """Return the network that takes RGB where the nodes take blue-green-red, weights channels-last.

    The order is folded into the convolutions that read the picture, where nothing else reads more
    of it than its size.
    """
    found = [Node(n.layer, n.kind, [_arranged(each) for each in n.params]) for n in nodes]
    readers = [node for node in found if source in node.bottoms and not _reads_size_only(node, source)]
    folds = all(
        node.layer.type == "Convolution" and node.params[0].ndim == 4 and node.params[0].shape[1] == 3
        for node in readers
    )
    if folds:
        for node in readers:
            node.params[0] = _arranged(node.params[0].flip(1))
    return CaffeNetwork(found, source, turned=not folds)


def _reads_size_only(node: Node, source: str) -> bool:
    like = {"Crop": 1, "PriorBox": 1, "Interp": 1, "Upsample": 2}.get(node.layer.type)
    return like is not None and source not in node.bottoms[:like]


def _arranged(weight: Tensor) -> Tensor:
    return weight.contiguous(memory_format=torch.channels_last) if weight.ndim == 4 else weight


def dreamable_layers(
    nodes: Sequence[Node], shapes: Mapping[str, Shape], units: Sequence[Unit]
) -> Iterator[Layer]:
    """Yield the layers that make something of the inputs, in running order.

    Parameters
    ----------
    shapes
        Layer name to the shape of what it gives, right after it ran.
    units
        The parts that the picture goes through, of which some dream well; see `picture_units`.
    """
    fields = receptive_fields(nodes)
    good = {unit.name for unit in good_units(units)}
    for node in nodes:
        if node.bottoms and node.tops:
            shape = shapes[node.name]
            field = fields[node.name]
            place = (field.stride, field.field, field.before, field.grid) if field else (None, None, 0, None)
            layer = Layer(node.name, shape[1] if len(shape) > 1 else 1, *place)
            yield replace(layer, recommended=node.name in good)


def default_layer(nodes: Sequence[Node], layers: Sequence[Layer], source: str, units: Sequence[Unit]) -> str:
    """Return the layer to dream with if none is named: halfway up, where units still see a part of the picture.

    Parameters
    ----------
    layers
        Those that may be chosen.
    source
        The blob that takes the picture.
    units
        As of `dreamable_layers`.
    """
    names = [layer.name for layer in layers]
    if _PREFERRED in names:
        return _PREFERRED
    best = best_unit(units)
    if best is not None:
        return best.name
    feature = last_feature(_seen(nodes, source))
    return feature if feature in names else names[-1]


def picture_units(nodes: Sequence[Node], shapes: Mapping[str, Shape], source: str) -> list[Unit]:
    """Return the parts that the picture goes through: of a siamese net, those of one twin."""
    return caffe_units(_seen(nodes, source), shapes, _input_size(nodes, source))


def _seen(nodes: Sequence[Node], source: str) -> list[Node]:
    """Return the input that takes the picture, and what reads it."""
    names = reached(nodes, source)
    return [node for node in nodes if node.name in names or (not node.bottoms and source in node.tops)]


def top_names(nodes: Sequence[Node]) -> dict[str, str]:
    """Return the blobs that have another name than any layer, each with the last layer that makes it."""
    layers = {node.name for node in nodes}
    makers = {node.tops[0]: node.name for node in nodes if node.bottoms and node.tops}
    return {top: name for top, name in makers.items() if top not in layers}


def class_layer(nodes: Sequence[Node], layers: Sequence[Layer]) -> Layer | None:
    """Return the layer that the last softmax reads, if there is one."""
    known = {each.name: each for each in layers}
    for at, node in reversed(list(enumerate(nodes))):
        if node.layer.type in ("Softmax", "SoftmaxWithLoss") and node.bottoms:
            makers = [each.name for each in nodes[:at] if node.bottoms[0] in each.tops]
            return known.get(makers[-1]) if makers else None
    return None
