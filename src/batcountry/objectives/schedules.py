"""Penalties that grow stronger from step to step."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from torch import Tensor

from batcountry.errors import RecipeError
from batcountry.objectives.base import STEP, Activations, Objective, Scorer, Term

if TYPE_CHECKING:
    from batcountry.models.model import Model


def growing(objective: Objective, first: float, step: float, every: int = 50) -> Objective:
    """Count an objective of the image `first` times, and `step` times more after each `every` steps of an octave.

    cnn-vis's `tv_reg`, `tv_reg_step` and `tv_reg_step_iter`.

    Raises
    ------
    RecipeError
        If a part of the objective reads the network's layers.
    """
    if every < 1:
        raise RecipeError("growing takes its steps every 1 or more iterations")
    for _, term in objective.terms:
        if term.layers or term.find:
            raise RecipeError(f"growing is for objectives of the image itself, and {term} reads a layer")
    return objective.with_terms(
        (weight, _grown(term, first, step, every=every)) for weight, term in objective.terms
    )


def _grown(term: Term, first: float, step: float, *, every: int) -> Term:
    def bind(model: Model) -> Scorer:
        inner = term.bind(model)

        def score(activations: Activations) -> Tensor:
            if STEP not in activations:
                return inner(activations) * first
            steps = activations[STEP].reshape(())
            done = int(steps) if steps.is_cpu else steps  # a card is not asked, as that would wait for it
            return inner(activations) * (first + step * (done // every))

        return score

    arguments = (Objective(((1.0, term),)), first, step, every)
    return replace(term, name="growing", arguments=arguments, bind=bind)
