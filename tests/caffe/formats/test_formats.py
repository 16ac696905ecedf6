"""Every form in which definitions, weights and means come."""

import logging
import os
import subprocess
import sys

import h5py
import numpy as np
import pytest
from google.protobuf import text_format
from hypothesis import given, settings
from hypothesis import strategies as st

import batcountry.caffe as caffe
from batcountry import open_model
from batcountry.caffe.formats.means import read_mean
from batcountry.caffe.formats.weights import read_weights, write_weights
from batcountry.caffe.proto import caffe_pb2
from batcountry.errors import ModelError
from batcountry.models.loaders.caffe import open_caffe
from caffe.nets import inputs, layer
from conftest import REFERENCE

CASE = REFERENCE / "layers" / "mini_inception"

V0 = """
input: "data" input_dim: 1 input_dim: 3 input_dim: 9 input_dim: 9
layers { layer { name: "pad1" type: "padding" pad: 1 } bottom: "data" top: "padded" }
layers { layer { name: "conv1" type: "conv" num_output: 4 kernelsize: 3 stride: 2 group: 1
                 weight_filler { type: "gaussian" std: 0.1 } } bottom: "padded" top: "conv1" }
layers { layer { name: "relu1" type: "relu" } bottom: "conv1" top: "conv1" }
layers { layer { name: "norm1" type: "lrn" local_size: 3 alpha: 0.1 beta: 0.5 } bottom: "conv1" top: "norm1" }
layers { layer { name: "pool1" type: "pool" pool: AVE kernelsize: 2 stride: 2 } bottom: "norm1" top: "pool1" }
layers { layer { name: "fc" type: "innerproduct" num_output: 2 biasterm: false
                 weight_filler { type: "xavier" } } bottom: "pool1" top: "fc" }
layers { layer { name: "prob" type: "softmax" } bottom: "fc" top: "prob" }
"""
TODAY = (
    inputs(data=(1, 3, 9, 9))
    + layer(
        "Convolution",
        "conv1",
        "data",
        settings="convolution_param { num_output: 4 kernel_size: 3 stride: 2 pad: 1 }",
    )
    + layer("ReLU", "relu1", "conv1", "conv1")
    + layer("LRN", "norm1", "conv1", settings="lrn_param { local_size: 3 alpha: 0.1 beta: 0.5 }")
    + layer("Pooling", "pool1", "norm1", settings="pooling_param { pool: AVE kernel_size: 2 stride: 2 }")
    + layer("InnerProduct", "fc", "pool1", settings="inner_product_param { num_output: 2 bias_term: false }")
    + layer("Softmax", "prob", "fc")
)


def written(path, text):
    path.write_text(text)
    return path


def outputs(net, seed=0):
    data = np.random.RandomState(seed).normal(size=net.blobs[net.inputs[0]].shape)
    return {name: values.copy() for name, values in net.forward(**{net.inputs[0]: data}).items()}


def same(a, b):
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name])


def test_a_net_of_2013_is_the_same_as_todays(tmp_path):
    old = caffe.Net(written(tmp_path / "old.prototxt", V0), caffe.TEST)
    assert "pad1" not in old._layer_names
    v0 = caffe_pb2.NetParameter()
    text_format.Merge(V0, v0)
    for each in v0.layers:
        for blob in old.params.get(each.layer.name, []):
            each.layer.blobs.add(
                num=1, channels=1, height=1, width=blob.count, data=blob.data.ravel()
            ) if blob.data.ndim == 1 else each.layer.blobs.add(
                **dict(zip(("num", "channels", "height", "width"), (1,) * (4 - blob.data.ndim) + blob.shape, strict=True)),
                data=blob.data.ravel(),
            )  # fmt: skip
    (tmp_path / "v0.caffemodel").write_bytes(v0.SerializeToString())
    new = caffe.Net(written(tmp_path / "new.prototxt", TODAY), str(tmp_path / "v0.caffemodel"), caffe.TEST)
    same(outputs(old), outputs(new))


def test_a_binary_definition_is_read_without_its_numbers(tmp_path):
    definition = caffe_pb2.NetParameter()
    text_format.Merge(TODAY, definition)
    definition.layer[1].blobs.add(data=[1.0] * 1000)
    path = tmp_path / "net.binaryproto"
    path.write_bytes(definition.SerializeToString())
    assert (
        caffe.Net(path, caffe.TEST)._layer_names
        == caffe.Net(written(tmp_path / "net.prototxt", TODAY), caffe.TEST)._layer_names
    )


