import sys
import warnings

import numpy as np
import pytest
import torch

import batcountry
from batcountry.backend.files import sha256_of
from batcountry.errors import MissingExtra, ModelError
from batcountry.models import open_model

onnx = pytest.importorskip("onnx", reason="needs onnx")


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def write(path, shape=("n", 3, 40, 56), name="/conv1/Conv", more=()):
    """A convolution, a ReLU, and a max pool."""
    from onnx import TensorProto, helper, numpy_helper

    random = np.random.RandomState(2)
    channels = shape[1] if isinstance(shape[1], int) else 3
    weight = random.randn(16, channels, 3, 3).astype(np.float32) * 0.3
    bias = random.randn(16).astype(np.float32) * 0.1
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["a"], name=name, strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["a"], ["r"], name="/relu"),
        helper.make_node("MaxPool", ["r"], ["y"], kernel_shape=[3, 3], strides=[2, 2]),
        *more,
    ]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(weight, "w"), numpy_helper.from_array(bias, "b")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)
    return weight, bias


def test_an_onnx_file_gives_what_it_says_and_dreams(tmp_path, photo):
    path = tmp_path / "net.onnx"
    weight, bias = write(path)
    model = open_model(path, mean=(0.4, 0.5, 0.6), std=(0.2, 0.25, 0.3))
    assert [each.name for each in model.layers] == ["conv1/Conv", "relu", "MaxPool"]
    assert model.layer("MaxPool").receptive_field == 7 and model.layer("MaxPool").stride == 4
    assert model.weights_sha256 == sha256_of(path) and model.network.traced.size == (40, 56)
    image = np.random.RandomState(3).rand(1, 3, 23, 31).astype(np.float32) * 255
    mean, std = (np.float32(each).reshape(1, 3, 1, 1) for each in ((0.4, 0.5, 0.6), (0.2, 0.25, 0.3)))
    padded = np.pad((image / 255 - mean) / std, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (2, 3))[:, :, ::2, ::2]
    wanted = np.einsum("nchwij,ocij->nohw", windows, weight) + bias.reshape(1, -1, 1, 1)
    found = model.activations(torch.from_numpy(image), ["conv1/Conv", "relu"])
    np.testing.assert_allclose(found["conv1/Conv"], wanted, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found["relu"], np.maximum(wanted, 0), rtol=1e-4, atol=1e-4)
    steps = list(
        batcountry.dreaming(photo, model=model, octaves=1, iterations=5, jitter=0, step_size=4.0, tile=16)
    )
    assert steps[-1].score > 1.1 * steps[0].score


def test_channels_are_those_of_the_file(tmp_path):
    write(tmp_path / "gray.onnx", shape=(1, 1, 40, 56))
    assert open_model(tmp_path / "gray.onnx").network.entry.kind == "gray"
    write(tmp_path / "many.onnx", shape=(1, 6, 40, 56))
    assert open_model(tmp_path / "many.onnx").channels == 6


def test_names_in_a_file_do_not_become_code(tmp_path, capsys):
    write(tmp_path / "net.onnx", name='x", print("code from a file ran")) or getattr(self, "x')
    model = open_model(tmp_path / "net.onnx")
    assert "ran" not in capsys.readouterr().out
    assert model.layers[0].name.isascii() and '"' not in model.layers[0].name


def test_what_cannot_be_opened_is_said_in_one_sentence(tmp_path):
    from onnx import helper

    (tmp_path / "bad.onnx").write_bytes(b"no network")
    graph = helper.make_graph(
        [helper.make_node("Wibble", ["x"], ["y"])],
        "net",
        [helper.make_tensor_value_info("x", 1, (1, 3, 40, 40))],
        [helper.make_tensor_value_info("y", 1, None)],
    )
    onnx.save(helper.make_model(graph), tmp_path / "odd.onnx")
    write(tmp_path / "flat.onnx", shape=(1, 3, 40))
    for name, said in (
        ("missing", "there is no file"),
        ("bad", "is not an ONNX file, or damaged"),
        ("odd", "has operators that are not supported: Wibble"),
        ("flat", "is not pictures"),
    ):
        with pytest.raises(ModelError, match=said) as caught:
            open_model(tmp_path / f"{name}.onnx")
        assert "\n" not in str(caught.value)


