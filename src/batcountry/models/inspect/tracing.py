"""Runs of a module that show which layers it has, in which order, and how their outputs lie."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

import torch
from torch import Tensor, nn

from batcountry.backend.process_settings import shared
from batcountry.errors import ModelError, first_line, raised_in
from batcountry.models.inspect.layouts import Layout, Size, layout_of

OUTPUT = "output"
"""Name of what the whole network gives, where no layer gives just that."""

Place = tuple[str, int]
"""A module's path and which of its calls in one run."""

_LARGEST_PREFIX = 16
ODD = (37, 21)
"""What is added to the traced size, so that no size fits by accident."""

_MULTIPLES = (2, 4, 8, 14, 16, 32, 64)


@dataclass
class Traced:
    """What the runs showed.

    Attributes
    ----------
    places
        Layer name to place, in running order.
    layouts
        Layer name to layout, of those that can be dreamed with.
    refused
        Layer name to the reason why not.
    size
        (height, width) of the traced run.
    multiples
        Layer name to the number that a picture's sides have to be multiples of: 1 for any picture, 0 for
        one that has to be of the traced size.
    """

    size: Size
    places: dict[str, Place] = field(default_factory=dict)
    layouts: dict[str, Layout] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    multiples: dict[str, int] = field(default_factory=dict)


def trace(module: nn.Module, size: Size, entered: Callable[[Tensor], Tensor], channels: int) -> Traced:
    """Run a module on a blank picture of (height, width), and on other sizes to learn which it takes.

    Parameters
    ----------
    entered
        From a picture without its mean, (1, `channels`, H, W), to the module's input.

    Raises
    ------
    ModelError
        If the module does not run.
    """
    calls, error = _calls(module, entered, (1, channels, *size))
    if error is not None:
        raise ModelError(
            f"the network does not run on a picture of {size[1]}×{size[0]} pixels ({first_line(error)}); "
            "say which size and channels it is made for with size and input"
        ) from error
    traced = Traced(size)
    names = _names(module, [call.place for call in calls])
    parts = dict(module.named_modules())
    prefixes, kind = _Prefixes(module), "first"
    for name, call in zip(names, calls, strict=True):
        traced.places[name] = call.place
        found = call.problem or layout_of(call.shape, size, prefix=prefixes.of(call, parts), before=kind)
        if isinstance(found, str):
            traced.refused[name] = found
            continue
        traced.layouts[name] = found
        kind = found.kind if len(call.shape) == 4 else kind
    for path in parts:
        if path and path not in traced.places:
            traced.refused[path] = "it does not run on its own"
    _learn_sizes(traced, module, entered, channels)
    return traced


@dataclass(frozen=True)
class _Call:
    place: Place
    shape: tuple[int, ...]
    problem: str | None


def _calls(
    module: nn.Module, entered: Callable[[Tensor], Tensor], shape: tuple[int, ...], *, smooth: bool = True
) -> tuple[list[_Call], Exception | None]:
    """Run on zeros and return the calls that were finished, in order, and the error that ended the run.

    With `smooth` off it is not asked whether outputs depend on the picture smoothly, which takes half the time.
    """
    calls: list[_Call] = []
    count: Counter[str] = Counter()
    last: list[tuple[Tensor | None, bool]] = [(None, False)]

    def heard(path: str, output: Any) -> None:
        tensor = tensor_of(output)
        given = tensor, tensor is not None and tensor.requires_grad
        if not path and given[0] is last[0][0] and given[1] == last[0][1]:
            return  # the last layer has given just that
        last[0] = given
        place = (path, count[path])
        count[path] += 1
        if tensor is None:
            calls.append(_Call(place, (), "it gives no tensor"))
        elif smooth and not tensor.requires_grad:
            calls.append(_Call(place, tuple(tensor.shape), "it does not depend on the picture smoothly"))
        else:
            calls.append(_Call(place, tuple(tensor.shape), None))

    with (
        torch.inference_mode(False),
        torch.set_grad_enabled(smooth),
        listening(dict(module.named_modules()), heard),
    ):
        blank = entered(torch.zeros(shape, requires_grad=smooth))
        try:
            module(blank)
        except SystemExit as error:
            return calls, RuntimeError(f"it calls exit({error.code})")
        except Exception as error:  # whatever a network says to a picture of this size
            if raised_in(error, __name__):
                raise
            return calls, error
    return calls, None


