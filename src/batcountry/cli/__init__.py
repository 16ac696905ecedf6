"""The command `bat-country`."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from batcountry.errors import BatCountryError, first_line, suggestion

if TYPE_CHECKING:
    from batcountry.cli.commands import Commands


TRACEBACK = "BATCOUNTRY_TRACEBACK"
"""Name of the environment variable with which a fault of the program shows where it happened."""


def application() -> Commands:
    """Return the application with all its commands."""
    import batcountry.cli.atlas
    import batcountry.cli.bulk
    import batcountry.cli.info
    import batcountry.cli.models
    import batcountry.cli.motion
    import batcountry.cli.networks
    import batcountry.cli.root
    import batcountry.cli.visualize  # noqa: F401 - they add their commands
    from batcountry.cli.app import app

    return app


def main() -> None:
    """Run the command line; leaves with one sentence and a code: 2 on bad input, 130 on Ctrl-C, 70 on a fault of its own."""
    try:
        app = application()
        from batcountry.cli.screen import Handler, Stopped, be_quiet, fail
    except KeyboardInterrupt:  # while modules are loaded, so none is asked to say so
        print("error: stopped", file=sys.stderr)
        sys.exit(130)

    be_quiet(False)
    try:
        with _speaking(Handler()):
            code = app(standalone_mode=False, prog_name="bat-country")
        sys.exit(_stopped() if code == 130 else code)  # as typer says it if Ctrl-C came outside a dream
    except BatCountryError as error:
        sys.exit(fail(str(error)))
    except (Stopped, KeyboardInterrupt) as stop:
        sys.exit(_stopped(str(stop)))
    except OSError as error:
        sys.exit(fail(f"{error.filename or 'a file'} cannot be used: {error.strerror or error}"))
    except Exception as error:
        sys.exit(_usage(error))


@contextmanager
def _speaking(handler: logging.Handler) -> Iterator[None]:
    """Show what the package says while a command runs."""
    log, excepthook = logging.getLogger("batcountry"), sys.excepthook
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.setLevel(level)
        log.removeHandler(handler)
        sys.excepthook = excepthook  # typer puts its own there


def _stopped(said: str = "") -> int:
    """Say that Ctrl-C was pressed, undisturbed by another."""
    from batcountry.cli.screen import fail

    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return fail(said or "stopped", code=130)
    finally:
        signal.signal(signal.SIGINT, before)


def _usage(error: Exception) -> int:
    from batcountry.cli.screen import fail

    # typer brings its own copy of click's exceptions, so they are told by what they have.
    code = getattr(error, "exit_code", None)
    if code is None:
        return _fault(error)
    if type(error).__name__ == "Abort":
        return _stopped()
    text = error.format_message() if hasattr(error, "format_message") else ""
    context = getattr(error, "ctx", None)
    option = getattr(error, "option_name", None)
    if context and hasattr(error, "possibilities"):
        text = f"No such option: {option}{_nearest(str(option), context)}"
    command = context.command_path if context else "bat-country"
    see = " See" if text.endswith("?") else "; see"
    return fail(f"{text.rstrip('.')}{see} {command} --help", code=code) if text else int(code)


def _fault(error: Exception) -> int:
    """Say that something went wrong which is nobody's input, with how to see where."""
    from batcountry.cli.screen import fail

    if os.environ.get(TRACEBACK):
        raise error
    what = f"{type(error).__name__}: {first_line(error)}"
    return fail(f"a fault of the program itself, {what}; {TRACEBACK}=1 shows where, for a report", code=70)


def _nearest(option: str, context: Any) -> str:
    """Ask whether an option that is shown in a command's help was meant."""
    shown = [each for each in context.command.get_params(context) if not getattr(each, "hidden", False)]
    return suggestion(option, [name for each in shown for name in each.opts if name.startswith("--")])
