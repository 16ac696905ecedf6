"""The loop of octaves and iterations, with steps that only count."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from batcountry.dreams import octaves
from batcountry.dreams.checkpoint import Checkpoint
from batcountry.dreams.loop import climb
from batcountry.dreams.steps import Step, stopped_at
from batcountry.image.reading import read_picture
from batcountry.image.resample import enlarged, resize
from batcountry.recipe import Note, Recipe
from batcountry.recipe.stopped import StoppedAt

SIZES = [(5, 7), (11, 13)]
BASE = torch.from_numpy(np.random.RandomState(0).uniform(0, 255, (2, 3, 11, 13)).astype(np.float32))


def advancing(**parts):
    """What makes an octave's steps, with nothing to look at and nothing to let go of."""
    return SimpleNamespace(**{"terms": dict, "look": lambda: None, "close": lambda: None, **parts})


def brighter(begun):
    """Begin octaves whose steps add 1, 2, 3 … to the picture; what each begins with is put into a list."""

    def begin(image, start):
        begun.append((image, start))
        found, count = image, 0

        def advance():
            nonlocal found, count
            count += 1
            found = found + count
            return found, 10.0 * count

        return advancing(step=advance)

    return begin


def test_steps_say_how_far_they_are_counted_in_pixels():
    steps = list(climb(BASE, SIZES, 3, brighter([])))
    assert [(s.octave, s.iteration, s.octaves, s.iterations, s.size, s.score, s.last) for s in steps] == [
        (0, 0, 2, 3, (5, 7), 10.0, False),
        (0, 1, 2, 3, (5, 7), 20.0, False),
        (0, 2, 2, 3, (5, 7), 30.0, False),
        (1, 0, 2, 3, (11, 13), 10.0, False),
        (1, 1, 2, 3, (11, 13), 20.0, False),
        (1, 2, 2, 3, (11, 13), 30.0, True),
    ]
    work = 35 + 143
    wanted = [35 / 3, 70 / 3, 35, 35 + 143 / 3, 35 + 286 / 3, work]
    assert [s.done for s in steps] == pytest.approx([each / work for each in wanted])
    assert steps[-1].done == 1


def test_what_was_dreamed_in_one_octave_is_added_to_the_picture_of_the_next():
    begun = []
    steps = list(climb(BASE, SIZES, 2, brighter(begun)))
    small = resize(BASE, (5, 7))
    (first, first_start), (second, second_start) = begun
    assert torch.equal(first, small) and torch.equal(first_start, small)
    torch.testing.assert_close(second, BASE + 3)  # 1 and 2 were added everywhere
    assert torch.equal(second_start, BASE)
    torch.testing.assert_close(steps[-1].image, BASE + 6)


@pytest.mark.parametrize("inference", [False, True])
def test_what_was_stored_is_taken_up_as_tensors_that_can_have_gradients(inference):
    taken, small = [], octaves.pyramid(BASE, SIZES)[0]

    def begin(image, start):
        advancing = brighter([])(image, start)
        advancing.load = lambda state: taken.append((state, torch.is_inference_mode_enabled()))
        return advancing

    stored = Checkpoint((0, 1), 70.0, small + 9, None, {"a": torch.ones(2)})
    with torch.inference_mode(inference):
        step = next(climb(BASE, SIZES, 3, begin, checkpoint=stored))
    assert taken == [(stored.climb, False)]
    assert (step.octave, step.iteration, step.score) == (0, 1, 70.0)
    assert torch.equal(step.image, small + 9)


@pytest.mark.parametrize("wrap", [(False, False), (True, True)])
def test_an_earlier_dream_is_added_before_the_first_step_resized_as_octaves_are(wrap):
    begun = []
    detail = BASE[:1] * 0.1
    list(climb(BASE, SIZES, 1, brighter(begun), wrap=wrap, detail=detail))
    small = octaves.pyramid(BASE, SIZES, wrap)[0]
    assert torch.equal(begun[0][0], small + resize(detail, (5, 7), wrap))
    assert torch.equal(begun[0][1], small)


def test_the_whole_picture_is_carried_where_that_is_asked_for():
    begun = []
    steps = list(climb(BASE, SIZES, 1, brighter(begun), carry=octaves.OCTAVE_TRANSFERS["picture"]))
    assert torch.equal(begun[0][0], enlarged(BASE, (5, 7)))
    assert torch.equal(begun[1][0], enlarged(steps[0].image, (11, 13)))
    assert torch.equal(begun[1][1], BASE)


def test_pictures_of_a_step_are_made_by_what_was_given_for_it_or_are_its_pixels():
    asked = []

    def opened(image, index):
        asked.append((tuple(image.shape), index))
        return f"picture {index}"

    step = next(climb(BASE, SIZES[1:], 1, brighter([]), opened))
    assert step.pictures() == ["picture 0", "picture 1"]
    assert step.pictures(1) == ["picture 0"] and step.picture() == "picture 0"
    assert asked == [((1, 3, 11, 13), index) for index in (0, 1, 0, 0)]
    plain = next(climb(BASE * 0.5, SIZES[1:], 1, brighter([])))
    pictures = plain.pictures()
    assert [each.size for each in pictures] == [(13, 11)] * 2
    wanted = (BASE[1] * 0.5 + 1).permute(1, 2, 0).numpy()
    np.testing.assert_allclose(pictures[1].pixels, wanted, rtol=1e-6)


def test_a_step_is_of_the_first_picture_where_nothing_else_is_said():
    assert Step(0, 0, 1, 1, (5, 7), 0.0, 1.0, BASE).indices == (0,)


def test_a_stopped_dreams_note_says_how_far_it_came_counted_from_1():
    note = Note(version="1", recipe=Recipe(), input=None, input_sha256="", weights_sha256="")
    picture = read_picture(np.zeros((5, 7, 3), np.uint8)).with_note(note.model_dump_json())
    step = next(climb(BASE, SIZES, 3, brighter([]), lambda *_: picture))
    for stopped in step.stopped():
        assert json.loads(stopped.note)["stopped"] == {
            "octave": 1, "octaves": 2, "iteration": 1, "iterations": 3,
        }  # fmt: skip
    assert len(step.stopped()) == 2
    assert "stopped" not in json.loads(picture.note)
    assert str(Note.read(step.stopped()[0].note).stopped) == "octave 1/2, iteration 1/3"


def test_a_picture_without_a_note_gets_none_when_its_dream_is_stopped():
    picture = read_picture(np.zeros((5, 7, 3), np.uint8))
    at = StoppedAt(octave=1, octaves=2, iteration=3, iterations=4)
    assert stopped_at(picture, at) is picture
