"""lucid's objectives, with its names, arguments and numbers (tensorflow/lucid, 2018).

A score is what lucid's function returns for the same activations, higher is better: the mean of a batch where that is one.
In text `neuron`, `channel` and `direction` are `lucid.neuron` and so on, as those without a prefix are this package's own,
which do not depend on how many pictures grow at once; all others have their names alone, too::

    from batcountry.objectives import lucid as objectives

    objectives.channel("mixed4a", 476) - 1e2 * objectives.diversity("mixed4a")

`batcountry.objectives.lucent` has lucent's.
"""

from __future__ import annotations

from batcountry.objectives.base import Objective
from batcountry.objectives.functions import objective_of as as_objective
from batcountry.objectives.lucid.batches import alignment, channel_interpolate, diversity
from batcountry.objectives.lucid.norms import L1, L2, total_variation
from batcountry.objectives.lucid.pictures import (
    blur_alpha_each_step,
    blur_input_each_step,
    input_diff,
    penalize_boundary_complexity,
)
from batcountry.objectives.lucid.places import (
    channel,
    class_logit,
    deepdream,
    direction,
    direction_neuron,
    neuron,
    tensor_direction,
)

direction_cossim = direction

__all__ = [
    "L1",
    "L2",
    "Objective",
    "alignment",
    "as_objective",
    "blur_alpha_each_step",
    "blur_input_each_step",
    "channel",
    "channel_interpolate",
    "class_logit",
    "deepdream",
    "direction",
    "direction_cossim",
    "direction_neuron",
    "diversity",
    "input_diff",
    "neuron",
    "penalize_boundary_complexity",
    "tensor_direction",
    "total_variation",
]
