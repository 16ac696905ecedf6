import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batcountry import open_model
from batcountry.caffe import TEST, Net
from batcountry.caffe.prototxt import read_net
from batcountry.caffe.weights import read_weights
from batcountry.errors import ModelError, UnsupportedLayer
from conftest import REFERENCE

CASE = REFERENCE / "layers" / "mini_inception"


def test_layers_come_in_file_order_with_todays_types():
    old = read_net(REFERENCE / "layers" / "v1_prototxt_v1_model" / "net.prototxt", phase=TEST)
    assert old.layer[0].type == "Input"
    assert "Convolution" in [each.type for each in old.layer]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no layers"),
        ("layer { name: 'a' type: 'Input' ", "line 1"),
        ("hello world", "not a Caffe prototxt"),
        ("layer { name: 'a' nonsense: 3 }", "nonsense"),
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
    with pytest.raises(ModelError, match="name one of them"):
        open_model(tmp_path)
    assert open_model(tmp_path, tmp_path / "a.caffemodel").layers
