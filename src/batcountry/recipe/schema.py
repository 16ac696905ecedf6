"""Everything that makes a dream again, as one validated value with a JSON form."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, field_validator, model_validator

from batcountry.recipe.fields import ADVANCED, LOOK, PICTURE, SIZE, SUBJECT, Registry
from batcountry.recipe.old_spelling import respelled
from batcountry.recipe.stopped import MayBeStopped
from batcountry.recipe.units import BytesText, RelativeSize, SizeText, WindowsText
from batcountry.recipe.validation import Options, noted

DEFAULT_MODEL = "efficientnet-lite0"
"""The network that comes with the package."""

STRENGTHS = {"gentle": 0.5, "normal": 1.0, "wild": 1.5}
"""What the size of steps is multiplied by, by strength."""


class Recipe(Options):
    """How to dream. Immutable; `recipe.model_dump_json()` and `Recipe.read(text)` are its JSON form.

    The command line's options, a picture's note and every caller's keywords are these fields.
    """

    model: Annotated[
        str,
        SUBJECT(
            "A known model's name, a Caffe folder, a .onnx, .pt2 or TorchScript file, "
            "timm:NAME, torchvision:NAME, or package.module:function.",
            first=True,
            see="bat-country models",
            title="Network",
        ),
    ] = DEFAULT_MODEL
    weights: Annotated[
        str | None,
        ADVANCED("File of weights for the model: safetensors, a state dict, or a .caffemodel.", path=True),
    ] = None
    mean: Annotated[
        str | None,
        ADVANCED(
            "What the network takes off each channel, such as 0.485,0.456,0.406; or a Caffe mean file.",
            title="Mean to take off",
        ),
    ] = None
    std: Annotated[
        str | None,
        ADVANCED(
            "What the network divides each channel by after that, such as 0.229,0.224,0.225.",
            title="Deviation to divide by",
        ),
    ] = None
    channels: Annotated[
        str | None,
        ADVANCED(
            "What the network takes: rgb, bgr, gray, rgba, or a number of channels.",
            examples=("rgb", "bgr", "gray", "rgba"),
        ),
    ] = None
    layer: Annotated[
        str | None,
        SUBJECT(
            "Layer to dream with; the model's own default if not given.", first=True, see="bat-country layers"
        ),
    ] = None
    guide: Annotated[
        str | None, SUBJECT("Picture file whose features the dream should take on.", first=True, path=True)
    ] = None
    objective: Annotated[
        str | None,
        SUBJECT(
            'What to make more of, as text, in place of a layer: channel("blocks.10", 17) - 0.1*layer("stem").',
            first=True,
        ),
    ] = None
    octaves: Annotated[
        int | None,
        LOOK("How many sizes, coarse to fine; by the picture's size if not given.", ge=1, le=64),
    ] = None
    octave_scale: Annotated[float, LOOK("Each size is this many times the one before.", gt=1, le=16)] = 1.4
    initial_size: Annotated[
        RelativeSize | None,
        ADVANCED("Size of the first octave, x0.5 of the picture or HEIGHTxWIDTH, in place of octave_scale."),
    ] = None
    final_size: Annotated[
        RelativeSize | None,
        ADVANCED("Size of the last octave, given likewise; the picture's own if only initial_size is given."),
    ] = None
    spacing: Annotated[
        Literal["geometric", "linear"],
        ADVANCED("How sizes between initial_size and final_size are spaced."),
    ] = "geometric"
    carry: Annotated[
        str,
        ADVANCED(
            "What an octave hands to the next: detail, which the picture gets at its new size; or the picture.",
            choices=Registry("batcountry.dreams.octaves", "carries", ("detail", "picture")),
        ),
    ] = "detail"
    strength: Annotated[
        Literal["gentle", "normal", "wild"],
        LOOK(
            "How far a dream goes: steps are 0.5 times (gentle), once or 1.5 times (wild) their size.",
            first=True,
        ),
    ] = "normal"
    iterations: Annotated[int, LOOK("Steps in each octave.", ge=1, le=100_000, first=True)] = 10
    step_size: Annotated[
        float | None,
        LOOK(
            "Size of a step, in gray levels for decorrelated (default: 2.7) and pixels (default: 1.5).",
            gt=0,
            le=255,
        ),
    ] = None
    param: Annotated[
        str | None,
        ADVANCED(
            "How the picture is held while it grows; decorrelated if not given, and pixels where the network takes no "
            "colors, or with windows or no-clip.",
            choices=Registry(
                "batcountry.optim.param",
                "known",
                ("decorrelated", "pixels", "fourier", "soft-fourier", "maco"),
            ),
            title="Parametrization",
        ),
    ] = None
    alpha: Annotated[
        bool,
        PICTURE(
            "Let the picture grow transparent where the objective does not need it.", title="Transparent"
        ),
    ] = False
    fade: Annotated[
        float,
        PICTURE(
            "With alpha: a pixel stays that helps so many times as much as the mean one; 0 for no fading.",
            ge=0,
            le=100,
        ),
    ] = 2.0
    optimizer: Annotated[
        str,
        ADVANCED(
            "How a step follows the gradient.",
            choices=Registry(
                "batcountry.optim.optimizers", "known", ("adam", "rmsprop"), besides=("ascent",)
            ),
        ),
    ] = "ascent"
    normalize: Annotated[
        Literal["mean", "std", "rms", "bands", "none"] | None,
        ADVANCED(
            "What ascent divides the gradient by: its mean (absolute) value, std, rms, nothing (none), or bands: each "
            "size of structure by its own strength (default: bands for decorrelated, mean for all others)."
        ),
    ] = None
    smoothing: Annotated[
        float | None,
        ADVANCED("How much of the past adam (0.9) and rmsprop (0.95) keep in a step.", ge=0, lt=1),
    ] = None
    decay: Annotated[
        float,
        ADVANCED("The step size is multiplied by this, every so many steps.", gt=0, le=1),
    ] = 1.0
    decay_every: Annotated[
        int,
        ADVANCED(
            "Steps from one decay to the next; 0 for none.", ge=0, le=100_000, title="Steps between decays"
        ),
    ] = 0
    transforms: Annotated[
        str | None,
        ADVANCED(
            "What happens to the picture before the network sees it, after the jitter: pad(8), rotate(10)."
        ),
    ] = None
    redirect_relu: Annotated[
        int,
        ADVANCED(
            "First steps in which ReLUs that are dead all over pass gradient on; for pictures from noise.",
            ge=0,
            le=100_000,
            title="Steps with redirected ReLUs",
        ),
    ] = 0
    mask: Annotated[
        str | None,
        PICTURE(
            "Picture file: the dream grows where it is white, and pixels where it is black stay.", path=True
        ),
    ] = None
    jitter: Annotated[int, LOOK("Largest random shift in a step, in pixels.", ge=0, le=4096)] = 32
    seed: Annotated[
        int,
        LOOK("Of the random shifts, and of the start if no picture is given.", ge=0, lt=2**32, first=True),
    ] = 0
    start: Annotated[
        str,
        PICTURE(
            "What to begin with if no picture is given, as text: sky, noise(scale=10, blur=1), pink or gray.",
            examples=Registry("batcountry.image.initial", "known", ("sky", "noise", "pink", "gray")),
        ),
    ] = "sky"
    canvas: Annotated[
        SizeText,
        PICTURE("Height and width in pixels of the start if no picture is given.", title="Size of the start"),
    ] = "576x1024"
    clip: Annotated[
        bool,
        ADVANCED(
            "Keep colors within 0 to 255 in every step.",
            no="Let colors leave 0 to 255 in between, and bring the contrast back at the end.",
        ),
    ] = True
    color: Annotated[
        str,
        LOOK(
            "Colors of the result: free; keep: the original's at each pixel; match: the original's mean and spread.",
            choices=Registry("batcountry.image.color", "known", ("free", "keep", "match")),
        ),
    ] = "free"
    rescale: Annotated[
        bool, LOOK("Stretch the finished picture's contrast from black to white.", title="Full contrast")
    ] = False
    size: Annotated[
        int | None,
        SIZE(
            "Shrink the picture so that its longer side has this many pixels.",
            ge=8,
            le=262_144,
            first=True,
            title="Shrink to",
        ),
    ] = None
    enlarge: Annotated[
        int | None,
        SIZE(
            "Enlarge the picture first if its longer side has fewer pixels than this.",
            ge=8,
            le=262_144,
            title="Enlarge to",
        ),
    ] = None
    precision: Annotated[
        Literal["exact", "fast", "auto"],
        SIZE(
            "exact: float32; fast: bfloat16 inside the network; auto: fast where the hardware is made for it."
        ),
    ] = "auto"
    wrap: Annotated[
        Literal["none", "x", "xy"],
        PICTURE(
            "x: left and right edge fit, for panoramas; xy: all edges fit, for seamless tiles; none: neither.",
            title="Seamless edges",
        ),
    ] = "none"
    windows: Annotated[
        WindowsText,
        ADVANCED(
            "HEIGHTxWIDTH of overlapping windows to show the network; input: of its own size; none: all at once.",
            examples=("none", "input", "224x224"),
        ),
    ] = "none"
    window_batch: Annotated[int, ADVANCED("Windows shown at once.", ge=1, le=4096)] = 1
    window_rates: Annotated[
        bool,
        ADVANCED("Divide a pixel's steps by the number of windows over it."),
    ] = False
    tile: Annotated[
        int | None,
        SIZE(
            "Side of the tiles for the gradient, in pixels, 0 for none; chosen by memory if not given.",
            ge=0,
            le=65_536,
        ),
    ] = None
    max_memory: Annotated[
        BytesText | None,
        SIZE(
            "Memory that the program may have in all, such as 2GB; three quarters of what is free if not given."
        ),
    ] = None
    device: Annotated[
        str,
        SIZE(
            "Where to run: auto, cpu, cuda, cuda:1, mps or xpu.",
            examples=("auto", "cpu", "cuda", "cuda:1", "mps", "xpu"),
        ),
    ] = "auto"

    @model_validator(mode="before")
    @classmethod
    def _by_names_of_today(cls, options: Any) -> Any:
        return respelled(options) if isinstance(options, dict) else options

    def with_options(self, **options: Any) -> Recipe:
        """Return this recipe with some fields changed, checked like new."""
        return super().with_options(**respelled(options))

    @property
    def stride(self) -> float:
        """How far a step goes: its size, times what the strength makes of it."""
        return (self.step_size or 0.0) * STRENGTHS[self.strength]

    def _repr_html_(self) -> str:
        from batcountry.recipe.html import recipe_table

        return recipe_table(self)


_FIRST_LOOK: dict[str, Any] = {"param": "pixels", "normalize": "mean", "octaves": 4}
"""What notes that do not say it, as they are older than the fields, stand for."""


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

    @field_validator("recipe", mode="before")
    @classmethod
    def _is_complete(cls, recipe: Any) -> Any:
        return {**_FIRST_LOOK, **respelled(recipe)} if isinstance(recipe, dict) else recipe

    @classmethod
    def read(cls, text: str) -> Note:
        """Read a note from its JSON form; raises `RecipeError` if it is not one."""
        return noted(cls, text, "picture")