def test_the_extra_is_named_where_it_is_missing(tmp_path, monkeypatch):
    write(tmp_path / "net.onnx")
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtra, match=r"pip install onnx, or .*'\.\[onnx\]'"):
        open_model(tmp_path / "net.onnx")


class Graph:
    """A graph put together node by node, in the form of an opset: `graph("Relu", x)` gives the name of the result."""

    def __init__(self, opset, constant_nodes=False):
        self.opset, self.constant_nodes = opset, constant_nodes
        self.nodes, self.weights, self.count = [], [], 0
        self.random = np.random.RandomState(3)

    def name(self):
        self.count += 1
        return f"value {self.count}"

    def weight(self, values, dtype=np.float32):
        from onnx import helper, numpy_helper

        name = self.name()
        tensor = numpy_helper.from_array(np.asarray(values, dtype), name)
        if self.constant_nodes:
            self.nodes.append(helper.make_node("Constant", [], [name], value=tensor))
        else:
            self.weights.append(tensor)
        return name

    def drawn(self, *shape):
        return self.weight(self.random.uniform(0.3, 1.2, shape))

    def sizes(self, *values):
        return self.weight(values, np.int64)

    def __call__(self, kind, *inputs, outputs=1, name="", **attributes):
        from onnx import helper

        names = [self.name() for _ in range(outputs)]
        self.nodes.append(helper.make_node(kind, inputs, names, name=name, **attributes))
        return names[0] if outputs == 1 else names

    def model(self, output, shape=(1, 3, 14, 10)):
        from onnx import TensorProto, helper

        value = helper.make_tensor_value_info
        graph = helper.make_graph(
            self.nodes,
            "net",
            [value("x", TensorProto.FLOAT, shape)],
            [value(output, TensorProto.FLOAT, None)],
            self.weights,
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8)


def attribute_or_input(g, kind, x, since, name, values, *, dtype=np.int64, outputs=1, **more):
    """Use what is an attribute before an opset, and an input from then on."""
    if g.opset < since:
        return g(kind, x, outputs=outputs, **{name: values}, **more)
    return g(kind, x, g.weight(values, dtype), outputs=outputs, **more)


def resized(g, x, mode):
    if g.opset < 10:
        return g("Upsample", x, g.weight([1, 1, 2, 2]), mode=mode)
    if g.opset == 10:
        return g("Resize", x, g.weight([1, 1, 2, 2]), mode=mode)
    more = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    return g("Resize", x, "", g.weight([1, 1, 2, 2]), mode=mode, **more)


def cut(g, x):
    if g.opset < 10:
        return g("Slice", x, axes=[2, 3], starts=[1, 0], ends=[-1, 4])
    return g("Slice", x, g.sizes(1, 0), g.sizes(-1, 4), g.sizes(2, 3))


def squeezed(g, x):
    y = g("GlobalAveragePool", x)
    y = attribute_or_input(g, "Squeeze", y, 13, "axes", [2, 3])
    return attribute_or_input(g, "Unsqueeze", y, 13, "axes", [2, 3])


def by_its_shape(g, x):
    count = g("Gather", g("Shape", x), g.weight(0, np.int64), axis=0)
    count = attribute_or_input(g, "Unsqueeze", count, 13, "axes", [0])
    return g("Reshape", x, g("Concat", count, g.sizes(-1), axis=0))


