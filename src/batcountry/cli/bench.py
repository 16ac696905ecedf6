"""The command that measures this machine."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from batcountry.cli.app import app
from batcountry.cli.screen import Stopped, answers, err, plain, print_table

if TYPE_CHECKING:
    from batcountry.bench import Result


@app.command()
def bench(
    model: Annotated[str, typer.Option(help="A known model or a path.")] = "efficientnet-lite0",
    device: Annotated[str, typer.Option(help="Where to run: auto, cpu, cuda, cuda:1, mps or xpu.")] = "auto",
    quick: Annotated[
        bool, typer.Option("--quick", help="Measure once each, in half the time.", metavar=" ")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print all that was measured, as JSON.", metavar=" ")
    ] = False,
) -> None:
    """Measure what this machine does: the default dream, a film's frames, pictures of classes.

    It prints a table to paste, with versions and the device's name.
    """
    from batcountry.bench import Sizes, benchmarks, machine_facts

    facts = machine_facts(device)
    todo = benchmarks(model, device, Sizes.quick() if quick else Sizes())
    about = "half a minute, up to one" if quick else "a minute, up to two"
    err.print(f"This takes about {about} on a slow machine; Ctrl-C ends it with what there is by then.")
    results: list[Result] = []
    stopped = False
    try:
        for index, each in enumerate(todo):
            with err.status(f"{index + 1} of {len(todo)}: {plain(each.name)}"), _only_warnings():
                results.append(each.run())
    except KeyboardInterrupt:
        stopped = True
    if as_json:
        answers.print_json(data={"machine": facts, "results": [asdict(each) for each in results]})
    else:
        _print(facts, results)
    if stopped:
        raise Stopped(f"stopped after {len(results)} of {len(todo)} measures")


@contextmanager
def _only_warnings() -> Iterator[None]:
    """Say nothing of the memory that each of many dreams takes."""
    log = logging.getLogger("batcountry")
    level = log.level
    log.setLevel(logging.WARNING)
    try:
        yield
    finally:
        log.setLevel(level)


def _print(facts: dict[str, str], results: list[Result]) -> None:
    """Print a table that is Markdown too."""
    from rich import box
    from rich.table import Table

    for name, fact in facts.items():
        answers.print(f"{name}: {plain(fact)}")
    answers.print()
    table = Table("what", "measured", "runs", "note", box=box.MARKDOWN)
    for each in results:
        table.add_row(plain(each.name), str(each), str(each.runs or ""), plain(each.note))
    print_table(table)
