import enum
import sys
import types
import warnings

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import batcountry
import stand_in
from batcountry.backend.files import sha256_of
from batcountry.errors import MissingExtra, ModelError
from batcountry.models import MODELS, open_model
from batcountry.models.loaders.named import names_function
from torch_nets import ResidualNet, SmallVit, seeded

NORM = {"mean": (0.4, 0.5, 0.6), "std": (0.2, 0.25, 0.3), "size": 64}


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def timm():
    pytest.importorskip("torch")
    with stand_in.torchvision(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield pytest.importorskip("timm", reason="needs timm")


@pytest.fixture
def nets(monkeypatch):
    """A Python module `my_nets` with functions that make networks."""
    module = types.ModuleType("my_nets")
    module.residual = lambda: seeded(ResidualNet)
    module.opened = lambda: open_model(seeded(ResidualNet), **NORM)
    module.number = lambda: 3
    module.constant = 3

    def broken():
        raise ValueError("no such depth\nsecond line")

    module.broken = broken
    monkeypatch.setitem(sys.modules, "my_nets", module)
    return module


def rises(model, photo, **options):
    steps = list(
        batcountry.dreaming(photo, model=model, octaves=1, iterations=5, jitter=0, step_size=4.0, **options)
    )
    return steps[-1].score > steps[0].score


def test_what_a_function_makes_is_opened_and_dreams_by_its_name(nets, photo):
    model = open_model("my_nets:residual", **NORM)
    assert model.name == "my_nets:residual" and rises(model, photo)
    note = batcountry.dream(photo, model="my_nets:opened", octaves=1, iterations=1).note
    assert '"model":"my_nets:opened"' in note and open_model("my_nets:opened").weights_sha256 in note


def test_a_function_is_found_in_the_working_folder(tmp_path, monkeypatch):
    (tmp_path / "nets_of_mine.py").write_text(
        "from torch import nn\ndef make():\n    return nn.Conv2d(3, 4, 3)\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "nets_of_mine", raising=False)
    before = list(sys.path)
    assert [each.name for each in open_model("nets_of_mine:make").layers] == ["output"]
    assert sys.path == before


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("my_nets:nothing", "the Python module my_nets has no 'nothing'"),
        ("no_such.package:make", "no Python module 'no_such'"),
        ("my_nets:constant", "is no function"),
        ("my_nets:number", "makes int, not a PyTorch module"),
        ("my_nets:broken", "my_nets:broken cannot be made: no such depth$"),
    ],
)
def test_a_function_that_makes_no_network_says_so(nets, name, said):
    with pytest.raises(ModelError, match=said):
        open_model(name)


def test_what_is_wrong_within_a_module_is_not_taken_for_a_name_that_it_lacks(tmp_path, monkeypatch):
    (tmp_path / "nets_with_a_slip.py").write_text("import math\nmath.sqroot\ndef make(): ...\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match=r"nets_with_a_slip cannot be imported: .*'sqroot'"):
        open_model("nets_with_a_slip:make")


def test_a_function_that_opens_a_model_itself_takes_no_arguments(nets):
    with pytest.raises(ModelError, match="which opens a model itself, has no use for std"):
        open_model("my_nets:opened", std=(1, 1, 1))


@pytest.mark.parametrize("wrapped", ["plain", "module.", "state_dict"])
@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_weights_are_loaded_from_a_file(nets, tmp_path, suffix, wrapped):
    net = seeded(ResidualNet)
    with torch.no_grad():
        net.conv1.weight.add_(0.01)
    state = {
        ("module." if wrapped == "module." else "") + name: each for name, each in net.state_dict().items()
    }
    path = tmp_path / f"weights{suffix}"
    if suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save({"state_dict": state, "epoch": 3} if wrapped == "state_dict" else state, path)
    model = open_model("my_nets:residual", path, **NORM)
    assert model.weights_sha256 == sha256_of(path)
    x = torch.rand(1, 3, 40, 50) * 255
    wanted = open_model(net, **NORM).activations(x, ["layer1"])["layer1"]
    torch.testing.assert_close(model.activations(x, ["layer1"])["layer1"], wanted)


def test_weights_that_do_not_fit_say_what_differs(nets, tmp_path):
    state = seeded(ResidualNet).state_dict()
    for change, said in (
        ({"fc.weight": torch.zeros(8, 24)}, r"another shape of fc\.weight \(8×24 instead of 7×24\)"),
        ({"more": torch.zeros(1)}, "also has more"),
    ):
        save_file({**state, **change}, tmp_path / "bad.safetensors")
        with pytest.raises(ModelError, match=said):
            open_model("my_nets:residual", tmp_path / "bad.safetensors")
    del state["conv1.weight"]
    save_file(state, tmp_path / "bad.safetensors")
    with pytest.raises(ModelError, match=r"does not fit the network: it lacks conv1\.weight"):
        open_model("my_nets:residual", tmp_path / "bad.safetensors")


class Hostile:
    def __reduce__(self):
        return (print, ("code from a file ran",))


def test_a_file_with_objects_in_it_is_refused_without_running_them(nets, tmp_path, capsys):
    torch.save({"state_dict": Hostile()}, tmp_path / "bad.pt")
    with pytest.raises(ModelError, match="cannot be read as tensors alone"):
        open_model("my_nets:residual", tmp_path / "bad.pt")
    assert "ran" not in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"not weights", b"PK\x03\x04broken"])
