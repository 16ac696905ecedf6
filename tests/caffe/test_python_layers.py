"""Python layers with weights of their own: `blobs.add_blob` in `setup`, as pycaffe's."""

import numpy as np
import pytest
import torch

import batcountry.caffe as caffe
from batcountry.caffe import layers as L
from batcountry.errors import ModelError
from batcountry.models import open_model
from batcountry.models.loaders.caffe import open_caffe

START = np.float32([[1, -2, 3]])


@caffe.python_layer
class Weighted(caffe.Layer):
    """Multiplies each channel with a weight, and adds a number."""

    def setup(self, bottom, top):
        if len(bottom[0].shape) < 2:
            raise RuntimeError("needs channels")
        self.blobs.add_blob(1, bottom[0].data.shape[1])
        self.blobs.add_blob()
        self.blobs[0].data[...] = START

    def reshape(self, bottom, top):
        top[0].reshape(*bottom[0].data.shape)

    def _weights(self):
        return self.blobs[0].data.reshape(1, -1, 1, 1)

    def forward(self, bottom, top):
        top[0].data[...] = bottom[0].data * self._weights() + self.blobs[1].data

    def backward(self, top, propagate_down, bottom):
        bottom[0].diff[...] = top[0].diff * self._weights()
        self.blobs[0].diff[0] += (top[0].diff * bottom[0].data).sum((0, 2, 3))
        self.blobs[1].diff[...] += top[0].diff.sum()


def spec(*names, shape=(2, 3, 4, 5), **fields):
    n = caffe.NetSpec()
    top = n.data = L.Input(shape={"dim": list(shape)})
    for name in names:
        top = n[name] = L.Python(top, module="mine", layer="Weighted", **fields)
    return str(n.to_proto())


@pytest.fixture
def net(tmp_path):
    def made(*arguments, **options):
        (tmp_path / "net.prototxt").write_text(spec(*(arguments or ("y",)), **options))
        return caffe.Net(tmp_path / "net.prototxt", caffe.TRAIN)

    return made


DATA, SEED = np.random.RandomState(5).normal(size=(2, 2, 3, 4, 5)).astype(np.float32)


def run(net):
    net.forward(data=DATA)
    net.blobs["y"].diff[...] = SEED
    net.backward()


def test_weights_that_a_layer_adds_are_the_nets(net):
    made = net()
    assert [blob.shape for blob in made.params["y"]] == [(1, 3), ()]
    layer = made.layers[list(made._layer_names).index("y")]
    assert layer is made.layer_dict["y"] and list(layer.blobs) == made.params["y"]
    made.params["y"][1].data[...] = 10
    layer.blobs[0].data[0, 1] = 7
    np.testing.assert_allclose(
        made.forward(data=DATA)["y"], DATA * np.reshape([1, 7, 3], (3, 1, 1)) + 10, rtol=1e-5, atol=1e-5
    )


def test_what_a_layer_writes_as_its_gradient_stays_until_it_is_cleared(net):
    made = net()
    run(made)
    expected = np.float64(SEED * DATA).sum((0, 2, 3))
    weights, shift = made.params["y"]
    np.testing.assert_allclose(weights.diff[0], expected, rtol=1e-4)
    np.testing.assert_allclose(shift.diff, np.float64(SEED).sum(), rtol=1e-4)
    np.testing.assert_allclose(made.blobs["data"].diff, SEED * START.reshape(3, 1, 1), rtol=1e-5)
    run(made)
    np.testing.assert_allclose(weights.diff[0], 2 * expected, rtol=1e-4)
    made.clear_param_diffs()
    assert not made.layer_dict["y"].blobs[0].diff.any()


def test_they_are_saved_and_loaded(net, tmp_path):
    made = net()
    made.params["y"][0].data[...] = [[4, 5, 6]]
    made.params["y"][1].data[...] = 8
    made.save(tmp_path / "net.caffemodel")
    made.layer_dict["y"].blobs[0].data[...] = -1
    made.copy_from(tmp_path / "net.caffemodel")
    assert made.layer_dict["y"].blobs[0].data.tolist() == [[4, 5, 6]]
    again = caffe.Net(tmp_path / "net.prototxt", tmp_path / "net.caffemodel", caffe.TEST)
    layer = again.layer_dict["y"]
    assert layer.blobs[0].data.tolist() == [[4, 5, 6]] and layer.blobs[1].data == 8
    layer.blobs[0].data[...] = 2
    assert np.allclose(again.forward(data=DATA)["y"], 2 * DATA + 8, atol=1e-5)


def test_they_are_shared_with_another_net_and_by_a_name(net):
    first, second = net(), net()
    second.share_with(first)
    first.params["y"][0].data[...] = 9
    assert (second.layer_dict["y"].blobs[0].data == 9).all() and (second.params["y"][0].data == 9).all()
    both = net("x", "y", param=[{"name": "w"}])
    one, other = (both.layer_dict[name].blobs[0] for name in "xy")
    one.data[...] = 0.5
    assert (other.data == 0.5).all()
    assert np.allclose(both.forward(data=DATA)["y"], DATA / 4, atol=1e-5)


def test_a_network_with_such_a_layer_dreams_with_its_weights(net, tmp_path):
    made = net(shape=(1, 3, 8, 8))
    made.params["y"][0].data[...] = [[4, 5, 6]]
    made.save(tmp_path / "net.caffemodel")
    model = open_model(tmp_path / "net.prototxt", tmp_path / "net.caffemodel", mean=(0, 0, 0))
    image = torch.rand(1, 3, 8, 8)
    found = model.activations(image, ("y",))["y"]
    torch.testing.assert_close(found, image.flip(1) * torch.tensor([4.0, 5, 6]).reshape(3, 1, 1))
    assert open_caffe(tmp_path / "net.prototxt", tmp_path / "net.caffemodel").layer("y").channels == 3


def test_a_layer_need_not_derive_from_ours_and_what_it_raises_is_said(net, tmp_path):
    class Alone:
        def setup(self, bottom, top):
            self.blobs.add_blob(2, 2)

        def reshape(self, bottom, top):
            top[0].reshape(2, 2)

        def forward(self, bottom, top):
            top[0].data[...] = self.blobs[0].data

    caffe.python_layer(Alone)
    (tmp_path / "net.prototxt").write_text(spec("y").replace('"Weighted"', '"Alone"'))
    made = caffe.Net(tmp_path / "net.prototxt", caffe.TEST)
    made.params["y"][0].data[...] = 3
    assert made.forward()["y"].tolist() == [[3, 3], [3, 3]]
    with pytest.raises(ModelError, match=r"layer 'y' \(Python\) cannot run on .*needs channels"):
        net(shape=(3,))
    with pytest.raises(ValueError, match="cannot have the shape"):
        caffe.Layer().blobs.add_blob(-1)


def test_a_method_that_a_class_lacks_is_named(net, tmp_path):
    @caffe.python_layer
    class Unfinished(caffe.Layer):
        def setup(self, bottom, top):
            pass

    (tmp_path / "net.prototxt").write_text(spec("y").replace('"Weighted"', '"Unfinished"'))
    with pytest.raises(ModelError, match=r"layer 'y' \(Python\) .*the class Unfinished has no reshape\("):
        caffe.Net(tmp_path / "net.prototxt", caffe.TEST)
    Unfinished.reshape = lambda self, bottom, top: top[0].reshape(*bottom[0].shape)
    made = caffe.Net(tmp_path / "net.prototxt", caffe.TEST)
    with pytest.raises(ModelError, match=r"the class Unfinished has no forward\("):
        made.forward()
