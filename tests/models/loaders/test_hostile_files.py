"""Files of networks that ask for code, for another reader, or for more than any network takes."""

import io
import json
import os
import pickle
import re
import struct
import threading
import time
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import batcountry
from batcountry import caffe, open_model
from batcountry.backend.limits import MOST_LAYERS, MOST_STEPS
from batcountry.backend.policy import OPEN
from batcountry.backend.process_settings import ignored_warnings
from batcountry.caffe.formats.means import read_mean
from batcountry.caffe.formats.weights import read_weights
from batcountry.errors import BatCountryError, ModelError, OtherWeights, PolicyError, UnsupportedLayer
from batcountry.models.loaders.archives import open_archive, packed_anew
from batcountry.models.loaders.limits import check_work
from batcountry.models.loaders.program import Program, Ref, Step
from batcountry.models.loaders.weights import read_state
from caffe.nets import inputs, layer

LEAVE = OPEN.allow(run_code=True)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3, padding=1)

    def forward(self, x):
        return self.conv(x).relu()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nets")
    torch.manual_seed(5)
    net, example = Net().eval(), torch.rand(1, 3, 32, 32)
    torch.export.save(torch.export.export(net, (example,)), folder / "net.pt2")
    with pytest.warns(DeprecationWarning):
        torch.jit.save(torch.jit.trace(net, example), folder / "net.pt")
    torch.save(net.state_dict(), folder / "state.pth")
    return folder


@pytest.fixture
def cheap():
    """Fail if the block takes more than 100 MB of Python's memory, or five seconds of the processor's time."""
    tracemalloc.start()
    start = time.thread_time()
    yield
    taken, peak = time.thread_time() - start, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert taken < 5 and peak < 100 << 20, (taken, peak)


# Archives that two readers would read in two ways.


def entries(path):
    with zipfile.ZipFile(path) as archive:
        return {each: archive.read(each) for each in archive.namelist()}


def zipped(files):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


def two_directories(first, second):
    """Return an archive with one directory at its end and another, of other files, in a comment after it."""
    end = first.rfind(b"PK\5\6")
    shifted = bytearray(second)
    at = second.rfind(b"PK\5\6")
    count, _, start = struct.unpack("<HII", second[at + 10 : at + 20])
    for _ in range(count):
        entry = shifted.index(b"PK\1\2", start)
        place = struct.unpack("<I", shifted[entry + 42 : entry + 46])[0]
        shifted[entry + 42 : entry + 46] = struct.pack("<I", place + len(first))
        start = entry + 46
    begin = struct.unpack("<I", second[at + 16 : at + 20])[0]
    shifted[at + 16 : at + 20] = struct.pack("<I", begin + len(first))
    return first[: end + 20] + struct.pack("<H", len(second)) + bytes(shifted)


def twisted(files):
    """Return archives in which one reader sees `files` and another something else, by what is odd about them."""
    plain, other = zipped(files), zipped(dict.fromkeys(files, b"other"))
    end = plain.rfind(b"PK\5\6")
    name = next(iter(files))
    data = io.BytesIO()
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(data, "w") as archive:
        for key, content in [*files.items(), (name, b"other")]:
            archive.writestr(key, content)
    large = struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, 60, 0)
    place = struct.pack("<4sIQI", b"PK\6\7", 0, 0, 1)
    return {
        "a comment with another directory": two_directories(plain, other),
        "something before it": other + plain,
        "a few bytes before it": b"#!/bin/sh\n" + plain,
        "something after it": plain + b"\0" * 30,
        "a name twice": data.getvalue(),
        "a large directory that is elsewhere": plain[:end] + large + place + plain[end:],
        "more files than its directory has": plain[: end + 10] + b"\xff\xff" + plain[end + 12 :],
        "no directory": plain[:end],
    }


@pytest.mark.parametrize("file", ["net.pt", "net.pt2", "state.pth"])
def test_an_archive_that_two_readers_may_read_in_two_ways_is_refused(files, tmp_path, file, monkeypatch):
    monkeypatch.setattr(torch.jit, "load", lambda *_, **__: pytest.fail("PyTorch read it"))
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("PyTorch read it"))
    for odd, data in twisted(entries(files / file)).items():
        path = tmp_path / file
        path.write_bytes(data)
        with pytest.raises(ModelError) as caught:
            read_state(path) if file == "state.pth" else open_model(path, policy=LEAVE)
        said = r"is not an archive|no TorchScript|no exported|no file of weights"
        assert re.search(said, str(caught.value)), (odd, str(caught.value))


