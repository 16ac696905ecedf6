"""Masks weigh places; a recipe's mask holds pixels still."""

import numpy as np
import pytest
import torch
from PIL import Image

import batcountry
from batcountry.errors import RecipeError
from batcountry.models import open_model
from batcountry.objectives import START, channel, layer, mean, objective, parse, region
from batcountry.optim.aux_inputs import Pictures
from batcountry.optim.gradient import tiled_gradient, whole_gradient
from conftest import two_sums

quick = {"octaves": 3, "iterations": 2}


def half(height=37, width=53):
    mask = np.zeros((height, width, 3), np.uint8)
    mask[:, width // 2 :] = 255
    return mask


def scored(model, wanted, image):
    aux_inputs = Pictures(wanted).at(image)
    return whole_gradient(model, wanted)(image, aux_inputs)


def test_a_place_counts_as_much_as_the_mask_is_bright(two_channels):
    image = torch.rand(1, 3, 37, 53) * 255
    soft = np.random.RandomState(1).randint(0, 256, (37, 53, 1)).astype(np.uint8).repeat(3, 2)
    score, _ = scored(two_channels, region(soft, channel("sum", 1)), image)
    assert score == pytest.approx((two_sums(image)[0, 1] * soft[..., 0] / 255).mean(), rel=1e-4)


def test_nothing_of_the_gradient_is_where_no_unit_that_counts_sees(two_channels):
    _, gradient = scored(two_channels, region(half(), layer("sum")), torch.rand(1, 3, 37, 53) * 255)
    assert not gradient[..., :26].any()
    assert gradient[..., 26:].all()


def test_regions_with_an_objective_each_add_up(two_channels):
    image = torch.rand(1, 3, 37, 53) * 255
    left, right = region(255 - half(), channel("sum", 0)), region(half(), layer("sum"))
    both = scored(two_channels, left - 2 * right, image)[1]
    apart = scored(two_channels, left, image)[1] - 2 * scored(two_channels, right, image)[1]
    torch.testing.assert_close(both, apart)


@pytest.mark.parametrize("side", [32, 48])
def test_a_region_in_tiles_is_the_regions_whole_gradient(side):
    model = open_model()
    mask = np.random.RandomState(0).randint(0, 256, (131, 173, 3)).astype(np.uint8)
    wanted = region(mask, layer("blocks.5") + channel("blocks.2", 3))
    image = torch.rand(1, 3, 131, 173) * 255
    aux_inputs = Pictures(wanted).at(image)
    score, whole = whole_gradient(model, wanted)(image, aux_inputs)
    tiled_score, tiled = tiled_gradient(model, wanted, side)(image, aux_inputs)
    assert float(tiled_score) == pytest.approx(float(score), rel=1e-4)
    assert float((tiled - whole).norm() / whole.norm()) < 1e-3


def test_a_region_is_read_back_from_its_text(tmp_path):
    wanted = region(tmp_path / "mask.png", 2 * layer("stem") - channel("stem", 1))
    assert parse(str(wanted)) == wanted


def test_a_mask_that_was_no_file_cannot_be_read_back(two_channels):
    with pytest.raises(RecipeError, match="not a file"):
        parse(str(region(half(), layer("sum")))).bind(two_channels)


def test_what_has_no_places_cannot_be_weighed():
    total = objective("total", (), ("sum",), lambda _: lambda found: found["sum"].sum())
    with pytest.raises(RecipeError, match=r"total\(\) is not a mean over places"):
        region(half(), total)


def test_a_mean_gives_each_the_same_share():
    assert str(mean([layer("a"), layer("b")])) == '0.5*layer("a") + 0.5*layer("b")'
    assert parse('mean([layer("a"), 3*layer("b")])') == 0.5 * layer("a") + 1.5 * layer("b")
    with pytest.raises(RecipeError, match="at least one"):
        mean([])


def test_outside_a_recipes_mask_every_pixel_stays(photo, tmp_path):
    Image.fromarray(half()).save(tmp_path / "mask.png")
    for mask in (half(), tmp_path / "mask.png"):
        dream = batcountry.dream(photo, mask=mask, **quick)
        assert np.array_equal(dream.array()[:, :26], photo[:, :26])
        assert np.abs(dream.array()[:, 26:].astype(int) - photo[:, 26:]).mean() > 1
    assert '"mask":"' + str(tmp_path / "mask.png") in dream.note.replace('": "', '":"')


def test_an_objective_may_read_the_picture_that_the_dream_began_with(photo, two_channels):
    """With the start beside it, moved as the picture is, the way back is found under any jitter."""
    back = objective(
        "back",
        (),
        ("sum",),
        lambda model: (
            lambda found: -((found["sum"] - model.activations(found[START], ["sum"])["sum"]).square().mean(1))
        ),
        local=True,
        aux_inputs={START: None},
    )
    options = {"model": two_channels, "param": "pixels", "octaves": 1, "iterations": 1}
    steps = list(batcountry.dreaming(photo, objective=back, **options))
    assert steps[0].score == 0
    assert torch.equal(steps[0].image, torch.from_numpy(photo.astype(np.float32)).permute(2, 0, 1)[None])


def test_terms_of_the_image_are_added_to_the_gradient(photo, two_channels):
    darker = objective("darker", (), (), lambda _: lambda found: -found["@image"].mean(1))
    wanted = layer("sum") + 1e6 * darker
    options = {"model": two_channels, "param": "pixels", "octaves": 1, "iterations": 1}
    step = next(batcountry.dreaming(photo, objective=wanted, **options))
    assert (step.image <= torch.from_numpy(photo).permute(2, 0, 1)).all()


def test_an_objective_of_the_image_alone_is_refused(photo, two_channels):
    darker = objective("darker", (), (), lambda _: lambda found: -found["@image"].mean(1))
    with pytest.raises(RecipeError, match="reads no layer"):
        batcountry.dream(photo, model=two_channels, objective=darker)


def test_masks_of_other_parametrizations_are_refused(photo, registered):
    from batcountry.optim import param

    registered(param.PARAMS, "other", param.Pixels)
    with pytest.raises(RecipeError, match="a mask holds pixels still"):
        batcountry.dream(photo, param="other", mask=half())
