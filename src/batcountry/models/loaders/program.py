"""Programs of tensor operations, read from a file, as a module that runs them one by one.

TorchScript's files and exported programs both come down to a list of PyTorch's own operations. They
are run here by name from a list of those that only compute, so nothing else in such a file
ever runs, and each operation is a submodule, which can be listened to as in any other network.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from batcountry.errors import ModelError, UnsupportedLayer
from batcountry.models.loaders.operations import OPERATIONS

_MOST_DEEP = 32  # modules in modules


@dataclass(frozen=True)
class Ref:
    """The result of an earlier step, by name."""

    name: str


@dataclass(frozen=True)
class Step:
    """One operation.

    Attributes
    ----------
    operation
        One of `OPERATIONS`.
    path
        The dotted path of the module that it was in, or nothing.
    given, named
        Its arguments: numbers, tuples, and `Ref`s.
    results
        The names of its results.
    run
        What does it, if that is none of `OPERATIONS`.
    """

    operation: str
    path: str
    given: tuple[Any, ...]
    results: tuple[str, ...]
    named: Mapping[str, Any] = field(default_factory=dict)
    run: nn.Module | None = None


class Operation(nn.Module):
    """One step as a module, so that its result can be listened to."""

    def __init__(self, run: Callable[..., Any]) -> None:
        super().__init__()
        self._run = run

    def forward(self, *given: Any, **named: Any) -> Any:
        """Run the operation."""
        return self._run(*given, **named)


class Program(nn.Module):
    """Steps run one after the other.

    Parameters
    ----------
    steps
        In order.
    weights
        Tensors by name that steps refer to.
    source
        Name of the picture.
    output
        Name of the result.
    where
        The file, for messages.
    names
        Of the steps as layers; by default those of the modules that they were in, and of their operations.

    Raises
    ------
    UnsupportedLayer
        If a step does something that is not in `OPERATIONS`.
    """

    def __init__(
        self,
        steps: Sequence[Step],
        weights: Mapping[str, Tensor],
        *,
        source: str,
        output: str,
        where: str,
        names: Sequence[str] | None = None,
    ) -> None:
        super().__init__()
        unknown = sorted({each.operation for each in steps if each.run is None} - OPERATIONS.keys())
        if unknown:
            raise UnsupportedLayer(f"{where} has operations that are not supported: {', '.join(unknown)}")
        self._names = {name: f"weight_{index}" for index, name in enumerate(weights)}
        for name, tensor in weights.items():
            self.register_buffer(self._names[name], tensor)
        self._source, self._output = source, output
        self._steps = [(step, step.run or Operation(OPERATIONS[step.operation])) for step in steps]
        for (_, operation), name in zip(self._steps, names or _named(steps), strict=True):
            _add(self, name, operation)

    def forward(self, x: Tensor) -> Any:
        """Run all steps on the picture."""
        values: dict[str, Any] = {name: getattr(self, own) for name, own in self._names.items()}
        values[self._source] = x
        for step, operation in self._steps:
            given = [_filled(each, values) for each in step.given]
            named = {key: _filled(each, values) for key, each in step.named.items()}
            found = operation(*given, **named)
            results = found if len(step.results) > 1 or isinstance(found, tuple) else (found,)
            values.update(zip(step.results, results, strict=False))
        return values[self._output]


def _filled(argument: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(argument, Ref):
        return values[argument.name]
    if isinstance(argument, tuple):
        return [_filled(each, values) for each in argument]
    return argument


def _named(steps: Sequence[Step]) -> list[str]:
    """Name each step: as its module if it is the only one there, and else by its operation too."""
    paths = [_clean(step.path) for step in steps]
    count = Counter(paths)
    inner = {path[:end] for path in paths for end in range(len(path)) if path[end] == "."}
    kinds: dict[str, set[str]] = {}
    for step, path in zip(steps, paths, strict=True):
        kinds.setdefault(path, set()).add(step.operation)
    names: list[str] = []
    taken: Counter[str] = Counter()
    for step, path in zip(steps, paths, strict=True):
        # One operation several times is a ReLU that is used again.
        alone = path and path not in inner and (count[path] == 1 or len(kinds[path]) == 1)
        name = path if alone else f"{path}.{step.operation}" if path else step.operation
        name = name.removesuffix("_")
        names.append(f"{name}_{taken[name]}" if taken[name] else name)
        taken[name] += 1
    return names


def _clean(path: str) -> str:
    """Return a module's path in plain characters; what is no path that a module could have is none."""
    return re.sub(r"[^\w.]", "_", path) if len(path) < 1000 and path.count(".") < _MOST_DEEP else ""


def _add(root: nn.Module, name: str, module: nn.Module) -> None:
    *above, last = name.split(".")
    for part in above:
        if part not in root._modules:
            part = _free(root, part)
            root.add_module(part, nn.Module())
        root = root.get_submodule(part)
    root.add_module(_free(root, last), module)


def _free(module: nn.Module, name: str) -> str:
    """Return a name that a part may have: modules have methods such as `to` and `float`, which are operations too."""
    name = name or "_"
    while hasattr(module, name):
        name += "_"
    return name


def used_steps(steps: Sequence[Step], output: str) -> list[Step]:
    """Return the steps that lead to a result, in order."""
    needed, kept = {output}, []
    for step in reversed(steps):
        if needed.intersection(step.results) or step.operation.endswith("_"):
            needed.update(each.name for each in _refs([*step.given, *step.named.values()]))
            kept.append(step)
    return kept[::-1]


def _refs(arguments: Any) -> Iterator[Ref]:
    for each in arguments:
        if isinstance(each, Ref):
            yield each
        elif isinstance(each, tuple):
            yield from _refs(each)


def one_picture(names: Sequence[str], where: str) -> str:
    """Return the name of a program's one input.

    Raises
    ------
    ModelError
        If it has none, or several.
    """
    if len(names) != 1:
        raise ModelError(f"{where} must have one input, a picture; it has {len(names)}")
    return names[0]
