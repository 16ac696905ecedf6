import numpy as np
import pytest
import torch

from batcountry import caffe, open_model
from batcountry.caffe.fusion import Step
from batcountry.caffe.graph import Node
from batcountry.models.loaders.caffe import open_caffe
from conftest import REFERENCE

CASE = REFERENCE / "layers" / "mini_inception"


def test_the_engine_gives_what_the_net_gives_at_every_layer():
    model = open_caffe(CASE / "net.prototxt", CASE / "net.caffemodel", mean=(3.0, 2.0, 1.0))
    image = np.random.RandomState(0).uniform(0, 255, (1, 3, 37, 53)).astype(np.float32)
    net = caffe.Net(CASE / "net.prototxt", CASE / "net.caffemodel", caffe.TEST)
    net.blobs["data"].reshape(*image.shape)
    for each in model.layers:
        net.blobs["data"].data[...] = image[:, ::-1] - np.float32([3, 2, 1]).reshape(1, 3, 1, 1)
        top = next(iter(net.forward(end=each.name).values()))
        found = model.activations(torch.from_numpy(image), [each.name])[each.name].numpy()
        np.testing.assert_allclose(found, top, rtol=1e-3, atol=1e-4 * np.abs(top).max())


def test_an_activation_asked_for_is_not_overwritten_by_what_works_in_place():
    model = open_caffe(CASE / "net.prototxt", CASE / "net.caffemodel")
    names = [each.name for each in model.layers]
    image = (torch.rand(1, 3, 37, 53) * 255).requires_grad_()
    together = model.activations(image, names)
    for name in names:
        alone = model.activations(image, [name])[name]
        assert torch.equal(together[name], alone), name


def test_no_layer_runs_that_is_not_needed(monkeypatch):
    model = open_caffe(CASE / "net.prototxt", CASE / "net.caffemodel")
    ran = []
    for kind, method in ((Node, "run"), (Step, "__call__")):
        monkeypatch.setattr(kind, method, _noting(getattr(kind, method), ran))
    model.activations(torch.zeros(1, 3, 37, 53), [model.layers[0].name])
    assert ran == [model.layers[0].name]


def _noting(original, ran):
    return lambda self, *x: ran.append(getattr(self, "node", self).name) or original(self, *x)


def test_googlenets_layers_have_their_known_strides_and_fields(googlenet):
    model = open_model(googlenet)
    assert model.default_layer == "inception_4c/output"
    known = {"conv1/7x7_s2": (64, 2, 7), "pool1/3x3_s2": (64, 4, 11), "inception_4c/output": (512, 16, 299)}
    for name, (channels, stride, field) in known.items():
        layer = model.layer(name)
        assert (layer.channels, layer.stride, layer.receptive_field) == (channels, stride, field)


@pytest.mark.parametrize("kept", ["conv2/3x3", "inception_3b/5x5_reduce"])
def test_a_convolution_shows_its_values_before_the_relu(googlenet, kept):
    model = open_model(googlenet)
    image = torch.rand(1, 3, 65, 67) * 255
    assert float(model.activations(image, [kept, "inception_4c/output"])[kept].min()) < 0
