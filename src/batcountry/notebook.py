"""Dreams in a notebook: watch them grow, see how long they take, lay them side by side.

>>> from batcountry import dreaming
>>> from batcountry.notebook import show
>>> finished = show(dreaming(size=64, octaves=1, iterations=2))
>>> finished.size
(64, 36)

Outside a notebook nothing is displayed, so the same code runs as a program.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from batcountry.dreams.steps import step_figure, where
from batcountry.errors import MissingExtra, PictureError, RecipeError
from batcountry.image.html import LONGEST, figure

if TYPE_CHECKING:
    from batcountry.dreams.steps import Progress, Step
    from batcountry.image.picture import Picture

    P = TypeVar("P", bound=Progress)

__all__ = ["beside", "progress", "show", "uploaded", "watch"]


class Html:
    """Something that a notebook shows as HTML."""

    def __init__(self, text: str, plain: str) -> None:
        self.text = text
        self.plain = plain

    def _repr_html_(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return self.plain


def watch(steps: Iterable[Step], *, every: float = 0.5, longest: int = LONGEST) -> Iterator[Step]:
    """Yield a dream's steps while one picture in the notebook shows how it grows.

    Parameters
    ----------
    steps
        What `batcountry.dreaming` gives.
    every
        Seconds between two previews. The last step is always shown.
    longest
        Longer side of the preview, in pixels.

    Examples
    --------
    ::

        for step in watch(dreaming("photo.jpg")):
            if step.score > 1000:
                break
    """
    display = _display()
    shown: Any = None
    due = 0.0
    for step in steps:
        if display is not None and (step.last or time.monotonic() >= due):
            preview = Html(step_figure(step, longest=longest), where(step))
            if shown is None:
                shown = display(preview, display_id=True)
            else:
                shown.update(preview)
            due = time.monotonic() + every
        yield step


def show(steps: Iterable[Step], *, every: float = 0.5, longest: int = LONGEST) -> Picture:
    """Watch a dream to its end and return the finished picture.

    Interrupting the notebook's kernel stops the dream and returns the picture as it is then, at the
    size of its octave.

    Parameters
    ----------
    steps
        What `batcountry.dreaming` gives.
    every, longest
        As for `watch`.

    Raises
    ------
    RecipeError
        If there are no steps.
    """
    step = None
    try:
        for step in watch(steps, every=every, longest=longest):  # noqa: B007 - the last one is wanted
            pass
    except KeyboardInterrupt:
        if step is None:
            raise
    if step is None:
        raise RecipeError("there are no steps to show; give what batcountry.dreaming returns, once")
    return step.picture()


def progress(steps: Iterable[P], *, title: str = "dreaming") -> Iterator[P]:
    """Yield a dream's steps with a bar of tqdm: a widget in a notebook, a line of text elsewhere.

    Parameters
    ----------
    steps
        What `batcountry.dreaming` gives.
    title
        What stands before the bar.

    Raises
    ------
    MissingExtra
        If tqdm is not installed.
    """
    try:
        from tqdm.auto import tqdm
    except ImportError:
        raise MissingExtra("a progress bar", "tqdm", "notebook") from None
    return _with_bar(steps, tqdm, title)


def _with_bar(steps: Iterable[P], tqdm: Any, title: str) -> Iterator[P]:
    text = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"
    with tqdm(total=100.0, desc=title, bar_format=text) as bar:
        for step in steps:
            bar.set_postfix_str(where(step), refresh=False)
            bar.update(100 * step.done - bar.n)
            yield step


def beside(pictures: Mapping[str, Picture], *, longest: int = 240) -> Html:
    """Return pictures side by side, each with its name below, for a notebook to show.

    Parameters
    ----------
    pictures
        Name to picture.
    longest
        Longer side of each, in pixels.
    """
    html = "".join(figure(picture, name, longest=longest) for name, picture in pictures.items())
    return Html(html, ", ".join(pictures))


def uploaded(upload: Any) -> Picture:
    """Return the picture that somebody chose with a button of ipywidgets.

    Parameters
    ----------
    upload
        An `ipywidgets.FileUpload`; of several files the last is taken.

    Raises
    ------
    PictureError
        If nothing was chosen yet, or it is no picture.

    Examples
    --------
    ::

        upload = ipywidgets.FileUpload(accept="image/*")
        upload                      # at the end of a cell, it is shown

        photo = uploaded(upload)    # in a later cell
    """
    from batcountry.image.files import decode
    from batcountry.image.reading import read_picture

    value = upload.value  # files by name up to ipywidgets 7, then a tuple of them
    files = (
        [{"name": name, **file} for name, file in value.items()] if isinstance(value, dict) else list(value)
    )
    if not files:
        raise PictureError("no picture was chosen yet; choose one with the button, then run this again")
    with decode(bytes(files[-1]["content"]), files[-1]["name"]) as image:
        return read_picture(image)


def _display() -> Any:
    """Return IPython's `display` if this runs in a notebook, which can change what it has shown."""
    if sys.modules.get("IPython") is None:
        return None
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    if getattr(shell, "kernel", None) is None:
        return None
    from IPython.display import display

    return display
