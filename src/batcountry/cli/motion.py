"""The commands about films."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from batcountry.cli.app import app as app
from batcountry.cli.commands import FILMS, Commands
from batcountry.cli.options import options_of, recipe_options
from batcountry.cli.screen import counted, out
from batcountry.errors import RecipeError
from batcountry.motion.keyed import LEFT_OUT
from batcountry.motion.recipes import VideoRecipe, ZoomRecipe

if TYPE_CHECKING:
    from batcountry.motion.film import Frame

Output = Annotated[
    Path,
    typer.Argument(metavar="OUT", help=".mp4, .webm, .mkv, .mov, .gif, .apng, or a new folder for frames."),
]

Keys = Annotated[
    list[str] | None,
    typer.Option(
        "--key",
        metavar="NAME=CURVE",
        help='Keyframes for an option of the dream, such as step_size="0:1.5, 100:3 smooth" or '
        'layer="0:blocks.3, 5s:blocks.10"; may be given several times.',
    ),
]


@app.command(rich_help_panel=FILMS)
@recipe_options(without=LEFT_OUT)
@options_of(ZoomRecipe, "film")
def zoom(
    image: Annotated[Path, typer.Argument(metavar="PICTURE", help="Picture to begin with, or `sky`.")],
    output: Output,
    key: Keys = None,
    film: dict[str, Any] = {},  # noqa: B006 - never changed
    options: dict[str, Any] = {},  # noqa: B006 - never changed
) -> None:
    """Zoom into a picture without end, dreaming on the way."""
    from batcountry.motion.saving import saving_zoom

    source = None if str(image) == "sky" and not image.exists() else image
    made = saving_zoom(source, output, **film, **options, keys=_keys(key))
    watch_film(made, image.name, output, model=options.get("model"))


@app.command(rich_help_panel=FILMS)
@recipe_options(without=(*LEFT_OUT, "size", "enlarge"))
@options_of(VideoRecipe, "film")
def video(
    source: Annotated[
        str, typer.Argument(metavar="IN", help="Video to dream on, or an address that yt-dlp understands.")
    ],
    output: Output,
    key: Keys = None,
    film: dict[str, Any] = {},  # noqa: B006 - never changed
    options: dict[str, Any] = {},  # noqa: B006 - never changed
) -> None:
    """Dream on a video; times, sound and subtitles stay as they are."""
    from batcountry.motion.saving import saving_video

    name = Path(source).name or source
    made = saving_video(source, output, **film, **options, keys=_keys(key))
    watch_film(made, name, output, model=options.get("model"))


frames = Commands(
    "frames",
    no_args_is_help=True,
    help="Take a video apart into numbered pictures, and put it together again.",
)
app.add_typer(frames, name="frames", rich_help_panel=FILMS)


@frames.command()
def make(
    source: Annotated[Path, typer.Argument(metavar="VIDEO", help="The video to take apart.")],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new folder for the pictures.")],
    every: Annotated[int, typer.Option(min=1, help="Take every n-th frame only.")] = 1,
    start: Annotated[str | None, typer.Option("--from", help="Where to begin, such as 12.5 or 1:30.")] = None,
    stop: Annotated[str | None, typer.Option("--to", help="Where to end, such as 20 or 1:40.")] = None,
    max_size: Annotated[
        int | None,
        typer.Option(
            min=16, max=16_384, help="Shrink frames so that their longer side has at most so many pixels."
        ),
    ] = None,
) -> None:
    """Write a video's frames as pictures 000001.png, 000002.png …, and when each is shown as times.json."""
    from batcountry.motion.frames import make_frames

    made = make_frames(source, folder, every=every, start=start, stop=stop, max_size=max_size)
    total = sum(1 for _ in counted(((index, 0, each) for index, each in enumerate(made)), source.name))
    out.print(f"{total} frames are in {escape(str(folder))}")


@frames.command()
def join(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of pictures, all of one size.")],
    output: Annotated[Path, typer.Argument(metavar="OUT", help=".mp4, .webm, .mkv, .mov, .gif or .apng.")],
    fps: Annotated[
        str | None,
        typer.Option(help="Frames a second, such as 25 or 30000/1001; if not given, as times.json says."),
    ] = None,
    sound: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Take sound and subtitles from this file.")
    ] = None,
    codec: Annotated[str | None, typer.Option(help="h264, hevc, vp9, av1 or ffv1.")] = None,
    quality: Annotated[int, typer.Option(min=0, max=100, help="Of the video, 0 to 100.")] = 80,
) -> None:
    """Make a video of a folder's pictures, in the order of the numbers in their names."""
    from batcountry.motion.encode import CODECS
    from batcountry.motion.frames import join_frames

    if codec is not None and codec not in CODECS:
        raise RecipeError(f"there is no codec {codec!r}; there are {', '.join(CODECS)}")
    made = join_frames(folder, output, fps=fps, sound=sound, codec=codec, quality=quality)
    total = sum(1 for _ in counted(((index, 0, each) for index, each in enumerate(made)), folder.name))
    out.print(f"the film of {total} frames is in {escape(str(output))}")


def resume_film(folder: Path, *, run_code: bool) -> None:
    """Go on with a film from its journal."""
    from batcountry.motion.journal import Journal
    from batcountry.motion.saving import resuming

    job = Journal(folder).job()
    output = Path(job.output)
    made = resuming(folder, trusted=run_code)
    watch_film(made, output.name, output, journal=folder, model=job.recipe.dream.model)


def watch_film(
    made: Iterator[Frame], title: str, output: Path, *, journal: Path | None = None, model: str | None
) -> None:
    """Make a film of a `model`'s, showing how far it is.

    `journal` is where it goes on from if it is not beside the film.
    """
    from batcountry.models.from_recipe import resume_command

    journal = journal or output.with_name(f"{output.name}.journal")
    hint = f"what is done is in {output}; go on with: {resume_command(journal, model or '')}"
    triples: Iterable[tuple[int, int, Frame]] = ((each.index, each.count, each) for each in made)
    for _ in counted(triples, title, hint):
        pass
    out.print(f"the film is in {escape(str(output))}")


def _keys(given: list[str] | None) -> dict[str, str]:
    keys = {}
    for each in given or []:
        name, found, curve = each.partition("=")
        if not found:
            raise RecipeError(f"--key {each!r} has no =; write it as step_size=0:1.5,100:3")
        keys[name.strip().replace("-", "_")] = curve
    return keys
