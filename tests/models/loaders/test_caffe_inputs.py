"""How pictures enter Caffe nets of any channels, and nets that have no input of their own."""

import numpy as np
import pytest
import torch
from PIL import Image

import batcountry
from batcountry import caffe, open_model
from batcountry.caffe.formats.weights import write_weights
from batcountry.cli import main
from batcountry.errors import ModelError
from batcountry.models.loaders.converted import save_converted
from caffe.nets import inputs, layer

CONVOLUTION = 'convolution_param {{ num_output: {} kernel_size: 3 {} weight_filler {{ type: "xavier" }} }}'


def convolution(name="c", bottom="data", settings="", count=16):
    return layer("Convolution", name, bottom, settings=CONVOLUTION.format(count, settings))


def written(folder, text, weights=()):
    (folder / "deploy.prototxt").write_text(text)
    write_weights(folder / "net.caffemodel", [("none", "X", []), *weights])
    return folder


def entered(model, image):
    """Return what a model's input blob takes for a picture, (1, n, H, W)."""
    return model.preprocess(torch.from_numpy(np.float32(image))).numpy()


@pytest.fixture
def colors():
    return np.random.RandomState(0).uniform(0, 255, (1, 3, 9, 7))


def luma(colors):
    return (colors * np.reshape([0.299, 0.587, 0.114], (1, 3, 1, 1))).sum(1, keepdims=True)


def test_one_channel_is_the_luma_from_0_to_1(tmp_path, colors):
    model = open_model(written(tmp_path, inputs(data=(64, 1, 28, 28)) + convolution()))
    np.testing.assert_allclose(entered(model, colors), luma(colors) / 255, rtol=1e-5)
    assert model.channels == 3 and model.input_size == (28, 28)


def test_four_channels_are_colors_and_an_opaque_alpha(tmp_path, colors):
    model = open_model(written(tmp_path, inputs(data=(1, 4, 28, 28)) + convolution()))
    found = entered(model, colors)
    np.testing.assert_allclose(found[:, :3], colors / 255, rtol=1e-5)
    assert (found[:, 3] == 1).all()


def test_a_mean_and_a_deviation_are_in_the_nets_order_and_in_gray_levels(tmp_path, colors):
    folder = written(tmp_path, inputs(data=(1, 3, 28, 28)) + convolution())
    model = open_model(folder, mean=(104, 117, 123), std=(57, 58, 59))
    wanted = (colors[:, ::-1] - np.reshape([104, 117, 123], (1, 3, 1, 1))) / np.reshape(
        [57, 58, 59], (1, 3, 1, 1)
    )
    np.testing.assert_allclose(entered(model, colors), wanted, rtol=1e-4, atol=1e-5)
    rgb = open_model(folder, mean=(104, 117, 123), input="rgb")
    np.testing.assert_allclose(
        entered(rgb, colors), colors - np.reshape([104, 117, 123], (1, 3, 1, 1)), rtol=1e-4, atol=1e-4
    )
    black = open_model(folder, mean=(0, 0, 0))
    np.testing.assert_allclose(entered(black, colors), colors, rtol=1e-5)  # its weights are turned
    gray = open_model(written(tmp_path, inputs(data=(1, 1, 28, 28)) + convolution()), mean=[50])
    np.testing.assert_allclose(entered(gray, colors), luma(colors) - 50, rtol=1e-4, atol=1e-4)


def test_a_mean_file_of_one_channel_is_a_gray_nets(tmp_path, colors):
    folder = written(tmp_path, inputs(data=(1, 1, 28, 28)) + convolution())
    data = caffe.io.array_to_blobproto(np.full((1, 1, 5, 5), 33.0)).SerializeToString()
    (folder / "mean.binaryproto").write_bytes(data)
    np.testing.assert_allclose(entered(open_model(folder), colors), luma(colors) - 33, rtol=1e-4, atol=1e-4)
    with pytest.raises(ModelError, match="the mean has 3 channels; pictures have 1"):
        open_model(folder, mean=(1, 2, 3))


