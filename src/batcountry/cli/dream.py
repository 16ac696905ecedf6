"""Dreams from the command line: where they go, and with which layers."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batcountry.backend.outputs import Output, for_layer
from batcountry.backend.policy import Policy
from batcountry.cli.outputs import Target, check_different, output_at, steps_at
from batcountry.cli.running import Outputs, run_dream
from batcountry.cli.screen import out, plain
from batcountry.cli.stopping import said_counts
from batcountry.recipe import Recipe

if TYPE_CHECKING:
    from batcountry.dreams.prepare import Prepared
    from batcountry.jobs.events import Done

STEPS = re.compile(r"octave_\d+-iter_\d+\.png")
"""Names of the pictures after iterations."""


@dataclass(frozen=True)
class DreamTarget(Target):
    """What is to be written of a dream; see `Outputs`."""

    save_steps: Path | None = None
    work: Path | None = None
    deepzoom: Path | None = None

    def for_layer(self, layer: str) -> DreamTarget:
        """Return the same for one of several layers, with its name in all names."""

        def folder(path: Path | None) -> Path | None:
            return path and for_layer(path, layer, suffix="")

        return replace(
            self,
            path=for_layer(self.path, layer),
            save_steps=folder(self.save_steps),
            work=folder(self.work),
            deepzoom=folder(self.deepzoom),
        )

    def outputs(self, recipe: Recipe, image: Path | None) -> Outputs:
        """Choose names that are free for a dream on a picture; raises `BatCountryError` for what cannot be written."""
        from batcountry.dreams.inputs import input_files
        from batcountry.image.vips import check_pyramid
        from batcountry.optim.alpha import alpha_mode

        alpha_mode(recipe).check_writable(self.path)
        check_different(self.path, self.save_steps, self.work, self.deepzoom)
        inputs = [image, *input_files(recipe)]
        picture = output_at(self.path, inputs, overwrite=self.overwrite, named=self.named)
        deepzoom = None
        if self.deepzoom is not None:
            deepzoom = output_at(self.deepzoom, inputs, overwrite=self.overwrite)
            check_pyramid(deepzoom.path, inputs, overwrite=self.overwrite)
        steps = steps_at(self.save_steps, STEPS, inputs, overwrite=self.overwrite)
        return Outputs(picture, steps, self.work, deepzoom)


def dream_with_layers(
    given: str | None, target: DreamTarget, options: dict[str, Any], layers: list[str], policy: Policy
) -> None:
    """Dream on a picture with each of some layers, or with none for what the options say, and say where the dreams are.

    All that needs no network to be wrong is found out before one is opened.
    """
    from batcountry.dreams.prepare import prepare
    from batcountry.image.files import picture_size
    from batcountry.image.sources.addresses import picture_beside

    image = None if given is None else picture_beside(given, target.path, policy)
    if image is not None:
        picture_size(image, options.get("frame") or 1)
    layers = list(dict.fromkeys(layers))
    own = {"layer": layers[0]} if layers else {}
    asked = prepare(options={**options, **own}, policy=policy)
    if len(layers) < 2:
        _dream(image, target.outputs(asked.recipe, image), asked)
        return
    todo = [(name, target.for_layer(name).outputs(asked.recipe, image)) for name in layers]
    model = asked.open_model()
    for name in layers:
        model.layer(name)
    for name, outputs in todo:
        _dream(image, outputs, asked.with_model(model).with_aim(layer=name))


def _dream(image: Path | None, outputs: Outputs, asked: Prepared) -> None:
    run_dream(image, outputs, asked)
    say_dream(outputs.picture, outputs.deepzoom)


def say_dream(picture: Output, deepzoom: Output | None) -> None:
    """Say where a dream is."""
    out.print(f"the dream is in {plain(picture.path)}")
    if deepzoom is not None:
        out.print(f"open {plain(deepzoom.path / 'index.html')} to zoom in it")


def say_done(done: Done) -> None:
    """Say where the results of a job are."""
    places = {name: Output(Path(each)) for name, each in done.outputs.items()}
    if "picture" in places:
        say_dream(places["picture"], places.get("deepzoom"))
    elif "film" in places:
        out.print(f"the film is in {plain(places['film'].path)}")
    elif "atlas" in places:
        out.print(f"open {plain(places['atlas'].path / 'index.html')} to see {said_counts(done.counts)}")
    elif done.counts:
        out.print(f"{said_counts(done.counts)}; the dreams are in {plain(places['folder'].path)}")
