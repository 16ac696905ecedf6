"""The commands, each a few lines over the public Python."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from batcountry.cli.again import film_again, picture_again, picture_note
from batcountry.cli.commands import Commands
from batcountry.cli.options import recipe_options
from batcountry.cli.running import run_dream
from batcountry.cli.screen import fail, out, watched
from batcountry.errors import BatCountryError
from batcountry.fields import OUTPUT, SIZE
from batcountry.folders import make_folder, pictures_in
from batcountry.recipe import Recipe

# What imports torch is imported within the commands, so that --help answers at once.

app = Commands(no_args_is_help=True)

Output = Annotated[
    Path | None, typer.Option("--output", "-o", help="Where the picture goes: .png, .jpg, .webp or .tif.")
]

RunCode = Annotated[
    bool,
    typer.Option("--run-code", help="Open its model even if that runs a function that the recipe names."),
]


@app.command()
@recipe_options()
def dream(
    image: Annotated[
        Path | None, typer.Argument(help="Picture to dream on; with none, --start says what is made.")
    ] = None,
    output: Output = None,
    save_steps: Annotated[
        Path | None,
        typer.Option(
            "--save-steps",
            metavar="DIR",
            help="Also write the picture after every iteration there.",
            rich_help_panel=OUTPUT.title,
        ),
    ] = None,
    work: Annotated[
        Path | None,
        typer.Option(
            "--work",
            metavar="DIR",
            help="Dream on disk, in this new folder, which `resume` goes on from; what does not fit in memory is anyway.",
            rich_help_panel=SIZE.title,
        ),
    ] = None,
    deepzoom: Annotated[
        Path | None,
        typer.Option(
            "--deepzoom",
            metavar="DIR",
            help="Also write a folder with a page to zoom in the dream.",
            rich_help_panel=OUTPUT.title,
        ),
    ] = None,
    options: dict[str, Any] = {},  # noqa: B006 - never changed
) -> None:
    """Dream on a picture."""
    target = output or Path(f"dream-{image.stem}.png" if image else "dream.png")
    run_dream(image, target, options, save_steps=save_steps, work=work, deepzoom=deepzoom)
    out.print(f"the dream is in {escape(str(target))}")
    if deepzoom is not None:
        out.print(f"open {escape(str(deepzoom / 'index.html'))} to zoom in it")


@app.command()
def resume(
    work: Annotated[
        Path, typer.Argument(metavar="DIR", help="The folder that --work named, or a film's journal.")
    ],
    run_code: RunCode = False,
) -> None:
    """Go on with a dream on disk from its last finished iteration, or with a film from its last finished frame."""
    from batcountry.motion.journal import JOB

    films = [each for each in (work, work.with_name(f"{work.name}.journal")) if (each / JOB).is_file()]
    if films:
        from batcountry.cli.motion import resume_film

        resume_film(films[0], run_code=run_code)
        return
    from batcountry.boundless import resuming
    from batcountry.boundless.job import Workplace
    from batcountry.models.from_recipe import resume_command

    job = Workplace(work).job()
    hint = f"go on with: {resume_command(work, job.model)}"
    for _ in watched(resuming(work, trusted=run_code), work.name, hint):
        pass
    out.print(f"the dream is in {escape(job.output)}")


@app.command()
@recipe_options(without=("layer", "objective"))
def bulk(
    folder: Annotated[Path, typer.Argument(help="Folder of pictures.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder for the dreams.")
    ] = Path("dreams"),
    layer: Annotated[
        list[str] | None, typer.Option("--layer", help="A layer to dream with; may be given several times.")
    ] = None,
    options: dict[str, Any] = {},  # noqa: B006 - never changed
) -> None:
    """Dream on a folder of pictures with several layers; what is done already is skipped."""
    from batcountry.models.from_recipe import open_recipe_model

    pictures = pictures_in(folder)
    make_folder(output)
    model = open_recipe_model(Recipe().with_options(**options))
    layers = layer or [model.default_layer]
    for name in layers:
        model.layer(name)
    failed, done, skipped = [], 0, 0
    for picture in pictures:
        for name in layers:
            target = output / f"{picture.stem}-{picture.suffix[1:].lower()}_{name.replace('/', '_')}.png"
            if target.exists():
                skipped += 1
                continue
            try:
                run_dream(picture, target, {**options, "model": model, "layer": name})
                done += 1
            except BatCountryError as error:
                failed.append(str(error))
                fail(str(error))
                break
    out.print(
        f"{done} dreamed, {skipped} done before, {len(failed)} failed; the dreams are in {escape(str(output))}"
    )
    if failed:
        raise typer.Exit(2)


@app.command()
def again(
    file: Annotated[Path, typer.Argument(help="A picture or film made by this program.")],
    output: Output = None,
    image: Annotated[
        Path | None,
        typer.Option(
            "--input", help="The picture or video it was dreamed on, if it is no longer where it was."
        ),
    ] = None,
    run_code: RunCode = False,
) -> None:
    """Dream a picture or a film again from the recipe inside it."""
    from batcountry.motion.notes import note_of

    film = note_of(file)
    target = output or file.with_name(f"{file.stem}-again{file.suffix}")
    if film is None:
        picture_again(file, picture_note(file), target, image, run_code=run_code)
    else:
        film_again(file, film, target, image, run_code=run_code)
