"""PyTorch modules as networks to dream with, whatever their code is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Mapping
from contextlib import nullcontext
from copy import copy
from math import lcm
from threading import Lock
from typing import Any

import torch
from torch import Tensor, nn

from batcountry.errors import ModelError, raised_in
from batcountry.image.sampling import resampled
from batcountry.models.inspect.layouts import Size
from batcountry.models.inspect.runnable_sizes import RunnableSizes, padded, padding_rule
from batcountry.models.inspect.shape_runs import ShapeRuns
from batcountry.models.inspect.tracing import ODD, Traced, listening, tensor_of
from batcountry.models.networks import has_hooks, places_of
from batcountry.models.preprocess import Entry


class _Enough(BaseException):
    """Ends a run once the last layer asked for has run; no `except Exception` of the network's holds it up."""


class ModuleNetwork:
    """A module run from the picture to the last layer asked for.

    Parameters
    ----------
    module
        Frozen and in evaluation mode; see `batcountry.models.module_copy.frozen`.
    traced
        What runs of it showed.
    entry
        How a picture enters it.
    columns
        Whether it runs channels-last.
    """

    def __init__(self, module: nn.Module, traced: Traced, entry: Entry, *, columns: bool) -> None:
        self.module = module
        self.traced = traced
        self.entry = entry
        self.columns = columns
        self.prefers_bf16 = _prefers_bf16(module)
        self.has_small_numbers = False  # for all that is known
        self._dtype: torch.dtype | None = None
        self._alone = Lock()  # hooks of one run would hear another's
        self._parts = dict(module.named_modules())
        places = {traced.places[name]: name for name in traced.layouts}
        runs = ShapeRuns(module, places, entry.channels, traced.size, channels_last=columns)
        self.sizes = RunnableSizes(runs.reached, traced.size)
        self._fits: dict[tuple[Size, frozenset[str]], Size] = {}
        self._pad_where_it_runs()

    def _pad_where_it_runs(self) -> None:
        """Have pictures padded for layers with places that take some sizes only, but neither one nor all multiples."""
        height, width = self.traced.size
        multiples = self.traced.multiples
        for name in [name for name, layout in self.traced.layouts.items() if layout.kind == "first"]:
            down, right = ODD if multiples[name] == 0 else (multiples[name], multiples[name])
            another = height + down, width + right
            # One that is reached there takes multiples, or gives something else than it did.
            if multiples[name] != 1 and self.sizes.fit(another, [name]) not in (None, another):
                multiples[name] = 1

    def run(self, x: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """Return the activations of `layers`; see `batcountry.models.model.Network`.

        What a layer gave is kept as it was, also if the network writes over it later.
        """
        size, names = (x.shape[-2], x.shape[-1]), frozenset(layers)
        fit = self._fits.get((size, names), size)
        try:
            return self._run(padded(x, fit), names)
        except RuntimeError:
            # Few networks care, so that none is asked which sizes it takes before it refuses one.
            larger = self.padded_size(size, names)
            if larger in (size, fit):
                raise
        self._fits[size, names] = larger
        return self._run(padded(x, larger), names)

    def _run(self, x: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        if self._dtype is not None:
            x = x.float()
        x = self.entered(x, layers)
        if self.columns:
            x = x.contiguous(memory_format=torch.channels_last)
        picture = (x.shape[-2], x.shape[-1])
        precision = torch.autocast(x.device.type, self._dtype) if self._dtype else nullcontext()
        with precision:
            outputs = self._outputs(x, {self.traced.places[name]: name for name in layers})
        layouts = self.traced.layouts
        return {name: layouts[name].arranged(output, picture, name) for name, output in outputs.items()}

    def padded_size(self, size: Size, layers: Collection[str]) -> Size:
        """Return what a picture of (height, width) is padded to; see `batcountry.models.networks.Padding`."""
        if any(self.traced.multiples[name] != 1 for name in layers):
            return size  # which is resized as it enters
        return self.sizes.fit(size, layers) or size

    def size_rules(self, layers: Collection[str]) -> dict[str, str]:
        """Return which sizes reach layers that not all do; see `batcountry.models.networks.Padding`."""
        height, width = self.traced.size
        rules: dict[str, str] = {}
        for name in layers:
            multiple = self.traced.multiples[name]
            if multiple == 0:
                rules[name] = f"{width}×{height} runs; others are resized to that"
            elif multiple > 1:
                rules[name] = f"sides that are multiples of {multiple} run; others are resized to the nearest"
        others = [name for name in layers if name not in rules]
        padding = {name: padding_rule(rule) for name, rule in self.sizes.rules(others).items()}
        return {name: {**rules, **padding}[name] for name in layers if name in rules or name in padding}

    def entered(self, x: Tensor, layers: Collection[str] = ()) -> Tensor:
        """Return what the module takes for pictures without their mean, to run as far as `layers`, or to its end."""
        return self.entry(resized(x, self.traced, layers or list(self.traced.multiples)))

    def _outputs(self, x: Tensor, places: Mapping[tuple[str, int], str]) -> dict[str, Tensor]:
        outputs: dict[str, Tensor] = {}
        count: Counter[str] = Counter()

        def heard(path: str, output: Any) -> None:
            name = places.get((path, count[path]))
            count[path] += 1
            tensor = None if name is None else tensor_of(output)
            if name is None or tensor is None:
                return
            if len(outputs) + 1 == len(places):
                outputs[name] = tensor
                raise _Enough
            outputs[name] = tensor.clone()

        parts = {path: self._parts[path] for path, _ in places}
        with self._alone, listening(parts, heard):
            try:
                self.module(x)
            except _Enough:
                return outputs
            except RuntimeError:
                raise
            except Exception as error:  # whatever a network says to a picture that is too small
                if raised_in(error, __name__):
                    raise
                raise RuntimeError(f"{type(error).__name__}: {error}") from error
        missing = ", ".join(repr(name) for name in places.values() if name not in outputs)
        raise ModelError(
            f"the network did not run {missing} on a picture of {x.shape[-1]}×{x.shape[-2]} pixels"
        )

    def capture_key(self) -> Hashable:
        """See `batcountry.models.networks.Capturable`."""
        if has_hooks(self.module):
            return None
        return places_of((*self.module.parameters(), *self.module.buffers()))

    def cast(self, dtype: torch.dtype) -> ModuleNetwork:
        """Return this network run under autocast in another precision, with the same weights."""
        other = copy(self)
        other._dtype = dtype
        return other

    def to(self, device: torch.device) -> ModuleNetwork:
        """Move the weights to `device`."""
        self.module.to(device)
        return self


def resized(x: Tensor, traced: Traced, layers: Collection[str]) -> Tensor:
    """Return a picture in the nearest size that the network takes to run as far as `layers`."""
    multiples = [traced.multiples[name] for name in layers]
    size: Size = (x.shape[-2], x.shape[-1])
    if 0 in multiples:
        size = traced.size
    else:
        step = lcm(*multiples)
        size = (max(step, round(size[0] / step) * step), max(step, round(size[1] / step) * step))
    if size == x.shape[-2:]:
        return x
    return resampled(x, size)


def _prefers_bf16(module: nn.Module) -> bool:
    """Whether bfloat16 makes a module faster, by its parts: most weights are in dense convolutions and matrices.

    With convolutions in groups it may be slower, so those networks do not count (see benchmarks/modules.py).
    """
    dense = every = 0
    for part in module.modules():
        count = sum(each.numel() for each in part.parameters(recurse=False))
        every += count
        if isinstance(part, (nn.Linear, nn.MultiheadAttention)) or (
            isinstance(part, nn.Conv2d) and part.groups == 1
        ):
            dense += count
    depthwise = any(isinstance(part, nn.Conv2d) and part.groups > 1 for part in module.modules())
    return not depthwise and every > 0 and dense > every // 2
