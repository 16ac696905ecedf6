"""The fields of recipes: what each says of itself, for the command line's help, Python's, the docs and forms.

A field is declared once, by its `Group`, where its model is. Everything that shows options reads `batcountry.recipe.described`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from dataclasses import fields as dataclass_fields
from typing import Any, Literal

from pydantic import Field

Names = Sequence[str] | Callable[[], Sequence[str]]
"""Names of values, or what gives them when they are asked for."""


Unit = Literal[
    "none",
    "pixels",
    "gray levels",
    "steps",
    "octaves",
    "bytes",
    "seconds",
    "frames",
    "frames a second",
    "degrees",
    "percent",
]
"""What a field's numbers count; `none` for multiples, shares, and what is no number."""

Level = Literal["everyday", "advanced"]
"""Who needs a field: most people, or those who know what it does."""


@dataclass(frozen=True)
class Facts:
    """What a field says of itself besides what pydantic knows; called, it puts that into a JSON schema.

    Attributes
    ----------
    group
        The title of its `Group`.
    unit, level
        See `Unit` and `Level`.
    choices
        The only values that it takes; None for those of its type.
    suggestions
        Values that it takes among others, which a shell and a form offer.
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
    unit: Unit = "none"
    level: Level = "advanced"
    choices: Names | None = None
    suggestions: Names | None = None
    see: str | None = None
    flag: str | None = None
    path: bool = False
    no: str | None = None

    def __call__(self, schema: dict[str, Any]) -> None:
        """Add to a field's JSON schema what a form needs.

        These are `enum` or `examples`, `format`, and the own keys `group`, `unit`, `level`, `see` and `flag`. What may be
        null says so in `type` and `enum`, not by `anyOf`.
        """
        _merge_null(schema)
        schema.update(group=self.group, unit=self.unit, level=self.level)
        schema.update({key: value for key in ("see", "flag") if (value := getattr(self, key)) is not None})
        if self.choices is not None:
            null = [None] if "null" in schema["type"] else []
            schema["enum"] = [*given_names(self.choices), *null]
        if self.suggestions is not None:
            schema["examples"] = list(given_names(self.suggestions))
        if self.path:
            schema["format"] = "path"


def _merge_null(schema: dict[str, Any]) -> None:
    """Make of `anyOf` something and null one schema whose `type` is a list."""
    kinds = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    if len(kinds) != 1 or len(schema["anyOf"]) != 2 or "$ref" in kinds[0]:
        return
    del schema["anyOf"]
    schema.update(kinds[0], type=[kinds[0]["type"], "null"])
    if "enum" in schema:
        schema["enum"] = [*schema["enum"], None]


@dataclass(frozen=True)
class Group:
    """What options are for; called, it declares a field of a recipe that is for that.

    `OCTAVES("How many sizes, coarse to fine.", ge=1, le=64)` is pydantic's `Field` with that description; whatever
    `Facts` has may be given besides what `Field` takes, and a `title` where the name alone would not do in a form.
    """

    title: str

    def __call__(self, description: str, *, title: str | None = None, **more: Any) -> Any:
        """Return the field, for `Annotated`."""
        own = {each.name: more.pop(each.name) for each in dataclass_fields(Facts) if each.name in more}
        return Field(description=description, title=title, json_schema_extra=Facts(self.title, **own), **more)


PICTURE = Group("Picture")
NETWORK = Group("Network")
OBJECTIVE = Group("Objective")
OCTAVES = Group("Octaves")
STEP = Group("Step")
MEMORY = Group("Memory")
FILM = Group("Film")
CAMERA = Group("Camera")
PENALTIES = Group("Penalties")
OUTPUT = Group("Output")
GROUPS = tuple(
    each.title
    for each in (PICTURE, NETWORK, OBJECTIVE, OCTAVES, STEP, MEMORY, FILM, CAMERA, PENALTIES, OUTPUT)
)
"""The groups' titles, in the order in which they are shown."""


def given_names(names: Names) -> Sequence[str]:
    """Return the names, asked for if need be."""
    return names() if callable(names) else names
