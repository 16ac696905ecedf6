"""The layers' rules, written out once more in NumPy from Caffe's own arithmetic."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from batcountry.errors import ModelError
from caffe.nets import inputs, layer, net

FEW = settings(max_examples=40, deadline=None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("nets")


def convolved(x, weight, bias, stride, pad, dilation, group):
    """Convolution by loops over the kernel's positions, for any number of axes."""
    axes = x.ndim - 2
    x = np.pad(x, [(0, 0), (0, 0), *[(p, p) for p in pad]])
    sizes = [
        (x.shape[2 + i] - (dilation[i] * (weight.shape[2 + i] - 1) + 1)) // stride[i] + 1 for i in range(axes)
    ]
    y = np.zeros((x.shape[0], weight.shape[0], *sizes))
    inside, outside = x.shape[1] // group, weight.shape[0] // group
    for at in itertools.product(*map(range, weight.shape[2:])):
        window = tuple(
            slice(at[i] * dilation[i], at[i] * dilation[i] + stride[i] * (sizes[i] - 1) + 1, stride[i])
            for i in range(axes)
        )
        for g in range(group):
            part = x[(slice(None), slice(g * inside, (g + 1) * inside), *window)]
            w = weight[(slice(g * outside, (g + 1) * outside), slice(None), *at)]
            y[:, g * outside : (g + 1) * outside] += np.einsum("oc,nc...->no...", w, part)
    return y + bias.reshape(-1, *[1] * axes)


@st.composite
def convolutions(draw):
    axes = draw(st.integers(1, 3))

    def per_axis(low, high):
        one = draw(st.booleans())
        return (
            [draw(st.integers(low, high))] * axes
            if one
            else [draw(st.integers(low, high)) for _ in range(axes)]
        )

    group = draw(st.integers(1, 3))
    found = {
        "size": per_axis(3, 7), "kernel_size": per_axis(1, 3), "stride": per_axis(1, 3), "pad": per_axis(0, 2),
        "dilation": per_axis(1, 2), "group": group, "inside": group * draw(st.integers(1, 2)),
        "num_output": group * draw(st.integers(1, 2)), "seed": draw(st.integers(0, 99)),
    }  # fmt: skip
    assume(
        all(
            s + 2 * p > d * (k - 1)
            for s, k, p, d in zip(
                found["size"], found["kernel_size"], found["pad"], found["dilation"], strict=True
            )
        )
    )
    return found


def settings_of(c):
    repeated = "".join(f" {n}: {v}" for n in ("kernel_size", "stride", "pad", "dilation") for v in c[n])
    return f"convolution_param {{ num_output: {c['num_output']} group: {c['group']}{repeated} }}"


@FEW
@given(convolutions())
def test_convolution_over_any_axes(folder, c):
    x = np.random.RandomState(c["seed"]).normal(size=(2, c["inside"], *c["size"]))
    made = net(folder, inputs(x=x.shape) + layer("Convolution", "y", "x", settings=settings_of(c)), x=x)
    weight, bias = (each.data.astype(float) for each in made.params["y"])
    wanted = convolved(x, weight, bias, c["stride"], c["pad"], c["dilation"], c["group"])
    np.testing.assert_allclose(made.forward()["y"], wanted, rtol=1e-4, atol=1e-4)


@FEW
@given(convolutions())
def test_deconvolution_is_the_transpose_of_convolution(folder, c):
    # <conv(a), b> = <a, deconv(b)> with the same weights, the bias left out
    c["num_output"], c["inside"] = c["inside"], c["num_output"]
    sides = zip(c["size"], c["kernel_size"], c["stride"], c["pad"], c["dilation"], strict=True)
    assume(all(t * (s - 1) + d * (k - 1) + 1 > 2 * p for s, k, t, p, d in sides))
    text = settings_of(c).replace("{", "{ bias_term: false", 1)
    random = np.random.RandomState(c["seed"])
    b = random.normal(size=(1, c["inside"], *c["size"]))
    made = net(folder, inputs(x=b.shape) + layer("Deconvolution", "y", "x", settings=text), x=b)
    top = made.forward()["y"].astype(float)
    a = random.normal(size=top.shape)
    weight = made.params["y"][0].data.astype(float)
    forward = convolved(a, weight, np.zeros(c["inside"]), c["stride"], c["pad"], c["dilation"], c["group"])
    whole = tuple(slice(0, n) for n in b.shape)
    np.testing.assert_allclose((forward[whole] * b).sum(), (a * top).sum(), rtol=1e-3, atol=1e-2)


