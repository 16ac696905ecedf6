import sys
import threading
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from typer.testing import CliRunner

import batcountry
from batcountry import jobs
from batcountry.backend.policy import STRICT
from batcountry.cli.networks import app
from batcountry.errors import ModelError, PolicyError, RecipeError
from batcountry.models import from_recipe, open_model
from batcountry.models.from_recipe import from_anywhere, open_recipe_model, resume_command
from batcountry.recipe import Recipe
from jobs.running import dreaming
from torch_nets import ResidualNet, seeded

CODE = """
import torch
from torch_nets import ResidualNet, seeded

def make():
    return seeded(ResidualNet)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with code of a network, its weights, and a picture."""
    (tmp_path / "my_code.py").write_text(CODE)
    net = seeded(ResidualNet)
    with torch.no_grad():
        net.conv1.weight.mul_(1.5)
    save_file(net.state_dict(), tmp_path / "my.safetensors")
    batcountry.read_picture(torch.rand(40, 56, 3) * 255).save(tmp_path / "photo.png")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    sys.modules.pop("my_code", None)


def bat_country(*arguments):
    return CliRunner().invoke(app, [str(each) for each in arguments], standalone_mode=False)


def test_a_recipe_opens_its_model_with_weights_and_preprocessing(folder):
    recipe = Recipe(
        model="my_code:make", weights="my.safetensors", mean="0.1,0.2,0.3", std="0.5,0.5,0.5", channels="bgr"
    )
    model = open_recipe_model(recipe)
    assert model.mean == pytest.approx((76.5, 51, 25.5)) and model.network.entry.kind == "bgr"
    plain = open_recipe_model(Recipe(model="my_code:make", weights="my.safetensors"))
    assert plain.weights_sha256 == model.weights_sha256 != open_model("my_code:make").weights_sha256
    with pytest.raises(RecipeError, match="std must be numbers with commas between them, not 'wide'"):
        open_recipe_model(Recipe(model="my_code:make", std="wide"))


def test_the_command_line_dreams_with_code_and_weights_and_does_it_again(folder):
    options = ("--model", "my_code:make", "--weights", "my.safetensors", "--octaves", 1, "--iterations", 2)
    found = bat_country("dream", "photo.png", "-o", "dream.png", "--layer", "layer1", *options)
    assert found.exception is None, found.output
    again = bat_country("again", "dream.png", "-o", "again.png")
    assert isinstance(again.exception, PolicyError) and "--run-code" in str(again.exception)
    assert not (folder / "again.png").exists()
    again = bat_country("again", "dream.png", "-o", "again.png", "--run-code")
    assert again.exception is None
    assert (folder / "again.png").read_bytes() == (folder / "dream.png").read_bytes()


def test_layers_lists_them(folder):
    found = bat_country("layers", "my_code:make", "--weights", "my.safetensors")
    assert found.exception is None
    for name in ("conv1", "layer1.0.relu_1", "layer2 (default)", "fc"):
        assert name in found.output


def test_a_dream_in_a_folder_knows_code_and_weights(folder):
    options = ("--model", "my_code:make", "--weights", "my.safetensors", "--octaves", 1, "--iterations", 2)
    found = bat_country(
        "dream", "photo.png", "-o", "dream.png", "--layer", "layer1", "--work", "work", *options
    )
    assert found.exception is None, found.output
    inputs = jobs.JobFolder(folder / "work").spec().inputs
    assert inputs["model"].path == "my_code:make"
    assert inputs["weights"].path == str(folder / "my.safetensors")


def stopped(steps):
    """Stop after the first step and close what made it."""
    next(steps)
    steps.close()
    sys.modules.pop("my_code", None)


def resumes_only_if_trusted(folder, output, resume, place):
    """Whether code is run, and the work finished, with leave alone, in Python and from the command line."""
    with pytest.raises(PolicyError, match=r"--run-code \(policy\.allow\(run_code=True\) in Python\)"):
        resume(place)
    refused = bat_country("resume", place)
    assert isinstance(refused.exception, PolicyError) and "to open my_code:make is to run" in str(
        refused.exception
    )
    assert "my_code" not in sys.modules and not (folder / output).exists()
    found = bat_country("resume", place, "--run-code")
    assert found.exception is None, found.output
    assert "my_code" in sys.modules and (folder / output).exists()