def test_pytorch_gets_what_was_checked_and_not_the_file(files, monkeypatch):
    seen = []
    monkeypatch.setattr(
        torch.jit, "load", lambda source, **_: seen.append(source) or (_ for _ in ()).throw(OSError)
    )
    with pytest.raises(ModelError, match="damaged"):
        open_model(files / "net.pt", policy=LEAVE)
    with zipfile.ZipFile(seen[0]) as archive:
        assert {each: archive.read(each) for each in archive.namelist()} == entries(files / "net.pt")


def test_an_archive_of_pytorch_is_the_same_packed_anew(files):
    with (files / "net.pt").open("rb") as file, open_archive(file, "net.pt") as archive, ignored_warnings():
        module = torch.jit.load(packed_anew(archive))
    example = torch.rand(1, 3, 9, 9)
    torch.manual_seed(5)
    torch.testing.assert_close(module(example), Net()(example))


def test_an_archive_packed_a_thousand_times_is_refused(files, tmp_path, cheap):
    with zipfile.ZipFile(tmp_path / "net.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("net/code/a.py", b"\0" * (65 << 20))
    with pytest.raises(ModelError, match="are packed in it"):
        open_model(tmp_path / "net.pt", policy=LEAVE)


def test_an_archive_packed_in_another_way_is_said_to_be_so(files, tmp_path):
    with zipfile.ZipFile(tmp_path / "net.pt", "w", zipfile.ZIP_BZIP2) as archive:
        for name, content in entries(files / "net.pt").items():
            archive.writestr(name, content)
    with pytest.raises(ModelError, match="packed in a way that they do not use"):
        open_model(tmp_path / "net.pt", policy=LEAVE)


# Leave, and hashes.


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".ts", ".torchscript", ".PT"])
def test_no_torchscript_is_loaded_without_leave_whatever_its_name(files, tmp_path, suffix, monkeypatch):
    monkeypatch.setattr(torch.jit, "load", lambda *_, **__: pytest.fail("it was loaded"))
    path = tmp_path / f"net{suffix}"
    path.write_bytes((files / "net.pt").read_bytes())
    with pytest.raises(PolicyError, match="--run-code"):
        open_model(path)


@pytest.mark.parametrize("name", ["net.pt", "net.pt2", "net.onnx", "net/deploy.prototxt"])
def test_another_hash_is_told_before_anything_is_opened(files, tmp_path, name, monkeypatch):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"nothing that any reader reads")
    (path.parent / "net.caffemodel").write_bytes(b"nothing that any reader reads")
    for reader in ("zipfile.ZipFile", "torch.jit.load", "batcountry.models.loaders.caffe.read_weights"):
        monkeypatch.setattr(reader, lambda *_, **__: pytest.fail("it was opened"))
    with pytest.raises(OtherWeights, match=r"is another file than was asked for \(its sha256 is"):
        open_model(path.parent if "/" in name else path, policy=LEAVE, sha256="0" * 64)