@contextmanager
def listening(parts: dict[str, nn.Module], heard: Callable[[str, Any], None]) -> Iterator[None]:
    """Have `heard(path, output)` called after each call of the given parts; nothing is left behind."""
    handles = [
        part.register_forward_hook(lambda _module, _inputs, output, path=path: heard(path, output))
        for path, part in parts.items()
    ]
    try:
        with _no_shortcuts():
            yield
    finally:
        for handle in handles:
            handle.remove()


@shared
@contextmanager
def _no_shortcuts() -> Iterator[None]:
    """Keep PyTorch from its fast path for attention, which would pass the parts of it by; before 2.3 that cannot be said."""
    if not hasattr(torch.backends, "mha"):
        yield
        return
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def tensor_of(output: Any) -> Tensor | None:
    """Return the tensor of floats that a module's output is, or the first of a tuple, a mapping or a dataclass."""
    if is_dataclass(output) and not isinstance(output, type):
        output = [getattr(output, field.name) for field in fields(output)]
    if isinstance(output, Mapping):
        output = list(output.values())
    if isinstance(output, (tuple, list)) and output:
        output = output[0]
    return output if isinstance(output, Tensor) and output.is_floating_point() else None


def _names(module: nn.Module, places: Sequence[Place]) -> list[str]:
    """Name each call: as `named_modules` does, and `relu_1` for the second call of `relu`, as torchvision does."""
    taken = {path for path, _ in module.named_modules()}
    names = []
    for path, index in places:
        path = path or OUTPUT
        name = path if not index else f"{path}_{index}"
        while index and name in taken:
            name += "_"
        names.append(name)
    return names


class _Prefixes:
    """How many tokens come before a grid's: what the network says, or what its patches leave over."""

    def __init__(self, module: nn.Module) -> None:
        said = getattr(module, "num_prefix_tokens", None)
        self.said = said if isinstance(said, int) and said >= 0 else None
        self.patches: int | None = None

    def of(self, call: _Call, parts: Mapping[str, nn.Module]) -> int | None:
        """Return the number for a layer, None if nothing tells."""
        if len(call.shape) == 4 and self.patches is None:
            part = parts[call.place[0]]
            if isinstance(part, nn.Conv2d) and part.kernel_size == part.stride and part.stride[0] > 1:
                self.patches = call.shape[2] * call.shape[3]
        if len(call.shape) != 3:
            return None
        rest = call.shape[1] - (self.patches or 0)
        if self.patches is not None and 0 <= rest <= _LARGEST_PREFIX:
            return rest
        return self.said


def _learn_sizes(
    traced: Traced, module: nn.Module, entered: Callable[[Tensor], Tensor], channels: int
) -> None:
    """Find out which layers run on pictures of any size, which on multiples only, and which on one size."""
    names = {place: name for name, place in traced.places.items()}
    left = set(traced.layouts)
    height, width = traced.size
    for multiple in (1, *_MULTIPLES):
        if not left:
            break
        if multiple == 1:
            size = height + ODD[0], width + ODD[1]
        elif height % multiple or width % multiple:
            continue
        else:
            more = -(-ODD[0] // multiple) * multiple
            size = height + more, width + 2 * more
        for call in _calls(module, entered, (1, channels, *size), smooth=False)[0]:
            name = names.get(call.place)
            if name in left and not call.problem and _agrees(traced.layouts[name], call, size):
                left.discard(name)
                traced.multiples[name] = multiple
    traced.multiples.update(dict.fromkeys(left, 0))


def _agrees(layout: Layout, call: _Call, size: Size) -> bool:
    """Whether a layer's output on a picture of another size lies as it did."""
    if call.shape[:1] != (1,) or layout.kind == "flat":
        return len(call.shape) == 2
    if layout.kind == "tokens":
        return len(call.shape) == 3 and any(
            height * width == call.shape[1] - layout.prefix for height, width in layout.grids(size)
        )
    channels = call.shape[1] if layout.kind == "first" else call.shape[3]
    return len(call.shape) == 4 and channels == layout.channels
