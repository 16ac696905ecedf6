"""What makes a film again: the recipe of its dreams, and what moves, as validated values with a JSON form."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from batcountry.motion.keyframe_fields import CurveText, TimeText, within
from batcountry.motion.keyframes import Curve, Fade
from batcountry.motion.recipe_keyframes import FADED, LEFT_OUT, checked_key, keyed
from batcountry.recipe import Recipe
from batcountry.recipe.fields import FILM, LOOK, OUTPUT, SIZE
from batcountry.recipe.validation import Options, noted

M = TypeVar("M", bound="Motion")


class Motion(Options):
    """What zooms and films share. Immutable; `model_dump_json()` and `read(text)` are its JSON form."""

    dream: Recipe = Recipe()
    """How each frame is dreamed on; its octaves and iterations are the first frame's, and each first one's after a cut."""
    keys: dict[str, str] = Field(default_factory=dict)
    """Curves for fields of the dream, by name."""
    frame_octaves: Annotated[
        int,
        LOOK(
            "Octaves in a frame that carries on the dream of the one before.",
            ge=1,
            le=64,
            title="Octaves of a frame",
        ),
    ] = 2
    frame_iterations: Annotated[
        int,
        LOOK(
            "Steps in each octave of a frame that carries on the dream of the one before.",
            ge=1,
            le=100_000,
            title="Iterations of a frame",
        ),
    ] = 2
    opacity: Annotated[
        CurveText, FILM("How much of a frame's dream is kept: 0 none, 1 all; a number or a curve.")
    ] = "1"
    anchor: Annotated[
        float,
        FILM(
            "How firmly the mean and the spread of brightness and colors are held: 0 not, 1 firmly.",
            ge=0,
            le=1,
        ),
    ] = 1.0
    codec: Annotated[
        Literal["h264", "hevc", "vp9", "av1", "ffv1"] | None,
        OUTPUT("Of the video: h264, hevc, vp9, av1 or ffv1; by the file's suffix if not given."),
    ] = None
    quality: Annotated[
        int, OUTPUT("Of the video, 0 to 100; ffv1 loses nothing whatever this is.", ge=0, le=100)
    ] = 80

    @model_validator(mode="before")
    @classmethod
    def _with_todays_names(cls, fields: Any) -> Any:
        # Films made before dreams had a strength of their own call their opacity so.
        if isinstance(fields, dict) and "strength" in fields:
            return {"opacity": fields["strength"], **{k: v for k, v in fields.items() if k != "strength"}}
        return fields

    @field_validator("opacity")
    @classmethod
    def _is_share(cls, text: str) -> str:
        return within(text, 0, 1)

    @field_validator("dream")
    @classmethod
    def _is_for_films(cls, dream: Recipe) -> Recipe:
        for name in LEFT_OUT:
            if getattr(dream, name) != Recipe.model_fields[name].default:
                raise ValueError(
                    f"films have no {name}, so it cannot be {getattr(dream, name)!r}; leave it out"
                )
        return dream

    @field_validator("keys")
    @classmethod
    def _are_curves(cls, keys: dict[str, str]) -> dict[str, str]:
        return {name: checked_key(name, text) for name, text in keys.items()}

    @classmethod
    def of(cls: type[M], options: dict[str, Any]) -> M:
        """Make a recipe from options by name, those of `Recipe` among them, which go to the dream.

        Raises
        ------
        RecipeError
            If one is unknown or out of its range; the message names the first.
        """
        options = dict(options)
        base = options.pop("dream", None)
        base = base if isinstance(base, Recipe) else Recipe.of(base or {})
        dream = {name: options.pop(name) for name in list(options) if name in Recipe.model_fields}
        return cls(dream=base.with_options(**dream), **options)

    @classmethod
    def option_names(cls) -> list[str]:
        """Return the names of the options that `of` takes."""
        return [*cls.model_fields, *Recipe.model_fields]

    def with_options(self: M, **options: Any) -> M:
        """Return this recipe with some fields changed, checked like new."""
        return type(self).of({**self.model_dump(), "dream": self.dream, **options})

    def dream_at(self, frame: int, time: float) -> Recipe:
        """Return the recipe of the dream at a frame; `layer` and `objective` are left to `aims_at`."""
        if not self.keys:
            return self.dream
        return self.dream.with_options(
            **{
                name: keyed(name, text, frame=frame, time=time)
                for name, text in self.keys.items()
                if name not in FADED
            }
        )

    def aims_at(self, frame: int, time: float) -> list[tuple[dict[str, str], float]]:
        """Return what the dream goes for at a frame: options that name it, with weights that add up to 1."""
        for name in FADED:
            if name in self.keys:
                return [
                    ({name: text}, weight) for text, weight in Fade.parse(self.keys[name]).at(frame, time)
                ]
        return [({}, 1.0)]

    def numbers(self, name: str, frame: int, time: float) -> float:
        """Return the value of one of this recipe's own curves at a frame."""
        return Curve.parse(getattr(self, name)).at(frame, time)


