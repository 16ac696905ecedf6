"""The commands that show what a network sees."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from batcountry.cli.app import app
from batcountry.cli.commands import NETWORKS
from batcountry.cli.dream import say_done
from batcountry.cli.options import recipe_options
from batcountry.cli.outputs import Overwrite, output_at
from batcountry.cli.screen import out, plain, show
from batcountry.cli.trust import RunProgram, typed_policy

_WITHOUT = ("model", "layer", "objective", "guide", "mask", "alpha", "fade")


@app.command(rich_help_panel=NETWORKS)
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
    batch: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=1024,
            help="Channels that grow at once; 16 on a processor and as many as suit a graphics card if not given.",
        ),
    ] = None,
    run_code: RunProgram = False,
    options: dict[str, Any] = {},  # noqa: B006 - never changed
) -> None:
    """Draw every channel of a model's layers, and write a page to look at them.

    An atlas that was stopped is gone on with by the same command.
    """
    from batcountry.atlas.building import atlas_events

    policy = typed_policy(run_code)
    say_done(
        show(atlas_events(output, model, layers or (), batch=batch, policy=policy, **options), output.name)
    )


@app.command(rich_help_panel=NETWORKS)
@recipe_options(without=(*_WITHOUT, "size"))
def look(
    image: Annotated[
        str, typer.Argument(metavar="PICTURE", help="Picture to look at, a file or an address.")
    ],
    model: Annotated[str, typer.Option(help="A known model or a path.")] = "efficientnet-lite0",
    layer: Annotated[
        str | None, typer.Option(help="Layer that looks; the model's own default if not given.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--out", "--output", "-o", metavar="DIR", help="New folder for what is seen (default: look)."
        ),
    ] = None,
    top: Annotated[int, typer.Option(min=1, max=1000, help="How many channels to show.")] = 12,
    size: Annotated[
        int, typer.Option(min=16, max=4096, help="Shrink the picture so that its longer side has this.")
    ] = 448,
    overwrite: Overwrite = False,
    run_code: RunProgram = False,
    options: dict[str, Any] = {},  # noqa: B006 - never changed
) -> None:
    """Show what a layer sees in a picture: the channels it excites, where, and what each place is taken for."""
    from batcountry.atlas import looking
    from batcountry.image.sources.addresses import address_of, local_path
    from batcountry.jobs.events import Progress
    from batcountry.jobs.unstored import events_of

    inputs = [] if address_of(image) else [local_path(image)]
    goal = output_at(output or Path("look"), inputs, overwrite=overwrite, named=output is not None)
    more: dict[str, Any] = {"top": top, "size": size, "overwrite": overwrite, **options}
    steps = looking(image, goal.path, model, layer, policy=typed_policy(run_code), **more)
    show(events_of(steps, lambda done: Progress(done=done), {"look": goal}), Path(image).name)
    out.print(f"open {plain(goal.path / 'index.html')} to see it")
