import numpy as np
import pytest
import torch
from torch import nn

import batcountry
from batcountry import open_model
from batcountry.errors import ModelError
from batcountry.models.loaders.caffe import open_caffe
from conftest import REFERENCE
from torch_nets import ResidualNet, seeded

CASE = REFERENCE / "layers" / "mini_inception"


def embedded():
    return open_model()


def caffe():
    return open_caffe(CASE / "net.prototxt", CASE / "net.caffemodel", mean=(3.0, 2.0, 1.0))


def own():
    return open_model(seeded(ResidualNet, inplace=False), size=64)


def parts_of(model):
    """The module's parts that are layers, by the layers' names."""
    parts = dict(model.module.named_modules())
    return {each.name: parts[each.name] for each in model.layers if each.name in parts}


def heard(model, image):
    """What hooks hear of each layer in one run of the module."""
    found = {}
    hooks = [
        part.register_forward_hook(lambda _, __, output, name=name: found.update({name: output.clone()}))
        for name, part in parts_of(model).items()
    ]
    model.module(model.preprocess(image))
    for each in hooks:
        each.remove()
    return found


@pytest.mark.parametrize("opened", [embedded, caffe, own])
def test_the_module_gives_at_every_layer_what_the_model_does(opened):
    model, image = opened(), torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(1)) * 255
    found = heard(model, image)
    assert len(found) > 5
    for name, output in found.items():
        if opened is own and name.endswith("relu"):
            continue  # blocks call theirs twice
        wanted = model.activations(image, [name])[name]
        torch.testing.assert_close(output, wanted, rtol=1e-3, atol=1e-4 * float(wanted.abs().max()))


@pytest.mark.parametrize("opened", [embedded, caffe])
def test_every_layer_is_a_part_by_its_name(opened):
    model = opened()
    assert set(parts_of(model)) == {each.name for each in model.layers}
    assert isinstance(model.module, nn.Module) and not model.module.training
    assert model.module is model.module


def test_the_module_ends_in_the_classes():
    model, image = embedded(), torch.rand(1, 3, 96, 96) * 255
    logits = model.module(model.preprocess(image))
    torch.testing.assert_close(logits, model.activations(image, ["logits"])["logits"], rtol=1e-3, atol=1e-3)


def test_gradients_and_backward_hooks_work_as_grad_cam_needs_them():
    model, seen = embedded(), {}
    image = (torch.rand(1, 3, 96, 96) * 255).requires_grad_()
    layer = model.module.blocks[10]
    layer.register_forward_hook(lambda _, __, output: seen.update(output=output))
    layer.register_full_backward_hook(lambda _, __, slope: seen.update(slope=slope[0]))
    model.module(model.preprocess(image))[0, 281].backward()
    assert seen["slope"].shape == seen["output"].shape and seen["slope"].abs().sum() > 0
    assert image.grad.abs().sum() > 0
    assert all(each.grad is None for each in model.module.parameters())


def test_nothing_is_written_over_what_a_hook_was_given():
    model, kept = embedded(), []
    for part in model.module.modules():
        part.register_forward_hook(lambda _, __, output: kept.append((output, output.clone())))
    model.module(model.preprocess(torch.rand(1, 3, 64, 64) * 255))
    assert len(kept) > 100 and all(torch.equal(now, then) for now, then in kept)


@pytest.mark.parametrize("opened", [embedded, caffe, own])
@pytest.mark.parametrize("precision", ["exact", "fast"])
def test_hooks_are_called_in_dreams_as_far_as_those_run(opened, precision, photo):
    model = opened()
    names = [each.name for each in model.layers]
    parts, seen = parts_of(model), []
    first_part = next(name for name in names if name in parts)
    layer = model.default_layer if opened is embedded else first_part
    handle = parts[first_part].register_forward_hook(lambda _, __, output: seen.append(output.shape))
    parts[names[-1]].register_forward_hook(lambda *_: seen.append("the end"))
    options = {
        "model": model,
        "layer": layer,
        "octaves": 1,
        "iterations": 2,
        "jitter": 0,
        "precision": precision,
    }
    first = batcountry.dream(np.tile(photo, (2, 2, 1)), **options)
    assert seen and "the end" not in seen
    handle.remove()
    second = batcountry.dream(np.tile(photo, (2, 2, 1)), **options)
    assert np.abs(first.pixels - second.pixels).mean() < 3


def test_a_hook_that_changes_what_a_layer_gives_changes_the_dream(photo):
    options = {"octaves": 1, "iterations": 2, "jitter": 0, "precision": "exact"}
    model = embedded()
    plain = batcountry.dream(photo, model=model, **options).array()
    model.module.blocks[5].register_forward_hook(lambda _, __, output: output.flip(1))
    assert not np.array_equal(batcountry.dream(photo, model=model, **options).array(), plain)


def test_opening_the_module_draws_no_random_numbers():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    _ = embedded().module, caffe().module
    assert torch.equal(torch.get_rng_state(), before)


def test_a_network_that_is_no_module_says_so(two_channels):
    with pytest.raises(ModelError, match="two-channels is run by TwoChannels, which is no PyTorch module"):
        _ = two_channels.module
    with pytest.raises(ModelError, match="no PyTorch module"):
        two_channels.preprocess(torch.zeros(1, 3, 8, 8))
