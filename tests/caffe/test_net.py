import numpy as np
import pytest

import batcountry.caffe as caffe
from batcountry.backend.policy import OPEN, STRICT
from batcountry.caffe.layers.python import Layer
from batcountry.errors import ModelError, PolicyError, UnsupportedLayer
from batcountry.models import open_model
from caffe.nets import inputs, layer
from conftest import REFERENCE


@pytest.fixture
def net():
    folder = REFERENCE / "layers" / "mini_inception"
    return caffe.Net(str(folder / "net.prototxt"), str(folder / "net.caffemodel"), caffe.TEST)


def test_views_stay_live_through_passes(net):
    data, diff = net.blobs["data"].data, net.blobs["data"].diff
    data[...] = np.random.RandomState(0).normal(size=data.shape)
    name, top = next(iter(net.forward().items()))
    net.blobs[name].diff[...] = 1
    net.backward()
    assert data is not top and np.shares_memory(diff, net.blobs["data"].diff)
    first = diff.copy()
    assert np.abs(first).max() > 0
    before = top.copy()
    data *= 0.5
    net.forward()
    assert not np.array_equal(before, top)


def test_what_a_program_writes_between_the_passes_counts_in_the_backward_pass(net):
    relu = next(n for n in net._nodes if n.layer.type == "ReLU" and n.in_place)
    blob = net.blobs[relu.tops[0]]
    values = blob.data
    net.blobs["data"].data[...] = np.random.RandomState(0).normal(size=net.blobs["data"].shape)
    net.forward(end=relu.name)
    values[...] = -1
    blob.diff[...] = 1
    net.backward(start=relu.name)
    assert not blob.diff.any()


def test_writing_weights_is_seen_by_the_next_pass(net):
    net.blobs["data"].data[...] = 1
    name = next(iter(net.params))
    before = net.forward(end=name)[name].copy()
    net.params[name][1].data[...] += 2
    np.testing.assert_allclose(net.forward(end=name)[name], before + 2, rtol=1e-5)


def test_an_unknown_layer_or_blob_is_answered_with_the_nearest(net):
    with pytest.raises(ValueError, match=r"'conv9' is not in list; did you mean"):
        net.forward(end="conv9")
    with pytest.raises(KeyError, match="did you mean 'data'"):
        net.blobs["dat"]


def test_reshaping_the_input_reshapes_the_net(net):
    net.blobs["data"].reshape(1, 3, 41, 29)
    net.reshape()
    shapes = {name: blob.shape for name, blob in net.blobs.items()}
    net.forward()
    assert {name: blob.data.shape for name, blob in net.blobs.items()} == shapes


def test_a_batch_of_another_size_is_refused(net):
    with pytest.raises(ValueError, match="'data' is given 2 items and the net's batch is of 1"):
        net.forward(data=np.zeros((2, *net.blobs["data"].shape[1:])))


def test_a_batch_is_run_as_its_pictures_one_by_one(net):
    pictures = np.random.RandomState(1).normal(size=(3, 3, 23, 31)).astype(np.float32)
    net.blobs["data"].reshape(*pictures.shape)
    together = {name: array.copy() for name, array in net.forward(data=pictures).items()}
    net.blobs["data"].reshape(1, *pictures.shape[1:])
    for index in range(3):
        for name, array in net.forward(data=pictures[index : index + 1]).items():
            np.testing.assert_allclose(array[0], together[name][index], rtol=1e-4, atol=1e-5)


