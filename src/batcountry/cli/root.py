"""What `bat-country` itself takes, before a command."""

from __future__ import annotations

from typing import Annotated

import typer

from batcountry.cli.app import app
from batcountry.cli.commands import Quiet
from batcountry.cli.screen import answers, be_quiet


def _print_version(wanted: bool) -> None:
    if wanted:
        from batcountry.backend.version import __version__

        answers.print(f"bat-country {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[  # noqa: ARG001 - its callback does it
        bool,
        typer.Option(
            "--version", help="Print the version.", metavar=" ", is_eager=True, callback=_print_version
        ),
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Deep dreams from any convolutional network.

    `bat-country COMMAND --help` has the options of a command, and examples.
    """
    if quiet:
        be_quiet()
