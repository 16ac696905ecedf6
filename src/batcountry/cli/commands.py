"""What all commands share: an option of one value that is given twice is not taken in silence."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import typer
from typer.core import TyperCommand

log = logging.getLogger("batcountry")


class App(typer.Typer):
    """Commands of the class `Command`."""

    def command(self, *args: Any, **kwargs: Any) -> Callable[..., Any]:
        """Add a command; see `typer.Typer.command`."""
        return super().command(*args, **{"cls": Command, **kwargs})


class Command(TyperCommand):
    """A command that says so if an option which takes one value is given more than once.

    It is no error, since scripts end in `"$@"` so that options of theirs can be given anew.
    """

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
