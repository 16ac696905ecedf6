"""The text form of objectives, for recipes and the command line."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable

from batcountry.errors import RecipeError, suggestion
from batcountry.objectives.base import Objective
from batcountry.objectives.layers import channel, layer
from batcountry.objectives.matching import guide

known: dict[str, Callable[..., Objective]] = {"channel": channel, "guide": guide, "layer": layer}
"""The objectives that the text form knows, by name. Put your own function in to extend it."""


def parse(text: str) -> Objective:
    """Read an objective from text such as `0.7*channel("blocks.10", 17) - layer("stem")`.

    Only calls of `known` objectives with numbers and strings, joined by `+`, `-` and `*`, are
    understood; nothing else is run.

    Raises
    ------
    RecipeError
        If the text is something else; the message points at the character.
    """
    if len(text) > 10_000:
        raise RecipeError(f"an objective's text of {len(text)} characters is too long; 10000 are allowed")
    try:
        value = _value(ast.parse(text.strip(), mode="eval").body, text.strip())
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        at = (getattr(error, "offset", None) or 1) - 1
        raise _wrong(text.strip(), at, "this is not an objective") from None
    if not isinstance(value, Objective):
        raise _wrong(text.strip(), 0, "this is a number, not an objective")
    return value


def _value(node: ast.expr, text: str) -> Objective | float:
    if (
        isinstance(node, ast.Constant)
        and isinstance(node.value, (int, float))
        and not isinstance(node.value, bool)
    ):
        return float(node.value)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        value = _value(node.operand, text)
        return -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.BinOp):
        return _combined(node, text)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return _called(node, node.func.id, text)
    raise _wrong(text, node.col_offset, 'expected an objective such as layer("NAME")')


def _combined(node: ast.BinOp, text: str) -> Objective | float:
    left, right = _value(node.left, text), _value(node.right, text)
    if isinstance(node.op, ast.Mult) and not isinstance(left, Objective):
        return left * right
    if isinstance(node.op, ast.Mult) and not isinstance(right, Objective):
        return left * right
    if isinstance(left, Objective) and isinstance(right, Objective):
        if isinstance(node.op, ast.Add):
            return left + right
        if isinstance(node.op, ast.Sub):
            return left - right
    raise _wrong(text, node.col_offset, "objectives are added, subtracted, and multiplied by numbers")


def _called(node: ast.Call, name: str, text: str) -> Objective:
    if name not in known:
        hint = suggestion(name, known) or f"; known are {', '.join(sorted(known))}"
        raise _wrong(text, node.col_offset, f"there is no objective {name!r}{hint}")
    try:
        arguments = [ast.literal_eval(each) for each in node.args]
        named = {each.arg or "": ast.literal_eval(each.value) for each in node.keywords}
        bound = inspect.signature(known[name]).bind(*arguments, **named)
    except (TypeError, ValueError):
        form = f"{name}({', '.join(inspect.signature(known[name]).parameters)})"
        raise _wrong(text, node.col_offset, f"the form is {form}") from None
    for parameter, value in bound.arguments.items():
        wanted = int if parameter == "index" else str
        if type(value) is not wanted:
            kind = "a whole number" if wanted is int else "a quoted name"
            raise _wrong(text, node.col_offset, f"{parameter} of {name} must be {kind}, not {value!r}")
    return known[name](*bound.args, **bound.kwargs)


def _wrong(text: str, at: int, reason: str) -> RecipeError:
    return RecipeError(f"objective {text!r}, character {at + 1} ({text[at : at + 12]!r}): {reason}")