@pytest.mark.parametrize(("channels", "named"), [(3, "gray"), (1, "rgb"), (4, 3), (3, "wibble")])
def test_what_a_net_does_not_take_is_refused(tmp_path, channels, named):
    folder = written(tmp_path, inputs(data=(1, channels, 28, 28)) + convolution())
    with pytest.raises(ModelError, match=rf"takes {channels} channels, not the|there is no input 'wibble'"):
        open_model(folder, input=named)


def weights_of(channels):
    weight = np.random.RandomState(0).normal(size=(16, channels, 3, 3))
    return [("c", "Convolution", [np.float32(weight), np.zeros(16, "f4")])]


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 6])
def test_nets_of_any_channels_dream(tmp_path, channels):
    model = open_model(
        written(tmp_path, inputs(data=(1, channels, 28, 28)) + convolution(), weights_of(channels))
    )
    pixels = np.random.RandomState(1).uniform(0, 255, (24, 31, channels if channels in (2, 6) else 3))
    dream = batcountry.dream(np.float32(pixels), model=model, layer="c", octaves=1, iterations=1)
    array = dream.array()
    assert array.shape == pixels.shape and np.abs(array - pixels).max() > 0.5


def test_a_converted_net_of_one_channel_is_the_same(tmp_path, colors):
    model = open_model(written(tmp_path, inputs(data=(1, 1, 28, 28)) + convolution()), mean=[40], std=[2.5])
    save_converted(model, tmp_path / "converted")
    again = open_model(tmp_path / "converted")
    np.testing.assert_array_equal(entered(again, colors), entered(model, colors))
    assert again.mean == model.mean and again.channels == 3
    image = torch.from_numpy(np.float32(colors))
    assert torch.equal(again.activations(image, ["c"])["c"], model.activations(image, ["c"])["c"])


TWO = inputs(info=(1, 3), left=(1, 3, 20, 20), right=(1, 1, 20, 20)) + convolution("l", "left") + convolution("r", "right") + layer("Eltwise", "both", "l r")  # fmt: skip


def test_the_picture_goes_to_the_first_input_with_places_or_the_one_named_and_others_are_0(tmp_path, colors):
    folder = written(tmp_path, TWO)
    image = torch.from_numpy(np.float32(colors))
    left, right = open_model(folder), open_model(folder, input="right")
    assert (left.network.source, right.network.source) == ("left", "right")
    assert {left.default_layer, right.default_layer} <= {"l", "r", "both"}
    for model, read, other in ((left, "l", "r"), (right, "r", "l")):
        zero = torch.zeros(1, 16, 7, 5)
        assert torch.equal(model.activations(image, [other])[other], zero)
        assert model.activations(image, [read])[read].abs().max() > 0
    with pytest.raises(ModelError, match="there is no input 'middle'"):
        open_model(folder, input="middle")


DATA = """
layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TRAIN } transform_param { crop_size: 20 } }
layer { name: "data" type: "%s" top: "data" top: "label" include { phase: TEST } %s }
"""


@pytest.mark.parametrize(
    ("kind", "settings", "channels", "size"),
    [
        ("Data", "transform_param { crop_size: 24 } data_param { source: 'a' batch_size: 50 backend: LMDB }", 3, (24, 24)),
        ("ImageData", "image_data_param { source: 'a' new_height: 32 new_width: 40 }", 3, (32, 40)),
        ("ImageData", "image_data_param { source: 'a' is_color: false }", 1, (224, 224)),
        ("MemoryData", "memory_data_param { batch_size: 1 channels: 5 height: 12 width: 14 }", 5, (12, 14)),
        ("HDF5Data", "hdf5_data_param { source: 'a' }", 3, (224, 224)),
        ("WindowData", "window_data_param { source: 'a' crop_size: 48 }", 3, (48, 48)),
        ("AnnotatedData", "annotated_data_param { odd: 1 }", 3, (224, 224)),
        ("Python", "python_param { module: 'roi_data_layer.layer' layer: 'RoIDataLayer' }", 3, (224, 224)),
    ],
)  # fmt: skip
def test_a_net_for_training_takes_pictures_where_it_reads_files(tmp_path, kind, settings, channels, size):
    text = DATA % (kind, settings) + convolution() + layer("SoftmaxWithLoss", "loss", "c label") + layer("Accuracy", "a", "c label")  # fmt: skip
    model = open_model(written(tmp_path, text))
    assert [each.name for each in model.layers] == ["c"] and model.input_size == size
    assert model.network.nodes[1].params[0].shape[1] == channels


