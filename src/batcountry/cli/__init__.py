"""The command `bat-country`."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from batcountry.cli.ending import StopSignals, any_text, lost_output, stop_signals, undisturbed
from batcountry.errors import BatCountryError, first_line, suggestion

if TYPE_CHECKING:
    from batcountry.cli.commands import Commands


TRACEBACK = "BATCOUNTRY_TRACEBACK"
"""Name of the environment variable with which a fault of the program shows where it happened."""


_UNSAID = "what was to be said cannot be written: {}; give the standard output another place"


def application() -> Commands:
    """Return the application with all its commands."""
    import batcountry.cli.atlas
    import batcountry.cli.bench
    import batcountry.cli.bulk
    import batcountry.cli.info
    import batcountry.cli.models
    import batcountry.cli.motion
    import batcountry.cli.networks
    import batcountry.cli.root
    import batcountry.cli.studio
    import batcountry.cli.visualize
    import batcountry.cli.watch  # noqa: F401 - they add their commands
    from batcountry.cli.app import app

    return app


def main() -> None:
    """Run the command line; leaves with one sentence and a code.

    2 on bad input, 130 on Ctrl-C, 143 on SIGTERM, 129 on SIGHUP, 70 on a fault of its own.
    """
    any_text(sys.stdout, sys.stderr)
    with stop_signals() as signals:
        try:
            code = _ran(signals)
        except KeyboardInterrupt as stop:
            code = _stopped(str(stop), signals.code)
        code = _delivered(code)
    sys.exit(code)


def _ran(signals: StopSignals) -> int:
    """Run the command, say what it ended in, and return the code to leave with; raises `KeyboardInterrupt` if it was stopped."""
    app = application()
    from batcountry.cli.screen import Handler, Stopped, be_quiet, fail

    be_quiet(False)
    try:
        with _speaking(Handler()):
            code = app(standalone_mode=False, prog_name="bat-country")
        if code == 130:  # as typer says it if Ctrl-C came outside a dream
            raise KeyboardInterrupt
        return int(code or 0)
    except Stopped as stop:
        raise KeyboardInterrupt(str(stop)) from None
    except BatCountryError as error:
        return fail(f"{error}{_going_on(error)}")
    except OSError as error:
        return fail(f"{_unusable(error)}{_going_on(error)}")
    except Exception as error:
        if signals.came:  # in the midst of an import, say, which then fails in any way
            raise KeyboardInterrupt(f"stopped{_going_on(error)}") from error
        return _usage(error)


def _going_on(error: Exception) -> str:
    """Return how to go on with the job that an error ended, as the end of a sentence."""
    folder = getattr(error, "folder", None)
    if folder is None:
        return ""
    from batcountry.cli.stopping import resume_command_of

    command = resume_command_of(folder, None)
    if str(folder) in str(error):
        return f", with: {command}" if str(error).endswith("go on from there") else f"; go on with: {command}"
    return f"; what is done is in {folder}, go on with: {command}"


def _unusable(error: OSError) -> str:
    reason = error.strerror or str(error)
    if error.filename is None and lost_output():
        return _UNSAID.format(reason)
    return f"{error.filename or 'a file'} cannot be used: {reason}"


def _delivered(code: int) -> int:
    """Return the code to leave with when all that was said has gone out, or could not."""
    error = lost_output()
    if error is None or code or isinstance(error, BrokenPipeError):
        return code
    from batcountry.cli.screen import fail

    return fail(_UNSAID.format(error.strerror))


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


def _stopped(said: str, code: int) -> int:
    """Say that the command was stopped, undisturbed by another signal."""
    with undisturbed():
        from batcountry.cli.screen import fail

        return fail(said or "stopped", code=code)


def _usage(error: Exception) -> int:
    from batcountry.cli.screen import fail

    # typer brings its own copy of click's exceptions, so they are told by what they have.
    code = getattr(error, "exit_code", None)
    if "surrogates not allowed" in str(error):  # as Python and pydantic say it of bytes that are none
        return fail("the name of a file or folder is not UTF-8, as what is written down has to be; rename it")
    if code is None:
        return _fault(error)
    if type(error).__name__ == "Abort":
        raise KeyboardInterrupt
    text = error.format_message() if hasattr(error, "format_message") else ""
    context = getattr(error, "ctx", None)
    option = getattr(error, "option_name", None)
    if context and hasattr(error, "possibilities"):
        hint = _argument(str(option), context) or _nearest(str(option), context)
        text = f"No such option: {option}{hint}"
    command = context.command_path if context else "bat-country"
    see = " See" if text.endswith("?") else "; see"
    return fail(f"{text.rstrip('.')}{see} {command} --help", code=code) if text else int(code)


def _fault(error: Exception) -> int:
    """Say that something went wrong which is nobody's input, with how to see where."""
    from batcountry.cli.screen import fail

    if os.environ.get(TRACEBACK):
        raise error
    what = f"{type(error).__name__}: {first_line(error)}"
    where = f"{TRACEBACK}=1 shows where, for a report{_going_on(error)}"
    return fail(f"a fault of the program itself, {what}; {where}", code=70)


def _argument(option: str, context: Any) -> str:
    """Say how a command takes what was given as an option, if that is one of its arguments."""
    for each in context.command.get_params(context):
        if each.param_type_name == "argument" and option == f"--{each.name}":
            name = (each.metavar or each.name.upper()).removesuffix("...")
            return f"; give {name} alone, as in {context.command_path} {name}"
    return ""


def _nearest(option: str, context: Any) -> str:
    """Ask whether an option that is shown in a command's help was meant."""
    shown = [each for each in context.command.get_params(context) if not getattr(each, "hidden", False)]
    return suggestion(option, [name for each in shown for name in each.opts if name.startswith("--")])
