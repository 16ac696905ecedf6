"""Exact rewrites of a Caffe net for dreaming on a CPU.

The layers that have to run become steps that do more at once and keep less for the gradient:

- A ReLU that alone reads a convolution is one step with it.
- Pointwise convolutions with their ReLUs, and max pooling, that read the same thing are one step.
- Where max pooling or normalization alone reads a ReLU, it takes that one's gradient.
- Max pooling of what comes from ReLUs alone looks for numbers above 0: the gradient of a 0 ends at its ReLU anyway.

A blob that was asked for is always there as the net has it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from torch import Tensor

from batcountry.backend.kernels.depthwise import Depthwise
from batcountry.backend.kernels.dispatch import channels_last
from batcountry.backend.kernels.fused_branches import Branches
from batcountry.backend.kernels.onednn_conv import Filter
from batcountry.backend.kernels.pool import Windows, max_pool
from batcountry.caffe.graph import Node, ancestors, said_of
from batcountry.caffe.layers.convolution import windows_of
from batcountry.caffe.layers.normalization import across_channels, is_across_channels
from batcountry.caffe.layers.pooling import max_windows

_FEW = 4


@dataclass(eq=False)
class Step:
    """Something to run.

    Attributes
    ----------
    node
        The layer that errors name.
    reads, makes
        Numbers of the values that it reads and makes; each is made once.
    run
        Makes them.
    filter
        Of a convolution, with the ReLU after it if that is in this step.
    windows
        Of max pooling.
    """

    node: Node
    reads: tuple[int, ...]
    makes: tuple[int, ...]
    run: Callable[..., tuple[Tensor, ...]]
    filter: Filter | None = None
    windows: Windows | None = None

    def __call__(self, *values: Tensor) -> tuple[Tensor, ...]:
        """Run it; raises `ModelError` on shapes that cannot be."""
        with said_of(self.node.layer, values):
            return self.run(*values)


@dataclass(frozen=True)
class Plan:
    """The steps to some layers' activations.

    Attributes
    ----------
    steps
        In running order.
    source
        Number of the value that is the input.
    wanted
        Numbers of the values that are the layers' activations, by name.
    """

    steps: tuple[Step, ...]
    source: int
    wanted: dict[str, int]

    def run(self, x: Tensor) -> dict[str, Tensor]:
        """Return the layers' activations; each value is let go as soon as nothing needs it."""
        values = {self.source: x}
        left = Counter(each for step in self.steps for each in step.reads)
        left.update(self.wanted.values())
        for step in self.steps:
            made = step(*(values[each] for each in step.reads))
            for each in step.reads:
                left[each] -= 1
                if not left[each]:
                    del values[each]
            values.update((n, each) for n, each in zip(step.makes, made, strict=True) if left[n])
        return {name: values[number] for name, number in self.wanted.items()}


def plan(nodes: Sequence[Node], source: str, layers: Collection[str]) -> Plan | None:
    """Return the steps to `layers`, or None for a net with further inputs, which is run as it is."""
    needed = ancestors(nodes, layers)
    if any(not node.bottoms and node.tops != (source,) for node in needed):
        return None
    steps, wanted = _numbered([node for node in needed if node.bottoms], source, layers)
    steps = list(_above_zero(_with_relus(steps, set(wanted.values()))))
    steps = list(_leaving_gradients(steps, set(wanted.values())))
    return Plan(tuple(_branched(steps)), 0, wanted)


def _numbered(
    nodes: Sequence[Node], source: str, layers: Collection[str]
) -> tuple[list[Step], dict[str, int]]:
    """Return a step for each node, every version of a blob with a number of its own."""
    current, steps, wanted, count = {source: 0}, [], {}, 0
    for node in nodes:
        reads = tuple(current[each] for each in node.bottoms)
        makes = tuple(range(count + 1, count + 1 + len(node.tops)))
        count += len(makes)
        current.update(zip(node.tops, makes, strict=True))
        step = Step(node, reads, makes, node.run)
        if node.layer.type == "Convolution":
            step.filter = _filter(node)
        if node.layer.type == "Pooling":
            step.windows = max_windows(node.layer)
        steps.append(step)
        if node.name in layers:
            wanted[node.name] = makes[0]
    return steps, wanted


def _filter(node: Node) -> Filter | None:
    """Return a convolution whose gradient is one too, or None."""
    p = node.layer.convolution_param
    if node.params[0].ndim != 4 or len(node.bottoms) != 1 or p.axis % 4 != 1:
        return None
    w = windows_of(p, 4)
    (stride, across), (rows, columns) = w.stride, w.pad
    turns = stride == 1 and rows < w.kernel[0] and columns < w.kernel[1]
    pictures = stride > 1 and p.group == 1 and node.params[0].shape[1] <= _FEW
    depthwise = stride > 1 and node.params[0].shape[:2] == (p.group, 1)
    if stride != across or w.dilation != (1, 1) or not (turns or pictures or depthwise):
        return None
    bias = node.params[1].reshape(-1) if p.bias_term else None
    if depthwise and not pictures:
        return Depthwise(node.params[0], bias, stride, (rows, columns), p.group, None, (rows, columns))
    return Filter(node.params[0], bias, stride, (rows, columns), p.group, None)


