"""Layers of Caffe's forks, against their formulas in NumPy and against finite differences."""

import numpy as np
import pytest

import batcountry.caffe as caffe
from batcountry.caffe.formats.weights import write_weights
from batcountry.errors import ModelError
from caffe.nets import inputs, layer, net
from caffe.test_gradients import difference_along

X = np.random.RandomState(5).normal(size=(2, 6, 4, 5)).astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("nets")


def of_channels(values):
    return values.reshape(1, -1, 1, 1)


def made(folder, kind, settings="", x=X, tops=None):
    built = net(folder, inputs(x=x.shape) + layer(kind, "y", "x", tops, settings), x=x)
    weights = [of_channels(blob.data.astype(float)) for blob in built.params.get("y", [])]
    return built, weights


def close(found, wanted):
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=2e-4, atol=1e-5)


def shuffled(x):
    return np.stack([x[:, group * 2 + each] for each in range(2) for group in range(3)], 1)


@pytest.mark.parametrize(
    ("kind", "settings", "rule"),
    [
        ("ReLU6", "", lambda x: np.clip(x, 0, 6)),
        ("CReLU", "", lambda x: np.concatenate([np.maximum(x, 0), np.maximum(-x, 0)], 1)),
        ("L2Norm", "", lambda x: x / np.sqrt((x**2).sum(1, keepdims=True))),
        ("ShuffleChannel", "shuffle_channel_param { group: 3 }", shuffled),
        ("Dropout", "dropout_param { dropout_ratio: 0.3 scale_train: false }", lambda x: x * 0.7),
        ("Dropout", "dropout_param { dropout_ratio: 0.3 scale_train: true }", lambda x: x),
        ("Upsample", "upsample_param { scale: 3 }", lambda x: x.repeat(3, 2).repeat(3, 3)),
        ("Upsample", "upsample_param { scale_h: 1 scale_w: 2 }", lambda x: x.repeat(2, 3)),
    ],
)  # fmt: skip
def test_layers_without_weights(folder, kind, settings, rule):
    x = 7 * X
    close(made(folder, kind, settings, x)[0].forward()["y"], rule(x.astype(float)))


def test_segnets_batch_norm_for_inference_scales_and_shifts(folder):
    built, (scale, shift) = made(folder, "BN", "bn_param { bn_mode: INFERENCE }")
    close(built.forward()["y"], X * scale + shift)


def test_segnets_batch_norm_that_learns_takes_the_batchs_statistics(folder):
    built, (scale, shift) = made(
        folder, "BN", "bn_param { scale_filler { value: 1 } shift_filler { value: 0.1 } }"
    )
    mean, variance = X.mean((0, 2, 3), keepdims=True), X.var((0, 2, 3), keepdims=True)
    close(built.forward()["y"], (X - mean) / np.sqrt(variance) * scale + shift)


def test_pspnets_batch_norm_has_slope_bias_mean_and_variance(folder):
    built, _ = made(
        folder, "BN", "bn_param { slope_filler { value: 1 } bias_filler { value: 0 } frozen: true eps: 0.01 }"
    )
    built.params["y"][3].data[...] **= 2
    slope, bias, mean, variance = (of_channels(blob.data.astype(float)) for blob in built.params["y"])
    close(built.forward()["y"], slope * (X - mean) / np.sqrt(variance + 0.01) + bias)


def test_the_weights_tell_which_batch_norm_it_is(tmp_path):
    path, weights = tmp_path / "net.prototxt", tmp_path / "net.caffemodel"
    path.write_text(inputs(x=X.shape) + layer("BN", "y", "x") + layer("BatchNorm", "z", "y"))
    random = np.random.RandomState(0)
    scale, shift, *nvidias = (np.float32(random.uniform(0.5, 2, size=(1, 6, 1, 1))) for _ in range(6))
    mean, variance, gain, bias = (each.ravel() for each in nvidias)
    blobs = [mean, variance, np.float32([2]), gain, bias]
    write_weights(weights, [("y", "BN", [scale, shift]), ("z", "BatchNorm", blobs)])
    built = caffe.Net(path, weights, caffe.TEST)
    built.forward(x=X)
    y = X * scale + shift
    close(built.blobs["y"].data, y)
    normal = (y - of_channels(mean) / 2) / np.sqrt(of_channels(variance) / 2 + 1e-5)
    close(built.blobs["z"].data, normal * of_channels(gain) + of_channels(bias))


