"""Fields of `Recipe`: how a picture is held, and moved in each step."""

from __future__ import annotations

from typing import Annotated, Literal

from batcountry.recipe.fields import STEP
from batcountry.recipe.registry import RegistryNames
from batcountry.recipe.validation import Options


class StepOptions(Options):
    """How a picture is held, and moved in each step."""

    strength: Annotated[
        Literal["gentle", "normal", "wild"],
        STEP(
            "How far a dream goes: steps are 0.5 times (gentle), once or 1.5 times (wild) their size.",
            level="everyday",
        ),
    ] = "normal"
    iterations: Annotated[
        int, STEP("Steps in each octave.", ge=1, le=100_000, level="everyday", unit="steps")
    ] = 10
    step_size: Annotated[
        float | None,
        STEP(
            "Size of a step, in gray levels for decorrelated (default: 2.7) and pixels (default: 1.5).",
            gt=0,
            le=255,
            unit="gray levels",
        ),
    ] = None
    param: Annotated[
        str | None,
        STEP(
            "How the picture is held while it grows; decorrelated if not given, and pixels where the network takes no "
            "colors, or with windows or no-clip.",
            choices=RegistryNames(
                "batcountry.optim.param",
                "PARAMS",
                ("decorrelated", "pixels", "fourier", "soft-fourier", "maco"),
            ),
            title="Parametrization",
        ),
    ] = None
    optimizer: Annotated[
        str,
        STEP(
            "How a step follows the gradient.",
            choices=RegistryNames(
                "batcountry.optim.optimizers", "OPTIMIZERS", ("ascent", "adam", "rmsprop", "rmsprop-cnn-vis")
            ),
        ),
    ] = "ascent"
    normalize: Annotated[
        Literal["mean", "std", "rms", "bands", "none"] | None,
        STEP(
            "What ascent divides the gradient by: its mean (absolute) value, std, rms, nothing (none), or bands: each "
            "size of structure by its own strength (default: bands for decorrelated, mean for all others)."
        ),
    ] = None
    smoothing: Annotated[
        float | None,
        STEP("How much of the past adam (0.9) and either rmsprop (0.95) keep in a step.", ge=0, lt=1),
    ] = None
    decay: Annotated[
        float,
        STEP("The step size is multiplied by this, every so many steps.", gt=0, le=1),
    ] = 1.0
    decay_every: Annotated[
        int,
        STEP(
            "Steps from one decay to the next; 0 for none.",
            ge=0,
            le=100_000,
            title="Steps between decays",
            unit="steps",
        ),
    ] = 0
    transforms: Annotated[
        str | None,
        STEP(
            "What happens to the picture before the network sees it, after the jitter: pad(8), rotate(10).",
            examples=["pad(8), rotate(10)", "jitter(8), scale(0.9, 1.1), rotate(10)"],
        ),
    ] = None
    views: Annotated[
        int,
        STEP(
            "Copies of the picture that the network sees in each step, each moved and transformed by random numbers of "
            "its own; the step follows the mean of their gradients.",
            ge=1,
            le=256,
        ),
    ] = 1
    redirect_relu: Annotated[
        int,
        STEP(
            "First steps in which ReLUs that are dead all over pass gradient on; for pictures from noise.",
            ge=0,
            le=100_000,
            title="Steps with redirected ReLUs",
            unit="steps",
        ),
    ] = 0
    jitter: Annotated[
        int, STEP("Largest random shift in a step, in pixels.", ge=0, le=4096, unit="pixels")
    ] = 32
    seed: Annotated[
        int,
        STEP(
            "Of the random shifts, and of the start if no picture is given.", ge=0, lt=2**32, level="everyday"
        ),
    ] = 0
