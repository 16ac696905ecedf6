"""Nets of which a part cannot run."""

import logging

import numpy as np
import pytest

import batcountry
from batcountry import caffe, open_model
from batcountry.backend.policy import STRICT
from batcountry.caffe.checking import examine
from batcountry.errors import LayerNotFound, ModelError, PolicyError, UnsupportedLayer
from caffe.nets import inputs, layer

CONVOLUTION = (
    'convolution_param {{ num_output: {} kernel_size: 3 pad: 1 weight_filler {{ type: "xavier" }} }}'
)
TRUNK = (
    inputs(data=(1, 3, 20, 24))
    + layer("Convolution", "c", "data", settings=CONVOLUTION.format(16))
    + layer("ReLU", "r", "c", "c")
    + layer("Convolution", "d", "c", settings=CONVOLUTION.format(8))
)
PYTHON = "python_param { module: 'rpn.proposal_layer' layer: 'ProposalLayer' }"
TAILS = {
    "an unknown type": layer("Wibble", "w", "d") + layer("ReLU", "after", "w"),
    "an unknown type in place": layer("Wibble", "w", "d", "d") + layer("ReLU", "after", "d"),
    "proposals in Python": layer("Python", "w", "d", "rois", PYTHON) + layer("ROIPooling", "after", "c rois", settings="roi_pooling_param { pooled_h: 2 pooled_w: 2 }"),
    "a loss of a fork without labels": layer("SoftmaxWithLossOHEM", "w", "d label") + layer("Power", "after", "w"),
    "a blob that nobody makes": layer("Eltwise", "w", "d label") + layer("ReLU", "after", "w"),
    "shapes that do not go together": layer("Eltwise", "w", "c d") + layer("ReLU", "after", "w"),
    "another number of bottoms": layer("Softmax", "w", "c d") + layer("ReLU", "after", "w"),
    "pooling for training": layer("Pooling", "w", "d", settings="pooling_param { pool: STOCHASTIC kernel_size: 2 }") + layer("ReLU", "after", "w"),
    "a filler of a fork": layer("InnerProduct", "w", "d", settings="inner_product_param { num_output: 3 weight_filler { type: 'orthogonal' } }") + layer("ReLU", "after", "w"),
    "recurrence": layer("LSTM", "w", "d label", settings="recurrent_param { num_output: 3 }") + layer("ReLU", "after", "w"),
}  # fmt: skip


def written(folder, text):
    (folder / "deploy.prototxt").write_text(text)
    (folder / "net.caffemodel").write_bytes(b"\x0a\x01x")
    return folder


@pytest.mark.parametrize("tail", TAILS)
def test_a_tail_that_cannot_run_is_left_out_with_one_note_and_the_rest_dreams(tmp_path, photo, caplog, tail):
    with caplog.at_level(logging.WARNING):
        model = open_model(written(tmp_path, TRUNK + TAILS[tail]))
    assert [each.name for each in model.layers] == ["c", "r", "d"]
    (note,) = [each.getMessage() for each in caplog.records if "cannot run" in each.getMessage()]
    assert note.startswith(f"{tmp_path}/deploy.prototxt: layers that cannot run are left out: line 5: 'w' (")
    assert note.endswith("and 1 layer after them") and len(note) - len(str(tmp_path)) < 300
    for name, reason in (("w", ""), ("after", "which 'w' would make")):
        with pytest.raises(ModelError, match=f"the layer '{name}' .* cannot run .*{reason}"):
            model.layer(name)
    dream = batcountry.dream(photo, model=model, layer="c", octaves=1, iterations=1)
    assert dream.array().shape == photo.shape


def test_a_branch_that_cannot_run_leaves_the_others(tmp_path):
    text = TRUNK + layer("Wibble", "w", "c") + layer("Concat", "both", "w d") + layer("Sigmoid", "s", "d")
    assert [each.name for each in open_model(written(tmp_path, text)).layers] == ["c", "r", "d", "s"]


def test_what_does_not_go_together_is_said_in_words_of_the_net(tmp_path, caplog):
    text = TRUNK + layer("TanH", "w", "c d") + layer("Eltwise", "v", "c d")
    with caplog.at_level(logging.WARNING):
        open_model(written(tmp_path, text))
    assert (
        "line 5: 'w' (TanH does not run on 2 bottoms); line 6: 'v' (Eltwise cannot run on (1, 16,"
        in caplog.text
    )


def test_forks_are_named(tmp_path, caplog):
    text = TRUNK + layer("PSROIPooling", "p", "d") + layer("ImResize", "i", "d")
    with caplog.at_level(logging.WARNING):
        open_model(written(tmp_path, text))
    assert "line 5: 'p' (PSROIPooling) (R-FCN); line 6: 'i' (ImResize) (OpenPose)" in caplog.text


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        (inputs(data=(1, 3, 8, 8)) + layer("Wibble", "w", "data"), UnsupportedLayer, r"line 2: .*'w' \(Wibble\)"),
        (inputs(data=(1, 3, 8, 8)) + layer("ReLU", "w", "date"), ModelError, r"line 2: no layer runs: 'w': .*did you mean 'data'"),
        (inputs(data=(1, 3, 8, 8)), ModelError, "no layers after its input 'data'"),
        (layer("Wibble", "w", ""), UnsupportedLayer, r"line 1: .*'w' \(Wibble\)"),
        (layer("ReLU", "w", "data"), ModelError, "has no input .*'data'"),
        (inputs(data=(1, 3, 8, 8)) + "".join(layer(f"AnUnknownTypeOfLayer{i}", f"layer_{i}", "data") for i in range(99)), UnsupportedLayer, "and 9[0-9] more"),
    ],
)  # fmt: skip
def test_a_net_of_which_nothing_runs_is_refused_in_a_short_sentence(tmp_path, text, kind, said):
    with pytest.raises(kind, match=said) as raised:
        open_model(written(tmp_path, text))
    assert len(str(raised.value)) - len(str(tmp_path)) < 300


