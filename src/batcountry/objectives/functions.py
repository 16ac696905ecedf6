"""Objectives that are Python functions of activations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from batcountry.errors import RecipeError
from batcountry.objectives.base import IMAGE, START, Activations, Objective, Scorer, Term
from batcountry.objectives.batches import of_one
from batcountry.objectives.parse import parse
from batcountry.recipe.marks import NAME, name_of

if TYPE_CHECKING:
    from batcountry.models.model import Model

Score = Callable[[Mapping[str, Tensor]], Tensor]
"""From activations of one picture, (1, C, H, W) or (1, C) by layer name, to a score, higher is better."""

_SIDE = 224  # of the picture that a function is tried on, where nobody knows what the network takes


def function(score: Score, layers: Sequence[str] | None = None) -> Objective:
    """Make more of what a Python function says.

    A dream takes such functions as they are; this one makes an objective of it, to be added to others. Its text is
    `python("module.name")`, which cannot be read back: a recipe with it is not repeated from a file.

    Parameters
    ----------
    score
        Is given a mapping from layer names to the activations of one picture, (1, C, H, W) or (1, C), and returns a tensor that
        depends on them, of which the mean is taken. Pictures that grow together are scored one by one, so that
        each is the one made alone. `"@start"` is the picture that the dream began with; a function that reads no layer
        but `"@image"`, (1, 3, H, W), RGB in gray levels, scores the picture itself.
    layers
        What it reads. If not given, that is found by running it once, on noise: then it has to read the same
        in every call.

    Examples
    --------
    >>> from batcountry.objectives import function, layer
    >>> str(function(lambda seen: seen["blocks.10"][:, 17].mean()) + 0.5 * layer("stem"))
    'python("batcountry.objectives.functions.<lambda>") + 0.5*layer("stem")'
    """
    term = Term(NAME, (name_of(score),), (), lambda _: _scorer(score, ()))
    if layers is None:
        return Objective(
            ((1.0, replace(term, find=lambda model: _reading(term, score, _tried(score, model)))),)
        )
    return Objective(((1.0, _reading(term, score, layers)),))


def objective_of(given: Objective | str | Score) -> Objective:
    """Return an objective that was given as such, as its text, or as a function.

    Raises
    ------
    RecipeError
        If it is none of these.
    """
    if isinstance(given, Objective):
        return given
    if isinstance(given, str):
        return parse(given)
    if callable(given):
        return function(given)
    raise RecipeError(f"an objective is an Objective, its text or a function, not {type(given).__name__}")


def _reading(term: Term, score: Score, names: Sequence[str]) -> Term:
    """Return the term of a function that reads some layers, or the image."""
    layers = tuple(name for name in names if not name.startswith("@"))
    if layers and IMAGE in names:
        raise RecipeError(
            f"{term} reads layers and {IMAGE} at once, which are seen at different times; make two functions of it, "
            "and add them up with function(…)"
        )
    aux_inputs = {START: None} if START in names else {}
    bind = lambda _: _scorer(score, tuple(names))  # noqa: E731 - shorter than a function of its own
    return replace(term, layers=layers, bind=bind, aux_inputs=aux_inputs, find=None)


def _scorer(score: Score, names: tuple[str, ...]) -> Scorer:
    reads = names or (IMAGE,)

    def scores(activations: Activations) -> Tensor:
        count = max(len(activations[name]) for name in reads)
        shares = []
        for index in range(count):
            seen = of_one(activations, index)
            shares.append(_mean(score, score(_Seen({name: seen[name] for name in reads}, name_of(score)))))
        return torch.stack(shares)

    return scores


def _mean(score: Score, value: Any) -> Tensor:
    if not isinstance(value, Tensor) or not value.is_floating_point() or not value.numel():
        kind = (
            f"a tensor of {value.dtype}" if isinstance(value, Tensor) else f"{type(value).__name__} {value!r}"
        )
        raise RecipeError(f"the objective {name_of(score)} must return a tensor of floats, not {kind:.80}")
    return value.mean()


class _Seen(dict[str, Tensor]):
    """Activations by name, of what a function is known to read."""

    def __init__(self, activations: Mapping[str, Tensor], who: str) -> None:
        super().__init__(activations)
        self._who = who

    def __call__(self, name: str) -> Tensor:
        """Return what a layer gives, as lucid's `T` does."""
        return self[name]

    def __missing__(self, name: str) -> Tensor:
        raise RecipeError(
            f"the objective {self._who} reads {name!r} now, and did not when it was tried; let it read the same in "
            "every call, or say all that it may read: objectives.function(score, layers=[…])"
        )


class _Trial(Mapping[str, Tensor]):
    """Activations of one picture, each worked out when it is first asked for."""

    def __init__(self, model: Model, image: Tensor) -> None:
        self._model, self._image = model, image
        self.read: dict[str, Tensor] = {}

    def __call__(self, name: str) -> Tensor:
        """Return what a layer gives, as lucid's `T` does."""
        return self[name]

    def __getitem__(self, name: str) -> Tensor:
        if name not in self.read:
            self.read[name] = self._image if name in (IMAGE, START) else self._of_layer(name)
        return self.read[name]

    def _of_layer(self, name: str) -> Tensor:
        self._model.layer(name)
        try:
            return self._model.activations(self._image, (name,))[name]
        except RuntimeError as error:
            height, width = self._image.shape[-2:]
            raise RecipeError(
                f"{self._model.name} cannot run as far as {name!r} on {width}×{height} pixels, to find out what the "
                "objective reads; say it: objectives.function(score, layers=[…])"
            ) from error

    def __iter__(self) -> Iterator[str]:
        return (layer.name for layer in self._model.layers)

    def __len__(self) -> int:
        return len(self._model.layers)


def _tried(score: Score, model: Model) -> tuple[str, ...]:
    """Run a function once on noise, and return the names of what it read."""
    size = model.input_size or (_SIDE, _SIDE)
    random = torch.Generator().manual_seed(0)
    with torch.inference_mode(False), torch.enable_grad():
        image = torch.rand(1, model.channels, *size, generator=random).to(model.device) * 255
        trial = _Trial(model, image.requires_grad_())
        value = _mean(score, score(trial))
    if not trial.read:
        raise RecipeError(f"the objective {name_of(score)} reads no layer; let it score what it is given")
    if not value.requires_grad:
        raise RecipeError(
            f"what the objective {name_of(score)} returns has no gradient; score tensors with PyTorch, without "
            "item(), detach() or NumPy"
        )
    return tuple(trial.read)
