"""What whoever starts a studio decides: where it lies, who may come, how much it takes, and what strangers may ask for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field, field_validator

from batcountry.backend.policy import OPEN, STRICT, Policy
from batcountry.errors import BatCountryError, StudioError
from batcountry.recipe.validation import Checked
from batcountry.studio.places import StudioFolder

LOOPBACK = ("127.0.0.1", "::1", "localhost")
"""Hosts that only this machine reaches."""

WATCHED = "watch"
"""The kind that jobs of a watched folder are to people."""

_SQLITE = "sqlite:///"


class WatchedFolder(Checked):
    """A folder whose files are dreamed.

    Attributes
    ----------
    inputs, outputs
        What is dropped into the first appears dreamed in the second.
    settings
        A JSON file that says how to dream; None for the usual recipe. See `batcountry.studio.watch.settings_file`.
    """

    refusal: ClassVar[type[BatCountryError]] = StudioError

    inputs: Path
    outputs: Path
    settings: Path | None = None

    @field_validator("inputs", "outputs", "settings", mode="after")
    @classmethod
    def _from_anywhere(cls, value: Path | None) -> Path | None:
        return None if value is None else value.absolute()


class StudioSettings(Checked):
    """Settings of a studio.

    Attributes
    ----------
    folder
        Where all that it has lies; made if it is not there.
    host, port
        Where it listens; port 0 for any that is free.
    database
        An address as SQLAlchemy takes it, such as `postgresql+psycopg://user@host/name`; None for SQLite in the folder.
    devices
        One worker for each, such as `("cpu",)` or `("cuda:0", "cuda:1")`; empty for the best that is there.
    token
        What clients have to know; made, if none is given, for a host that others reach, and kept in the folder.
    hosts
        Names besides its own by which browsers may call it.
    max_upload_bytes, max_pixels, max_frames, max_film_seconds
        Of one upload.
    max_queue
        Jobs that may wait.
    uploads_per_minute, jobs_per_minute
        Of one client.
    quota_bytes
        Of all pictures and uploads; None for no bound but the disk.
    drop_oldest
        Whether the oldest picture that is no favorite goes when the quota is reached; else nothing new is taken then.
    allow
        Folders besides its own that recipes from the network may name files of, and model files.
    run_code
        Whether recipes from the network may run code of this machine.
    max_steps, max_seconds
        Of one job from the network.
    idle_seconds
        Without work, until a worker ends and its network leaves the memory.
    watch
        A folder whose files are dreamed; None for none.
    """

    refusal: ClassVar[type[BatCountryError]] = StudioError

    folder: Path
    host: str = Field(default="127.0.0.1", min_length=1, max_length=255)
    port: int = Field(default=8015, ge=0, le=65_535)
    database: str | None = Field(default=None, min_length=1, max_length=4096)
    devices: tuple[Annotated[str, Field(pattern=r"^[a-z]+(:\d+)?$")], ...] = Field(default=(), max_length=64)
    token: str | None = Field(default=None, min_length=16, max_length=256)
    hosts: tuple[str, ...] = ()
    max_upload_bytes: int = Field(default=64 << 20, ge=1 << 10)
    max_pixels: int = Field(default=1 << 26, ge=1 << 10)
    max_frames: int = Field(default=2_000, ge=1)
    max_film_seconds: float = Field(default=120, gt=0)
    max_queue: int = Field(default=500, ge=1)
    uploads_per_minute: int = Field(default=60, ge=1)
    jobs_per_minute: int = Field(default=120, ge=1)
    quota_bytes: int | None = Field(default=None, ge=1 << 20)
    drop_oldest: bool = False
    allow: tuple[Path, ...] = ()
    run_code: bool = False
    max_steps: int = Field(default=100_000, ge=1)
    max_seconds: float = Field(default=86_400, gt=0)
    idle_seconds: float = Field(default=600, gt=0)
    watch: WatchedFolder | None = None

    @field_validator("folder", "allow", mode="after")
    @classmethod
    def _from_anywhere(cls, value: Any) -> Any:
        return value.absolute() if isinstance(value, Path) else tuple(each.absolute() for each in value)

    @field_validator("database", mode="after")
    @classmethod
    def _file_from_anywhere(cls, value: str | None) -> str | None:
        """Take a file of SQLite from the working folder, which workers have another of."""
        name = (value or "").removeprefix(_SQLITE)
        if value is None or not value.startswith(_SQLITE) or Path(name).is_absolute():
            return value
        if name in ("", ":memory:"):
            raise ValueError("a database in memory is lost with the server; name a file")
        return f"{_SQLITE}{Path(name).absolute()}"

    @property
    def places(self) -> StudioFolder:
        """Where its files lie."""
        return StudioFolder(self.folder)

    @property
    def database_url(self) -> str:
        """The database's address."""
        return self.database or f"{_SQLITE}{self.places.database}"

    @property
    def is_private(self) -> bool:
        """Whether only this machine reaches it, so that no token is needed."""
        return self.host in LOOPBACK

    def policy_for(self, kind: str) -> Policy:
        """Return what a job of a kind may do: a watched folder's is of who started the studio, others are from the network."""
        return OPEN if kind == WATCHED else self.policy

    @property
    def policy(self) -> Policy:
        """What a job from the network may do: `STRICT`, with files of the studio's folder and of those that are allowed."""
        places = self.places
        own = (places.uploads, places.pictures, places.work, places.looks)
        strict = Policy(
            run_code=False,
            folders=STRICT.folders,
            max_pixels=None if STRICT.max_pixels is None else max(STRICT.max_pixels, self.max_pixels),
            max_steps=self.max_steps,
            max_bytes=STRICT.max_bytes,
            max_seconds=self.max_seconds,
            network=False,
        )
        return strict.allow(*own, *self.allow, run_code=self.run_code)
