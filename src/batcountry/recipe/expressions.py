"""Text such as `jitter(8)` or `2*layer("stem")`, read without running anything but known functions."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

from batcountry.errors import RecipeError, suggestion

LONGEST = 10_000
"""Characters that a text may have."""


_NAME = re.compile(
    r"""(?P<quoted>"[^"]*"|'[^']*')"""
    r"|(?<![\w.\"'])(?!(?:True|False|None)\b)(?P<name>[A-Za-z_@](?:[\w./]*\w)?)(?![\w./]*\s*[(=\"'])"
)
"""What is quoted, or a name that is neither called, nor a keyword, nor a part of what is quoted, as in `b'x'`."""


def _quoted(found: re.Match[str]) -> str:
    return '"' + (found["name"] or found["quoted"][1:-1]) + '"'


class Calls:
    """A small language of calls of known functions, joined by operators.

    Parameters
    ----------
    what
        The thing that a text stands for, as errors call it: `objective`.
    functions
        By name. Arguments are checked against their annotations; those that take `Any` are
        given text.
    operator
        Joins two values, or a value and a number; returns None if it cannot. Without it only calls
        stand for themselves.
    """

    def __init__(
        self,
        what: str,
        functions: Mapping[str, Callable[..., Any]],
        operator: Callable[[ast.operator, Any, Any], Any] | None = None,
    ) -> None:
        self.what = what
        self.functions = functions
        self.operator = operator

    def parse(self, text: str) -> Any:
        """Return the value of a text, or a list where it is several with commas between.

        Raises
        ------
        RecipeError
            If the text is something else; the message points at the character.
        """
        if len(text) > LONGEST:
            raise RecipeError(
                f"the text of {_a(self.what)} with {len(text)} characters is too long; {LONGEST} are allowed"
            )
        text = text.strip()
        try:
            return self._parsed(text)
        except RecipeError:
            self._check_quotes(text)
            raise

    def _parsed(self, text: str) -> Any:
        try:
            node = ast.parse(text, mode="eval").body
            if isinstance(node, ast.Tuple):
                return [self._value(each, text) for each in node.elts]
            return self._value(node, text)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            at = (getattr(error, "offset", None) or 1) - 1
            raise self.wrong(text, at, f"this is not {_a(self.what)}") from None

    def _check_quotes(self, text: str) -> None:
        """Raise an error that says the right form, if all that a text lacks is quotes around its names."""
        quoted = _NAME.sub(_quoted, text)
        if not any(found["name"] for found in _NAME.finditer(text)) or re.search(r'"\s+"', quoted):
            return
        try:
            value = self._parsed(quoted)
        except RecipeError:
            return
        if not isinstance(value, str):
            raise RecipeError(
                f"{self.what} {text!r}: names need quotes, and in a shell single ones around all of it: '{quoted}'"
            ) from None

    def wrong(self, text: str, at: int, reason: str) -> RecipeError:
        """Return the error that points at a character of a text."""
        return RecipeError(f"{self.what} {text!r}, character {at + 1} ({text[at : at + 12]!r}): {reason}")

    def _value(self, node: ast.expr, text: str) -> Any:
        if isinstance(node, ast.Constant) and type(node.value) in (int, float, str, bool, type(None)):
            return node.value
        if isinstance(node, ast.List):
            return [self._value(each, text) for each in node.elts]
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
            return self._signed(node, text)
        if isinstance(node, ast.BinOp) and self.operator is not None:
            left, right = self._value(node.left, text), self._value(node.right, text)
            return self._joined(node, node.op, left, right, text=text)
        if isinstance(node, ast.Call) and (name := self._name(node.func)):
            return self._called(node, name, text)
        example = next(iter(self.functions), "name")
        raise self.wrong(
            text, node.col_offset, f"expected {_a(self.what)} such as {_form(example, self.functions)}"
        )

    def _signed(self, node: ast.UnaryOp, text: str) -> Any:
        """Return a number, or what an operator knows how to multiply, with a sign before it."""
        value, sign = self._value(node.operand, text), -1 if isinstance(node.op, ast.USub) else 1
        if type(value) in (int, float):
            return sign * value
        if self.operator is None or isinstance(value, (bool, str, list, type(None))):
            raise self.wrong(text, node.col_offset, "a sign goes before a number")
        return self._joined(node, ast.Mult(), sign, value, text=text)

    def _joined(self, node: ast.expr, operator: ast.operator, left: Any, right: Any, *, text: str) -> Any:
        assert self.operator is not None  # or there would be calls alone
        try:
            found = self.operator(operator, left, right)
        except RecipeError as error:
            raise self.wrong(text, node.col_offset, str(error)) from None
        except (ArithmeticError, TypeError, ValueError) as error:
            raise self.wrong(text, node.col_offset, f"this cannot be worked out: {error}") from None
        if found is None:
            reason = f"{self.what}s are added, subtracted, and multiplied by numbers or divided by them"
            raise self.wrong(text, node.col_offset, reason)
        return found

    def _name(self, node: ast.expr) -> str:
        """Return the name of a function, or of one of a library, such as `lucid.neuron`; empty for anything else."""
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            library = f"{node.value.id}."
            return library + node.attr if any(name.startswith(library) for name in self.functions) else ""
        return node.id if isinstance(node, ast.Name) else ""

    def _called(self, node: ast.Call, name: str, text: str) -> Any:
        if name not in self.functions:
            hint = suggestion(name, self.functions) or f"; there are {', '.join(sorted(self.functions))}"
            raise self.wrong(text, node.col_offset, f"there is no {self.what} {name!r}{hint}")
        function = self.functions[name]
        arguments = [self._value(each, text) for each in node.args]
        named = {each.arg or "": self._value(each.value, text) for each in node.keywords}
        try:
            bound = inspect.signature(function).bind(*arguments, **named)
        except TypeError:
            raise self.wrong(text, node.col_offset, f"the form is {_form(name, self.functions)}") from None
        for parameter, value in bound.arguments.items():
            self._check(function, parameter, value, node, text)
        try:
            return function(*bound.args, **bound.kwargs)
        except RecipeError as error:
            raise self.wrong(text, node.col_offset, str(error)) from None

    def _check(
        self, function: Callable[..., Any], parameter: str, value: Any, node: ast.Call, text: str
    ) -> None:
        hint = _hints(function)[parameter]
        if not _fits(value, hint):
            reason = f"{parameter} of {self._name(node.func)} must be {_wanted(hint)}, not {value!r}"
            raise self.wrong(text, node.col_offset, reason)


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value is of a type, as an annotation gives it; what may be anything is text here."""
    kind, parts = get_origin(hint), get_args(hint)
    if hint is Any:
        return isinstance(value, str)
    if kind is Literal:
        return value in parts
    if kind in (list, tuple):  # a tuple is of `*each`
        return isinstance(value, kind) and all(_fits(each, parts[0]) for each in value)
    if parts:  # a union
        return any(_fits(value, each) for each in parts)
    if hint is float:
        return type(value) in (int, float)
    return type(value) is hint


@cache
def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the types of a function's parameters; of `*each`, those of the tuple."""
    hints = get_type_hints(function)
    found = {}
    for name, parameter in inspect.signature(function).parameters.items():
        hint = hints.get(name, Any)
        found[name] = (
            tuple.__class_getitem__((hint, ...)) if parameter.kind is parameter.VAR_POSITIONAL else hint
        )
    return found


_NAMES = {
    int: "a whole number",
    float: "a number",
    str: "a quoted name",
    Any: "a quoted name",
    bool: "True or False",
    type(None): "None",
}


def _wanted(hint: Any) -> str:
    parts = get_args(hint)
    if get_origin(hint) is Literal:
        return f"one of {', '.join(map(repr, parts))}"
    if get_origin(hint) in (list, tuple):
        return f"a list, each {_wanted(parts[0])}"
    if parts:
        return " or ".join(_wanted(each) for each in parts)
    return _NAMES[hint] if hint in _NAMES else _a(getattr(hint, "__name__", str(hint)).lower())


def _form(name: str, functions: Mapping[str, Callable[..., Any]]) -> str:
    return (
        f"{name}({', '.join(inspect.signature(functions[name]).parameters)})" if name in functions else name
    )


def _a(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"
