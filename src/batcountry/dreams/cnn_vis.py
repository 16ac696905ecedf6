"""cnn-vis's way to make pictures: what it amplifies, what it holds back, and where it begins, as a recipe."""

from __future__ import annotations

from typing import Any

import torch

from batcountry.dreams.cnn_vis_options import Aim, Penalties
from batcountry.errors import RecipeError
from batcountry.image.initial import parse as parse_start
from batcountry.models import Model
from batcountry.objectives import Objective, amplify, channel, growing, logit, pnorm, tv
from batcountry.optim.gradient import whole_gradient
from batcountry.optim.optimizers import CNN_VIS
from batcountry.optim.sliding_windows import check_windows
from batcountry.recipe import Recipe
from batcountry.recipe.units import size_of

_INPUT = (224, 224)
"""Height and width of a net's pictures where nobody knows them."""


def amplifying(
    model: Model,
    options: dict[str, Any],
    aim: Aim,
    penalties: Penalties,
    *,
    size: tuple[int, int] | None,
) -> dict[str, Any]:
    """Return the options of a dream in cnn-vis's way.

    Parameters
    ----------
    options
        Fields of `Recipe` that were asked for; the others become what cnn-vis does: one size, RMSProp, windows
        of the network's own size, and the whole picture carried from size to size. Besides there are a little
        jitter, `window_rates`, and full contrast in the end if it began with noise, since pictures gain by that.
    size
        Height and width of the picture to begin with; None for a start that is made.

    Raises
    ------
    RecipeError
        If something cannot be, such as a first size smaller than the network's own, as in cnn-vis.
    """
    found = {**usual_options(options), **options}
    recipe = Recipe(**{key: value for key, value in found.items() if key != "model"})
    base = model.input_size or _INPUT
    if recipe.initial_size and recipe.windows == "input":
        check_windows([size_of(recipe.initial_size, size or base)], base)
    if size is None:
        # Sizes in parts are parts of the network's input, as in cnn-vis, and the start is made at the first.
        first = size_of(recipe.initial_size, base) if recipe.initial_size else base
        last = (
            size_of(recipe.final_size, base)
            if recipe.final_size
            else (base if recipe.initial_size else first)
        )
        found.setdefault("canvas", _written(first))
        found.setdefault("rescale", True)  # a start of noise has little contrast, and what grows in it, too
        if recipe.initial_size or recipe.final_size:
            found |= {"initial_size": _written(first), "final_size": _written(last)}
    if recipe.objective is None:
        score = aimed(aim, model, recipe.layer)
        read = model.layer(score.layers[0])
        window = base if recipe.windows in ("none", "input") else size_of(recipe.windows, base)
        pixels = read.stride**2 if read.stride else window[0] * window[1]
        if penalties.tv is None or penalties.p_norm is None:
            penalties = with_usual(penalties, aim, strength_of(score, model, window))
        found["objective"] = held_back(score, penalties, float(pixels), of_picture=size is not None)
    found.pop("layer", None)
    return {**found, "model": model}


def aimed(aim: Aim, model: Model, layer: str | None = None) -> Objective:
    """Return what to amplify as an objective, of the model's own layer if none is named.

    Raises
    ------
    RecipeError
        If channel and class are both given.
    """
    if aim.channel is not None and aim.wanted is not None:
        raise RecipeError("give a channel or a class, not both")
    if aim.wanted is not None:
        text = aim.wanted.strip()
        return logit(int(text) if text.isdecimal() else text, layer)
    name = layer or model.default_layer
    if aim.channel is not None:
        return channel(name, aim.channel)
    return amplify(name, aim.l1, aim.l2, aim.clip_at)


def with_usual(penalties: Penalties, aim: Aim, strength: float) -> Penalties:
    """Return penalties with the weights that suit what is amplified, where none were given.

    They are shares of `strength`, the size of the gradient: a class's is a hundred thousand times smaller than a layer's.
    """
    whole = aim.channel is None and aim.wanted is None
    usual = {"p_norm": 4e-12 if whole else 0.0, "tv": 0.01 if whole else 0.2}
    missing = {name: share * strength for name, share in usual.items() if getattr(penalties, name) is None}
    return penalties.model_copy(update={name: float(f"{weight:.2g}") for name, weight in missing.items()})


def strength_of(objective: Objective, model: Model, window: tuple[int, int]) -> float:
    """Return the mean size of the gradient of an objective's sum over its places, on noise of a (height, width)."""
    noise = torch.from_numpy(parse_start("noise(40, blur=2)")(*window, 0)).permute(2, 0, 1)[None]
    image = noise if model.channels == noise.shape[1] else noise[:, :1].expand(-1, model.channels, -1, -1)
    stride = model.layer(objective.layers[0]).stride
    places = window[0] * window[1] / stride**2 if stride else 1.0
    _, gradient = whole_gradient(model, objective)(image.to(model.device))
    return float(gradient.abs().mean()) * places


def held_back(objective: Objective, by: Penalties, pixels: float, *, of_picture: bool) -> Objective:
    """Return an objective less penalties.

    Parameters
    ----------
    pixels
        To each place of the layer: here scores are means over places and pixels where cnn-vis has sums.
    of_picture
        Whether the dream begins with a picture, which the p-norm then holds on to.
    """
    variation = tv(by.tv_beta, by.tv_operator, by.tv_scale)
    found = objective
    if by.tv_step:
        found = found - pixels * growing(variation, by.tv or 0.0, by.tv_step, by.tv_every)
    elif by.tv:
        found = found - by.tv * pixels * variation
    if by.p_norm:
        found = found - by.p_norm * pixels * pnorm(by.p, by.p_scale, "start" if of_picture else "zero")
    if by.p_norm_zero:
        found = found - by.p_norm_zero * pixels * pnorm(by.p_zero, by.p_scale_zero, "zero")
    return found


def usual_options(options: dict[str, Any]) -> dict[str, Any]:
    """Return what cnn-vis does otherwise than `dream`, as far as `options` leave it open."""
    usual: dict[str, Any] = {
        "octaves": 1,
        "iterations": 100,
        "jitter": 8,
        "carry": "picture",
        "start": "noise",
    }
    if options.get("wrap", "none") != "none":
        usual["carry"] = "detail"
    if (
        not {"wrap", "tile", "max_memory", "param", "alpha"} & options.keys()
        and options.get("windows") != "none"
    ):
        usual |= {"windows": "input", "window_rates": True}
    if options.get("optimizer", CNN_VIS) in (CNN_VIS, "rmsprop"):
        usual |= {"optimizer": CNN_VIS, "step_size": 2.0, "smoothing": 0.9}
    return usual


def _written(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
