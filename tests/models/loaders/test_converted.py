import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import SafetensorError

import batcountry
from batcountry import open_model
from batcountry.errors import ModelError, OtherWeights
from batcountry.models.loaders.caffe import open_caffe
from batcountry.models.loaders.converted import save_converted
from caffe.nets import inputs, layer
from conftest import REFERENCE

CASE = REFERENCE / "layers" / "mini_inception"


@pytest.fixture
def original():
    return open_caffe(CASE / "net.prototxt", CASE / "net.caffemodel", mean=(1.0, 2.0, 3.0))


@pytest.fixture
def folder(original, tmp_path):
    save_converted(original, tmp_path / "converted")
    return tmp_path / "converted"


def test_a_converted_net_is_the_same_model(original, folder):
    converted = open_model(folder)
    for name in ("layers", "mean", "weights_sha256", "default_layer"):
        assert getattr(converted, name) == getattr(original, name)
    image = torch.rand(1, 3, 41, 29) * 255
    names = [each.name for each in original.layers]
    theirs = original.activations(image, names)
    for name, values in converted.activations(image, names).items():
        assert torch.equal(values, theirs[name]), name


def test_its_dreams_are_the_same(original, folder, photo):
    options = {"octaves": 2, "iterations": 2, "seed": 3}
    a, b = (
        batcountry.dream(photo, model=model, **options).pixels for model in (original, open_model(folder))
    )
    np.testing.assert_array_equal(a, b)


def test_its_layers_are_told_the_same(original, folder):
    converted = open_model(folder)
    assert [each.layer for each in converted.network.nodes] == [each.layer for each in original.network.nodes]


def test_its_settings_are_protobufs_json(folder):
    settings = [each["settings"] for each in json.loads((folder / "model.json").read_text())["nodes"]]
    pooling = next(each for each in settings if each["type"] == "Pooling")
    assert (pooling["phase"], pooling["pooling_param"]["pool"]) == ("TEST", "MAX")


def test_a_folder_with_numbers_for_choices_opens_as_it_did(original, folder):
    def numbered(manifest):
        for node in manifest["nodes"]:
            node["settings"]["phase"] = 1
            if "pool" in (pooling := node["settings"].get("pooling_param", {})):
                pooling["pool"] = ["MAX", "AVE"].index(pooling["pool"])

    damaged(numbered)(folder)
    layers = [each.layer for each in open_model(folder).network.nodes]
    assert layers == [each.layer for each in original.network.nodes]


def test_weights_that_stand_in_a_definition_are_not_converted_as_settings(tmp_path):
    settings = "convolution_param { num_output: 1 kernel_size: 1 } blobs { data: 1 }"
    model = opened(tmp_path, inputs(data=(1, 3, 8, 8)) + layer("Convolution", "c", "data", settings=settings))
    save_converted(model, tmp_path / "converted")
    assert "blobs" not in (tmp_path / "converted" / "model.json").read_text()


def test_googlenet_converts(googlenet, tmp_path, photo):
    model = open_model(googlenet)
    save_converted(model, tmp_path / "net")
    image = torch.rand(1, 3, 65, 67) * 255
    found = [
        m.activations(image, ["inception_4c/output"])["inception_4c/output"]
        for m in (model, open_model(tmp_path / "net"))
    ]
    assert torch.equal(*found)


def damaged(change):
    def apply(folder):
        manifest = json.loads((folder / "model.json").read_text())
        change(manifest)
        (folder / "model.json").write_text(json.dumps(manifest))

    return apply


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda f: (f / "weights.safetensors").unlink(), "there is no file"),
        (lambda f: (f / "weights.safetensors").write_bytes(b"\xff" * 100), "weights.safetensors is damaged"),
        (lambda f: (f / "model.json").write_text("{"), "is not a converted model"),
        (lambda f: (f / "model.json").write_bytes(b"\xff\x00"), "is not a converted model"),
        (damaged(lambda m: m.update(version=2)), "version"),
        (damaged(lambda m: m.update(default_layer="x")), "no layer 'x'"),
        (damaged(lambda m: m["nodes"][0]["settings"].update(type="Wibble")), "Wibble"),
        (damaged(lambda m: m["nodes"][0]["settings"].update(wibble=1)), r"model.json is damaged \(.*wibble"),
        (damaged(lambda m: m["nodes"][0]["settings"].update(type=3)), r"model.json is damaged \(.*type"),
        (
            damaged(lambda m: m["nodes"][0]["settings"].update(phase="NOON")),
            r"model.json is damaged \(.*NOON",
        ),
        (damaged(lambda m: m["nodes"][1]["weights"].append("nowhere")), "nowhere"),
    ],
)
def test_a_damaged_folder_is_refused_with_the_reason(folder, damage, said):
    damage(folder)
    with pytest.raises(ModelError, match=said):
        open_model(folder)


