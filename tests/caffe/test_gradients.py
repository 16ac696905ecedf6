"""The backward pass against finite differences of the forward pass, in float64."""

import json

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import batcountry.caffe as caffe
from batcountry.caffe.graph import Node
from caffe.nets import inputs, layer
from conftest import REFERENCE


def forward64(net, values, first, last):
    """Run a net's nodes in float64 from the values of its inputs, and return the last one's tops."""
    blobs = {name: torch.from_numpy(np.asarray(value, np.float64)) for name, value in values.items()}
    for node in net._nodes[first : last + 1]:
        if node.bottoms:
            double = Node(node.layer, node.kind, [each.double() for each in node.params])
            blobs.update(zip(node.tops, double.run(*(blobs[each] for each in node.bottoms)), strict=True))
    return [blobs[top] for top in net._nodes[last].tops]


def difference_along(net, values, seeds, directions, last, step=1e-5):
    """Return the derivative of <seeds, tops> along directions of the inputs, by central differences."""

    def score(sign):
        moved = {name: value + sign * step * directions[name] for name, value in values.items()}
        tops = forward64(net, moved, 0, last)
        return sum(float((top * torch.from_numpy(s)).sum()) for top, s in zip(tops, seeds, strict=True))

    return (score(1) - score(-1)) / (2 * step)


SMOOTH = [
    lambda i, c: layer("Convolution", f"y{i}", f"y{i - 1}", settings="convolution_param { num_output: 4 kernel_size: 3 pad: 1 group: 2 }"),
    lambda i, c: layer("Convolution", f"y{i}", f"y{i - 1}", settings="convolution_param { num_output: 4 kernel_h: 1 kernel_w: 2 dilation: 2 pad: 1 }"),
    lambda i, c: layer("Deconvolution", f"y{i}", f"y{i - 1}", settings="convolution_param { num_output: 4 kernel_size: 2 stride: 2 pad: 1 }"),
    lambda i, c: layer("Pooling", f"y{i}", f"y{i - 1}", settings="pooling_param { pool: AVE kernel_size: 3 stride: 2 pad: 1 }"),
    lambda i, c: layer("Pooling", f"y{i}", f"y{i - 1}", settings="pooling_param { pool: MAX kernel_size: 2 stride: 1 }"),
    lambda i, c: layer("LRN", f"y{i}", f"y{i - 1}", settings="lrn_param { local_size: 3 alpha: 0.7 }"),
    lambda i, c: layer("LRN", f"y{i}", f"y{i - 1}", settings="lrn_param { local_size: 3 norm_region: WITHIN_CHANNEL }"),
    lambda i, c: layer("ReLU", f"y{i}", f"y{i - 1}", settings="relu_param { negative_slope: 0.2 }"),
    lambda i, c: layer("PReLU", f"y{i}", f"y{i - 1}"),
    lambda i, c: layer("ELU", f"y{i}", f"y{i - 1}", settings="elu_param { alpha: 0.7 }"),
    lambda i, c: layer("TanH", f"r{i}", f"y{i - 1}", f"y{i - 1}") + layer("Sigmoid", f"y{i}", f"y{i - 1}"),
    lambda i, c: layer("BNLL", f"r{i}", f"y{i - 1}", f"y{i - 1}") + layer("Log", f"y{i}", f"y{i - 1}", settings="log_param { base: 2 shift: 1.5 }"),
    lambda i, c: layer("Power", f"r{i}", f"y{i - 1}", f"y{i - 1}", "power_param { power: 2 scale: 0.5 shift: 0.3 }") + layer("Exp", f"y{i}", f"y{i - 1}", settings="exp_param { scale: 0.1 }"),
    lambda i, c: layer("Swish", f"y{i}", f"y{i - 1}"),
    lambda i, c: layer("Scale", f"r{i}", f"y{i - 1}", f"y{i - 1}", "scale_param { bias_term: true }") + layer("Bias", f"y{i}", f"y{i - 1}"),
    lambda i, c: layer("MVN", f"y{i}", f"y{i - 1}"),
    lambda i, c: layer("Normalize", f"y{i}", f"y{i - 1}", settings="norm_param { across_spatial: false }"),
    lambda i, c: layer("BatchNorm", f"y{i}", f"y{i - 1}", settings="batch_norm_param { use_global_stats: false }"),
    lambda i, c: layer("Softmax", f"y{i}", f"y{i - 1}"),
    lambda i, c: layer("Slice", f"s{i}", f"y{i - 1}", f"a{i} b{i}") + layer("Eltwise", f"e{i}", f"a{i} b{i}", settings="eltwise_param { operation: PROD }") + layer("Concat", f"y{i}", f"e{i} b{i} b{i} a{i}" if c else f"e{i} a{i}"),
    lambda i, c: layer("Tile", f"y{i}", f"y{i - 1}", settings="tile_param { axis: 2 tiles: 2 }"),
    lambda i, c: layer("Permute", f"y{i}", f"y{i - 1}", settings="permute_param { order: 0 order: 1 order: 3 order: 2 }"),
    lambda i, c: layer("Eltwise", f"y{i}", f"y{i - 1} y{i - 1}", settings="eltwise_param { coeff: 2 coeff: -0.5 }"),
]  # fmt: skip

