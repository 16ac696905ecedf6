"""Texts that recipes have: objectives, transforms, starts, curves, sizes and amounts."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from batcountry.errors import RecipeError
from batcountry.image.initial import parse as parse_start
from batcountry.motion.keyframes import checked_key
from batcountry.objectives.parse import OBJECTIVES
from batcountry.objectives.parse import parse as parse_objective
from batcountry.optim.transforms import TRANSFORMS, seen_size
from batcountry.optim.transforms import parse as parse_transforms
from batcountry.recipe import Recipe
from batcountry.recipe.json_text import read_json
from batcountry.recipe.units import parsed_bytes, seconds_of, size_of
from fuzz.target import Target

OBJECTIVE = [
    *(
        f"{name}("
        for name in (
            "layer",
            "channel",
            "neuron",
            "logit",
            "direction",
            "guide",
            "style",
            "growing",
            "mean",
            "tv",
            "each",
        )
    ),
    *(
        'layer("a")',
        'channel("a", 3)',
        "tv()",
        '"a"',
        "region(",
        "recolor(",
        "pnorm(6)",
        "for_picture(1, ",
        "amplify(",
    ),
]
TRANSFORM = [
    "jitter(8)",
    "pad(4)",
    "scale(0.9, 1.1)",
    "scale([1, 0.9])",
    "rotate(10)",
    "flip(",
    "blur(1)",
    "noise(2)",
    "crop(8)",
]
START = ["sky", "noise(", "pink(1)", "gray(", "scale=", "blur=2", "sky()"]
CURVE = [
    "0: 1.02",
    "100: 1.1 smooth",
    "5s: 2",
    "hold",
    "0s:",
    "layer",
    ":",
    "::",
    "linear",
    "1e9",
    "0: blocks.3",
]
AMOUNT = ["600x800", "x0.5", "×2", "2GB", "800 MB", "1.5GiB", "1:30", "1:02:03.5", "12.5", "input", "none"]
JSON = ['{"a": 1}', '"a":', "[1,", "NaN", "1e400", "\\ud800", "}", "{", '"seed": 7', "null", "Infinity", "{}"]
COMMON = [
    *(
        "-",
        "+",
        "*",
        "/",
        "**",
        "@",
        "%",
        "<<",
        "~",
        "not ",
        "(",
        ")",
        "[",
        "]",
        ",",
        ", ",
        " ",
        "=",
        ":",
        ".",
        "'",
        '"',
        "\n",
        "\x00",
    ),
    *(
        "0",
        "1",
        "-1",
        "1e999",
        "1e308",
        "9" * 40,
        "0x10",
        "1j",
        "True",
        "None",
        "x",
        "é",
        "\u202e",
        "\udcff",
        "#",
        ";",
        "lambda: 0",
    ),
    *(
        "((((" * 60,
        "[" * 90,
        "-" * 300,
        "a" * 900,
        '"' * 90,
        "f''",
        "...",
        "{}",
        "*a",
        "**{}",
        " if 1 else ",
        ":=",
        "python(",
        "٣",
    ),
]


def _maker(words: list[str]) -> Callable[[random.Random, Path], Path]:
    def make(draw: random.Random, folder: Path) -> Path:
        path = folder / "text"
        pieces = [draw.choice(words if draw.random() < 0.6 else COMMON) for _ in range(draw.randint(1, 9))]
        text = "".join(pieces)
        closed = text + ")" * (text.count("(") - text.count(")")) if draw.random() < 0.6 else text
        path.write_text(closed, encoding="utf-8", errors="surrogatepass")
        return path

    return make


def _reader(*uses: Callable[[str], object]) -> Callable[[Path], None]:
    def read(path: Path) -> None:
        """Read a text in each way; one that is refused is refused by an error of ours."""
        text = path.read_text(encoding="utf-8", errors="surrogatepass")
        ends = []
        for use in uses:
            with suppress(RecipeError):
                ends.append(use(text))
        if not ends:
            raise RecipeError("no way to read it")

    return read


def _checked(check: Callable[[str], object]) -> Callable[[str], object]:
    """Take the `ValueError` that pydantic's validators raise for ours."""

    def use(text: str) -> object:
        try:
            return check(text)
        except ValueError as error:
            raise RecipeError(str(error)) from None

    return use


def _option(name: str) -> Callable[[str], object]:
    return lambda text: Recipe.of({name: text})


_NAMES = ("step_size", "iterations", "layer", "objective", "transforms")
_CURVES = [_checked(lambda text, name=name: checked_key(name, text)) for name in _NAMES]  # type: ignore[misc]
_SIZES = [_checked(lambda text: size_of(text, (64, 48))), _checked(parsed_bytes), seconds_of]
_FIELDS = [
    _option(name) for name in ("canvas", "windows", "initial_size", "max_memory", "mean", "channels", "seed")
]

TARGETS = [
    Target("text objective", _maker([*OBJECTIVE, *OBJECTIVES]), _reader(parse_objective), 0.5),
    Target(
        "text transforms",
        _maker([*TRANSFORM, *TRANSFORMS]),
        _reader(lambda text: seen_size(parse_transforms(text), (64, 48))),
        0.5,
    ),
    Target("text start", _maker(START), _reader(lambda text: parse_start(text)(8, 9, 0)), 0.3),
    Target("text curve", _maker(CURVE), _reader(*_CURVES), 0.3),
    Target("text amount", _maker(AMOUNT), _reader(*_SIZES, *_FIELDS), 0.5),
    Target("text JSON", _maker(JSON), _reader(_checked(read_json), Recipe.read), 0.5),
]