def test_the_weights_say_how_many_channels_a_data_layers_pictures_have(tmp_path):
    stored = [("c", "Convolution", [np.ones((16, 1, 3, 3), "f4"), np.zeros(16, "f4")])]
    model = open_model(written(tmp_path, DATA % ("Data", "") + convolution(settings="group: 2"), stored))
    assert model.network.nodes[1].params[0].shape == (16, 1, 3, 3) and model.channels == 2


@pytest.mark.parametrize("points", ["slice_point: 1", ""])
def test_pairs_in_one_picture_have_the_channels_of_both(tmp_path, points):
    weights = [np.ones((16, 1, 3, 3), "f4"), np.zeros(16, "f4")]
    stored = [(name, "Convolution", weights) for name in ("c", "d")]
    text = DATA % ("Data", "") + layer(
        "Slice", "cut", "data", "one two", f"slice_param {{ slice_dim: 1 {points} }}"
    )
    model = open_model(written(tmp_path, text + convolution("c", "one") + convolution("d", "two"), stored))
    assert model.channels == 2 and [each.name for each in model.layers] == ["cut", "c", "d"]


def test_a_net_whose_data_is_for_training_alone_takes_pictures_there(tmp_path):
    text = DATA.split("layer", 2)[1].join(["layer", ""]) + convolution()
    text += layer("Dropout", "drop", "c", "c") + layer("SoftmaxWithLoss", "loss", "c label")
    model = open_model(written(tmp_path, text))
    assert [each.name for each in model.layers] == ["c", "drop"] and model.input_size == (20, 20)
    image = torch.full((1, 3, 20, 20), 200.0)
    found = model.activations(image, ["c", "drop"])
    assert torch.equal(found["c"], found["drop"])


TWINS = inputs(one=(1, 3, 32, 32), two=(1, 3, 32, 32)) + "".join(
    convolution(f"{twin}_c", twin, "stride: 2 pad: 1")
    + layer("ReLU", f"{twin}_r", f"{twin}_c", f"{twin}_c")
    + convolution(f"{twin}_d", f"{twin}_c", "stride: 2 pad: 1", 20)
    + layer("InnerProduct", f"{twin}_f", f"{twin}_d", settings="inner_product_param { num_output: 2 }")
    for twin in ("one", "two")
)


@pytest.mark.parametrize("twin", ["one", "two"])
def test_the_layer_to_dream_with_is_none_of_the_other_twins_and_no_head(tmp_path, twin):
    model = open_model(written(tmp_path, TWINS), input=twin)
    assert model.default_layer == f"{twin}_d"
    assert not any(each.recommended for each in model.layers if not each.name.startswith(twin))


JOINED = (
    inputs(now=(1, 3, 32, 48), next=(1, 3, 32, 48), scale=(1, 1, 2, 2))
    + layer("Concat", "pair", "now next")
    + convolution("c", "pair", "stride: 2")
)