def test_a_list_of_hundreds_of_thousands_of_weights_is_not_read(folder):
    names = b",".join(b'"t%d":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}' % i for i in range(150_000))
    data = (len(names) + 2).to_bytes(8, "little") + b"{" + names + b"}"
    (folder / "weights.safetensors").write_bytes(data)
    with pytest.raises(ModelError, match="list of tensors has more than"):
        open_model(folder)


def test_only_caffes_nets_are_converted(tmp_path):
    with pytest.raises(ModelError, match="no"):
        save_converted(open_model(), tmp_path / "x")
    assert not (tmp_path / "x").exists()


def opened(tmp_path: Path, text: str):
    (tmp_path / "deploy.prototxt").write_text(text)
    (tmp_path / "net.caffemodel").write_bytes(b"\x0a\x01x")
    return open_model(tmp_path)


def test_where_more_than_convolutions_read_the_picture_it_is_turned_to_blue_green_red(tmp_path):
    text = inputs(data=(1, 3, 8, 8)) + layer("Power", "half", "data", settings="power_param { scale: 0.5 }")
    model = opened(
        tmp_path, text + layer("Scale", "in_place", "half", "half", "scale_param { filler { value: 2 } }")
    )
    image = torch.rand(1, 3, 8, 8) * 255
    blue_first = (image - torch.tensor(model.mean).reshape(1, 3, 1, 1)).flip(1)
    assert torch.allclose(model.activations(image, ["half"])["half"], blue_first / 2)
    save_converted(model, tmp_path / "converted")
    again = open_model(tmp_path / "converted")
    assert torch.allclose(again.activations(image, ["in_place"])["in_place"], blue_first)


def test_a_crop_to_the_pictures_size_keeps_the_fold(tmp_path):
    text = (
        inputs(data=(1, 3, 8, 8), info=(1, 3))
        + layer(
            "Convolution",
            "c",
            "data",
            settings="convolution_param { num_output: 3 kernel_size: 1 pad: 3 weight_filler { value: 1 } }",
        )
        + layer("Crop", "cut", "c data", settings="crop_param { axis: 2 offset: 3 }")
        + layer("InnerProduct", "i", "info", settings="inner_product_param { num_output: 2 }")
    )
    model = opened(tmp_path, text)
    assert not model.network.turned
    image = torch.rand(1, 3, 9, 7) * 255
    cut = model.activations(image, ["cut"])["cut"]
    assert torch.allclose(cut, (image - 114).sum(1, keepdim=True).expand(1, 3, 9, 7), atol=1e-3)
    assert model.activations(image, ["i"])["i"].shape == (1, 2)


def changed(folder, change):
    """Change a converted net's JSON, as a stranger may."""
    path = folder / "model.json"
    known = json.loads(path.read_text())
    found = change(known)
    path.write_text(json.dumps(known) if found is None else found)


def doubled(known):
    """Have concats double what the net's second layer makes, twenty times."""
    top = known["nodes"][1]["settings"]["top"][0]
    for index in range(20):
        name = f"c{index}"
        settings = {"name": name, "type": "Concat", "bottom": [top, top], "top": [name], "phase": "TEST"}
        known["nodes"].append({"settings": settings, "weights": []})
        known["layers"].append(
            {"name": name, "channels": 2 << index, "stride": 1, "receptive_field": 1, "before": 0, "grid": 1}
        )
        top = name


def tiled(known):
    top = known["nodes"][1]["settings"]["top"][0]
    settings = {
        "name": "t",
        "type": "Tile",
        "bottom": [top],
        "top": ["t"],
        "tile_param": {"axis": 1, "tiles": 100_000_000},
    }
    known["nodes"].append({"settings": settings, "weights": []})


