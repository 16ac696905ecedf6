"""What makes a film again: the recipe of its dreams, and what moves, as validated values with a JSON form."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, field_validator, model_validator

from batcountry.motion.keyframes import (
    FADED,
    LEFT_OUT,
    Curve,
    CurveText,
    Fade,
    RateText,
    TimeText,
    checked_key,
    keyed,
    within,
)
from batcountry.recipe import Recipe
from batcountry.recipe.fields import CAMERA, FILM, OCTAVES, OUTPUT, STEP
from batcountry.recipe.validation import Options

M = TypeVar("M", bound="Motion")


class Motion(Options):
    """What zooms and films share. Immutable; `model_dump_json()` and `read(text)` are its JSON form."""

    dream: Annotated[
        Recipe,
        FILM(
            "How each frame is dreamed on; its octaves and iterations are the first frame's, and each first one's "
            "after a cut."
        ),
    ] = Recipe()
    keys: Annotated[dict[str, str], FILM("Curves for fields of the dream, by name.")] = Field(
        default_factory=dict
    )
    frame_octaves: Annotated[
        int,
        OCTAVES(
            "Octaves in a frame that carries on the dream of the one before.",
            ge=1,
            le=64,
            title="Octaves of a frame",
            unit="octaves",
        ),
    ] = 2
    frame_iterations: Annotated[
        int,
        STEP(
            "Steps in each octave of a frame that carries on the dream of the one before.",
            ge=1,
            le=100_000,
            title="Iterations of a frame",
            unit="steps",
        ),
    ] = 2
    opacity: Annotated[
        CurveText,
        FILM(
            "How much of a frame's dream is kept: 0 none, 1 all; a number or a curve.",
            examples=["0.5", "0: 1, 100: 0.3 smooth"],
        ),
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
        CAMERA(
            "How many times larger things become from a frame to the next; a number or a curve.",
            level="everyday",
            examples=["1.02", "0: 1.02, 100: 1.1 smooth, 150: 1"],
        ),
    ] = "1.02"
    rotate: Annotated[
        CurveText,
        CAMERA(
            "Degrees that the picture turns from a frame to the next, clockwise; a number or a curve.",
            unit="degrees",
            examples=["0.5", "0: 0, 50s: 2 smooth"],
        ),
    ] = "0"
    pan_x: Annotated[
        CurveText,
        CAMERA(
            "How far the camera goes to the right in a frame, in percent of the width; a number or a curve.",
            unit="percent",
            examples=["0.5", "0: 0, 100: 2 smooth"],
        ),
    ] = "0"
    pan_y: Annotated[
        CurveText,
        CAMERA(
            "How far the camera goes down in a frame, in percent of the width; a number or a curve.",
            unit="percent",
            examples=["0.5", "0: 0, 100: 2 smooth"],
        ),
    ] = "0"
    seconds: Annotated[
        float, FILM("How long the film is.", gt=0, le=86_400, unit="seconds", level="everyday")
    ] = 10.0
    frames: Annotated[
        int | None,
        FILM("How many frames the film has, in place of seconds.", ge=1, le=10_000_000, unit="frames"),
    ] = None
    fps: Annotated[
        RateText,
        FILM(
            "Frames a second: a number, or a fraction such as 30000/1001.",
            level="everyday",
            title="Frames a second",
            unit="frames a second",
            examples=["25", "30000/1001"],
        ),
    ] = "25"
    loop: Annotated[
        bool, FILM("Let the end lead back into the beginning without a seam.", level="everyday")
    ] = False

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
            level="everyday",
        ),
    ] = 0.9
    every: Annotated[
        int,
        FILM(
            "Dream on every n-th frame only; those between carry its dream along.",
            ge=1,
            le=10_000,
            title="Every n-th frame",
            unit="frames",
        ),
    ] = 1
    begin: Annotated[
        TimeText,
        FILM("Where to begin, such as 12.5 or 1:30.", unit="seconds", level="everyday", flag="--from"),
    ] = None
    end: Annotated[
        TimeText, FILM("Where to end, such as 20 or 1:40.", unit="seconds", level="everyday", flag="--to")
    ] = None
    fps: Annotated[
        RateText | None,
        FILM(
            "Frames a second of a folder of frames; as its times.json says, or 25, if not given.",
            title="Frames a second",
            unit="frames a second",
            examples=["25", "30000/1001"],
        ),
    ] = None
    max_size: Annotated[
        int | None,
        FILM(
            "Shrink frames so that their longer side has at most so many pixels.",
            ge=16,
            le=16_384,
            level="everyday",
            title="Shrink frames to",
            unit="pixels",
        ),
    ] = None