def test_axpy_multiplies_channels_and_adds(folder):
    random = np.random.RandomState(1)
    data = {
        "a": random.normal(size=(2, 3, 1, 1)),
        "x": random.normal(size=(2, 3, 4, 5)),
        "y": random.normal(size=(2, 3, 4, 5)),
    }
    text = inputs(**{name: each.shape for name, each in data.items()}) + layer("Axpy", "z", "a x y")
    close(net(folder, text, **data).forward()["z"], data["a"] * data["x"] + data["y"])


def resized(x, rows, columns):
    """Linear interpolation, corners onto corners."""
    for axis, size in ((2, rows), (3, columns)):
        places = np.linspace(0, x.shape[axis] - 1, size) if size > 1 else np.zeros(1)
        low = np.minimum(places.astype(int), x.shape[axis] - 1)
        high = np.minimum(low + 1, x.shape[axis] - 1)
        part = (places - low).reshape([-1 if each == axis else 1 for each in range(4)])
        x = x.take(low, axis) * (1 - part) + x.take(high, axis) * part
    return x


@pytest.mark.parametrize(
    ("settings", "rule"),
    [
        ("height: 7 width: 3", lambda x: resized(x, 7, 3)),
        ("zoom_factor: 3", lambda x: resized(x, 3 * 5 + 1, 3 * 7 + 1)),
        ("shrink_factor: 2", lambda x: resized(x, 3, 4)),
        ("shrink_factor: 2 zoom_factor: 4", lambda x: resized(x, 9, 13)),
        ("pad_beg: -1 pad_end: -2 zoom_factor: 2", lambda x: resized(x[:, :, 1:-2, 1:-2], 5, 9)),
        ("pad_beg: -1", lambda x: x[:, :, 1:, 1:]),
    ],
)  # fmt: skip
def test_interp_resizes_corners_onto_corners(folder, settings, rule):
    x = np.random.RandomState(2).normal(size=(1, 2, 6, 8)).astype(np.float32)
    close(
        made(folder, "Interp", f"interp_param {{ {settings} }}", x)[0].forward()["y"], rule(x.astype(float))
    )


POOL = "pooling_param {{ pool: MAX kernel_size: {} stride: 2 {} }}"


@pytest.mark.parametrize(("kernel", "more"), [(2, ""), (3, "pad: 1"), (3, "round_mode: FLOOR")])
def test_pooling_says_where_its_maxima_were(folder, kernel, more):
    x = np.random.RandomState(3).normal(size=(2, 3, 7, 9)).astype(np.float32)
    built, _ = made(folder, "Pooling", POOL.format(kernel, more), x, "y places")
    built.forward()
    y, places = built.blobs["y"].data, built.blobs["places"].data
    found = np.take_along_axis(x.reshape(2, 3, -1), places.reshape(2, 3, -1).astype(int), 2)
    np.testing.assert_array_equal(found.reshape(y.shape), y)
    alone, _ = made(folder, "Pooling", POOL.format(kernel, more), x)
    np.testing.assert_array_equal(alone.forward()["y"], y)


@pytest.mark.parametrize(
    ("size", "stated"),
    [
        ((6, 8), ""),
        ((7, 9), "upsample_h: 7 upsample_w: 9"),
        ((7, 8), "pad_out_h: true"),
        ((6, 9), "pad_out_w: true"),
    ],
)
def test_upsample_puts_maxima_back_where_they_were(folder, size, stated):
    x = np.random.RandomState(4).normal(size=(2, 3, *size)).astype(np.float32)
    text = inputs(x=x.shape) + layer("Pooling", "p", "x", "p m", POOL.format(2, "")) + layer("Upsample", "y", "p m", settings=f"upsample_param {{ scale: 2 {stated} }}")  # fmt: skip
    built = net(folder, text, x=x)
    y = built.forward()["y"]
    largest = np.zeros_like(x)
    for row in range(0, size[0], 2):
        for column in range(0, size[1], 2):
            window = x[:, :, row : row + 2, column : column + 2]
            largest[:, :, row : row + 2, column : column + 2] = np.where(
                window == window.max((2, 3), keepdims=True), window, 0
            )
    np.testing.assert_array_equal(y, largest)


