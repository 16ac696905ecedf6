"""The fields of recipes: what each says of itself, for the command line's help, Python's, the docs and forms.

A field is declared once, by its `Group`, where its model is. Everything that shows options reads `described`.
"""

from __future__ import annotations

import inspect
import sys
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from dataclasses import fields as dataclass_fields
from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, Field
from pydantic.fields import FieldInfo


@dataclass(frozen=True)
class Registry:
    """The names in a registry, without importing what it holds.

    Attributes
    ----------
    module, name
        Where the registry, a dict, is.
    built_in
        The names that come with this package, which the registry need not be imported for.
    besides
        Names that go with them and are not in it.
    """

    module: str
    name: str
    built_in: tuple[str, ...]
    besides: tuple[str, ...] = ()

    def __call__(self) -> tuple[str, ...]:
        """Return the names; those that a program put in are among them, as it had to import the registry for that."""
        module = sys.modules.get(self.module)
        return (*self.besides, *(self.built_in if module is None else getattr(module, self.name)))


Names = Sequence[str] | Callable[[], Sequence[str]]
"""Names of values, or what gives them when they are asked for."""


@dataclass(frozen=True)
class Facts:
    """What a field says of itself besides what pydantic knows; called, it puts that into a JSON schema.

    Attributes
    ----------
    group
        The title of its `Group`.
    first
        Whether it is one of the few that people need first.
    choices
        The only values that it takes; None for those of its type.
    examples
        Values that it takes among others.
    see
        The command that says more.
    flag
        The command line's option, if that is not the name with dashes.
    path
        Whether it names a file.
    no
        Of what is so if nothing is said: what happens if it is not.
    """

    group: str
    first: bool = False
    choices: Names | None = None
    examples: Names | None = None
    see: str | None = None
    flag: str | None = None
    path: bool = False
    no: str | None = None

    def __call__(self, schema: dict[str, Any]) -> None:
        """Add to a field's JSON schema: `enum` or `examples`, `format`, and the own keys `group`, `first`, `see`, `flag`."""
        own = {"group": self.group, "first": self.first or None, "see": self.see, "flag": self.flag}
        schema.update({key: value for key, value in own.items() if value is not None})
        if self.choices is not None:
            schema["enum"] = list(_given(self.choices))
        kinds = schema.get("anyOf", [])
        literal = next((each["enum"] for each in kinds if "enum" in each), None)
        if {"type": "null"} in kinds and (values := schema.get("enum", literal)):
            schema["enum"] = [*values, None]
        if self.examples is not None:
            schema["examples"] = list(_given(self.examples))
        if self.path:
            schema["format"] = "path"


@dataclass(frozen=True)
class Group:
    """What options are for; called, it declares a field of a recipe that is for that.

    `LOOK("How many sizes, coarse to fine.", ge=1, le=64)` is pydantic's `Field` with that description; whatever
    `Facts` has may be given besides what `Field` takes, and a `title` where the name alone would not do in a form.
    """

    title: str

    def __call__(self, description: str, *, title: str | None = None, **more: Any) -> Any:
        """Return the field, for `Annotated`."""
        own = {each.name: more.pop(each.name) for each in dataclass_fields(Facts) if each.name in more}
        return Field(description=description, title=title, json_schema_extra=Facts(self.title, **own), **more)


PICTURE = Group("Picture")
SUBJECT = Group("What to dream of")
LOOK = Group("Look")
FILM = Group("Film")
PENALTIES = Group("Penalties")
SIZE = Group("Size and memory")
OUTPUT = Group("Output")
ADVANCED = Group("Advanced")
GROUPS = tuple(each.title for each in (PICTURE, SUBJECT, LOOK, FILM, PENALTIES, SIZE, OUTPUT, ADVANCED))
"""The groups' titles, in the order in which they are shown."""


def _given(names: Names) -> Sequence[str]:
    return names() if callable(names) else names


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
    examples
        Values that it takes among others.
    """

    name: str
    title: str
    kind: type
    default: Any
    range: str
    choices: tuple[str, ...]
    examples: tuple[str, ...]
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
        if isinstance(field.json_schema_extra, Facts)
    ]
    return sorted(found, key=lambda each: GROUPS.index(each.facts.group))


def _described(name: str, field: FieldInfo) -> Described:
    facts = field.json_schema_extra
    assert isinstance(facts, Facts)
    members = _members(field.annotation)
    kind = next(each for each in (bool, int, float, str) if each in map(_kind, members))
    choices = _given(facts.choices) if facts.choices else [each for each in members if isinstance(each, str)]
    return Described(
        name,
        field.title or title_of(name),
        kind,
        field.default,
        _range(field),
        tuple(choices),
        tuple(_given(facts.examples or ())),
        field.description or "",
        facts,
    )


def _members(annotation: Any) -> list[Any]:
    """Return the types that a field takes, and the values of `Literal` among them."""
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    parts = get_args(annotation)
    return [found for each in parts for found in _members(each)] if parts else [annotation]


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
    for group in GROUPS:
        members = [each for each in described(model) if each.facts.group == group]
        if members:
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