@pytest.mark.parametrize("on_disk", [False, True])
def test_going_on_with_a_dream_runs_code_only_if_the_folder_is_trusted(folder, on_disk):
    if on_disk:
        pytest.importorskip("pyvips", reason="needs pyvips, which the extra `big` brings")
    options = {"model": "my_code:make", "layer": "layer1", "octaves": 1, "iterations": 2}
    stopped(dreaming("photo.png", "dream.png", on_disk=on_disk, work="work", **options))
    policy = STRICT.allow(folder)
    resumes_only_if_trusted(folder, "dream.png", lambda work: jobs.resume(work, policy=policy), "work")


def test_going_on_with_a_film_runs_code_only_if_the_journal_is_trusted(folder):
    from batcountry.motion import resume
    from motion.jobs.filming import saving_zoom

    options = {"model": "my_code:make", "layer": "layer1", "octaves": 1, "iterations": 1, "frames": 2}
    stopped(saving_zoom("photo.png", "film.gif", **options))
    (folder / "film.gif").unlink(missing_ok=True)
    resumes_only_if_trusted(folder, "film.gif", resume, "film.gif.journal")


def test_the_command_to_go_on_with_has_the_leave_that_it_needs():
    assert resume_command(Path("work"), "my_code:make") == "bat-country resume work --run-code"
    assert resume_command(Path("work"), "timm:resnet18") == "bat-country resume work"
    assert resume_command(Path("work"), "net.pt") == "bat-country resume work --run-code"


def test_the_command_to_go_on_with_names_the_folders_of_files_that_lie_elsewhere(folder):
    files = [str(folder / "photo.png"), None, "/elsewhere/guide.jpg", "/elsewhere/mask.png"]
    said = resume_command(Path("my work"), "timm:resnet18", files, large=True)
    assert said == "bat-country resume 'my work' --allow /elsewhere --no-limits"


@pytest.mark.parametrize("name", ["{}/secret/net.onnx", "../secret/net.onnx", "link.onnx"])
@pytest.mark.parametrize("field", ["model", "weights", "mean"])
def test_a_network_is_read_from_allowed_folders_alone(folder, monkeypatch, name, field):
    (folder / "secret").mkdir()
    (folder / "secret" / "net.onnx").write_text("secret")
    (folder / "work").mkdir()
    monkeypatch.chdir(folder / "work")
    Path("link.onnx").symlink_to(folder / "secret" / "net.onnx")
    recipe = Recipe(**{"model": "timm:resnet18", field: name.format(folder)})
    with pytest.raises(PolicyError, match=rf"--allow {folder}/secret "):
        open_recipe_model(recipe, policy=STRICT.allow(folder / "work"))


def test_a_recipe_that_is_not_trusted_runs_no_code(folder):
    with pytest.raises(PolicyError, match="to open my_code:make is to run that code"):
        open_recipe_model(Recipe(model="my_code:make"), policy=STRICT)
    assert "my_code" not in sys.modules
    assert open_recipe_model(Recipe(), policy=STRICT).name == "efficientnet-lite0"


def test_a_module_is_a_model_for_dream(photo):
    net = seeded(ResidualNet)
    found = batcountry.dream(photo, model=net, layer="layer1", octaves=1, iterations=1, std="0.5,0.5,0.5")
    assert '"model":"ResidualNet"' in found.note
    with pytest.raises(ModelError, match="a module has no use for weights"):
        batcountry.dream(photo, model=net, weights="my.safetensors")


def test_names_from_anywhere_are_paths_only_where_they_were(folder):
    for name in ("efficientnet-lite0", "timm:resnet18", "my_code:make"):
        assert from_anywhere(name) == name
    assert from_anywhere("net.onnx") == str(folder / "net.onnx")


def test_a_network_that_is_being_opened_holds_nobody_up_who_has_another(monkeypatch):
    begun, go_on, cpu = threading.Event(), threading.Event(), torch.device("cpu")
    monkeypatch.setattr(from_recipe, "_recent", OrderedDict())
    recipe = Recipe()
    model = from_recipe.recent_model(recipe, cpu)

    def opening(*_, **__):
        begun.set()
        assert go_on.wait(20)
        return model

    monkeypatch.setattr(from_recipe, "open_recipe_model", opening)
    other = threading.Thread(target=from_recipe.recent_model, args=(recipe, cpu), kwargs={"sha256": "other"})
    other.start()
    try:
        assert begun.wait(20)
        assert from_recipe.recent_model(recipe, cpu) is model
    finally:
        go_on.set()
        other.join()
