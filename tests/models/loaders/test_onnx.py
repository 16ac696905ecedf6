import sys
import warnings

import numpy as np
import pytest
import torch

import batcountry
import stand_in
from batcountry.backend.files import sha256_of
from batcountry.errors import MissingExtra, ModelError
from batcountry.models import open_model

onnx = pytest.importorskip("onnx", reason="needs onnx")


@pytest.fixture(scope="module", autouse=True)
def onnx2torch():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with stand_in.torchvision(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield pytest.importorskip("onnx2torch", reason="needs onnx2torch")
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
    odd = helper.make_node("Wibble", ["y"], ["z"])
    write(tmp_path / "odd.onnx", more=(odd,))
    write(tmp_path / "flat.onnx", shape=(1, 3, 40))
    for name, said in (
        ("missing", "there is no file"),
        ("bad", "is not an ONNX file, or damaged"),
        ("odd", "cannot be converted to PyTorch"),
        ("flat", "is not pictures"),
    ):
        with pytest.raises(ModelError, match=said) as caught:
            open_model(tmp_path / f"{name}.onnx")
        assert "\n" not in str(caught.value)


def test_the_extra_is_named_where_it_is_missing(tmp_path, monkeypatch):
    write(tmp_path / "net.onnx")
    monkeypatch.setitem(sys.modules, "onnx2torch", None)
    with pytest.raises(MissingExtra, match=r"pip install onnx onnx2torch, or .*'\.\[onnx\]'"):
        open_model(tmp_path / "net.onnx")
