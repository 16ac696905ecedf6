import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import batcountry
from batcountry import open_model
from batcountry.caffe import TEST, Net
from batcountry.caffe.formats.prototxt import read_net
from batcountry.caffe.formats.weights import read_weights
from batcountry.errors import ModelError, RecipeError, UnsupportedLayer
from conftest import REFERENCE

CASE = REFERENCE / "layers" / "mini_inception"


def test_layers_come_in_file_order_with_todays_types():
    old = read_net(REFERENCE / "layers" / "v1_prototxt_v1_model" / "net.prototxt", phase=TEST)
    assert old.layer[0].type == "Input"
    assert "Convolution" in [each.type for each in old.layer]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("layer { name: 'a' type: 'Input' ", "line 1"),
        ("hello world", "not a Caffe prototxt"),
        ("layer { name: 'a' nonsense: 3 }", "no type"),
        ("layer { name: 'a' type: 'ReLU' bottom: 'dat' top: 'a' }", "'dat', which no layer before it makes"),
        ("layer { name: 'x' type: 'Wibble' top: 'x' } layer { name: 'y' type: 'Wobble' top: 'y' }", "Wobble"),
    ],
)
def test_a_prototxt_that_cannot_be_is_refused_with_the_reason(tmp_path, text, said):
    (tmp_path / "deploy.prototxt").write_text(text)
    with pytest.raises(ModelError, match=said):
        Net(tmp_path / "deploy.prototxt", TEST)


def test_all_unsupported_layers_are_named_at_once(tmp_path):
    text = "layer { name: 'x' type: 'Wibble' top: 'x' } layer { name: 'y' type: 'Wobble' top: 'y' }"
    (tmp_path / "deploy.prototxt").write_text(text)
    with pytest.raises(UnsupportedLayer, match=r"'x' \(Wibble\), 'y' \(Wobble\)"):
        Net(tmp_path / "deploy.prototxt", TEST)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**31 - 1), st.booleans())
def test_a_damaged_caffemodel_is_refused_or_read_but_never_crashes(tmp_path_factory, seed, cut):
    random = np.random.RandomState(seed)
    data = bytearray((CASE / "net.caffemodel").read_bytes())
    if cut:
        data = data[: random.randint(1, len(data))]
    else:
        for at in random.randint(0, len(data), 5):
            data[at] = random.randint(256)
    path = tmp_path_factory.mktemp("damaged") / "net.caffemodel"
    path.write_bytes(data)
    try:
        read_weights(path)
    except ModelError as error:
        assert str(path) in str(error)


