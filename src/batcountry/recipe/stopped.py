"""How far a dream was that was stopped, as its picture's note says it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer


class StoppedAt(BaseModel):
    """The last iteration that was finished, counted from 1: octave 2 of 4 is the second of four."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    octave: int
    octaves: int
    iteration: int
    iterations: int

    def __str__(self) -> str:
        return f"octave {self.octave}/{self.octaves}, iteration {self.iteration}/{self.iterations}"


class MayBeStopped(BaseModel):
    """A note of a dream that is whole, or was stopped."""

    stopped: StoppedAt | None = None
    """How far the dream was when it was stopped; None, and left out of the JSON form, for one that is whole."""

    @model_serializer(mode="wrap")
    def _write(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields: dict[str, Any] = write(self)
        return {name: value for name, value in fields.items() if name != "stopped" or value is not None}
