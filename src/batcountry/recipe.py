"""Everything that makes a dream again, as one validated value with a JSON form."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from batcountry.quantities import parsed_bytes, parsed_size, size_of
from batcountry.stopped import MayBeStopped
from batcountry.validation import json_object, made, noted


class Recipe(BaseModel):
    """How to dream. Immutable; `recipe.model_dump_json()` and `Recipe.read(text)` are its JSON form.

    The command line's options, a picture's note and every caller's keywords are these fields.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    model: Annotated[
        str,
        Field(
            description="A known model's name, a Caffe folder, a .onnx, .pt2 or TorchScript file, "
            "timm:NAME, torchvision:NAME, or package.module:function."
        ),
    ] = "efficientnet-lite0"
    weights: Annotated[
        str | None,
        Field(description="File of weights for the model: safetensors, a state dict, or a .caffemodel."),
    ] = None
    mean: Annotated[
        str | None,
        Field(
            description="What the network takes off each channel, such as 0.485,0.456,0.406; or a Caffe mean file."
        ),
    ] = None
    std: Annotated[
        str | None,
        Field(description="What the network divides each channel by after that, such as 0.229,0.224,0.225."),
    ] = None
    channels: Annotated[
        str | None,
        Field(description="What the network takes: rgb, bgr, grey, rgba, or a number of channels."),
    ] = None
    layer: Annotated[
        str | None, Field(description="Layer to dream with; the model's own default if not given.")
    ] = None
    guide: Annotated[
        str | None, Field(description="Picture file whose features the dream should take on.")
    ] = None
    objective: Annotated[
        str | None,
        Field(
            description='What to make more of, as text, in place of a layer: channel("blocks.10", 17) - 0.1*layer("stem").'
        ),
    ] = None
    octaves: Annotated[int, Field(ge=1, le=64, description="How many sizes, coarse to fine.")] = 4
    octave_scale: Annotated[
        float, Field(gt=1, le=16, description="Each size is this many times the one before.")
    ] = 1.4
    initial_size: Annotated[
        str | None,
        Field(
            description="Size of the first octave, as x0.5 of the picture or HEIGHTxWIDTH; octave_scale is not used then."
        ),
    ] = None
    final_size: Annotated[
        str | None,
        Field(
            description="Size of the last octave, as initial_size; the picture's own if only that is given."
        ),
    ] = None
    spacing: Annotated[
        Literal["geometric", "linear"],
        Field(description="How sizes between initial_size and final_size are spaced."),
    ] = "geometric"
    carry: Annotated[
        str,
        Field(
            description="What an octave hands to the next: detail, added to the picture at its new size; or the picture."
        ),
    ] = "detail"
    iterations: Annotated[int, Field(ge=1, le=100_000, description="Steps in each octave.")] = 10
    step_size: Annotated[
        float | None,
        Field(
            gt=0,
            le=255,
            description="Size of a step; of ascent on pixels the mean change of a colour value, in grey levels (default: 1.5).",
        ),
    ] = None
    param: Annotated[
        str,
        Field(description="How the picture is held while it grows: pixels, fourier, soft-fourier or maco."),
    ] = "pixels"
    alpha: Annotated[
        bool,
        Field(description="Let the picture grow transparent where the objective does not need it."),
    ] = False
    fade: Annotated[
        float,
        Field(
            ge=0,
            le=100,
            description="With alpha: a pixel stays that helps so many times as much as the mean one; 0 for no fading.",
        ),
    ] = 2.0
    optimizer: Annotated[
        str, Field(description="How a step follows the gradient: ascent, adam or rmsprop.")
    ] = "ascent"
    normalise: Annotated[
        Literal["mean", "std", "rms", "none"],
        Field(
            description="What ascent divides the gradient by: its mean (absolute) value, std, rms, or nothing."
        ),
    ] = "mean"
    smoothing: Annotated[
        float | None,
        Field(ge=0, lt=1, description="How much of the past adam (0.9) and rmsprop (0.95) keep in a step."),
    ] = None
    decay: Annotated[
        float, Field(gt=0, le=1, description="The step size is multiplied by this, every so many steps.")
    ] = 1.0
    decay_every: Annotated[
        int, Field(ge=0, le=100_000, description="Steps from one decay to the next; 0 for none.")
    ] = 0
    transforms: Annotated[
        str | None,
        Field(
            description="What happens to the picture before the network sees it, after the jitter: pad(8), rotate(10)."
        ),
    ] = None
    redirect_relu: Annotated[
        int,
        Field(
            ge=0,
            le=100_000,
            description="First steps in which ReLUs that are dead all over pass gradient on; for pictures from noise.",
        ),
    ] = 0
    mask: Annotated[
        str | None,
        Field(
            description="Picture file: the dream grows where it is white, and pixels where it is black stay."
        ),
    ] = None
    jitter: Annotated[int, Field(ge=0, le=4096, description="Largest random shift in a step, in pixels.")] = (
        32
    )
    seed: Annotated[
        int,
        Field(ge=0, lt=2**32, description="Of the random shifts, and of the start if no picture is given."),
    ] = 0
    start: Annotated[
        str,
        Field(
            description="What to begin with if no picture is given, as text: sky, noise(scale=10, blur=1), pink or grey."
        ),
    ] = "sky"
    canvas: Annotated[
        str, Field(description="Height and width in pixels of the start if no picture is given.")
    ] = "576x1024"
    clip: Annotated[bool, Field(description="Keep colours within 0 to 255 in every step.")] = True
    colour: Annotated[
        str,
        Field(
            description="Colours of the result: free; keep: the original's at each pixel; match: the original's mean and spread."
        ),
    ] = "free"
    rescale: Annotated[
        bool, Field(description="Stretch the finished picture's contrast from black to white.")
    ] = False
    size: Annotated[
        int | None,
        Field(
            ge=8, le=262_144, description="Shrink the picture so that its longer side has this many pixels."
        ),
    ] = None
    enlarge: Annotated[
        int | None,
        Field(
            ge=8,
            le=262_144,
            description="Enlarge the picture first if its longer side has fewer pixels than this.",
        ),
    ] = None
    precision: Annotated[
        Literal["exact", "fast", "auto"],
        Field(
            description="exact: float32; fast: bfloat16 inside the network; auto: fast where the hardware is made for it."
        ),
    ] = "auto"
    wrap: Annotated[
        Literal["none", "x", "xy"],
        Field(
            description="x: left and right edge fit, for panoramas; xy: all edges fit, for seamless tiles; none: neither."
        ),
    ] = "none"
    windows: Annotated[
        str,
        Field(
            description="HEIGHTxWIDTH of overlapping windows to show the network; input: of its own size; none: all at once."
        ),
    ] = "none"
    window_batch: Annotated[int, Field(ge=1, le=4096, description="Windows shown at once.")] = 1
    window_rates: Annotated[
        bool, Field(description="Divide a pixel's steps by the number of windows over it.")
    ] = False
    tile: Annotated[
        int | None,
        Field(
            ge=0,
            le=65_536,
            description="Side of the tiles for the gradient, in pixels, 0 for none; chosen by memory if not given.",
        ),
    ] = None
    max_memory: Annotated[
        str | None,
        Field(
            description="Memory that the program may have in all, such as 2GB; three quarters of what is free if not given."
        ),
    ] = None
    device: Annotated[str, Field(description="Where to run: auto, cpu, cuda, cuda:1, mps or xpu.")] = "auto"

    @field_validator("canvas")
    @classmethod
    def _is_size(cls, text: str) -> str:
        parsed_size(text)
        return text

    @field_validator("windows")
    @classmethod
    def _are_windows(cls, text: str) -> str:
        if text not in ("none", "input"):
            parsed_size(text)
        return text

    @field_validator("initial_size", "final_size")
    @classmethod
    def _is_relative_size(cls, text: str | None) -> str | None:
        if text is not None:
            size_of(text, (1, 1))
        return text

    @field_validator("max_memory")
    @classmethod
    def _is_bytes(cls, text: str | None) -> str | None:
        if text is not None and parsed_bytes(text) < 1:
            raise ValueError("it must be more than nothing")
        return text

    @classmethod
    def of(cls, options: dict[str, Any]) -> Recipe:
        """Make a recipe from options by name.

        Raises
        ------
        RecipeError
            If one is unknown or out of its range; the message names the first.
        """
        return made(cls, options)

    @classmethod
    def read(cls, text: str) -> Recipe:
        """Read a recipe from its JSON form; raises `RecipeError` if it is not one."""
        return cls.of(json_object(text, "recipe"))

    def with_options(self, **options: Any) -> Recipe:
        """Return this recipe with some fields changed, checked like new."""
        return Recipe.of({**self.model_dump(), **options})

    def _repr_html_(self) -> str:
        from batcountry.displays import recipe_table

        return recipe_table(self)


class Note(MayBeStopped):
    """What a picture says of itself: the recipe, and what it was used on and with."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    version: str
    """Of this package."""
    recipe: Recipe
    input: str | None
    """File name of the picture dreamed on, as it was given; None for one that was not a file."""
    input_sha256: str
    weights_sha256: str

    @classmethod
    def read(cls, text: str) -> Note:
        """Read a note from its JSON form; raises `RecipeError` if it is not one."""
        return noted(cls, text, "picture")
