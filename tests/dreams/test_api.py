import io
import json
import warnings

import numpy as np
import pytest
import torch

import batcountry
from batcountry.errors import PictureError, RecipeError
from batcountry.image.picture import Picture
from batcountry.recipe import Note


@pytest.fixture
def options(two_channels):
    """A quick dream with every part that could mix pictures up: jitter, octaves, what is beside the picture."""
    return {
        "model": two_channels,
        "objective": 'channel("sum", 1) - 0.01*drift()',
        "octaves": 2,
        "iterations": 3,
        "jitter": 3,
        "param": "pixels",
        "optimizer": "ascent",
        "step_size": 2.0,
    }


@pytest.fixture
def photos(photo):
    return [photo, photo[::-1].copy(), photo[:, ::-1].copy()]


def test_a_list_gives_a_list_of_the_dreams_that_each_gives_alone(photos, options):
    made = batcountry.dream(photos, **options)
    for picture, photo in zip(made, photos, strict=True):
        alone = batcountry.dream(photo, **options)
        np.testing.assert_allclose(picture.pixels, alone.pixels, atol=1e-3)
        assert picture.note == alone.note
    assert len({json.loads(each.note)["input_sha256"] for each in made}) == 3


@pytest.mark.parametrize(
    "more",
    [
        {"optimizer": "adam"},
        {"param": "fourier", "optimizer": "adam", "step_size": 0.05},
        {"alpha": True},
        {"color": "match"},
        {"size": 32},
    ],
)
def test_so_it_is_with_other_ways_to_dream(photos, options, more):
    made = batcountry.dream(photos, **{**options, **more})
    for picture, photo in zip(made, photos, strict=True):
        np.testing.assert_allclose(
            picture.pixels, batcountry.dream(photo, **{**options, **more}).pixels, atol=0.05
        )


def test_a_mask_holds_the_same_pixels_of_each(photos, options):
    mask = np.zeros((37, 53, 3), np.uint8)
    mask[:, 26:] = 255
    for picture, photo in zip(batcountry.dream(photos, mask=mask, **options), photos, strict=True):
        assert np.array_equal(picture.array()[:, :26], photo[:, :26])
        assert not np.array_equal(picture.array(), photo)


def test_the_embedded_network_differs_by_rounding_only(photos):
    more = {"octaves": 1, "iterations": 2, "precision": "exact", "jitter": 4}
    for picture, photo in zip(batcountry.dream(photos[:2], **more), photos, strict=False):
        assert np.abs(picture.pixels - batcountry.dream(photo, **more).pixels).mean() < 0.5


def test_tensors_and_arrays_of_four_axes_are_several_pictures(photos, options):
    wanted = [each.array() for each in batcountry.dream(photos, **options)]
    stack = np.stack(photos)
    planes = torch.from_numpy(stack).permute(0, 3, 1, 2)
    for several in (stack, planes, planes.float(), stack.astype(np.float32), tuple(photos)):
        for picture, other in zip(batcountry.dream(several, **options), wanted, strict=True):
            assert np.array_equal(picture.array(), other)
    assert isinstance(batcountry.dream(planes[:1], **options), Picture)
    assert len(batcountry.dream(stack[:1], **options)) == 1


def test_a_dark_picture_among_floats_is_what_all_of_them_say(photo, options):
    stack = torch.stack([torch.full((3, 37, 53), 0.9), torch.from_numpy(photo).permute(2, 0, 1).float()])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dark, _ = batcountry.dream(stack, **{**options, "octaves": 1, "iterations": 1})
    assert dark.pixels.max() < 10
    with pytest.warns(UserWarning, match="from 0 to 1"):
        dark, bright = batcountry.dream(stack / 255, **{**options, "octaves": 1, "iterations": 1})
    assert dark.pixels.max() < 10 < bright.pixels.mean()


def test_other_sizes_go_one_after_the_other_and_come_back_in_their_order(photo, options):
    sizes = [(53, 37), (41, 29), (53, 37), (41, 29), (41, 29)]
    pictures = [Picture(np.float32(photo)).resize(size) for size in sizes]
    steps = list(batcountry.dreaming(pictures, batch=2, **options))
    assert [step.indices for step in steps if step.last] == [(0, 2), (1, 3), (4,)]
    assert [step.done for step in steps] == sorted(step.done for step in steps) and steps[
        -1
    ].done == pytest.approx(1)
    made = batcountry.dream(pictures, batch=2, **options)
    assert [each.size for each in made] == sizes
    np.testing.assert_allclose(made[3].pixels, batcountry.dream(pictures[3], **options).pixels, atol=1e-3)


def test_no_more_go_together_than_fit_in_memory(photos, options, monkeypatch):
    monkeypatch.setattr(
        "batcountry.dreams.dreamer.fitting", lambda planned, max_memory, device, most: min(2, most)
    )
    steps = batcountry.dreaming(photos, **options)
    assert [step.indices for step in steps if step.last] == [(0, 1), (2,)]


@pytest.mark.parametrize("more", [{"windows": "20x20"}, {"tile": 16}])
def test_windows_and_tiles_take_one_at_a_time(photos, options, more):
    options = {**options, "objective": 'channel("sum", 1)', "octaves": 1}
    made = batcountry.dream(photos, **options, **more)
    np.testing.assert_array_equal(made[1].pixels, batcountry.dream(photos[1], **options, **more).pixels)


