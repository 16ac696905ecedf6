"""Which pixels the units of a module's layers see, where its operations prove it.

A copy of the module without numbers (on PyTorch's device `meta`) is run for pictures of three sizes, and each operation
that it does is followed by the rules of `batcountry.models.inspect.op_windows`. As there are no numbers, what a network does
cannot depend on what is in the picture: where it asks, the run ends, and what came before is known. What differs from size
to size, and whatever an operation without a rule touches, sees the whole picture as far as anybody can tell, and is not
worked out in tiles.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from batcountry.backend.receptive_field import PIXEL, ReceptiveField
from batcountry.errors import raised_in
from batcountry.models.inspect import op_axes, op_windows
from batcountry.models.inspect.layouts import Size
from batcountry.models.inspect.op_calls import Call, Constant, Seen, State, numbers_of
from batcountry.models.inspect.op_windows import rule_of
from batcountry.models.inspect.tracing import Place, listening, tensor_of
from batcountry.models.module_copy import tensors_in, without_numbers

_LARGER = ((37, 21), (288, 160))
"""What is added to a picture's sides, so that what depends on them shows."""

_MOST_OPERATIONS = 3_000
"""That are followed, which takes a millisecond each; of deeper networks what the first ones lead to is known."""


def receptive_fields(
    module: nn.Module,
    shape: tuple[int, int, int] = (3, 224, 224),
    fit: Callable[[Size], Size] = lambda size: size,
) -> Mapping[Place, ReceptiveField]:
    """Return what the units of each call of each part see, of those for which that is known.

    Parameters
    ----------
    shape
        Channels, height and width of a picture that the module takes.
    fit
        From a (height, width) to one near it that the module takes.
    """
    channels, height, width = shape
    copy = _bare_copy(module)
    if copy is None:
        return {}
    runs = [_run(copy, (channels, height, width))[0]]
    for down, right in _LARGER:
        size = (height + down, width + right)
        run, is_whole = _run(copy, (channels, *size))
        if not is_whole and fit(size) != size:
            run, _ = _run(copy, (channels, *fit(size)))
        runs.append(run)
    return {
        place: seen.field
        for place, seen in runs[0].items()
        if isinstance(seen, Seen) and all(run.get(place) == seen for run in runs)
        # Of four axes the last two, or the middle ones.
        if (seen.rows, seen.columns, seen.merged) in ((2, 3, None), (1, 2, None))
    }


def _bare_copy(module: nn.Module) -> nn.Module | None:
    """Return a copy whose tensors have shapes alone, or None if it cannot be had.

    Numbers by themselves, without axes, are kept unless they are parameters: they may decide what a network does.
    """
    memo: dict[int, Any] = {
        id(tensor): without_numbers(tensor)
        for tensor in tensors_in(module)
        if tensor.ndim or isinstance(tensor, nn.Parameter)
    }
    with suppress(Exception):  # whatever a network's code says to being copied
        return deepcopy(module, memo)
    return None


def _run(module: nn.Module, shape: Sequence[int]) -> tuple[dict[Place, State], bool]:
    """Run for a picture of (C, H, W) as far as that goes without numbers.

    Returns what each call's result sees, and whether it went to the end, or as far as is followed.
    """
    results: dict[Place, State] = {}
    count: Counter[str] = Counter()
    picture = torch.empty(1, *shape, device="meta")
    follower = _Follower(tensors_in(module), picture)

    def heard(path: str, output: Any) -> None:
        tensor = tensor_of(output)
        results[path, count[path]] = None if tensor is None else follower.state(tensor)
        count[path] += 1

    with torch.no_grad(), listening(dict(module.named_modules()), heard), follower:
        try:
            module(picture)
        except _FollowedEnough:
            return results, True
        except (Exception, SystemExit) as error:  # whatever a network does with a picture that is none
            if raised_in(error, __name__, op_axes.__name__, op_windows.__name__):
                raise
            return results, False
    return results, True


class _FollowedEnough(Exception):  # no error
    """There are more operations than are followed."""


