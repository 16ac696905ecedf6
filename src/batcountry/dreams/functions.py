"""Python functions and classes that a caller gives in the place of a recipe's text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from batcountry.errors import RecipeError
from batcountry.image.periodic import wrapped_axes
from batcountry.objectives import Objective, objective_of
from batcountry.optim import param
from batcountry.optim.optimizers import (
    Make,
    Optimizer,
    Schedule,
    State,
    optimizer,
)
from batcountry.optim.param import MakeParam, Param
from batcountry.optim.torch_optimizer import load_torch_state, torch_state
from batcountry.optim.transforms import Transform
from batcountry.optim.transforms import parse as parse_transforms
from batcountry.optim.transforms.functions import own_transform
from batcountry.recipe.marks import has_mark, mark, name_of, refuse
from batcountry.recipe.schema import STRENGTHS, Recipe

MakeOptimizer = Callable[[Sequence[Tensor]], "Optimizer | torch.optim.Optimizer"]
"""Makes an optimizer for the tensors of a parametrization, anew in every octave."""

_FIELDS = ("objective", "transforms", "optimizer", "param")


@dataclass(frozen=True)
class Functions:
    """What was given as Python code; None where it was not.

    Attributes
    ----------
    transforms
        All of them in order, those that were text read.
    """

    transforms: tuple[Transform, ...] | None = None
    optimizer: MakeOptimizer | None = None
    param: MakeParam | None = None


NO_FUNCTIONS = Functions()


def take_functions(options: dict[str, Any]) -> Functions:
    """Return the functions among options, and put in their place what a recipe says of them.

    An objective's function becomes an `Objective`, and a parametrization that has a name that name.

    Raises
    ------
    RecipeError
        If one of them is neither text nor anything that can be called.
    """
    if callable(aim := options.get("objective")) and not isinstance(aim, Objective):
        options["objective"] = objective_of(aim)
    if callable(own_make := options.get("param")):
        options["param"] = next((name for name, make in param.PARAMS.items() if make is own_make), own_make)
    given = {name: options.get(name) for name in _FIELDS[1:]}
    own = {name: each for name, each in given.items() if callable(each)}
    moves = given["transforms"]
    if callable(moves) or isinstance(moves, (list, tuple)):
        own["transforms"] = tuple(moves) if isinstance(moves, (list, tuple)) else (moves,)
        options["transforms"] = ", ".join(map(_text, own["transforms"])) or None
        own["transforms"] = tuple(one for each in own["transforms"] for one in _read(each))
    for name in own.keys() - {"transforms"}:
        options[name] = mark(own[name])
    return Functions(**own)


def check_repeatable(recipe: Recipe, functions: Functions, objective: Any = None) -> None:
    """Raise `RecipeError` if a recipe stands for Python code that was not given.

    Parameters
    ----------
    objective
        The objective if one was given, whose text is the recipe's.
    """
    for name in _FIELDS:
        text = getattr(recipe, name)
        own = objective if name == "objective" else getattr(functions, name)
        if has_mark(text) and (own is None or isinstance(own, str)):
            raise refuse(name, text)


def usual_step_size(name: str, optimizer: str, functions: Functions) -> float | None:
    """Return the step size that is usual with a parametrization and an optimizer; None for one that has its own.

    Raises
    ------
    RecipeError
        If it is one that nobody knows.
    """
    if functions.optimizer is not None and not _is_torch_class(functions.optimizer):
        return None
    if functions.param is not None:
        raise RecipeError(
            f"give a step_size: what is usual with the param {name_of(functions.param)} nobody knows but you"
        )
    usual = param.step_sizes.get(name)
    if usual is None:
        raise RecipeError(f"give a step_size: what is usual with the param {name} nobody knows but you")
    return usual.get("adam" if functions.optimizer is not None else optimizer, usual["ascent"])


def recipe_optimizer(recipe: Recipe, functions: Functions = NO_FUNCTIONS, places: float = 1.0) -> Make:
    """Return what makes a recipe's optimizer; raises `RecipeError` if there is no such one.

    Parameters
    ----------
    places
        How many places the score is the mean of, as far as that is known.
    """
    if functions.optimizer is not None:
        return own_optimizer(functions.optimizer, recipe)
    schedule = Schedule(recipe.stride, recipe.decay, recipe.decay_every)
    wrap = wrapped_axes(recipe.wrap)
    measure = recipe.normalize or "mean"
    return optimizer(recipe.optimizer, schedule, measure, recipe.smoothing, wrap, places=places)


def own_optimizer(make: MakeOptimizer, recipe: Recipe) -> Make:
    """Return what makes the optimizer that a caller's function or class makes.

    A class of PyTorch's is given the recipe's step size as its learning rate. What a function makes keeps its own
    learning rate, unless the recipe has a step size. Either is multiplied by what the strength makes of it, decayed as the
    recipe says, and goes uphill.

    Raises
    ------
    RecipeError
        If the recipe says what only optimizers with a name understand; when called, if it makes no optimizer.
    """
    fields = Recipe.model_fields
    for name in ("normalize", "smoothing"):
        if getattr(recipe, name) != fields[name].default:
            raise RecipeError(
                f"{name} is for optimizers with a name; leave it out, or set up {name_of(make)} so"
            )
    schedule = Schedule(recipe.stride, recipe.decay, recipe.decay_every)
    own_times = STRENGTHS[recipe.strength] if recipe.step_size is None else None

    def made(tensors: Sequence[Tensor]) -> Optimizer:
        given = {"lr": schedule.step_size} if _is_torch_class(make) else {}
        found = make(list(tensors), **given)
        if isinstance(found, torch.optim.Optimizer) and not isinstance(found, torch.optim.LBFGS):
            return _Uphill(tensors, found, schedule, own_times)
        if isinstance(found, torch.optim.Optimizer) or not hasattr(found, "update"):
            raise RecipeError(
                f"{name_of(make)} makes {type(found).__name__}, which is no optimizer that takes one gradient a step: "
                "make one of torch.optim's others, or something with update(gradients)"
            )
        if recipe.step_size is not None or recipe.decay_every or recipe.strength != "normal":
            raise RecipeError(
                f"what {name_of(make)} makes chooses its own steps; leave step_size, strength and decay_every out"
            )
        return found

    return made


def own_param(make: MakeParam) -> MakeParam:
    """Return what makes a caller's parametrization; raises `RecipeError` when called, if it makes none."""

    def made(image: Tensor) -> Param:
        found = make(image)
        missing = [name for name in ("tensors", "image", "constrain") if not hasattr(found, name)]
        if missing:
            raise RecipeError(
                f"what {name_of(make)} makes has no {missing[0]}; see batcountry.optim.param.Param for what a param has"
            )
        return found

    return made


