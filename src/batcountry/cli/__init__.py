"""The command `bat-country`."""

from __future__ import annotations

import logging
import sys

from batcountry.errors import BatCountryError


def main() -> None:
    """Run the command line; leaves with code 2 and one sentence on bad input, 130 on Ctrl-C."""
    import batcountry.cli.atlas
    import batcountry.cli.bulk
    import batcountry.cli.models
    import batcountry.cli.motion
    import batcountry.cli.networks
    import batcountry.cli.visualize  # noqa: F401 - they add their commands
    from batcountry.cli.app import app
    from batcountry.cli.screen import Handler, Stopped, fail

    log = logging.getLogger("batcountry")
    if not any(isinstance(each, Handler) for each in log.handlers):
        log.addHandler(Handler())
    log.setLevel(logging.INFO)
    try:
        sys.exit(app(standalone_mode=False, prog_name="bat-country"))
    except BatCountryError as error:
        sys.exit(fail(str(error)))
    except (Stopped, KeyboardInterrupt) as stop:
        sys.exit(fail(str(stop) or "stopped", code=130))
    except Exception as error:
        sys.exit(_usage(error))


def _usage(error: Exception) -> int:
    from batcountry.cli.screen import fail

    # typer brings its own copy of click's exceptions, so they are told by what they have.
    code = getattr(error, "exit_code", None)
    if code is None:
        raise error
    if type(error).__name__ == "Abort":
        return fail("stopped", code=130)
    text = error.format_message() if hasattr(error, "format_message") else ""
    return fail(f"{text.rstrip('.')}; see bat-country --help", code=code) if text else int(code)
