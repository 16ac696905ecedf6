"""What recipes' fields say of themselves, in words: for help, docstrings and pages."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from batcountry.recipe.fields import GROUPS, Facts, given_names


def title_of(name: str, _: object = None) -> str:
    """Return the title of a field that has none of its own."""
    return name.replace("_", " ").capitalize()


@dataclass(frozen=True)
class Described:
    """An option in words.

    Attributes
    ----------
    kind
        `bool`, `int`, `float` or `str`.
    default
        As Python writes it.
    range
        Such as `1 to 64`; empty if there is none.
    choices
        The only values that it takes; empty for any.
    suggestions
        Values that it takes among others.
    """

    name: str
    title: str
    kind: type
    default: Any
    range: str
    choices: tuple[str, ...]
    suggestions: tuple[str, ...]
    description: str
    facts: Facts

    @property
    def flag(self) -> str:
        """The command line's option, with dashes."""
        return self.facts.flag or "--" + self.name.replace("_", "-")

    @property
    def sentence(self) -> str:
        """The description, with the choices if it does not name them all."""
        if all(each in self.description for each in self.choices):
            return self.description
        return f"{self.description} One of {', '.join(self.choices)}."


def described(model: type[BaseModel]) -> list[Described]:
    """Return the options of a recipe's class, or of its like, in the order of their groups, each as it was declared."""
    found = [
        _described(name, field)
        for name, field in model.model_fields.items()
        if isinstance(field.json_schema_extra, Facts) and _is_plain(field.annotation)
    ]
    return sorted(found, key=lambda each: GROUPS.index(each.facts.group))


def _described(name: str, field: FieldInfo) -> Described:
    facts = field.json_schema_extra
    assert isinstance(facts, Facts)
    members = _members(field.annotation)
    kind = next(each for each in (bool, int, float, str) if each in map(_kind, members))
    choices = (
        given_names(facts.choices) if facts.choices else [each for each in members if isinstance(each, str)]
    )
    return Described(
        name,
        field.title or title_of(name),
        kind,
        field.default,
        _range(field),
        tuple(choices),
        tuple(given_names(facts.suggestions or ())),
        field.description or "",
        facts,
    )


def _members(annotation: Any) -> list[Any]:
    """Return the types that a field takes, and the values of `Literal` among them."""
    parts = get_args(annotation)
    return [found for each in parts for found in _members(each)] if parts else [annotation]


def _is_plain(annotation: Any) -> bool:
    """Whether a field can be an option: no mapping, and no model with fields of its own."""
    is_model = isinstance(annotation, type) and issubclass(annotation, BaseModel)
    return get_origin(annotation) is not dict and not is_model


def _kind(member: Any) -> type:
    return member if isinstance(member, type) else type(member)


def _range(field: FieldInfo) -> str:
    """Say which numbers a field takes."""
    limits = {
        name: getattr(each, name)
        for each in field.metadata
        for name in ("ge", "gt", "le", "lt")
        if hasattr(each, name)
    }
    if isinstance(limits.get("lt"), int) and int in _members(field.annotation):
        limits["le"] = limits.pop("lt") - 1
    if {"ge", "le"} <= set(limits):
        return f"{limits['ge']} to {limits['le']}"
    words = {"ge": "{} or more", "gt": "more than {}", "le": "up to {}", "lt": "less than {}"}
    return ", ".join(words[name].format(limit) for name, limit in limits.items())


def explained(model: type[BaseModel]) -> str:
    """Return all options of a recipe's class as a docstring has them, group by group."""
    lines = []
    for group, members in groupby(described(model), key=lambda each: each.facts.group):
        lines += ["", f"{group}:"]
        for each in members:
            kind = f"{each.kind.__name__}{' or None' if each.default is None else ''}"
            facts = [kind, each.range, f"default {each.default!r}"]
            lines.append(f"    {each.name} : {', '.join(filter(None, facts))}")
            lines += textwrap.wrap(
                each.sentence, 100, initial_indent=" " * 8, subsequent_indent=" " * 8, break_on_hyphens=False
            )
    return "\n".join(lines[1:])


T = TypeVar("T", bound=Callable[..., Any])

_HEADING = "Fields of "


def without_fields(docstring: str) -> str:
    """Return a docstring as it was before `with_fields`."""
    return docstring.partition(f"\n\n{_HEADING}")[0]


def with_fields(model: type[BaseModel]) -> Callable[[T], T]:
    """Make a decorator that ends a function's or a class's docstring with the options of a recipe's class."""

    def decorate(thing: T) -> T:
        heading = f"{_HEADING}{model.__name__}"
        parts = (inspect.getdoc(thing) or "", "", heading, "-" * len(heading), explained(model))
        thing.__doc__ = "\n".join(parts)
        return thing

    return decorate
