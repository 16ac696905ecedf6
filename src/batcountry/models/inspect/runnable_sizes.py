"""Which sizes of pictures a network runs on, where it does not run on all: found by trying, on shapes alone.

Where one branch rounds down as it halves and the one beside it rounds up (Caffe's Inception v2 to v4 and Xception), the
two agree for some sizes only, over and over: of 32 sizes 16 run. A U-Net's skip connections agree for multiples of 16
or 32. A picture between is padded to the next size that runs, at the right and at the bottom, with zeros, which are the
network's mean and what it pads with itself. So units keep their places, no pixel is mixed with another, and tiles see
what the whole picture does.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from itertools import groupby

from torch import Tensor
from torch.nn import functional as F

from batcountry.models.inspect.layouts import Size

Reached = Callable[[Size, frozenset[str]], Collection[str]]
"""Says which of some layers a network reaches on pictures of (height, width), without working anything out."""

_PERIOD = 64
"""Pixels within which the sizes that run come again: a multiple of all usual strides."""

_TRIED = 32
"""Sizes that are tried before a network is said to run on all."""


class RunnableSizes:
    """The sizes of pictures that a network runs on.

    Parameters
    ----------
    reached
        Says which layers are reached on pictures of a size.
    known
        (height, width) that the network is made for. Each axis is tried with the other as long as that.
    """

    def __init__(self, reached: Reached, known: Size) -> None:
        self._reached = reached
        self._known = known
        self._fits: dict[tuple[Size, frozenset[str]], Size | None] = {}
        self._tried: dict[tuple[Size, frozenset[str]], bool] = {}

    def fit(self, size: Size, layers: Collection[str]) -> Size | None:
        """Return the (height, width) to which a picture is padded to run as far as `layers`; its own where that runs.

        None if it is too small, or the layers take one size only: no size near it fails and runs by turns.
        """
        key = size, frozenset(layers)
        if key not in self._fits:
            self._fits[key] = self._fitted(*key)
        return self._fits[key]

    def _fitted(self, size: Size, layers: frozenset[str]) -> Size | None:
        if self._runs(size, layers):
            return size
        height, width = self._known
        if not self._runs((height + _PERIOD, width + _PERIOD), layers):
            return None  # what sees the whole picture takes one size
        sides = [self._side(axis, size[axis], layers) for axis in (0, 1)]
        if sides[0] is None or sides[1] is None:
            return None
        fit = sides[0], sides[1]
        return fit if self._runs(fit, layers) else None

    def _side(self, axis: int, length: int, layers: frozenset[str]) -> int | None:
        """Return the next length along an axis that runs, if those that do not run come again with a period."""

        def runs(side: int) -> bool:
            size = (side, self._known[1]) if axis == 0 else (self._known[0], side)
            return side > 0 and self._runs(size, layers)

        if runs(length):
            return length
        if runs(length + _PERIOD):
            return None  # too small, or a size that the network has something against
        larger = next(filter(runs, range(length + 1, length + _PERIOD)), None)
        smaller = larger and any(map(runs, range(length - 1, length - _PERIOD, -1)))
        return larger if smaller else None

    def _runs(self, size: Size, layers: frozenset[str]) -> bool:
        key = size, layers
        if key not in self._tried:
            self._tried[key] = layers <= set(self._reached(size, layers))
        return self._tried[key]

    def rules(self, layers: Collection[str]) -> dict[str, str]:
        """Return, of the layers that some sizes do not reach, which sides do, such as `32n+11…32n+26`."""
        names, start = frozenset(layers), max(self._known)
        reached = [set(self._reached((start + more, start + more), names)) for more in range(_TRIED)]
        if all(names <= each for each in reached):
            return {}
        reached += [
            set(self._reached((start + more, start + more), names)) for more in range(_TRIED, _PERIOD)
        ]
        rules = {name: _rule([name in each for each in reached], start) for name in layers}
        return {name: rule for name, rule in rules.items() if rule}


def _rule(runs: list[bool], start: int) -> str | None:
    """Return in words which sides run, where `runs` says it from `start` on; None if all do, or it has no period."""
    periods = range(2, len(runs) // 2 + 1)
    period = next((period for period in periods if runs[period:] == runs[:-period]), None)
    if period is None or all(runs) or not any(runs):
        return None
    rests = sorted((start + more) % period for more in range(period) if runs[more])
    if rests == [0]:
        return f"multiples of {period}"
    sides = [f"{period}n+{rest}" if rest else f"{period}n" for rest in range(period)]
    return ", ".join(
        sides[first] + (f"…{sides[last]}" if last > first else "") for first, last in _spans(rests)
    )


def _spans(rests: list[int]) -> Iterator[tuple[int, int]]:
    """Yield the first and the last of those that follow each other."""
    for _, run in groupby(enumerate(rests), lambda pair: pair[1] - pair[0]):
        numbers = [rest for _, rest in run]
        yield numbers[0], numbers[-1]


def padding_rule(rule: str) -> str:
    """Return the sentence for a rule of `RunnableSizes.rules`."""
    return f"sides of {rule} run; others are padded to the next that does"


def padded(x: Tensor, size: Size) -> Tensor:
    """Return pictures without their mean, (N, C, H, W), with zeros at the right and at the bottom up to (height, width)."""
    height, width = x.shape[-2:]
    return x if (height, width) == size else F.pad(x, (0, size[1] - width, 0, size[0] - height))
