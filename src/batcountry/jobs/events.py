"""What a job tells while it runs, each thing with a JSON form of one line."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, TypeAdapter

from batcountry.jobs.records import Record, read_record

MAX_EVENT = 32 << 20
"""Most bytes of an event's line, which previews fill."""


def _decoded(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("it is not base64") from None


Data = Annotated[
    bytes,
    BeforeValidator(_decoded),
    PlainSerializer(lambda data: base64.b64encode(data).decode(), return_type=str, when_used="json"),
]
"""Bytes, which are base64 in JSON."""


class Told(Record):
    """What all events have."""

    version: Literal[1] = 1

    def line(self) -> str:
        """Return the event as a line of JSON, with a newline."""
        return self.model_dump_json() + "\n"


class Count(Record):
    """The `at`-th of `of` things, such as octave 2 of 4; counted from 1, `of` is None if nobody knows."""

    what: str = Field(max_length=100)
    at: int = Field(ge=0)
    of: int | None = Field(default=None, ge=0)

    def __str__(self) -> str:
        return f"{self.what} {self.at}" + ("" if self.of is None else f"/{self.of}")


class Progress(Told):
    """How far a job is, after a step.

    Attributes
    ----------
    where
        From coarse to fine: picture 2 of 9, octave 1 of 4, iteration 3 of 10.
    subject
        What is at work, such as a picture's or a layer's name; None if there is only one thing.
    size
        Width and height in pixels of what grows.
    score
        The objective's value, as far as it is a number.
    done
        Share of the whole work, 0 to 1.
    seconds_left
        As far as that is known.
    """

    event: Literal["progress"] = "progress"
    where: tuple[Count, ...] = ()
    subject: str | None = Field(default=None, max_length=4096)
    size: tuple[int, int] | None = None
    score: float | None = None
    done: float = Field(ge=0, le=1)
    seconds_left: float | None = Field(default=None, ge=0)

    def __str__(self) -> str:
        size = () if self.size is None else (f"{self.size[0]}×{self.size[1]}",)
        return ", ".join([*map(str, self.where), *size])


class Preview(Told):
    """A small picture of what grows, as a file.

    Attributes
    ----------
    side
        Most pixels of the longer side, as it was asked for.
    data
        A JPEG, or a PNG if there is transparency.
    """

    event: Literal["preview"] = "preview"
    side: int = Field(ge=1)
    data: Data


class Message(Told):
    """Something that people should know."""

    event: Literal["message"] = "message"
    level: Literal["info", "warning", "error"]
    text: str


class Stopped(Told):
    """The job was cancelled.

    Attributes
    ----------
    at
        How far it was; None if no step was finished.
    outputs
        What there is of it, by name.
    counts
        How many things came to what, such as 3 dreamed, 1 failed.
    folder
        What it can be gone on with from; None if it cannot.
    """

    event: Literal["stopped"] = "stopped"
    at: Progress | None = None
    outputs: dict[str, str] = Field(default_factory=dict)
    counts: dict[str, int] = Field(default_factory=dict)
    folder: str | None = None


class Done(Told):
    """The job is finished.

    Attributes
    ----------
    outputs
        Where its results are, by name.
    counts
        How many things came to what, such as 3 dreamed, 1 failed.
    """

    event: Literal["done"] = "done"
    outputs: dict[str, str] = Field(default_factory=dict)
    counts: dict[str, int] = Field(default_factory=dict)


class Failed(Told):
    """The job cannot go on.

    Attributes
    ----------
    text
        One sentence: what was wrong, and what to do.
    error
        Name of the error's class.
    folder
        What it can be gone on with from, when that is mended; None if there is nothing yet.
    """

    event: Literal["failed"] = "failed"
    text: str
    error: str
    folder: str | None = None


Event = Progress | Preview | Message | Stopped | Done | Failed

_EVENTS: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="event")])


def read_event(line: str | bytes) -> Event:
    """Read an event from its line of JSON; raises `JobError` if it is none, or of another version."""
    return read_record(_EVENTS, line, "the event", MAX_EVENT)
