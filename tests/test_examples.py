"""The examples, run as they are."""

import runpy
import sys

import numpy as np
import pytest
from PIL import Image

from caffe.nets import layer
from conftest import REFERENCE, ROOT

CASE = REFERENCE / "layers" / "mini_inception"
EXAMPLES = ROOT / "examples" / "caffe"


@pytest.fixture
def folder(tmp_path, photo):
    """A small net under the names that the programs expect, and a photo."""
    (tmp_path / "deploy.prototxt").write_bytes((CASE / "net.prototxt").read_bytes())
    (tmp_path / "bvlc_googlenet.caffemodel").write_bytes((CASE / "net.caffemodel").read_bytes())
    Image.fromarray(np.tile(photo, (2, 2, 1))).save(tmp_path / "photo.png")
    return tmp_path


def run(monkeypatch, name, *arguments):
    monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")


def layer_of(folder):
    from batcountry import open_model

    return next(each.name for each in open_model(folder).layers if each.channels > 3)


def test_the_deepdream_notebook(folder, monkeypatch):
    np.random.seed(0)
    options = ["--end", layer_of(folder), "--iterations", 3, "--octaves", 2, "--frames", 1]
    run(monkeypatch, "notebook.py", folder, folder / "photo.png", folder / "out.png", *options)
    before, after = (np.asarray(Image.open(folder / name), float) for name in ("photo.png", "out.png"))
    assert before.shape == after.shape and 1 < np.abs(before - after).mean() < 60
    assert (folder / "out-0001.png").exists()


def test_a_script_like_cnn_vis(folder, monkeypatch, capsys):
    options = ["--layer", layer_of(folder), "--size", 48, "--batch", 3, "--steps", 15]
    run(monkeypatch, "cnn_vis.py", folder, folder / "out.png", *options)
    with Image.open(folder / "out.png") as picture:
        assert picture.size == (3 * 48, 48)
    means = [
        float(line.split()[-1]) for line in capsys.readouterr().out.splitlines() if line.startswith("step")
    ]
    assert means[-1] > 1.5 * means[0]


def test_classification(folder, monkeypatch, capsys):
    text = (folder / "deploy.prototxt").read_text()
    text += layer(
        "Pooling", "pool", last_top(folder), settings="pooling_param { pool: AVE global_pooling: true }"
    )
    (folder / "deploy.prototxt").write_text(text + layer("Softmax", "prob", "pool"))
    run(monkeypatch, "classify.py", folder, folder / "photo.png", "--resized", 64)
    assert capsys.readouterr().out.startswith("ten crops ")


def last_top(folder):
    import batcountry.caffe as caffe

    return caffe.Net(folder / "deploy.prototxt", caffe.TEST).outputs[0]


def test_googlenet_knows_what_caffe_knows(googlenet, caffe_numbers, tmp_path, monkeypatch, capsys):
    stored = np.load(caffe_numbers / "classify.npz")
    Image.fromarray(stored["image_u8"]).save(tmp_path / "photo.png")
    run(monkeypatch, "classify.py", googlenet, tmp_path / "photo.png")
    whole = capsys.readouterr().out.splitlines()[1]
    best = int(stored["prob"].ravel().argmax())
    assert whole.startswith(f"the whole {best}: {stored['prob'].ravel()[best]:.4f}")
