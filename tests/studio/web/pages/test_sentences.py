"""Sentences that people commonly meet are said in their language: the server really says each as the catalogue has it."""

import re

import pytest

from batcountry.errors import NotFound
from batcountry.studio.web.pages.sentences import SENTENCES
from batcountry.studio.web.pages.words import LOCALES, page_words
from conftest import ROOT

SOURCES = [
    path.read_text(encoding="utf-8")
    for path in (ROOT / "src" / "batcountry").rglob("*.py")
    if path.name != "sentences.py"
]


def joined(source):
    """A module's text in which texts over several lines are one."""
    return re.sub(r'"\s*\n\s*f?"', "", source)


CODE = "\n".join(map(joined, SOURCES))


@pytest.mark.parametrize("sentence", SENTENCES)
def test_the_program_has_each_sentence_around_its_values(sentence):
    parts = [part.removeprefix("this file") for part in re.split(r"\{\w+\}", sentence)]
    assert [part for part in parts if part not in CODE] == []


def test_an_unknown_id_is_said_as_the_catalogue_has_it():
    assert re.fullmatch(r"there is no (.+?) (.+?)", str(NotFound("picture", "x")))


@pytest.mark.parametrize("language", sorted(path.name for path in LOCALES.iterdir() if path.is_dir()))
def test_pages_get_the_sentences_with_their_words(language):
    words = page_words(language)
    assert words[""] == list(SENTENCES)
    assert all(words[each] != each for each in SENTENCES)


def test_english_needs_none():
    assert page_words("en") == {}
