"""Runs of a module on shapes alone, which show how far it comes with pictures of a size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import nullcontext, suppress
from copy import deepcopy
from functools import cached_property
from threading import Lock
from typing import Any

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from batcountry.backend.process_settings import no_log_of_shapes
from batcountry.models.inspect.layouts import Size
from batcountry.models.inspect.tracing import Place, listening, tensor_of
from batcountry.models.module_copy import without_numbers


class ShapeRuns:
    """A module that is run without working anything out.

    It is a copy that has no weights, or the same, so that what the module keeps of a run is as it was.

    Parameters
    ----------
    module
        Frozen and in evaluation mode.
    places
        Place to layer name.
    channels
        Of what the module takes.
    size
        (height, width) that it is known to take.
    channels_last
        Whether it is run so.
    """

    def __init__(
        self,
        module: nn.Module,
        places: Mapping[Place, str],
        channels: int,
        size: Size,
        *,
        channels_last: bool = False,
    ) -> None:
        self._module = module
        self._names = places
        self._channels, self._size = channels, size
        self._format = torch.channels_last if channels_last else torch.contiguous_format
        self._reached: dict[Size, frozenset[str]] = {}
        self._alone = Lock()  # hooks of one run would hear another's

    def reached(self, size: Size, layers: Collection[str] = ()) -> frozenset[str]:  # noqa: ARG002
        """Return the layers that the module reaches on a picture of (height, width); the others fail there."""
        with self._alone:
            if size not in self._reached:
                self._reached[size] = self._run(self._copy, size)
            return self._reached[size]

    @cached_property
    def _copy(self) -> nn.Module:
        """Weights without numbers are the quickest; code that makes tensors on a device of its own needs those it has."""
        bare = _copied(self._module, bare=True)
        if self._run(bare, self._size) >= set(self._names.values()):
            return bare
        return _copied(self._module, bare=False)

    def _run(self, module: nn.Module, size: Size) -> frozenset[str]:
        heard_names: set[str] = set()
        count: Counter[str] = Counter()

        def heard(path: str, output: Any) -> None:
            name = self._names.get((path, count[path]))
            count[path] += 1
            if name is not None and tensor_of(output) is not None:
                heard_names.add(name)

        bare = all(each.is_meta for each in module.parameters())
        mode = nullcontext() if bare else FakeTensorMode(allow_non_fake_inputs=True)
        with (
            mode,
            no_log_of_shapes(),
            torch.inference_mode(False),
            torch.no_grad(),
            listening(_parts(module), heard),
        ):
            blank = torch.empty(1, self._channels, *size, device="meta" if bare else None)
            with suppress(Exception):  # whatever a network says to a picture of this size
                module(blank.to(memory_format=self._format))
        return frozenset(heard_names)


def _parts(module: nn.Module) -> dict[str, nn.Module]:
    return dict(module.named_modules())


def _copied(module: nn.Module, *, bare: bool) -> nn.Module:
    """Return a copy of a module with the same weights, or `bare`: with the shapes of them alone; nobody's hooks are on it."""
    memo: dict[int, Any] = {}
    for tensor in (*module.parameters(), *module.buffers()):
        memo[id(tensor)] = without_numbers(tensor) if bare else tensor
    copied = deepcopy(module, memo)
    for part in copied.modules():
        part._forward_hooks.clear()
    return copied