def pooled(x, kernel, stride, pad, method, up):
    sizes, rounded = [], math.ceil if up else math.floor
    for i in range(2):
        size = rounded((x.shape[2 + i] + 2 * pad[i] - kernel[i]) / stride[i]) + 1
        if pad[i] and (size - 1) * stride[i] >= x.shape[2 + i] + pad[i]:
            size -= 1
        sizes.append(size)
    y = np.zeros((*x.shape[:2], *sizes))
    for row, column in itertools.product(*map(range, sizes)):
        starts = [row * stride[0] - pad[0], column * stride[1] - pad[1]]
        ends = [min(starts[i] + kernel[i], x.shape[2 + i] + pad[i]) for i in range(2)]
        area = (ends[0] - starts[0]) * (ends[1] - starts[1])
        part = x[:, :, max(starts[0], 0) : ends[0], max(starts[1], 0) : ends[1]]
        y[:, :, row, column] = part.max((2, 3)) if method == "MAX" else part.sum((2, 3)) / area
    return y


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_pooling_rounds_clips_and_divides_as_caffe_does(folder, data):
    size = [data.draw(st.integers(3, 12)) for _ in "hw"]
    kernel = [data.draw(st.integers(1, 4)) for _ in "hw"]
    pad = [data.draw(st.integers(0, k - 1)) for k in kernel]
    stride = [data.draw(st.integers(1, 4)) for _ in "hw"]
    # Without padding and with a stride beyond the kernel Caffe's last window may lie outside the picture.
    assume(all(s <= k or p for s, k, p in zip(stride, kernel, pad, strict=True)))
    assume(all(s + 2 * p >= k for s, k, p in zip(size, kernel, pad, strict=True)))
    method, rounding = (
        data.draw(st.sampled_from(["MAX", "AVE"])),
        data.draw(st.sampled_from(["CEIL", "FLOOR"])),
    )
    text = " ".join(
        f"{name}_{side}: {value}"
        for name, values in (("kernel", kernel), ("stride", stride), ("pad", pad))
        for side, value in zip("hw", values, strict=True)
    )
    x = np.random.RandomState(0).normal(size=(2, 2, *size))
    made = net(
        folder,
        inputs(x=x.shape)
        + layer(
            "Pooling", "y", "x", settings=f"pooling_param {{ pool: {method} round_mode: {rounding} {text} }}"
        ),
        x=x,
    )
    wanted = pooled(x, kernel, stride, pad, method, rounding == "CEIL")
    found = made.forward()["y"]
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


@FEW
@given(
    st.integers(0, 4),
    st.integers(1, 9),
    st.floats(0.1, 3),
    st.floats(0.2, 2),
    st.floats(0.5, 3),
    st.booleans(),
)
def test_local_response_normalization(folder, half, channels, alpha, beta, k, within):
    size = 2 * half + 1
    x = np.random.RandomState(size).normal(size=(2, channels, 5, 6))
    region = "WITHIN_CHANNEL" if within else "ACROSS_CHANNELS"
    text = f"lrn_param {{ local_size: {size} alpha: {alpha} beta: {beta} k: {k} norm_region: {region} }}"
    found = net(folder, inputs(x=x.shape) + layer("LRN", "y", "x", settings=text), x=x).forward()["y"]
    energy = np.zeros_like(x)
    for shift in range(-half, half + 1):
        if within:
            for other in range(-half, half + 1):
                padded = np.pad(x * x, ((0, 0), (0, 0), (half, half), (half, half)))
                energy += padded[:, :, half + shift : half + shift + 5, half + other : half + other + 6]
        else:
            padded = np.pad(x * x, ((0, 0), (half, half), (0, 0), (0, 0)))
            energy += padded[:, half + shift : half + shift + channels]
    count = size * size if within else size
    wanted = x / ((1 if within else k) + alpha / count * energy) ** beta
    np.testing.assert_allclose(found, wanted, rtol=2e-4, atol=1e-5)


