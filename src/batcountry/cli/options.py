"""The options of a command, made from the fields of `Recipe` and its like."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer
from pydantic import BaseModel

from batcountry.cli.completing import completing, model_names
from batcountry.errors import RecipeError
from batcountry.recipe import Recipe, presets
from batcountry.recipe.described import Described, described

log = logging.getLogger("batcountry")

Decorator = Callable[[Callable[..., None]], Callable[..., None]]

EVERYDAY = None
"""The panel of the options of that level, which is typer's own, `Options`."""

_NO = "no__"
"""Before the name of a field, that of the option which says no to it."""


def recipe_options(without: tuple[str, ...] = (), *, picture: str | None = None) -> Decorator:
    """Give a command an option for each field of `Recipe`, and one for presets.

    The command is called with its own parameters and `options`, a dict of the fields that were
    given, by name or by a preset; those not given are left to the recipe's defaults.

    Parameters
    ----------
    without
        Fields that the command has no option for.
    picture
        The command's own parameter in whose place a start is made; if it is given, it is said that options of that do nothing.
    """
    added = [_preset(), *_parameters(Recipe, without)]

    def finished(typed: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
        if picture is not None and own[picture] is not None:
            _say_unused(typed, own[picture])
        return presets.expanded(typed, without)

    return _with(added, "options", finished)


def _say_unused(typed: dict[str, Any], picture: object) -> None:
    for name in ("start", "canvas"):
        if name in typed:
            log.warning(
                "--%s does nothing, as %s is dreamed on; it is for a dream on no picture", name, picture
            )


def options_of(kind: type[BaseModel], into: str) -> Decorator:
    """Give a command an option for each field of a model that is one; `into` takes those that were given, by name."""
    return _with(_parameters(kind, ()), into, lambda typed, _: typed)


def several(name: str, what: str) -> Any:
    """Return the option of a field of `Recipe` that a command takes several times, which does what is said then."""
    field = next(each for each in described(Recipe) if each.name == name)
    return typer.Option(
        field.flag,
        help=f"{_help(field)} Given several times: {what}.",
        metavar=_metavar(field),
        autocompletion=_completion(field),
    )


def command_words(options: BaseModel, without: tuple[str, ...] = ()) -> list[str]:
    """Return the command line's words that give the options' values, where those differ from the defaults."""
    words = []
    for field in described(type(options)):
        value = getattr(options, field.name)
        if field.name in without or value == field.default:
            continue
        if field.kind is bool:
            words.append(field.flag if value else _no(field))
        elif str(value).startswith("-"):
            words.append(f"{field.flag}={value}")
        else:
            words += [field.flag, str(value)]
    return words


def _with(
    added: Sequence[inspect.Parameter],
    into: str,
    finished: Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]],
) -> Decorator:
    """Give a command more parameters, which it takes as one dict: what `finished` makes of those typed, and of its own."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        parameters = inspect.signature(command, eval_str=True).parameters
        own = [
            each.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            for name, each in parameters.items()
            if name != into
        ]

        def call(**given: Any) -> None:
            found = {each.name: given.pop(each.name) for each in added}
            command(**given, **{into: finished(_said(found), given)})

        call.__signature__ = inspect.Signature([*own, *added])  # type: ignore[attr-defined]
        call.__annotations__ = {each.name: each.annotation for each in [*own, *added]}
        call.__doc__, call.__name__ = command.__doc__, command.__name__
        return call

    return decorate


def _said(found: dict[str, Any]) -> dict[str, Any]:
    """Return the options that were given, by the names of the fields."""
    for name, value in found.items():
        if value is not None and name.startswith(_NO) and found[name.removeprefix(_NO)] is not None:
            flag = name.removeprefix(_NO).replace("_", "-")
            raise RecipeError(f"--{flag} and --no-{flag} say opposite things; leave one of them out")
    return {
        name.removeprefix(_NO): not value if name.startswith(_NO) else value
        for name, value in found.items()
        if value is not None
    }


def _preset() -> inspect.Parameter:
    option = typer.Option(
        "--preset",
        metavar="NAME",
        help=f"Options that go well together, before the others: {', '.join(presets.PRESETS)}.",
        autocompletion=completing(lambda: presets.PRESETS),
    )
    return _optional("preset", str, option)


def _parameters(kind: type[BaseModel], without: tuple[str, ...]) -> list[inspect.Parameter]:
    fields = [each for each in described(kind) if each.name not in without]
    return [
        parameter
        for each in fields
        for parameter in (_switches(each) if each.kind is bool else [_parameter(each)])
    ]


def _parameter(field: Described) -> inspect.Parameter:
    option = typer.Option(
        field.flag,
        help=_help(field),
        show_default=False,
        rich_help_panel=_panel(field),
        metavar=_metavar(field),
        autocompletion=_completion(field),
    )
    return _optional(field.name, field.kind, option)


def _switches(field: Described) -> list[inspect.Parameter]:
    """Return the two options of a yes or no; the help shows the one that changes what is so if nothing is said."""
    shown = {
        "help": field.facts.no or _help(field),
        "rich_help_panel": _panel(field),
        "metavar": " ",
    }
    yes, no = ({"hidden": True}, shown) if field.default else (shown, {"hidden": True})
    return [
        _optional(field.name, bool, typer.Option(field.flag, show_default=False, **yes)),
        _optional(_NO + field.name, bool, typer.Option(_no(field), show_default=False, **no)),
    ]


def _panel(field: Described) -> str | None:
    return EVERYDAY if field.facts.level == "everyday" else field.facts.group


def _no(field: Described) -> str:
    return f"--no-{field.flag[2:]}"


def _optional(name: str, kind: type, option: Any) -> inspect.Parameter:
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, option]
    )


def _help(field: Described) -> str:
    see = f" See `{field.facts.see}`." if field.facts.see else ""
    if field.default is None or field.kind is bool:
        return field.sentence + see
    default = f"{field.default:g}" if field.kind is float else field.default
    return f"{field.sentence}{see} (default: {default})"


def _metavar(field: Described) -> str:
    if field.facts.path:
        return "FILE"
    return "NAME" if field.choices else {int: "N", float: "X"}.get(field.kind, "TEXT")


def _completion(field: Described) -> Callable[[str], list[str]] | None:
    if field.name == "model":
        return completing(model_names)
    values = field.choices or field.suggestions
    return completing(lambda: values) if values else None