def test_weights_for_code_are_compared_before_the_code_runs(tmp_path, monkeypatch):
    save_file({"a": torch.zeros(1)}, tmp_path / "a.safetensors")
    (tmp_path / "nets_that_run.py").write_text("raise SystemExit('it ran')\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OtherWeights):
        open_model("nets_that_run:make", "a.safetensors", sha256="1" * 64)


def test_the_right_hash_opens(files):
    digest = open_model(files / "net.pt2").weights_sha256
    assert open_model(files / "net.pt2", sha256=digest).weights_sha256 == digest


# What is not a plain file.


def odd_places(folder):
    os.mkfifo(folder / "pipe")
    (folder / "folder").mkdir()
    (folder / "link").symlink_to("/dev/zero")
    (folder / "empty").touch()
    return [
        "/dev/zero",
        "/proc/self/maps",
        *(str(folder / each) for each in ("pipe", "folder", "link", "empty")),
    ]


@pytest.mark.parametrize(
    "as_what", ["model", "weights", "mean", "caffe weights", "caffe net", "state", "blob"]
)
def test_what_is_no_plain_file_is_refused_in_a_sentence(tmp_path, as_what, cheap):
    definition = tmp_path / "deploy.prototxt"
    definition.write_text(inputs(data=(1, 3, 9, 9)) + layer("ReLU", "relu", "data"))
    uses = {
        "model": lambda path: open_model(path),
        "weights": lambda path: open_model(definition, path),
        "mean": lambda path: open_model(definition, definition, mean=path),
        "caffe weights": read_weights,
        "caffe net": lambda path: caffe.Net(path, caffe.TEST),
        "state": read_state,
        "blob": read_mean,
    }
    for place in odd_places(tmp_path):
        problems = []

        def use(place=place, problems=problems):
            try:
                uses[as_what](Path(place))
                problems.append("it was read")
            except BatCountryError as error:
                if "\n" in str(error) or len(str(error)) > 400:
                    problems.append(str(error))

        thread = threading.Thread(target=use, daemon=True)
        thread.start()
        thread.join(20)
        assert not thread.is_alive() and not problems, (place, problems)


@pytest.mark.parametrize(
    "suffix", [".pt2", ".pt", ".onnx", ".h5", ".npy", ".binaryproto", ".prototxt", ".safetensors"]
)
def test_links_to_devices_are_refused_whatever_they_are_called(tmp_path, suffix, cheap):
    (tmp_path / f"net{suffix}").symlink_to("/dev/zero")
    with pytest.raises(BatCountryError, match="device or a pipe"):
        open_model(tmp_path / f"net{suffix}", policy=LEAVE)


def test_a_recipe_that_names_a_device_is_refused(photo):
    for field in ("model", "weights", "mean"):
        with pytest.raises(BatCountryError, match=r"device or a pipe|must be numbers"):
            batcountry.dream(photo, **{"octaves": 1, "iterations": 1, field: "/dev/zero"})


@pytest.mark.parametrize(
    "name", ["a" * 250 + ".pt2", "b" * 300, os.fsdecode(b"net\xff.pt2"), "nul\0.onnx", "x\n\x1b[31m.pt"]
)
def test_names_that_files_can_hardly_have_are_said_in_a_sentence(tmp_path, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BatCountryError):
        open_model(name)
    with pytest.raises(BatCountryError):
        open_model("net.prototxt", name)


# Exported programs that ask for work.


def rewritten(source, target, change):
    """Write an exported program with its JSON changed by `change(graph, weights)`."""
    found = entries(source)
    [model] = [each for each in found if each.endswith("models/model.json")]
    [config] = [each for each in found if each.endswith("model_weights_config.json")]
    program, weights = json.loads(found[model]), json.loads(found[config])
    change(program["graph_module"]["graph"], weights["config"])
    found[model], found[config] = json.dumps(program).encode(), json.dumps(weights).encode()
    target.write_bytes(zipped(found))
    return target


def step(target, result, *given):
    return {
        "target": target if target.startswith("_operator") else f"torch.ops.aten.{target}",
        "inputs": [{"name": "", "arg": each, "kind": 1} for each in given],
        "outputs": [{"as_tensor": {"name": result}}],
        "metadata": {},
    }


def tensor(name):
    return {"as_tensor": {"name": name}}


def last(graph):
    return graph["nodes"][-1]["outputs"][0]["as_tensor"]["name"]


def expanded(graph, weights):
    meta = next(iter(weights.values()))["tensor_meta"]
    meta["sizes"] = [{"as_int": 1_000_000}, {"as_int": 1_600}]
    meta["strides"] = [{"as_int": 0}, {"as_int": 0}]


def all_full(graph, _):
    result = last(graph)
    graph["nodes"][-1]["outputs"][0]["as_tensor"]["name"] = "before"
    graph["nodes"] += [
        step("full.default", "wide", {"as_ints": [1, 1, 40_000, 40_000]}, {"as_float": 1.0}),
        step("mean.default", "small", tensor("wide")),
        step("add.Tensor", result, tensor("before"), tensor("small")),
    ]


def doubled(graph, _):
    result = last(graph)
    graph["nodes"][-1]["outputs"][0]["as_tensor"]["name"] = "c0"
    for index in range(40):
        pair = {"as_tensors": [{"name": f"c{index}"}, {"name": f"c{index}"}]}
        graph["nodes"].append(step("cat.default", f"c{index + 1}", pair, {"as_int": 1}))
    graph["nodes"].append(step("mul.Tensor", result, tensor("c40"), {"as_float": 2.0}))


def squared(graph, _):
    result = last(graph)
    graph["nodes"][-1]["outputs"][0]["as_tensor"]["name"] = "before"
    graph["nodes"].append(step("sym_size.int", "s0", tensor("before"), {"as_int": 2}))
    for index in range(60):
        graph["nodes"].append(
            step("_operator.mul", f"s{index + 1}", tensor(f"s{index}"), tensor(f"s{index}"))
        )
    graph["nodes"].append(step("mul.Tensor", result, tensor("before"), tensor("s60")))


def in_pieces(graph, _):
    result = last(graph)
    graph["nodes"][-1]["outputs"][0]["as_tensor"]["name"] = "before"
    graph["nodes"] += [
        step("view.default", "row", tensor("before"), {"as_ints": [-1]}),
        step("split.Tensor", "pieces", tensor("row"), {"as_int": 1}),
        step("mul.Tensor", result, tensor("before"), {"as_float": 2.0}),
    ]
    graph["nodes"][-1]["inputs"].append({"name": "", "arg": tensor("pieces"), "kind": 1})


def multiplied(graph, _):
    result = last(graph)
    graph["nodes"][-1]["outputs"][0]["as_tensor"]["name"] = "m"
    graph["nodes"].append(step("full.default", "f0", {"as_ints": [8_000, 8_000]}, {"as_float": 1.0}))
    for index in range(3):
        graph["nodes"].append(
            step("matmul.default", f"f{index + 1}", tensor(f"f{index}"), tensor(f"f{index}"))
        )
    graph["nodes"] += [
        step("mean.default", "f", tensor("f3")),
        step("mul.Tensor", result, tensor("m"), tensor("f")),
    ]


def many(graph, _):
    result = last(graph)
    graph["nodes"][-1]["outputs"][0]["as_tensor"]["name"] = "t0"
    steps = MOST_STEPS + 1
    graph["nodes"] += [step("relu.default", f"t{i + 1}", tensor(f"t{i}")) for i in range(steps)]
    graph["nodes"].append(step("relu.default", result, tensor(f"t{steps}")))


def nested(graph, _):
    result = last(graph)
    graph["nodes"][-1]["outputs"][0]["as_tensor"]["name"] = "l0"
    for index in range(60):
        graph["nodes"].append(step("list.default", f"l{index + 1}", tensor(f"l{index}"), tensor(f"l{index}")))
    graph["nodes"].append(step("cat.default", result, tensor("l60")))


def exponential(graph, _):
    result = last(graph)
    graph["nodes"][-1]["outputs"][0]["as_tensor"]["name"] = "m"
    graph["nodes"] += [
        step("full.default", "f0", {"as_ints": [3_000, 3_000]}, {"as_float": 1.0}),
        step("matrix_exp.default", "f1", tensor("f0")),
        step("mean.default", "f", tensor("f1")),
        step("mul.Tensor", result, tensor("m"), tensor("f")),
    ]


def wide_windows(graph, _):
    result = last(graph)
    graph["nodes"][-1]["outputs"][0]["as_tensor"]["name"] = "p0"
    for index in range(200):
        name = result if index == 199 else f"p{index + 1}"
        sides = [{"as_ints": [99, 99]}, {"as_ints": [1, 1]}, {"as_ints": [49, 49]}]
        graph["nodes"].append(step("avg_pool2d.default", name, tensor(f"p{index}"), *sides))


def transformed(graph, _):
    result = last(graph)
    graph["nodes"][-1]["outputs"][0]["as_tensor"]["name"] = "m"
    graph["nodes"] += [
        step("full.default", "f0", {"as_ints": [99_999_989]}, {"as_float": 1.0}),  # a prime
        step("fft_fft.default", "f1", tensor("f0")),
        step("abs.default", "f2", tensor("f1")),
        step("mean.default", "f", tensor("f2")),
        step("mul.Tensor", result, tensor("m"), tensor("f")),
    ]


def in_sections(graph, _):
    result = last(graph)
    graph["nodes"][-1]["outputs"][0]["as_tensor"]["name"] = "before"
    graph["nodes"].append(step("tensor_split.sections", result, tensor("before"), {"as_int": 10**9}))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (exponential, "decompositions of matrices"),
        (wide_windows, "its pooling"),
        (in_sections, "pieces"),
        (transformed, "numbers for one picture"),
        (expanded, r"weights, such as \S+, have 1,600,\d+,\d+ numbers where the file has"),
        (all_full, "make 1,600,0.* numbers for one picture"),
        (doubled, "numbers for one picture"),
        (squared, "64 bits"),
        (in_pieces, "pieces"),
        (multiplied, "operations"),
        (many, f"at most {MOST_STEPS:,} are taken"),
        (nested, "lists in lists"),
    ],
)
def test_an_exported_program_that_asks_for_too_much_is_refused_before_it_runs(
    files, tmp_path, change, said, cheap
):
    path = rewritten(files / "net.pt2", tmp_path / "bad.pt2", change)
    assert path.stat().st_size < 4 << 20
    with pytest.raises(ModelError, match=said):
        open_model(path)


