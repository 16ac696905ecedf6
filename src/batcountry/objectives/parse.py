"""The text form of objectives, for recipes and the command line."""

from __future__ import annotations

import ast
import operator as operators
import re
from collections.abc import Callable
from typing import Any

from batcountry.errors import RecipeError
from batcountry.objectives.amplify import amplify
from batcountry.objectives.base import Objective
from batcountry.objectives.batches import each, for_picture
from batcountry.objectives.colors import recolor
from batcountry.objectives.comparisons import caricature, content, style
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
_of_pictures = (guide, caricature, content, style)
_of_the_image = (tv, pnorm, grain, drift, recolor, opacity)
_combining = (mean, region, growing, each, for_picture)

OBJECTIVES: Registry[Callable[..., Objective]] = Registry(
    "objective",
    "batcountry.objectives",
    {
        **{made.__name__: made for made in (*_of_layers, *_of_pictures, *_of_the_image, *_combining)},
        "sum": Objective.sum,
    },
)
"""The objectives that the text form has, by name; `register` your own function to extend it."""


def parse(text: str) -> Objective:
    """Read an objective from text such as `0.7*channel("blocks.10", 17) - layer("stem")`, or `blocks.10:17` for a channel.

    Only calls of `OBJECTIVES` with numbers, strings, lists and other objectives, joined by
    `+`, `-`, `*` and `/`, are understood; nothing else is run.

    Raises
    ------
    RecipeError
        If the text is something else; the message points at the character.
    """
    if has_mark(text):
        raise refuse("objective", text)
    if (made := _of_channel(text.strip())) is not None:
        return made
    if re.fullmatch(r"""["']?[A-Za-z_][\w./]{0,200}["']?""", text.strip()):
        name = text.strip().strip("'\"")
        raise RecipeError(f'objective {text!r} is a name alone; if it is a layer\'s, write layer("{name}")')
    value = _calls.parse(text)
    if not isinstance(value, Objective):
        kind = "a number" if isinstance(value, (int, float)) else f"a {type(value).__name__}"
        raise _calls.wrong(text.strip(), 0, f"this is {kind}, not an objective")
    return value


def _of_channel(text: str) -> Objective | None:
    """Return the objective of a channel that is written as lucid's are: `layer:number`."""
    parts = _CHANNEL.fullmatch(text)
    return None if parts is None else channel(parts["layer"].strip(), int(parts["number"]))


_CHANNEL = re.compile(r"""(?P<quote>["']?)(?P<layer>[^"'()]{1,500}):\s*(?P<number>-?\d{1,9})\s*(?P=quote)""")


def _combined(operator: ast.operator, left: Any, right: Any) -> Any:
    left, right = (_of_channel(side) or side if isinstance(side, str) else side for side in (left, right))
    combine = _OPERATORS.get(type(operator))
    kinds = [isinstance(side, Objective) for side in (left, right)]
    if combine is None or not all(isinstance(side, (int, float, Objective)) for side in (left, right)):
        return None
    product = isinstance(operator, (ast.Mult, ast.Div))
    if product and (all(kinds) or (kinds[1] and isinstance(operator, ast.Div))):
        return None
    try:
        return combine(left, right)
    except (ZeroDivisionError, OverflowError):
        raise RecipeError("this is divided by 0, or too large to be worked out") from None


_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operators.add,
    ast.Sub: operators.sub,
    ast.Mult: operators.mul,
    ast.Div: operators.truediv,
}

_calls = Calls("objective", OBJECTIVES, _combined)