def test_a_caffemodel_cut_in_half_is_named(tmp_path):
    data = (CASE / "net.caffemodel").read_bytes()
    (tmp_path / "half.caffemodel").write_bytes(data[: len(data) // 2])
    with pytest.raises(ModelError, match="cut short"):
        Net(CASE / "net.prototxt", tmp_path / "half.caffemodel", TEST)


def test_weights_of_another_shape_are_listed():
    other = REFERENCE / "layers" / "conv_k3_p1"
    wider = REFERENCE / "layers" / "conv_k5_s2_p2"
    with pytest.raises(ModelError, match="does not fit"):
        Net(other / "net.prototxt", wider / "net.caffemodel", TEST)


def test_a_folder_needs_a_prototxt_and_one_caffemodel(tmp_path):
    with pytest.raises(ModelError, match=r"deploy\.prototxt"):
        open_model(tmp_path)
    (tmp_path / "deploy.prototxt").write_text((CASE / "net.prototxt").read_text())
    with pytest.raises(ModelError, match=r"no \.caffemodel"):
        open_model(tmp_path)
    for name in ("a", "b"):
        (tmp_path / f"{name}.caffemodel").write_bytes((CASE / "net.caffemodel").read_bytes())
    with pytest.raises(ModelError, match="give one as its weights"):
        open_model(tmp_path)
    assert open_model(tmp_path, tmp_path / "a.caffemodel").layers


def small_net(tmp_path, text):
    (tmp_path / "deploy.prototxt").write_text(text)
    (tmp_path / "net.caffemodel").write_bytes(b"\x0a\x01x")
    return tmp_path


ALEXNET_LIKE = """
    name: "small" input: "data" input_dim: 10 input_dim: 3 input_dim: 67 input_dim: 67
    layers { name: "conv1" type: CONVOLUTION bottom: "data" top: "conv1"
      convolution_param { num_output: 8 kernel_size: 11 stride: 4 weight_filler { type: "gaussian" std: 0.01 } } }
    layers { name: "relu1" type: RELU bottom: "conv1" top: "conv1" }
    layers { name: "norm1" type: LRN bottom: "conv1" top: "norm1" lrn_param { local_size: 5 alpha: 0.0001 beta: 0.75 } }
    layers { name: "pool1" type: POOLING bottom: "norm1" top: "pool1" pooling_param { pool: MAX kernel_size: 3 stride: 2 } }
    layers { name: "conv2" type: CONVOLUTION bottom: "pool1" top: "conv2"
      convolution_param { num_output: 16 pad: 2 kernel_size: 5 group: 2 weight_filler { type: "xavier" } } }
    layers { name: "relu2" type: RELU bottom: "conv2" top: "conv2" }
    layers { name: "fc6" type: INNER_PRODUCT bottom: "conv2" top: "fc6"
      inner_product_param { num_output: 10 weight_filler { type: "gaussian" std: 0.005 } } }
    layers { name: "drop6" type: DROPOUT bottom: "fc6" top: "fc6" }
    layers { name: "prob" type: SOFTMAX bottom: "fc6" top: "prob" }
"""


def test_a_net_with_dense_layers_dreams_at_any_size_below_them(tmp_path, photo):
    model = open_model(small_net(tmp_path, ALEXNET_LIKE))
    assert [each.name for each in model.layers][:3] == ["conv1", "relu1", "norm1"]
    assert (model.layer("conv2").stride, model.layer("conv2").receptive_field) == (8, 11 + 2 * 4 + 4 * 8)
    assert model.layer("fc6").receptive_field is None
    batcountry.dream(photo, model=model, layer="conv2", octaves=1, iterations=1)
    with pytest.raises(RecipeError, match="one size only"):
        batcountry.dream(photo, model=model, layer="fc6")


def test_weights_are_the_files_own_arrays(tmp_path):
    case = REFERENCE / "layers" / "conv_k3_p1"
    net = Net(case / "net.prototxt", case / "net.caffemodel", TEST)
    stored = read_weights(case / "net.caffemodel")
    for name, blobs in net.params.items():
        for blob, array in zip(blobs, stored[name], strict=True):
            assert np.array_equal(blob.data, array)


@pytest.mark.parametrize(
    "field", ["num_output: 8", "kernel_size: 11", "stride: 4", "input_dim: 67", "group: 2", "local_size: 5"]
)
@pytest.mark.parametrize("value", [0, 7, 4294967295, 2147483647])
def test_numbers_that_cannot_be_are_refused_by_name_and_never_fill_the_memory(tmp_path, field, value):
    text = ALEXNET_LIKE.replace(field, f"{field.split(':')[0]}: {value}")
    try:
        open_model(small_net(tmp_path, text))
    except ModelError as error:
        assert str(error)


def test_a_folder_with_several_nets_names_them(tmp_path):
    for name in ("eyes", "slugs"):
        (tmp_path / f"{name}.prototxt").write_text('name: "net"')
    with pytest.raises(ModelError, match=r"several nets: eyes\.prototxt, slugs\.prototxt; name one of them"):
        open_model(tmp_path)


def test_weights_that_lie_elsewhere_can_be_named(tmp_path):
    prototxt = tmp_path / "deploy.prototxt"
    prototxt.write_text(ALEXNET_LIKE)
    with pytest.raises(ModelError, match=r"put the weights there, or give them \(--weights FILE\)"):
        open_model(prototxt)
