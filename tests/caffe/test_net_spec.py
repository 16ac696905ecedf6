"""Nets written in Python: what Caffe's own tests of `net_spec` ask for, and what programs write with it."""

import copy

import numpy as np
import pytest
from google.protobuf import text_format

import batcountry.caffe as caffe
from batcountry.caffe import NetSpec, to_proto
from batcountry.caffe import layers as L
from batcountry.caffe import params as P
from batcountry.caffe.net_spec import Function, Layers, Top, assign_proto
from batcountry.caffe.proto import caffe_pb2

XAVIER = {"type": "xavier"}


def digits(make, batch):
    """LeNet, of whose layers `make` gives each, by its name and what it reads, to the next."""
    shapes = [{"dim": [batch, 1, 28, 28]}, {"dim": [batch, 1, 1, 1]}]
    data, label = make("data label", L.DummyData(shape=shapes, transform_param={"scale": 1 / 255}, ntop=2))
    conv = make("conv1", L.Convolution(data, kernel_size=5, num_output=20, weight_filler=XAVIER))
    pool = make("pool1", L.Pooling(conv, kernel_size=2, stride=2, pool=P.Pooling.MAX))
    conv = make("conv2", L.Convolution(pool, kernel_size=5, num_output=50, weight_filler=XAVIER))
    pool = make("pool2", L.Pooling(conv, kernel_size=2, stride=2, pool=P.Pooling.MAX))
    dense = make("ip1", L.InnerProduct(pool, num_output=500, weight_filler=XAVIER))
    relu = make("relu1", L.ReLU(dense, in_place=True))
    last = make("ip2", L.InnerProduct(relu, num_output=10, weight_filler=XAVIER))
    return make("loss", L.SoftmaxWithLoss(last, label))


def named_digits(batch):
    n = NetSpec()

    def assign(names, made):
        for name, top in zip(names.split(), made if isinstance(made, tuple) else (made,), strict=True):
            setattr(n, name, top)
        return made

    digits(assign, batch)
    return n


@pytest.fixture
def loaded(tmp_path):
    def load(message):
        (tmp_path / "net.prototxt").write_text(str(message))
        return caffe.Net(tmp_path / "net.prototxt", caffe.TEST)

    return load


def test_a_net_has_its_layers_in_order_with_the_names_that_were_assigned(loaded):
    net = named_digits(7).to_proto()
    assert [each.name for each in net.layer] == [
        "data",
        "conv1",
        "pool1",
        "conv2",
        "pool2",
        "ip1",
        "relu1",
        "ip2",
        "loss",
    ]
    assert list(net.layer[0].top) == ["data", "label"] and list(net.layer[8].bottom) == ["ip2", "label"]
    relu = net.layer[6]
    assert relu.bottom == relu.top == ["ip1"] and list(net.layer[7].bottom) == ["ip1"]
    assert net.layer[1].convolution_param.num_output == 20
    assert list(net.layer[1].convolution_param.kernel_size) == [5]
    assert net.layer[1].convolution_param.weight_filler.type == "xavier"
    assert [list(each.dim) for each in net.layer[0].dummy_data_param.shape] == [[7, 1, 28, 28], [7, 1, 1, 1]]
    assert net.layer[0].transform_param.scale == np.float32(1 / 255)
    del net.layer[8]  # losses are for training
    run = loaded(net)
    assert len(run.layers) == 8 and run.blobs["ip2"].shape == (7, 10)


def test_layers_without_names_are_numbered_by_their_types(loaded):
    net = digits(lambda _, made: made, 7).to_proto()
    assert [each.name for each in net.layer] == [
        "DummyData1",
        "Convolution1",
        "Pooling1",
        "Convolution2",
        "Pooling2",
        "InnerProduct1",
        "ReLU1",
        "InnerProduct2",
        "SoftmaxWithLoss1",
    ]
    assert list(net.layer[0].top) == ["DummyData1", "DummyData2"]
    assert net.layer[6].bottom == net.layer[6].top == ["InnerProduct1"]
    assert list(net.layer[8].bottom) == ["InnerProduct2", "DummyData2"]
    del net.layer[8]
    assert len(loaded(net).layers) == 8


def test_layers_that_make_nothing_are_there_by_their_names(loaded):
    n = caffe.NetSpec()
    n.data, n.data2 = L.DummyData(shape={"dim": 3}, ntop=2)
    n.silence_data = L.Silence(n.data, ntop=0)
    n.silence_data2 = L.Silence(n.data2, ntop=0)
    net = n.to_proto()
    assert [(each.name, list(each.top)) for each in net.layer[1:]] == [
        ("silence_data", []),
        ("silence_data2", []),
    ]
    assert len(loaded(net).forward()) == 0
    silence = L.Silence(*L.DummyData(ntop=2), ntop=0)
    assert [each.name for each in silence.to_proto().layer] == ["DummyData1", "Silence1"]


def test_a_tuple_of_blobs_is_no_blob():
    data = L.DummyData(ntop=2)
    with pytest.raises(TypeError, match=r"^Silence input 0 is not a Top \(type is <class 'tuple'>\)$"):
        L.Silence(data, ntop=0)
    assert isinstance(L.Silence(*data, ntop=0), Function)
    with pytest.raises(TypeError, match="assign the blobs one by one"):
        to_proto(data)