def test_many_steps_of_one_module_are_named_at_once(cheap):
    steps = [Step("relu", "a.one.b", (Ref(f"t{index}"),), (f"t{index + 1}",)) for index in range(3000)]
    Program(steps, {}, source="t0", output="t3000", where="it")


def test_what_depends_on_the_pictures_numbers_is_refused():
    class Turning(nn.Module):
        def forward(self, x):
            return torch.zeros(int(x.sum()) + 1)

    with pytest.raises(UnsupportedLayer, match="depends on the picture's numbers"):
        check_work(Turning(), (1, 3, 8, 8), "it")


def test_honest_networks_are_far_within_the_bounds():
    # VGG-16's convolutions at 512×512, and forty-five at full size of 224×224, which no network has.
    widths = [64, 64, 128, 128, 256, 256, 256, 512, 512, 512]
    layers, channels = [], 3
    for width in widths:
        layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
        layers += [nn.MaxPool2d(2)] if channels == width else []
        channels = width
    check_work(nn.Sequential(*layers), (1, 3, 512, 512), "it")
    check_work(
        nn.Sequential(*(nn.Conv2d(3 if not i else 64, 64, 3, padding=1) for i in range(45))),
        (1, 3, 224, 224),
        "it",
    )
    # A network for larger pictures, which reduces nothing (EDSR), at the size that its file says.
    edsr = nn.Sequential(*(nn.Conv2d(3 if not i else 256, 256, 3, padding=1) for i in range(30)))
    check_work(edsr, (1, 3, 256, 256), "it")


