"""What cnn-vis amplifies and holds back, as options: values alone, so that a command's help needs no network."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class Aim(BaseModel):
    """What to amplify: a layer, one of its channels, or a class."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    channel: Annotated[int | None, Field(description="Make more of this channel of the layer only.")] = None
    wanted: Annotated[
        str | None, Field(description="Make more of this class, by its name or number, instead.")
    ] = None
    l1: Annotated[float, Field(description="Of a whole layer: weight of its activations' size.")] = 1.0
    l2: Annotated[float, Field(description="Of a whole layer: weight of its activations.")] = 1.0
    clip_at: Annotated[
        float, Field(gt=0, description="Of a whole layer: activations count for l2 up to this.")
    ] = 5.0


class Penalties(BaseModel):
    """What holds a picture back, with the numbers that cnn-vis's users know: weights of sums over a window."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    p_norm: Annotated[
        float | None,
        Field(
            ge=0,
            description="Weight of the distance from the picture, or from grey if there is none (default: goes with the "
            "gradient of a layer; else 0).",
        ),
    ] = None
    p: Annotated[float, Field(description="Power of that distance.")] = 6.0
    p_scale: Annotated[float, Field(description="Grey levels that count as one in it.")] = 1.0
    p_norm_zero: Annotated[float, Field(ge=0, description="Weight of the distance from grey, besides.")] = 0.0
    p_zero: Annotated[float, Field(description="Power of that distance.")] = 6.0
    p_scale_zero: Annotated[float, Field(description="Grey levels that count as one in it.")] = 1.0
    tv: Annotated[
        float | None,
        Field(
            ge=0,
            description="Weight of total variation, which smooths (default: goes with the gradient; twice it to smooth more).",
        ),
    ] = None
    tv_beta: Annotated[float, Field(description="Power of total variation.")] = 2.0
    tv_scale: Annotated[float, Field(description="Grey levels that count as one in it.")] = 1.0
    tv_operator: Annotated[
        Literal["naive", "sobel", "sobel_squish"],
        Field(description="How slopes are taken: naive, sobel or sobel_squish."),
    ] = "naive"
    tv_step: Annotated[float, Field(description="Added to the weight of total variation every so often.")] = (
        0.0
    )
    tv_every: Annotated[int, Field(ge=1, description="Iterations between such steps.")] = 50
