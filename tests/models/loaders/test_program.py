import contextlib
import json
import zipfile
from pathlib import Path

import pytest
import torch
from torch import nn
from typer.testing import CliRunner

import batcountry
from batcountry.backend.policy import OPEN, STRICT
from batcountry.cli.networks import app
from batcountry.errors import ModelError, PolicyError, UnsupportedLayer
from batcountry.models import open_model
from batcountry.models.loaders.program import OPERATIONS
from torch_nets import ResidualNet, SmallVit, seeded

LEAVE = OPEN.allow(run_code=True)
NORM = {"mean": (0.4, 0.5, 0.6), "std": (0.2, 0.25, 0.3), "size": 64}
LAYERS = ("conv1", "relu", "maxpool", "layer1.0.relu", "layer1.1.relu_1", "layer2.0.bn2", "fc")


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The same network as an exported program, traced, and scripted."""
    folder, net = tmp_path_factory.mktemp("programs"), seeded(ResidualNet)
    example = torch.rand(1, 3, 64, 64)
    torch.export.save(torch.export.export(net, (example,)), folder / "net.pt2")
    with_warnings_off(lambda: torch.jit.save(torch.jit.trace(net, example), folder / "traced.pt"))
    with_warnings_off(lambda: torch.jit.save(torch.jit.script(net), folder / "scripted.ts"))
    return folder


def with_warnings_off(make):
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make()


def picture(height=75, width=91):
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(1)) * 255


@pytest.mark.parametrize("name", ["net.pt2", "traced.pt", "scripted.ts"])
def test_a_program_gives_and_dreams_what_its_module_does(files, name, photo):
    module, program = open_model(seeded(ResidualNet), **NORM), open_model(files / name, **NORM, policy=LEAVE)
    assert {*LAYERS} <= {each.name for each in program.layers}
    wanted, found = (model.activations(picture(), LAYERS) for model in (module, program))
    for layer in LAYERS:
        torch.testing.assert_close(found[layer], wanted[layer], rtol=1e-4, atol=1e-4)
        assert program.layer(layer).receptive_field == module.layer(layer).receptive_field
    for precision in ("exact", "fast"):
        steps = batcountry.dreaming(
            photo,
            model=program,
            octaves=1,
            iterations=5,
            jitter=0,
            step_size=4.0,
            precision=precision,
            tile=24,
        )
        scores = [step.score for step in steps]
        assert scores[-1] > 1.1 * scores[0]


@pytest.mark.parametrize(
    "make", [torch.jit.script, lambda net: torch.export.export(net, (torch.rand(1, 3, 64, 64),))]
)
def test_a_program_in_memory_opens_as_its_file_does(make):
    program = with_warnings_off(lambda: make(seeded(ResidualNet)))
    model = open_model(program, **NORM)
    wanted = open_model(seeded(ResidualNet), **NORM).activations(picture(), ["layer1.0.relu"])
    torch.testing.assert_close(model.activations(picture(), ["layer1.0.relu"]), wanted, rtol=1e-4, atol=1e-4)


def test_an_exported_transformer_has_its_tokens_as_a_grid():
    net = seeded(SmallVit)
    program = torch.export.export(net, (torch.rand(1, 3, 48, 48),))
    model, module = open_model(program), open_model(net, size=48)
    name = "blocks.2.mlp.2"
    wanted = module.activations(picture(48, 48), [name])[name]
    assert wanted.shape == (1, 16, 6, 6)
    torch.testing.assert_close(model.activations(picture(48, 48), [name])[name], wanted, rtol=1e-4, atol=1e-4)


def test_a_size_that_may_vary_does_no_harm():
    net = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    ).eval()
    height, width = torch.export.Dim("h", min=8, max=512), torch.export.Dim("w", min=8, max=512)
    program = torch.export.export(net, (torch.rand(1, 3, 40, 56),), dynamic_shapes=({2: height, 3: width},))
    model = open_model(program)
    assert model.network.traced.size == (40, 56)
    assert model.activations(picture(), ["1"])["1"].shape == (1, 8, 75, 91)


def rewritten(path, target, change):
    """Copy an archive with some of its entries changed: name ending and bytes to bytes."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w") as new:
        for each in old.infolist():
            data = old.read(each)
            for ending, edit in change.items():
                data = edit(data) if each.filename.endswith(ending) else data
            new.writestr(each.filename, data)
    return target


def edited(edit):
    def change(data):
        found = json.loads(data)
        edit(found)
        return json.dumps(found).encode()

    return change


def test_pickled_weights_are_refused_without_being_read(files, tmp_path):
    def pickled(config):
        next(iter(config["config"].values()))["use_pickle"] = True

    bad = rewritten(files / "net.pt2", tmp_path / "bad.pt2", {"weights_config.json": edited(pickled)})
    with pytest.raises(ModelError, match="is pickled, which may run any code"):
        open_model(bad)


