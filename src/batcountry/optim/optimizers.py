"""How a parametrization is moved along a gradient: normalized ascent, Adam, RMSProp."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from batcountry.errors import RecipeError
from batcountry.image.periodic import NO_WRAP, Wrap
from batcountry.optim.bands import normalize_bands

State = dict[str, Tensor]
"""What a step depends on beside its picture, by name, so that it can be stored."""


class Optimizer(Protocol):
    """Moves tensors uphill, in place."""

    def update(self, slopes: Sequence[Tensor]) -> None:
        """Make one step along the gradient of the score on each tensor."""
        ...


@runtime_checkable
class Storable(Protocol):
    """An optimizer whose state can be stored, and taken up by another one that was made alike."""

    def state(self) -> State:
        """Return what the next step depends on; the tensors may be changed by that step."""
        ...

    def load(self, state: State) -> None:
        """Go on from what `state` returned."""
        ...


@dataclass(frozen=True)
class Schedule:
    """How long steps are.

    Attributes
    ----------
    step_size
        The first one's: gray levels for pixels, the parametrization's own unit otherwise.
    decay
        Every `decay_every` steps the step size is multiplied by this.
    decay_every
        Steps; 0 for a step size that stays.
    """

    step_size: float
    decay: float = 1.0
    decay_every: int = 0

    def at(self, step: int) -> float:
        """Return the size of a step, counted from 0."""
        if not self.decay_every:
            return self.step_size
        return float(self.step_size * self.decay ** (step // self.decay_every))


Measure = Callable[[Tensor], Tensor]
"""The size of a gradient: from (N, values) to (N,)."""

measures: dict[str, Measure] = {
    "mean": lambda slope: slope.abs().mean(1),
    "std": lambda slope: slope.std(1, correction=0),
    "rms": lambda slope: slope.square().mean(1).sqrt(),
    "none": lambda slope: torch.ones_like(slope[:, 0]),
}
"""What a gradient is divided by, by name: its mean absolute value (bat-country and Google's notebook,
2015), its standard deviation (TensorFlow's tutorial), its root mean square, or one."""


class NormalizedAscent:
    """Gradient ascent with a gradient of one size in every step.

    Parameters
    ----------
    tensors
        (N, …) each; every one of the N is normalized by itself.
    measure
        One of `measures`.
    """

    def __init__(self, tensors: Sequence[Tensor], schedule: Schedule, measure: Measure) -> None:
        self._tensors, self._schedule, self._measure = tensors, schedule, measure
        self._steps = 0

    def update(self, slopes: Sequence[Tensor]) -> None:
        """See `Optimizer`."""
        step_size = self._schedule.at(self._steps)
        self._steps += 1
        with torch.no_grad():
            for tensor, slope in zip(self._tensors, slopes, strict=True):
                size = self._measure(slope.flatten(1))
                # A dead or saturated network gives no direction; dividing by it would make NaN of the picture.
                rate = torch.where(size > 0, step_size / size, torch.zeros_like(size))
                # One picture after the other: with a tensor of rates PyTorch multiplies number by number.
                for one, its_slope, its_rate in zip(tensor, slope, rate.tolist(), strict=True):
                    one.add_(its_slope, alpha=its_rate)

    def state(self) -> State:
        """See `Storable`."""
        return {"steps": torch.tensor(self._steps)}

    def load(self, state: State) -> None:
        """See `Storable`."""
        self._steps = int(state["steps"])


class BandAscent:
    """Gradient ascent in which structures of each size grow at one rate; see `batcountry.optim.bands`.

    Parameters
    ----------
    tensors
        (N, C, H, W) each; every one of the N is normalized by itself.
    wrap
        Axes along which pictures go on at their other side.
    """

    def __init__(self, tensors: Sequence[Tensor], schedule: Schedule, wrap: Wrap = NO_WRAP) -> None:
        self._tensors, self._schedule, self._wrap = tensors, schedule, wrap
        self._steps = 0

    def update(self, slopes: Sequence[Tensor]) -> None:
        """See `Optimizer`."""
        step_size = self._schedule.at(self._steps)
        self._steps += 1
        with torch.no_grad():
            for tensor, slope in zip(self._tensors, slopes, strict=True):
                tensor.add_(normalize_bands(slope, self._wrap), alpha=step_size)

    def state(self) -> State:
        """See `Storable`."""
        return {"steps": torch.tensor(self._steps)}

    def load(self, state: State) -> None:
        """See `Storable`."""
        self._steps = int(state["steps"])


class TorchOptimizer:
    """One of PyTorch's optimizers, uphill."""

    def __init__(
        self, tensors: Sequence[Tensor], schedule: Schedule, optimizer: torch.optim.Optimizer
    ) -> None:
        self._tensors, self._schedule, self._optimizer = tensors, schedule, optimizer
        self._steps = 0

    def update(self, slopes: Sequence[Tensor]) -> None:
        """See `Optimizer`."""
        for group in self._optimizer.param_groups:
            group["lr"] = self._schedule.at(self._steps)
        self._steps += 1
        for tensor, slope in zip(self._tensors, slopes, strict=True):
            tensor.grad = slope
        self._optimizer.step()
        for tensor in self._tensors:
            tensor.grad = None

    def state(self) -> State:
        """See `Storable`."""
        return {"steps": torch.tensor(self._steps), **torch_state(self._optimizer)}

    def load(self, state: State) -> None:
        """See `Storable`."""
        self._steps = int(state["steps"])
        load_torch_state(self._optimizer, state)


def torch_state(optimizer: torch.optim.Optimizer) -> State:
    """Return what one of PyTorch's optimizers remembers of each tensor, by the tensor's number and the thing's name."""
    return {
        f"{index}.{name}": torch.as_tensor(value)
        for index, facts in optimizer.state_dict()["state"].items()
        for name, value in facts.items()
    }


def load_torch_state(optimizer: torch.optim.Optimizer, state: State) -> None:
    """Have one of PyTorch's optimizers go on from what `torch_state` returned; raises `ValueError` if that is another's."""
    facts: dict[int, State] = {}
    for key, value in state.items():
        index, dot, name = key.partition(".")
        if dot:
            facts.setdefault(int(index), {})[name] = value
    count = sum(len(group["params"]) for group in optimizer.param_groups)
    if set(facts) != set(range(count)):
        raise ValueError(f"no state of {type(optimizer).__name__} for {count} tensors")
    optimizer.load_state_dict({**optimizer.state_dict(), "state": facts})


Make = Callable[[Sequence[Tensor]], Optimizer]
"""Makes an optimizer for the tensors of a parametrization; it begins anew in every octave."""


def _adam(schedule: Schedule, smoothing: float) -> Make:
    return lambda tensors: TorchOptimizer(
        tensors, schedule, torch.optim.Adam(list(tensors), betas=(smoothing, 0.999), maximize=True)
    )


def _rmsprop(schedule: Schedule, smoothing: float) -> Make:
    return lambda tensors: TorchOptimizer(
        tensors, schedule, torch.optim.RMSprop(list(tensors), alpha=smoothing, eps=1e-8, maximize=True)
    )


known: dict[str, tuple[Callable[[Schedule, float], Make], float]] = {
    "adam": (_adam, 0.9),
    "rmsprop": (_rmsprop, 0.95),
}
"""Optimizers that smooth, by name, and how much they keep of it if nothing is said: Adam (Kingma
and Ba, 2015), its first moment's decay; RMSProp (Tieleman and Hinton, 2012; cnn-vis), its decay rate."""


BANDS = "bands"
"""Name of the way of ascent to normalize a gradient band by band."""


def optimizer(
    name: str,
    schedule: Schedule,
    measure: str = "mean",
    smoothing: float | None = None,
    wrap: Wrap = NO_WRAP,
) -> Make:
    """Return what makes the optimizer of a name.

    Parameters
    ----------
    name
        `ascent`, or one of `known`.
    measure
        Of `ascent`: one of `measures`, or `bands`.
    smoothing
        Of the others: how much of the past they keep in a step, 0 to 1.
    wrap
        Axes along which pictures go on at their other side, for `bands`.

    Raises
    ------
    RecipeError
        If there is none of that name, or it does not smooth.
    """
    if name == "ascent":
        if smoothing is not None:
            raise RecipeError(
                "the optimizer ascent keeps nothing of the past; leave smoothing out, or use adam or rmsprop"
            )
        if measure == BANDS:
            return lambda tensors: BandAscent(tensors, schedule, wrap)
        return lambda tensors: NormalizedAscent(tensors, schedule, measures[measure])
    if name not in known:
        raise RecipeError(f"there is no optimizer {name!r}; there are ascent, {', '.join(known)}")
    if measure != "mean":
        raise RecipeError(
            f"the optimizer {name} normalizes in its own way; leave normalize out, or use ascent"
        )
    make, usual = known[name]
    return make(schedule, usual if smoothing is None else smoothing)
