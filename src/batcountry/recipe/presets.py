"""Options that go well together, by name.

A preset is a part of a recipe. It is put in before the options that a caller gives, and the recipe that a
picture carries has its fields, not its name.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from batcountry.recipe.groups.network import DEFAULT_MODEL
from batcountry.recipe.registry import Registry

STANDARD = "pad(12), jitter(8), scale(0.9, 1.1), rotate(10), jitter(4)"
"""Transforms that keep a visualization from hanging on single pixels (lucid's `standard_transforms`, near enough:
Olah, Mordvintsev, Schubert: "Feature Visualization", 2017)."""

_FROM_NOISE: dict[str, Any] = {
    "param": "soft-fourier",
    "optimizer": "adam",
    "step_size": 0.08,
    "octaves": 1,
    "jitter": 0,
    "redirect_relu": 16,
    "start": "noise",
}

_SMALL: dict[str, Any] = {
    "canvas": "224x224",
    "iterations": 300,
    "transforms": "rotate(10), scale(0.72, 1.1), crop(160), noise(40)",
}

PRESETS: Registry[dict[str, Any]] = Registry(
    "preset",
    "batcountry.presets",
    {
        "classic": {
            "param": "pixels",
            "optimizer": "ascent",
            "normalize": "mean",
            "strength": "normal",
            "step_size": 1.5,
            "octaves": 4,
            "octave_scale": 1.4,
            "iterations": 10,
            "jitter": 32,
            "clip": True,
        },
        "class": {
            **_FROM_NOISE,
            "canvas": "256x256",
            "iterations": 160,
            "transforms": "scale(0.95, 1.15), rotate(10), crop(224)",
        },
        "class-small": {
            **_FROM_NOISE,
            **_SMALL,
            "step_size": 0.04,
        },
        "channel": {**_FROM_NOISE, "canvas": "160x160", "iterations": 100, "transforms": STANDARD},
        "thumbnail": {
            **_FROM_NOISE,
            "start": "pink(0.3)",
            "canvas": "96x96",
            "iterations": 40,
            "transforms": "pad(4), jitter(8), scale(0.95, 1.05), rotate(5)",
        },
        "lucid": {
            **_FROM_NOISE,
            "param": "fourier",
            "step_size": 0.05,
            "canvas": "128x128",
            "iterations": 512,
            "transforms": STANDARD,
        },
        "maco": {
            **_FROM_NOISE,
            "param": "maco",
            "step_size": 0.1,
            "start": "pink",
            "canvas": "256x256",
            "iterations": 160,
            "transforms": "scale(0.95, 1.15), rotate(10), crop(224)",
        },
        "maco-small": {
            **_FROM_NOISE,
            **_SMALL,
            "param": "maco",
            "step_size": 0.1,
            "start": "pink",
            "redirect_relu": 0,
        },
    },
    check=lambda value: isinstance(value, dict),
)
"""Presets by name: `classic`, the programs of 2015; the others draw from noise what an objective stands for:
`class` one of a classifier's classes (the network sees 224 × 224 pixels, as classifiers do in training), `class-small`
the same for networks that take any size (the network sees most of the picture, at 160 × 160 pixels and through
noise), `channel` a channel, `thumbnail` the same small and quick, `lucid` as lucid does, `maco` a class with the
spectrum of photographs, and `maco-small` that for networks that take any size. `register` your own to extend it."""

_OF_DEFAULT_MODEL = {"class": "class-small", "maco": "maco-small"}
"""What presets stand for with the network that comes with the package, which takes any size."""


def expanded(
    options: Mapping[str, Any], without: Collection[str] = (), model: str = DEFAULT_MODEL
) -> dict[str, Any]:
    """Return options with those of the preset that they name, under `preset`, put in where they say nothing.

    Parameters
    ----------
    without
        Fields that the preset is not to give.
    model
        Name of the network where the options name none.

    Raises
    ------
    RecipeError
        If there is no such preset; the message has the nearest.
    """
    options = dict(options)
    name = options.pop("preset", None)
    if name is None:
        return options
    _ = PRESETS[name]
    named = options.get("model", model)
    if getattr(named, "name", named) == DEFAULT_MODEL:
        name = _OF_DEFAULT_MODEL.get(name, name)
    return {**{key: value for key, value in PRESETS[name].items() if key not in without}, **options}
