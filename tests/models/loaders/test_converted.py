import json
from pathlib import Path

import numpy as np
import pytest
import torch

import batcountry
from batcountry import open_model
from batcountry.errors import ModelError
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


def test_a_net_that_takes_no_pictures_is_refused(tmp_path):
    with pytest.raises(ModelError, match="no picture of"):
        opened(tmp_path, inputs(data=(1, 8)) + layer("ReLU", "r", "data"))
