import numpy as np
import pytest
import torch
from torch import nn

import batcountry
from batcountry.errors import RecipeError
from batcountry.optim.transforms import seen_size
from batcountry.optim.transforms.functions import own_transform

rng = np.random.RandomState(0)
pictures = torch.rand(2, 3, 8, 10)


def test_one_argument_is_the_pictures_and_a_second_that_is_needed_the_dice():
    def rolled(pictures, rng):
        return pictures.roll(int(rng.randint(1, 2, 1)[0]), -1)

    def brighter(pictures, by=2.0):
        return pictures * by

    assert torch.equal(own_transform(rolled)(pictures, rng), pictures.roll(1, -1))
    assert torch.equal(own_transform(brighter)(pictures, rng), pictures * 2)
    assert torch.equal(own_transform(torch.fliplr)(pictures, rng), pictures.flip(1))
    assert torch.equal(own_transform(nn.Identity())(pictures, rng), pictures)


def test_the_size_that_comes_out_is_found_without_contents_or_if_that_cannot_be_with():
    def by_contents(pictures):
        return pictures[..., : 4 + int(pictures.sum().item()), :]

    def with_three_colors(pictures):
        return pictures[..., 2:] * torch.tensor([1.0, 0.5, 2.0]).reshape(1, 3, 1, 1)

    def with_another_rng(pictures, rng):
        return pictures[..., int(rng.normal() > 99) :, 1:]

    assert seen_size([own_transform(by_contents)], (8, 10)) == (4, 10)
    assert seen_size([own_transform(with_three_colors)], (8, 10)) == (8, 8)
    assert seen_size([own_transform(with_another_rng)], (8, 10)) == (8, 9)


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (
            lambda pictures: pictures[0],
            r"makes a tensor of shape \(3, 8, 10\) of pictures of shape \(2, 3, 8, 10\)",
        ),
        (lambda pictures: pictures.mean(1, keepdim=True), "may only change height and width"),
        (lambda pictures: 3, "makes int"),
        (lambda pictures: pictures.detach().numpy(), "makes ndarray"),
        (lambda pictures: pictures.detach(), "no gradient leads through the transform"),
    ],
)
def test_what_is_no_transform_is_said(function, said):
    with pytest.raises(RecipeError, match=said):
        own_transform(function)(pictures.clone().requires_grad_(), rng)


class Cropped(nn.Module):
    """A module that takes any number of inputs, as those of torchvision.transforms.v2 do."""

    def forward(self, *inputs):
        (pictures,) = inputs
        return pictures[..., :32, :32]


def test_modules_such_as_torchvisions_are_such_functions(photo):
    dream = batcountry.dream(photo, transforms=[Cropped()], octaves=1, iterations=1)
    assert dream.recipe.transforms == f'python("{__name__}.Cropped")'


@pytest.mark.parametrize(
    ("channels", "make"), [(3, lambda each: each), (5, lambda each: each.of_channels(5))]
)
def test_the_size_is_tried_on_one_picture_without_contents_with_the_dice_that_are_given(channels, make):
    seen = []

    def shortened(pictures, rng):
        seen.append((pictures.is_meta, tuple(pictures.shape), rng))
        return pictures[..., 1:, :]

    sized = make(own_transform(shortened))(torch.empty(4, 7, 8, 10, device="meta"), rng)
    assert seen == [(True, (1, channels, 8, 10), rng)]
    assert sized.is_meta and sized.shape == (4, 7, 7, 10)


def test_where_it_is_tried_for_real_it_draws_what_it_drew_before():
    drawn = []

    def with_contents(pictures, rng):
        drawn.append((float(pictures.sum()), int(rng.randint(0, 1 << 30))))
        return pictures

    assert seen_size([own_transform(with_contents)], (8, 10)) == (8, 10)
    assert set(drawn) == {(0.0, np.random.RandomState(0).randint(0, 1 << 30))}


def test_a_module_that_needs_a_second_argument_is_given_the_dice():
    class Rolled(nn.Module):
        def forward(self, pictures, rng):
            return pictures.roll(int(rng.randint(1, 2, 1)[0]), -1)

    assert torch.equal(own_transform(Rolled())(pictures, rng), pictures.roll(1, -1))