X = np.random.RandomState(5).normal(size=(2, 3, 4, 5)).astype(np.float32)


@pytest.mark.parametrize(
    ("kind", "text", "rule"),
    [
        ("Permute", "permute_param { order: 0 order: 2 order: 3 order: 1 }", lambda x: x.transpose(0, 2, 3, 1)),
        ("Permute", "permute_param { order: 3 }", lambda x: x.transpose(3, 0, 1, 2)),
        ("MVN", "mvn_param { normalize_variance: false }", lambda x: x - x.mean((2, 3), keepdims=True)),
        ("MVN", "mvn_param { normalize_variance: false across_channels: true }",
         lambda x: x - x.mean((1, 2, 3), keepdims=True)),
        ("Tile", "tile_param { axis: -1 tiles: 3 }", lambda x: np.tile(x, 3)),
        ("Reduction", "reduction_param { operation: ASUM axis: 2 coeff: 0.5 }", lambda x: np.abs(x).sum((2, 3)) / 2),
        ("Flatten", "flatten_param { axis: 1 end_axis: -2 }", lambda x: x.reshape(2, 12, 5)),
        ("ArgMax", "argmax_param { axis: 1 }", lambda x: x.argmax(1)[:, None]),
        ("ArgMax", "argmax_param { axis: -1 top_k: 2 out_max_val: true }", lambda x: -np.sort(-x, -1)[..., :2]),
        ("Exp", "exp_param { base: 2 scale: 0.5 shift: 1 }", lambda x: 2 ** (1 + 0.5 * x)),
        ("Power", "power_param { power: 2 scale: 3 shift: 1 }", lambda x: (1 + 3 * x) ** 2),
        ("Softmax", "softmax_param { axis: 2 }", lambda x: np.exp(x) / np.exp(x).sum(2, keepdims=True)),
        ("Threshold", "threshold_param { threshold: 0.3 }", lambda x: x > 0.3),
        ("Dropout", "", lambda x: x),
    ],
)  # fmt: skip
def test_layers_without_weights(folder, kind, text, rule):
    made = net(folder, inputs(x=X.shape) + layer(kind, "y", "x", settings=text), x=X)
    np.testing.assert_allclose(made.forward()["y"], rule(X.astype(float)), rtol=1e-5, atol=1e-6)


def test_the_last_of_equal_values_is_the_largest(folder):
    x = np.array([[1, 5, 5, 2], [7, 7, 7, 0]], np.float32)
    made = net(
        folder, inputs(x=x.shape) + layer("ArgMax", "y", "x", settings="argmax_param { top_k: 2 }"), x=x
    )
    assert made.forward()["y"].reshape(2, 2).tolist() == [[2, 1], [2, 1]]


def test_mvn_of_a_single_row_takes_each_value_for_itself(folder):
    text = inputs(x=(2, 3)) + layer("MVN", "y", "x", settings="mvn_param { normalize_variance: false }")
    assert not net(folder, text, x=np.arange(6).reshape(2, 3)).forward()["y"].any()


