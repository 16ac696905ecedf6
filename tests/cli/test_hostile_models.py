"""Networks of strangers at the command line: no code without leave and hash, and nothing of theirs reaches the terminal."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import batcountry
from batcountry.backend.process_settings import ignored_warnings
from caffe.nets import inputs, layer
from cli.test_trust import edited

QUICK = ["--octaves", "1", "--iterations", "1", "--size", "48"]
ESCAPE = "\x1b]0;owned\x07\x1b[31m"


@pytest.fixture
def hostile_net(tmp_path):
    """A Caffe net whose layers' names have a terminal's commands in them, and marks that turn the writing."""
    names = [r"a\033]0;owned\007\033[31mred", "b\\n\\r\\033[2Jc", "d‮e⁦f"]
    text, below = inputs(data=(1, 3, 24, 24)), "data"
    for name in names:
        text += layer(
            "Convolution", name, below, settings="convolution_param { num_output: 20 kernel_size: 3 }"
        )
        below = name
    folder = tmp_path / "net"
    folder.mkdir()
    (folder / "deploy.prototxt").write_text(text)
    batcountry.caffe.Net(folder / "deploy.prototxt", batcountry.caffe.TEST).save(
        str(folder / "net.caffemodel")
    )
    return folder


def is_plain(text):
    return all(each.isprintable() or each in "\n " for each in text)


def test_no_layers_name_reaches_the_terminal_as_it_is(run, hostile_net, photo):
    Image.fromarray(photo).save("photo.png")
    for command in (
        ["layers", "net"],
        ["check", "net"],
        ["dream", "photo.png", "--model", "net", "--layer", "nothing"],
        ["dream", "photo.png", "--model", "net", "--layer", f"x{ESCAPE}"],
        ["dream", "photo.png", "--model", "net", "-o", "out.png", *QUICK],
        ["info", "out.png"],
    ):
        code, said, told = run(*command)
        assert is_plain(said) and is_plain(told), command
        assert code in (0, 2) and "Traceback" not in told


@pytest.fixture
def dreamed(run, photo, tmp_path):
    """A picture dreamed with a TorchScript network, and that network replaced by another."""
    Image.fromarray(photo).save("photo.png")
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 16, 3, padding=1), torch.nn.ReLU())
    with ignored_warnings():
        torch.jit.save(torch.jit.trace(module, torch.rand(1, 3, 32, 32)), "net.pt")
    assert run("dream", "photo.png", "-o", "out.png", "--model", "net.pt", "--run-code", *QUICK)[0] == 0
    return tmp_path


def test_a_picture_that_names_torchscript_is_made_again_with_leave_alone(run, dreamed):
    assert run("again", "out.png")[0] == 2
    assert run("again", "out.png", "--run-code")[0] == 0
    once, again = (np.asarray(Image.open(each)) for each in ("out.png", "out-again.png"))
    assert np.array_equal(once, again)


def test_another_file_of_that_name_is_not_loaded_even_with_leave(run, dreamed, monkeypatch):
    monkeypatch.setattr(torch.jit, "load", lambda *_, **__: pytest.fail("it was loaded"))
    Path("net.pt").write_bytes(Path("net.pt").read_bytes() + b"\0")
    code, _, told = run("again", "out.png", "--run-code")
    assert code == 2 and "dreamed with other weights than net.pt has now" in " ".join(told.split())


@pytest.mark.parametrize("field", ["model", "weights", "mean"])
@pytest.mark.parametrize("place", ["/dev/zero", "pipe.pt", "/proc/self/maps"])
def test_a_recipe_of_a_stranger_that_names_no_file_is_refused(run, dreamed, field, place):
    import os

    if not Path("pipe.pt").exists():
        os.mkfifo("pipe.pt")
    edited("out.png", **{field: place})
    for more in ([], ["--allow", "/", "--run-code"]):
        code, _, told = run("again", "out.png", *more)
        assert code == 2 and "Traceback" not in told, told