FORMS = {
    "clip": lambda g, x: (
        g("Clip", x, min=-0.2, max=0.3) if g.opset < 11 else g("Clip", x, g.weight(-0.2), g.weight(0.3))
    ),
    "clip above": lambda g, x: g("Clip", x, max=0.3) if g.opset < 11 else g("Clip", x, "", g.weight(0.3)),
    "dropout": lambda g, x: attribute_or_input(g, "Dropout", x, 12, "ratio", 0.5, dtype=np.float32),
    "nearest": lambda g, x: resized(g, x, "nearest"),
    "linear": lambda g, x: resized(g, x, "linear"),
    "gemm": lambda g, x: g(
        "Gemm",
        g("Flatten", g("GlobalAveragePool", x)),
        g.drawn(5, 8),
        g.drawn(5),
        transB=1,
        alpha=1.5,
        beta=0.5,
    ),
    "pad": lambda g, x: (
        g("Pad", x, pads=[0, 0, 1, 2, 0, 0, 0, 1], value=0.5)
        if g.opset < 11
        else g("Pad", x, g.sizes(0, 0, 1, 2, 0, 0, 0, 1), g.weight(0.5))
    ),
    "mirrored": lambda g, x: attribute_or_input(
        g, "Pad", x, 11, "pads", [0, 0, 1, 2, 0, 0, 0, 1], mode="reflect"
    ),
    "mean": lambda g, x: attribute_or_input(g, "ReduceMean", x, 18, "axes", [2, 3], keepdims=1),
    "sum": lambda g, x: attribute_or_input(g, "ReduceSum", x, 13, "axes", [1], keepdims=0),
    "squeeze": squeezed,
    "split": lambda g, x: g(
        "Concat", *attribute_or_input(g, "Split", x, 13, "split", [3, 5], outputs=2, axis=1)[::-1], axis=1
    ),
    "slice": cut,
    "softmax": lambda g, x: g("Softmax", g("Flatten", g("GlobalAveragePool", x)), axis=1),
    "average": lambda g, x: g("AveragePool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 0, 0]),
    "average with the border": lambda g, x: g(
        "AveragePool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], count_include_pad=1
    ),
    "max as TensorFlow": lambda g, x: g(
        "MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER"
    ),
    "uneven convolution": lambda g, x: g("Conv", x, g.drawn(4, 8, 3, 3), strides=[2, 2], pads=[0, 1, 1, 1]),
    "convolution as TensorFlow": lambda g, x: g(
        "Conv", x, g.drawn(8, 1, 3, 3), group=8, auto_pad="SAME_LOWER"
    ),
    "transposed": lambda g, x: g(
        "ConvTranspose", x, g.drawn(8, 4, 3, 3), g.drawn(4), strides=[2, 2], pads=[1, 1, 0, 1]
    ),
    "depth to space": lambda g, x: g("DepthToSpace", x, blocksize=2),
    "instance norm": lambda g, x: g("InstanceNormalization", x, g.drawn(8), g.drawn(8)),
    "prelu": lambda g, x: g("PRelu", x, g.drawn(8, 1, 1)),
    "shape": by_its_shape,
    "folded": lambda g, x: g(
        "Conv", x, g("Transpose", g("Identity", g.drawn(3, 3, 8, 4)), perm=[3, 2, 0, 1])
    ),
}
NEWER = {
    "resized to a size": (11, lambda g, x: g("Resize", x, "", "", g.sizes(1, 8, 9, 7), mode="linear")),
    "from corner to corner": (
        11,
        lambda g, x: g(
            "Resize",
            x,
            "",
            "",
            g.sizes(1, 8, 9, 7),
            mode="linear",
            coordinate_transformation_mode="align_corners",
        ),
    ),
    "the nearest of a half": (11, lambda g, x: g("Resize", x, "", "", g.sizes(1, 8, 4, 3), mode="nearest")),
    "layer norm": (
        17,
        lambda g, x: g("LayerNormalization", g("Transpose", x, perm=[0, 2, 3, 1]), g.drawn(8), g.drawn(8)),
    ),
    "parts": (18, lambda g, x: g("Concat", *g("Split", x, outputs=3, axis=1, num_outputs=3)[::-1], axis=1)),
    "some axes": (18, lambda g, x: g("Pad", x, g.sizes(1, 2, 1, 0), "", g.sizes(2, 3))),
    "mish": (18, lambda g, x: g("Mish", x)),
    "gelu": (20, lambda g, x: g("Gelu", x, approximate="tanh")),
}


def given(g, path, make, **options):
    """Return what our reader and the reference give of a graph after a convolution, and the model."""
    from onnx.reference import ReferenceEvaluator

    x = g("Conv", "x", g.weight(g.random.randn(8, 3, 3, 3) * 0.3), g.drawn(8), strides=[2, 2], pads=[1] * 4)
    proto = g.model(g("Mul", make(g, x), g.weight(1.25)), **options)
    onnx.save(proto, path)
    model = open_model(path, mean=(0, 0, 0), std=(1, 1, 1))
    image = np.random.RandomState(4).rand(1, 3, 14, 10).astype(np.float32)
    ours = model.network.module(model.preprocess(torch.from_numpy(image * 255))).numpy()
    return ours, lambda: ReferenceEvaluator(proto).run(None, {"x": image})[0], model


@pytest.mark.parametrize("opset", [9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20])
def test_operators_do_what_they_are_defined_to_in_the_form_of_every_opset(tmp_path, opset):
    forms = {**FORMS, **{name: make for name, (since, make) in NEWER.items() if opset >= since}}
    if opset < 11:  # for these two the reference has no such form
        del forms["nearest"], forms["linear"]
    for name, make in forms.items():
        ours, reference, _ = given(Graph(opset), tmp_path / "net.onnx", make)
        np.testing.assert_allclose(ours, reference(), rtol=1e-3, atol=1e-4, err_msg=f"{name}, opset {opset}")


def test_where_the_reference_is_wrong_or_lacks_a_form_the_definition_holds(tmp_path):
    """NumPy from ONNX's own text: batch norm and softmax of old, neighbors of channels, enlarging."""

    def before(g):
        ours, _, _ = given(Graph(g.opset), tmp_path / "net.onnx", lambda g, x: g("Identity", x))
        return ours.astype(np.float64) / 1.25

    def compare(opset, make, expected):
        ours, _, _ = given(Graph(opset), tmp_path / "net.onnx", make)
        np.testing.assert_allclose(ours, 1.25 * expected(before(Graph(opset))), rtol=1e-3, atol=1e-4)

    stored = [np.random.RandomState(seed).uniform(0.5, 1.5, 8) for seed in range(4)]
    scale, bias, mean, variance = (each.reshape(1, 8, 1, 1) for each in stored)
    compare(
        9,
        lambda g, x: g("BatchNormalization", x, *(g.weight(each) for each in stored), epsilon=1e-2),
        lambda x: (x - mean) / np.sqrt(variance + 1e-2) * scale + bias,
    )

    def all_at_once(x):
        e = np.exp(x - x.max())
        return e / e.sum()

    compare(11, lambda g, x: g("Softmax", x, axis=1), all_at_once)

    def squares(x):
        return np.stack([(x[:, max(0, c - 1) : c + 3] ** 2).sum(1) for c in range(8)], 1)

    compare(
        13,
        lambda g, x: g("LRN", x, size=4, alpha=0.5, beta=0.6, bias=1.5),
        lambda x: x / (1.5 + 0.5 / 4 * squares(x)) ** 0.6,
    )
    for opset in (9, 10):
        compare(opset, lambda g, x: resized(g, x, "nearest"), lambda x: x.repeat(2, 2).repeat(2, 3))

    def between(x):
        for axis in (2, 3):
            last = np.take(x, [-1], axis)
            following = np.concatenate([np.delete(x, 0, axis), last], axis)
            x = np.stack([x, (x + following) / 2], axis + 1).reshape(
                *x.shape[:axis], -1, *x.shape[axis + 1 :]
            )
        return x

    compare(9, lambda g, x: resized(g, x, "linear"), between)


def paddle(g, x):
    """Weights in Constant nodes, and one of them handed on by Identity to two nodes, as exporters do with equal biases."""
    bias = g("Identity", g.drawn(8))
    y = g("Relu", g("Conv", x, g.drawn(8, 8, 3, 3), bias, pads=[1] * 4, name="one"))
    return g("Conv", y, g.drawn(8, 8, 1, 1), g("Identity", bias), name="two")


@pytest.mark.parametrize("opset", [9, 15, 20])
def test_weights_in_constant_nodes_and_shared_through_identity_are_weights(tmp_path, opset):
    ours, reference, model = given(Graph(opset, constant_nodes=True), tmp_path / "net.onnx", paddle)
    np.testing.assert_allclose(ours, reference(), rtol=1e-4, atol=1e-4)
    assert [each.name for each in model.layers] == ["Conv", "one", "Relu", "two", "Mul"]
    assert model.layer("two").receptive_field == 7
    assert isinstance(model.network.module.get_submodule("two"), torch.nn.Conv2d)


def test_equal_biases_that_an_exporter_writes_once_are_no_hindrance(tmp_path):
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.ReLU(), torch.nn.Conv2d(8, 8, 1)).eval()
    with torch.no_grad():
        net[2].bias.copy_(net[0].bias)
    pytest.importorskip("onnx")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(net, (torch.rand(1, 3, 16, 16),), str(tmp_path / "net.onnx"), dynamo=False)
    model = open_model(tmp_path / "net.onnx", mean=(0, 0, 0), std=(1, 1, 1))
    image = torch.rand(1, 3, 16, 16)
    last = model.layers[-1].name
    torch.testing.assert_close(model.activations(image * 255, [last])[last], net(image), rtol=1e-4, atol=1e-5)


