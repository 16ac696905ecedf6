"""The options of a command, made from the fields of `Recipe`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer
from pydantic import BaseModel

from batcountry import presets
from batcountry.recipe import Recipe


def recipe_options(without: tuple[str, ...] = ()) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command an option for each field of `Recipe`.

    The command is called with its own parameters and `options`, a dict of the fields that were
    given, by name or by a preset; those not given are left to the recipe's defaults.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        fields = {name: each for name, each in Recipe.model_fields.items() if name not in without}
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
    kind = next(each for each in (bool, int, float, str) if each in _members(field.annotation))
    flag = flag or "--" + name.replace("_", "-")
    default = f" (default: {field.default})" if field.default not in (None, True, False) else ""
    names = (f"{flag}/--no-{flag[2:]}",) if kind is bool else (flag,)
    option = typer.Option(*names, help=field.description + default, show_default=False)
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, option]
    )


def _members(annotation: Any) -> tuple[Any, ...]:
    """Return the types that a field takes; of a `Literal`, the type of its values, which the recipe checks."""
    members = getattr(annotation, "__args__", ()) or (annotation,)
    return tuple(each if isinstance(each, type) else type(each) for each in members)