class ZoomRecipe(Motion):
    """How a picture is zoomed into, dreaming on the way."""

    kind: Literal["zoom"] = "zoom"
    zoom: Annotated[
        CurveText,
        FILM(
            "How many times larger things become from a frame to the next; a number or a curve.", first=True
        ),
    ] = "1.02"
    rotate: Annotated[
        CurveText,
        FILM("Degrees that the picture turns from a frame to the next, clockwise; a number or a curve."),
    ] = "0"
    pan_x: Annotated[
        CurveText,
        FILM(
            "How far the camera goes to the right in a frame, in percent of the width; a number or a curve."
        ),
    ] = "0"
    pan_y: Annotated[
        CurveText,
        FILM("How far the camera goes down in a frame, in percent of the width; a number or a curve."),
    ] = "0"
    seconds: Annotated[float, FILM("How long the film is.", gt=0, le=86_400, first=True)] = 10.0
    frames: Annotated[
        int | None, FILM("How many frames the film has, in place of seconds.", ge=1, le=10_000_000)
    ] = None
    fps: Annotated[
        str,
        FILM(
            "Frames a second: a number, or a fraction such as 30000/1001.",
            first=True,
            title="Frames a second",
        ),
    ] = "25"
    loop: Annotated[bool, FILM("Let the end lead back into the beginning without a seam.", first=True)] = (
        False
    )

    @field_validator("zoom")
    @classmethod
    def _is_zoom(cls, text: str) -> str:
        return within(text, 0.25, 4)

    @field_validator("pan_x", "pan_y")
    @classmethod
    def _is_pan(cls, text: str) -> str:
        return within(text, -100, 100)

    @field_validator("rotate")
    @classmethod
    def _is_turn(cls, text: str) -> str:
        return within(text, -360, 360)

    @field_validator("fps")
    @classmethod
    def _is_rate(cls, text: str) -> str:
        try:
            rate = Fraction(text.strip())
        except (ValueError, ZeroDivisionError):
            raise ValueError("give a number, or a fraction such as 30000/1001") from None
        if not 0.1 <= rate <= 1000 or rate.denominator > 1_000_000:
            raise ValueError("it must be from 0.1 to 1000")
        return str(rate)

    @property
    def rate(self) -> Fraction:
        """Frames a second."""
        return Fraction(self.fps)

    @property
    def count(self) -> int:
        """How many frames the film has."""
        return self.frames or max(1, round(Fraction(str(self.seconds)) * self.rate))


class VideoRecipe(Motion):
    """How a video is dreamed on, frame by frame, each carrying on the dream of the one before."""

    kind: Literal["video"] = "video"
    coherence: Annotated[
        float,
        FILM(
            "How much of the last frame's dream goes on in the next: 0 dreams on every frame anew, in full.",
            ge=0,
            le=1,
            first=True,
        ),
    ] = 0.9
    every: Annotated[
        int,
        FILM(
            "Dream on every n-th frame only; those between carry its dream along.",
            ge=1,
            le=10_000,
            title="Every n-th frame",
        ),
    ] = 1
    begin: Annotated[TimeText, FILM("Where to begin, such as 12.5 or 1:30.", first=True, flag="--from")] = (
        None
    )
    end: Annotated[TimeText, FILM("Where to end, such as 20 or 1:40.", first=True, flag="--to")] = None
    max_size: Annotated[
        int | None,
        SIZE(
            "Shrink frames so that their longer side has at most so many pixels.",
            ge=16,
            le=16_384,
            first=True,
            title="Shrink frames to",
        ),
    ] = None


class MotionNote(BaseModel):
    """What a finished film says of itself."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    version: str
    """Of this package."""
    recipe: Annotated[ZoomRecipe | VideoRecipe, Field(discriminator="kind")]
    input: str | None
    """The picture's or video's file name, as it was given; None for the sky."""
    input_sha256: str
    weights_sha256: str

    @classmethod
    def read(cls, text: str) -> MotionNote:
        """Read a note from its JSON form; raises `RecipeError` if it is not one."""
        return noted(cls, text, "film")
