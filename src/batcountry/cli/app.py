"""The commands, each a few lines over the public Python."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from batcountry.cli.options import recipe_options
from batcountry.cli.screen import fail, out, watched
from batcountry.errors import BatCountryError, PictureError
from batcountry.folders import make_folder
from batcountry.quantities import parsed_size
from batcountry.recipe import Recipe

# What imports torch is imported within the commands, so that --help answers at once.

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Deep dreams from any convolutional network.",
    pretty_exceptions_enable=False,
)

Output = Annotated[
    Path | None, typer.Option("--output", "-o", help="Where the picture goes: .png, .jpg, .webp or .tif.")
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
            "--save-steps", metavar="DIR", help="Also write the picture after every iteration there."
        ),
    ] = None,
    work: Annotated[
        Path | None,
        typer.Option(
            "--work",
            metavar="DIR",
            help="Dream on disk, in this new folder, which `resume` goes on from; what does not fit in memory is anyway.",
        ),
    ] = None,
    deepzoom: Annotated[
        Path | None,
        typer.Option(
            "--deepzoom", metavar="DIR", help="Also write a folder with a page to zoom in the dream."
        ),
    ] = None,
    options: dict[str, Any] = {},  # noqa: B006 - never changed
) -> None:
    """Dream on a picture."""
    target = output or Path(f"dream-{image.stem}.png" if image else "dream.png")
    _dream(image, target, options, save_steps=save_steps, work=work, deepzoom=deepzoom)
    out.print(f"the dream is in {escape(str(target))}")
    if deepzoom is not None:
        out.print(f"open {escape(str(deepzoom / 'index.html'))} to zoom in it")


@app.command()
def resume(
    work: Annotated[
        Path, typer.Argument(metavar="DIR", help="The folder that --work named, or a film's journal.")
    ],
) -> None:
    """Go on with a dream on disk from its last finished iteration, or with a film from its last finished frame."""
    from batcountry.motion.journal import JOB

    films = [each for each in (work, work.with_name(f"{work.name}.journal")) if (each / JOB).is_file()]
    if films:
        from batcountry.cli.motion import resume_film

        resume_film(films[0])
        return
    from batcountry.boundless import resuming
    from batcountry.boundless.job import Workplace

    job = Workplace(work).job()
    for _ in watched(resuming(work), work.name, f"go on with: bat-country resume {work}"):
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

    pictures = _pictures(folder)
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
                _dream(picture, target, {**options, "model": model, "layer": name})
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
def info(file: Annotated[Path, typer.Argument(help="A picture or film made by this program.")]) -> None:
    """Show the recipe inside a picture or a film, as JSON."""
    from batcountry.motion.notes import note_of

    out.print_json((note_of(file) or _note(file)).model_dump_json())


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
    run_code: Annotated[
        bool,
        typer.Option("--run-code", help="Open its model even if that runs a function that the recipe names."),
    ] = False,
) -> None:
    """Dream a picture or a film again from the recipe inside it."""
    from batcountry.files import sha256_of
    from batcountry.models.from_recipe import open_recipe_model
    from batcountry.motion.notes import note_of

    film = note_of(file)
    if film is not None:
        from batcountry.cli.motion import film_again

        film_again(file, film, output, image, run_code=run_code)
        return
    note = _note(file)
    source = image or _source(note.input, file)
    target = output or file.with_name(f"{file.stem}-again{file.suffix}")
    if source is not None and sha256_of(source) != note.input_sha256:
        raise PictureError(
            f"{source} is not the picture that {file} was dreamed on; name that one with --input"
        )
    if source is None and note.input is None and note.input_sha256 != _start_sha256(note.recipe):
        raise PictureError(f"{file} was not dreamed on a file; name the picture with --input")
    model = open_recipe_model(note.recipe, trusted=run_code)
    if model.weights_sha256 != note.weights_sha256:
        raise PictureError(f"{file} was dreamed with other weights than {note.recipe.model} has now")
    _dream(source, target, {**note.recipe.model_dump(), "model": model}, named=note.input)
    out.print(f"the dream is in {escape(str(target))}")


def _dream(
    image: Path | None,
    target: Path,
    options: dict[str, Any],
    *,
    save_steps: Path | None = None,
    work: Path | None = None,
    deepzoom: Path | None = None,
    named: str | None = None,
) -> None:
    from batcountry.picture_files import check_writable, picture_size

    check_writable(target, transparent=_recipe(options).alpha)
    size = picture_size(image) if image else _canvas(options)
    if work is not None or not _fits(size, options):
        if save_steps is not None:
            raise PictureError(
                "a picture on disk is not written after every iteration; leave --save-steps out"
            )
        _dream_on_disk(image, target, options, work=work, deepzoom=deepzoom, named=named)
    else:
        _dream_in_memory(image, target, options, save_steps=save_steps, deepzoom=deepzoom, named=named)


def _fits(size: tuple[int, int], options: dict[str, Any]) -> bool:
    """Whether a picture of (width, height) can be dreamed on in memory, beside what a network takes."""
    from batcountry.memory import fits_in_memory

    return fits_in_memory(size, _recipe(options))


def _canvas(options: dict[str, Any]) -> tuple[int, int]:
    """Return width and height of the start."""
    height, width = parsed_size(_recipe(options).canvas)
    return width, height


def _recipe(options: dict[str, Any]) -> Recipe:
    return Recipe().with_options(**{k: v for k, v in options.items() if k != "model"})


def _dream_on_disk(
    image: Path | None,
    target: Path,
    options: dict[str, Any],
    *,
    work: Path | None,
    deepzoom: Path | None,
    named: str | None,
) -> None:
    from batcountry.boundless import dreaming_on_disk

    steps = dreaming_on_disk(image, target, work=work, deepzoom=deepzoom, named=named, **options)
    hint = f"go on with: bat-country resume {work or f'{target.stem}-work-…'}"
    for _ in watched(steps, image.name if image else "a start of its own", hint):
        pass


def _dream_in_memory(
    image: Path | None,
    target: Path,
    options: dict[str, Any],
    *,
    save_steps: Path | None,
    deepzoom: Path | None,
    named: str | None,
) -> None:
    from dataclasses import replace

    from batcountry.picture import read_picture

    if deepzoom is not None:
        from batcountry.boundless.images import check_folder, from_array, save_pyramid, vips

        vips()
        check_folder(deepzoom)
    picture = None if image is None else read_picture(image)
    if picture is not None and named is not None:
        picture = replace(picture, source=named)  # so that a dream made again has the very same note
    import numpy as np

    from batcountry.dreamer import dreaming

    if save_steps is not None:
        make_folder(save_steps)
    for step in watched(dreaming(picture, **options), image.name if image else "a start of its own"):
        if save_steps is not None:
            step.picture().save(save_steps / f"octave_{step.octave}-iter_{step.iteration:03d}.png")
        if step.last:
            found = step.picture()
            found.save(target)
            if deepzoom is not None:
                save_pyramid(from_array(np.asarray(found.image())), deepzoom, target.stem)


def _pictures(folder: Path) -> list[Path]:
    from PIL import Image

    if not folder.is_dir():
        raise PictureError(f"there is no folder {folder}; name a folder of pictures")
    known = Image.registered_extensions()
    found = sorted(each for each in folder.iterdir() if each.is_file() and each.suffix.lower() in known)
    if not found:
        raise PictureError(f"the folder {folder} has no pictures in it")
    return found


def _note(file: Path) -> Any:
    from batcountry.picture_files import read_note
    from batcountry.recipe import Note

    text = read_note(file)
    if text is None:
        raise PictureError(f"{file} has no recipe inside; only pictures that this program wrote have one")
    return Note.read(text)


def _source(name: str | None, file: Path) -> Path | None:
    if name is None:
        return None
    for place in (Path(name), file.parent / Path(name).name):
        if place.is_file():
            return place
    raise PictureError(f"{name}, which {file} was dreamed on, is not there; say where it is with --input")


def _start_sha256(recipe: Recipe) -> str:
    from batcountry.starts import start_picture

    return start_picture(recipe).sha256
