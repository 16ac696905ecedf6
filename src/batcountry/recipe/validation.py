"""From options and JSON to checked values, with errors in one sentence."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from batcountry.errors import BatCountryError, RecipeError, suggestion
from batcountry.recipe.described import title_of, with_fields, without_fields
from batcountry.recipe.json_text import read_json

if TYPE_CHECKING:
    from typing_extensions import Self

T = TypeVar("T", bound=BaseModel)

LONGEST_SHOWN = 200
"""Characters of a wrong value that an error shows."""


class Checked(BaseModel):
    """Fields by name, checked. Immutable.

    Raises
    ------
    BatCountryError
        Of the class's kind `refusal`, if a field is unknown or out of its range; the message names the first. Pydantic's own
        ways in, such as `model_validate`, raise its `ValidationError`, so that models of others may hold these.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    refusal: ClassVar[type[BatCountryError]] = RecipeError

    def __init__(self, **fields: Any) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise self.refusal(said(error, self.option_names())) from None

    # Without it pydantic would take this for another way to make a value, and go through it in `model_validate` too.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    @classmethod
    def option_names(cls) -> list[str]:
        """Return the names of the fields that may be given."""
        return list(cls.model_fields)


class Options(Checked):
    """Options by name, checked. `model_dump_json()` and `read(text)` are their JSON form."""

    model_config = ConfigDict(
        field_title_generator=title_of,
        json_schema_extra=lambda schema: schema.update(description=without_fields(schema["description"])),
    )

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        with_fields(cls)(cls)

    @classmethod
    def of(cls, options: dict[str, Any]) -> Self:
        """Make a value from options by name; raises `RecipeError` as `Options` does."""
        return cls(**options)

    @classmethod
    def read(cls, text: str) -> Self:
        """Read a value from its JSON form; raises `RecipeError` if it is not one."""
        return cls.of(json_object(text, "recipe"))

    def with_options(self, **options: Any) -> Self:
        """Return this value with some fields changed, checked like new."""
        return type(self).of({**self.model_dump(), **options})

    def chosen(self, **fields: Any) -> Self:
        """Return this value with some fields as the program itself chose them, which are not checked again."""
        return self.model_copy(update=fields) if fields else self


def json_object(text: str | bytes, what: str) -> dict[str, Any]:
    """Read a JSON object of anybody's; raises `RecipeError`, which calls it `what`, if the text is none. See `read_json`."""
    try:
        found = read_json(text)
    except ValueError as error:
        raise RecipeError(f"the {what} {error}") from None
    if not isinstance(found, dict):
        raise RecipeError(f"the {what} is not a JSON object")
    return found


def noted(kind: type[T], text: str, whose: str) -> T:
    """Read the note inside a file from its JSON form; raises `RecipeError`, which says `whose` it is, if it is none."""
    try:
        return kind(**json_object(text, "note"))
    except ValidationError as error:
        raise RecipeError(f"the {whose}'s note is damaged: {said(error, kind.model_fields)}") from None


def is_of_film(note: str) -> bool:
    """Whether a note's JSON form is a film's, which its frames have inside too."""
    recipe = json_object(note, "picture's note").get("recipe")
    return isinstance(recipe, dict) and "kind" in recipe


def said(error: ValidationError, known: Collection[str]) -> str:
    """Return what was wrong first, in one sentence; `known` are the options that there are."""
    first = error.errors()[0]
    name = ".".join(str(each) for each in first["loc"])[:200]
    if first["type"] == "extra_forbidden":
        hint = suggestion(name, known) or f"; the options are {', '.join(known)}"
        return f"there is no option {name!r}{hint}"
    reason = str(first.get("ctx", {}).get("error", first["msg"]))
    if first["type"] == "string_unicode":
        reason = "it is not UTF-8, as names of files and texts have to be; rename it"
    return f"{name} cannot be {_shortened(repr(first['input']))}: {reason[:1].lower()}{reason[1:]}"


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"
