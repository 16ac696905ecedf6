"""The gradients that a recipe made ready follows, for as many pictures as grow together."""

from __future__ import annotations

from threading import Lock

from batcountry.backend.memory_room import allowed_memory
from batcountry.dreams.planning import Planned
from batcountry.dreams.resolve import Resolved
from batcountry.image.periodic import wrapped_axes
from batcountry.objectives import Objective, pictures_of
from batcountry.objectives.batches import of_single
from batcountry.objectives.views import share_of_views
from batcountry.optim.gradient import Gradient, SparingGradient, redirecting_gradient, whole_gradient
from batcountry.optim.gradient_batches import in_batches
from batcountry.optim.redirection import Redirection
from batcountry.optim.views import SparingViews, gradient_of_views


class Gradients:
    """Score and gradient of what a recipe makes more of; guides are worked out once.

    Attributes
    ----------
    count
        Pictures that the objective is for; see `pictures_of`.
    one_view
        What is measured: of a whole picture seen once, in the place of terms that compare pictures their layers.
    """

    def __init__(self, resolved: Resolved) -> None:
        self._resolved = resolved
        self.count = pictures_of(resolved.objective)
        self._views = resolved.recipe.views
        self._whole: dict[int, Gradient] = {}
        self._binding = Lock()
        several = resolved.objective.least_pictures > 1
        if several or self._views > 1:
            with allowed_memory(resolved.recipe.max_memory):
                self.one_view = whole_gradient(resolved.model, of_single(resolved.objective))
            if several and self._views == 1:
                self._of(1)
        else:
            self.one_view = self._of(1)

    def _objective(self, pictures: int) -> Objective:
        """Return what of the objective a batch of views is scored by; with one view it is all of it."""
        aim = self._resolved.objective
        return aim if self._views == 1 else share_of_views(aim.of_layers, pictures, self._views)

    def _of(self, pictures: int) -> Gradient:
        """Return the gradient of whole pictures; with views it depends on how many grow together."""
        key = pictures if self._views > 1 else 1
        with self._binding, allowed_memory(self._resolved.recipe.max_memory):
            if key not in self._whole:
                self._whole[key] = whole_gradient(self._resolved.model, self._objective(pictures))
            return self._whole[key]

    def of(self, planned: Planned, pictures: int) -> Gradient:
        """Return a gradient for pictures that grow together: with what it remembers, such as that memory ran out."""
        resolved, recipe, plan = self._resolved, planned.recipe, planned.plan
        if plan is None:
            whole = resolved.finite(self._of(1))
            return in_batches(whole, recipe.window_batch)
        whole = resolved.finite(self._of(pictures))
        if self._views > 1:
            whole = SparingViews(whole, pictures)
        wrap = wrapped_axes(recipe.wrap)
        limit, tiles = plan.limit_of(pictures // self.count), 1 if recipe.max_memory else None
        objective = self._objective(pictures)
        return SparingGradient(whole, resolved.model, objective, plan.side, wrap, limit=limit, together=tiles)

    def redirected(
        self, gradient: Gradient, planned: Planned, pictures: int, redirection: Redirection
    ) -> Gradient:
        """Return what the steps of a dream follow: a gradient that `of` gave, on all views, with dead ReLUs redirected."""
        on_views = self._on_views(gradient, planned, pictures)
        return redirecting_gradient(
            on_views, redirection, pictures * self._views if self._views > 1 else None
        )

    def whole(self, planned: Planned, pictures: int) -> Gradient:
        """Return the gradient of whole pictures on all views, which remembers nothing."""
        return self._on_views(self._of(pictures), planned, pictures)

    def _on_views(self, gradient: Gradient, planned: Planned, pictures: int) -> Gradient:
        if self._views == 1:
            return gradient
        recipe, plan = planned.recipe, planned.plan
        most = recipe.window_batch if plan is None else (recipe.view_batch or self._views) * pictures
        return gradient_of_views(gradient, most, pictures * self._views, self._resolved.objective.constant)
