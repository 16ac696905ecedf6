"""Objectives: what to make more of.

An objective is a value: a score of a network's activations, higher is better. Small ones
are combined with `+`, `-` and `*`, print as text, and are read from that text again::

    face = 0.7 * channel("inception_4c/output", 61) + layer("inception_3b/output")
    parse(str(face)) == face
"""

from batcountry.objectives.base import IMAGE, START, Activations, Objective, Scorer, Term, objective
from batcountry.objectives.batches import each, for_picture, pictures_of
from batcountry.objectives.layers import channel, layer
from batcountry.objectives.matching import guide, guide_features, matched
from batcountry.objectives.regions import mean, region
from batcountry.objectives.text import known, parse

__all__ = [
    "IMAGE",
    "START",
    "Activations",
    "Objective",
    "Scorer",
    "Term",
    "channel",
    "each",
    "for_picture",
    "guide",
    "guide_features",
    "known",
    "layer",
    "matched",
    "mean",
    "objective",
    "parse",
    "pictures_of",
    "region",
]
