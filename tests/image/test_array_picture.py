import numpy as np
import pytest
import torch

import batcountry
from batcountry import open_model
from batcountry.errors import PictureError, RecipeError
from batcountry.image.array_picture import read_data
from torch_nets import ResidualNet, seeded


@pytest.fixture(scope="module")
def model():
    return open_model(seeded(ResidualNet, channels=5), input=5, size=64)


@pytest.fixture
def data():
    return np.random.RandomState(4).randint(0, 256, (75, 91, 5)).astype(np.float32)


def test_a_network_of_five_channels_dreams_on_arrays_and_saves_them(model, data, tmp_path):
    options = {"model": model, "octaves": 2, "iterations": 4, "jitter": 3, "step_size": 4.0}
    steps = list(batcountry.dreaming(data, **options))
    assert steps[-1].score > steps[4].score
    found = steps[-1].picture()
    assert found.array().shape == data.shape and found.array().dtype == np.float32
    assert 0 < np.abs(found.array() - data).mean() < 100
    np.testing.assert_array_equal(np.load(found.save(tmp_path / "dream.npy")), found.array())
    np.save(tmp_path / "data.npy", data)
    for other in (tmp_path / "data.npy", torch.from_numpy(data).permute(2, 0, 1)):
        np.testing.assert_array_equal(batcountry.dream(other, **options).array(), found.array())
    assert found._repr_png_() is None


def test_tiles_wrap_and_sizes_work_for_any_channels(model, data):
    options = {
        "model": model,
        "layer": "layer1",
        "octaves": 1,
        "iterations": 1,
        "jitter": 0,
        "precision": "exact",
    }
    whole = batcountry.dream(data, **options).array()
    np.testing.assert_allclose(batcountry.dream(data, tile=32, **options).array(), whole, atol=0.02)
    assert batcountry.dream(data, size=60, wrap="x", **options).array().shape == (49, 60, 5)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (np.zeros((7, 9, 3)), "takes pictures of 5 channels: give an array H×W×5"),
        (None, "takes pictures of 5 channels"),
        (np.full((7, 9, 5), np.nan), "not finite"),
        (np.zeros((7, 9, 5), dtype=object), "not finite numbers"),
    ],
)
def test_what_is_no_such_picture_is_refused(model, source, said):
    with pytest.raises(PictureError, match=said):
        batcountry.dream(source, model=model)


def test_files_that_are_no_numbers_are_refused_without_unpickling(model, tmp_path):
    np.save(tmp_path / "objects.npy", np.array([[[{}] * 5]], dtype=object), allow_pickle=True)
    (tmp_path / "photo.png").write_bytes(b"\x89PNG")
    for name in ("objects.npy", "photo.png"):
        with pytest.raises(PictureError, match=name):
            read_data(tmp_path / name, 5)


def test_such_a_picture_is_no_image(model, data, tmp_path):
    found = read_data(data, 5)
    for make in (found.image, lambda: found.save(tmp_path / "dream.png")):
        with pytest.raises(PictureError, match=r"\.npy"):
            make()


def test_dreams_on_disk_are_of_colors(model, tmp_path):
    from PIL import Image

    from batcountry.jobs import dream_on_disk

    Image.new("RGB", (64, 48)).save(tmp_path / "photo.png")
    with pytest.raises(RecipeError, match="takes 5 channels, and pictures on disk are of colors"):
        dream_on_disk(tmp_path / "photo.png", tmp_path / "dream.png", model=model)


def test_it_fits_in_as_far_as_data_can(data, tmp_path):
    picture = read_data(data, 5)
    assert np.asarray(picture) is picture.pixels and np.asarray(picture).dtype == np.float32
    assert np.array(picture) is not picture.pixels and np.asarray(picture, float).dtype == float
    with pytest.raises(ValueError, match="takes a copy"):
        np.array(picture, dtype=float, copy=False)
    assert repr(picture) == "DataPicture(91×75, 5 channels)"
    assert picture.crop((1, 2, 11, 22)).array().shape == (20, 10, 5)
    assert type(picture.resize((30, 20))) is type(picture) and picture.resize((30, 20)).size == (30, 20)
    with (tmp_path / "data").open("wb") as file:
        picture.save(file)
    np.testing.assert_array_equal(np.load(tmp_path / "data"), data)
    with pytest.raises(PictureError, match=r"is saved as \.npy"):
        picture.save(tmp_path / "data.npy", "PNG")


def test_lists_of_data_are_dreamed_on_too(model, data):
    options = {"model": model, "octaves": 1, "iterations": 1, "jitter": 0}
    many = batcountry.dream([data, data[::-1].copy()], **options)
    stacked = batcountry.dream(torch.from_numpy(np.stack([data, data[::-1]])).permute(0, 3, 1, 2), **options)
    for one, other in zip(many, stacked, strict=True):
        np.testing.assert_allclose(one.array(), other.array(), atol=1e-3)
    again = batcountry.dream(many[0], **options)
    assert again.size == many[0].size and '"input_sha256":""' not in again.note
