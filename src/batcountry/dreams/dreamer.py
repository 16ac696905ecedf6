"""Dreams: a recipe made ready, and run on pictures."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from threading import Lock
from typing import Any

import torch
from torch import Tensor
from typing_extensions import Unpack

from batcountry.backend.allocator import give_back, peak_memory
from batcountry.backend.memory_room import allowed_memory
from batcountry.backend.policy import OPEN, Policy
from batcountry.backend.threads import limited_threads, thread_limit
from batcountry.backend.version import __version__
from batcountry.dreams import octaves
from batcountry.dreams.batches import BATCH, check_batch, check_together, in_batches, pictures_given
from batcountry.dreams.buffers import picture_buffers
from batcountry.dreams.checkpoint import Checkpoint
from batcountry.dreams.checks import check_redirected
from batcountry.dreams.costs import probe_gradient
from batcountry.dreams.keywords import DreamOptions, PictureLike
from batcountry.dreams.loop import climb
from batcountry.dreams.octave_sizes import holding, large_enough, octave_sizes, plan_dream
from batcountry.dreams.octave_steps import beginning
from batcountry.dreams.planning import Planned, fitting
from batcountry.dreams.prepare import Prepared
from batcountry.dreams.resolve import Resolved, resolve
from batcountry.dreams.step_pictures import StepPictures
from batcountry.dreams.steps import Step
from batcountry.errors import RecipeError
from batcountry.image.array_picture import read_data
from batcountry.image.initial import start_picture
from batcountry.image.periodic import seamless, wrapped_axes
from batcountry.image.picture import Picture
from batcountry.image.reading import read_frame
from batcountry.image.resample import enlarged
from batcountry.image.sizes import scaled_to
from batcountry.image.sources.reduced import needed_at
from batcountry.objectives import pictures_of
from batcountry.objectives.batches import check_count, of_single
from batcountry.objectives.breakdown import Breakdown
from batcountry.optim.ascent import HALVED, UPDATE, Advancing, SparingClimb
from batcountry.optim.aux_inputs import PicturesBeside
from batcountry.optim.gradient import Gradient, SparingGradient, redirecting_gradient, whole_gradient
from batcountry.optim.redirection import Redirection
from batcountry.optim.sliding_windows import check_windows
from batcountry.optim.sliding_windows import in_batches as window_batches
from batcountry.recipe import Note, Recipe

log = logging.getLogger("batcountry")


class Dreamer:
    """A recipe made ready: its model opened, its objective bound. It dreams on any number of pictures.

    Several threads may dream with one at once; each gets what it gets alone.

    Parameters
    ----------
    recipe
        As for `dream`; or what is prepared or resolved already (`batcountry.dreams.resolve`).
    policy
        What the recipe may do.
    options
        As for `dream`.

    Attributes
    ----------
    resolved
        Model, objective, and the recipe with what was chosen for it.
    names
        What notes say in the place of a recipe's own names, for a model or files that are found under others here.

    Raises
    ------
    BatCountryError
        As `dream`.
    """

    @limited_threads()
    def __init__(
        self,
        recipe: Recipe | Prepared | Resolved | None = None,
        *,
        policy: Policy = OPEN,
        **options: Unpack[DreamOptions],
    ) -> None:
        self._peak_before = peak_memory()
        self.resolved = resolve(recipe, dict(options), policy)
        model, objective = self.resolved.model, self.resolved.objective
        with allowed_memory(self.resolved.recipe.max_memory):
            self._whole = whole_gradient(model, objective)
            several = objective.least_pictures > 1
            self._of_single = whole_gradient(model, of_single(objective)) if several else self._whole
        self._prior = Breakdown(model, objective.of_image) if objective.of_image else None
        more = {} if self.resolved.mask is None else {UPDATE: self.resolved.mask}
        self._beside = PicturesBeside(objective, more, self.resolved.recipe.max_memory)
        self._count = pictures_of(objective)
        self.names: dict[str, str] = {}
        self._planning = Lock()
        self._plans: dict[tuple[int, int], Planned] = {}

    def read(self, image: Any) -> Picture:
        """Read a picture of the kind that the network takes."""
        channels, policy = self.resolved.model.channels, self.resolved.policy
        recipe = self.resolved.recipe
        if channels != 3:
            return read_data(image, channels, policy)
        with allowed_memory(recipe.max_memory):
            return read_frame(image, recipe.frame, policy, needed_at(recipe.size))

    def share_plans(self, other: Dreamer) -> None:
        """Keep to the memory that another dreamer said, if it has as many pictures, and objectives of the same layers."""
        if self._count == other._count and {*self.resolved.objective.layers} == {
            *other.resolved.objective.layers
        }:
            self._plans = other._plans

    @limited_threads()
    def planned(self, image: PictureLike | None = None) -> Planned:
        """Return how a dream on a picture will be worked out; raises `BatCountryError` if it cannot be."""
        return self._planned(self._input(image).size[::-1])

    def together(self, most: int) -> tuple[int, int]:
        """Return how many dreams like this one, on its start, the memory allows at once, and the bytes that they take."""
        picture = self._input(None)
        count, plan = self._together(picture, most), self._planned(picture.size[::-1]).plan
        return count, 0 if plan is None else plan.peak + (count - 1) * plan.added

    @limited_threads()
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
        check_together(self.resolved.objective, [each.size for each in pictures], most)
        return in_batches(pictures, lambda one: most[one.size], lambda some: self._dreaming(some, detail))

    def _dreaming(
        self, pictures: list[Picture], detail: Tensor | None, checkpoint: Checkpoint | None = None
    ) -> Iterator[Step]:
        """Dream on pictures of one size together, or on one with several objectives."""
        resolved = self.resolved
        planned = self._planned(pictures[0].size[::-1])
        base = torch.cat([resolved.alpha.planes(each) for each in pictures]).to(resolved.model.device)
        count = max(self._count, len(pictures))
        check_count(resolved.objective, count)
        base = base.expand(count, -1, -1, -1)
        sizes, recipe = planned.sizes, planned.recipe
        check_redirected(recipe)
        prior = self._prior and self._prior.fresh()
        made = 0 if checkpoint is None else checkpoint.steps(recipe.iterations)
        gradient = self._gradient(planned, base.shape[0] // self._count)
        redirection = Redirection(max(0, recipe.redirect_relu - made))
        ascent = resolved.ascent(redirecting_gradient(gradient, redirection), prior)
        if recipe.tile:
            ascent = replace(ascent, before_update=give_back)
        halved = checkpoint is not None and HALVED in checkpoint.climb
        on = beginning(resolved, recipe, ascent, None if halved else self._whole, redirection, self)
        beside = self._beside.at(max(sizes[-1]))

        def begin(image: Tensor, start: Tensor) -> Advancing:
            aux_inputs = beside.at(start[:, : resolved.model.channels])
            if UPDATE in aux_inputs:  # detail of a coarse octave reaches over the mask's edge
                image = torch.lerp(start, image, aux_inputs[UPDATE])
            return SparingClimb(on(image, aux_inputs), gradient)

        opened = StepPictures(pictures, base, recipe, self._note)
        if recipe.carry == "detail" and (recipe.initial_size or recipe.final_size):
            base = enlarged(base, sizes[-1])
        wrap, carry = wrapped_axes(recipe.wrap), octaves.OCTAVE_TRANSFERS[recipe.carry]
        steps = climb(base, sizes, recipe.iterations, begin, opened, wrap, detail, carry, checkpoint)
        return resolved.policy.timed(steps)

    def _together(self, picture: Picture, most: int) -> int:
        """Return how many pictures like this one can be dreamed on together."""
        plan = self._planned(picture.size[::-1]).plan
        recipe = self.resolved.recipe
        return 1 if plan is None else fitting(plan, recipe.max_memory, self.resolved.model.device, most)

    def _planned(self, size: tuple[int, int]) -> Planned:
        """Return how a dream on a picture of (height, width) is worked out; the same for all of that size."""
        with self._planning:
            if size not in self._plans:
                recipe, policy = self.resolved.recipe, self.resolved.policy
                sizes = octave_sizes(recipe, size)
                policy.check_pixels(sizes[-1][::-1], "the dream")
                make = self._plan if self.resolved.window is None else self._plan_windows
                planned = make(sizes)
                policy.check_steps(len(planned.sizes) * recipe.iterations)
                self._plans[size] = planned
            return self._plans[size]

    def _plan_windows(self, sizes: list[tuple[int, int]]) -> Planned:
        """Plan a dream through windows on octaves of some sizes."""
        resolved, recipe, window = self.resolved, self.resolved.recipe, self.resolved.window
        assert window is not None
        if self._count > 1 or resolved.objective.least_pictures > 1:
            raise RecipeError("windows go over one picture; give an objective of one, or leave windows out")
        if recipe.octaves is None:
            sizes = holding(window, sizes)
            recipe = recipe.chosen(octaves=len(sizes))
        if (
            recipe.windows != "input"
        ):  # which are as large as they have to be, and go over pictures of every size
            check_windows(sizes, window)
        large_enough(resolved.model, resolved.objective.layers, [window])
        return Planned(sizes, recipe)

    def _plan(self, sizes: list[tuple[int, int]]) -> Planned:
        """Plan a dream on octaves of some sizes, with the memory and the time that it takes."""
        resolved, recipe = self.resolved, self.resolved.recipe
        layers, moves = resolved.objective.layers, resolved.transforms
        sizes = large_enough(resolved.model, layers, sizes, moves, chosen=recipe.octaves is None)
        buffers = picture_buffers(resolved, sizes, self._count)
        beside, redirects = self._beside.at(max(sizes[-1])), recipe.redirect_relu > 0
        gradient = probe_gradient(self._of_single, beside, self._count, redirects=redirects)
        plan = plan_dream(resolved, gradient, sizes, buffers, self._count, redirects=redirects)
        if peak_memory() > self._peak_before:  # a picture was larger before it was made smaller
            plan = plan.at_least(peak_memory())
        log.info("%s", plan, extra={"peak": plan.peak})
        resolved.policy.check_seconds(plan.seconds)
        chosen = recipe.chosen(octaves=recipe.octaves or len(sizes), tile=plan.side or 0)
        return Planned(sizes, chosen, plan)

    def _gradient(self, planned: Planned, together: int) -> Gradient:
        """Return a gradient for dreams that go together: with what it remembers, such as that memory ran out."""
        model, objective, recipe = self.resolved.model, self.resolved.objective, planned.recipe
        plan, whole = planned.plan, self.resolved.finite(self._whole)
        if plan is None:
            return window_batches(whole, recipe.window_batch)
        wrap = wrapped_axes(recipe.wrap)
        limit, tiles = plan.limit_of(together), 1 if recipe.max_memory else None
        return SparingGradient(whole, model, objective, plan.side, wrap, limit=limit, together=tiles)

    def _input(self, image: Any) -> Picture:
        """Return the picture that a dream begins with, of the size that the recipe says."""
        recipe, model = self.resolved.recipe, self.resolved.model
        if self._plans:
            self._peak_before = peak_memory()
        made = image is None and model.channels == 3
        picture = self.read(start_picture(recipe) if made else image)
        self.resolved.policy.check_pixels(
            scaled_to(picture.size, recipe.size, recipe.enlarge), "the picture as it is dreamed on"
        )
        if recipe.size:
            picture = picture.fitted(recipe.size)
        if recipe.enlarge:
            picture = picture.enlarged(recipe.enlarge)
        wrap = wrapped_axes(recipe.wrap)
        picture = self.resolved.alpha.initial(picture, wrap, made=made)
        return picture.with_pixels(seamless(picture.pixels, wrap)) if any(wrap) else picture

    def _note(self, picture: Picture, recipe: Recipe) -> str:
        return Note(
            version=__version__,
            recipe=recipe.chosen(**self.names),
            input=picture.source,
            input_sha256=picture.sha256,
            weights_sha256=self.resolved.model.weights_sha256,
            threads=thread_limit(),
        ).model_dump_json()