@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_damaged_weights_are_refused_in_one_sentence(nets, tmp_path, suffix, content):
    path = tmp_path / f"bad{suffix}"
    path.write_bytes(content)
    with pytest.raises(ModelError) as caught:
        open_model("my_nets:residual", path)
    assert "\n" not in str(caught.value) and path.name in str(caught.value)
    with pytest.raises(ModelError, match="there is no file"):
        open_model("my_nets:residual", tmp_path / "missing.pt")


def test_names_that_run_code_are_known_as_such():
    assert names_function("my.nets:make") and names_function("os:abort")
    for name in (*MODELS, "timm:resnet18", "torchvision:vgg16", "models/googlenet", "net.onnx", "C:\\net"):
        assert not names_function(name)


def test_an_untouched_timm_network_dreams(timm, photo):
    net = timm.create_model("test_resnet", pretrained=False)
    model = open_model(net)
    config = net.pretrained_cfg
    assert model.mean == pytest.approx([255 * each for each in config["mean"]])
    assert model.network.traced.size == tuple(config["input_size"][1:])
    assert {name for name, _ in net.named_modules() if name} == {
        each.name for each in model.layers if each.name != "output" and each.name.rpartition("_")[2] != "1"
    } | model.refused.keys()
    assert rises(model, photo)


def test_a_timm_transformer_takes_pictures_of_all_sizes_in_patches(timm, photo, tmp_path):
    weights = tmp_path / "vit.safetensors"
    save_file(timm.create_model("test_vit", pretrained=False).state_dict(), weights)
    model = open_model("timm:test_vit", weights)
    patch = model.layer("blocks.1").stride
    assert model.name == "timm:test_vit" and model.weights_sha256 == sha256_of(weights)
    image = torch.rand(1, 3, 5 * patch, 7 * patch) * 255
    assert model.activations(image, ["blocks.1"])["blocks.1"].shape[2:] == (5, 7)
    assert rises(model, photo, layer="blocks.1")


def test_a_name_without_its_library_is_answered_with_it(timm):
    with pytest.raises(ModelError, match="no model 'resnet50'; did you mean 'timm:resnet50'"):
        open_model("resnet50")
    with pytest.raises(ModelError, match="no model 'nowhere'; a model is a file or a folder"):
        open_model("nowhere")


def test_names_that_timm_does_not_list_are_refused(timm):
    with pytest.raises(ModelError, match="timm has no network 'resnet1'; did you mean 'resnet1"):
        open_model("timm:resnet1")
    with pytest.raises(ModelError, match="timm has no network 'hf-hub:someone/net'"):
        open_model("timm:hf-hub:someone/net")


@pytest.mark.parametrize("library", ["timm", "torchvision"])
def test_a_library_that_is_not_installed_is_named(library, monkeypatch):
    for name in (library, "torchvision.models"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtra, match=rf"pip install {library}, or .*'\.\[{library}\]'"):
        open_model(f"{library}:resnet18")


@pytest.fixture
def torchvision(monkeypatch):
    """As much of torchvision as naming a network of its takes."""

    class Weights(enum.Enum):
        V1 = "first"
        V2 = "second"
        DEFAULT = V2

        def transforms(self):
            return types.SimpleNamespace(mean=[0.4, 0.5, 0.6], std=[0.2, 0.25, 0.3], crop_size=[64])

        @property
        def meta(self):
            return {"categories": list("abcdefg")}

    def get_model(name, weights):
        net = seeded(ResidualNet)
        with torch.no_grad():
            net.fc.bias.fill_({None: 0, Weights.V1: 1, Weights.V2: 2}[weights])
        return net

    models = types.ModuleType("torchvision.models")
    models.list_models = lambda: ["resnet18", "vgg16"]
    models.get_model_weights = lambda name: Weights
    models.get_model = get_model
    monkeypatch.setitem(sys.modules, "torchvision", types.ModuleType("torchvision"))
    monkeypatch.setitem(sys.modules, "torchvision.models", models)


def test_a_torchvision_network_comes_with_its_weights_preprocessing_and_classes(torchvision, photo):
    model = open_model("torchvision:resnet18")
    assert model.classes == tuple("abcdefg") and model.network.traced.size == (64, 64)
    assert model.mean == pytest.approx((102, 127.5, 153))
    assert float(model.network.module.fc.bias[0]) == 2
    assert float(open_model("torchvision:resnet18.V1").network.module.fc.bias[0]) == 1
    assert rises(model, photo)


def test_torchvisions_names_are_suggested(torchvision):
    with pytest.raises(ModelError, match=r"did you mean .*'torchvision:resnet18'"):
        open_model("resnet18")
    with pytest.raises(ModelError, match="torchvision has no network 'resnet17'; did you mean 'resnet18'"):
        open_model("torchvision:resnet17")
    with pytest.raises(ModelError, match="no weights 'V3' for vgg16; it has V1, V2"):
        open_model("torchvision:vgg16.V3")


def test_a_torchvision_that_does_not_fit_its_torch_says_so(monkeypatch):
    class Broken:
        def find_spec(self, name, path=None, target=None):
            if name.startswith("torchvision"):
                raise RuntimeError("operator torchvision::nms does not exist")

    for name in [each for each in sys.modules if each.startswith("torchvision")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    with pytest.raises(
        ModelError, match=r"torchvision cannot be imported \(operator .*\); its torchvision must be"
    ):
        open_model("torchvision:resnet18")


def test_a_transformer_of_torchvisions_kind_says_its_size():
    net = seeded(SmallVit)
    net.image_size = 48
    assert open_model(net).network.traced.size == (48, 48)
    assert isinstance(net, nn.Module)
