"""The studio's words in the languages it speaks: one catalogue, for templates and for JavaScript.

English is the source; another language is a `.po` file, `locales/LANGUAGE/studio.po`, read once when it is first asked for.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from babel.core import negotiate_locale
from babel.messages.pofile import read_po
from markupsafe import Markup

from batcountry.studio.web.pages.sentences import SENTENCES

LOCALES = Path(__file__).parent / "locales"

LANGUAGES = {"en": "English", "zh": "中文"}
"""The languages by their codes, each named in itself."""


def language_of(asked: str | None, chosen: str | None, accepted: str) -> str:
    """Return the language for a reader, a key of `LANGUAGES`.

    Parameters
    ----------
    asked
        What the address asks for (`?lang=zh`), which goes first.
    chosen
        What the reader chose earlier (a cookie).
    accepted
        The browser's `Accept-Language` header, best first, with or without weights.
    """
    for code in (asked, chosen):
        if code in LANGUAGES:
            return code
    weighted = []
    for place, item in enumerate(accepted[:500].split(",")):
        tag, _, weight = item.strip().partition(";q=")
        try:
            weighted.append((-float(weight or 1), place, tag.split("-")[0].lower()))
        except ValueError:
            continue
    wanted = [tag for weight, _, tag in sorted(weighted) if weight < 0]
    return negotiate_locale(wanted, list(LANGUAGES)) or "en"


@lru_cache(maxsize=len(LANGUAGES))
def catalogue(language: str) -> dict[str, Any]:
    """Return a language's texts by their English ones: a text, or a list of texts where number matters.

    English itself has none: what is not there is shown as it is.
    """
    path = LOCALES / language / "studio.po"
    if not path.is_file():
        return {}
    with path.open("rb") as file:
        messages = read_po(file, locale=language)
    texts: dict[str, Any] = {}
    for message in messages:
        if message.id and message.string:
            key = message.id if isinstance(message.id, str) else message.id[0]
            texts[key] = message.string if isinstance(message.string, str) else list(message.string)
    return texts


def translated(language: str, text: str, **values: object) -> str:
    """Return a text in a language, with `{name}` replaced by values; in markup, values are escaped."""
    found = catalogue(language).get(text, text)
    if not isinstance(found, str):
        found = found[-1]
    if not values:
        return found
    return Markup(found).format(**values) if isinstance(text, Markup) else found.format(**values)


def page_words(language: str) -> dict[str, Any]:
    """Return a language's texts for pages, with the server's sentences, which are found by their form, as the list `""`."""
    texts = catalogue(language)
    return {**texts, "": list(SENTENCES)} if texts else {}
