"""The commands, each a few lines over the public Python."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from batcountry.cli.again import film_again, picture_again, picture_note
from batcountry.cli.commands import app as app
from batcountry.cli.dream import DreamTarget, dream_with_layers, say_done
from batcountry.cli.options import recipe_options, several
from batcountry.cli.outputs import Name, Overwrite, Target, Work, folder_made, place_of
from batcountry.cli.screen import show
from batcountry.cli.trust import Allow, NoLimits, RunCode, RunProgram, job_policy, strict_policy, typed_policy
from batcountry.recipe.fields import OUTPUT

# What imports torch is imported within the commands, so that --help answers at once.


@app.command()
@recipe_options(without=("layer",), picture="image")
def dream(
    image: Annotated[
        str | None,
        typer.Argument(
            metavar="PICTURE",
            help="Picture to dream on, a file or an address; with none, --start says what is made.",
        ),
    ] = None,
    output: Name = None,
    layer: Annotated[list[str] | None, several("layer", "a picture for each")] = None,
    save_steps: Annotated[
        Path | None,
        typer.Option(
            "--save-steps",
            metavar="DIR",
            help="Also write the picture after every iteration there.",
            rich_help_panel=OUTPUT.title,
        ),
    ] = None,
    work: Work = None,
    deepzoom: Annotated[
        Path | None,
        typer.Option(
            "--deepzoom",
            metavar="DIR",
            help="Also write a folder with a page to zoom in the dream.",
            rich_help_panel=OUTPUT.title,
        ),
    ] = None,
    overwrite: Overwrite = False,
    run_code: RunProgram = False,
    options: dict[str, Any] = {},  # noqa: B006 - never changed
) -> None:
    """Dream on a picture."""
    from batcountry.image.sources.addresses import stem_of

    target = DreamTarget(
        place_of(output, f"dream-{stem_of(image)}.png" if image else "dream.png"),
        named=output is not None,
        overwrite=overwrite,
        save_steps=save_steps,
        work=work,
        deepzoom=deepzoom,
    )
    with folder_made(output):
        dream_with_layers(image, target, options, layer or [], typed_policy(run_code))


@app.command()
def resume(
    work: Annotated[
        Path,
        typer.Argument(metavar="DIR", help="The folder that --work named, or an unfinished film or atlas."),
    ],
    allow: Allow = None,
    run_code: RunCode = False,
    no_limits: NoLimits = False,
    overwrite: Overwrite = False,
) -> None:
    """Go on with what was stopped, in whatever way, from where its folder has it."""
    policy = job_policy(allow, run_code=run_code, no_limits=no_limits)
    from batcountry.jobs import resume

    say_done(show(resume(work, policy=policy, overwrite=overwrite), work.name))


@app.command()
def again(
    file: Annotated[Path, typer.Argument(help="A picture or film made by this program.")],
    output: Name = None,
    image: Annotated[
        Path | None,
        typer.Option(
            "--input", help="The picture or video it was dreamed on, if it is no longer where it was."
        ),
    ] = None,
    overwrite: Overwrite = False,
    allow: Allow = None,
    run_code: RunCode = False,
    no_limits: NoLimits = False,
) -> None:
    """Dream a picture or a film again from the recipe inside it."""
    from batcountry.motion.jobs.metadata import note_of

    policy = strict_policy(allow, run_code=run_code, no_limits=no_limits)
    policy = policy.allow(file.parent, *([] if image is None else [image]))
    film = note_of(file)
    usual = f"{file.stem}-again{file.suffix}"
    target = Target(
        file.with_name(usual) if output is None else place_of(output, usual),
        named=output is not None,
        overwrite=overwrite,
    )
    with folder_made(output):
        if film is None:
            picture_again(file, picture_note(file), target, image, policy)
        else:
            film_again(file, film, target, image, policy)
