"""What notebooks show of pictures, steps and recipes: small HTML, with every text escaped."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from batcountry.dreams.loop import Progress, Step
    from batcountry.image.picture import Picture
    from batcountry.recipe import Recipe

LONGEST = 480
"""Longer side of previews, in pixels."""


def where(step: Progress) -> str:
    """Say where a dream is: octave, iteration and size."""
    height, width = step.size
    return (
        f"octave {step.octave + 1}/{step.octaves}, "
        f"iteration {step.iteration + 1}/{step.iterations}, {width}×{height}"
    )


def figure(picture: Picture, caption: str, *, longest: int = LONGEST) -> str:
    """Return HTML of a picture, shrunk to at most `longest` pixels, with a line of text below."""
    small = picture.fitted(longest)
    kind = "JPEG" if picture.alpha is None else "PNG"
    out = io.BytesIO()
    small.image().save(out, kind, quality=88)
    data = base64.b64encode(out.getvalue()).decode()
    width, height = small.size
    return (
        '<figure style="display: inline-block; margin: 0 8px 8px 0">'
        f'<img src="data:image/{kind.lower()};base64,{data}" width="{width}" height="{height}" '
        f'alt="{escape(caption)}"><figcaption>{escape(caption)}</figcaption></figure>'
    )


def step_figure(step: Step, *, longest: int = LONGEST) -> str:
    """Return HTML of a step: its picture, where the dream is, the score and the share that is done."""
    caption = f"{where(step)}, score {step.score:.4g}, {100 * step.done:.0f} %"
    return figure(step.picture(), caption, longest=longest)


def recipe_table(recipe: Recipe) -> str:
    """Return HTML of a recipe: what differs from the defaults, and all of it to unfold."""
    values = recipe.model_dump()
    fields = type(recipe).model_fields
    own = {name: value for name, value in values.items() if value != fields[name].default}
    rest = {name: value for name, value in values.items() if name not in own}
    shown = _table(own) if own else "<p>all defaults</p>"
    return f"{shown}<details><summary>the defaults that it keeps</summary>{_table(rest)}</details>"


def _table(values: Mapping[str, object]) -> str:
    rows = (
        f"<tr><th>{escape(name)}</th><td>{'' if value is None else escape(str(value))}</td></tr>"
        for name, value in values.items()
    )
    return f"<table>{''.join(rows)}</table>"
