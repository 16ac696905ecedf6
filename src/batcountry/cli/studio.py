"""The command that runs the studio."""

from __future__ import annotations

import logging
import threading
import webbrowser
from pathlib import Path
from typing import Annotated, Any

import typer

from batcountry.cli.app import app
from batcountry.cli.screen import out, plain
from batcountry.errors import MissingExtra, StudioError

HOST, PORT = "127.0.0.1", 8015

_NETWORK, _BOUNDS, _WATCH = "Who may come", "How much it takes", "A folder that dreams"

log = logging.getLogger("batcountry")


def usual_folder() -> Path:
    """Return where the studio is kept if nobody says: among this user's data."""
    import platformdirs

    return platformdirs.user_data_path("bat-country", appauthor=False) / "studio"


@app.command()
def studio(
    folder: Annotated[
        Path | None,
        typer.Option(
            "--folder", metavar="DIR", help="Where all that it makes lies; among your data if not given."
        ),
    ] = None,
    open_page: Annotated[
        bool, typer.Option("--open/--no-open", help="Open its page in the browser.")
    ] = False,
    device: Annotated[
        list[str] | None,
        typer.Option("--device", help="Where to dream, such as cpu or cuda:1; may be given several times."),
    ] = None,
    worker: Annotated[
        bool,
        typer.Option(
            "--worker", help="Only dream, for a studio whose page another process shows.", metavar=" "
        ),
    ] = False,
    page: Annotated[
        bool,
        typer.Option("--page", help="Only show the page; others dream, with --worker.", metavar=" "),
    ] = False,
    database: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="Another database than a file in the folder, as SQLAlchemy names it."
        ),
    ] = None,
    watch: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Also dream what is dropped into this folder; see `bat-country watch`.",
            rich_help_panel=_WATCH,
        ),
    ] = None,
    watch_output: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder for its results.", rich_help_panel=_WATCH),
    ] = None,
    watch_settings: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="JSON file with how to dream them.", rich_help_panel=_WATCH),
    ] = None,
    host: Annotated[
        str,
        typer.Option(
            help="Address to listen at; others than this machine's own ask for a token.",
            rich_help_panel=_NETWORK,
        ),
    ] = HOST,
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Port to listen at; 0 for any.", rich_help_panel=_NETWORK)
    ] = PORT,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="BATCOUNTRY_TOKEN",
            show_envvar=False,
            help="What clients have to know, from the environment variable BATCOUNTRY_TOKEN best; made if not given.",
            rich_help_panel=_NETWORK,
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            help="A name that the studio may be called by; may be given several times.",
            rich_help_panel=_NETWORK,
        ),
    ] = None,
    allow: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR",
            help="Let recipes from the network name networks in this folder; may be given several times.",
            rich_help_panel=_NETWORK,
        ),
    ] = None,
    run_code: Annotated[
        bool,
        typer.Option(
            "--run-code",
            help="Let recipes from the network name networks that are code, such as timm's.",
            rich_help_panel=_NETWORK,
            metavar=" ",
        ),
    ] = False,
    quota: Annotated[
        str | None,
        typer.Option(metavar="BYTES", help="Most that pictures take, such as 20GB.", rich_help_panel=_BOUNDS),
    ] = None,
    drop_oldest: Annotated[
        bool,
        typer.Option(
            "--drop-oldest",
            help="At the quota let the oldest pictures go that are no favorites.",
            rich_help_panel=_BOUNDS,
            metavar=" ",
        ),
    ] = False,
    max_upload: Annotated[
        str, typer.Option(metavar="BYTES", help="Most bytes of an upload.", rich_help_panel=_BOUNDS)
    ] = "64MiB",
    max_queue: Annotated[int, typer.Option(min=1, help="Jobs that may wait.", rich_help_panel=_BOUNDS)] = 500,
    idle: Annotated[
        float,
        typer.Option(
            min=1, help="Seconds without work until a network leaves the memory.", rich_help_panel=_BOUNDS
        ),
    ] = 600,
) -> None:
    """Dream in the browser: a page with a queue and a gallery.

    Ctrl-C ends it. What is not done goes on when it is started again.
    """
    if worker and page:
        raise StudioError("--worker and --page together would do nothing; give one, or neither for both")
    given: dict[str, Any] = {
        "folder": (folder or usual_folder()).expanduser(),
        "host": host,
        "port": port,
        "database": database,
        "devices": tuple(device or ()),
        "token": token or None,
        "hosts": tuple(allow_host or ()),
        "allow": tuple(each.absolute() for each in allow or ()),
        "run_code": run_code,
        "quota_bytes": None if quota is None else _bytes(quota, "--quota"),
        "drop_oldest": drop_oldest,
        "max_upload_bytes": _bytes(max_upload, "--max-upload"),
        "max_queue": max_queue,
        "idle_seconds": idle,
    }
    check_extra()
    given["watch"] = _watched(watch, watch_output, watch_settings)
    from batcountry.studio import StudioSettings

    settings = StudioSettings(**given)
    _work(settings) if worker else _serve(settings, works=not page, opens=open_page)


def _bytes(text: str, option: str) -> int:
    from batcountry.recipe.units import parsed_bytes

    try:
        return parsed_bytes(text)
    except ValueError as error:
        raise StudioError(f"{option} cannot be {text!r}: {error}") from None


def check_extra() -> None:
    """Raise `MissingExtra` unless the studio's libraries are there."""
    try:
        import fastapi  # noqa: F401 - to say at once that it is missing
        import sqlalchemy  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError:
        raise MissingExtra(
            "the studio",
            "FastAPI and others",
            "studio",
            "fastapi uvicorn jinja2 python-multipart sqlalchemy watchdog babel prometheus-client",
        ) from None


def _watched(inputs: Path | None, outputs: Path | None, settings: Path | None) -> Any:
    """Return the folder to watch, None if there is to be none."""
    if inputs is None and outputs is None and settings is None:
        return None
    if inputs is None or outputs is None:
        raise StudioError(
            "a watched folder needs --watch and --watch-output, a folder for the results; give both"
        )
    from batcountry.studio.settings import WatchedFolder
    from batcountry.studio.watch.running import check_watched

    folder = WatchedFolder(inputs=inputs, outputs=outputs, settings=settings)
    check_watched(folder)
    return folder


def supervisor_of(settings: Any, database: Any) -> Any:
    """Return what watches over a studio's workers, and its folder if it has one."""
    if settings.watch is None:
        from batcountry.studio.worker.supervisor import Supervisor

        return Supervisor(settings, database)
    from batcountry.studio.watch.running import WatchingSupervisor

    return WatchingSupervisor(settings, database)


def _serve(settings: Any, *, works: bool, opens: bool) -> None:
    from batcountry.studio.web.serving.server import serve

    def ready(address: str, token: str | None) -> None:
        out.print(
            f"the studio is at {plain(address)}, and its files in {plain(settings.folder)}; Ctrl-C ends it"
        )
        if token is not None:
            out.print(f"its token is {plain(token)}")
        if opens:
            threading.Thread(target=webbrowser.open, args=[address], daemon=True).start()

    serve(
        settings,
        workers=(lambda studio: supervisor_of(studio.settings, studio.database)) if works else None,
        ready=ready,
    )


def _work(settings: Any) -> None:
    from batcountry.studio.store.database import Database

    settings.places.make()
    supervisor = supervisor_of(settings, Database(settings.database_url))
    supervisor.start()
    out.print(f"dreaming for the studio in {plain(settings.folder)}; Ctrl-C ends it")
    try:
        threading.Event().wait()
    finally:
        supervisor.stop()
