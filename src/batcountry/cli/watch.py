"""The command that watches a folder, and dreams what is dropped into it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from batcountry.cli.app import app
from batcountry.cli.screen import Stopped, out, plain
from batcountry.cli.studio import check_extra


@app.command()
def watch(
    inputs: Annotated[Path, typer.Argument(metavar="INPUTS", help="Folder to drop pictures and films into.")],
    outputs: Annotated[
        Path,
        typer.Argument(metavar="OUTPUTS", help="Folder for the results, which is made if it is not there."),
    ],
    settings: Annotated[
        Path | None,
        typer.Option(
            "--settings",
            metavar="FILE",
            help="JSON file with how to dream: maxwidth, layer, and all other options of dream by name. Changes hold for the "
            "next picture.",
        ),
    ] = None,
    device: Annotated[
        list[str] | None,
        typer.Option("--device", help="Where to dream, such as cpu or cuda:1; may be given several times."),
    ] = None,
    once: Annotated[
        bool, typer.Option("--once", help="End when all that is there has been dreamed.", metavar=" ")
    ] = False,
    idle: Annotated[
        float, typer.Option(min=1, help="Seconds without work until a network leaves the memory.")
    ] = 600,
) -> None:
    """Dream whatever is dropped into a folder; results appear in another under the same names.

    Ctrl-C ends it, and the same command goes on where it was. What cannot be dreamed goes to the folder `set-aside` in
    INPUTS, with a text that says why.
    """
    check_extra()
    from batcountry.studio import StudioSettings
    from batcountry.studio.settings import WatchedFolder
    from batcountry.studio.watch.running import STATE, check_watched

    folder = WatchedFolder(inputs=inputs, outputs=outputs, settings=settings)
    check_watched(folder)
    state = folder.outputs / STATE
    _watch(
        StudioSettings(folder=state, watch=folder, devices=tuple(device or ()), idle_seconds=idle), once=once
    )


def _watch(settings: Any, *, once: bool) -> None:
    from batcountry.studio.store.database import Database
    from batcountry.studio.watch.running import watch_folder, watcher_of
    from batcountry.studio.worker.supervisor import Supervisor

    settings.places.make()
    database = Database(settings.database_url)
    with watcher_of(settings, database) as watcher:
        supervisor = Supervisor(settings, database)
        supervisor.start()
        shown = plain(settings.watch.inputs), plain(settings.watch.outputs)
        out.print("watching {}; results go to {}; Ctrl-C ends it".format(*shown))
        try:
            watch_folder(watcher, lambda: False, once=once)
        except KeyboardInterrupt:
            raise Stopped("stopped; the same command goes on") from None
        finally:
            supervisor.stop()
            database.close()