@pytest.mark.parametrize("size", [(32, 48), (21, 30), (50, 33)])
def test_another_picture_is_as_large_as_the_one_that_is_dreamt_on(tmp_path, size):
    model = open_model(written(tmp_path, JOINED))
    image = torch.from_numpy(np.random.RandomState(3).uniform(0, 255, (2, 3, *size)).astype("f4"))
    pair = model.activations(image, ["pair"])["pair"]
    assert pair.shape == (2, 6, *size) and not pair[:, 3:].any() and pair[:, :3].any()
    dream = batcountry.dream(np.zeros((*size, 3)) + 90, model=model, layer="c", octaves=1, iterations=1)
    assert dream.array().shape == (*size, 3)
    with_hook = model.module.get_submodule("c").register_forward_hook(lambda *_: None)
    torch.testing.assert_close(model.activations(image, ["pair"])["pair"], pair)
    with_hook.remove()


def test_a_data_layer_says_how_pictures_enter(tmp_path, colors):
    said = "transform_param { crop_size: 24 mean_value: 104 mean_value: 117 mean_value: 123 scale: 0.017 }"
    folder = written(tmp_path, DATA % ("Data", said) + convolution())
    wanted = (colors[:, ::-1] - np.reshape([104, 117, 123], (1, 3, 1, 1))) * 0.017
    np.testing.assert_allclose(entered(open_model(folder), colors), wanted, rtol=1e-4, atol=1e-5)
    assert open_model(folder, mean=(1, 2, 3)).mean == (3, 2, 1)


def test_an_input_whose_size_is_set_at_run_time_has_a_usual_one(tmp_path):
    text = "input: 'image' input_dim: 1 input_dim: 3 input_dim: 1 input_dim: 1\n"
    text += convolution("c", "image") + layer(
        "Pooling", "p", "c", settings="pooling_param { kernel_size: 9 stride: 2 }"
    )
    assert open_model(written(tmp_path, text)).input_size == (224, 224)
    for sides in ("dim: -1 dim: 3 dim: -1 dim: -1", "dim: 0 dim: 3 dim: 0 dim: 0"):
        text = f'input: "data" input_shape {{ {sides} }}' + convolution()
        assert open_model(written(tmp_path, text)).input_size == (224, 224)


def test_an_input_of_a_size_that_cannot_be_is_said(tmp_path):
    text = "input: 'data' input_shape { dim: 1 dim: 3 dim: 8 dim: -7 }" + convolution()
    with pytest.raises(ModelError, match=r"no input \(Input cannot run: it states a size below 0\)"):
        open_model(written(tmp_path, text))


def test_a_net_without_places_dreams_of_its_last_hidden_layer(tmp_path):
    dense = 'inner_product_param {{ num_output: {} weight_filler {{ type: "xavier" }} }}'
    text = inputs(data=(1, 1, 8, 8)) + layer("InnerProduct", "hidden", "data", settings=dense.format(9))
    text += layer("ReLU", "active", "hidden", "hidden") + layer("InnerProduct", "score", "hidden", settings=dense.format(4))  # fmt: skip
    assert open_model(written(tmp_path, text + layer("Softmax", "prob", "score"))).default_layer == "active"


def test_a_folder_may_have_one_definition_by_another_name(tmp_path):
    folder = written(tmp_path, "name: 'none'")
    (folder / "deploy.prototxt").unlink()
    (folder / "VGG_deploy.prototxt").write_text(inputs(data=(1, 3, 28, 28)) + convolution())
    for name in ("solver.prototxt", "VGG_train_val.prototxt", "other.prototxt"):
        (folder / name).write_text("name: 'none'")
    assert open_model(folder).layers[0].name == "c"


def test_a_gray_net_dreams_from_the_command_line_and_again(tmp_path, monkeypatch):
    written(tmp_path, inputs(data=(1, 1, 28, 28)) + convolution(), weights_of(1))
    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.random.RandomState(0).randint(0, 255, (40, 48, 3), np.uint8)).save("in.png")
    options = ["--model", ".", "--channels", "gray", "--octaves", "1", "--iterations", "1"]
    for arguments in (
        ["dream", "in.png", "-o", "out.png", *options],
        ["again", "out.png", "-o", "again.png"],
    ):
        monkeypatch.setattr("sys.argv", ["bat-country", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        assert not left.value.code
    assert Image.open("again.png").tobytes() == Image.open("out.png").tobytes()
