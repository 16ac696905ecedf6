"""What can go wrong, said in one sentence.

Every error that a user's input can cause is one of these::

    BatCountryError
    ├── PictureError        a picture that cannot be read or written
    ├── VideoError          a video that cannot be read or written
    ├── OutputError         an output that would replace what it may not (a PictureError and a VideoError)
    │   └── OutputExists    something is there already, and nobody said that it may be replaced
    ├── RecipeError         an option, an objective's text or a recipe that cannot be
    │   └── UnknownName     a name that is not in a registry (also a KeyError)
    ├── PolicyError         a recipe of somebody else asks for more than it may: code, a file, too much of the machine
    ├── JobError            a piece of work, or its folder, that cannot be run or gone on with
    │   └── WorkDamaged     what work stored is damaged (also a RecipeError and a VideoError)
    ├── StudioError         what the studio cannot do, or its folder or database
    │   ├── NotFound        an id that nothing has (also a KeyError)
    │   ├── WrongState      a job that is not as it has to be for what is asked
    │   ├── StudioFull      more than the studio takes: jobs that wait, bytes
    │   └── LeaseLost       work that another worker has by now
    ├── NameTaken           a name that is in a registry already (also a ValueError)
    ├── ModelError          a model that cannot be opened or run
    │   ├── LayerNotFound   a layer name that the model does not have (also a KeyError)
    │   ├── OtherWeights    a file of another hash than was asked for
    │   └── UnsupportedLayer
    └── MissingExtra        an optional library that is not installed

The text says what was wrong, with which file or value, and what to do. The command
line prints it as it is and leaves with exit code 2.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher, get_close_matches
from pathlib import Path
from unicodedata import category


def printable(text: object) -> str:
    r"""Return a text as a terminal may show it, whoever it is from.

    Control characters, among them those that begin a terminal's commands, marks that turn the direction of writing, what no
    font has, and bytes of a name that are not UTF-8 become escapes as Python writes them.

    >>> printable("a\x1b[31m\n\u202eb\udcff")
    'a\\x1b[31m\\n\\u202eb\\xff'
    """
    said = str(text)
    if said.isascii() and said.isprintable():
        return said
    return "".join(each if each.isprintable() or category(each) == "Zs" else _escaped(each) for each in said)


def _escaped(character: str) -> str:
    if 0xDC80 <= ord(character) <= 0xDCFF:  # how Python holds a byte that is not UTF-8
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")


class _Printable(logging.Filter):
    """Makes what the package says printable, whoever listens."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Change a record's text, and let it through."""
        record.msg, record.args = printable(record.getMessage()), None
        return True


logging.getLogger("batcountry").addFilter(_Printable())


class BatCountryError(Exception):
    """Base of all errors that this package raises for bad input. What it says is `printable`.

    Attributes
    ----------
    folder
        Of the job that it ended, if that can be gone on with from there.
    """

    folder: Path | None = None

    def __init__(self, *said: object) -> None:
        super().__init__(*(printable(each) if isinstance(each, str) else each for each in said))


class PictureError(BatCountryError):
    """A picture cannot be read, is too large, or cannot be written."""


class VideoError(BatCountryError):
    """A video cannot be read, is too large, or cannot be written."""


class OutputError(PictureError, VideoError):
    """An output would replace what it may not, such as an input."""


class OutputExists(OutputError):
    """Something is where an output was to go, and nobody said that it may be replaced."""

    def __init__(self, path: object) -> None:
        super().__init__(
            f"{path} is there already; give another name, or replace it with --overwrite (overwrite=True in Python)"
        )


class RecipeError(BatCountryError):
    """An option, an objective's text or a stored recipe is not valid."""


class PolicyError(BatCountryError):
    """A recipe asks for what is not allowed to it: to run code, to read a file, or too much of the machine."""


class JobError(BatCountryError):
    """A piece of long work, or the folder that it is kept in, cannot be run or gone on with."""


class WorkDamaged(JobError, RecipeError, VideoError):
    """What a piece of work stored is damaged, missing, or of another, so that it cannot be gone on with."""


class StudioError(BatCountryError):
    """The studio cannot do something, or its folder or its database cannot be used."""


class NotFound(StudioError, KeyError):
    """Nothing has an id.

    Parameters
    ----------
    noun
        What was looked for, such as `job`.
    """

    def __init__(self, noun: str, name: object) -> None:
        super().__init__(f"there is no {noun} {str(name)[:80]!r}")

    def __str__(self) -> str:
        return str(self.args[0])