ENDS = [
    "",
    layer("InnerProduct", "z", "@", settings="inner_product_param { num_output: 3 }"),
    layer("Reduction", "z", "@", settings="reduction_param { operation: SUMSQ axis: 1 }"),
    layer("Flatten", "f", "@") + layer("Reshape", "z", "f", settings="reshape_param { shape { dim: 0 dim: -1 dim: 2 } }"),
]  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.integers(0, len(SMOOTH) - 1), min_size=1, max_size=5),
    st.sampled_from(ENDS),
    st.integers(0, 999),
)
def test_random_nets_have_the_derivative(tmp_path_factory, kinds, end, seed):
    text = inputs(y0=(2, 4, 6, 6)) + "".join(SMOOTH[kind](i, i % 2) for i, kind in enumerate(kinds, 1))
    text += end.replace("@", f"y{len(kinds)}")
    path = tmp_path_factory.getbasetemp() / "random.prototxt"
    path.write_text(text)
    net, random = caffe.Net(path, caffe.TEST), np.random.RandomState(seed)
    for blobs in net.params.values():
        for blob in blobs:
            blob.data[...] = random.normal(0, 0.5, blob.shape)
    x = random.normal(size=(2, 4, 6, 6)).astype(np.float32)
    net.blobs["y0"].data[...] = x
    last = len(net._nodes) - 1
    net.forward()
    # Powers of powers leave float32's range; there is nothing to compare then.
    assume(all(np.abs(blob.data).max() < 1e6 for blob in net.blobs.values()))
    seeds = [random.normal(size=net.blobs[top].shape) for top in net._nodes[last].tops]
    for top, each in zip(net._nodes[last].tops, seeds, strict=True):
        net.blobs[top].diff[...] = each
    net.backward()
    gradient = net.blobs["y0"].diff.astype(float)
    direction = gradient / (np.linalg.norm(gradient) + 1e-30) + 0.1 * random.normal(size=x.shape)
    wanted = difference_along(net, {"y0": x.astype(float)}, seeds, {"y0": direction}, last)
    scale = np.linalg.norm(gradient) * np.linalg.norm(direction)
    # What float32 leaves of the largest diffs where they cancel, as for a sum of squares that is the same for all inputs.
    rounding = 16 * np.finfo(np.float32).eps * max(np.abs(blob.diff).max() for blob in net.blobs.values())
    assert abs((gradient * direction).sum() - wanted) <= 2e-3 * scale + 1e-4 + rounding


QUIRKS = [
    each.parent.name
    for each in sorted((REFERENCE / "layers").glob("*/case.json"))
    if json.loads(each.read_text())["caffe_quirk"] and each.parent.name != "stale_diff"
]


@pytest.mark.parametrize("case", QUIRKS)
def test_where_caffes_diff_is_not_the_derivative_ours_is(case):
    folder = REFERENCE / "layers" / case
    facts, stored = json.loads((folder / "case.json").read_text()), np.load(folder / "reference.npz")
    net = caffe.Net(folder / "net.prototxt", folder / "net.caffemodel", caffe.TEST)
    values = {blob: stored[f"input:{blob}"].astype(float) for blob in facts["inputs"]}
    for blob, value in values.items():
        net.blobs[blob].data[...] = value
    net.forward(end=facts["forward_end"])
    last = net._layer_names.index(facts["backward_start"])
    seeds = [stored[f"seed_diff:{top}"].astype(float) for top in net._nodes[last].tops]
    for top, each in zip(net._nodes[last].tops, seeds, strict=True):
        net.blobs[top].diff[...] = each
    net.backward(start=facts["backward_start"])
    random = np.random.RandomState(0)
    for _ in range(5):
        directions = {name: random.normal(size=value.shape) for name, value in values.items()}
        found = sum(float((net.blobs[n].diff * d).sum()) for n, d in directions.items())
        wanted = difference_along(net, values, seeds, directions, last, step=1e-6)
        assert found == pytest.approx(wanted, rel=1e-3, abs=1e-3)
