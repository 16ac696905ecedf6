"""Options in words, for help, docstrings and pages."""

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel

from batcountry.recipe.described import described, explained, title_of, with_fields, without_fields
from batcountry.recipe.fields import MEMORY, OCTAVES, PICTURE


class Inner(BaseModel):
    """A model inside another one."""


def toys():
    """Make a class of options, as one that is made while a test runs is described while it runs."""

    class Toys(BaseModel):
        """Toys."""

        seed: Annotated[int, OCTAVES("Of chance.", ge=0, lt=256)] = 7
        share: Annotated[float | None, OCTAVES("How much.", gt=0, lt=1, title="Part")] = None
        low: Annotated[float, OCTAVES("From where.", ge=0.5, flag="--from")] = 1.5
        high: Annotated[int, OCTAVES("To where.", le=9)] = 8
        above: Annotated[float, OCTAVES("Over what.", gt=2)] = 3.0
        clip: Annotated[bool, PICTURE("Whether to clip.")] = False
        old_way: Annotated[Literal["up", "down"], PICTURE("Where to.")] = "up"
        way: Annotated[Literal["up", "down"], PICTURE("Where to: up or down.")] = "up"
        kind: Annotated[str, MEMORY("What it is.", choices=lambda: ["a", "bc"])] = "a"
        name: Annotated[str | None, MEMORY("What it is called.", suggestions=("x", "y"))] = None
        inner: Annotated[Inner, MEMORY("A model.")] = Inner()
        numbers: Annotated[dict[str, int], MEMORY("By name.")] = {}
        plain: int = 3

    return Toys


def one(name):
    return next(each for each in described(toys()) if each.name == name)


def test_options_are_in_the_order_of_their_groups_each_as_it_was_declared():
    assert [each.name for each in described(toys())] == [
        *("clip", "old_way", "way"),
        *("seed", "share", "low", "high", "above"),
        *("kind", "name"),
    ]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("seed", "0 to 255"),
        ("share", "more than 0, less than 1"),
        ("low", "0.5 or more"),
        ("high", "up to 9"),
        ("above", "more than 2"),
        ("name", ""),
    ],
)
def test_a_range_is_said_in_words(name, words):
    assert one(name).range == words


@pytest.mark.parametrize(
    ("name", "kind"),
    [("seed", int), ("share", float), ("clip", bool), ("way", str), ("name", str), ("kind", str)],
)
def test_the_kind_is_that_of_the_values_besides_none(name, kind):
    assert one(name).kind is kind


def test_choices_and_suggestions_are_those_declared_or_of_the_type():
    assert (one("way").choices, one("kind").choices, one("name").choices) == (("up", "down"), ("a", "bc"), ())
    assert (one("name").suggestions, one("way").suggestions) == (("x", "y"), ())


def test_a_sentence_names_the_choices_where_the_description_does_not():
    assert one("old_way").sentence == "Where to. One of up, down."
    assert one("way").sentence == "Where to: up or down."
    assert one("seed").sentence == one("seed").description == "Of chance."


def test_a_title_and_an_option_come_of_the_name_where_none_is_given():
    assert title_of("old_way") == one("old_way").title == "Old way"
    assert (one("share").title, one("low").flag, one("old_way").flag) == ("Part", "--from", "--old-way")
    assert (one("old_way").default, one("old_way").facts.group) == ("up", "Picture")


def test_an_option_without_a_description_has_an_empty_one():
    class Bare(BaseModel):
        """Nothing."""

        it: Annotated[int, PICTURE(None)] = 3

    assert described(Bare)[0].description == ""


EXPLAINED = """\
Picture:
    clip : bool, default False
        Whether to clip.
    old_way : str, default 'up'
        Where to. One of up, down.
    way : str, default 'up'
        Where to: up or down.

Octaves:
    seed : int, 0 to 255, default 7
        Of chance.
    share : float or None, more than 0, less than 1, default None
        How much.
    low : float, 0.5 or more, default 1.5
        From where.
    high : int, up to 9, default 8
        To where.
    above : float, more than 2, default 3.0
        Over what.

Memory:
    kind : str, default 'a'
        What it is. One of a, bc.
    name : str or None, default None
        What it is called."""


def test_all_options_are_explained_group_by_group():
    assert explained(toys()) == EXPLAINED


def test_a_long_description_is_wrapped_at_a_hundred_characters_and_not_at_a_hyphen():
    word = "a-b-c-d-e-f"  # of 11 characters, so that seven of them and a space each make 84
    long = " ".join([word] * 20)

    class Long(BaseModel):
        """Long."""

        it: Annotated[int, PICTURE(long)] = 3

    lines = explained(Long).splitlines()[2:]
    assert lines == [" " * 8 + " ".join([word] * count) for count in (7, 7, 6)]


@pytest.mark.parametrize(("length", "lines"), [(86, 1), (87, 2)])
def test_a_line_has_a_hundred_characters_at_most(length, lines):
    class Long(BaseModel):
        """Long."""

        it: Annotated[int, PICTURE("w" * length + " last.")] = 3

    assert len(explained(Long).splitlines()[2:]) == lines


def test_a_docstring_ends_with_the_options_and_is_what_it_was_without_them():
    def play():
        """Play with toys.

        For long.
        """

    assert with_fields(toys())(play) is play
    assert play.__doc__ == f"Play with toys.\n\nFor long.\n\nFields of Toys\n--------------\n{EXPLAINED}"
    assert without_fields(play.__doc__) == "Play with toys.\n\nFor long."
    assert without_fields("Play.\n\nFor long.") == "Play.\n\nFor long."


def test_what_has_no_docstring_gets_one():
    def play():
        pass

    assert with_fields(toys())(play).__doc__.startswith("\n\nFields of Toys\n")
