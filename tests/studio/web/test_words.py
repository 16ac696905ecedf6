"""One catalogue has every text, in each language, with the same places for values."""

from __future__ import annotations

import importlib.util
import re

import pytest

from batcountry.studio.web.words import LOCALES, catalogue, language_of, translated
from conftest import ROOT


def words_tool():
    spec = importlib.util.spec_from_file_location("words_tool", ROOT / "tools" / "words.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("language", sorted(path.name for path in LOCALES.iterdir() if path.is_dir()))
def test_every_text_is_translated_and_no_translation_is_left_over(language):
    tool = words_tool()
    path = LOCALES / language / "studio.po"
    assert tool.untranslated(tool.updated(path)) == []
    said = {text if isinstance(text, str) else text[0] for text in tool.texts()}
    assert set(catalogue(language)) == said


@pytest.mark.parametrize("language", sorted(path.name for path in LOCALES.iterdir() if path.is_dir()))
def test_values_stand_in_every_translation(language):
    for text, found in catalogue(language).items():
        for each in [found] if isinstance(found, str) else found:
            assert set(re.findall(r"\{\w+\}", each)) == set(re.findall(r"\{\w+\}", text)), text


@pytest.mark.parametrize(
    ("asked", "chosen", "accepted", "language"),
    [
        (None, None, "", "en"),
        (None, None, "zh-TW,zh;q=0.8,en;q=0.5", "zh"),
        (None, None, "en;q=0.4, zh;q=0.9", "zh"),
        (None, None, "zh;q=0, en", "en"),
        (None, None, "fr, de;q=0.7", "en"),
        (None, "zh", "en", "zh"),
        ("en", "zh", "zh", "en"),
        ("xx", "yy", "zh;q=nonsense, *", "en"),
        (None, None, "," * 100_000, "en"),
    ],
)
def test_the_language_is_what_is_asked_for_then_chosen_then_the_browser_s(asked, chosen, accepted, language):
    assert language_of(asked, chosen, accepted) == language


def test_a_text_that_no_catalogue_has_stays_as_it_is():
    assert translated("zh", "Nobody says this.") == "Nobody says this."
    assert translated("en", "{n} s left", n=3) == "3 s left"
    assert translated("zh", "{n} s left", n=3) == "还剩 3 秒"
