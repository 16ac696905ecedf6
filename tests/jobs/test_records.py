"""The JSON forms of specs and events: read back as they were, and refused in one sentence otherwise."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as some

from batcountry.errors import JobError, RecipeError
from batcountry.jobs import InputFile, JobSpec, OutputPlace, read_event
from batcountry.jobs.events import Count, Done, Failed, Message, Preview, Progress, Stopped
from batcountry.jobs.records import MAX_BYTES
from batcountry.jobs.spec import Machine
from batcountry.recipe import Recipe

text = some.text(max_size=30)
names = some.from_regex(r"[a-z][a-z0-9_-]{0,10}", fullmatch=True)
paths = some.text(min_size=1, max_size=40)
shares = some.floats(0, 1)
plain = some.recursive(
    some.none() | some.booleans() | some.integers(-(2**53), 2**53) | some.floats(-1e9, 1e9) | text,
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)
optional = some.none()

specs = some.builds(
    JobSpec,
    kind=names,
    recipe=some.dictionaries(text, plain, max_size=4),
    inputs=some.dictionaries(
        names, some.builds(InputFile, path=paths, name=optional | text, sha256=optional | text), max_size=3
    ),
    outputs=some.dictionaries(
        names, some.builds(OutputPlace, path=paths, overwrite=some.booleans()), max_size=3
    ),
    machine=some.builds(
        Machine, threads=optional | some.integers(1, 64), ceiling=optional | some.integers(1, 2**50)
    ),
    temporary=some.booleans(),
    facts=some.dictionaries(text, plain, max_size=3),
)
counts = some.builds(Count, what=text, at=some.integers(0, 999), of=optional | some.integers(0, 999))
steps = some.builds(
    Progress,
    where=some.lists(counts, max_size=3).map(tuple),
    subject=optional | text,
    size=optional | some.tuples(some.integers(1, 9999), some.integers(1, 9999)),
    score=optional | some.floats(-1e9, 1e9),
    done=shares,
    seconds_left=optional | some.floats(0, 1e6),
)
results = some.dictionaries(names, paths, max_size=3)
events = some.one_of(
    steps,
    some.builds(Preview, side=some.integers(1, 4096), data=some.binary(max_size=200)),
    some.builds(Message, level=some.sampled_from(["info", "warning", "error"]), text=text),
    some.builds(Stopped, at=optional | steps, outputs=results, folder=optional | paths),
    some.builds(Done, outputs=results, counts=some.dictionaries(text, some.integers(0, 99), max_size=3)),
    some.builds(Failed, text=text, error=text),
)


@given(specs)
def test_a_spec_is_read_back_as_it_was(spec):
    assert JobSpec.read(spec.model_dump_json()) == spec


@given(events)
def test_an_event_is_one_line_and_is_read_back_as_it_was(event):
    line = event.line()
    assert line.endswith("\n") and "\n" not in line[:-1]
    assert read_event(line) == event


def test_a_preview_is_base64_in_json():
    found = json.loads(Preview(side=9, data=b"\xff\x00").line())
    assert base64.b64decode(found["data"]) == b"\xff\x00"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("{", "the job is damaged: it is not JSON"),
        ("[1]", "the job is damaged: it is not a JSON object"),
        ("{}", "the job is not of format 1"),
        ('{"version": true, "kind": "dream"}', "the job is not of format 1"),
        ('{"version": 2, "kind": "dream"}', "of a newer version of bat-country"),
        ('{"version": 1}', "the job is damaged: kind"),
        ('{"version": 1, "kind": "dream", "more": 1}', "the job is damaged: more"),
        ('{"version": 1, "kind": "Dream!"}', "the job is damaged: kind"),
        ('{"version": 1, "kind": "dream", "inputs": {"../x": {"path": "a"}}}', "the job is damaged: inputs"),
        ("[" * 100_000, "the job is damaged: it is not JSON"),
        (" " * (MAX_BYTES + 1), "the job has more than 1,048,576 bytes"),
    ],
)
def test_what_is_no_spec_is_refused_in_one_sentence(data, said):
    with pytest.raises(JobError, match=said) as refused:
        JobSpec.read(data)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "line",
    [
        '{"version": 2, "event": "done"}',
        '{"version": 1, "event": "sung"}',
        '{"version": 1, "event": "progress", "done": 1.5}',
        '{"version": 1, "event": "progress", "done": 0.5, "score": NaN}',
        '{"version": 1, "event": "preview", "side": 5, "data": "%%%"}',
    ],
)
def test_what_is_no_event_is_refused_in_one_sentence(line):
    with pytest.raises(JobError, match="the event is") as refused:
        read_event(line)
    assert "\n" not in str(refused.value)


def test_the_recipe_of_a_spec_is_checked_by_its_kind():
    assert JobSpec(kind="dream", recipe={"octaves": 3}).recipe_of(Recipe).octaves == 3
    with pytest.raises(RecipeError, match="there is no option 'octave'; did you mean"):
        JobSpec(kind="dream", recipe={"octave": 3}).recipe_of(Recipe)


def test_where_a_job_is_reads_as_a_sentence():
    at = Progress(
        where=(Count(what="octave", at=1, of=2), Count(what="frame", at=7)), size=(53, 37), done=0.5
    )
    assert str(at) == "octave 1/2, frame 7, 53×37"


def test_a_spec_that_cannot_be_is_our_own_error_in_one_sentence():
    with pytest.raises(JobError, match=r"^kind cannot be 'A Dream': string") as caught:
        JobSpec(kind="A Dream")
    assert "\n" not in str(caught.value)
