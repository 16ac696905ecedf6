"""What a command allows: everything that the user typed, and little of what came inside a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from batcountry.backend.policy import OPEN, STRICT, Policy
from batcountry.recipe.fields import NETWORK

RunProgram = Annotated[
    bool,
    typer.Option(
        "--run-code",
        help="Open a TorchScript file as the model, which is to run the program in it.",
        rich_help_panel=NETWORK.title,
        metavar=" ",
    ),
]

RunCode = Annotated[
    bool,
    typer.Option(
        "--run-code",
        help="Open its model even if that runs a function or a program that its recipe names.",
        metavar=" ",
    ),
]

Allow = Annotated[
    list[Path] | None,
    typer.Option(
        "--allow",
        metavar="DIR",
        help="Let its recipe read files in this folder and below, and an unfinished job write its result there; may be given "
        "several times. It may read in the file's own folder and in the working folder, and write in its own.",
    ),
]

NoLimits = Annotated[
    bool,
    typer.Option(
        "--no-limits",
        help="Let its recipe ask for any number of pixels, steps and seconds.",
        metavar=" ",
    ),
]


def typed_policy(run_code: bool) -> Policy:
    """Return the policy for what the user typed."""
    return OPEN.allow(run_code=run_code)


def strict_policy(allow: Sequence[Path] | None, *, run_code: bool, no_limits: bool) -> Policy:
    """Return the policy for what came inside a file, with what the user allows besides; the working folder may be read."""
    policy = STRICT.allow(Path.cwd(), *(allow or ()), run_code=run_code)
    return policy.without_limits() if no_limits else policy


def job_policy(allow: Sequence[Path] | None, *, run_code: bool, no_limits: bool) -> Policy:
    """Return the policy for a job in a folder, which may be read from and written to where the user says, with the same leave."""
    policy = STRICT.allow(*(allow or ()), run_code=run_code)
    return policy.without_limits() if no_limits else policy
