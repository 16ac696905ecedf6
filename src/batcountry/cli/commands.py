"""What all commands share: an option that takes one value is given once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import typer
from typer.core import TyperCommand


class App(typer.Typer):
    """Commands of the class `Command`."""

    def command(self, *args: Any, **kwargs: Any) -> Callable[..., Any]:
        """Add a command; see `typer.Typer.command`."""
        return super().command(*args, **{"cls": Command, **kwargs})


class Command(TyperCommand):
    """A command that refuses an option which is given twice and takes one value, instead of taking the last in silence."""

    def make_parser(self, ctx: Any) -> Any:
        """Return the parser of the command's options."""
        parser = super().make_parser(ctx)
        parse = parser.parse_args

        def parsed_once(args: list[str]) -> Any:
            found = parse(args=args)
            _check_once(ctx, found[2])
            return found

        parser.parse_args = parsed_once  # type: ignore[method-assign]
        return parser


def _check_once(context: Any, order: Iterable[Any]) -> None:
    """Fail for the first of some parameters that is there twice."""
    seen: list[Any] = []
    for each in order:
        if each in seen and each.param_type_name == "option" and not (each.multiple or each.is_eager):
            context.fail(f"{max(each.opts, key=len)} is given twice, and takes one value")
        seen.append(each)
