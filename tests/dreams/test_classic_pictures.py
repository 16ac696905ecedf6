"""`BatCountry.dream` on pictures of every kind and with every layer that it lists, on a net of one size."""

import numpy as np
import pytest
from PIL import Image

import batcountry
import batcountry.caffe as caffe
from batcountry import BatCountry
from batcountry.caffe import layers as L
from batcountry.dreams.classic_pictures import levels_of
from batcountry.errors import PictureError, RecipeError
from caffe.nets import layer

SIZE = (40, 32)  # width and height that the net's dense end takes
FILLER = {"type": "xavier"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("net")
    n = caffe.NetSpec()
    n.data = L.Input(shape={"dim": [1, 3, *SIZE[::-1]]})
    n.conv = L.Convolution(n.data, num_output=4, kernel_size=3, stride=2, weight_filler=FILLER)
    n.relu = L.ReLU(n.conv, in_place=True)
    n.fc = L.InnerProduct(n.relu, num_output=7, weight_filler=FILLER)
    n.prob = L.Softmax(n.fc)
    (folder / "deploy.prototxt").write_text(str(n.to_proto()))
    caffe.set_random_seed(3)
    caffe.Net(folder / "deploy.prototxt", caffe.TEST).save(folder / "bvlc_googlenet.caffemodel")
    return folder


@pytest.fixture(scope="module")
def bc(folder):
    return BatCountry(folder, mean=(104.0, 117.0, 123.0))


COLORS = np.random.RandomState(5).randint(0, 256, (37, 53, 3), dtype=np.uint8)
RGB = Image.fromarray(COLORS)
RGBA = Image.merge("RGBA", (*RGB.split(), Image.fromarray(COLORS[..., 1])))


def dreamed(bc, image, **options):
    np.random.seed(0)
    options = {"end": "conv", "iter_n": 1, "octave_n": 1, "jitter": 2, "verbose": False, **options}
    return bc.dream(image, **options)


ARRAYS = [
    ("L", lambda: np.float32(RGB.convert("L")), lambda: RGB.convert("L").convert("RGB")),
    ("L with an axis", lambda: np.array(RGB.convert("L"))[..., None], lambda: RGB.convert("L").convert("RGB")),
    ("LA", lambda: np.float32(RGBA.convert("LA")), lambda: RGBA.convert("LA").convert("L").convert("RGB")),
    ("RGBA", lambda: np.float32(RGBA), lambda: RGB),
    ("uint8", lambda: COLORS, lambda: RGB),
    ("palette's numbers", lambda: np.float32(Image.fromarray(COLORS[..., 2])), lambda: Image.fromarray(COLORS[..., 2])),
    ("PIL", lambda: RGB, lambda: RGB),
    ("PIL RGBA", lambda: RGBA, lambda: RGB),
    ("PIL L", lambda: RGB.convert("L"), lambda: RGB.convert("L").convert("RGB")),
    ("PIL LA", lambda: RGBA.convert("LA"), lambda: RGBA.convert("L").convert("RGB")),
    ("PIL P", lambda: RGB.quantize(17), lambda: RGB.quantize(17).convert("RGB")),
    ("PIL 1", lambda: RGB.convert("1"), lambda: RGB.convert("1").convert("RGB")),
]  # fmt: skip


@pytest.mark.parametrize(("given", "expected"), [row[1:] for row in ARRAYS], ids=[row[0] for row in ARRAYS])
def test_pictures_of_all_modes_are_the_colors_that_they_show(bc, given, expected):
    colors = np.float32(expected().convert("RGB"))
    np.testing.assert_array_equal(levels_of(given()), colors)
    found = dreamed(bc, given())
    assert found.shape == (37, 53, 3)
    np.testing.assert_array_equal(found, dreamed(bc, colors))


def test_cmyk_is_told_by_its_mode_and_its_array_is_taken_as_four_planes(bc):
    cmyk = RGB.convert("CMYK")
    np.testing.assert_allclose(levels_of(cmyk), COLORS, atol=2)
    assert dreamed(bc, cmyk).shape == dreamed(bc, np.float32(cmyk)).shape == (37, 53, 3)


def test_numbers_stay_as_they_are_however_dark_or_bright(bc):
    for array in (np.float32(COLORS) / 255, np.float32(COLORS) * 2 - 100, COLORS > 99):
        np.testing.assert_array_equal(levels_of(array), np.float32(array))


def test_what_is_given_is_not_changed(bc):
    array = np.float32(RGBA)
    dreamed(bc, array)
    np.testing.assert_array_equal(array, np.float32(RGBA))


def test_files_and_pictures_are_taken_too(bc, tmp_path):
    RGBA.save(tmp_path / "picture.png")
    expected = dreamed(bc, COLORS)
    for given in (tmp_path / "picture.png", batcountry.read_picture(RGBA)):
        np.testing.assert_array_equal(dreamed(bc, given), expected)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (np.zeros((4, 5, 5)), r"shape \(4, 5, 5\) is no picture"),
        (np.zeros((2, 4, 5, 3)), "is no picture"),
        (np.zeros((0, 5, 3)), "is no picture"),
        (np.array(["a"]), "is no picture"),
        (np.zeros((4, 5), complex), "array of complex128"),
        (np.full((4, 5, 3), np.nan), "finite"),
        (17, "cannot be made from int"),
    ],
)
def test_what_is_no_picture_is_refused_in_a_sentence(bc, given, said):
    with pytest.raises(PictureError, match=said):
        dreamed(bc, given)


