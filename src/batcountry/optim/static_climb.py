"""Steps that are the same work each time, so that a graphics card can be given all of one at once, and is never waited for.

What differs from step to step, shifts and angles, noise, how long the step is, was drawn ahead by the same random
numbers as ever, and lies in one row of numbers on the device. What is checked is noted there (`batcountry.backend.checks`).
With CUDA such a step is recorded once as a graph (`batcountry.backend.graphs`) and started as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from batcountry.backend.checks import Checks
from batcountry.backend.devices import widened
from batcountry.backend.graphs import NotCapturedError, StepGraph
from batcountry.objectives.breakdown import Terms
from batcountry.optim.ascent import Ascent, Climb
from batcountry.optim.aux_inputs import AuxInputs
from batcountry.optim.draws import Draws, Layout
from batcountry.optim.optimizer import Foreseeable, State
from batcountry.optim.param.base import Puttable
from batcountry.optim.redirection import Redirection
from batcountry.optim.transforms import Rng, Split

_ALIKE = 0.02  # of a step's mean change, how much a graph's may be off for rounding


def unforeseen(ascent: Ascent) -> str | None:
    """Return what of an ascent is not the same work in each step, in words; None if all is."""
    others = [transform for transform in ascent.transforms if not isinstance(transform, Split)]
    return f"the transform {_name(others[0])}" if others else None


class StaticClimb(Climb):
    """A climb on buffers that stay, which goes on from other pictures with `restart`.

    The pictures are those of `Climb` but for rounding, as a step's size is a number on the device there; see
    `batcountry.optim.transforms.warps.scale` for what differs with that.

    Parameters
    ----------
    image, aux_inputs
        See `Ascent.on`.

    Attributes
    ----------
    size
        Bytes that it holds, as far as that was found out.
    may_be_captured
        Whether it is no graph yet, and nothing is known that speaks against that.

    Raises
    ------
    UnforeseenError
        If the parametrization or the optimizer is not one that goes on in the tensors that it has.
    """

    def __init__(self, ascent: Ascent, image: Tensor, aux_inputs: AuxInputs) -> None:
        device = image.device
        super().__init__(ascent, image, {key: picture.clone() for key, picture in aux_inputs.items()})
        if not isinstance(self._param, Puttable):
            raise UnforeseenError(f"the parametrization {_name(self._param)}")
        if not isinstance(self._optimizer, Foreseeable):
            raise UnforeseenError(f"the optimizer {_name(self._optimizer)}")
        self.size, self.may_be_captured = 0, True
        channels = image.shape[1] + sum(picture.shape[1] for picture in self._aux_inputs.values())
        transforms = [each for each in ascent.transforms if isinstance(each, Split)]
        self._layout = Layout.of(transforms, (image.shape[-2], image.shape[-1]), channels)
        self._row = self._layout.row(np.random.RandomState(0), 1.0, 0).to(device)
        self._image, self._score = torch.empty_like(image), widened(0.0, image)
        self._checks = Checks(device)
        self._looking = _Looking(self._checks)
        self._redirection = Redirection(0)
        self._graph: StepGraph | None = None
        self._terms: Terms | None = None
        self._released: Callable[[], None] = _nothing
        self._end: int | None = None
        self._draws = self._drawing()

    def restart(
        self,
        image: Tensor,
        aux_inputs: AuxInputs,
        rng: Rng,
        redirection: Redirection,
        steps: int | None,
        released: Callable[[], None],
    ) -> None:
        """Begin with other pictures of the same shapes, as if made anew.

        Parameters
        ----------
        rng
            Where random numbers come from.
        redirection
            In how many steps dead ReLUs are still redirected.
        steps
            How many there will be, if that is known.
        released
            Is called once no more steps are asked for.
        """
        self._ascent = replace(self._ascent, rng=rng)
        self._redirection, self._released = redirection, released
        self._put(image, aux_inputs)
        self._looking = _Looking(self._checks)
        self._steps, self._end = 0, steps
        self._draws = self._drawing()

    def capture(self, image: Tensor, aux_inputs: AuxInputs) -> None:
        """Record the step as a graph, which does the same; pictures are needed to see that it does.

        Raises
        ------
        NotCapturedError
            If it cannot be recorded, or does something else then.
        """
        self.may_be_captured = False
        self._put(image, aux_inputs)
        self._work()  # what is made once is not made while work is recorded
        usual = self._image.clone()
        self._put(image, aux_inputs)
        graph = StepGraph(self._work, image.device)
        graph.replay()
        off, change = ((self._image - usual).abs().mean(), (usual - image).abs().mean())
        if bool(off > _ALIKE * change):
            raise NotCapturedError("it is not the same work in each step")
        self._graph = graph

    def step(self) -> tuple[Tensor, Tensor]:
        """See `Climb.step`; neither is waited for."""
        with torch.inference_mode(False):
            return self._stepped()

    def _stepped(self) -> tuple[Tensor, Tensor]:
        self._row.copy_(self._draws.next())
        if self._redirection.left or self._graph is None:
            with self._redirection.step():
                self._work()
        else:
            self._graph.replay()
        self._steps += 1
        return self._image.clone(), self._score.clone()

    def _work(self) -> None:
        """Make one step from the buffers, and put what comes out into others."""
        with self._checks.noting():
            image, score = self._advanced()
            self._image.copy_(image)
            self._score.copy_(score)
            self._hold_terms()

    def _hold_terms(self) -> None:
        """Put what the terms came to into a buffer of this climb's own, as others may use what counts them."""
        terms = super().terms()
        if isinstance(terms, Terms):
            if self._terms is None:
                self._terms = terms.kept()
            self._terms.numbers.copy_(terms.numbers)

    def terms(self) -> Mapping[str, float]:
        """See `Climb.terms`."""
        return {} if self._terms is None else self._terms.kept()

    @property
    def look(self) -> Callable[[], None]:
        """See `batcountry.optim.ascent.Advancing`."""
        return self._looking

    def rewind(self) -> None:
        """Bring the random numbers to where they are without any that were drawn ahead, for what comes after this octave."""
        self._draws.rewind()

    def close(self) -> None:
        """See `batcountry.optim.ascent.Advancing`."""
        self._looking.checks = None
        released, self._released = self._released, _nothing
        released()

    def state(self) -> State:
        """See `Climb.state`; it stays good, as others may begin in these buffers before it is read."""
        state = {**super().state(), "optimizer.steps": torch.tensor(self._steps)}
        return {key: each.clone() for key, each in state.items()}

    def load(self, state: State) -> None:
        """See `Climb.load`."""
        self._draws.rewind()
        super().load(state)
        self._draws = self._drawing()

    @torch.no_grad()
    def _put(self, image: Tensor, aux_inputs: AuxInputs) -> None:
        assert isinstance(self._param, Puttable) and isinstance(self._optimizer, Foreseeable)
        with torch.inference_mode(False):
            self._param.put(image)
            for key, picture in {**self._aux_inputs, **self._held}.items():
                picture.copy_(aux_inputs[key])
            self._optimizer.restart()
            self._checks.clear()

    def _drawing(self) -> Draws:
        assert isinstance(self._optimizer, Foreseeable)
        return Draws(
            self._layout,
            self._optimizer.schedule,
            self._ascent.rng,
            self._row.device,
            (self._steps, self._end),
        )

    def _rng(self) -> Rng:
        return self._draws.rng()

    def _transformed(self, stack: Tensor) -> Tensor:
        for transform, drawn in self._layout.parts(self._row):
            stack = transform.apply(stack, drawn)
        return stack

    def _update(self, gradients: tuple[Tensor, ...]) -> None:
        assert isinstance(self._optimizer, Foreseeable)
        self._optimizer.move(gradients, self._row[0])

    def _count(self) -> Tensor:
        return self._row[1:2]


class UnforeseenError(Exception):
    """A part of a step that is not the same work each time; the text names it."""


class _Looking:
    """Looks at what was noted in one octave of one dream, as long as that is what its buffers are used for."""

    def __init__(self, checks: Checks) -> None:
        self.checks: Checks | None = checks

    def __call__(self) -> None:
        if self.checks is not None:
            self.checks.look()


def _nothing() -> None:
    """Do nothing."""


def _name(part: object) -> str:
    return str(getattr(part, "__qualname__", type(part).__qualname__))
