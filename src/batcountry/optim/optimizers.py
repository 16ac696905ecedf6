"""How a parametrization is moved along a gradient: normalized ascent, Adam, RMSProp in two ways."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from inspect import signature

import torch
from torch import Tensor

from batcountry.backend.graphs import can_record
from batcountry.errors import RecipeError
from batcountry.image.periodic import NO_WRAP, Wrap
from batcountry.optim.bands import normalize_bands
from batcountry.optim.cnn_vis_rmsprop import CnnVisRmsprop
from batcountry.optim.finite import check_size
from batcountry.optim.optimizer import Optimizer as Optimizer
from batcountry.optim.optimizer import State as State
from batcountry.optim.optimizer import Storable as Storable
from batcountry.optim.schedule import Schedule as Schedule
from batcountry.optim.torch_optimizer import TorchOptimizer
from batcountry.recipe.registry import Registry

Measure = Callable[[Tensor], Tensor]
"""The size of a gradient: from (N, values) to (N,)."""

measures: dict[str, Measure] = {
    "mean": lambda gradient: gradient.abs().mean(1),
    "std": lambda gradient: gradient.std(1, correction=0),
    "rms": lambda gradient: gradient.square().mean(1).sqrt(),
    "none": lambda gradient: torch.ones_like(gradient[:, 0]),
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
        self._tensors, self.schedule, self._measure = tensors, schedule, measure
        self._steps = 0

    def update(self, gradients: Sequence[Tensor]) -> None:
        """See `Optimizer`."""
        step_size = self.schedule.at(self._steps)
        self._steps += 1
        with torch.no_grad():
            for tensor, gradient in zip(self._tensors, gradients, strict=True):
                rate = self._rate(gradient, step_size)
                # One picture after the other: with a tensor of rates PyTorch multiplies number by number.
                for picture, its_gradient, its_rate in zip(tensor, gradient, rate.tolist(), strict=True):
                    picture.add_(its_gradient, alpha=its_rate)

    def move(self, gradients: Sequence[Tensor], step_size: Tensor) -> None:
        """See `batcountry.optim.optimizer.Foreseeable`."""
        with torch.no_grad():
            for tensor, gradient in zip(self._tensors, gradients, strict=True):
                rate = self._rate(gradient, step_size)
                tensor.addcmul_(gradient, rate.reshape(-1, *[1] * (gradient.ndim - 1)))

    def _rate(self, gradient: Tensor, step_size: float | Tensor) -> Tensor:
        """Return what each picture's gradient is multiplied by, (N,)."""
        size = self._measure(gradient.flatten(1))
        check_size(size)  # or it would be a step of nothing
        # A dead or saturated network gives no direction; dividing by it would make NaN of the picture.
        return torch.where(size > 0, step_size / size, torch.zeros_like(size))

    def restart(self, steps: int = 0) -> None:
        """See `batcountry.optim.optimizer.Foreseeable`."""
        self._steps = steps

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
        self._tensors, self.schedule, self._wrap = tensors, schedule, wrap
        self._steps = 0

    def update(self, gradients: Sequence[Tensor]) -> None:
        """See `Optimizer`."""
        step_size = self.schedule.at(self._steps)
        self._steps += 1
        with torch.no_grad():
            for tensor, gradient in zip(self._tensors, gradients, strict=True):
                tensor.add_(normalize_bands(gradient, self._wrap), alpha=step_size)

    def move(self, gradients: Sequence[Tensor], step_size: Tensor) -> None:
        """See `batcountry.optim.optimizer.Foreseeable`."""
        with torch.no_grad():
            for tensor, gradient in zip(self._tensors, gradients, strict=True):
                tensor.addcmul_(normalize_bands(gradient, self._wrap), step_size)

    def restart(self, steps: int = 0) -> None:
        """See `batcountry.optim.optimizer.Foreseeable`."""
        self._steps = steps

    def state(self) -> State:
        """See `Storable`."""
        return {"steps": torch.tensor(self._steps)}

    def load(self, state: State) -> None:
        """See `Storable`."""
        self._steps = int(state["steps"])


Make = Callable[[Sequence[Tensor]], Optimizer]
"""Makes an optimizer for the tensors of a parametrization; it begins anew in every octave."""

BANDS = "bands"
"""Name of the way of ascent to normalize a gradient band by band."""


