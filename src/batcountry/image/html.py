"""What notebooks show of pictures: small HTML, with every text escaped."""

from __future__ import annotations

import base64
import io
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from batcountry.image.picture import Picture

LONGEST = 480
"""Longer side of previews, in pixels."""


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
