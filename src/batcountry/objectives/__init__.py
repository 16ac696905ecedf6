"""Objectives: what to make more of.

An objective is a value: a score of a network's activations, higher is better. Small ones
are combined with `+`, `-`, `*` and `/`, print as text, and are read from that text again::

    face = 0.7 * channel("inception_4c/output", 61) + layer("inception_3b/output")
    parse(str(face)) == face

Functions that make one raise `RecipeError` at the call for a number out of its range; what depends on the network or on a
picture, such as a channel's number or a file, is checked when the objective is bound.
"""

from batcountry.objectives import libraries as _libraries  # noqa: F401 - registers what it has
from batcountry.objectives import lucent, lucid
from batcountry.objectives.amplify import amplify
from batcountry.objectives.base import (
    IMAGE,
    OPACITY,
    START,
    STEP,
    Activations,
    Objective,
    Scorer,
    Term,
    objective,
)
from batcountry.objectives.batches import each, for_picture, pictures_of
from batcountry.objectives.colors import recolor
from batcountry.objectives.comparisons import caricature, content, style
from batcountry.objectives.extremes import strongest, weakest
from batcountry.objectives.functions import Score, function, objective_of
from batcountry.objectives.guide import guide, guide_features, matched
from batcountry.objectives.layers import channel, layer
from batcountry.objectives.lucent import channel_weight, localgroup_weight, neuron_weight
from batcountry.objectives.lucid import (
    L1,
    L2,
    alignment,
    blur_alpha_each_step,
    blur_input_each_step,
    channel_interpolate,
    class_logit,
    deepdream,
    direction_cossim,
    direction_neuron,
    diversity,
    input_diff,
    penalize_boundary_complexity,
    tensor_direction,
    total_variation,
)
from batcountry.objectives.masks import mean, region
from batcountry.objectives.parse import OBJECTIVES, parse
from batcountry.objectives.penalties import drift, grain, opacity, pnorm, tv
from batcountry.objectives.schedules import growing
from batcountry.objectives.units import direction, logit, neuron

__all__ = [
    "IMAGE",
    "L1",
    "L2",
    "OBJECTIVES",
    "OPACITY",
    "START",
    "STEP",
    "Activations",
    "Objective",
    "Score",
    "Scorer",
    "Term",
    "alignment",
    "amplify",
    "blur_alpha_each_step",
    "blur_input_each_step",
    "caricature",
    "channel",
    "channel_interpolate",
    "channel_weight",
    "class_logit",
    "content",
    "deepdream",
    "direction",
    "direction_cossim",
    "direction_neuron",
    "diversity",
    "drift",
    "each",
    "for_picture",
    "function",
    "grain",
    "growing",
    "guide",
    "guide_features",
    "input_diff",
    "layer",
    "localgroup_weight",
    "logit",
    "lucent",
    "lucid",
    "matched",
    "mean",
    "neuron",
    "neuron_weight",
    "objective",
    "objective_of",
    "opacity",
    "parse",
    "penalize_boundary_complexity",
    "pictures_of",
    "pnorm",
    "recolor",
    "region",
    "strongest",
    "style",
    "tensor_direction",
    "total_variation",
    "tv",
    "weakest",
]
