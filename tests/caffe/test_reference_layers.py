"""Every layer case that Caffe 1.0 gave numbers for."""

import json

import numpy as np
import pytest

import batcountry.caffe as caffe
from conftest import REFERENCE

CASES = sorted(each.name for each in (REFERENCE / "layers").iterdir())


def run(case):
    folder = REFERENCE / "layers" / case
    facts, stored = json.loads((folder / "case.json").read_text()), np.load(folder / "reference.npz")
    net = caffe.Net(folder / "net.prototxt", folder / "net.caffemodel", caffe.TEST)
    for blob, shape in facts["inputs"].items():
        net.blobs[blob].reshape(*shape)
        net.blobs[blob].data[...] = stored[f"input:{blob}"]
    net.forward(end=facts["forward_end"])
    return net, facts, stored


def agrees(found, wanted):
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, atol=1e-5 * max(np.abs(wanted).max(), 1e-12), rtol=0)


@pytest.mark.parametrize("case", CASES)
def test_forward_and_backward_give_caffes_numbers(case):
    net, facts, stored = run(case)
    for key in stored.files:
        if key.startswith("data:"):
            agrees(net.blobs[key[5:]].data, stored[key])
    if facts["forward_only"]:
        return
    for key in stored.files:
        if key.startswith("seed_diff:"):
            net.blobs[key[10:]].diff[...] = stored[key]
    net.backward(start=facts["backward_start"])
    if not facts["caffe_quirk"] or case == "stale_diff":
        for key in stored.files:
            if key.startswith("diff:"):
                agrees(net.blobs[key[5:]].diff, stored[key])


def test_a_second_backward_gives_the_gradient_of_a_new_net():
    net, facts, stored = run("stale_diff")
    for prefix, start in (("seed_diff:", facts["start"]), ("seed_diff2:", facts["second_backward"])):
        for key in stored.files:
            if key.startswith(prefix):
                net.blobs[key[len(prefix) :]].diff[...] = stored[key]
        net.backward(start=start["layer"])
    agrees(net.blobs["data"].diff, stored["diff2_fresh:data"])