def test_a_mask_of_larger_maps_is_refused(folder):
    text = inputs(x=(1, 2, 8, 8)) + layer("Pooling", "p", "x", "p m", POOL.format(2, "")) + layer("Upsample", "y", "p m", settings="upsample_param { upsample_h: 6 upsample_w: 6 }")  # fmt: skip
    built = net(folder, text, x=np.random.RandomState(0).normal(size=(1, 2, 8, 8)))
    with pytest.raises(ModelError, match="its mask is of larger feature maps than 6×6"):
        built.forward()


def region_maxima(x, rois, rows, columns, scale):
    """Fast R-CNN's region pooling, bin by bin."""
    y = np.zeros((len(rois), x.shape[1], rows, columns))
    for number, roi in enumerate(rois):
        left, up, right, down = np.floor(np.array(roi[1:]) * scale + 0.5).astype(int)
        height, width = max(down - up + 1, 1), max(right - left + 1, 1)
        for row, column in np.ndindex(rows, columns):
            start = up + int(np.floor(row * height / rows)), left + int(np.floor(column * width / columns))
            end = (
                up + int(np.ceil((row + 1) * height / rows)),
                left + int(np.ceil((column + 1) * width / columns)),
            )
            start, end = np.clip(start, 0, x.shape[2:]), np.clip(end, 0, x.shape[2:])
            if (start < end).all():
                y[number, :, row, column] = x[int(roi[0]), :, start[0] : end[0], start[1] : end[1]].max(
                    (1, 2)
                )
    return y


ROIS = [
    [0, 3, 5, 40, 60],
    [1, 0, 0, 8, 8],
    [1, 70, 10, 300, 90],
    [0, -30, -20, 20, 30],
    [0, 24, 24, 24, 24],
    [1, 50, 40, 10, 20],
]


def test_regions_are_pooled_as_in_fast_rcnn(folder):
    x = np.random.RandomState(6).normal(size=(2, 3, 7, 9)).astype(np.float32)
    settings = "roi_pooling_param { pooled_h: 3 pooled_w: 2 spatial_scale: 0.125 }"
    text = inputs(x=x.shape, rois=(len(ROIS), 5)) + layer("ROIPooling", "y", "x rois", settings=settings)
    close(net(folder, text, x=x, rois=np.array(ROIS)).forward()["y"], region_maxima(x, ROIS, 3, 2, 0.125))


@pytest.mark.parametrize("rois", [[[2, 0, 0, 1, 1]], [[0, np.nan, 0, 1, 1]], [[-1, 0, 0, 1, 1]]])
def test_a_region_of_no_picture_is_refused(folder, rois):
    settings = "roi_pooling_param { pooled_h: 3 pooled_w: 2 }"
    text = inputs(x=(2, 3, 7, 9), rois=(1, 5)) + layer("ROIPooling", "y", "x rois", settings=settings)
    with pytest.raises(ModelError, match="not in any picture"):
        net(folder, text, rois=np.array(rois)).forward()


def test_detections_are_clipped_to_the_picture_if_that_is_asked(folder):
    boxes = np.array([[-0.2, 0.1, 0.4, 1.3], [0.5, 0.5, 0.9, 0.9]])
    data = {
        "l": np.zeros((1, 8)),
        "c": np.array([[0.1, 0.9, 0.2, 0.8]]),
        "p": np.stack([boxes.ravel(), np.ones(8)])[None],
    }
    shapes = inputs(l=(1, 8), c=(1, 4), p=(1, 2, 8))
    for clip, wanted in (("false", boxes), ("true", boxes.clip(0, 1))):
        settings = (
            f"detection_output_param {{ num_classes: 2 clip: {clip} keep_top_k: 9 nms_param {{ top_k: 9 }} }}"
        )
        found = net(
            folder, shapes + layer("DetectionOutput", "y", "l c p", settings=settings), **data
        ).forward()["y"]
        np.testing.assert_allclose(found[0, 0, :, 3:], wanted, atol=1e-6)