class _Follower(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Knows of each tensor what it sees of the picture.

    Parameters
    ----------
    weights
        Tensors that do not depend on it.
    picture
        The picture.
    """

    def __init__(self, weights: Iterator[Tensor], picture: Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._operations = 0
        self._states: dict[int, State] = {}
        self._sharing: defaultdict[int, dict[int, Tensor]] = defaultdict(
            dict
        )  # by memory; as they are kept, no id comes again
        for weight in weights:
            self._keep(weight, Constant(hash(tuple(weight.shape))))
        self._keep(picture, Seen(PIXEL, 2, 3))

    def state(self, tensor: Tensor) -> State:
        """Return what a tensor sees; what has numbers, and no tensor that depends on the picture has, sees nothing of it."""
        if id(tensor) not in self._states and not tensor.is_meta:
            return Constant(hash((tuple(tensor.shape), tensor.item() if tensor.numel() == 1 else None)))
        return self._states.get(id(tensor))

    def _keep(self, tensor: Tensor, state: State) -> None:
        self._states[id(tensor)] = state
        self._sharing[_memory(tensor)][id(tensor)] = tensor

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        self._operations += 1
        if self._operations > _MOST_OPERATIONS:
            raise _FollowedEnough
        outputs = func(*args, **(kwargs or {}))
        arguments = _by_name(func, args, kwargs or {})
        written = [
            arguments[each.name]
            for each in func._schema.arguments
            if each.alias_info and each.alias_info.is_write
        ]
        name = func._schema.name.partition("::")[2]
        tensors = [each for each in tree_leaves(outputs) if isinstance(each, Tensor)]
        state = self._followed(name, arguments, [*tensors, *written])
        for tensor in tensors:
            if not any(tensor is each for each in written):
                self._keep(tensor, state)
        for tensor in written:
            if isinstance(tensor, Tensor):
                self._write(tensor, state)
        return outputs

    def _followed(self, name: str, arguments: Mapping[str, Any], outputs: Sequence[Tensor]) -> State:
        """Return what the results of an operation see."""
        if name == "copy_":  # what was there before does not matter
            arguments = {"input": arguments["src"]}
        tensors = [each for each in tree_leaves(list(arguments.values())) if isinstance(each, Tensor)]
        states = [self.state(each) for each in tensors]
        trail = hash((name, numbers_of(arguments), *(each.trail for each in states if each is not None)))
        if all(isinstance(each, Constant) for each in states):
            return Constant(trail)
        rule, inputs = (
            rule_of(name),
            [
                (tensor, state)
                for tensor, state in zip(tensors, states, strict=True)
                if isinstance(state, Seen)
            ],
        )
        if rule is None or None in states or not outputs:
            return None
        constants = [
            tensor for tensor, state in zip(tensors, states, strict=True) if isinstance(state, Constant)
        ]
        seen = rule(Call(arguments, inputs, constants, outputs[0]))
        return seen and replace(seen, trail=trail)

    def _write(self, tensor: Tensor, state: State) -> None:
        """Note that a tensor was written over, and with it all that lie in the same memory."""
        self._keep(tensor, state)
        for key, other in self._sharing[_memory(tensor)].items():
            if other is not tensor:
                before = self._states[key]
                self._states[key] = (
                    state if _same_place(tensor, other) else _joined(before, state, tensor, other)
                )


def _by_name(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of an operation by their names, with its defaults."""
    names = func._schema.arguments
    values = {each.name: each.default_value for each in names}
    values.update(zip([each.name for each in names], args, strict=False))
    return {**values, **kwargs}


def _memory(tensor: Tensor) -> int:
    return tensor.untyped_storage()._cdata if tensor.layout is torch.strided else id(tensor)


def _same_place(one: Tensor, other: Tensor) -> bool:
    return (one.shape, one.stride(), one.storage_offset()) == (
        other.shape,
        other.stride(),
        other.storage_offset(),
    )


def _joined(before: State, written: State, tensor: Tensor, other: Tensor) -> State:
    """Return what a tensor sees of which another, in the same memory, was written over in part."""
    if isinstance(written, Constant) or not isinstance(written, Seen) or tensor.ndim != other.ndim:
        return before if isinstance(written, Constant) else None
    if any(tensor.shape[axis] != other.shape[axis] for axis in (written.rows, written.columns)):
        return None
    if isinstance(before, Constant):
        return written
    if before is None or (before.rows, before.columns, before.merged) != (
        written.rows,
        written.columns,
        written.merged,
    ):
        return None
    return replace(
        written, field=before.field.joined(written.field), trail=hash((before.trail, written.trail))
    )
