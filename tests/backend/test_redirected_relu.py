import pytest
import torch
from torch import nn
from torch.nn import functional as F

from batcountry import open_model
from batcountry.backend.redirected_relu import redirected_relu
from batcountry.models.loaders.caffe import open_caffe
from conftest import REFERENCE


def gradient(act, x, pull):
    x = x.clone().requires_grad_()
    (found,) = torch.autograd.grad((act(x * 1) * pull).sum(), x)
    return found


def ways(top):
    """ReLU and ReLU6 in all the ways that networks write them."""
    if top == 6:
        return [
            nn.ReLU6(),
            nn.ReLU6(inplace=True),
            F.relu6,
            lambda x: F.hardtanh(x, 0, 6),
            lambda x: F.hardtanh_(x, 0, 6),
        ]
    return [
        nn.ReLU(),
        nn.ReLU(inplace=True),
        F.relu,
        torch.relu,
        torch.relu_,
        lambda x: x.relu(),
        lambda x: x.relu_(),
    ]


@pytest.mark.parametrize("top", [6, float("inf")])
def test_a_dead_layer_passes_what_pushes_units_back_inside(top):
    # lucid's rule, unit by unit, for a gradient of ascent
    x = torch.tensor([[-2.0, -1.0, -3.0, -0.5], [-2.0, 1.0, -3.0, 4.0]])[..., None, None]
    pull = torch.tensor([[1.0, -1.0, 0.0, 2.0], [1.0, 1.0, -1.0, -2.0]])[..., None, None]
    wanted = torch.tensor([[1.0, 0.0, 0.0, 2.0], [0.0, 1.0, 0.0, -2.0]])[..., None, None]
    for act in ways(top):
        usual = gradient(act, x, pull)
        with redirected_relu():
            torch.testing.assert_close(gradient(act, x, pull), wanted)
            torch.testing.assert_close(act(x * 1), (x * 1).clamp(0, top))
        torch.testing.assert_close(gradient(act, x, pull), usual)


def test_units_above_the_top_are_pulled_down_again():
    x, pull = torch.tensor([[8.0, 9.0]]), torch.tensor([[-1.0, 1.0]])
    with redirected_relu():
        torch.testing.assert_close(gradient(F.relu6, x, pull), torch.tensor([[-1.0, 0.0]]))


def test_in_place_stays_in_place():
    x = torch.randn(2, 3, 5, 7)
    with redirected_relu():
        y = x.clone()
        F.relu_(y)
        z = F.relu(x.clone(), inplace=True)
    torch.testing.assert_close(y, x.clamp_min(0))
    torch.testing.assert_close(z, x.clamp_min(0))


def dead_net():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True), nn.Conv2d(4, 2, 1))
    nn.init.constant_(net[0].bias, -1e4)
    nn.init.constant_(net[2].weight, 1.0)
    return net


def test_a_dead_network_can_be_dreamed_with_and_only_within_the_block():
    model = open_model(dead_net(), size=32)
    image = torch.rand(1, 3, 13, 17) * 255

    def moves():
        leaf = image.clone().requires_grad_()
        return torch.autograd.grad(model.activations(leaf, ["2"])["2"].mean(), leaf)[0].abs().sum() > 0

    assert not moves()
    with redirected_relu():
        assert moves()
    with pytest.raises(ValueError, match="stop"), redirected_relu():
        raise ValueError("stop")
    assert not moves()


def test_caffe_nets_and_the_embedded_one_are_redirected_too():
    case = REFERENCE / "layers" / "mini_inception"
    for model in (open_caffe(case / "net.prototxt", case / "net.caffemodel"), open_model()):
        image = torch.rand(1, 3, 65, 77) * 255
        name = model.default_layer
        usual = model.activations(image, [name])[name].clone()
        with redirected_relu():
            found = model.activations(image, [name])[name]
        assert float((found - usual).norm() / usual.norm()) < 1e-5  # of other kernels, so rounded otherwise


def _killed(model):
    """Return a model whose first convolution gives nothing but negative numbers."""
    network = model.network
    bias = (
        network.nodes[1].params[1]
        if hasattr(network, "nodes")
        else network.parts["stem"].convolutions[0].bias
    )
    bias.fill_(-1e5)
    return model


@pytest.mark.parametrize("kind", ["caffe", "embedded"])
def test_compiled_networks_are_redirected_too(kind):
    case = REFERENCE / "layers" / "mini_inception"
    model = _killed(
        open_caffe(case / "net.prototxt", case / "net.caffemodel") if kind == "caffe" else open_model()
    )
    first = "stem" if kind == "embedded" else model.layers[1].name
    leaf = (torch.rand(1, 3, 65, 77) * 255).requires_grad_()

    def moves():
        score = model.activations(leaf, [first])[first].sum()
        return bool(torch.autograd.grad(score, leaf)[0].abs().sum() > 0)

    assert not moves()
    with redirected_relu():
        assert moves()
    assert not moves()
