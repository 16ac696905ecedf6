"""The command that makes atlases."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from batcountry.cli.app import app
from batcountry.cli.options import recipe_options
from batcountry.cli.screen import Stopped, err, out

_WITHOUT = ("model", "layer", "objective", "guide", "mask")


@app.command()
@recipe_options(without=_WITHOUT)
def atlas(
    model: Annotated[str, typer.Argument(help="A known model or a path.")] = "efficientnet-lite0",
    layers: Annotated[
        list[str] | None,
        typer.Option(
            "--layers", help="A layer, or a pattern such as 'blocks.*'; may be given several times."
        ),
    ] = None,
    output: Annotated[
        Path, typer.Option("--out", "--output", "-o", metavar="DIR", help="Folder for the atlas.")
    ] = Path("atlas"),
    batch: Annotated[int, typer.Option(min=1, max=1024, help="Channels that grow at once.")] = 16,
    options: dict[str, Any] = {},  # noqa: B006 - never changed
) -> None:
    """Draw every channel of a model's layers, and write a page to look at them.

    An atlas that was stopped is gone on with by the same command.
    """
    from batcountry.atlas import building

    steps = building(output, model, layers or (), batch=batch, **options)
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=12), TimeRemainingColumn())
    with Bar(*columns, console=err, transient=not err.is_terminal) as bar:
        task = bar.add_task("atlas", total=1.0)
        try:
            for step in steps:
                said = f"{step.layer}: {step.made} of {step.channels} channels"
                bar.update(task, completed=step.done, description=escape(said))
        except KeyboardInterrupt:
            said = bar.tasks[0].description
            raise Stopped(f"stopped at {said}; the same command goes on from there") from None
    out.print(f"open {escape(str(output / 'index.html'))} to see {step.channels} channels")
