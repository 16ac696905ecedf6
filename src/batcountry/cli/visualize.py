"""The command that makes pictures in cnn-vis's way."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from batcountry.cli.app import app as app
from batcountry.cli.options import options_of, recipe_options
from batcountry.cli.screen import err, out, watched
from batcountry.errors import RecipeError
from batcountry.fields import described
from batcountry.folders import make_folder
from batcountry.penalties import Aim, Penalties
from batcountry.recipe import Recipe

if TYPE_CHECKING:
    from batcountry.dreamer import Dreamer
    from batcountry.dreams import Step
    from batcountry.losses import History as Numbers


@app.command()
@recipe_options(without=("guide",))
@options_of(Aim, "aim")
@options_of(Penalties, "penalties")
def visualize(
    image: Annotated[
        Path | None, typer.Argument(help="Picture to begin with; with none, --start says what is made.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Where the picture goes: .png, .jpg, .webp or .tif."),
    ] = None,
    every: Annotated[
        int, typer.Option("--every", min=0, help="Print the losses every so many iterations; 0 for never.")
    ] = 50,
    save_steps: Annotated[
        Path | None,
        typer.Option("--save-steps", metavar="DIR", help="Also write the picture there, as often."),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE", help="Also plot the losses, as a picture.")
    ] = None,
    plot_pixels: Annotated[
        Path | None,
        typer.Option("--plot-pixels", metavar="FILE", help="Also plot four pixels' grey levels."),
    ] = None,
    aim: dict[str, Any] = {},  # noqa: B006 - never changed
    penalties: dict[str, Any] = {},  # noqa: B006 - never changed
    options: dict[str, Any] = {},  # noqa: B006 - never changed
) -> None:
    """Amplify what a layer, a channel or a class sees, from a picture or from noise: cnn-vis's way.

    A layer that takes pictures of one size only works on any canvas, through overlapping windows.
    """
    from batcountry.losses import History
    from batcountry.picture import read_picture
    from batcountry.picture_files import check_writable

    target = output or Path(f"visualize-{image.stem}.png" if image else "visualize.png")
    check_writable(target, transparent=Recipe().with_options(**options).alpha)
    for each in filter(None, (plot, plot_pixels)):
        check_writable(each)
    if save_steps is not None and not every:
        raise RecipeError("--save-steps writes as often as --every says; leave out --every 0")
    picture = None if image is None else read_picture(image)
    dreamer = _dreamer(None if picture is None else picture.size[::-1], options, aim, penalties=penalties)
    steps, history = dreamer.dreaming(picture), History(dreamer.parts)
    if save_steps is not None:
        make_folder(save_steps)
    for step in watched(steps, image.name if image else "a start of its own"):
        history.add(step)
        if every and (step.iteration + 1) % every == 0:
            _report(step, history, save_steps)
        if step.last:
            step.picture().save(target)
    for path, save in ((plot, history.save_plot), (plot_pixels, history.save_pixels)):
        if path is not None:
            save(path)
    out.print(f"the picture is in {escape(str(target))}")


def _dreamer(
    size: tuple[int, int] | None,
    options: dict[str, Any],
    aim: dict[str, Any],
    *,
    penalties: dict[str, Any],
) -> Dreamer:
    """Make a dreamer ready for a picture of (height, width), or for a start."""
    from batcountry.amplifying import amplifying
    from batcountry.dreamer import Dreamer
    from batcountry.models.from_recipe import open_recipe_model

    if "objective" in options and (aim or penalties):
        names = (*aim, *penalties)
        flags = ", ".join(
            each.flag for each in (*described(Aim), *described(Penalties)) if each.name in names
        )
        raise RecipeError(f"an objective says all that is wanted; write into it what {flags} would say")
    wish, less = Aim.of(aim), Penalties.of(penalties)
    model = open_recipe_model(Recipe().with_options(**options))
    return Dreamer(**amplifying(model, options, wish, less, size=size))


def _report(step: Step, history: Numbers, folder: Path | None) -> None:
    where = f"size {step.octave + 1}/{step.octaves}, iteration {step.iteration + 1}/{step.iterations}"
    err.print(escape(f"{where}: {history.line()}"))
    if folder is not None:
        step.picture().save(folder / f"size_{step.octave + 1}-step_{step.iteration + 1}.png")