@caffe.python_layer
class Twice:
    def setup(self, bottom, top):
        pass

    def reshape(self, bottom, top):
        top[0].reshape(*bottom[0].data.shape)

    def forward(self, bottom, top):
        top[0].data[...] = 2 * bottom[0].data


def test_python_layers_are_left_out_without_leave(tmp_path, caplog):
    text = TRUNK + layer("Python", "p", "d", settings="python_param { module: 'mine' layer: 'Twice' }")
    folder = written(tmp_path, text)
    assert [each.name for each in open_model(folder).layers][-1] == "p"
    types = [each.type for each in caffe.Net(folder / "deploy.prototxt", caffe.TEST).layers]
    assert [kind for kind in types if kind != "Split"][-2:] == ["Convolution", "Python"]
    with caplog.at_level(logging.WARNING):
        model = open_model(folder, policy=STRICT.allow(tmp_path))
    assert [each.name for each in model.layers][-1] == "d" and "--run-code" in caplog.text
    with pytest.raises(ModelError, match=r"the layer 'p'.*--run-code"):
        model.layer("p")
    alone = written(
        tmp_path, inputs(data=(1, 3, 8, 8)) + text[text.index('layer { name: "p"') :].replace('"d"', '"data"')
    )
    with pytest.raises(PolicyError, match="the Python layer 'p'"):
        open_model(alone, policy=STRICT.allow(tmp_path))


def test_a_program_runs_a_net_as_far_as_it_can_and_is_told_beyond(tmp_path, caplog):
    text = TRUNK + layer("Wibble", "w", "d") + layer("ReLU", "after", "w") + layer("Sigmoid", "s", "c")
    with caplog.at_level(logging.WARNING):
        net = caffe.Net(written(tmp_path, text) / "deploy.prototxt", caffe.TEST)
    assert "line 5: 'w' (Wibble), and 1 layer after them" in caplog.text
    assert net.left_out == {"w": "Wibble", "after": "it reads 'w', which 'w' would make"}
    whole = caffe.Net(written(tmp_path, TRUNK + layer("Sigmoid", "s", "c")) / "deploy.prototxt", caffe.TEST)
    data = np.random.RandomState(0).normal(size=(1, 3, 20, 24))
    for name in ("c", "d"):
        for own, other in zip(net.params[name], whole.params[name], strict=True):
            own.data[...] = other.data
    for end in ("d", "s"):
        np.testing.assert_array_equal(
            net.forward(end=end, data=data)[end], whole.forward(end=end, data=data)[end]
        )
    net.blobs["s"].diff[...] = 1
    assert net.backward(start="s")["data"].any()
    for run in (net.forward, net.backward, lambda: net.forward(end="w"), lambda: net.backward(start="w")):
        with pytest.raises(UnsupportedLayer, match=r"'w' cannot run \(Wibble\)"):
            run()
    with pytest.raises(UnsupportedLayer, match="'after' cannot run"):
        net.forward(end="after")


def test_splits_are_those_of_the_whole_net(tmp_path):
    text = TRUNK + layer("Wibble", "w", "d") + layer("Sigmoid", "s", "d")
    net = caffe.Net(written(tmp_path, text) / "deploy.prototxt", caffe.TEST)
    assert {"d_d_0_split_0", "d_d_0_split_1"} <= net.blobs.keys()


def test_the_facts_of_a_net_say_what_was_read_over(tmp_path):
    folder = written(tmp_path, TRUNK.replace("pad: 1", "pad: 1 odd: 3") + TAILS["an unknown type"])
    facts = examine(folder / "deploy.prototxt", folder / "net.caffemodel")
    assert facts.unsupported == ("'w' (Wibble)",)
    assert facts.skipped == ("line 2: convolution_param.odd and 1 more",)
    assert [each.name for each in facts.layers] == ["c", "r", "d"] and facts.fit.missing == ("c", "d")


def test_a_layer_that_never_was_is_not_one_left_out(tmp_path):
    model = open_model(written(tmp_path, TRUNK + TAILS["an unknown type"]))
    with pytest.raises(LayerNotFound):
        model.layer("x")


def test_what_a_file_says_of_types_is_safe_to_print(tmp_path, caplog):
    bad = "\\302\\233" + "31mred"  # a character that terminals obey, as prototxt writes it
    with caplog.at_level(logging.WARNING):
        open_model(
            written(
                tmp_path,
                TRUNK + layer(bad, "w", "d") + layer("ReLU", "x", "d", settings=f'unknown_settings: "{bad}"'),
            )
        )
    assert "31mred" in caplog.text and all(line.isprintable() for line in caplog.text.splitlines())