class _Uphill:
    """One of PyTorch's optimizers as its maker set it up, which is to go uphill.

    Parameters
    ----------
    own_times
        What its own learning rates are multiplied by; None for the schedule's in their place.
    """

    def __init__(
        self,
        tensors: Sequence[Tensor],
        optimizer: torch.optim.Optimizer,
        schedule: Schedule,
        own_times: float | None,
    ) -> None:
        self._tensors, self._optimizer, self._steps = tensors, optimizer, 0
        self._schedules = [
            schedule if own_times is None else replace(schedule, step_size=own_times * float(group["lr"]))
            for group in optimizer.param_groups
        ]

    def update(self, gradients: Sequence[Tensor]) -> None:
        """See `Optimizer`."""
        groups = self._optimizer.param_groups
        for group, schedule in zip(groups, self._schedules, strict=True):
            group["lr"] = schedule.at(self._steps)
        self._steps += 1
        up = {id(each) for group in groups if group.get("maximize") for each in group["params"]}
        for tensor, gradient in zip(self._tensors, gradients, strict=True):
            tensor.grad = gradient if id(tensor) in up else -gradient
        self._optimizer.step()
        for tensor in self._tensors:
            tensor.grad = None

    def state(self) -> State:
        """See `batcountry.optim.optimizer.Storable`."""
        return {"steps": torch.tensor(self._steps), **torch_state(self._optimizer)}

    def load(self, state: State) -> None:
        """See `batcountry.optim.optimizer.Storable`."""
        self._steps = int(state["steps"])
        load_torch_state(self._optimizer, state)


def _is_torch_class(make: Any) -> bool:
    return isinstance(make, type) and issubclass(make, torch.optim.Optimizer)


def _text(move: Any) -> str:
    if isinstance(move, str):
        return move
    if not callable(move):
        raise RecipeError(f"a transform is text or a function, not {type(move).__name__}")
    return mark(move)


def _read(move: Any) -> list[Transform]:
    return parse_transforms(move) if isinstance(move, str) else [own_transform(move)]
