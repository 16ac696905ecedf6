import numpy as np
import pytest
import torch

from batcountry.errors import RecipeError
from batcountry.optim.transforms import jitter, parse

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
