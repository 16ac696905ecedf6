"""Definitions in the dialects of Caffe's forks, and texts as editors and downloads leave them."""

import logging

import numpy as np
import pytest

import batcountry.caffe as caffe
from batcountry.caffe.formats.prototxt import read_definition
from batcountry.errors import ModelError
from caffe.nets import inputs, layer

PLAIN = (
    inputs(data=(1, 4, 9, 11))
    + layer("Convolution", "c", "data", settings="convolution_param {\n num_output: 6 kernel_size: 3 }")
    + layer("ReLU", "r", "c", "c")
)


def read(tmp_path, text, **options):
    path = tmp_path / "net.prototxt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_definition(path, **{"phase": caffe.TEST, **options})


def test_unknown_fields_are_read_over_with_one_note_of_their_lines(tmp_path, caplog):
    odd = PLAIN.replace("kernel_size: 3", 'kernel_size: 3 odd: "a" "b"\n more { x: [1, 2] y < z: -0.5e3 > }')
    odd = (
        odd.replace('name: "r"', 'name: "r" wild: 7\n wild: 8')
        + "profile { on: true }\nmem_param { optimize_test: true }\n"
    )
    with caplog.at_level(logging.WARNING):
        net = caffe.Net(read(tmp_path, odd).path, caffe.TEST)
    assert net.blobs["c"].shape == (1, 6, 7, 9)
    (record,) = caplog.records
    assert record.getMessage() == (
        f"{tmp_path / 'net.prototxt'}: skipped what is not known: line 3: convolution_param.odd; "
        "line 4: convolution_param.more; line 5: wild and 1 more; line 7: profile; line 8: mem_param (PSPNet)"
    )


def test_what_is_known_is_the_same_beside_what_is_not(tmp_path):
    plain, odd = read(tmp_path, PLAIN).net, read(tmp_path, PLAIN.replace("{", "{ who_knows: 1 ")).net
    assert plain == odd


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("engine: MKL2017", "line 5: pooling_param.engine MKL2017 (Intel's Caffe)"),
        ("pad_type: 1", "line 5: pooling_param.pad_type"),
    ],
)
def test_values_that_change_nothing_are_read_over(tmp_path, text, said):
    pool = layer("Pooling", "p", "c", settings=f"pooling_param {{ {text} kernel_size: 2 }}")
    definition = read(tmp_path, PLAIN + pool)
    assert definition.note().endswith(said)
    assert definition.net.layer[-1].pooling_param.kernel_size == 2


def test_values_that_change_what_a_layer_does_keep_it_from_running(tmp_path):
    text = PLAIN + layer("Pooling", "p", "c", settings="pooling_param { kernel_size: 2 pool: LP }")
    net = caffe.Net(read(tmp_path, text).path, caffe.TEST)
    assert net.left_out == {"p": "pooling_param.pool LP"}


FORMS = {
    "a mark of byte order": lambda t: b"\xef\xbb\xbf" + t.encode(),
    "UTF-16": lambda t: t.encode("utf-16"),
    "lines of Windows": lambda t: t.replace("\n", "\r\n").encode(),
    "lines of old Macs": lambda t: t.replace("\n", " # a comment\r").encode(),
    "comments in Latin-1": lambda t: b"# caf\xe9 \xa7\n" + t.encode(),
    "a mark in the middle": lambda t: t.replace("\n", "\n\ufeff").encode(),
}


@pytest.mark.parametrize("form", FORMS)
def test_texts_are_read_as_editors_leave_them(tmp_path, form):
    assert read(tmp_path, FORMS[form](PLAIN)).net == read(tmp_path, PLAIN).net