@pytest.mark.parametrize(
    ("target", "error"),
    [
        ("os.system", ModelError),
        ("torch.ops.aten.from_file.default", UnsupportedLayer),
        ("torch.ops.mine.relu.default", ModelError),
        ("_operator.attrgetter", UnsupportedLayer),
        ("torch.ops.aten.__class__", UnsupportedLayer),
    ],
)
def test_nothing_but_tensor_operations_is_called(files, tmp_path, target, error):
    def call(program):
        program["graph_module"]["graph"]["nodes"][0]["target"] = target

    bad = rewritten(files / "net.pt2", tmp_path / "bad.pt2", {"models/model.json": edited(call)})
    with pytest.raises(error):
        open_model(bad)


def test_operations_compute_and_touch_no_files():
    assert not {"from_file", "save", "set_", "_print"} & OPERATIONS.keys()


@pytest.mark.parametrize("length", [0, 100, 5000])
@pytest.mark.parametrize("name", ["net.pt2", "traced.pt"])
def test_cut_files_are_refused_in_one_sentence(files, tmp_path, name, length):
    cut = tmp_path / name
    cut.write_bytes((files / name).read_bytes()[:length])
    with pytest.raises(ModelError) as caught:
        open_model(cut)
    assert "\n" not in str(caught.value) and name in str(caught.value)


def test_hostile_sizes_of_weights_are_refused(files, tmp_path):
    def huge(config):
        next(iter(config["config"].values()))["tensor_meta"]["sizes"] = [{"as_int": 1 << 40}]

    bad = rewritten(files / "net.pt2", tmp_path / "bad.pt2", {"weights_config.json": edited(huge)})
    with pytest.raises(ModelError, match=r"1,099,511,\d+,\d+ numbers where the file has"):
        open_model(bad)


class Acts(nn.Module):
    """A network that does something as soon as it is loaded, be it run or not."""

    def forward(self, x):
        return x * 2

    @torch.jit.export
    def __getstate__(self):
        return (self.training,)

    @torch.jit.export
    def __setstate__(self, state: tuple[bool]):
        torch.save(torch.zeros(1), "written")
        self.training = state[0]


@pytest.mark.parametrize("policy", [OPEN, STRICT.allow("/")])
def test_torchscript_is_loaded_only_with_leave_since_loading_runs_it(tmp_path, monkeypatch, policy):
    monkeypatch.chdir(tmp_path)
    with_warnings_off(lambda: torch.jit.save(torch.jit.script(Acts()), "acts.pt"))
    Path("written").unlink(missing_ok=True)
    with pytest.raises(PolicyError, match=r"to open acts\.pt is to run the program in it.*--run-code"):
        open_model("acts.pt", policy=policy)
    with pytest.raises(PolicyError, match="--run-code"):
        batcountry.dream(model="acts.pt", policy=policy)
    assert not Path("written").exists()
    with contextlib.suppress(ModelError):
        open_model("acts.pt", policy=policy.allow(run_code=True))
    assert Path("written").exists()


def test_an_exported_program_needs_no_leave_as_nothing_of_it_is_run(files):
    assert open_model(files / "net.pt2", policy=STRICT.allow(files)).layer("layer1.0.relu")


def test_the_command_line_asks_for_leave_to_open_torchscript(files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused = CliRunner().invoke(app, ["layers", str(files / "traced.pt")], standalone_mode=False)
    assert isinstance(refused.exception, PolicyError)
    found = CliRunner().invoke(app, ["layers", str(files / "traced.pt"), "--run-code"], standalone_mode=False)
    assert found.exception is None and "layer1" in found.output


def test_a_script_whose_turns_depend_on_the_picture_is_refused():
    class Turns(nn.Module):
        def forward(self, x):
            if bool(x.mean() > 0):
                x = x * 2
            return x

    script = with_warnings_off(lambda: torch.jit.script(Turns()))
    with pytest.raises(ModelError, match="takes turns that depend on the picture"):
        open_model(script)


def test_weights_without_code_say_what_else_is_needed(tmp_path):
    torch.save(seeded(ResidualNet).state_dict(), tmp_path / "weights.pt")
    with pytest.raises(ModelError, match=r"package\.module:function, .*--weights .*weights\.pt"):
        open_model(tmp_path / "weights.pt")


def test_a_program_takes_no_weights(files):
    with pytest.raises(ModelError, match="an exported program has no use for weights"):
        open_model(files / "net.pt2", "weights.pt")


def test_the_hash_is_the_files(files):
    from batcountry.backend.files import sha256_of

    assert open_model(files / "net.pt2", **NORM).weights_sha256 == sha256_of(files / "net.pt2")
