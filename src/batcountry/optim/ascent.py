"""One step of gradient ascent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import torch
from torch import Tensor

from batcountry.backend.checks import check
from batcountry.backend.determinism import same_each_time
from batcountry.backend.devices import widened
from batcountry.backend.float32 import full_float32
from batcountry.errors import RecipeError
from batcountry.objectives.base import IMAGE, STEP, Scorer
from batcountry.optim.aux_inputs import NO_AUX_INPUTS, AuxInputs, stacked, unstacked
from batcountry.optim.finite import broken_picture, is_broken
from batcountry.optim.gradient import Gradient, SparingGradient
from batcountry.optim.optimizers import Make, Schedule, State, Storable, optimizer
from batcountry.optim.param import MakeParam, Pixels
from batcountry.optim.rng import load_rng, rng_state
from batcountry.optim.transforms import Rng, Transform, jitter
from batcountry.optim.views import seen_views

UPDATE = "@update"
"""Name of the mask that a step's change is multiplied with."""

HALVED = "halved"
"""Name of the side of tiles that were halved in the state of a climb."""


@dataclass(frozen=True)
class Ascent:
    """How a picture is made to score higher, step by step.

    Attributes
    ----------
    gradient
        Score and gradient of what the network sees.
    optimizer
        Makes what moves the parametrization.
    transforms
        What happens to the picture before the network sees it, in order.
    rng
        Drawn from by the transforms in every step.
    clip
        Keep the picture within 0 to 255.
    param
        Makes what holds the picture.
    prior
        Score of the image itself, of which the gradient is added.
    prior_text
        Its terms, for messages.
    terms
        Returns what each of them last came to, by its text.
    before_update
        Is called between the gradient and the update, which needs little of the memory that the gradient left.
    views
        How many copies of the pictures, each transformed by random numbers of its own, the network sees in a step;
        `gradient` is then of a view's share in their mean.
    """

    gradient: Gradient
    optimizer: Make
    transforms: Sequence[Transform]
    rng: Rng
    clip: bool = True
    param: MakeParam = Pixels
    prior: Scorer | None = None
    prior_text: str = ""
    terms: Callable[[], Mapping[str, float]] | None = None
    before_update: Callable[[], None] | None = None
    views: int = 1

    def on(self, image: Tensor, aux_inputs: AuxInputs = NO_AUX_INPUTS) -> Climb:
        """Begin with pictures, (N, 3, H, W), RGB in gray levels, and those beside them."""
        with torch.inference_mode(False):
            return Climb(self, image, aux_inputs)

    def step(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Return the picture after one first step, and the score before it."""
        return self.on(image).step()


def classic_ascent(gradient: Gradient, step_size: float, jitter_by: int, clip: bool, rng: Rng) -> Ascent:
    """Return normalized gradient ascent with jitter, the step of the 2015 deepdream programs.

    Parameters
    ----------
    step_size : float
        Mean absolute change of a color value in one step, in gray levels.
    jitter_by : int
        Largest shift in pixels: the picture is rolled round by a random amount before the
        network sees it, and back after.
    """
    return Ascent(gradient, optimizer("ascent", Schedule(step_size)), (jitter(jitter_by),), rng, clip)


class Climb:
    """A picture that grows: one octave's parametrization, with its optimizer's state.

    Parameters
    ----------
    image, aux_inputs
        See `Ascent.on`.
    """

    def __init__(self, ascent: Ascent, image: Tensor, aux_inputs: AuxInputs) -> None:
        self._ascent = ascent
        self._held = {key: picture for key, picture in aux_inputs.items() if key == UPDATE}
        self._aux_inputs = {key: picture for key, picture in aux_inputs.items() if key != UPDATE}
        self._param = ascent.param(image)
        self._optimizer = ascent.optimizer(self._param.tensors)
        self._steps = 0

    def step(self) -> tuple[Tensor, Tensor]:
        """Return the pictures one step on, (N, 3, H, W) in gray levels, and the score before it."""
        image, score = self._advanced()
        self._steps += 1
        with torch.inference_mode(False):
            return image.clone(), score

    @property
    def look(self) -> Callable[[], None]:
        """What does nothing, as everything was looked at in its step; see `Advancing`."""
        return _nothing

    def close(self) -> None:
        """Do nothing; see `Advancing`."""

    def terms(self) -> Mapping[str, float]:
        """Return what each term of the image itself came to in the last step, by its text."""
        prior = self._ascent.terms
        return {} if prior is None else prior()

    def _advanced(self) -> tuple[Tensor, Tensor]:
        """Make one step; return the pictures after it, which may be the parametrization's own tensor, and the score."""
        before = [tensor.detach().clone() for tensor in self._param.tensors] if self._held else []
        device = self._param.tensors[0].device
        with torch.inference_mode(False), torch.enable_grad(), full_float32(), same_each_time(device):
            score, gradients = self._gradients()
            if self._ascent.before_update is not None:
                self._ascent.before_update()
            self._update(gradients)
            del gradients  # each is as large as the picture
            self._check(score, *self._param.tensors)  # before what is infinite becomes white or black
            self._param.constrain(self._ascent.clip)
            with torch.no_grad():
                for tensor, old in zip(self._param.tensors, before, strict=bool(before)):
                    tensor.copy_(torch.lerp(old, tensor, self._held[UPDATE]))
                image = self._param.image().detach()
        self._check(image)
        return image, score

    def _check(self, *tensors: Tensor) -> None:
        check(is_broken(*tensors), partial(broken_picture, self._ascent.prior_text))

    def _gradients(self) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Return the score, and its gradient on each of the parametrization's tensors."""
        image = self._param.image()
        score, ends, gradients = widened(0.0, image), [], []
        for seen, aux_inputs in self._seen(image):
            part, gradient = self._ascent.gradient(seen.detach(), aux_inputs)
            score = score + widened(part, image)
            ends.append(seen)
            gradients.append(gradient)
        if self._ascent.prior is not None:
            prior = self._ascent.prior({IMAGE: image, STEP: self._count(), **self._aux_inputs})
            score = score + widened(prior, image)
            ends.append(prior)
            gradients.append(torch.ones_like(prior))
        return score, torch.autograd.grad(ends, self._param.tensors, gradients)

    def _seen(self, image: Tensor) -> list[tuple[Tensor, dict[str, Tensor]]]:
        """Return what the network sees of the pictures, and of those beside them, in batches of one size."""
        batches = self._transformed(stacked(image, self._aux_inputs))
        return [unstacked(each, self._aux_inputs) for each in batches]

    def _transformed(self, stack: Tensor) -> list[Tensor]:
        ascent = self._ascent
        return seen_views(stack, ascent.transforms, ascent.rng, ascent.views)

    def _rng(self) -> Rng:
        """Return where the random numbers of the next step come from."""
        return self._ascent.rng

    def _update(self, gradients: tuple[Tensor, ...]) -> None:
        self._optimizer.update(gradients)

    def _count(self) -> Tensor:
        """Return how many steps were made before this one."""
        return torch.tensor([self._steps])

    def state(self) -> State:
        """Return what the next step depends on: tensors, the optimizer's memory and the random numbers to come.

        It is good until that step, which changes the tensors. A climb that was made alike goes on from it with `load`.

        Raises
        ------
        RecipeError
            If a caller's own optimizer says nothing of what it remembers.
        """
        if not isinstance(self._optimizer, Storable):
            raise RecipeError(
                f"{type(self._optimizer).__name__} has no state() and load(state), so a dream with it cannot be stored; "
                "dream with no folder of work, or with an optimizer that has a name"
            )
        found = {f"tensor.{index}": each.detach() for index, each in enumerate(self._param.tensors)}
        found |= {f"optimizer.{name}": each for name, each in self._optimizer.state().items()}
        return {"steps": torch.tensor(self._steps), **found, **rng_state(self._rng())}

    def load(self, state: State) -> None:
        """Go on from what `state` returned.

        Raises
        ------
        KeyError, ValueError, RuntimeError
            If that was of another dream.
        """
        assert isinstance(self._optimizer, Storable)
        self._steps = int(state["steps"])
        with torch.no_grad():
            for index, tensor in enumerate(self._param.tensors):
                tensor.copy_(state[f"tensor.{index}"].reshape(tensor.shape))
        own = "optimizer."
        self._optimizer.load({key.removeprefix(own): v for key, v in state.items() if key.startswith(own)})
        load_rng(self._ascent.rng, state)


def _nothing() -> None:
    """Do nothing."""


class Advancing(Protocol):
    """What makes the steps of one octave."""

    def step(self) -> tuple[Tensor, Tensor]:
        """Make one step, and return the pictures after it, (N, 3, H, W), and the score before it, a tensor without axes."""
        ...

    def terms(self) -> Mapping[str, float]:
        """Return what each term of the image itself came to in the last step, by its text; see `Climb.terms`."""
        ...

    @property
    def look(self) -> Callable[[], None]:
        """What raises the error of a step that went wrong, if that is known only once somebody looks."""
        ...

    def close(self) -> None:
        """Let go of what other octaves can use; there are no more steps, and nothing more to look at."""
        ...

    def state(self) -> State:
        """Return what the next step depends on; see `Climb.state`."""
        ...

    def load(self, state: State) -> None:
        """Go on from what `state` returned."""
        ...


@dataclass(frozen=True)
class SparingClimb:
    """Steps whose state tells of tiles that were halved as memory ran out, so that going on takes such tiles at once."""

    climb: Advancing
    gradient: Gradient

    def step(self) -> tuple[Tensor, Tensor]:
        """Make one step; see `Advancing`."""
        return self.climb.step()

    def terms(self) -> Mapping[str, float]:
        """See `Advancing`."""
        return self.climb.terms()

    @property
    def look(self) -> Callable[[], None]:
        """See `Advancing`."""
        return self.climb.look

    def close(self) -> None:
        """See `Advancing`."""
        self.climb.close()

    def state(self) -> State:
        """Return what the next step depends on; see `Climb.state`."""
        halved = self.gradient.halved if isinstance(self.gradient, SparingGradient) else None
        return {**self.climb.state(), **({} if halved is None else {HALVED: torch.tensor(halved)})}

    def load(self, state: State) -> None:
        """Go on from what `state` returned; see `Climb.load`."""
        self.climb.load(state)
        if HALVED in state and isinstance(self.gradient, SparingGradient):
            self.gradient.halve(int(state[HALVED]))