def test_no_pictures_give_none_and_what_is_wrong_with_one_is_said_at_the_call(photo, options, tmp_path):
    assert batcountry.dream([], **options) == []
    with pytest.raises(PictureError, match="no file"):
        batcountry.dreaming([photo, tmp_path / "none.png"], **options)
    with pytest.raises(RecipeError, match="at least one picture"):
        batcountry.dreaming([photo], batch=0, **options)
    with pytest.raises(RecipeError, match="makes them of one"):
        batcountry.dreaming([photo], **{**options, "objective": 'each([layer("sum"), layer("mean")])'})


def test_files_and_bytes_make_lists_too(photos, options, tmp_path):
    paths = [Picture(np.float32(each)).save(tmp_path / f"{i}.png") for i, each in enumerate(photos)]
    made = batcountry.dream([paths[0], str(paths[1]), paths[2].read_bytes()], **options)
    assert [json.loads(each.note)["input"] for each in made] == [str(paths[0]), str(paths[1]), None]
    with paths[2].open("rb") as file:
        assert np.array_equal(batcountry.dream(file, **options).array(), made[2].array())
        assert np.array_equal(
            batcountry.dream(io.BytesIO(paths[2].read_bytes()), **options).array(), made[2].array()
        )


def test_a_dream_on_a_dream_says_that_its_input_was_no_file(photo, options, tmp_path):
    path = Picture(np.float32(photo)).save(tmp_path / "photo.png")
    first = batcountry.dream(path, **options)
    second = Note.read(batcountry.dream(first, **options).note)
    assert first.source is None and second.input is None
    assert second.input_sha256 != Note.read(first.note).input_sha256


def test_a_callback_sees_every_step(photo, options):
    steps = []
    made = batcountry.dream(photo, callback=steps.append, **options)
    assert [(s.octave, s.iteration) for s in steps] == [(o, i) for o in range(2) for i in range(3)]
    assert Note.read(made.note).stopped is None and "stopped" not in json.loads(made.note)


@pytest.mark.parametrize("answer", [None, 1, "path", False, np.False_, [True]])
def test_what_a_callback_returns_beside_true_stops_nothing(photo, options, answer):
    steps = []
    batcountry.dream(photo, callback=lambda step: steps.append(step) or answer, **options)
    assert len(steps) == 6


@pytest.mark.parametrize("answer", [True, np.True_])
def test_true_ends_the_dream_with_the_picture_so_far_and_a_note_that_says_so(photo, options, answer):
    steps = []

    def enough(step):
        steps.append(step)
        return answer if (step.octave, step.iteration) == (1, 0) else None

    made = batcountry.dream(photo, callback=enough, **options)
    assert len(steps) == 4
    assert np.array_equal(made.pixels, steps[-1].picture().pixels)
    assert str(Note.read(made.note).stopped) == "octave 2/2, iteration 1/3"
    assert made.recipe == batcountry.dream(photo, **options).recipe


def test_true_at_the_last_step_is_a_whole_dream(photo, options):
    made = batcountry.dream(photo, callback=lambda step: step.last, **options)
    assert Note.read(made.note).stopped is None


def test_of_several_pictures_those_not_begun_come_back_as_they_were(photos, options):
    made = batcountry.dream(photos, batch=1, callback=lambda step: step.indices == (1,), **options)
    whole, stopped, untouched = made
    assert Note.read(whole.note).stopped is None and Note.read(stopped.note).stopped.octave == 1
    assert np.array_equal(untouched.array(), photos[2]) and untouched.note is None


def test_progress_shows_a_bar_on_the_error_output(photo, options, capsys):
    plain = batcountry.dream(photo, **options)
    made = batcountry.dream(photo, progress=True, **options)
    said = capsys.readouterr()
    assert np.array_equal(made.pixels, plain.pixels) and not said.out


def test_visualize_stops_and_shows_a_bar_too(two_channels):
    more = {
        "model": two_channels,
        "canvas": "24x32",
        "iterations": 3,
        "preset": "classic",
        "octaves": 1,
        "start": "noise",
    }
    aims = ['channel("sum", 0)', 'channel("sum", 1)', 'layer("mean")']
    moments = []
    made = batcountry.visualize(
        aims,
        batch=1,
        progress=True,
        callback=lambda moment: moments.append(moment) or moment.batch == 1,
        **more,
    )
    assert len(moments) == 4 and len(made) == 2
    assert [Note.read(each.note).stopped is None for each in made] == [True, False]
    assert [each.recipe.objective for each in made] == aims[:2]


@pytest.mark.parametrize("batch", ["x", 1.5])
def test_a_batch_that_is_no_number_is_refused(photo, batch):
    with pytest.raises(RecipeError, match="a batch is a number of pictures"):
        batcountry.dream([photo], batch=batch, octaves=1, iterations=1)


def test_a_tensor_of_no_pictures_gives_none():
    assert batcountry.dream(torch.zeros(0, 3, 48, 64), octaves=1, iterations=1) == []
