"""Networks that run without PyTorch's modules, as modules: for hooks, captum, and whatever else takes one.

The dream's own runs use fused operations. A view has the same weights in plain parts that write over nothing; while a part has
a hook, dreams run through the view, so that hooks see them too.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import utils

from batcountry.models.loaders.caffe_inputs import shape_of
from batcountry.models.loaders.caffe_sizes import size_beside

if TYPE_CHECKING:
    from batcountry.caffe.graph import Node
    from batcountry.caffe.layers.registry import Shape
    from batcountry.models.loaders.efficientnet_blocks import Block, Convolution


class EfficientNetLiteModule(nn.Module):
    """EfficientNet-Lite as a module, whose parts have the layers' names: `stem`, `blocks.0` …, `head`, `logits`.

    Takes pictures as the network was trained on, (N, 3, H, W), RGB from −1 to 1, and gives the classes' logits.
    Its weights need no gradient.

    Parameters
    ----------
    parts
        The layers that have places, by name.
    dense
        Weight and bias of what gives the logits.
    scale
        What the network's first convolution has divided its weights by.
    """

    def __init__(self, parts: Mapping[str, Block], dense: tuple[Tensor, Tensor], scale: float) -> None:
        super().__init__()
        modules = [_block(block, scale if name == "stem" else 1.0) for name, block in parts.items()]
        self.stem, self.blocks, self.head = modules[0], nn.Sequential(*modules[1:-1]), modules[-1]
        self.pool = nn.AdaptiveAvgPool2d(1)
        weight, bias = dense
        self.logits = _empty(nn.Linear, weight.shape[1], weight.shape[0])
        _fill(self.logits, weight, bias)
        self.eval()

    def parts(self) -> Iterator[tuple[str, nn.Module]]:
        """Yield the layers that have places, with their names, in running order."""
        yield "stem", self.stem
        yield from ((f"blocks.{index}", block) for index, block in enumerate(self.blocks))
        yield "head", self.head

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits, (N, classes)."""
        return self.run(x, ("logits",))["logits"]

    def run(self, x: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """Run as far as the last of some layers, and return what they give."""
        found: dict[str, Tensor] = {}
        for name, part in self.parts():
            x = part(x)
            if name in layers:
                found[name] = x
            if len(found) == len(layers):
                return found
        found["logits"] = self.logits(self.pool(x).flatten(1))
        return found


class _Block(nn.Module):
    """Convolutions, and their input added where it fits."""

    def __init__(self, convolutions: Sequence[nn.Module], shortcut: bool) -> None:
        super().__init__()
        self.convolutions, self.shortcut = nn.Sequential(*convolutions), shortcut

    def forward(self, x: Tensor) -> Tensor:
        y = self.convolutions(x)
        return y + x if self.shortcut else y


def _block(block: Block, scale: float) -> _Block:
    return _Block([_convolution(each, scale) for each in block.convolutions], block.shortcut)


def _convolution(part: Convolution, scale: float) -> nn.Sequential:
    out, inner, *_ = part.weight.shape
    before, parts = part.before, OrderedDict[str, nn.Module]()
    if part.stride == 2:  # TensorFlow's padding, which is uneven
        parts["pad"] = nn.ZeroPad2d((before, before + 1, before, before + 1))
    parts["convolution"] = convolution = _empty(
        nn.Conv2d,
        inner * part.groups,
        out,
        part.kernel,
        stride=part.stride,
        padding=0 if part.stride == 2 else before,
        groups=part.groups,
    )
    _fill(convolution, part.weight * scale, part.bias)
    if part.active:
        parts["relu"] = nn.ReLU6()
    return nn.Sequential(parts)


def _empty(kind: type[nn.Module], *given: int, **named: Any) -> Any:
    """Return a module whose weights are still to be filled in, without drawing any random numbers for them."""
    return utils.skip_init(kind, *given, **named)  # type: ignore[no-untyped-call]


def _fill(module: Any, weight: Tensor, bias: Tensor) -> None:
    module.weight, module.bias = (nn.Parameter(each, requires_grad=False) for each in (weight, bias))


class CaffeModule(nn.Module):
    """A Caffe net as a module, whose parts have the layers' names; a dot in one becomes `_`.

    Takes what the net's input takes, (N, C, H, W), and gives what its last layer does.

    Parameters
    ----------
    nodes
        The net's layers.
    source
        Name of the blob that takes the picture.
    """

    def __init__(self, nodes: Sequence[Node], source: str) -> None:
        super().__init__()
        self._nodes, self._source = tuple(nodes), source
        self._stated = shape_of(self._nodes, source)[-2:]
        self._names: dict[str, str] = {}
        for node in nodes:
            self._names[node.name] = name = _free(self, node.name)
            self.add_module(name, _Layer(node))
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        """Return what the net's last layer gives."""
        last = self._nodes[-1].name
        return self.run(x, (last,))[last]

    def run(self, x: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """Run what some layers need and nothing else, and return what they give."""

        def run(node: Node, bottoms: list[Tensor], _: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
            tops = self.get_submodule(self._names[node.name])(*bottoms)
            return tops if isinstance(tops, tuple) else (tops,)

        return run_nodes(self._nodes, {self._source: x}, layers, self._stated, run)


def run_nodes(
    nodes: Sequence[Node],
    picture: Mapping[str, Tensor],
    layers: Collection[str],
    stated: Shape,
    run: Callable[[Node, list[Tensor], Mapping[str, Tensor]], tuple[Tensor, ...]],
) -> dict[str, Tensor]:
    """Run of a Caffe net's nodes what some layers need and nothing else, and return what these give, by layer.

    Parameters
    ----------
    picture
        The picture, by the name of the blob that takes it.
    stated
        (height, width) that the net states for the picture; see `further_inputs`.
    run
        Runs a node on its bottoms; it gets what the layers gave so far, too, over which it must not write.
    """
    from batcountry.caffe.graph import ancestors

    ((source, x),) = picture.items()
    blobs, activations = dict(picture), dict[str, Tensor]()
    for node in ancestors(nodes, layers):
        if node.bottoms:
            tops = run(node, [blobs[bottom] for bottom in node.bottoms], activations)
            blobs.update(zip(node.tops, tops, strict=True))
        elif node.tops != (source,):
            blobs = {**further_inputs(node, x, stated), **blobs}
        if node.name in layers:
            activations[node.name] = blobs[node.tops[0]]
    return activations


def further_inputs(node: Node, picture: Tensor, stated: Shape) -> dict[str, Tensor]:
    """Return what a layer without bottoms makes; further inputs than the picture are zero.

    Those that are of the size that the net states for the picture, `stated`, are of the picture's size: of a siamese net
    the other picture, of one for optical flow the next.
    """
    made = {}
    for top, value in zip(node.tops, node.run(), strict=True):
        if not value.is_meta:
            made[top] = value.to(picture)
            continue
        shape = size_beside(tuple(value.shape), stated, picture.shape[-2:])
        count = picture.shape[0] if shape[2:] == picture.shape[-2:] else shape[0]
        made[top] = torch.zeros(count, *shape[1:]).to(picture)
    return made


class _Layer(nn.Module):
    """One of a Caffe net's layers."""

    def __init__(self, node: Node) -> None:
        super().__init__()
        self._node = node
        for index, each in enumerate(node.params):
            self.register_buffer(f"weight_{index}", each)

    def forward(self, *bottoms: Tensor) -> Tensor | tuple[Tensor, ...]:
        tops = replace(self._node, params=list(self.buffers(recurse=False))).run(*bottoms)
        return tops[0] if len(tops) == 1 else tops


def _free(module: nn.Module, name: str) -> str:
    """Return a layer's name as one that a module can have for a part."""
    name = name.replace(".", "_") or "layer"
    while hasattr(module, name):
        name += "_"
    return name
