"""What cnn-vis amplifies and holds back, as options: values alone, so that a command's help needs no network."""

from __future__ import annotations

from typing import Annotated, Literal

from batcountry.recipe.fields import OBJECTIVE, PENALTIES
from batcountry.recipe.validation import Options


class Aim(Options):
    """What to amplify: a layer, one of its channels, or a class."""

    channel: Annotated[
        int | None, OBJECTIVE("Make more of this channel of the layer only.", level="everyday")
    ] = None
    wanted: Annotated[
        str | None,
        OBJECTIVE(
            "Make more of this class, by its name or number, instead.",
            level="everyday",
            flag="--class",
            title="Class",
        ),
    ] = None
    l1: Annotated[float, OBJECTIVE("Of a whole layer: weight of its activations' size.")] = 1.0
    l2: Annotated[float, OBJECTIVE("Of a whole layer: weight of its activations.")] = 1.0
    clip_at: Annotated[
        float,
        OBJECTIVE(
            "Of a whole layer: activations count for l2 up to this.", gt=0, flag="--l2-clip", title="L2 clip"
        ),
    ] = 5.0


class Penalties(Options):
    """What holds a picture back, with the numbers that cnn-vis's users know: weights of sums over a window."""

    p_norm: Annotated[
        float | None,
        PENALTIES(
            "Weight of the distance from the picture, or from gray if there is none (default: goes with the "
            "gradient of a layer; else 0).",
            ge=0,
        ),
    ] = None
    p: Annotated[float, PENALTIES("Power of that distance.")] = 6.0
    p_scale: Annotated[float, PENALTIES("Gray levels that count as one in it.", unit="gray levels")] = 1.0
    p_norm_zero: Annotated[float, PENALTIES("Weight of the distance from gray, besides.", ge=0)] = 0.0
    p_zero: Annotated[float, PENALTIES("Power of that distance.")] = 6.0
    p_scale_zero: Annotated[float, PENALTIES("Gray levels that count as one in it.", unit="gray levels")] = (
        1.0
    )
    tv: Annotated[
        float | None,
        PENALTIES(
            "Weight of total variation, which smooths (default: goes with the gradient; twice it to smooth more).",
            ge=0,
        ),
    ] = None
    tv_beta: Annotated[float, PENALTIES("Power of total variation.")] = 2.0
    tv_scale: Annotated[float, PENALTIES("Gray levels that count as one in it.", unit="gray levels")] = 1.0
    tv_operator: Annotated[
        Literal["naive", "sobel", "sobel_squish"],
        PENALTIES("How gradients are taken: naive, sobel or sobel_squish."),
    ] = "naive"
    tv_step: Annotated[float, PENALTIES("Added to the weight of total variation every so often.")] = 0.0
    tv_every: Annotated[int, PENALTIES("Iterations between such steps.", ge=1, unit="steps")] = 50