def test_names_that_no_attribute_can_have_are_made_such(tmp_path):
    names = [
        "a.b",
        "self",
        "to",
        "to",
        "",
        "1st",
        "/x/y.z/",
        "forward",
        "ä é",
        "weight_0",
        "a\nb",
        "_modules",
        ".",
        "...",
    ]

    def odd(g, x):
        for name in names:
            x = g("Relu", g("Conv", x, g.drawn(8, 8, 1, 1), name=name), name=name)
        return x

    ours, reference, model = given(Graph(17), tmp_path / "net.onnx", odd)
    np.testing.assert_allclose(ours, reference(), rtol=1e-3, atol=1e-4)
    layers = [each.name for each in model.layers]
    assert len(set(layers)) == len(layers) == 2 * len(names) + 2
    assert all(name.isprintable() and name for name in layers)


def test_channels_may_come_last(tmp_path):
    g = Graph(13)
    x = g("Transpose", "x", perm=[0, 3, 1, 2])
    onnx.save(
        g.model(g("Conv", x, g.drawn(4, 3, 3, 3), name="conv"), shape=(1, 40, 56, 3)), tmp_path / "net.onnx"
    )
    model = open_model(tmp_path / "net.onnx")
    assert model.channels == 3 and model.input_size == (40, 56)
    assert model.activations(torch.rand(1, 3, 24, 30) * 255, ["conv"])["conv"].shape == (1, 4, 22, 28)


