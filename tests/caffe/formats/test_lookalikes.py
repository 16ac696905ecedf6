"""Files that are something else than their names say."""

import gzip
import io
import tarfile
import zipfile

import numpy as np
import pytest

from batcountry import caffe, open_model
from batcountry.caffe.formats.means import read_mean
from batcountry.caffe.formats.prototxt import read_definition
from batcountry.caffe.formats.weights import read_weights
from batcountry.errors import ModelError
from conftest import REFERENCE

CASE = REFERENCE / "layers" / "mini_inception"
POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'ab' * 32}\nsize 53533754\n"


def archive(kind):
    file = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(file, "w") as zipped:
            zipped.writestr("net.caffemodel", "x" * 99)
    else:
        with tarfile.open(fileobj=file, mode="w") as tar:
            tar.addfile(tarfile.TarInfo("net.caffemodel"))
    return file.getvalue()


def numpy_file():
    file = io.BytesIO()
    np.save(file, np.ones(3))
    return file.getvalue()


FILES = {
    "a pointer": (POINTER.encode(), r"a git-lfs pointer \(to 53,533,754 bytes\).*git lfs pull"),
    "a pointer with lines of Windows": (
        POINTER.replace("\n", "\r\n").encode(),
        r"53,533,754 bytes.*git lfs pull",
    ),
    "a pointer of git-annex": (b"/annex/objects/SHA256E-s1--ab.caffemodel\n", "git annex get"),
    "a page": (b"\n  <!DOCTYPE html>\n<html><head>", "a web page"),
    "a page with a comment": (b"<!-- saved -->\n<HTML lang='en'>", "a web page"),
    "a page with a mark": (b"\xef\xbb\xbf<html>", "a web page"),
    "a zip archive": (archive("zip"), "a zip archive.*unpack"),
    "a tar archive": (archive("tar"), "a tar archive.*unpack"),
    "a gzip archive": (gzip.compress(b"x"), "a gzip archive.*unpack"),
    "a NumPy array": (numpy_file(), "a NumPy array"),
    "a pickle": (b"\x80\x02}q\x00.", "a Python pickle"),
    "a solver's state": (b"\x08\xe8\x07\x12\x13net_1000.caffemodel\x1a\x02ab", "the state of a solver"),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("read", [read_weights, lambda path: read_definition(path, phase=caffe.TEST)])
def test_another_file_is_named_for_what_it_is(tmp_path, name, read):
    data, said = FILES[name]
    path = tmp_path / "net.caffemodel"
    path.write_bytes(data)
    with pytest.raises(ModelError, match=said) as raised:
        read(path)
    assert str(path) in str(raised.value) and len(str(raised.value)) - len(str(path)) < 250


def test_a_pointer_as_a_mean_is_named(tmp_path):
    (tmp_path / "mean.binaryproto").write_text(POINTER)
    with pytest.raises(ModelError, match="a git-lfs pointer"):
        read_mean(tmp_path / "mean.binaryproto")


def test_definition_and_weights_in_each_others_places_are_told(tmp_path):
    for make in (caffe.Net, lambda *files: open_model(*files[:2])):
        with pytest.raises(ModelError, match=r"swapped\?"):
            make(CASE / "net.prototxt", CASE / "net.prototxt", caffe.TEST)
    with pytest.raises(ModelError, match=r"weights alone.*--weights"):
        open_model(CASE / "net.caffemodel", CASE / "net.prototxt")


def test_weights_as_text_of_a_fork_are_read(tmp_path):
    path = tmp_path / "net.caffemodel"
    path.write_text(
        "\ufefflayer { name: 'c' odd: 3\n blobs { shape { dim: 2 } data: [1, 2] quantized: true } }\r\n"
    )
    assert read_weights(path)["c"][0].tolist() == [1, 2]


def test_a_layer_of_weights_is_read_whatever_a_fork_has_in_it(tmp_path):
    blob = b"\x3a\x0c\x2a\x08\x00\x00\x80\x3f\x00\x00\x00\x40\x08\x00"  # blobs { data: 1 data: 2 num: 0 }
    odd = b"\xd2\x0c\x03\xff\xff\xff"  # what a fork has at the number of SSD's permute_param, no message of that kind
    own = b"\x0a\x01c" + odd + blob
    (tmp_path / "net.caffemodel").write_bytes(b"\xa2\x06" + bytes([len(own)]) + own)
    assert read_weights(tmp_path / "net.caffemodel")["c"][0].tolist() == [1, 2]
