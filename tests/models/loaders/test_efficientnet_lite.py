import numpy as np
import pytest
import torch

from batcountry import models
from batcountry.errors import LayerNotFound, ModelError
from batcountry.image.sky import sky
from batcountry.models import open_model
from batcountry.models.loaders import efficientnet_blocks, efficientnet_lite


@pytest.fixture(scope="module")
def model():
    return open_model()


def test_layers_are_named_in_running_order(model):
    names = [each.name for each in model.layers]
    assert names == ["stem", *(f"blocks.{i}" for i in range(16)), "head", "logits"]
    assert [each.stride for each in model.layers] == [2, 2, 4, 4, 8, 8, *[16] * 6, *[32] * 6, None]


def test_stated_channels_and_strides_are_those_of_the_activations(model):
    image = torch.zeros(1, 3, 64, 96)
    found = model.activations(image, [each.name for each in model.layers])
    for each in model.layers:
        shape = found[each.name].shape
        assert shape[1] == each.channels
        assert each.stride is None or shape[2:] == (64 // each.stride, 96 // each.stride)


def test_one_unit_sees_no_further_than_its_receptive_field(model):
    image = torch.rand(1, 3, 160, 160) * 255
    image.requires_grad_()
    model.activations(image, ["blocks.3"])["blocks.3"][0, :, 10, 10].square().sum().backward()
    rows = image.grad.abs().sum((0, 1, 3)).nonzero()
    assert 1 < int(rows.max() - rows.min()) + 1 <= model.layer("blocks.3").receptive_field


def test_folding_batch_norm_changes_nothing(model):
    weights = torch.load(efficientnet_lite._weights_path(), weights_only=True)
    image = torch.rand(1, 3, 37, 53) * 255
    x = torch.nn.functional.pad((image - 127) / 128, (0, 1, 0, 1))
    x = torch.nn.functional.conv2d(x, weights["_conv_stem.weight"], stride=2)
    norm = [weights[f"_bn0.{name}"] for name in ("running_mean", "running_var", "weight", "bias")]
    wanted = torch.nn.functional.batch_norm(x, *norm, eps=1e-3).clamp(0, 6)
    torch.testing.assert_close(model.activations(image, ["stem"])["stem"], wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("size", [(61, 94), (64, 63), (97, 33)])
def test_compiled_loops_give_what_pytorch_gives(model, size, monkeypatch):
    image = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0)) * 255

    def run():
        leaf = image.clone().requires_grad_()
        found = model.activations(leaf, ["blocks.10"])["blocks.10"]
        return found.detach(), torch.autograd.grad(found.square().mean(), leaf)[0]

    ours = run()
    monkeypatch.setattr(efficientnet_blocks, "has_filters", lambda x: False)
    for mine, wanted in zip(ours, run(), strict=True):
        assert float((mine - wanted).norm()) < 2e-5 * float(wanted.norm())


def test_it_knows_what_it_sees(model):
    assert len(model.classes) == 1000 and model.classes[291] == "lion"
    picture = torch.from_numpy(np.float32(sky(224, 224))).permute(2, 0, 1)[None]
    logits = model.activations(picture, ["logits"])["logits"]
    assert logits.shape == (1, 1000) and float(logits.std()) > 0.5


def test_weights_that_are_not_the_file_they_should_be_are_refused(tmp_path, monkeypatch):
    (tmp_path / "weights.pth").write_bytes(b"something else")
    monkeypatch.setattr(efficientnet_lite, "_weights_path", lambda: tmp_path / "weights.pth")
    with pytest.raises(ModelError, match="damaged or has been replaced"):
        efficientnet_lite.open_efficientnet_lite0()


def test_an_unknown_layer_or_model_is_answered_with_the_nearest(model):
    with pytest.raises(LayerNotFound, match=r"did you mean 'blocks\.1'"):
        model.activations(torch.zeros(1, 3, 32, 32), ["block.1"])
    with pytest.raises(ModelError, match="did you mean 'efficientnet-lite0'"):
        models.open_model("efficientnet-lite")


def test_weights_need_no_gradients(model):
    image = torch.zeros(1, 3, 32, 32, requires_grad=True)
    model.activations(image, ["blocks.1"])["blocks.1"].sum().backward()
    parts = model.network.parts.values()
    assert not any(each.weight.requires_grad for part in parts for each in part.convolutions)
