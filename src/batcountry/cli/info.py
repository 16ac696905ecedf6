"""The command that says how a picture or a film was made."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from batcountry.cli.again import picture_note
from batcountry.cli.app import app
from batcountry.cli.options import command_words
from batcountry.cli.screen import answers, plain
from batcountry.recipe import Note, Recipe
from batcountry.recipe.described import described
from batcountry.recipe.validation import Options

if TYPE_CHECKING:
    from batcountry.motion.note import MotionNote


@app.command()
def info(
    file: Annotated[Path, typer.Argument(help="A picture or film made by this program.")],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print all that the file says of itself, as JSON.", metavar=" ")
    ] = False,
) -> None:
    """Say how a picture or a film was made, with the commands that make it again."""
    from batcountry.motion.jobs.metadata import note_of

    note = note_of(file) or picture_note(file)
    if as_json:
        answers.print_json(note.model_dump_json(), ensure_ascii=True)
        return
    for title, text in _facts(note):
        answers.print(f"{title:<12}{plain(text)}")
    answers.print("\n[bold]Other than the defaults, or chosen for this picture[/]")
    for line in _differences(note) or ["nothing"]:
        answers.print(f"  {plain(line)}")
    answers.print("\n[bold]To make it again[/]")
    for words in (_again(file, note), _anew(file, note)):
        answers.print(f"  {plain(shlex.join(words))}")


def _facts(note: Note | MotionNote) -> list[tuple[str, str]]:
    dream = _dream(note)
    start = f"no file: the start {dream.start!r} of {dream.canvas}, unless Python gave the picture"
    facts = [
        ("made by", f"bat-country {note.version}"),
        ("made from", note.input or start),
        ("", f"sha256 {note.input_sha256}"),
        ("network", dream.model),
        ("", f"sha256 {note.weights_sha256} (of its weights)"),
    ]
    if note.threads is not None:
        facts.append(("computed by", f"{note.threads} thread{'s' if note.threads > 1 else ''}"))
    stopped = getattr(note, "stopped", None)
    return [*facts, ("stopped", str(stopped))] if stopped else facts


def _dream(note: Note | MotionNote) -> Recipe:
    """Return the recipe of a picture, or of a film's dreams."""
    return note.recipe if isinstance(note.recipe, Recipe) else note.recipe.dream


def _differences(note: Note | MotionNote) -> list[str]:
    """Return a line for each option that is not as it would be if nothing was said, a film's own before its dreams'."""
    parts: list[Options] = [_dream(note)] if isinstance(note, Note) else [note.recipe, _dream(note)]
    rows = [
        (field.name, str(getattr(part, field.name)), field.default)
        for part in parts
        for field in described(type(part))
        if getattr(part, field.name) != field.default
    ]
    rows += [(f"key {name}", curve, None) for name, curve in getattr(note.recipe, "keys", {}).items()]
    width = max((len(name) for name, *_ in rows), default=0)
    return [
        f"{name:<{width}}  {value}{'' if default is None else f'  (default: {default})'}"
        for name, value, default in rows
    ]


def _again(file: Path, note: Note | MotionNote) -> list[str]:
    """Return the command that makes a file again from what it says of itself."""
    words = ["bat-country", "again", str(file)]
    if ":" in _dream(note).model:  # only then, since to know it takes PyTorch
        from batcountry.models.from_recipe import runs_code

        words += ["--run-code"] if runs_code(_dream(note).model) else []
    return words


def _anew(file: Path, note: Note | MotionNote) -> list[str]:
    """Return the command that makes a file like this from what it was made from, with each option written out."""
    target = str(file.with_name(f"{file.stem}-again{file.suffix}"))
    dream = command_words(_dream(note))
    if isinstance(note, Note):
        return ["bat-country", "dream", *([note.input] if note.input else []), *dream, "--output", target]
    film = note.recipe
    keys = [word for name, curve in film.keys.items() for word in ("--key", f"{name}={curve}")]
    return ["bat-country", film.kind, note.input or "sky", target, *command_words(film), *keys, *dream]