@pytest.mark.parametrize("across", ["true", "false"])
@pytest.mark.parametrize("shared", ["true", "false"])
def test_normalize_divides_by_the_length(folder, across, shared):
    text = f"norm_param {{ across_spatial: {across} channel_shared: {shared} }}"
    made = net(folder, inputs(x=X.shape) + layer("Normalize", "y", "x", settings=text), x=X)
    scale = made.params["y"][0].data
    length = np.sqrt((X**2).sum((1, 2, 3) if across == "true" else 1, keepdims=True))
    wanted = X / length * (scale if shared == "true" else scale.reshape(1, 3, 1, 1))
    np.testing.assert_allclose(made.forward()["y"], wanted, rtol=1e-5)


def test_embed_looks_up_rows(folder):
    x = np.array([[0, 4], [2, 2]], np.float32)
    made = net(
        folder,
        inputs(x=x.shape) + layer("Embed", "y", "x", settings="embed_param { num_output: 3 input_dim: 5 }"),
        x=x,
    )
    weight, bias = (each.data for each in made.params["y"])
    np.testing.assert_allclose(made.forward()["y"], weight[x.astype(int)] + bias, rtol=1e-6)


def test_prior_boxes_are_those_of_ssd(folder):
    text = (
        "prior_box_param { min_size: 30 max_size: 60 aspect_ratio: 2 flip: true clip: false "
        "variance: 0.1 variance: 0.1 variance: 0.2 variance: 0.2 step: 8 }"
    )
    made = net(
        folder,
        inputs(x=(1, 4, 2, 3), image=(1, 3, 300, 200)) + layer("PriorBox", "y", "x image", settings=text),
    )
    found = made.forward()["y"]
    sides = [(30, 30), (60**0.5 * 30**0.5,) * 2, (30 * 60, 2), (30 * 60, 0.5)]
    sides = [sides[0], sides[1], *(((a**0.5) * r**0.5, (a**0.5) / r**0.5) for a, r in sides[2:])]
    wanted = [
        [(x + 0.5) * 8 / 200 - w / 400, (y + 0.5) * 8 / 300 - h / 600, (x + 0.5) * 8 / 200 + w / 400, (y + 0.5) * 8 / 300 + h / 600]
        for y in range(2) for x in range(3) for w, h in sides
    ]  # fmt: skip
    assert found.shape == (1, 2, 2 * 3 * 4 * 4)
    np.testing.assert_allclose(found[0, 0], np.ravel(wanted), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found[0, 1].reshape(-1, 4), np.tile([0.1, 0.1, 0.2, 0.2], (24, 1)))


def test_detections_are_decoded_sorted_and_suppressed(folder):
    text = (
        "detection_output_param { num_classes: 2 code_type: CENTER_SIZE keep_top_k: 10 "
        "confidence_threshold: 0.2 nms_param { nms_threshold: 0.5 top_k: 10 } }"
    )
    boxes = np.array([[0, 0, 0.4, 0.4], [0.02, 0, 0.42, 0.4], [0.5, 0.5, 0.9, 0.9], [0.1, 0.1, 0.2, 0.2]])
    priors = np.stack([boxes.ravel(), np.tile([0.1, 0.1, 0.2, 0.2], 4)])[None]
    scores = np.array([[0.3, 0.7], [0.1, 0.9], [0.5, 0.5], [0.9, 0.1]])
    shifts = np.zeros((4, 4))
    shifts[2] = [1, 0, np.log(2) / 0.2, 0]  # a tenth of its width to the right, and twice as wide
    made = net(
        folder,
        inputs(l=(1, 16), c=(1, 8), p=(1, 2, 16)) + layer("DetectionOutput", "y", "l c p", settings=text),
        l=shifts.reshape(1, 16), c=scores.reshape(1, 8), p=priors,
    )  # fmt: skip
    found = made.forward()["y"][0, 0]
    np.testing.assert_allclose(
        found, [[0, 1, 0.9, 0.02, 0, 0.42, 0.4], [0, 1, 0.5, 0.34, 0.5, 1.14, 0.9]], atol=1e-5
    )
    made.blobs["c"].data[...] = 0
    assert made.forward()["y"][0, 0].tolist() == [[0, -1, -1, -1, -1, -1, -1]]


