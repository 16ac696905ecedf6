"""What all commands have: panels in one order, examples below the options, `--quiet`, `-h`."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any

import typer
from rich.markup import escape
from typer.core import TyperCommand
from typer.models import OptionInfo

from batcountry.cli.examples import EXAMPLES
from batcountry.cli.screen import be_quiet
from batcountry.recipe.fields import GROUPS

FILMS = "Films"
NETWORKS = "Networks"
"""Panels of commands, beside typer's own."""

log = logging.getLogger("batcountry")

Command = Callable[..., Any]

Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.", metavar=" ")]


class _Command(TyperCommand):
    """A command whose errors say which it is, and which says so if an option that takes one value is given more than once.

    That is no error, since scripts end in `"$@"` so that options of theirs can be given anew.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse, as typer does."""
        try:
            return super().parse_args(ctx, args)
        except Exception as error:
            if getattr(error, "ctx", ctx) is None:
                error.ctx = ctx  # type: ignore[attr-defined]
            raise

    def make_parser(self, ctx: Any) -> Any:
        """Return the parser of the command's options."""
        parser = super().make_parser(ctx)
        parse = parser.parse_args

        def parsed(args: list[str]) -> Any:
            values, rest, order = parse(args=args)
            _say_twice(values, order)
            return values, rest, order

        parser.parse_args = parsed  # type: ignore[method-assign]
        return parser


def _say_twice(values: Mapping[str, Any], order: Iterable[Any]) -> None:
    """Say of each parameter that is there more than once which of its values counts."""
    seen: list[Any] = []
    for each in order:
        if each in seen and each.param_type_name == "option" and not (each.multiple or each.is_eager):
            value = values.get(each.name)
            last = f": {value}" if isinstance(value, str) else ""
            log.warning("%s is given more than once; the last counts%s", max(each.opts, key=len), last)
        seen.append(each)


class Commands(typer.Typer):
    """A `typer.Typer` whose commands get these things as they are added."""

    def __init__(self, name: str | None = None, **settings: Any) -> None:
        super().__init__(
            name=name,
            rich_markup_mode="rich",
            context_settings={"help_option_names": ["--help", "-h"]},
            pretty_exceptions_enable=False,
            epilog=None if name else _epilog(""),
            **settings,
        )
        self._prefix = f"{name} " if name else ""

    # What else typer's takes it takes by name, so mypy cannot see that they agree.
    def command(  # type: ignore[override]
        self, name: str | None = None, **settings: Any
    ) -> Callable[[Command], Command]:
        """Add a command, as `typer.Typer.command` does."""

        def add(function: Command) -> Command:
            full = self._prefix + (name or function.__name__)
            more = {"epilog": _epilog(full), **settings} if full in EXAMPLES else settings
            super(Commands, self).command(name, cls=_Command, **more)(_ordered(_quietable(function)))
            return function

        return add


def _epilog(name: str) -> str:
    """Return the examples of a command, as typer shows them below its options."""
    lines = [f"[dim]# {escape(what)}[/]\n{escape(line)}" for line, what in EXAMPLES[name]]
    return "\n".join(["[bold]Examples[/]", *lines])


def _quietable(function: Command) -> Command:
    """Give a command the option `--quiet`."""
    own = inspect.signature(function, eval_str=True).parameters.values()
    quiet = inspect.Parameter("quiet", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Quiet)

    def call(**given: Any) -> Any:
        if given.pop("quiet"):
            be_quiet()
        return function(**given)

    parameters = [*(each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own), quiet]
    return _signed(call, function, parameters)


def _ordered(function: Command) -> Command:
    """Sort a command's options by panel, those that people need first before all."""
    parameters = inspect.signature(function).parameters.values()
    return _signed(function, function, sorted(parameters, key=_rank))


def _rank(parameter: inspect.Parameter) -> int:
    infos = getattr(parameter.annotation, "__metadata__", ())
    panel = next((each.rich_help_panel for each in infos if isinstance(each, OptionInfo)), None)
    return GROUPS.index(panel) if panel in GROUPS else -1


def _signed(call: Command, function: Command, parameters: list[inspect.Parameter]) -> Command:
    """Give a function another's name and documentation, and the parameters that typer is to see."""
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {each.name: each.annotation for each in parameters}
    call.__doc__, call.__name__ = function.__doc__, function.__name__
    return call


app = Commands(no_args_is_help=True)
"""All of `bat-country`."""
