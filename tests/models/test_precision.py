import numpy as np
import pytest
import torch

import batcountry
from batcountry import open_model
from batcountry.backend.devices import is_fast
from batcountry.errors import ModelError
from batcountry.image.sky import sky
from batcountry.models import model as model_module
from batcountry.models.loaders.caffe import open_caffe
from conftest import MODELS, REFERENCE

CASE = REFERENCE / "layers" / "mini_inception"


@pytest.fixture(params=["caffe", "efficientnet"])
def model(request):
    return (
        open_caffe(CASE / "net.prototxt", CASE / "net.caffemodel")
        if request.param == "caffe"
        else open_model()
    )


def test_fast_activations_are_float32_and_near_the_exact_ones(model):
    image = torch.from_numpy(np.float32(sky(320, 180))).permute(2, 0, 1)[None].contiguous()
    names = [each.name for each in model.layers]
    exact = {name: values.clone() for name, values in model.activations(image, names).items()}
    fast = model.at("fast").activations(image, names)
    for name, values in exact.items():
        assert fast[name].dtype == torch.float32
        error = (fast[name] - values).norm() / values.norm()
        assert 0 < error < (0.1 if model.name == "efficientnet-lite0" else 0.03), name
    again = model.activations(image, names)
    assert all(torch.equal(again[name], values) for name, values in exact.items())


def test_auto_is_fast_where_the_hardware_and_the_network_are_made_for_it(monkeypatch):
    caffe, lite = open_caffe(CASE / "net.prototxt", CASE / "net.caffemodel"), open_model()
    for made in (True, False):
        monkeypatch.setattr(model_module, "is_fast", lambda device, dtype, made=made: made)
        assert caffe.at("auto").precision == ("fast" if made else "exact")
        assert lite.at("auto").precision == ("fast" if made else "exact")
    assert caffe.at("exact") is caffe and caffe.at("fast") is caffe.at("fast")
    assert caffe.at("fast").at("auto").precision == "fast"


def test_the_note_says_which_precision_it_was(model, photo):
    picture = batcountry.dream(photo, model=model, octaves=1, iterations=1, precision="fast")
    assert '"precision":"fast"' in picture.note
    assert '"precision":"auto"' not in batcountry.dream(photo, model=model, octaves=1, iterations=1).note


def test_a_network_of_one_precision_says_so(two_channels):
    assert two_channels.at("auto") is two_channels
    with pytest.raises(ModelError, match="cannot run in another precision"):
        two_channels.at("fast")


def test_the_meta_device_multiplies_nothing_fast():
    assert not is_fast(torch.device("meta"), torch.bfloat16)


@pytest.mark.slow
def test_a_fast_dream_comes_as_far_as_an_exact_one(googlenet):
    photo = MODELS.parent / "images" / "flowers.jpg"
    if not photo.exists():
        pytest.skip(f"needs the photograph {photo}")
    model, scores = open_model(googlenet), {}
    # Small, as processors without bfloat16 take their time. Any two dreams of so small a picture go some per cent apart in
    # their last steps, so several are taken together, and all of their steps.
    options = {"model": model, "size": 128, "octaves": 1, "iterations": 8}
    for precision in ("exact", "fast"):
        dreams = [
            [step.score for step in batcountry.dreaming(photo, precision=precision, seed=seed, **options)]
            for seed in range(4)
        ]
        scores[precision] = np.mean(dreams, axis=0)
    assert scores["fast"].mean() == pytest.approx(scores["exact"].mean(), rel=0.03)
    assert scores["exact"][-1] > 2.5 * scores["exact"][0]


def test_the_gradient_of_a_network_in_float16_is_the_exact_one(monkeypatch, googlenet):
    """As on a card; a processor multiplies float16 too, only slowly."""
    monkeypatch.setattr(
        model_module, "fast_type", lambda device, small: torch.float16 if small else torch.bfloat16
    )
    image = torch.from_numpy(np.float32(sky(112, 80))).permute(2, 0, 1)[None].contiguous()
    for opened, layer in ((open_model(), "blocks.10"), (open_model(googlenet), "inception_4c/output")):
        exact, fast = (gradient(opened.at(each), layer, image) for each in ("exact", "fast"))
        assert fast.dtype == torch.float32
        assert 0.95 < torch.cosine_similarity(exact.flatten(), fast.flatten(), 0) < 1 - 1e-6
        assert (fast.norm() / exact.norm() - 1).abs() < 0.05


def gradient(model, layer, image):
    leaf = image.clone().requires_grad_()
    values = model.activations(leaf, [layer])[layer]
    return torch.autograd.grad(values, leaf, values.detach())[0]
