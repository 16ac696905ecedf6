"""The command that dreams on a folder of pictures, and knows what it has done before."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from batcountry.cli.app import app as app
from batcountry.cli.options import recipe_options, several
from batcountry.cli.outputs import Overwrite
from batcountry.cli.screen import out, plain, show
from batcountry.cli.stopping import said_counts
from batcountry.cli.trust import RunProgram, typed_policy


@app.command()
@recipe_options(without=("layer", "objective"), picture="folder")
def bulk(
    folder: Annotated[Path, typer.Argument(help="Folder of pictures.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder for the dreams.")
    ] = Path("dreams"),
    layer: Annotated[list[str] | None, several("layer", "a picture for each")] = None,
    overwrite: Overwrite = False,
    run_code: RunProgram = False,
    options: dict[str, Any] = {},  # noqa: B006 - never changed
) -> None:
    """Dream on a folder of pictures with several layers; what is done already is skipped.

    Dreams that other options made stay; the new ones get a number.
    """
    from batcountry.jobs import bulk

    policy = typed_policy(run_code)
    events = bulk(folder, output, layer or [], overwrite=overwrite, policy=policy, **options)
    done = show(events, folder.name, "the same command goes on with the rest")
    out.print(f"{said_counts(done.counts)}; the dreams are in {plain(output)}")
    if done.counts["failed"]:
        raise typer.Exit(2)
