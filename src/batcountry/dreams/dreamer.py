"""Dreams: a recipe made ready, and run on pictures."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from typing_extensions import Unpack

from batcountry.backend.version import __version__
from batcountry.dreams import octaves
from batcountry.dreams.batches import BATCH, check_batch, in_batches, pictures_given
from batcountry.dreams.checkpoint import Checkpoint
from batcountry.dreams.keywords import DreamOptions, PictureLike
from batcountry.dreams.loop import Advancing, climb
from batcountry.dreams.octave_sizes import holding, large_enough, octave_sizes, plan_dream
from batcountry.dreams.planning import PICTURE_BYTES, Plan, fitting
from batcountry.dreams.postprocess import finished
from batcountry.dreams.preview import encode_preview, recolor, shrink
from batcountry.dreams.resolve import resolve
from batcountry.dreams.steps import Step
from batcountry.errors import RecipeError
from batcountry.image.array_picture import read_data
from batcountry.image.initial import start_picture
from batcountry.image.periodic import seamless, wrapped_axes
from batcountry.image.picture import Picture, read_picture
from batcountry.image.resample import enlarged
from batcountry.objectives import pictures_of
from batcountry.objectives.breakdown import Breakdown
from batcountry.optim.alpha import COLORS, VEIL_BYTES, begun, planes_of
from batcountry.optim.ascent import UPDATE
from batcountry.optim.aux_inputs import Pictures
from batcountry.optim.gradient import Gradient, SparingGradient, redirecting_gradient, whole_gradient
from batcountry.optim.optimizers import State
from batcountry.optim.sliding_windows import WindowedAscent, check_windows
from batcountry.optim.sliding_windows import in_batches as window_batches
from batcountry.recipe import Note, Recipe

log = logging.getLogger("batcountry")


@dataclass(frozen=True)
class Planned:
    """What a dream on a picture will be.

    Attributes
    ----------
    recipe
        With all that the picture's size and the memory chose, so that the same is done again.
    pixels
        Of the largest octave.
    seconds
        How long it will take; None if nobody knows.
    """

    recipe: Recipe
    pixels: int
    seconds: float | None


class Dreamer:
    """A recipe made ready: its model opened, its objective bound. It dreams on any number of pictures.

    Parameters
    ----------
    recipe, options
        As for `dream`.

    Attributes
    ----------
    resolved
        Model, objective, and the recipe with what was chosen for it.
    parts
        The terms of the image itself, with what they last came to; None if there are none.
    names
        What notes say in the place of a recipe's own names, for a model or files that are found under others here.

    Raises
    ------
    BatCountryError
        As `dream`.
    """

    def __init__(self, recipe: Recipe | None = None, **options: Unpack[DreamOptions]) -> None:
        self.resolved = resolve(recipe or Recipe(), dict(options))
        model, objective = self.resolved.model, self.resolved.objective
        self._whole = whole_gradient(model, objective)
        self.parts = Breakdown(model, objective.of_image) if objective.of_image else None
        more = {} if self.resolved.mask is None else {UPDATE: self.resolved.mask}
        self._pictures = Pictures(objective, more)
        self._count = pictures_of(objective)
        self.names: dict[str, str] = {}
        self._ready: dict[tuple[int, int], tuple[list[tuple[int, int]], Gradient, Recipe, Plan | None]] = {}

    def read(self, image: Any) -> Picture:
        """Read a picture of the kind that the network takes."""
        channels = self.resolved.model.channels
        return read_picture(image) if channels == 3 else read_data(image, channels)

    def planned(self, image: PictureLike | None = None) -> Planned:
        """Return what a dream on a picture will be; raises `BatCountryError` if it cannot be."""
        size = self._input(image).size[::-1]
        sizes, _, recipe, plan = self._prepared(size)
        return Planned(
            recipe.with_options(**self.names) if self.names else recipe,
            sizes[-1][0] * sizes[-1][1],
            None if plan is None else plan.seconds,
        )

    def dreaming(
        self,
        image: PictureLike | Sequence[PictureLike] | None = None,
        *,
        batch: int = BATCH,
        detail: Tensor | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> Iterator[Step]:
        """Dream on a picture step by step, or on several.

        Parameters
        ----------
        image, batch
            As for `dream`.
        detail : (1, C, h, w), gray levels
            What to add to the picture before the first step, of any size: an earlier dream less its picture.
        checkpoint
            Of a step of a dream on this one picture, which is gone on with; that step comes first again.

        Raises
        ------
        BatCountryError
            If the picture cannot be used; at the call, not at the first step.
        """
        check_batch(batch)
        several = pictures_given(image)
        if several is None:
            return self._dreaming([self._input(image)], detail, checkpoint)
        if self._count > 1:
            raise RecipeError(
                "an objective for several pictures makes them of one; give one picture, not a list"
            )
        if checkpoint is not None:
            raise RecipeError("a checkpoint is of one picture; give that, not a list")
        pictures = [self._input(self.read(each)) for each in several]
        most = {each.size: self._together(each, batch) for each in pictures}
        return in_batches(pictures, lambda one: most[one.size], lambda some: self._dreaming(some, detail))

    def _dreaming(
        self, pictures: list[Picture], detail: Tensor | None, checkpoint: Checkpoint | None = None
    ) -> Iterator[Step]:
        """Dream on pictures of one size together, or on one with several objectives."""
        resolved = self.resolved
        base = torch.cat([planes_of(each, resolved.recipe) for each in pictures]).to(resolved.model.device)
        base = base.expand(max(self._count, len(pictures)), -1, -1, -1)
        sizes, gradient, recipe, _ = self._prepared((base.shape[-2], base.shape[-1]))
        if recipe.redirect_relu and (recipe.tile or recipe.wrap != "none"):
            raise RecipeError(
                "whether a ReLU is dead is asked of the whole picture, so redirect_relu does not go with tiles or wrap; "
                "leave it out, or make the picture smaller with size"
            )
        made = 0 if checkpoint is None else checkpoint.steps(recipe.iterations)
        redirected = redirecting_gradient(gradient, max(0, recipe.redirect_relu - made))
        ascent = resolved.ascent(redirected, self.parts)
        window = resolved.window
        on = ascent.on if window is None else WindowedAscent(ascent, window, recipe.window_rates).on

        def begin(image: Tensor, start: Tensor) -> Advancing:
            aux_inputs = self._pictures.at(start[:, : resolved.model.channels])
            if UPDATE in aux_inputs:  # detail of a coarse octave reaches over the mask's edge
                image = torch.lerp(start, image, aux_inputs[UPDATE])
            return _Begun(on(image, aux_inputs), gradient)

        opened = _Opened(pictures, base, recipe, self._note)
        if recipe.carry == "detail" and (recipe.initial_size or recipe.final_size):
            base = enlarged(base, sizes[-1])
        wrap, carry = wrapped_axes(recipe.wrap), octaves.carries[recipe.carry]
        return climb(base, sizes, recipe.iterations, begin, opened, wrap, detail, carry, checkpoint)

    def _together(self, picture: Picture, most: int) -> int:
        """Return how many pictures like this one can be dreamed on together."""
        *_, planned = self._prepared(picture.size[::-1])
        recipe = self.resolved.recipe
        return 1 if planned is None else fitting(planned, recipe.max_memory, self.resolved.model.device, most)

    def _prepared(self, size: tuple[int, int]) -> tuple[list[tuple[int, int]], Gradient, Recipe, Plan | None]:
        """Return octaves' sizes for a picture of (height, width), gradient, recipe with tiles, and plan if there is one."""
        if size not in self._ready:
            model, objective, recipe = self.resolved.model, self.resolved.objective, self.resolved.recipe
            moves, window = self.resolved.transforms, self.resolved.window
            sizes = octave_sizes(recipe, size)
            if window is not None:
                if self._count > 1:
                    raise RecipeError("windows go over one picture; give one objective, or leave windows out")
                if recipe.octaves is None:
                    sizes = holding(window, sizes)
                    recipe = recipe.with_options(octaves=len(sizes))
                check_windows(sizes, window)
                large_enough(model, objective.layers, [window])
                self._ready[size] = sizes, window_batches(self._whole, recipe.window_batch), recipe, None
                return self._ready[size]
            sizes = large_enough(model, objective.layers, sizes, moves, chosen=recipe.octaves is None)
            recipe = recipe.with_options(octaves=recipe.octaves or len(sizes))
            buffers = self._count * (PICTURE_BYTES + (VEIL_BYTES if recipe.alpha else 0))
            planned = plan_dream(self.resolved, self._probed, sizes, buffers)
            log.info("%s", planned)
            wrap = wrapped_axes(recipe.wrap)
            gradient = SparingGradient(
                self._whole, model, objective, planned.side, wrap, ceiling=planned.ceiling
            )
            self._ready[size] = sizes, gradient, recipe.with_options(tile=planned.side or 0), planned
        return self._ready[size]

    def _input(self, image: Any) -> Picture:
        """Return the picture that a dream begins with, of the size that the recipe says."""
        recipe, model = self.resolved.recipe, self.resolved.model
        made = image is None and model.channels == 3
        picture = self.read(start_picture(recipe) if made else image)
        if recipe.size:
            picture = picture.fitted(recipe.size)
        if recipe.enlarge:
            picture = picture.enlarged(recipe.enlarge)
        wrap = wrapped_axes(recipe.wrap)
        picture = begun(picture, wrap, made=made) if recipe.alpha else picture
        return picture.with_pixels(seamless(picture.pixels, wrap)) if any(wrap) else picture

    def _probed(self, image: Tensor, _: Any = None) -> tuple[float, Tensor]:
        """Work the gradient of all pictures out, with others beside of no consequence, to see what it costs."""
        image = image.expand(self._count, -1, -1, -1)
        aux_inputs = {key: each for key, each in self._pictures.at(image).items() if key != UPDATE}
        return self._whole(image, aux_inputs)

    def _note(self, picture: Picture, recipe: Recipe) -> str:
        return Note(
            version=__version__,
            recipe=recipe.with_options(**self.names) if self.names else recipe,
            input=picture.source,
            input_sha256=picture.sha256,
            weights_sha256=self.resolved.model.weights_sha256,
        ).model_dump_json()


