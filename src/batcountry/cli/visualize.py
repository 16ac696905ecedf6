"""The command that makes pictures in cnn-vis's way."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from batcountry.backend.outputs import Output
from batcountry.cli.app import app as app
from batcountry.cli.options import options_of, recipe_options
from batcountry.cli.outputs import (
    Name,
    Overwrite,
    Target,
    Work,
    check_different,
    folder_made,
    output_at,
    place_of,
    steps_at,
)
from batcountry.cli.screen import out, plain, show
from batcountry.cli.trust import RunProgram, typed_policy
from batcountry.dreams.cnn_vis_options import Aim, Penalties
from batcountry.errors import RecipeError
from batcountry.recipe import Recipe
from batcountry.recipe.described import described

if TYPE_CHECKING:
    from batcountry.backend.policy import Policy
    from batcountry.dreams.prepare import Prepared
    from batcountry.jobs.spec import JobSpec

STEPS = re.compile(r"size_\d+-step_\d+\.png")
"""Names of the pictures after iterations."""


@dataclass(frozen=True)
class VisualizeTarget(Target):
    """What is to be written of a visualization.

    Attributes
    ----------
    every
        How often losses are told, and the picture is written to `save_steps`: after so many iterations; 0 for never.
    work
        The folder that it is stored in as it grows.
    """

    every: int = 50
    save_steps: Path | None = None
    plot: Path | None = None
    plot_pixels: Path | None = None
    work: Path | None = None

    def check(self) -> None:
        """Raise `RecipeError` for steps that are never written, and `MissingExtra` for plots that cannot be drawn."""
        from batcountry.dreams.history import check_plots

        if self.save_steps is not None and not self.every:
            raise RecipeError("--save-steps writes as often as --every says; leave out --every 0")
        if self.plot or self.plot_pixels:
            check_plots()

    def outputs(self, recipe: Recipe, image: Path | None) -> dict[str, Output]:
        """Choose names that are free, by the outputs' names; raises `BatCountryError` for what cannot be written."""
        from batcountry.dreams.inputs import input_files
        from batcountry.image.files import check_writable
        from batcountry.optim.alpha import alpha_mode

        alpha_mode(recipe).check_writable(self.path)
        plots = {"plot": self.plot, "plot_pixels": self.plot_pixels}
        for path in filter(None, plots.values()):
            check_writable(path)
        check_different(self.path, self.plot, self.plot_pixels, self.save_steps)
        inputs, overwrite = [image, *input_files(recipe)], self.overwrite
        chosen: dict[str, Output | None] = {
            "picture": output_at(self.path, inputs, overwrite=overwrite, named=self.named),
            **{
                name: None if path is None else output_at(path, inputs, overwrite=overwrite)
                for name, path in plots.items()
            },
            "steps": steps_at(self.save_steps, STEPS, inputs, overwrite=overwrite),
        }
        return {name: output for name, output in chosen.items() if output is not None}


@app.command()
@recipe_options(without=("guide",), picture="image")
@options_of(Aim, "aim")
@options_of(Penalties, "penalties")
def visualize(
    image: Annotated[
        str | None,
        typer.Argument(
            metavar="PICTURE",
            help="Picture to begin with, a file or an address; with none, --start says what is made.",
        ),
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
    work: Work = None,
    overwrite: Overwrite = False,
    run_code: RunProgram = False,
    aim: dict[str, Any] = {},  # noqa: B006 - never changed
    penalties: dict[str, Any] = {},  # noqa: B006 - never changed
    options: dict[str, Any] = {},  # noqa: B006 - never changed
) -> None:
    """Amplify what a layer, a channel or a class sees, from a picture or from noise: cnn-vis's way.

    A layer that takes pictures of one size only works on any canvas, through overlapping windows.
    """
    from batcountry.image.sources.addresses import stem_of

    target = VisualizeTarget(
        place_of(output, f"visualize-{stem_of(image)}.png" if image else "visualize.png"),
        named=output is not None,
        overwrite=overwrite,
        every=every,
        save_steps=save_steps,
        plot=plot,
        plot_pixels=plot_pixels,
        work=work,
    )
    target.check()
    with folder_made(output):
        _visualize(image, target, options, aim, penalties=penalties, policy=typed_policy(run_code))


def _visualize(
    image: str | None,
    target: VisualizeTarget,
    options: dict[str, Any],
    aim: dict[str, Any],
    *,
    penalties: dict[str, Any],
    policy: Policy,
) -> None:
    """Make the picture, and say where it is. All that needs no network to be wrong is found out before one is opened."""
    from batcountry.dreams.cnn_vis import usual_options
    from batcountry.dreams.prepare import prepare
    from batcountry.image.files import picture_size
    from batcountry.image.sources.addresses import picture_beside
    from batcountry.jobs import run

    picture = None if image is None else picture_beside(image, target.path, policy)
    size = None if picture is None else picture_size(picture, options.get("frame") or 1)[::-1]
    asked = prepare(options={**usual_options(options), **options}, policy=policy)
    outputs = target.outputs(asked.recipe, picture)
    asked = _amplifying(asked, size, options, aim, penalties=penalties)
    spec = _spec(picture, asked.recipe, target.every, outputs)
    events = run(spec, folder=target.work, policy=asked.policy, objects={"asked": asked})
    done = show(events, picture.name if picture else "a start of its own")
    out.print(f"the picture is in {plain(done.outputs['picture'])}")


def _spec(image: Path | None, recipe: Recipe, every: int, outputs: dict[str, Output]) -> JobSpec:
    from batcountry.jobs.spec import InputFile, JobSpec, json_of, places_of

    return JobSpec(
        kind="visualize",
        recipe={"dream": json_of(recipe), "every": every},
        inputs={} if image is None else {"picture": InputFile(path=str(image))},
        outputs=places_of(outputs),
    )


def _amplifying(
    asked: Prepared,
    size: tuple[int, int] | None,
    options: dict[str, Any],
    aim: dict[str, Any],
    *,
    penalties: dict[str, Any],
) -> Prepared:
    """Return what is asked for in cnn-vis's way, of a picture of (height, width), or of a start."""
    from batcountry.dreams.cnn_vis import amplifying
    from batcountry.dreams.prepare import prepare

    if "objective" in options and (aim or penalties):
        names = (*aim, *penalties)
        flags = ", ".join(
            each.flag for each in (*described(Aim), *described(Penalties)) if each.name in names
        )
        raise RecipeError(f"an objective says all that is wanted; write into it what {flags} would say")
    wish, less = Aim.of(aim), Penalties.of(penalties)
    model = asked.open_model()
    return prepare(options=amplifying(model, options, wish, less, size=size), policy=asked.policy)
