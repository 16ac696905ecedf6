"""The text form of objectives, for recipes and the command line."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from typing import Any

from batcountry.errors import RecipeError
from batcountry.objectives.amplify import amplify
from batcountry.objectives.base import Objective
from batcountry.objectives.batches import each, for_picture
from batcountry.objectives.colors import recolor
from batcountry.objectives.comparisons import caricature, content, diversity, style
from batcountry.objectives.extremes import strongest, weakest
from batcountry.objectives.guide import guide
from batcountry.objectives.layers import channel, layer
from batcountry.objectives.masks import mean, region
from batcountry.objectives.penalties import drift, grain, opacity, pnorm, tv
from batcountry.objectives.schedules import growing
from batcountry.objectives.units import direction, logit, neuron
from batcountry.recipe.expressions import Calls
from batcountry.recipe.marks import has_mark, refuse
from batcountry.recipe.registry import Registry

_of_layers = (layer, channel, neuron, logit, direction, amplify, strongest, weakest)
_of_pictures = (guide, caricature, content, style, diversity)
_of_the_image = (tv, pnorm, grain, drift, recolor, opacity)

OBJECTIVES: Registry[Callable[..., Objective]] = Registry(
    "objective",
    "batcountry.objectives",
    {
        one.__name__: one
        for one in (*_of_layers, *_of_pictures, *_of_the_image, mean, region, growing, each, for_picture)
    },
)
"""The objectives that the text form has, by name; `register` your own function to extend it."""


def parse(text: str) -> Objective:
    """Read an objective from text such as `0.7*channel("blocks.10", 17) - layer("stem")`.

    Only calls of `OBJECTIVES` with numbers, strings, lists and other objectives, joined by
    `+`, `-` and `*`, are understood; nothing else is run.

    Raises
    ------
    RecipeError
        If the text is something else; the message points at the character.
    """
    if has_mark(text):
        raise refuse("objective", text)
    if re.fullmatch(r"""["']?[A-Za-z_][\w./]{0,200}["']?""", text.strip()):
        name = text.strip().strip("'\"")
        raise RecipeError(f'objective {text!r} is a name alone; if it is a layer\'s, write layer("{name}")')
    value = _calls.parse(text)
    if not isinstance(value, Objective):
        kind = "a number" if isinstance(value, (int, float)) else f"a {type(value).__name__}"
        raise _calls.wrong(text.strip(), 0, f"this is {kind}, not an objective")
    return value


def _combined(operator: ast.operator, left: Any, right: Any) -> Any:
    numbers = [isinstance(each, (int, float)) for each in (left, right)]
    aims = [isinstance(each, Objective) for each in (left, right)]
    if isinstance(operator, ast.Mult) and any(numbers) and all(map(max, numbers, aims)):
        return left * right
    if all(aims) and isinstance(operator, (ast.Add, ast.Sub)):
        return left + right if isinstance(operator, ast.Add) else left - right
    return None


_calls = Calls("objective", OBJECTIVES, _combined)