@pytest.mark.parametrize("form", ["text", "double", "hdf5", "saved", "caffes own class"])
def test_weights_are_the_same_in_every_form(tmp_path, form):
    net = caffe.Net(CASE / "net.prototxt", CASE / "net.caffemodel", caffe.TEST)
    message = caffe_pb2.NetParameter.FromString((CASE / "net.caffemodel").read_bytes())
    path = tmp_path / "other"
    if form == "text":
        path.write_text(str(message))
    elif form == "double":
        for each in message.layer:
            for blob in each.blobs:
                blob.double_data.extend(blob.data)
                del blob.data[:]
        path.write_bytes(message.SerializeToString())
    elif form == "hdf5":
        net.save_hdf5(path)
    elif form == "saved":
        net.save(path)
    else:
        path.write_bytes(message.SerializeToString())
    same(outputs(net), outputs(caffe.Net(CASE / "net.prototxt", caffe.TEST, weights=path)))


shapes = st.lists(st.integers(1, 4), min_size=0, max_size=5).map(tuple)


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.text("abc/_é", min_size=1), st.lists(shapes, max_size=3), max_size=4))
def test_what_is_written_is_read(tmp_path_factory, layers):
    path = tmp_path_factory.getbasetemp() / "written.caffemodel"
    random = np.random.RandomState(0)
    arrays = {name: [np.float32(random.normal(size=s)) for s in each] for name, each in layers.items()}
    write_weights(path, [(name, "X", each) for name, each in arrays.items()])
    if not arrays:
        with pytest.raises(ModelError, match="empty"):
            read_weights(path)
        return
    found = read_weights(path)
    assert found.keys() == arrays.keys()
    for name, each in arrays.items():
        for a, b in zip(each, found[name], strict=True):
            np.testing.assert_array_equal(a, b)
    theirs = caffe_pb2.NetParameter.FromString(path.read_bytes())
    assert [each.name for each in theirs.layer] == list(arrays)


def h5(tmp_path, build):
    path = tmp_path / "net.caffemodel.h5"
    with h5py.File(path, "w") as file:
        build(file)
    return path


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda f: f.create_group("other"), "no group 'data'"),
        (lambda f: f.create_dataset("data/a/0", data=b"text"), "holds no numbers"),
        (lambda f: f.create_dataset("data/a/0", (1 << 28,), "f4", chunks=(1 << 16,)), "more than the file holds"),
        (lambda f: f.create_dataset("data/a/999", data=[1.0]), "which no layer has"),
        (lambda f: f.create_dataset("data/a/0", (4,), "f4", external="other.bin"), "kept in another file"),
    ],
)  # fmt: skip
def test_a_hostile_hdf5_file_is_refused(tmp_path, build, said):
    with pytest.raises(ModelError, match=said):
        read_weights(h5(tmp_path, build))


def test_hdf5_links_are_not_followed_and_circles_end(tmp_path):
    def build(file):
        file.create_dataset("data/a/b/0", data=np.ones(3, "f4"))
        file["data/a/loop"] = file["data"]
        file["data/soft"] = h5py.SoftLink("/data/a")
        file["data/far"] = h5py.ExternalLink("elsewhere.h5", "/")

    assert list(read_weights(h5(tmp_path, build))) == ["a/b"]


def test_a_damaged_hdf5_file_is_named(tmp_path):
    path = h5(tmp_path, lambda f: f.create_dataset("data/a/0", data=np.ones(1000, "f4")))
    path.write_bytes(path.read_bytes()[:1500])
    with pytest.raises(ModelError, match=r"net\.caffemodel\.h5 is damaged"):
        read_weights(path)


def test_without_h5py_the_extra_is_named(tmp_path, monkeypatch):
    path = h5(tmp_path, lambda f: f.create_group("data"))
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(
        batcountry_errors().MissingExtra,
        match=r"pip install h5py, or in a clone of bat-country: pip install '\.\[hdf5\]'",
    ):
        read_weights(path)


def batcountry_errors():
    from batcountry import errors

    return errors


def test_the_net_says_which_weights_were_missing_and_which_unused(tmp_path, caplog):
    message = caffe_pb2.NetParameter.FromString((CASE / "net.caffemodel").read_bytes())
    named = next(each for each in message.layer if each.blobs)
    own, named.name = named.name, "elsewhere"
    path = tmp_path / "renamed.caffemodel"
    path.write_bytes(message.SerializeToString())
    net = caffe.Net(CASE / "net.prototxt", caffe.TEST, weights=path)
    assert (net.fit.missing, net.fit.unused) == ((own,), ("elsewhere",))
    with caplog.at_level(logging.WARNING):
        open_caffe(CASE / "net.prototxt", path)
    assert f"no weights for {own}" in caplog.text


def share(mode, second):
    convolution = "convolution_param {{ num_output: 3 kernel_size: {} }} param {{ name: 'w' {} }}"
    return (
        inputs(x=(1, 3, 6, 6))
        + layer("Convolution", "a", "x", settings=convolution.format(1, "") + "param { name: 'b' }")
        + layer("Convolution", "c", "a", settings=convolution.format(second, mode) + "param { name: 'b' }")
    )