GRADIENTS = {
    "BN of SegNet": layer("BN", "y", "x", settings="bn_param { bn_mode: INFERENCE }"),
    "BN of SegNet, learning": layer("BN", "y", "x", settings="bn_param { bn_mode: LEARN }"),
    "BN of PSPNet": layer("BN", "n", "x", settings="bn_param { bn_mode: INFERENCE }") + layer("TanH", "y", "n"),
    "BatchNorm with scale": layer("BatchNorm", "y", "x", settings="batch_norm_param { scale_bias: true use_global_stats: false }"),
    "Interp": layer("Interp", "y", "x", settings="interp_param { zoom_factor: 2 pad_beg: -1 }"),
    "Interp, smaller": layer("Interp", "y", "x", settings="interp_param { height: 3 width: 4 }"),
    "Upsample": layer("Pooling", "p", "x", "p m", POOL.format(2, "")) + layer("Upsample", "y", "p m"),
    "Upsample, nearest": layer("Upsample", "y", "x"),
    "Axpy": layer("Pooling", "g", "x", settings="pooling_param { pool: AVE global_pooling: true }") + layer("Axpy", "y", "g x x"),
    "ShuffleChannel": layer("ShuffleChannel", "y", "x", settings="shuffle_channel_param { group: 2 }"),
    "L2Norm": layer("L2Norm", "y", "x"),
    "CReLU": layer("CReLU", "y", "x"),
    "ReLU6": layer("Power", "s", "x", settings="power_param { scale: 4 }") + layer("ReLU6", "y", "s"),
    "MVN": layer("MVN", "y", "x"),
}  # fmt: skip


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients_are_the_derivative(folder, name):
    x = np.random.RandomState(7).normal(size=(2, 6, 6, 8)).astype(np.float32)
    built = net(folder, inputs(x=x.shape) + GRADIENTS[name], x=x)
    built.forward()
    random, last = np.random.RandomState(8), len(built._nodes) - 1
    seed = random.normal(size=built.blobs["y"].shape)
    built.blobs["y"].diff[...] = seed
    built.backward()
    direction = random.normal(size=x.shape)
    wanted = difference_along(built, {"x": x.astype(float)}, [seed], {"x": direction}, last)
    assert float((built.blobs["x"].diff * direction).sum()) == pytest.approx(wanted, rel=2e-3, abs=2e-3)


def test_region_pooling_has_the_derivative(folder):
    x = np.random.RandomState(9).normal(size=(2, 3, 7, 9)).astype(np.float32)
    settings = "roi_pooling_param { pooled_h: 3 pooled_w: 2 spatial_scale: 0.125 }"
    text = inputs(x=x.shape, rois=(len(ROIS), 5)) + layer("ROIPooling", "y", "x rois", settings=settings)
    built = net(folder, text, x=x, rois=np.array(ROIS))
    seed = np.random.RandomState(10).normal(size=built.forward()["y"].shape)
    built.blobs["y"].diff[...] = seed
    built.backward()
    direction = np.random.RandomState(11).normal(size=x.shape)
    sides = [(region_maxima(x + sign * 1e-5 * direction, ROIS, 3, 2, 0.125) * seed).sum() for sign in (1, -1)]
    slope = (sides[0] - sides[1]) / 2e-5
    assert float((built.blobs["x"].diff * direction).sum()) == pytest.approx(slope, rel=1e-3)


@pytest.mark.parametrize("across", [False, True])
@pytest.mark.parametrize("value", [0.0, 0.1, 3.0])
def test_mvn_has_a_finite_gradient_on_an_even_channel(folder, across, value):
    x = np.random.RandomState(12).normal(size=(1, 2, 4, 5)).astype(np.float32)
    x[:, :1] = value
    x[:, 1:] = value if across else x[:, 1:]
    settings = f"mvn_param {{ eps: 0.01 across_channels: {str(across).lower()} }}"
    built, _ = made(folder, "MVN", settings, x)
    seed = np.random.RandomState(13).normal(size=x.shape).astype(np.float32)
    built.forward()
    built.blobs["y"].diff[...] = seed
    built.backward()
    gradient = built.blobs["x"].diff
    assert np.isfinite(gradient).all()
    even = seed if across else seed[:, :1]  # where the deviation is 0, y is (x - mean) / eps
    wanted = (even - even.mean((1, 2, 3), keepdims=True)) / 0.01
    np.testing.assert_allclose(gradient if across else gradient[:, :1], wanted, rtol=1e-3, atol=1e-3)


def test_layers_that_ristretto_quantized_are_caffes(folder):
    filler = "weight_filler { type: 'constant' value: 0.5 }"
    settings = (
        f"convolution_param {{ num_output: 2 kernel_size: 1 {filler} }} quantization_param {{ bw_params: 8 }}"
    )
    dense = f"inner_product_param {{ num_output: 3 {filler} }}"
    text = inputs(x=X.shape) + layer("ConvolutionRistretto", "c", "x", settings=settings) + layer("FcRistretto", "y", "c", settings=dense)  # fmt: skip
    assert [node.layer.type for node in net(folder, text)._nodes[-2:]] == ["Convolution", "InnerProduct"]