V1 = (
    "input: 'data' input_dim: 1 input_dim: 4 input_dim: 9 input_dim: 11\n"
    "layers { name: 'c' type: CONVOLUTION bottom: 'data' top: 'c'\n convolution_param { num_output: 6 kernel_size: 3 } }\n"
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (PLAIN + "layers { name: 'p' type: RELU bottom: 'c' top: 'p' }", "line 1 begins with 'layer', line 5 with 'layers'"),
        (V1 + "layer { name: 'p' type: 'ReLU' bottom: 'c' top: 'p' }", "line 4 begins with 'layer', line 2 with 'layers'"),
        (V1.replace("CONVOLUTION", "'Convolution'"), "line 2: layers {} takes a type without quotes"),
        (PLAIN + "layer {\n name: 'p'\n type: ReLU }", "line 7: type takes a text in quotes"),
        (PLAIN + "layer {\n name: 'p' odd: 3 \n num: : 4 }", "line 7"),
        (PLAIN[:-3], "has a mistake in line 4"),
        ("{'layer': 3}", "is not a Caffe prototxt: line 1"),
        ("# nothing\nsome text", "is not a Caffe prototxt: line 2"),
        ("net: 'train_val.prototxt'\nbase_lr: 0.1\nodd: 3", r"a solver's settings \(its net is 'train_val.prototxt'\)"),
        ("name: 'x' state { phase: TEST }", "has no layers; give"),
        ("layer { " * 4000, "has a mistake in line 1"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_the_line(tmp_path, text, said):
    with pytest.raises(ModelError, match=said) as raised:
        read(tmp_path, text)
    assert len(str(raised.value)) - len(str(tmp_path)) < 300


def test_a_note_of_a_thousand_unknown_fields_is_short(tmp_path):
    odd = "".join(f"a_rather_long_name_of_a_field_{i}: {i}\n" for i in range(1000))
    note = read(tmp_path, PLAIN + odd).note()
    assert len(note) - len(str(tmp_path)) < 300 and note.endswith("more")


def test_layers_know_their_lines(tmp_path):
    definition = read(tmp_path, "# first\n" + PLAIN)
    assert [definition.line(name) for name in ("data", "c", "r", "none")] == [2, 3, 5, None]
    assert read(tmp_path, V1).line("c") == 2


def same(tmp_path, ours, theirs, shape=(1, 4, 9, 11)):
    """Assert that two layers make the same of the same input with the same weights."""
    x = np.random.RandomState(3).normal(size=shape)
    outputs = []
    for text in (ours, theirs):
        net = caffe.Net(read(tmp_path, inputs(data=shape) + text).path, caffe.TEST)
        random = np.random.RandomState(4)
        for blobs in net.params.values():
            for blob in blobs:
                blob.data[...] = random.normal(size=blob.shape)
        outputs.append(next(iter(net.forward(data=x).values())).copy())
    np.testing.assert_array_equal(*outputs)
    return outputs[0].shape


def convolution(settings, kind="Convolution"):
    return layer(
        kind, "y", "data", settings=f"convolution_param {{ num_output: 4 kernel_size: 3 {settings} }}"
    )


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (convolution("hole: 2"), convolution("dilation: 2")),
        (convolution("hole_h: 2 hole_w: 3"), convolution("dilation: 2 dilation: 3")),
        (convolution("kstride: 3"), convolution("dilation: 3")),
        (convolution("", "ConvolutionDepthwise"), convolution("group: 4")),
        (convolution("group: 4 engine: CAFFE", "DepthwiseConvolution"), convolution("group: 4")),
        (convolution("group: 2", "DepthwiseConvolution"), convolution("group: 2")),
    ],
)
def test_convolutions_of_forks_are_caffes(tmp_path, ours, theirs):
    same(tmp_path, ours, theirs)


@pytest.mark.parametrize(("mode", "size"), [("ceil_mode: false", (4, 5)), ("ceil_mode: true", (5, 5)), ("round_mode: FLOOR", (4, 5)), ("", (5, 5))])  # fmt: skip
def test_pooling_rounds_as_a_fork_says(tmp_path, mode, size):
    text = layer("Pooling", "y", "data", settings=f"pooling_param {{ kernel_size: 2 stride: 2 {mode} }}")
    net = caffe.Net(read(tmp_path, inputs(data=(1, 4, 9, 10)) + text).path, caffe.TEST)
    assert net.blobs["y"].shape == (1, 4, *size)


def test_types_that_forks_added_to_the_old_form_are_todays(tmp_path):
    text = V1 + (
        "layers { name: 'b' type: BN bottom: 'c' top: 'b' bn_param { bn_mode: INFERENCE } }\n"
        "layers { name: 'p' type: PRELU bottom: 'b' top: 'b' prelu_param { channel_shared: true } }\n"
        "layers { name: 'i' type: INTERP bottom: 'b' top: 'i' interp_param { zoom_factor: 2 } }\n"
        "layers { name: 'k' type: CROP bottom: 'i' bottom: 'data' top: 'k' crop_param { offset: 1 } }\n"
        "layers { name: 'w' type: WHO_KNOWS bottom: 'k' top: 'w' who_knows_param { a: 1 } }\n"
    )
    definition = read(tmp_path, text)
    assert [each.type for each in definition.net.layer] == [
        "Input",
        "Convolution",
        "BN",
        "PReLU",
        "Interp",
        "Crop",
        "WhoKnows",
    ]
    assert definition.line("w") == 8 and "line 8: who_knows_param" in definition.note()
    net = caffe.Net(definition.path, caffe.TEST)
    assert net.blobs["k"].shape == (1, 6, 9, 11) and list(net.left_out) == ["w"]
    assert net.params["p"][0].shape == ()
