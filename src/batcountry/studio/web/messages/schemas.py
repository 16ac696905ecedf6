"""What goes over the API, as JSON."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from batcountry.studio.store.job import State

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,64}$", description="As the studio made it.")]

Kind = Literal["dream", "enlarge", "zoom", "video", "visualize"]
"""What a client may ask for."""


class _Shown(BaseModel):
    model_config = ConfigDict(json_schema_serialization_defaults_required=True)


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Source(_Asked):
    """A picture or film that is in the studio: one of the two."""

    upload: Id | None = None
    picture: Id | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Source:
        if (self.upload is None) == (self.picture is None):
            raise ValueError("name one of upload and picture")
        return self


class UploadShown(_Shown):
    """Something that a client sent."""

    id: Id
    name: str
    media: Literal["picture", "film"]
    width: int
    height: int
    bytes: int
    created: float
    url: str


class JobRequest(_Asked):
    """What to make."""

    kind: Kind = "dream"
    recipe: dict[Annotated[str, Field(max_length=64)], JsonValue] = Field(
        default_factory=dict,
        max_length=100,
        description="Fields of the recipe, as GET /recipe has them; `preset` and `look` may be named too.",
    )
    picture: Source | None = Field(
        default=None, description="What to dream on; without it the recipe's start."
    )
    guide: Source | None = Field(default=None, description="A picture whose features the dream takes on.")
    mask: Source | None = Field(default=None, description="A picture that is white where the dream may grow.")
    title: str = Field(default="", max_length=200)
    options: dict[Annotated[str, Field(max_length=64)], JsonValue] = Field(
        default_factory=dict, max_length=100, description="The kind's own, as GET /recipe?kind= has them."
    )


class ProgressShown(_Shown):
    """How far a job is."""

    done: float = Field(description="Share of the whole work, 0 to 1.")
    where: str
    octave: int | None
    octaves: int | None
    iteration: int | None
    iterations: int | None
    seconds_left: float | None


class JobShown(_Shown):
    """A job."""

    id: Id
    kind: str
    title: str
    state: State
    place: float
    ahead: int = Field(description="How many wait before it.")
    starts_in: float | None = Field(description="Seconds, as far as that is known.")
    wish: str = Field(description="What it is asked to do next: cancel, pause, or nothing.")
    progress: ProgressShown | None
    sentence: str = Field(description="Why it failed, or what it waits for.")
    created: float
    begun: float | None
    ended: float | None
    pictures: list[str] = Field(description="Ids of its results.")
    preview: str | None
    recipe: dict[str, Any]
    source: Source | None
    guide: Source | None
    mask: Source | None


class JobsShown(_Shown):
    """Jobs, the newest first; `next` is what `after` has to be for more, null after the last."""

    jobs: list[JobShown]
    next: str | None


class MoveRequest(_Asked):
    """Before which waiting job to put a job; null for the end of the line."""

    before: Id | None = None


class LogShown(_Shown):
    """What a job said."""

    log: str
    sentence: str


class PictureShown(_Shown):
    """A result in the gallery."""

    id: Id
    job: str
    name: str
    media: Literal["picture", "film", "pyramid", "sheet"]
    width: int
    height: int
    bytes: int
    created: float
    network: str
    layer: str
    favorite: bool
    deleted: float | None
    source: Source | None
    recipe: dict[str, Any]
    file: str
    thumb: str


class PicturesShown(_Shown):
    """Pictures, and the cursor for those that follow; null after the last."""

    pictures: list[PictureShown]
    next: str | None
    total: int | None = Field(description="How many there are in all; with the first page only.")


class PictureChange(_Asked):
    """What to change of a picture."""

    favorite: bool


class ZipRequest(_Asked):
    """Which pictures to put into a zip."""

    ids: list[Id] = Field(min_length=1, max_length=1000)


class EventShown(_Shown):
    """Something that happened."""

    id: int
    kind: str
    data: dict[str, Any]


class EventsShown(_Shown):
    """What happened; `last` is what `after` has to be for what comes next."""

    events: list[EventShown]
    last: int
    reset: bool = Field(description="Whether events were missed, so that all has to be looked up anew.")


class LookShown(_Shown):
    """A look: a part of a recipe that has a name."""

    name: str
    title: str
    recipe: dict[str, Any]
    picture: str


class NetworkShown(_Shown):
    """A network that is known."""

    name: str
    title: str
    license: str
    trained_on: str
    bytes: int | None
    here: bool = Field(description="Whether its files are here, so that it can dream.")
    by_hand: bool
    note: str | None
    paper: str | None


class LayerShown(_Shown):
    """A layer of a network."""

    name: str
    channels: int
    stride: int | None
    receptive_field: int | None
    recommended: bool = Field(description="Whether it is one of those that dream well.")
    picture: str | None = Field(description="Of what it likes; null until one is drawn, while nobody dreams.")


class ChannelsShown(_Shown):
    """Channels of a layer, numbered from 0, and those of them that were drawn."""

    channels: int
    drawn: list[int]


class NetworkDetails(NetworkShown):
    """A network with its layers, the first one first."""

    layers: list[LayerShown]
    default_layer: str
    class_layer: str | None
    classes: int = Field(description="How many it knows by name.")


class ClassShown(_Shown):
    """A class of a network."""

    number: int
    name: str


class ClassesShown(_Shown):
    """Classes that a search found."""

    classes: list[ClassShown]
    total: int


class SeeRequest(_Asked):
    """What a network is to look at."""

    picture: Source
    layer: str | None = Field(default=None, min_length=1, max_length=200)


class DrawRequest(_Asked):
    """Of which layers the channels are to be drawn."""

    layers: list[Annotated[str, Field(min_length=1, max_length=200)]] = Field(min_length=1, max_length=100)


class WatchShown(_Shown):
    """The folder that dreams; paths are null for clients from elsewhere."""

    inputs: str | None
    outputs: str | None
    settings: str | None = Field(description="A file that says how to dream; null for the usual recipe.")
    sentence: str = Field(description="Why nothing of it is dreamed at present; empty if it is.")


class SettingsShown(_Shown):
    """How the studio is set up."""

    version: str
    folder: str | None = Field(description="Where its files lie; null for clients from elsewhere.")
    devices: list[str]
    memory_total: int
    memory_free: int
    disk_free: int
    used_bytes: int
    quota_bytes: int | None
    drop_oldest: bool
    pictures: int
    max_upload_bytes: int
    max_pixels: int
    max_frames: int
    max_film_seconds: float
    max_queue: int
    queue: dict[str, int]
    idle_seconds: float
    has_token: bool
    watch: WatchShown | None = Field(description="The folder that dreams, if there is one.")
    working: bool = Field(description="Whether a worker runs or would be started.")


class Health(_Shown):
    """How the studio is."""

    status: Literal["ok", "failing"]
    sentence: str = Field(description="What is wrong; empty if nothing is.")
