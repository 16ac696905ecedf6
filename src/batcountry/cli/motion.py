"""The commands about films."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from batcountry.backend.files import is_taken
from batcountry.cli.commands import FILMS, Commands
from batcountry.cli.commands import app as app
from batcountry.cli.dream import say_done
from batcountry.cli.options import options_of, recipe_options
from batcountry.cli.outputs import Overwrite, begun_at
from batcountry.cli.screen import out, plain, show
from batcountry.cli.trust import RunProgram, typed_policy
from batcountry.errors import RecipeError
from batcountry.motion.keyframes import LEFT_OUT
from batcountry.motion.recipes import VideoRecipe, ZoomRecipe

if TYPE_CHECKING:
    from batcountry.backend.outputs import Making
    from batcountry.jobs.job_run import Events

Output = Annotated[
    Path,
    typer.Argument(
        metavar="OUT", help=".mp4, .webm, .mkv, .mov, .gif, .apng, .webp, or a new folder for frames."
    ),
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
    image: Annotated[
        str, typer.Argument(metavar="PICTURE", help="Picture to begin with, a file or an address, or `sky`.")
    ],
    output: Output,
    key: Keys = None,
    overwrite: Overwrite = False,
    run_code: RunProgram = False,
    film: dict[str, Any] = {},  # noqa: B006 - never changed
    options: dict[str, Any] = {},  # noqa: B006 - never changed
) -> None:
    """Zoom into a picture without end, dreaming on the way."""
    from batcountry.jobs import run
    from batcountry.motion.jobs.specs import zoom_spec

    source = None if image == "sky" and not Path(image).exists() else image
    more, policy = {**film, **options, "keys": _keys(key)}, typed_policy(run_code)

    def begin(path: Path) -> Events:
        spec, objects = zoom_spec(source, path, overwrite=overwrite, policy=policy, options=more)
        return run(spec, policy=policy, objects=objects)

    make_film(output, begin, Path(image).name)


@app.command(rich_help_panel=FILMS)
@recipe_options(without=(*LEFT_OUT, "size", "enlarge"))
@options_of(VideoRecipe, "film")
def video(
    source: Annotated[
        str,
        typer.Argument(
            metavar="IN",
            help="Video, animated picture or folder of frames, or an address that yt-dlp understands.",
        ),
    ],
    output: Output,
    key: Keys = None,
    overwrite: Overwrite = False,
    run_code: RunProgram = False,
    film: dict[str, Any] = {},  # noqa: B006 - never changed
    options: dict[str, Any] = {},  # noqa: B006 - never changed
) -> None:
    """Dream on a video; times, sound and subtitles stay as they are."""
    from batcountry.jobs import run
    from batcountry.motion.jobs.specs import video_spec

    more, policy = {**film, **options, "keys": _keys(key)}, typed_policy(run_code)

    def begin(path: Path) -> Events:
        spec, objects = video_spec(source, path, overwrite=overwrite, policy=policy, options=more)
        return run(spec, policy=policy, objects=objects)

    make_film(output, begin, Path(source).name or source)


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
    overwrite: Overwrite = False,
) -> None:
    """Write a video's frames as pictures 000001.png, 000002.png …, and when each is shown as times.json."""
    from batcountry.motion.jobs.frames_folder import make_frames

    more: dict[str, Any] = {
        "every": every,
        "start": start,
        "stop": stop,
        "max_size": max_size,
        "overwrite": overwrite,
    }
    made = begun_at(folder, lambda path: make_frames(source, path, **more))
    total = _shown(made, source.name)
    out.print(f"{total} frames are in {plain(made.output.path)}")


@frames.command()
def join(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of pictures, all of one size.")],
    output: Annotated[
        Path, typer.Argument(metavar="OUT", help=".mp4, .webm, .mkv, .mov, .gif, .apng or .webp.")
    ],
    fps: Annotated[
        str | None,
        typer.Option(help="Frames a second, such as 25 or 30000/1001; if not given, as times.json says."),
    ] = None,
    sound: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Take sound and subtitles from this file.")
    ] = None,
    codec: Annotated[str | None, typer.Option(help="h264, hevc, vp9, av1 or ffv1.")] = None,
    quality: Annotated[int, typer.Option(min=0, max=100, help="Of the video, 0 to 100.")] = 80,
    overwrite: Overwrite = False,
) -> None:
    """Make a video of a folder's pictures, in the order of the numbers in their names."""
    from batcountry.motion.io.encode import CODECS
    from batcountry.motion.jobs.frames_folder import join_frames

    if codec is not None and codec not in CODECS:
        raise RecipeError(f"there is no codec {codec!r}; there are {', '.join(CODECS)}")
    more: dict[str, Any] = {
        "fps": fps,
        "sound": sound,
        "codec": codec,
        "quality": quality,
        "overwrite": overwrite,
    }
    made = begun_at(output, lambda path: join_frames(folder, path, **more))
    total = _shown(made, folder.name)
    out.print(f"the film of {total} frames is in {plain(made.output.path)}")


def make_film(path: Path, begin: Callable[[Path], Events], title: str) -> None:
    """Make a film at a path, or at a free one beside it if there is one already, and say where it is.

    Raises
    ------
    Stopped
        On Ctrl-C; what there is of the film is kept, and the text says how to go on.
    """
    from batcountry.jobs.folder import folder_beside

    events = begun_at(path, begin, lambda place: is_taken(place) or folder_beside(place).exists())
    say_done(show(events, title))


def _shown(made: Making[Path], title: str) -> int:
    """Show how far it is with frames that are taken out or put together, and return how many there are."""
    from batcountry.jobs.events import Count, Progress
    from batcountry.jobs.unstored import events_of

    total = 0

    def progress(_: Path) -> Progress:
        nonlocal total
        total += 1
        where = (Count(what="frame", at=total, of=made.count),)
        return Progress(where=where, done=min(1.0, total / made.count) if made.count else 0)

    show(events_of(made, progress, {"frames": made.output}, kept=not made.output.path.suffix), title)
    return total


def _keys(given: list[str] | None) -> dict[str, str]:
    keys = {}
    for each in given or []:
        name, found, curve = each.partition("=")
        if not found:
            raise RecipeError(f"--key {each!r} has no =; write it as step_size=0:1.5,100:3")
        keys[name.strip().replace("-", "_")] = curve
    return keys