class WrongState(StudioError):
    """A job is not in a state in which it can be done what is asked, such as to cancel what is done."""


class StudioFull(StudioError):
    """More is asked of the studio than it takes: too many jobs wait, or its disk quota is used up."""


class LeaseLost(StudioError):
    """A job is another worker's by now, or was stopped, so that what this one has of it no longer counts."""


class UnknownName(RecipeError, KeyError):
    """A name that is not in a registry.

    Parameters
    ----------
    noun
        What the registry has, such as `objective`.
    names
        Those that it has.
    """

    def __init__(self, noun: str, name: str, names: Iterable[str]) -> None:
        names = list(names)
        super().__init__(
            f"there is no {noun} {name!r}{suggestion(name, names)}; there are {', '.join(names)}"
        )

    def __str__(self) -> str:
        return str(self.args[0])


class NameTaken(BatCountryError, ValueError):
    """A name is in a registry already."""


class ModelError(BatCountryError):
    """A model file is missing, damaged, hostile or of an unknown kind."""


class OtherWeights(ModelError):
    """A network's file is not the one that was asked for: its hash is another."""

    def __init__(self, path: object, digest: str, expected: str) -> None:
        super().__init__(
            f"{path} is another file than was asked for (its sha256 is {digest[:12]}…, not {expected[:12]}…); put that one there"
        )


class UnsupportedLayer(ModelError):
    """A network has layers of types that nothing is registered for."""


class LayerNotFound(ModelError, KeyError):
    """A layer name that the model does not have.

    It is a `KeyError` too, since programs of 2015 met one there.

    Parameters
    ----------
    known
        Names of all layers.
    where
        The model.
    at_depth
        Those at about the depth of that layer, if it is one of another network.
    """

    def __init__(self, name: str, known: Iterable[str], where: str, at_depth: Sequence[str] = ()) -> None:
        names = list(known)
        near = ", ".join(map(repr, at_depth))
        same = str(name).casefold() in (
            each.casefold() for each in names
        )  # then it is not of another network
        hint = f"; at about that depth it has {near}" if near and not same else suggestion(name, names)
        super().__init__(
            f"no layer {name!r} in {where}{hint} "
            "(`bat-country layers MODEL` lists them, as `Model.layers` does in Python)"
        )

    def __str__(self) -> str:
        return str(self.args[0])


class MissingExtra(BatCountryError):
    """An optional part was asked for whose library is not installed.

    Parameters
    ----------
    what
        Needs it.
    library
        Its name, as people know it.
    extra
        Of this package, which brings it.
    packages
        What pip installs it by; the library's name, if not given.
    """

    def __init__(self, what: str, library: str, extra: str, packages: str | None = None) -> None:
        super().__init__(
            f"{what} needs {library}; install it with: pip install {packages or library}, "
            f"or in a clone of bat-country: pip install '.[{extra}]'"
        )


def first_line(error: BaseException) -> str:
    """Return what somebody else's error says, in a form that fits into a sentence of ours."""
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__


def listed(things: Sequence[str], between: str = ", ", room: int = 170) -> str:
    """Return a list for a sentence, of as many things as there is room for, but at least one, and how many more there are."""
    shown: list[str] = []
    for thing in things:
        if shown and len(between.join([*shown, thing])) > room:
            break
        shown.append(thing)
    more = len(things) - len(shown)
    return between.join(shown) + (f" and {more} more" if more else "")


def raised_in(error: BaseException, *modules: str) -> bool:
    """Whether an error was raised by the code of modules, given by name, and not by what they call.

    For code of ours that others' code calls: what is wrong with theirs is said in a sentence, a bug of ours is not.
    """
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    return last is not None and last.tb_frame.f_globals.get("__name__") in modules


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return `"; did you mean …?"` with the up to three nearest of `known`, whatever the case, or an empty string."""
    names, typed = list(known), str(name).casefold()  # what stands in a program may be a number
    folded: dict[str, list[str]] = {}
    for each in names:
        folded.setdefault(each.casefold(), []).append(each)
    near_folded = get_close_matches(typed, folded, n=3, cutoff=0.4)
    likeness = [SequenceMatcher(None, each, typed).ratio() for each in near_folded]
    # Beside one that is nearly the same, others would only distract.
    near = [
        each
        for key, ratio in zip(near_folded, likeness, strict=True)
        if ratio > 0.7 * likeness[0]
        for each in folded[key]
    ][:3]
    near += [each for each in names if typed and typed in each.casefold() and each not in near][
        : 3 - len(near)
    ]
    return f"; did you mean {', '.join(repr(each) for each in near)}?" if near else ""