def test_a_preprocessing_of_ones_own_is_handed_what_was_given(bc):
    seen = []

    def own(net, img):
        seen.append(img)
        return BatCountry.preprocess(net, np.float32(img.convert("RGB")))

    found = dreamed(bc, RGBA, preprocess_fn=own)
    assert seen == [RGBA] and found.shape == (37, 53, 3)


def test_the_steps_of_the_net_take_them_too(bc):
    own = {"step_fn": lambda net, **params: BatCountry.gradient_ascent_step(net, **params)}
    np.testing.assert_array_equal(dreamed(bc, RGBA, **own), dreamed(bc, COLORS, **own))


def test_a_guide_may_be_any_of_them_too(bc):
    expected = bc.prepare_guide(RGB, end="conv")
    for given in (RGBA, np.float32(RGBA), COLORS):
        np.testing.assert_array_equal(bc.prepare_guide(given, end="conv"), expected)


def test_every_layer_that_is_listed_dreams(bc):
    picture = np.random.RandomState(2).randint(0, 256, (*SIZE[::-1], 3), dtype=np.uint8)
    assert bc.layers() == ["data", "conv", "relu", "fc", "prob"]
    step = {"step_fn": lambda net, **params: BatCountry.gradient_ascent_step(net, **params)}
    for end in bc.layers():
        found, by_steps = dreamed(bc, picture, end=end), dreamed(bc, picture, end=end, **step)
        assert found.shape == picture.shape and not np.array_equal(found, picture)
        np.testing.assert_allclose(found, by_steps, atol=0.05)


def test_no_iterations_leave_the_picture(bc):
    np.testing.assert_allclose(dreamed(bc, COLORS, iter_n=0), COLORS, atol=1e-4)
    found, seen = dreamed(bc, RGB, iter_n=0, visualize=True)
    assert found.shape == COLORS.shape and found.dtype == np.float32 and seen == []


def test_layers_whose_blobs_have_other_names_dream_by_both(tmp_path):
    settings = "convolution_param { num_output: 4 kernel_size: 3 weight_filler { type: 'xavier' } }"
    text = 'input: "data" input_dim: 1 input_dim: 3 input_dim: 32 input_dim: 40 '
    text += layer("Convolution", "first", "data", "blob", settings) + layer("ReLU", "relu", "blob", "blob")
    path = tmp_path / "deploy.prototxt"
    path.write_text(text)
    caffe.set_random_seed(3)
    caffe.Net(path, caffe.TEST).save(tmp_path / "bvlc_googlenet.caffemodel")
    bc = BatCountry(tmp_path)
    assert bc.layers() == ["input", "first", "relu"]
    picture = np.random.RandomState(2).randint(0, 256, (32, 40, 3), dtype=np.uint8)
    found = {end: dreamed(bc, picture, end=end) for end in ("input", "data", "first", "blob", "relu")}
    np.testing.assert_array_equal(found["input"], found["data"])
    np.testing.assert_array_equal(found["blob"], found["relu"])
    assert not np.array_equal(found["first"], found["relu"])
    np.testing.assert_array_equal(bc.prepare_guide(picture, "blob"), bc.prepare_guide(picture, "relu"))
    assert bc.prepare_guide(picture, "first").min() < 0 <= bc.prepare_guide(picture, "relu").min()


def test_the_data_dream_with_their_own_colors(bc):
    found = dreamed(bc, COLORS, end="data", clip=False, step_size=2.0)
    away = COLORS - np.float64([123, 117, 104])
    np.testing.assert_allclose(found, COLORS + 2 * away / np.abs(away).mean(), rtol=1e-4)


@pytest.mark.parametrize("size", [(41, 97), (64, 80), (20, 20), (7, 9), (16, 70), (70, 16)])
def test_a_dense_end_at_another_size_says_windows_and_these_work(bc, folder, size):
    picture = np.random.RandomState(4).randint(0, 256, (*size, 3), dtype=np.uint8)
    with pytest.raises(
        RecipeError, match=r"prob on pictures of one size only, 40×32 pixels.*--windows input"
    ):
        dreamed(bc, picture, end="prob")
    with pytest.raises(RecipeError, match=r"of one size only, 40×32 pixels and not 60×48.*--windows input"):
        bc.dream(np.zeros((48, 60, 3)), end="prob", octave_n=2, octave_scale=1.5, verbose=False)
    model = batcountry.open_model(folder)
    options = {"model": model, "objective": "logit(3)", "iterations": 1, "jitter": 0}
    with pytest.raises(RecipeError, match="--windows input"):
        batcountry.dream(picture, **options)
    for octaves in (None, 3):
        chosen = {} if octaves is None else {"octaves": octaves}
        found = batcountry.dream(picture, windows="input", **options, **chosen)
        assert found.array().shape == picture.shape and not np.array_equal(found.array(), picture)