@dataclass(frozen=True)
class _Begun:
    """An octave's steps, whose state tells of tiles that were halved as memory ran out."""

    climb: Advancing
    gradient: Gradient

    def step(self) -> tuple[Tensor, float]:
        return self.climb.step()

    def state(self) -> State:
        halved = getattr(self.gradient, "halved", None)
        return {**self.climb.state(), **({} if halved is None else {"halved": torch.tensor(halved)})}

    def load(self, state: State) -> None:
        self.climb.load(state)
        if "halved" in state and isinstance(self.gradient, SparingGradient):
            self.gradient.halve(int(state["halved"]))


@dataclass(frozen=True)
class _Opened:
    """Makes pictures of a step; see `batcountry.dreams.steps.Opened`.

    Attributes
    ----------
    pictures
        What is dreamed on; with several objectives there is one for all.
    base
        The same as (N, C, H, W).
    note
        Makes the note of a dream on a picture.
    """

    pictures: list[Picture]
    base: Tensor
    recipe: Recipe
    note: Callable[[Picture, Recipe], str]
    _small: dict[tuple[int, int], tuple[Picture, Tensor]] = field(default_factory=dict)

    def __call__(self, image: Tensor, index: int) -> Picture:
        picture = self._of(index)
        found = finished(picture, image, self.base[index : index + 1], self.recipe)
        # What was dreamed is another picture than the one it was read from.
        return replace(found, source=None, sha256="", note=self.note(picture, self.recipe))

    def preview(self, image: Tensor, index: int, side: int) -> bytes:
        small = shrink(image.detach(), side)
        if (index, side) not in self._small:  # a look at a large original is made once
            base = self.base[index : index + 1, :COLORS]
            self._small[index, side] = _small_picture(self._of(index), side), shrink(base, side)
        picture, base = self._small[index, side]
        found = finished(picture, small, base, self.plain)
        if self.recipe.color != "free":
            shown = torch.from_numpy(found.pixels).permute(2, 0, 1)[None]
            shown = recolor(shown, base.cpu(), self.recipe.color)
            found = found.with_pixels(shown[0].permute(1, 2, 0).contiguous().numpy())
        return encode_preview(found.image())

    @cached_property
    def plain(self) -> Recipe:
        """The recipe with colors as they grow."""
        return self.recipe.with_options(color="free")

    def _of(self, index: int) -> Picture:
        return self.pictures[min(index, len(self.pictures) - 1)]


def _small_picture(picture: Picture, side: int) -> Picture:
    """Return a picture of which nothing but the transparency counts, as a preview has it."""
    if picture.alpha is None:
        return replace(picture, icc=None)
    alpha = shrink(torch.from_numpy(picture.alpha)[None, None], side)[0, 0]
    return replace(picture, alpha=alpha.round().to(torch.uint8).numpy(), icc=None)
