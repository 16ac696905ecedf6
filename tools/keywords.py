"""Write `src/batcountry/dreams/keywords.py`, the types of dreams' keywords, from the fields of the recipes.

Type checkers and editors read text and run nothing, so the fields have to stand there once more. `make keywords` runs this after
a field was added or changed; `tests/test_keywords.py` fails until it was.
"""

from __future__ import annotations

import textwrap
from collections.abc import Collection
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from batcountry.motion.keyframes import LEFT_OUT, CurveText, TimeText
from batcountry.motion.recipes import VideoRecipe, ZoomRecipe
from batcountry.recipe import Recipe
from batcountry.recipe.described import Described, described

TARGET = Path(__file__).parents[1] / "src" / "batcountry" / "dreams" / "keywords.py"

WIDER = {
    "model": "ModelLike",
    "guide": "PictureLike",
    "mask": "PictureLike",
    "objective": "str | Objective | Score",
    "transforms": "str | TransformLike | Sequence[str | TransformLike]",
    "optimizer": "str | MakeOptimizer",
    "param": "str | MakeParam",
}
"""What fields of `Recipe` may be as keywords, beside the text that a recipe has of them."""

PRESET = (
    "    preset: str | None\n"
    '    """Name of options that go well together, before the others; see `batcountry.recipe.presets`."""\n'
)

KEYS = (
    "    keys: Mapping[str, CurveLike | Mapping[int | str, Any]]\n"
    '    """Curves for fields of the dream, by name."""\n'
)

HEAD = '''"""Keywords of dreams and films with their types, for type checkers and editors.

Written by `make keywords` from the fields of `Recipe` and its like; change those, not this.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from typing import Any, Literal, TypedDict

from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from batcountry.dreams.functions import MakeOptimizer
from batcountry.image.picture import Picture
from batcountry.image.reading import FileLike
from batcountry.models import Model
from batcountry.objectives import Objective, Score
from batcountry.optim.param import MakeParam
from batcountry.optim.transforms import Transform

PictureLike = FileLike | Image.Image | NDArray[Any] | Tensor | Picture
"""What `batcountry.read_picture` makes a picture of."""

ModelLike = str | PathLike[str] | nn.Module | Model
"""A network: its name or path, a PyTorch module, or one that is open."""

CurveLike = float | str | Mapping[int, float] | Mapping[str, float]
"""A value over time: a number, a curve's text, or a mapping from frames to numbers."""

TransformLike = Transform | Callable[[Tensor], Tensor] | nn.Module
"""What happens to pictures before the network sees them; see `batcountry.optim.transforms.functions`."""
'''


def keywords() -> str:
    """Return the text of the module."""
    dream = _fields(Recipe)
    aims = ("objective", "layer", "guide")
    classes = [
        ("DreamOptions", "Keywords of `batcountry.dream`: the fields of `Recipe`.", PRESET + dream),
        (
            "VisualizeOptions",
            "Keywords of `batcountry.visualize`: those of a dream, less what its objectives stand for.",
            PRESET + _fields(Recipe, without=aims),
        ),
        (
            "ChannelOptions",
            "Keywords of pictures of a network's channels, for atlases and looks.",
            PRESET + _fields(Recipe, without=(*aims, "model", "size")),
        ),
        ("ZoomOptions", "Keywords of zooms: fields of `ZoomRecipe`, and of its dreams.", _film(ZoomRecipe)),
        (
            "VideoOptions",
            "Keywords of videos: fields of `VideoRecipe`, and of its dreams.",
            _film(VideoRecipe),
        ),
    ]
    body = (
        f'\n\nclass {name}(TypedDict, total=False):\n    """{said}"""\n\n{fields}'
        for name, said, fields in classes
    )
    return HEAD + "".join(body)


def _film(kind: type[BaseModel]) -> str:
    own = [each.name for each in described(kind)]
    return PRESET + KEYS + _fields(kind) + _fields(Recipe, without=(*LEFT_OUT, *own))


def _fields(kind: type[BaseModel], without: Collection[str] = ()) -> str:
    said = {each.name: each for each in described(kind) if each.name not in without}
    return "".join(
        f"    {name}: {_type(name, field)}\n{_docstring(said[name])}"
        for name, field in kind.model_fields.items()
        if name in said
    )


def _type(name: str, field: FieldInfo) -> str:
    for text, type_ in ((CurveText, "CurveLike"), (TimeText, "str | float | None")):
        if set(field.metadata) & set(text.__metadata__):
            return type_
    found = _spelt(field.annotation)
    if name not in WIDER:
        return found
    return WIDER[name] + (" | None" if found.endswith("None") else "")


def _spelt(annotation: Any) -> str:
    """Return an annotation as it is written."""
    if annotation is NoneType:
        return "None"
    if get_origin(annotation) is Annotated:
        return _spelt(get_args(annotation)[0])
    if get_origin(annotation) is Literal:
        return f"Literal[{', '.join(chr(34) + str(each) + chr(34) for each in get_args(annotation))}]"
    if get_args(annotation):
        return " | ".join(map(_spelt, get_args(annotation)))
    return str(annotation.__name__)


def _docstring(field: Described) -> str:
    text = field.sentence
    if field.default is not None and "default:" not in text:
        text = f"{text[:-1]} (default: {field.default})."
    lines = textwrap.wrap(text, 100)
    if len(lines) == 1:
        return f'    """{text}"""\n'
    return textwrap.indent('"""' + "\n".join(lines) + '\n"""\n', "    ")


if __name__ == "__main__":
    TARGET.write_text(keywords(), encoding="utf-8")