# State dicts.


class Called:
    def __init__(self, function, *given):
        self.called = function, given

    def __reduce__(self):
        return self.called


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize(
    "value", [Called(bytearray, 10**10), Called(torch.Tensor, 10**5, 10**5), Called(print, "ran"), {1, 2}]
)
def test_a_state_dict_in_which_something_is_called_is_refused(tmp_path, value, legacy, cheap, capsys):
    torch.save({"state_dict": {"a": value}}, tmp_path / "a.pth", _use_new_zipfile_serialization=not legacy)
    with pytest.raises(ModelError, match=r"damaged|tensors alone"):
        read_state(tmp_path / "a.pth")
    assert "ran" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "ops",
    [
        b"}U\1a\x85" + b"2\x86" * 60 + b"K\1s.",  # a key of tuples in tuples, which takes for ever to hash
        b"]r\xff\xff\xff\x7f.",  # remembers as the two milliardth thing
        b"(" * 100_000 + b".",
        b"\x8e\xff\xff\xff\xff\xff\xff\x00\x00",
        b"L" + b"9" * 100_000 + b"L\n.",
    ],
)
def test_pickles_that_take_time_or_memory_are_refused(tmp_path, ops, cheap):
    (tmp_path / "a.pth").write_bytes(zipped({"a/data.pkl": b"\x80\2" + ops}))
    with pytest.raises(ModelError):
        read_state(tmp_path / "a.pth")


