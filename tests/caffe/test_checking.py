import numpy as np
import pytest

import batcountry.caffe as caffe
from batcountry.caffe.checking import compare, examine
from batcountry.errors import ModelError
from conftest import REFERENCE

CASE = REFERENCE / "layers" / "mini_inception"
FILES = CASE / "net.prototxt", CASE / "net.caffemodel"


def test_a_net_is_described():
    facts = examine(*FILES)
    net = caffe.Net(*FILES)
    assert facts.parameters == sum(blob.count for blobs in net.params.values() for blob in blobs)
    assert facts.inputs == {"data": net.blobs["data"].shape}
    assert [each.name for each in facts.layers] == [
        n for n in net._layer_names if "split" not in n and n != "data"
    ]
    assert facts.unsupported == () and facts.fit.missing == ()
    assert all(each.shape == net.blobs[net.top_names[each.name][0]].shape for each in facts.layers)


def test_unsupported_parts_are_all_named_and_the_rest_is_described(tmp_path):
    text = (CASE / "net.prototxt").read_text()
    for name in ("one", "two"):
        text += f'layer {{ name: "{name}" type: "Wibble" bottom: "data" top: "{name}" }}'
    (tmp_path / "net.prototxt").write_text(text)
    facts = examine(tmp_path / "net.prototxt", FILES[1])
    assert facts.unsupported == ("'one' (Wibble)", "'two' (Wibble)")
    assert len(facts.layers) == len(examine(*FILES).layers)


def test_every_stored_blob_and_diff_is_compared():
    found = compare(*FILES, CASE / "reference.npz")
    assert {"data", "data (diff)"} <= {each.blob for each in found}
    assert max(each.largest for each in found) < 1e-5
    assert found == sorted(found, key=lambda each: -each.largest)


def test_a_difference_is_found(tmp_path):
    stored = dict(np.load(CASE / "reference.npz"))
    key = next(each for each in stored if each.startswith("data:") and each != "data:data")
    stored[key] = stored[key] * 1.01
    stored["data:data"] = stored["data:data"][..., :-1]
    np.savez(tmp_path / "other.npz", **stored)
    worst, second = compare(*FILES, tmp_path / "other.npz")[:2]
    assert worst.blob == "data" and "stored as" in worst.problem
    assert second.blob == key[5:] and 5e-3 < second.largest < 2e-2


def test_values_that_are_no_numbers_differ(tmp_path):
    stored = dict(np.load(CASE / "reference.npz"))
    stored["data:data"] = np.full_like(stored["data:data"], np.nan)
    np.savez(tmp_path / "other.npz", **stored)
    assert compare(*FILES, tmp_path / "other.npz")[0].largest == float("inf")


def test_a_layer_to_end_at_has_to_be_there():
    with pytest.raises(ModelError, match="no layer 'nowhere'"):
        compare(*FILES, CASE / "reference.npz", end="nowhere")


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"seed_diff:data": np.ones(3)}, "seed_diff:data is"),
        ({"input:nowhere": np.ones(3)}, "the net has no blob 'nowhere'"),
        ({"data:data": np.ones(10**6)}, "larger than the blob 'data' can be"),
        ({"hello": np.ones(3)}, "no arrays named"),
    ],
)
def test_a_reference_that_does_not_fit_is_refused(tmp_path, arrays, said):
    np.savez(tmp_path / "other.npz", **arrays)
    with pytest.raises(ModelError, match=said):
        compare(*FILES, tmp_path / "other.npz")


@pytest.mark.parametrize("content", [b"", b"hello", None])
def test_a_reference_that_is_no_npz_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "other.npz").write_bytes(content)
    with pytest.raises(ModelError, match=r"other\.npz"):
        compare(*FILES, tmp_path / "other.npz")