@dataclass(frozen=True)
class Settings:
    """What a recipe says to its optimizer.

    Attributes
    ----------
    schedule
        How long steps are.
    measure
        What ascent divides the gradient by: one of `measures`, or `bands`; the others normalize in their own way.
    smoothing
        How much of the past is kept in a step, 0 to 1; None for what is usual with the optimizer.
    wrap
        Axes along which pictures go on at their other side.
    places
        How many places the score is the mean of, for an optimizer that is made for the gradient of their sum.
    """

    schedule: Schedule
    measure: str = "mean"
    smoothing: float | None = None
    wrap: Wrap = NO_WRAP
    places: float = 1.0

    def smoothed(self, name: str, usual: float) -> float:
        """Return the smoothing of an optimizer; raises `RecipeError` if the gradient is to be normalized besides."""
        if self.measure != "mean":
            raise RecipeError(
                f"the optimizer {name} normalizes in its own way; leave normalize out, or use ascent"
            )
        return usual if self.smoothing is None else self.smoothing


def ascent(settings: Settings) -> Make:
    """Return what makes `NormalizedAscent` or `BandAscent`; raises `RecipeError` for a smoothing, which they have none of."""
    if settings.smoothing is not None:
        raise RecipeError(
            "the optimizer ascent keeps nothing of the past; leave smoothing out, or use adam or rmsprop"
        )
    if settings.measure == BANDS:
        return lambda tensors: BandAscent(tensors, settings.schedule, settings.wrap)
    return lambda tensors: NormalizedAscent(tensors, settings.schedule, measures[settings.measure])


def _unread(kind: type[torch.optim.Optimizer], tensors: Sequence[Tensor]) -> dict[str, bool]:
    """Return what has PyTorch's optimizers hold their counts where the tensors are, where a step must not wait for them.

    RMSProp of before PyTorch 2.3 has no such option; what it counts changes nothing of its steps.
    """
    can = can_record(tensors[0].device) and "capturable" in signature(kind).parameters
    return {"capturable": True} if can else {}


def adam(settings: Settings) -> Make:
    """Return what makes Adam (Kingma and Ba, 2015), with the smoothing, or 0.9, as its first moment's decay."""
    betas = settings.smoothed("adam", 0.9), 0.999
    return lambda tensors: TorchOptimizer(
        tensors,
        settings.schedule,
        torch.optim.Adam(list(tensors), betas=betas, maximize=True, **_unread(torch.optim.Adam, tensors)),
    )


def rmsprop(settings: Settings) -> Make:
    """Return what makes RMSProp (Tieleman and Hinton, 2012) as PyTorch has it, with the smoothing, or 0.95, as its decay rate."""
    alpha = settings.smoothed("rmsprop", 0.95)
    return lambda tensors: TorchOptimizer(
        tensors,
        settings.schedule,
        torch.optim.RMSprop(
            list(tensors), alpha=alpha, eps=1e-8, maximize=True, **_unread(torch.optim.RMSprop, tensors)
        ),
    )


def cnn_vis_rmsprop(settings: Settings) -> Make:
    """Return what makes `CnnVisRmsprop`, with the smoothing, or 0.95, as its decay rate."""
    decay = settings.smoothed(CNN_VIS, 0.95)
    return lambda tensors: CnnVisRmsprop(tensors, settings.schedule, decay, settings.places)


CNN_VIS = "rmsprop-cnn-vis"
"""Name of RMSProp as cnn-vis has it."""

OPTIMIZERS: Registry[Callable[[Settings], Make]] = Registry(
    "optimizer",
    "batcountry.optimizers",
    {"ascent": ascent, "adam": adam, "rmsprop": rmsprop, CNN_VIS: cnn_vis_rmsprop},
)
"""Optimizers by name; `register` your own function to extend it."""


def optimizer(
    name: str,
    schedule: Schedule,
    measure: str = "mean",
    smoothing: float | None = None,
    wrap: Wrap = NO_WRAP,
    *,
    places: float = 1.0,
) -> Make:
    """Return what makes the optimizer of a name.

    Parameters
    ----------
    name
        One of `OPTIMIZERS`.
    measure
        Of `ascent`: one of `measures`, or `bands`.
    smoothing
        Of the others: how much of the past they keep in a step, 0 to 1.
    wrap
        Axes along which pictures go on at their other side, for `bands`.
    places
        See `Settings`.

    Raises
    ------
    RecipeError
        If there is none of that name, or it has no such smoothing or measure.
    """
    return OPTIMIZERS[name](Settings(schedule, measure, smoothing, wrap, places))