def test_a_tail_that_is_not_supported_is_left_out_with_a_note(tmp_path, caplog):
    ours, _, model = given(
        Graph(17), tmp_path / "net.onnx", lambda g, x: g("NonMaxSuppression", g("Relu", x), x)
    )
    assert [each.name for each in model.layers] == ["Conv", "Relu"] and ours.shape == (1, 8, 7, 5)
    assert "NonMaxSuppression" in caplog.text


@pytest.mark.parametrize("kind", ["ConstantOfShape", "Expand"])
def test_constants_that_grow_without_end_are_refused(tmp_path, kind):
    def huge(g, x):
        made = g(kind, *([g.weight([1.0])] if kind == "Expand" else []), g.sizes(1 << 20, 1 << 20))
        return g("Add", x, made)

    with pytest.raises(ModelError, match="elements"):
        given(Graph(17), tmp_path / "net.onnx", huge)


def test_constants_that_grow_step_by_step_are_refused(tmp_path):
    def doubled(g, x):
        made = g.drawn(1 << 10)
        for _ in range(40):
            made = g("Concat", made, made, axis=0)
        return g("Add", x, made)

    with pytest.raises(ModelError, match="far larger than the weights"):
        given(Graph(17), tmp_path / "net.onnx", doubled)


def test_a_weight_of_another_shape_than_its_numbers_is_a_damaged_file(tmp_path):
    g = Graph(17)
    proto = g.model(g("Conv", "x", g.drawn(4, 3, 3, 3)))
    proto.graph.initializer[0].dims[0] = 5
    onnx.save(proto, tmp_path / "net.onnx")
    with pytest.raises(ModelError, match="is damaged") as caught:
        open_model(tmp_path / "net.onnx")
    assert "\n" not in str(caught.value)