@pytest.mark.parametrize(
    ("kind", "text", "rule"),
    [
        ("SUM", "coeff: 2 coeff: -1 coeff: 0.5", lambda a, b, c: 2 * a - b + 0.5 * c),
        ("PROD", "", lambda a, b, c: a * b * c),
        ("MAX", "coeff: 2 coeff: 3 coeff: 4", lambda a, b, c: np.maximum(np.maximum(a, b), c)),
        ("MAX", "", lambda a, b, c: np.maximum(np.maximum(a, b), c)),
    ],
)
def test_eltwise(folder, kind, text, rule):
    random = np.random.RandomState(1)
    data = {name: random.normal(size=(2, 3)) for name in "abc"}
    settings_text = f"eltwise_param {{ operation: {kind} {text} }}"
    made = net(
        folder,
        inputs(**dict.fromkeys("abc", (2, 3))) + layer("Eltwise", "y", "a b c", settings=settings_text),
        **data,
    )
    np.testing.assert_allclose(made.forward()["y"], rule(*data.values()), rtol=1e-5)


def test_spatial_pyramid_pools_over_finer_and_finer_grids(folder):
    x = np.random.RandomState(2).normal(size=(1, 2, 8, 4))
    made = net(
        folder, inputs(x=x.shape) + layer("SPP", "y", "x", settings="spp_param { pyramid_height: 2 }"), x=x
    )
    fine = x.reshape(1, 2, 2, 4, 2, 2).max((3, 5))
    wanted = np.concatenate([x.max((2, 3)).reshape(1, -1), fine.reshape(1, -1)], 1)
    np.testing.assert_allclose(made.forward()["y"], wanted, rtol=1e-6)


@pytest.mark.parametrize("side", [3, 4])
def test_the_bilinear_filler_makes_upsampling_linear(folder, side):
    text = (
        f"convolution_param {{ num_output: 1 kernel_size: {side} stride: {-(-side // 2)} bias_term: false "
        'weight_filler { type: "bilinear" } }'
    )
    path = folder / "bilinear.prototxt"
    path.write_text(inputs(x=(1, 1, 6, 6)) + layer("Deconvolution", "y", "x", settings=text))
    from batcountry.caffe import TEST, Net

    made = Net(path, TEST)
    made.blobs["x"].data[...] = np.add.outer(np.arange(6), 10 * np.arange(6))
    inner = made.forward()["y"][0, 0, 3:-3, 3:-3]
    np.testing.assert_allclose(np.diff(inner, 2, 0), 0, atol=1e-4)
    np.testing.assert_allclose(np.diff(inner, 2, 1), 0, atol=1e-4)


def test_outputs_are_what_nobody_reads_after_it_was_last_written_in_the_alphabets_order(folder):
    text = (
        inputs(x=(1, 2, 3, 4))
        + layer("Slice", "cut", "x", "zebra apple")
        + layer("ReLU", "relu", "zebra", "zebra")
    )
    built = net(folder, text, x=-np.ones((1, 2, 3, 4)))
    assert built.outputs == ["apple", "zebra"]
    assert {name: blob.max() for name, blob in built.forward().items()} == {"apple": -1, "zebra": 0}
    built = net(folder, text + layer("Silence", "quiet", "zebra", ""))
    assert built.outputs == ["apple"]


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        ("PROD", "coeff: 1 coeff: 2", "for sums only"),
        ("SUM", "coeff: 1", "1 coefficients are given for 2 bottoms"),
    ],
)
def test_eltwise_refuses_the_coefficients_that_caffe_does(folder, kind, text, said):
    settings = f"eltwise_param {{ operation: {kind} {text} }}"
    with pytest.raises(ModelError, match=said):
        net(folder, inputs(a=(2, 3), b=(2, 3)) + layer("Eltwise", "y", "a b", settings=settings))
