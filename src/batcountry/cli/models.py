"""The commands `bat-country models …`: which networks are known, and getting them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from batcountry.cli.app import app
from batcountry.cli.commands import NETWORKS, Commands
from batcountry.cli.screen import Stopped, answers, err, out, plain, print_table

if TYPE_CHECKING:
    from batcountry.models.zoo.cards import ModelCard, ModelFile

models = Commands(
    "models",
    invoke_without_command=True,
    no_args_is_help=False,
    help="Known networks: list them, say what they are, download them.",
)
app.add_typer(models, name="models", rich_help_panel=NETWORKS)

Name = Annotated[str, typer.Argument(metavar="NAME", help="A network's name, as the list has it.")]


@models.callback()
def every(context: typer.Context) -> None:
    """List known networks, or what the commands below do."""
    if context.invoked_subcommand is None:
        list_()


@models.command("list")
def list_(
    pattern: Annotated[str, typer.Argument(help="Only names that fit, such as 'vgg*'.")] = "*",
) -> None:
    """List known networks: name, license, size, whether it is here, and what it is."""
    from rich.table import Table

    from batcountry.models import zoo

    table = Table("name", "license", box=None, pad_edge=False)
    table.add_column("size", justify="right")
    for heading in ("here", "what it is"):
        table.add_column(heading)
    found = zoo.find(pattern)
    for card in found:
        table.add_row(card.name, card.license, _megabytes(card.size), _place(card), card.title)
    if found:
        print_table(table)
    else:
        answers.print(f"no known network has a name like {plain(repr(pattern))}")


@models.command()
def show(name: Name) -> None:
    """Say what a network is: license, training pictures, folder, and each file's size, hashes and addresses."""
    from batcountry.models import zoo

    card = zoo.card(name)
    said_by = f" (says the {card.license_from})" if card.license_from else ""
    facts = {
        "name": card.name,
        "what it is": card.title,
        "license": f"{card.license}{said_by}",
        "trained on": card.trained_on,
        "paper": card.paper,
        "mean": card.mean and f"{', '.join(map(str, card.mean))} (blue, green, red)",
        "note": card.note,
        "here": _place(card),
        "folder": None if card.embedded else str(zoo.folder(name)),
    }
    for title, text in facts.items():
        if text:
            answers.print(f"{title:<11} {plain(text)}")
    for file in card.files:
        _show_file(file)


def _show_file(file: ModelFile) -> None:
    answers.print(f"\n{plain(file.name)}")
    answers.print(f"  size      {f'{file.size:,} bytes' if file.size else 'not published'}")
    for title, value in (("sha256", file.sha256), ("sha1", file.sha1)):
        if value:
            answers.print(f"  {title:<9} {value}")
    if file.known_hash is None:
        answers.print("  hash      none published: put the file in the folder by hand")
    for source in file.sources:
        answers.print(
            f"  address   {plain(source.address)}\n            (as given by: {plain(source.given_by)})"
        )


@models.command()
def get(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="One or more networks.")],
    offline: Annotated[
        bool, typer.Option("--offline", help="Download nothing; only check the files that are here.")
    ] = False,
) -> None:
    """Download networks, check their hashes, and keep them; goes on where it was stopped."""
    from batcountry.models import zoo

    for name in names:
        zoo.card(name)  # so that a wrong name is told before anything is downloaded
    for name in names:
        if zoo.card(name).embedded:
            out.print(f"{plain(name)} comes with the package; there is nothing to download")
            continue
        with _progress() as watch:
            place = zoo.get(name, offline=offline, watch=watch)
        out.print(f"{plain(name)} is in {plain(place)}; use it with --model {plain(name)}")


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int | None], None]]:
    """Give a function that shows how far each file is."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.progress import TransferSpeedColumn as Speed

    columns = (TextColumn("{task.description}"), BarColumn(bar_width=12), DownloadColumn(), Speed())
    bars = {}
    with Progress(*columns, TimeRemainingColumn(), console=err, disable=not err.is_terminal) as progress:

        def watch(file: str, came: int, total: int | None) -> None:
            if file not in bars:
                bars[file] = progress.add_task(plain(file), total=total, completed=came)
            progress.update(bars[file], completed=came, total=total)

        try:
            yield watch
        except KeyboardInterrupt:
            raise Stopped("stopped; the same command goes on from there") from None


def _megabytes(size: int | None) -> str:
    return f"{size / 1e6:.0f} MB" if size else "?"


def _place(card: ModelCard) -> str:
    from batcountry.models import zoo

    if card.embedded:
        return "in the package"
    if zoo.is_here(card.name):
        return "yes"
    return "by hand" if card.by_hand else "get"