def test_weights_of_one_name_are_one(tmp_path):
    net = caffe.Net(written(tmp_path / "n.prototxt", share("", 1)), caffe.TEST)
    net.params["a"][0].data[...] = 2
    assert (net.params["c"][0].data == 2).all()
    net.blobs["c"].diff[...] = 1
    net.forward(x=np.ones((1, 3, 6, 6)))
    net.backward()
    # d/dw of sum(w(wx)): each of both places counts.
    assert net.params["a"][0].diff is not None and np.shares_memory(
        net.params["a"][0].diff, net.params["c"][0].diff
    )
    assert net.params["a"][0].diff.sum() == pytest.approx(36 * 9 * (2 * 3 + 2 * 3))


def test_shared_weights_of_two_shapes_are_refused(tmp_path):
    with pytest.raises(ModelError, match=r"shares the weights 'w'"):
        caffe.Net(written(tmp_path / "n.prototxt", share("", 3)), caffe.TEST)


def test_rules_of_phase_level_and_stage_choose_the_layers(tmp_path):
    text = inputs(x=(1, 2)) + "".join(
        layer("Power", name, "x", settings=rule)
        for name, rule in {
            "train": "include { phase: TRAIN }",
            "not_train": "exclude { phase: TRAIN }",
            "deep": "include { min_level: 1 }",
            "shallow": "include { max_level: 0 }",
            "staged": "include { stage: 'a' stage: 'b' }",
            "unstaged": "include { not_stage: 'a' }",
        }.items()
    )
    path = written(tmp_path / "n.prototxt", text)

    def kept(**options):
        return {
            n for n in caffe.Net(path, **{"phase": caffe.TEST, **options})._layer_names if "split" not in n
        } - {"x"}

    assert kept() == {"not_train", "shallow", "unstaged"}
    assert kept(phase=caffe.TRAIN) == {"train", "shallow", "unstaged"}
    assert kept(level=1, stages=["a", "b"]) == {"not_train", "deep", "staged"}
    path.write_text("state { stage: 'a' } " + text)
    assert kept(stages=["b"]) == {"not_train", "shallow", "staged"}


def mean_file(tmp_path, form):
    mean = np.stack([np.full((4, 5), value) for value in (10.0, 20.0, 30.0)])
    if form == "binaryproto":
        path = tmp_path / "places_mean.binaryproto"
        path.write_bytes(caffe.io.array_to_blobproto(mean[None]).SerializeToString())
    else:
        path = tmp_path / "ilsvrc_mean.npy"
        np.save(path, mean if form == "npy" else mean.mean((1, 2)))
    return path


@pytest.mark.parametrize("form", ["binaryproto", "npy", "npy of channels"])
def test_a_mean_file_beside_the_net_is_its_mean(tmp_path, form):
    for name in ("net.prototxt", "net.caffemodel"):
        (tmp_path / name).write_bytes((CASE / name).read_bytes())
    assert open_model(tmp_path / "net.prototxt").mean == (122.0, 116.0, 104.0)
    path = mean_file(tmp_path, form)
    assert open_model(tmp_path / "net.prototxt").mean == (30.0, 20.0, 10.0)
    assert open_model(tmp_path / "net.prototxt", mean=(1, 2, 3)).mean == (3.0, 2.0, 1.0)
    assert read_mean(path).shape in ((3, 4, 5), (3,))


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999,), }" + b" " * 40 + b"\n", b"hello"])  # fmt: skip
@pytest.mark.parametrize("name", ["mean.npy", "mean.binaryproto"])
def test_a_mean_that_is_none_is_refused(tmp_path, content, name):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError, match=name):
        read_mean(tmp_path / name)


MEASURE = """
import sys
from pathlib import Path
from batcountry.caffe.formats.weights import read_weights
def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line.split()[1] for line in lines if line.startswith("VmHWM")))
before = peak()
blobs = read_weights(Path(sys.argv[1]))
assert sum(each.size for arrays in blobs.values() for each in arrays) == int(sys.argv[2])
print(peak() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is read from /proc")
def test_weights_of_vggs_size_take_little_more_memory_than_the_file(tmp_path):
    path, sizes = tmp_path / "large.caffemodel", [25088 * 4096, 4096 * 4096, 4096 * 1000]
    row = np.random.RandomState(0).normal(size=1 << 20).astype(np.float32)
    write_weights(path, [(f"fc{i}", "InnerProduct", [np.resize(row, size)]) for i, size in enumerate(sizes)])
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path), str(sum(sizes))], capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert path.stat().st_size > 490e6
    assert 0.9 * path.stat().st_size < int(done.stdout) < 1.3 * path.stat().st_size
    path.unlink()