def _is_relu(step: Step) -> bool:
    return step.node.layer.type == "ReLU" and not step.node.layer.relu_param.negative_slope


def _readers(steps: Sequence[Step]) -> dict[int, list[Step]]:
    found: dict[int, list[Step]] = {}
    for step in steps:
        for each in step.reads:
            found.setdefault(each, []).append(step)
    return found


def _with_relus(steps: Sequence[Step], wanted: Collection[int]) -> Iterator[Step]:
    """Put ReLUs into the convolutions before them, where nothing else needs what those make."""
    readers, done = _readers(steps), set()
    for step in steps:
        if id(step) in done:
            continue
        after = readers.get(step.makes[0], [])
        if step.filter and step.makes[0] not in wanted and len(after) == 1 and _is_relu(after[0]):
            done.add(id(after[0]))
            yield replace(step, makes=after[0].makes, filter=replace(step.filter, limit=float("inf")))
        else:
            yield step


def _above_zero(steps: Iterable[Step]) -> Iterator[Step]:
    """Let max pooling of what comes from ReLUs alone leave zeros out."""
    rectified: set[int] = set()
    for step in steps:
        keeps = step.windows or step.node.layer.type in ("Concat", "Dropout", "LRN", "Split")
        if (
            (keeps and rectified.issuperset(step.reads))
            or _is_relu(step)
            or (step.filter and step.filter.limit)
        ):
            rectified.update(step.makes)
        if step.windows and step.windows.loops and rectified.issuperset(step.reads):
            yield _pooling(step)
        else:
            yield step


def _pooling(step: Step) -> Step:
    """Return max pooling that looks for numbers above 0."""
    assert step.windows
    windows = step.windows._replace(relu=True)
    return replace(step, windows=windows, run=lambda x: (max_pool(x, windows),))


def _leaving_gradients(steps: Sequence[Step], wanted: Collection[int]) -> Iterator[Step]:
    """Let what alone reads a ReLU take its gradient."""
    readers = _readers(steps)
    left = {}
    for step in steps:
        after = readers.get(step.makes[0], [])
        if step.filter and step.filter.limit and step.makes[0] not in wanted and len(after) == 1:
            left[step.makes[0]] = _taking_gradient(after[0])
    for step in steps:
        if step.filter:
            yield _fused(step, passed=bool(left.get(step.makes[0])))
        elif taking := left.get(step.reads[0]):
            yield taking
        else:
            yield step


def _taking_gradient(step: Step) -> Step | None:
    """Return a step that takes the gradient of the ReLU before it too, or None if it cannot."""
    if step.windows and step.windows.loops:
        return _pooling(step)
    if step.node.layer.type == "LRN" and is_across_channels(step.node.layer):
        return replace(step, run=lambda x: (across_channels(step.node.layer, x, relu=True),))
    return None


def _fused(step: Step, *, passed: bool) -> Step:
    assert step.filter
    branches = Branches((step.filter,), (passed,))
    return replace(step, run=partial(_run, branches))


def _run(branches: Branches, x: Tensor) -> tuple[Tensor, ...]:
    return branches(channels_last(x))


def _branched(steps: Sequence[Step]) -> Iterator[Step]:
    """Make one step of the branches that read the same value."""
    groups: dict[int, list[Step]] = {}
    for step in steps:
        if _is_branch(step):
            groups.setdefault(step.reads[0], []).append(step)
    for step in steps:
        group = groups.get(step.reads[0], []) if _is_branch(step) else []
        filters = [each for each in group if each.filter]
        pools = [each for each in group if each.windows]
        if len(group) < 2 or not filters or len(pools) > 1:
            yield step
        elif step is group[0]:
            yield _joined(filters, pools)


def _is_branch(step: Step) -> bool:
    if step.windows:
        return step.windows.loops
    return bool(step.filter and step.filter.pointwise)


def _joined(filters: Sequence[Step], pools: Sequence[Step]) -> Step:
    found: Any = [each.run.args[0] for each in filters]  # type: ignore[attr-defined]
    branches = Branches(
        tuple(each.filters[0] for each in found),
        tuple(each.passed[0] for each in found),
        pools[0].windows if pools else None,
    )
    makes = tuple(each.makes[0] for each in (*filters, *pools))
    return Step(filters[0].node, filters[0].reads, makes, partial(_run, branches))
