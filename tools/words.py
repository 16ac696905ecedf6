"""Bring the studio's catalogues up to date: every text of its pages, and of the recipe's schema that they show.

    python tools/words.py            # writes src/batcountry/studio/web/pages/locales/*/studio.po again
    python tools/words.py --check    # says what is not translated; exit status 1 if there is something

What is translated stays; what no page says any more goes.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po, write_po

from batcountry.motion.recipes import VideoRecipe, ZoomRecipe
from batcountry.recipe import Recipe
from batcountry.recipe.fields import GROUPS
from batcountry.studio.web.looks import LOOKS
from batcountry.studio.web.pages import PAGES
from batcountry.studio.web.pages.sentences import SENTENCES
from batcountry.studio.web.pages.words import LOCALES

PAGES_FOLDER = LOCALES.parent
BEGUN = datetime(2026, 11, 27, tzinfo=timezone.utc)
KEYWORDS: dict[str, tuple[int, ...] | None] = {"_": None, "N_": None, "ngettext": (1, 2)}


def said_by_pages() -> Iterator[tuple[str | tuple[str, ...], str]]:
    """Yield each text of the pages with the file that says it."""
    for path in sorted([*PAGES_FOLDER.glob("templates/*.html"), *PAGES_FOLDER.glob("static/js/**/*.js")]):
        script = path.suffix == ".js"
        method = "javascript" if script else "jinja2.ext:babel_extract"
        options = {"parse_template_string": True} if script else {"silent": "false"}
        for _, message, _, _ in extract_from_file(method, path, KEYWORDS, options=options):
            yield message, path.relative_to(PAGES_FOLDER).as_posix()
    templates = "".join(path.read_text(encoding="utf-8") for path in PAGES_FOLDER.glob("templates/*.html"))
    for label in re.findall(r'\("\w*", "([^"]+)"\)', templates):
        yield label, "templates"
    for _, title in PAGES.values():
        yield title, "pages"
    yield from ((look.title, "looks") for look in LOOKS.values())
    yield from ((sentence, "sentences") for sentence in SENTENCES)


def said_by_recipes() -> Iterator[tuple[str, str]]:
    """Yield the titles, descriptions, groups and choices of the fields that pages make their forms of."""
    yield from ((group, "recipe") for group in GROUPS)
    for recipe in (Recipe, ZoomRecipe, VideoRecipe):
        for name, field in recipe.model_json_schema()["properties"].items():
            if name in ("dream", "kind", "weights", "keys"):
                continue
            for text in (
                field.get("title"),
                field.get("description"),
                field.get("group"),
                *field.get("enum", ()),
            ):
                if isinstance(text, str):
                    yield text, f"recipe/{name}"


def texts() -> dict[str | tuple[str, ...], list[str]]:
    """Return every text with the places that say it."""
    found: dict[str | tuple[str, ...], list[str]] = {}
    for message, place in [*said_by_pages(), *said_by_recipes()]:
        places = found.setdefault(message, [])
        if place not in places:
            places.append(place)
    return found


def updated(path: Path) -> Catalog:
    """Return a language's catalogue with the texts of today, and the translations that it has."""
    language = path.parent.name
    known = {}
    if path.is_file():
        with path.open("rb") as file:
            old = read_po(file, locale=language)
        known = {message.id: message.string for message in old if message.id}
    catalog = Catalog(
        locale=language,
        project="bat-country",
        fuzzy=False,
        charset="utf-8",
        header_comment="# The words of bat-country's studio; python tools/words.py brings it up to date.",
        version="1",
        msgid_bugs_address="",
        last_translator="",
        language_team="",
        creation_date=BEGUN,
        revision_date=BEGUN,
    )
    for message, places in texts().items():
        catalog.add(message, known.get(message), locations=[(place, None) for place in places])
    return catalog


def untranslated(catalog: Catalog) -> list[str]:
    """Return the texts of a catalogue that are not translated."""
    return [str(message.id) for message in catalog if message.id and not _is_whole(message.string)]


def _is_whole(string: object) -> bool:
    return bool(string) and all(string) if isinstance(string, (tuple, list)) else bool(string)


def main() -> int:
    """Write the catalogues, or check them."""
    missing = []
    for path in sorted(LOCALES.glob("*/studio.po")):
        catalog = updated(path)
        missing += [f"{path.parent.name}: {text}" for text in untranslated(catalog)]
        if "--check" not in sys.argv:
            with path.open("wb") as file:
                write_po(file, catalog, width=110, include_lineno=False, omit_header=False, sort_output=False)
    print("\n".join(missing) or "all is translated")
    return 1 if missing and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
