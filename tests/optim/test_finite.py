"""Steps that are not finite end a dream, with the term or the layer that is to blame."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import batcountry
from batcountry import BatCountry, motion
from batcountry.backend import devices
from batcountry.errors import ModelError, RecipeError
from batcountry.models import open_model
from batcountry.objectives import each, layer, tv
from batcountry.optim.optimizers import OPTIMIZERS, Schedule, optimizer
from caffe.nets import inputs
from caffe.nets import layer as caffe_layer
from jobs.running import dreaming

QUICK = {"octaves": 1, "iterations": 2}


def network(break_at: str | None = None, value: float = float("nan")):
    """Return a network of three convolutions, one weight of which is `value`."""
    torch.manual_seed(3)
    module = nn.Sequential()
    for name, channels in (("one", (3, 16)), ("two", (16, 20)), ("three", (20, 24))):
        module.add_module(name, nn.Conv2d(*channels, 3, padding=1))
        module.add_module(f"{name}_relu", nn.ReLU())
    if break_at:
        getattr(module, break_at).weight.data[2, 1, 1, 1] = value
    return open_model(module, size=32)


def photo(side=48):
    return np.random.RandomState(1).randint(0, 256, (side, side, 3)).astype(np.uint8)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 1e38])
@pytest.mark.parametrize("tile", [0, 24])
def test_a_weight_that_is_no_number_ends_the_dream_with_the_first_layer_that_gives_none(value, tile):
    # 1e38 overflows where the layer that has it adds up, or in the one after.
    model = network("two", value)
    with pytest.raises(
        (ModelError, RecipeError),
        match=r"the layer '(two'|three') of Seq.*not finite|reads the layer 'three_",
    ):
        batcountry.dream(photo(), model=model, layer="three_relu", tile=tile, **QUICK)


def test_numbers_past_the_end_of_float16_are_said_to_be_so(monkeypatch):
    monkeypatch.setitem(devices.FAST_TYPES, "cpu", (torch.float16, torch.float16))
    model = network("two", 3e4)
    with pytest.raises(
        ModelError, match=r"the layer 'two.* use the precision exact, as this one ends at 65,504"
    ):
        batcountry.dream(photo(), model=model, layer="three_relu", precision="fast", **QUICK)
    assert batcountry.dream(photo(), model=model, layer="three_relu", precision="exact", **QUICK)


def test_layers_before_the_broken_one_still_dream():
    assert batcountry.dream(photo(), model=network("three"), layer="two", **QUICK).size == (48, 48)


@pytest.mark.parametrize("text", ['1e308*layer("two")', 'layer("one") - 1e308*channel("two", 4)'])
@pytest.mark.parametrize("options", [{}, {"tile": 24}, {"windows": "24x24", "param": "pixels"}])
def test_a_weight_past_what_numbers_can_be_names_its_term(text, options):
    with pytest.raises(RecipeError, match=r'the term -?1e\+308\*(layer\("two"\)|channel\("two", 4\)) of the'):
        batcountry.dream(photo(), model=network(), objective=text, **options, **QUICK)


def test_a_term_of_the_image_is_named_too():
    with pytest.raises(RecipeError, match=r"the term 1e\+308\*tv\(.*\) of the objective comes to inf"):
        batcountry.dream(photo(), model=network(), objective=layer("two") + 1e308 * tv(), **QUICK)


@pytest.mark.parametrize("name", list(OPTIMIZERS))
@pytest.mark.parametrize("measure", ["mean", "rms", "std", "bands"])
def test_a_gradient_too_large_to_be_normalized_is_refused_and_no_step_of_nothing(name, measure):
    if name != "ascent" and measure != "mean":
        pytest.skip("these normalize in their own way")
    picture = torch.full((1, 3, 8, 8), 7.0)
    steps = optimizer(name, Schedule(1.0), measure)([picture])
    gradient = torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(1)) * 1e37
    try:
        steps.update([gradient * 20])
    except RecipeError as error:
        assert "too large" in str(error)
    else:
        assert not torch.isfinite(picture).all() or (picture - 7).abs().mean() > 0.5


@pytest.mark.parametrize("optimizer", ["ascent", "adam", "rmsprop"])
def test_weights_that_make_gradients_huge_end_the_dream_whatever_follows_them(optimizer):
    with pytest.raises(RecipeError, match=r"large|not finite"):
        batcountry.dream(
            photo(), model=network(), objective='1e36*layer("two")', optimizer=optimizer, **QUICK
        )


def test_all_other_ways_of_dreaming_end_alike(tmp_path):
    broken, told = network("two"), "the layer 'two'"
    source = tmp_path / "photo.png"
    Image.fromarray(photo()).save(source)
    with pytest.raises(ModelError, match=told):
        batcountry.visualize(
            [layer("two"), layer("three")], model=broken, preset="thumbnail", canvas="32x48", iterations=2
        )
    with pytest.raises(ModelError, match=told):
        next(motion.zoom(source, model=broken, layer="two", frames=2, **QUICK))
    with pytest.raises(ModelError, match=told):
        batcountry.dream(photo(), model=broken, objective=each([layer("one"), layer("three")]), **QUICK)
    with pytest.raises(ModelError, match=told):
        batcountry.dream(photo(), model=broken, layer="three", param="fourier", **QUICK)


def test_what_is_finite_is_not_changed_by_looking():
    once, again = (np.asarray(batcountry.dream(photo(), model=network(), **QUICK)) for _ in range(2))
    assert np.array_equal(once, again) and np.isfinite(once).all() and once.std() > 1


def test_a_dream_on_disk_ends_alike_and_writes_nothing(tmp_path, monkeypatch):
    pytest.importorskip("pyvips", reason="needs pyvips, which the extra `big` brings")
    monkeypatch.chdir(tmp_path)
    Image.fromarray(photo(100)).save("photo.png")
    options = {"octaves": 1, "iterations": 1, "objective": '1e308*layer("blocks.1")', "tile": 64}
    with pytest.raises(RecipeError, match=r"the term 1e\+308\*layer\(\"blocks.1\"\) of the objective"):
        next(dreaming("photo.png", "dream.png", on_disk=True, **options))
    assert not (tmp_path / "dream.png").exists()


@pytest.mark.parametrize("own_step", [False, True])
def test_the_class_of_2015_ends_alike(tmp_path, own_step):
    text = inputs(data=(1, 3, 24, 24))
    for name, below in (("one", "data"), ("two", "one")):
        text += caffe_layer(
            "Convolution", name, below, settings="convolution_param { num_output: 16 kernel_size: 3 }"
        )
    (tmp_path / "deploy.prototxt").write_text(text)
    net = batcountry.caffe.Net(tmp_path / "deploy.prototxt", batcountry.caffe.TEST)
    for name in ("one", "two"):
        net.params[name][0].data[...] = np.random.RandomState(4).normal(size=net.params[name][0].shape)
    net.params["two"][0].data[3, 2, 1, 1] = np.nan
    net.save(str(tmp_path / "bvlc_googlenet.caffemodel"))
    dreamer = batcountry.BatCountry(tmp_path)
    options = {"step_fn": BatCountry.gradient_ascent_step} if own_step else {}
    with pytest.raises((ModelError, RecipeError), match="not finite"):
        dreamer.dream(photo().astype(np.float32), iter_n=2, octave_n=1, end="two", verbose=False, **options)
    fine = dreamer.dream(
        photo().astype(np.float32), iter_n=1, octave_n=1, end="one", verbose=False, **options
    )
    assert np.isfinite(fine).all()