HOSTILE = {
    "layers of the kind of lists": lambda known: known.update(layers=[[]] * 5),
    "huge channels": lambda known: known["layers"][0].update(channels=10**30),
    "no channels": lambda known: known["layers"][0].update(channels=0),
    "a stride of nothing": lambda known: known["layers"][0].update(stride=0),
    "a grid below nothing": lambda known: known["layers"][0].update(grid=-4),
    "a mean that is no number": lambda known: json.dumps(known).replace('"mean": [3.0', '"mean": [NaN'),
    "a mean of infinity": lambda known: json.dumps(known).replace('"mean": [3.0', '"mean": [1e999'),
    "an input of nothing": lambda known: known.update(input_size=[0, 0]),
    "a huge input": lambda known: known.update(input_size=[10**9, 10**9 + 1]),
    "settings deep in each other": lambda known: json.dumps(known).replace(
        '"settings": {',
        '"settings": {"convolution_param": ' + '{"weight_filler": ' * 3000 + "1" + "}" * 3000 + ", ",
        1,
    ),
    "lists deep in each other": lambda _: "[" * 200_000,
    "settings that are none of Caffe's": lambda known: known["nodes"][1]["settings"].update(type=[1, 2]),
    "a type that nobody has": lambda known: known["nodes"][1]["settings"].update(type="../../etc"),
    "a bottom that nobody makes": lambda known: known["nodes"][2]["settings"].update(bottom=["../x"]),
    "weights elsewhere": lambda known: known["nodes"][1].update(weights=["../../secret"]),
    "a layer that is none": lambda known: known["layers"].append(
        {**known["layers"][0], "name": "/etc/passwd"}
    ),
    "a long name": lambda known: known["layers"][0].update(name="n" * 100_000),
    "a hundred thousand layers": lambda known: known.update(nodes=known["nodes"] * 20_000),
    "concats that double": doubled,
    "a tile": tiled,
    "an input with no axes": lambda known: known["nodes"][0]["settings"].update(
        input_param={"shape": [{"dim": []}]}
    ),
    "no source": lambda known: known.update(source="nothing"),
    "another version": lambda known: known.update(version=2),
    "no object": lambda _: "7",
    "a word cut short": lambda known: json.dumps(known)[:-9],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_description_is_refused_in_one_sentence(folder, name):
    changed(folder, HOSTILE[name])
    with pytest.raises(ModelError) as caught:
        open_model(folder)
    said = str(caught.value)
    assert "\n" not in said and len(said) < 700 and str(folder) in said


@pytest.mark.parametrize("fails", ["save_file", "beside"])
@pytest.mark.parametrize("there", [False, True])
def test_a_full_disk_leaves_no_half_of_a_converted_net(original, tmp_path, monkeypatch, fails, there):
    target = tmp_path / "new"
    if there:
        save_converted(original, target)
    before = {each.name: each.read_bytes() for each in target.iterdir()} if there else None

    def full(*given, **_):
        if fails == "save_file":
            given[1].write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(f"batcountry.models.loaders.converted.{fails}", full)
    with pytest.raises(ModelError, match=r"cannot write .*new: No space left on device"):
        save_converted(original, target)
    after = {each.name: each.read_bytes() for each in target.iterdir()} if target.exists() else None
    assert after == before


def test_safetensors_own_error_of_a_full_disk_is_a_sentence_too(original, tmp_path, monkeypatch):
    def full(*_, **__):
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr("batcountry.models.loaders.converted.save_file", full)
    with pytest.raises(ModelError, match=r"cannot write .*No space left"):
        save_converted(original, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_converted_net_of_another_hash_is_told_before_its_weights_are_read(folder):
    (folder / "weights.safetensors").write_bytes(b"nothing")
    with pytest.raises(OtherWeights):
        open_model(folder, sha256="0" * 64)


def test_a_net_that_takes_no_pictures_is_refused(tmp_path):
    with pytest.raises(ModelError, match="no picture of"):
        opened(tmp_path, inputs(data=(1, 8)) + layer("ReLU", "r", "data"))
