"""README.md and its translation: the same commands, pictures and links, so that neither falls behind."""

import re

import pytest

from conftest import ROOT

NAMES = ["README.md", "README.zh-CN.md"]
ENGLISH, CHINESE = ((ROOT / name).read_text("utf-8") for name in NAMES)
FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)


def code_lines(text):
    """The lines of all code blocks, without what is said beside them."""
    indented = re.findall(r"^    (.*)$", FENCE.sub("", text), re.MULTILINE)
    fenced = [line for block in FENCE.findall(text) for line in block.splitlines()]
    return [re.sub(r"\s+#\s.*$", "", line) for line in [*indented, *fenced]]


def small_code(text):
    """What is written as code within the text, however often, in any order."""
    return set(re.findall(r"`([^`\n]+)`", FENCE.sub("", text)))


def targets(text):
    return re.findall(r"\]\(([^)\s]+)\)", text)


def rows(text):
    return [line.count("|") for line in text.splitlines() if line.startswith("|")]


def test_both_have_the_same_commands_and_programs():
    assert code_lines(CHINESE) == code_lines(ENGLISH)
    assert len(code_lines(ENGLISH)) > 30


def test_a_command_that_only_one_has_is_noticed():
    assert code_lines(ENGLISH.replace("--seed 2`", "--seed 3`")) == code_lines(ENGLISH)
    assert small_code(ENGLISH.replace("--seed 2`", "--seed 3`")) != small_code(ENGLISH)
    assert code_lines(ENGLISH.replace("    make test ", "    make tests ")) != code_lines(ENGLISH)
    assert code_lines(ENGLISH.replace("seed=7", "seed=8")) != code_lines(ENGLISH)


def test_both_name_the_same_options_files_and_packages():
    assert small_code(CHINESE) == small_code(ENGLISH)


def test_both_lead_to_the_same_places_and_to_each_other():
    other = dict(zip(NAMES, reversed(NAMES), strict=True))
    assert other["README.md"] in targets(ENGLISH) and other["README.zh-CN.md"] in targets(CHINESE)
    assert sorted(set(targets(CHINESE)) - {*NAMES}) == sorted(set(targets(ENGLISH)) - {*NAMES})


def test_both_have_the_same_parts_and_pictures_and_say_as_much_in_their_tables():
    def parts(text):
        return re.findall(r"^#+ ", FENCE.sub("", text), re.MULTILINE)

    assert parts(CHINESE) == parts(ENGLISH)
    assert rows(CHINESE) == rows(ENGLISH)
    assert CHINESE.count("![") == ENGLISH.count("![")


def test_both_have_the_same_numbers():
    def numbers(text):
        return sorted(re.findall(r"\d+(?:\.\d+)?", text.replace("、", " ")))

    assert set(numbers(CHINESE)) == set(numbers(ENGLISH))


@pytest.mark.parametrize("name", NAMES)
def test_what_a_readme_links_to_is_there(name):
    for target in targets((ROOT / name).read_text("utf-8")):
        if "://" not in target:
            assert (ROOT / target.partition("#")[0]).exists(), target