FORMS = {
    "file, weights, phase": lambda p, w: caffe.Net(p, w, caffe.TEST),
    "file, phase": lambda p, w: caffe.Net(p, caffe.TEST),
    "weights by name": lambda p, w: caffe.Net(p, caffe.TEST, weights=w),
    "all by name": lambda p, w: caffe.Net(network_file=p, phase=caffe.TEST, level=0, stages=None, weights=w),
    "all in order": lambda p, w: caffe.Net(p, caffe.TEST, 0, ["x"], w),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_net_is_made_in_each_form_that_programs_use(form):
    folder = REFERENCE / "layers" / "conv_k3_p1"
    made = FORMS[form](str(folder / "net.prototxt"), str(folder / "net.caffemodel"))
    name = next(iter(made.params))
    assert bool(made.params[name][0].data.any()) == (form != "file, phase")


def test_layers_have_types_and_weights(net):
    assert [each.type for each in net.layers] == [net.layer_dict[name].type for name in net._layer_names]
    assert net.layer_dict["data"].type == "Input"
    name = next(iter(net.params))
    assert net.layer_dict[name].blobs[0] is net.params[name][0]
    assert all(not each.blobs for n, each in net.layer_dict.items() if n not in net.params)


def test_forward_all_runs_any_number_of_items(net):
    items = np.random.RandomState(0).normal(size=(5, *net.blobs["data"].shape[1:])).astype(np.float32)
    size = net.blobs["data"].shape
    net.blobs["data"].reshape(2, *size[1:])
    together = net.forward_all(blobs=["data"], data=items)
    np.testing.assert_array_equal(together["data"], items)
    forward, backward = net.forward_backward_all(
        data=items, **{net.outputs[0]: np.ones_like(together[net.outputs[0]])}
    )
    np.testing.assert_allclose(forward[net.outputs[0]], together[net.outputs[0]], rtol=1e-5, atol=1e-6)
    assert backward["data"].shape == items.shape
    with pytest.raises(ValueError, match="one number of items"):
        net.forward_backward_all(data=[])[0]
        net.forward_all(data=items, other=items[:2])


def test_nets_share_weights_and_copy_them(net):
    folder = REFERENCE / "layers" / "mini_inception"
    other = caffe.Net(folder / "net.prototxt", caffe.TEST)
    name = next(iter(net.params))
    other.copy_from(folder / "net.caffemodel")
    np.testing.assert_array_equal(other.params[name][0].data, net.params[name][0].data)
    other.share_with(net)
    net.params[name][0].data[...] = 3
    assert (other.params[name][0].data == 3).all()
    data = np.ones(net.blobs["data"].shape)
    for key, values in net.forward(data=data).items():
        np.testing.assert_array_equal(values, other.forward(data=data)[key])


def test_gradients_of_weights_are_the_derivative_and_add_up(net):
    random = np.random.RandomState(0)
    data = random.normal(size=net.blobs["data"].shape)
    top = net.outputs[0]
    seed = random.normal(size=net.blobs[top].shape)
    name = list(net.params)[1]
    weights = net.params[name][0]

    def score():
        return float((net.forward(data=data)[top].astype(float) * seed).sum())

    score()
    net.backward(**{top: seed})
    gradient = weights.diff.copy()
    direction = np.sign(gradient)
    before = weights.data.copy()
    sides = []
    for sign in (1, -1):
        weights.data[...] = before + sign * 1e-2 * direction
        sides.append(score())
    weights.data[...] = before
    assert (sides[0] - sides[1]) / 2e-2 == pytest.approx(np.abs(gradient).sum(), rel=0.02)
    score()
    net.backward(**{top: seed})
    np.testing.assert_allclose(weights.diff, 2 * gradient, rtol=1e-4, atol=1e-5)
    net.clear_param_diffs()
    assert not weights.diff.any()


def written(tmp_path, text):
    path = tmp_path / "net.prototxt"
    path.write_text(text)
    return path


def test_constant_dummy_data_may_be_written_and_random_data_is_drawn_anew(tmp_path):
    text = (
        layer("DummyData", "d", tops="a b", settings="dummy_data_param { data_filler { value: 2 } shape { dim: 2 dim: 3 } }")
        + layer("DummyData", "r", settings='dummy_data_param { data_filler { type: "gaussian" } num: 2 channels: 3 height: 1 width: 1 }')
        + layer("Eltwise", "s", "a b")
        + layer("Silence", "n", "r", "")
    )  # fmt: skip
    net = caffe.Net(written(tmp_path, text), caffe.TEST)
    assert (net.forward()["s"] == 4).all() and net.inputs == []
    first = net.blobs["r"].data.copy()
    net.blobs["a"].data[...] = 5
    assert (net.forward()["s"] == 7).all()
    assert not np.array_equal(first, net.blobs["r"].data)


def test_while_training_batch_norm_takes_the_batchs_own_statistics_and_dropout_drops(tmp_path):
    text = inputs(x=(8, 2, 5, 5)) + layer("BatchNorm", "y", "x") + layer("Dropout", "z", "y")
    net = caffe.Net(written(tmp_path, text), caffe.TRAIN)
    caffe.set_random_seed(0)
    net.forward(x=np.random.RandomState(0).normal(3, 2, size=(8, 2, 5, 5)))
    assert abs(net.blobs["y"].data.mean()) < 1e-5 and 0.3 < (net.blobs["z"].data == 0).mean() < 0.7


@caffe.python_layer
class ScaledBy(caffe.Layer):
    def setup(self, bottom, top):
        self.factor = float(self.param_str)
        if len(bottom) != 2:
            raise ValueError("needs two bottoms")

    def reshape(self, bottom, top):
        top[0].reshape(*bottom[0].data.shape)

    def forward(self, bottom, top):
        top[0].data[...] = self.factor * bottom[0].data * bottom[1].data

    def backward(self, top, propagate_down, bottom):
        for this, other in ((0, 1), (1, 0)):
            if propagate_down[this]:
                bottom[this].diff[...] = self.factor * top[0].diff * bottom[other].data


PYTHON = "python_param {{ module: 'mine' layer: '{}' param_str: '{}' }}"


def test_python_layers_run_forward_and_back(tmp_path):
    text = inputs(a=(2, 3), b=(2, 3)) + layer("Python", "y", "a b", settings=PYTHON.format("ScaledBy", "3"))
    text += layer("ReLU", "z", "y")
    net = caffe.Net(written(tmp_path, text), caffe.TEST)
    random = np.random.RandomState(0)
    a, b = random.normal(size=(2, 2, 3)).astype(np.float32)
    np.testing.assert_allclose(net.forward(a=a, b=b)["z"], np.maximum(3 * a * b, 0), rtol=1e-6)
    net.blobs["z"].diff[...] = 1
    net.backward()
    np.testing.assert_allclose(net.blobs["a"].diff, 3 * b * (a * b > 0), rtol=1e-6)
    assert isinstance(net.layer_dict["y"], ScaledBy)


@caffe.python_layer
class Same(Layer):
    def reshape(self, bottom, top):
        top[0].reshape(*bottom[0].data.shape)

    def forward(self, bottom, top):
        top[0].data[...] = bottom[0].data


def test_python_layers_of_a_net_from_a_stranger_need_leave(tmp_path):
    text = inputs(data=(1, 3, 8, 8)) + layer("Python", "y", "data", settings=PYTHON.format("Same", ""))
    net, weights = written(tmp_path, text), tmp_path / "net.caffemodel"
    caffe.Net(net, caffe.TEST).save(weights)
    for policy in (OPEN, STRICT.allow(tmp_path, run_code=True)):
        assert open_model(net, weights, policy=policy).layers
    with pytest.raises(PolicyError, match=r"the Python layer 'y' of 'mine'.*--run-code"):
        open_model(net, weights, policy=STRICT.allow(tmp_path))


def test_python_layers_that_are_not_registered_are_named_and_never_imported(tmp_path):
    text = inputs(a=(2, 3)) + layer("Python", "y", "a", settings=PYTHON.format("ScaledBi", ""))
    text += layer("Python", "z", "a", settings=PYTHON.format("Other", "")) + layer("Wibble", "w", "a")
    with pytest.raises(
        UnsupportedLayer,
        match=r"'y' \(Python class 'ScaledBi' of 'mine'.*did you mean 'ScaledBy'.*'z' \(Python class 'Other'.*'w' \(Wibble\)",
    ):
        caffe.Net(written(tmp_path, text), caffe.TEST)


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        ("Convolution", "convolution_param { num_output: 4 }", "kernel_size is not given"),
        ("Convolution", "convolution_param { num_output: 4 kernel_size: 3 group: 3 }", "3 groups"),
        ("Convolution", "convolution_param { num_output: 4 kernel_size: 1 kernel_size: 1 kernel_size: 1 }", "3 times for 2 axes"),
        ("Pooling", "pooling_param { kernel_size: 3 pad: 3 }", "do not go together"),
        ("Pooling", "pooling_param { kernel_size: 3 pool: STOCHASTIC }", "stochastic"),
        ("Convolution", "convolution_param { num_output: 4 kernel_size: 30 }", "cannot run on"),
        ("ReLU", 'top: "more"', "makes 1 blobs, not 2"),
        ("Eltwise", 'bottom: "b"', "not of one shape"),
        ("TanH", 'bottom: "b"', r"layer 'y' \(TanH\) does not run on 2 bottoms"),
        ("InnerProduct", 'inner_product_param { num_output: 500000 weight_filler { type: "xavier" } }', "more than 100,000,000"),
        ("InnerProduct", "inner_product_param { num_output: 4 weight_filler { type: 'wibble' } }", "filler 'wibble' is not known"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_are_refused_with_the_reason(tmp_path, kind, text, said):
    with pytest.raises(ModelError, match=said):
        caffe.Net(
            written(tmp_path, inputs(a=(1, 4, 8, 8), b=(1, 4, 1, 8)) + layer(kind, "y", "a", settings=text)),
            caffe.TEST,
        )


def test_a_layer_without_its_bottoms_is_refused(tmp_path):
    text = inputs(a=(1, 4, 8, 8)) + layer("Eltwise", "y")
    with pytest.raises(ModelError, match=r"layer 'y' \(Eltwise\) does not run on 0 bottoms"):
        caffe.Net(written(tmp_path, text), caffe.TEST)


def test_a_bug_in_a_layers_code_comes_through(tmp_path, monkeypatch):
    monkeypatch.setattr("batcountry.caffe.layers.combine._joined_along", None)
    text = inputs(a=(1, 4, 8, 8)) + layer("Concat", "y", "a")
    with pytest.raises(TypeError, match="NoneType"):
        caffe.Net(written(tmp_path, text), caffe.TEST)


def test_one_number_can_be_reshaped_to_no_axes(tmp_path):
    text = inputs(a=(1,)) + layer("Reshape", "y", "a", settings="reshape_param { shape { } }")
    assert caffe.Net(written(tmp_path, text), caffe.TEST).blobs["y"].shape == ()
