"""The options of a command, made from the fields of `Recipe` and its like."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import typer
from pydantic import BaseModel

from batcountry import presets
from batcountry.recipe import Recipe

Decorator = Callable[[Callable[..., None]], Callable[..., None]]


def recipe_options(without: tuple[str, ...] = ()) -> Decorator:
    """Give a command an option for each field of `Recipe`, and one for presets.

    The command is called with its own parameters and `options`, a dict of the fields that were
    given, by name or by a preset; those not given are left to the recipe's defaults.
    """
    added = [_preset(), *_parameters(Recipe, without)]
    return _with(added, "options", lambda given: presets.expanded(given, without))


def options_of(kind: type[BaseModel], into: str, *, flags: Mapping[str, str] | None = None) -> Decorator:
    """Give a command an option for each field of a model that has a description.

    Parameters
    ----------
    into
        The command's parameter that takes the fields that were given, by name.
    flags
        Options' names, where neither the fields' names nor what they say of themselves (`flag`) will do.
    """
    return _with(_parameters(kind, (), flags), into, lambda given: given)


def _with(
    added: Sequence[inspect.Parameter], into: str, finished: Callable[[dict[str, Any]], dict[str, Any]]
) -> Decorator:
    """Give a command more parameters, which it takes as one dict."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        parameters = inspect.signature(command, eval_str=True).parameters
        own = [
            each.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            for name, each in parameters.items()
            if name != into
        ]

        def call(**given: Any) -> None:
            found = {each.name: given.pop(each.name) for each in added}
            command(
                **given,
                **{into: finished({name: value for name, value in found.items() if value is not None})},
            )

        call.__signature__ = inspect.Signature([*own, *added])  # type: ignore[attr-defined]
        call.__annotations__ = {each.name: each.annotation for each in [*own, *added]}
        call.__doc__, call.__name__ = command.__doc__, command.__name__
        return call

    return decorate


def _preset() -> inspect.Parameter:
    option = typer.Option(
        "--preset", help=f"Options that go well together, before the others: {', '.join(presets.known)}."
    )
    return inspect.Parameter(
        "preset", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[str | None, option]
    )


def _parameters(
    kind: type[BaseModel], without: tuple[str, ...], flags: Mapping[str, str] | None = None
) -> list[inspect.Parameter]:
    return [
        _parameter(name, field, (flags or {}).get(name))
        for name, field in kind.model_fields.items()
        if name not in without and field.description
    ]


def _parameter(name: str, field: Any, flag: str | None = None) -> inspect.Parameter:
    kind = next(each for each in (bool, int, float, str) if each in _members(field.annotation))
    flag = flag or (field.json_schema_extra or {}).get("flag") or "--" + name.replace("_", "-")
    said = field.default is not None and not isinstance(field.default, bool)
    default = f" (default: {field.default})" if said else ""
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