@pytest.mark.parametrize("legacy", [False, True])
def test_state_dicts_of_every_type_are_what_was_saved(tmp_path, legacy):
    kinds = (
        torch.float32,
        torch.float64,
        torch.float16,
        torch.bfloat16,
        torch.int64,
        torch.uint8,
        torch.bool,
    )
    state = {str(kind): torch.arange(12).reshape(3, 4).to(kind) for kind in kinds}
    state |= {
        "turned": state["torch.float32"].t(),
        "part": state["torch.float64"][1:, 2:],
        "none": torch.zeros(0, 3),
    }
    state["parameter"] = nn.Parameter(state["torch.float32"])
    saved = {
        "epoch": 3,
        "args": [1, "x", None],
        "state_dict": state,
        "type": torch.float16,
        "where": torch.device("cpu"),
    }
    torch.save(saved, tmp_path / "a.pth", _use_new_zipfile_serialization=not legacy)
    found = read_state(tmp_path / "a.pth")
    assert found.keys() == state.keys()
    for name, values in state.items():
        assert found[name].dtype == values.dtype and torch.equal(found[name], values), name


def test_a_storage_is_no_larger_than_the_file(tmp_path, cheap):
    torch.save({"a": torch.zeros(4)}, tmp_path / "a.pth", _use_new_zipfile_serialization=False)
    data = (tmp_path / "a.pth").read_bytes()
    size = pickle.dumps(4, 2)[2:4]
    (tmp_path / "a.pth").write_bytes(data.replace(size + b"Nt", b"J\0\0\0\x70Nt"))
    with pytest.raises(ModelError, match="larger than the file"):
        read_state(tmp_path / "a.pth")


def test_a_list_of_hundreds_of_thousands_of_tensors_is_not_read(tmp_path, cheap):
    names = b",".join(
        b'"t%d":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}' % index for index in range(200_000)
    )
    (tmp_path / "a.safetensors").write_bytes(struct.pack("<Q", len(names) + 2) + b"{" + names + b"}")
    with pytest.raises(ModelError, match="list of tensors has more than"):
        read_state(tmp_path / "a.safetensors")


# Caffe's nets.


def doubling(count):
    text = inputs(data=(1, 3, 24, 24)) + layer(
        "Convolution", "c0", "data", settings="convolution_param { num_output: 16 kernel_size: 1 }"
    )
    return text + "".join(layer("Concat", f"c{i + 1}", f"c{i} c{i}") for i in range(count))


def test_concats_that_double_are_refused_before_they_run(tmp_path, cheap):
    (tmp_path / "net.prototxt").write_text(doubling(18))
    with pytest.raises(ModelError, match="numbers for one picture"):
        caffe.Net(tmp_path / "net.prototxt", caffe.TEST)


def test_concats_that_double_too_much_for_any_picture_are_refused_at_a_small_size(tmp_path, cheap):
    # 24×24 pixels make few numbers; a picture that is dreamed on is larger.
    (tmp_path / "deploy.prototxt").write_text(doubling(12))
    net = caffe.Net(tmp_path / "deploy.prototxt", caffe.TEST)
    net.save(str(tmp_path / "net.caffemodel"))
    with pytest.raises(ModelError, match="numbers for one picture"):
        open_model(tmp_path)


@pytest.mark.parametrize("between", ["\n", " "])
def test_a_hundred_thousand_layers_are_refused_before_they_are_read(tmp_path, cheap, between):
    text = inputs(data=(1, 3, 8, 8)) + between.join(
        ['layer{name:"a"type:"ReLU"bottom:"data"top:"data"}'] * 100_000
    )
    (tmp_path / "net.prototxt").write_text(text)
    with pytest.raises(ModelError, match=rf"100,001 layers or operations, and at most {MOST_LAYERS:,}"):
        caffe.Net(tmp_path / "net.prototxt", caffe.TEST)


def test_the_readers_of_arrays_are_bounded_too(tmp_path, cheap):
    (tmp_path / "mean.npy").write_bytes(
        b"\x93NUMPY\1\0"
        + struct.pack("<H", 70)
        + b"{'descr':'<f4','fortran_order':False,'shape':(3,100000,100000)}".ljust(70)
    )
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    for name in ("mean.npy", "objects.npy"):
        with pytest.raises(ModelError):
            read_mean(tmp_path / name)
