import numpy as np
import pytest
import torch

from batcountry.errors import RecipeError
from batcountry.optim.transforms import crop, jitter, parse, seen_size

pictures = torch.rand(2, 5, 37, 53)


def test_jitter_rolls_all_channels_alike():
    moved = jitter(9)(pictures, np.random.RandomState(3))
    ox, oy = np.random.RandomState(3).randint(-9, 10, 2)
    assert torch.equal(moved, torch.roll(pictures, (int(oy), int(ox)), (-2, -1)))


def test_transforms_are_read_in_order():
    first, second = parse("jitter(4), jitter(largest=2)")
    rng, same = np.random.RandomState(0), np.random.RandomState(0)
    found = second(first(pictures, rng), rng)
    assert torch.equal(found, jitter(2)(jitter(4)(pictures, same), same))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("jiter(4)", "did you mean 'jitter'"),
        ("jitter(1.5)", "largest of jitter must be a whole number, not 1.5"),
        ("jitter(-1)", "character 1 .*0 or more"),
        ("jitter(1), 3", "calls with commas"),
        ("jitter(", "not a transform"),
        ("jitter(1) + jitter(2)", "expected a transform such as jitter"),
    ],
)
def test_what_is_no_transform_is_refused(text, said):
    with pytest.raises(RecipeError, match=said):
        parse(text)


def test_a_single_transform_is_a_list_of_one():
    (only,) = parse(" jitter(4) ")
    moved = only(pictures, np.random.RandomState(3))
    assert torch.equal(moved, jitter(4)(pictures, np.random.RandomState(3)))


def test_the_place_of_python_code_cannot_be_read():
    with pytest.raises(RecipeError, match=r'the transforms jitter\(1\), python\("a.b"\) was Python code'):
        parse('jitter(1), python("a.b")')


def test_the_size_is_tried_with_the_lowest_and_the_highest_number_of_the_dice():
    def shortened(pictures, rng):
        return pictures[..., : int(rng.randint(2, 6, 1)[0]), :]

    assert seen_size([shortened], (9, 14)) == (5, 14)
    assert seen_size([shortened, crop(2)], (9, 14)) == (2, 2)
    with pytest.raises(RecipeError, match="crop"):  # as it may be 2 rows
        seen_size([shortened, crop(3)], (9, 14))
