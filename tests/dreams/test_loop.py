import logging

import numpy as np
import pytest
import torch
from PIL import Image

import batcountry
from batcountry.errors import LayerNotFound, RecipeError
from batcountry.objectives import channel
from batcountry.recipe import Note

quick = {"octaves": 2, "iterations": 2}


def test_a_dream_keeps_the_pictures_size_and_changes_it(photo):
    dream = batcountry.dream(photo, **quick)
    assert dream.size == (53, 37)
    assert np.abs(dream.pixels - photo).mean() > 1


def test_steps_come_in_order_and_the_last_is_the_dream(photo):
    steps = list(batcountry.dreaming(photo, seed=5, **quick))
    assert [(s.octave, s.iteration) for s in steps] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert [s.size for s in steps] == [(26, 38), (26, 38), (37, 53), (37, 53)]
    assert [s.last for s in steps] == [False, False, False, True]
    assert steps[-1].done == pytest.approx(1)
    assert np.array_equal(steps[-1].picture().pixels, batcountry.dream(photo, seed=5, **quick).pixels)


def test_the_same_recipe_gives_the_same_pixels_and_another_seed_does_not(photo):
    first, same, other = (batcountry.dream(photo, seed=seed, **quick).array() for seed in (7, 7, 8))
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)


def test_the_score_rises_in_every_octave(photo):
    steps = list(batcountry.dreaming(photo, octaves=2, iterations=6, jitter=0))
    for octave in (0, 1):
        scores = [s.score for s in steps if s.octave == octave]
        assert scores[-1] > scores[0]


def test_every_kind_of_image_is_the_same_picture(photo, tmp_path):
    Image.fromarray(photo).save(tmp_path / "photo.png")
    planes = torch.from_numpy(photo).permute(2, 0, 1)
    kinds = [
        photo,
        photo.astype(np.float32),
        Image.fromarray(photo),
        tmp_path / "photo.png",
        planes,
        planes[None].float(),
    ]
    dreams = [batcountry.dream(each, seed=1, octaves=1, iterations=1).array() for each in kinds]
    for each in dreams[1:]:
        assert np.array_equal(each, dreams[0])


def test_the_note_tells_how_to_make_the_dream_again(photo, tmp_path):
    Image.fromarray(photo).save(tmp_path / "photo.png")
    dream = batcountry.dream(tmp_path / "photo.png", seed=9, **quick)
    note = Note.read(dream.note)
    assert note.input == str(tmp_path / "photo.png")
    assert note.recipe.layer == "blocks.10"
    again = batcountry.dream(note.input, note.recipe)
    assert np.array_equal(again.array(), dream.array())
    assert again.note == dream.note


def test_an_objective_is_recorded_as_its_text(photo, two_channels):
    dream = batcountry.dream(photo, model=two_channels, objective=2 * channel("sum", 1), **quick)
    assert Note.read(dream.note).recipe.objective == '2.0*channel("sum", 1)'


def test_a_guide_leads_the_dream_elsewhere(photo):
    guide = np.roll(photo, 1, 2)[::-1]
    plain = batcountry.dream(photo, seed=1, **quick).array()
    guided = batcountry.dream(photo, seed=1, guide=guide, **quick)
    assert not np.array_equal(plain, guided.array())
    assert Note.read(guided.note).recipe.guide.startswith("sha256:")


def test_octaves_too_small_for_the_network_are_left_out_with_a_word(photo, two_channels, caplog):
    with caplog.at_level(logging.WARNING, "batcountry"):
        steps = list(
            batcountry.dreaming(
                photo, model=two_channels, layer="mean", octaves=5, octave_scale=3.0, iterations=1
            )
        )
    # 37 → 12 → 4 → 1: on one row a mean over three cannot be taken
    assert [s.size for s in steps] == [(4, 6), (12, 18), (37, 53)]
    assert "left out 1 octave(s)" in caplog.text


def test_a_picture_too_small_for_any_octave_is_refused(two_channels):
    with pytest.raises(RecipeError, match="too small"):
        batcountry.dream(np.zeros((2, 2, 3), np.uint8), model=two_channels, layer="mean")


def test_dead_relus_are_redirected_in_the_first_steps_only(photo):
    from batcountry.backend.redirected_relu import is_redirecting
    from batcountry.models import open_model

    model = open_model()
    seen, run = [], model.network.run
    model.network.run = lambda *given: (seen.append(is_redirecting()), run(*given))[1]
    steps = batcountry.dreaming(photo, model=model, precision="exact", redirect_relu=3, **quick)
    seen.clear()  # what was run to plan the dream
    list(steps)
    assert seen == [True, True, True, False]


def test_redirected_relus_do_not_go_with_tiles(photo):
    with pytest.raises(RecipeError, match="redirect_relu does not go with tiles"):
        batcountry.dream(photo, redirect_relu=3, tile=32, **quick)


def test_an_objective_and_a_layer_together_are_refused(photo):
    with pytest.raises(RecipeError, match="not both"):
        batcountry.dreaming(photo, objective='layer("stem")', layer="stem")


def test_arguments_are_checked_before_the_first_step(photo):
    with pytest.raises(RecipeError, match="octaves"):
        batcountry.dreaming(photo, octaves=0)


@pytest.mark.parametrize("device", ["cuda:99", "nonsense", "meta"])
def test_a_device_that_is_not_here_is_refused(photo, device):
    with pytest.raises(RecipeError, match=device):
        batcountry.dream(photo, device=device)


def test_without_clipping_the_contrast_is_brought_back_into_range(photo):
    dream = batcountry.dream(photo, clip=False, step_size=60, **quick)
    brightest = np.sort(dream.pixels, axis=None)[::-1]
    count = int(np.ceil(0.0002 * brightest.size))
    assert brightest[count - 1] == 255 and (brightest[count + 1 :] < 255).all()


def test_alpha_and_profile_survive_a_dream(tmp_path):
    rgba = Image.fromarray(np.random.RandomState(0).randint(0, 255, (37, 53, 4)).astype(np.uint8))
    rgba.info["icc_profile"] = profile = _srgb()
    dream = batcountry.dream(rgba, octaves=1, iterations=1)
    dream.save(tmp_path / "dream.png")
    with Image.open(tmp_path / "dream.png") as stored:
        assert stored.info["icc_profile"] == profile
        assert np.array_equal(np.asarray(stored)[..., 3], np.asarray(rgba)[..., 3])


def _srgb():
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.mark.parametrize(
    "options",
    [
        {"transforms": lambda image: image * float("nan")},
        {"objective": lambda a: a["blocks.10"].mean() * float("nan")},
        {"optimizer": lambda tensors: torch.optim.SGD(tensors, lr=float("nan"))},
    ],
)
def test_pixels_that_are_no_numbers_are_refused(photo, options):
    with pytest.raises(RecipeError, match="not finite"):
        batcountry.dream(photo, octaves=1, iterations=1, **options)


def test_a_layer_asked_for_by_number_is_refused_with_our_own_error(photo):
    with pytest.raises(LayerNotFound, match="no layer 17"):
        batcountry.dream(photo, octaves=1, iterations=1, objective=lambda a: a[17].mean())


@pytest.mark.parametrize("recipe", ["classic", {"octaves": 1}])
def test_a_recipe_that_is_none_is_refused(photo, recipe):
    with pytest.raises(RecipeError, match=r"a recipe is a batcountry\.Recipe"):
        batcountry.dream(photo, recipe)
