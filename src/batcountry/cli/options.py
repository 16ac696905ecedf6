"""The options of a command, made from the fields of `Recipe`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer
from pydantic import BaseModel

from batcountry import presets
from batcountry.recipe import Recipe

_TYPES = (bool, int, float, str)


def recipe_options(
    *recipes: type[BaseModel], without: tuple[str, ...] = ()
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command an option for each field that can be one of `Recipe`, or of several kinds of recipes.

    The command is called with its own parameters and `options`, a dict of the fields that were
    given, by name or by a preset; those not given are left to the recipe's defaults.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        every = {name: field for each in recipes or (Recipe,) for name, field in each.model_fields.items()}
        fields = {n: each for n, each in every.items() if n not in without and each.description}
        own = [
            each
            for name, each in inspect.signature(command, eval_str=True).parameters.items()
            if name != "options"
        ]

        def call(**given: Any) -> None:
            options = {name: given.pop(name) for name in ("preset", *fields)}
            given_options = {name: value for name, value in options.items() if value is not None}
            command(**given, options=presets.expanded(given_options, without))

        added = [_preset(), *(_parameter(name, field) for name, field in fields.items())]
        call.__signature__ = inspect.Signature(own + added)  # type: ignore[attr-defined]
        call.__annotations__ = {each.name: each.annotation for each in own + added}
        call.__doc__ = command.__doc__
        call.__name__ = command.__name__
        return call

    return decorate


def _preset() -> inspect.Parameter:
    option = typer.Option(
        "--preset", help=f"Options that go well together, before the others: {', '.join(presets.known)}."
    )
    return inspect.Parameter(
        "preset", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[str | None, option]
    )


def options_of(
    kind: type[BaseModel], into: str, *, flags: Mapping[str, str] | None = None
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command an option for each field of a model.

    Parameters
    ----------
    into
        The command's parameter that takes the fields that were given, by name.
    flags
        Options' names, where they are not the fields'.
    """
    flags = flags or {}

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        parameters = inspect.signature(command, eval_str=True).parameters
        own = [each for name, each in parameters.items() if name != into]

        def call(**given: Any) -> None:
            found = {name: given.pop(name) for name in kind.model_fields}
            command(**given, **{into: {name: value for name, value in found.items() if value is not None}})

        added = [_parameter(name, field, flags.get(name)) for name, field in kind.model_fields.items()]
        call.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own] + added
        )
        call.__doc__, call.__name__ = command.__doc__, command.__name__
        return call

    return decorate


def _parameter(name: str, field: Any, flag: str | None = None) -> inspect.Parameter:
    kind = next(each for each in _TYPES if each in _members(field.annotation))
    flag = flag or (field.json_schema_extra or {}).get("flag") or "--" + name.replace("_", "-")
    shown = field.default is not None and not isinstance(field.default, bool)
    default = f" (default: {field.default})" if shown else ""
    names = (f"{flag}/--no-{flag[2:]}",) if kind is bool else (flag,)
    option = typer.Option(*names, help=field.description + default, show_default=False)
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, option]
    )


def _members(annotation: Any) -> tuple[Any, ...]:
    """Return the types that a field takes; of a `Literal`, the type of its values, which the recipe checks."""
    if isinstance(annotation, type):
        return (annotation,)
    members = getattr(annotation, "__args__", ())
    return tuple(found for each in members for found in _members(each)) if members else (type(annotation),)