def test_a_net_of_several_ends_has_what_they_share_once_and_only_what_they_need():
    data = L.Input(shape={"dim": [1, 3, 8, 8]})
    shared = L.ReLU(L.Convolution(data, kernel_size=3, num_output=2))
    left, right = L.Pooling(shared, kernel_size=2), L.Sigmoid(shared)
    L.TanH(shared)
    net = to_proto(right, left)
    assert [each.name for each in net.layer] == ["Input1", "Convolution1", "ReLU1", "Sigmoid1", "Pooling1"]
    assert [each.name for each in left.to_proto().layer] == ["Input1", "Convolution1", "ReLU1", "Pooling1"]


def test_fields_go_to_the_layers_own_parameters_or_to_the_layer():
    n = NetSpec()
    n.data = L.Input(input_param={"shape": {"dim": [1, 2]}})
    n.py = L.Python(n.data, module="mine", layer="Mine", param_str="3", loss_weight=2, ntop=1)
    n["conv/3x3"] = L.Convolution(
        n.py,
        num_output=np.int64(4),
        kernel_size=(3, 5),
        pad=[1],
        bias_term=False,
        engine=P.Convolution.CAFFE,
        param=[{"lr_mult": 1, "decay_mult": 0.5}, {"lr_mult": np.float32(2)}],
        include={"phase": caffe.TEST, "stage": ["a", "b"]},
        propagate_down=True,
    )
    n.up = L.Deconvolution(n["conv/3x3"], num_output=2, kernel_size=4, stride=2)
    n.up2 = L.Deconvolution(n.up, convolution_param={"num_output": 2, "kernel_size": 4})
    expected = caffe_pb2.NetParameter()
    text_format.Parse(
        """
        layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 2 } } }
        layer { name: "py" type: "Python" bottom: "data" top: "py" loss_weight: 2
          python_param { module: "mine" layer: "Mine" param_str: "3" } }
        layer { name: "conv/3x3" type: "Convolution" bottom: "py" top: "conv/3x3"
          param { lr_mult: 1 decay_mult: 0.5 } param { lr_mult: 2 } propagate_down: true
          include { phase: TEST stage: "a" stage: "b" }
          convolution_param { num_output: 4 kernel_size: 3 kernel_size: 5 pad: 1 bias_term: false engine: CAFFE } }
        layer { name: "up" type: "Deconvolution" bottom: "conv/3x3" top: "up"
          convolution_param { num_output: 2 kernel_size: 4 stride: 2 } }
        layer { name: "up2" type: "Deconvolution" bottom: "up" top: "up2"
          convolution_param { num_output: 2 kernel_size: 4 } }
        """,
        expected,
    )
    assert n.to_proto() == expected


def test_an_empty_message_and_an_empty_list_are_set_as_such():
    layer = caffe_pb2.LayerParameter()
    assign_proto(layer, "lrn_param", {})
    assign_proto(layer, "bottom", [])
    assert layer.HasField("lrn_param") and not layer.bottom
    assign_proto(layer, "name", "x")
    with pytest.raises(TypeError, match="name takes one value"):
        assign_proto(layer, "name", ["x", "y"])


def test_a_field_that_there_is_not_is_named():
    with pytest.raises(AttributeError, match="a Convolution layer has no parameter 'kernal_size'"):
        L.Convolution(L.Input(), kernal_size=3).to_proto()
    with pytest.raises(AttributeError, match="no message 'PoolinParameter'"):
        _ = P.Poolin.MAX
    with pytest.raises(AttributeError):
        _ = P.Pooling.MIN


def test_a_net_is_looked_into_and_changed_by_its_names():
    n = named_digits(1)
    assert n.keys()[:3] == ["data", "label", "conv1"] and n.vals()[2] is n.conv1 is n["conv1"]
    assert "conv1" in n and "conv9" not in n and not hasattr(n, "conv9")
    for missing in (lambda: n.conv9, lambda: n["conv9"]):
        with pytest.raises((KeyError, AttributeError), match="no blob 'conv9' yet"):
            missing()
    n.update("conv1", {"num_output": 3, "pad": 2})
    del n.loss, n["ip2"]
    net = n.to_proto()
    assert net.layer[-1].name == "relu1"
    assert (net.layer[1].convolution_param.num_output, list(net.layer[1].convolution_param.pad)) == (3, [2])
    assert copy.copy(n).keys() == n.keys()


def test_a_name_that_is_assigned_again_is_the_later_blobs():
    n = NetSpec()
    n.data = L.Input(shape={"dim": [1, 1]})
    n.x = L.ReLU(n.data)
    n.x = L.Sigmoid(n.x)
    assert [each.name for each in n.to_proto().layer] == ["data", "ReLU1", "x"]


def test_a_net_may_be_deeper_than_python_calls_go():
    top = L.Input(shape={"dim": [1, 1]})
    for _ in range(3000):
        top = L.ReLU(top)
    assert top.to_proto().layer[-1].name == "ReLU3000"


def test_modules_of_layers_stay_modules_and_capitals_are_layers():
    assert L.python.Layer is caffe.Layer
    assert isinstance(L.MadeUp(), Top) and L.MadeUp.__name__ == "MadeUp"
    for name in ("madeup", "_Private", "__wrapped__"):
        assert not hasattr(L, name) and not hasattr(Layers(), "_Private")
    assert caffe.layers is L and caffe.params is P and caffe.NetSpec is NetSpec
