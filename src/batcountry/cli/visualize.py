"""The command that makes pictures in cnn-vis's way."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from batcountry.backend.folders import make_folder
from batcountry.backend.outputs import Output
from batcountry.cli.app import app as app
from batcountry.cli.options import options_of, recipe_options
from batcountry.cli.outputs import (
    Name,
    Overwrite,
    Target,
    check_different,
    folder_made,
    output_at,
    place_of,
    save_picture,
    steps_at,
)
from batcountry.cli.screen import Stopped, err, out, watched
from batcountry.cli.stopping import stopped
from batcountry.cli.trust import RunProgram, typed_policy
from batcountry.dreams.cnn_vis_options import Aim, Penalties
from batcountry.errors import RecipeError
from batcountry.recipe import Recipe
from batcountry.recipe.fields import described

if TYPE_CHECKING:
    from batcountry.dreams.dreamer import Dreamer
    from batcountry.dreams.history import History as Numbers
    from batcountry.dreams.prepare import Prepared
    from batcountry.dreams.steps import Step
    from batcountry.image.picture import Picture

STEPS = re.compile(r"size_\d+-step_\d+\.png")
"""Names of the pictures after iterations."""


@app.command()
@recipe_options(without=("guide",))
@options_of(Aim, "aim")
@options_of(Penalties, "penalties")
def visualize(
    image: Annotated[
        Path | None, typer.Argument(help="Picture to begin with; with none, --start says what is made.")
    ] = None,
    output: Name = None,
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
        typer.Option("--plot-pixels", metavar="FILE", help="Also plot four pixels' gray levels."),
    ] = None,
    overwrite: Overwrite = False,
    run_code: RunProgram = False,
    aim: dict[str, Any] = {},  # noqa: B006 - never changed
    penalties: dict[str, Any] = {},  # noqa: B006 - never changed
    options: dict[str, Any] = {},  # noqa: B006 - never changed
) -> None:
    """Amplify what a layer, a channel or a class sees, from a picture or from noise: cnn-vis's way.

    A layer that takes pictures of one size only works on any canvas, through overlapping windows.
    """
    from batcountry.dreams.cnn_vis import usual_options
    from batcountry.dreams.history import History
    from batcountry.dreams.prepare import prepare
    from batcountry.image.picture import read_picture

    if save_steps is not None and not every:
        raise RecipeError("--save-steps writes as often as --every says; leave out --every 0")
    picture = None if image is None else read_picture(image)
    asked = prepare(options={**usual_options(options), **options}, policy=typed_policy(run_code))
    target = Target(
        place_of(output, f"visualize-{image.stem}.png" if image else "visualize.png"),
        named=output is not None,
        overwrite=overwrite,
    )
    with folder_made(output):
        outputs = _outputs(target, asked.recipe, image, plot, plot_pixels, steps=save_steps)
        size = None if picture is None else picture.size[::-1]
        dreamer = _dreamer(asked, size, options, aim, penalties=penalties)
        history = History()
        try:
            _run(dreamer, picture, image, outputs, history=history, every=every)
        except Stopped:
            outputs.save_plots(history)
            raise
        outputs.save_plots(history)
    out.print(f"the picture is in {escape(str(outputs.picture.path))}")


@dataclass
class _Outputs:
    picture: Output
    plot: Output | None
    plot_pixels: Output | None
    steps: Output | None

    def save_plots(self, history: Numbers) -> None:
        """Draw what there is of the numbers."""
        if not history.numbers:
            return
        if self.plot is not None:
            self.plot.save(lambda path, overwrite: history.save_plot(path, overwrite=overwrite))
        if self.plot_pixels is not None:
            self.plot_pixels.save(lambda path, overwrite: history.save_pixels(path, overwrite=overwrite))


def _outputs(
    target: Target,
    recipe: Recipe,
    image: Path | None,
    plot: Path | None,
    plot_pixels: Path | None,
    *,
    steps: Path | None,
) -> _Outputs:
    """Choose names that are free; raises `BatCountryError` for what cannot be written."""
    from batcountry.dreams.inputs import input_files
    from batcountry.image.files import check_writable

    check_writable(target.path, transparent=recipe.alpha)
    for each in filter(None, (plot, plot_pixels)):
        check_writable(each)
    check_different(target.path, plot, plot_pixels, steps)
    inputs, overwrite = [image, *input_files(recipe)], target.overwrite
    picture = output_at(target.path, inputs, overwrite=overwrite, named=target.named)
    drawn, drawn_pixels = (
        None if each is None else output_at(each, inputs, overwrite=overwrite) for each in (plot, plot_pixels)
    )
    return _Outputs(picture, drawn, drawn_pixels, steps_at(steps, STEPS, inputs, overwrite=overwrite))


def _run(
    dreamer: Dreamer,
    picture: Picture | None,
    image: Path | None,
    outputs: _Outputs,
    *,
    history: Numbers,
    every: int,
) -> None:
    """Make the picture, with the losses printed and the picture saved as often as `every` says."""
    steps = dreamer.dreaming(picture)
    if outputs.steps is not None:
        make_folder(outputs.steps.path)
    step: Step | None = None
    try:
        for step in watched(steps, image.name if image else "a start of its own"):
            history.add(step)
            if every and (step.iteration + 1) % every == 0:
                _report(step, history, outputs.steps)
        assert step is not None  # there is at least one
        save_picture(step.picture(), outputs.picture)
    except (Stopped, KeyboardInterrupt):
        raise stopped(step, outputs.picture.path) from None


def _dreamer(
    asked: Prepared,
    size: tuple[int, int] | None,
    options: dict[str, Any],
    aim: dict[str, Any],
    *,
    penalties: dict[str, Any],
) -> Dreamer:
    """Make a dreamer ready for a picture of (height, width), or for a start."""
    from batcountry.dreams.cnn_vis import amplifying
    from batcountry.dreams.dreamer import Dreamer

    if "objective" in options and (aim or penalties):
        names = (*aim, *penalties)
        flags = ", ".join(
            each.flag for each in (*described(Aim), *described(Penalties)) if each.name in names
        )
        raise RecipeError(f"an objective says all that is wanted; write into it what {flags} would say")
    wish, less = Aim.of(aim), Penalties.of(penalties)
    model = asked.open_model()
    return Dreamer(policy=asked.policy, **amplifying(model, options, wish, less, size=size))


def _report(step: Step, history: Numbers, folder: Output | None) -> None:
    where = f"size {step.octave + 1}/{step.octaves}, iteration {step.iteration + 1}/{step.iterations}"
    err.print(escape(f"{where}: {history.line()}"))
    if folder is not None:
        name = f"size_{step.octave + 1}-step_{step.iteration + 1}.png"
        save_picture(step.picture(), Output(folder.path / name, folder.overwrite))
