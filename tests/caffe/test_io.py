import numpy as np
import pytest
from google.protobuf import text_format

import batcountry.caffe as caffe
from batcountry.caffe.proto import caffe_pb2
from conftest import REFERENCE

CASE = REFERENCE / "layers" / "mini_inception"


def test_deprocessing_undoes_preprocessing(photo):
    transformer = caffe.io.Transformer({"data": (1, 3, 37, 53)})
    transformer.set_transpose("data", (2, 0, 1))
    transformer.set_channel_swap("data", (2, 1, 0))
    transformer.set_raw_scale("data", 255)
    transformer.set_mean("data", np.array([104, 117, 123]))
    transformer.set_input_scale("data", 0.017)
    values = transformer.preprocess("data", photo / 255)
    np.testing.assert_allclose(values[0], (photo[..., 2] - 104.0) * 0.017, atol=1e-4)
    np.testing.assert_allclose(transformer.deprocess("data", values), photo / 255, atol=1e-5)


@pytest.mark.parametrize(
    "call", [("set_mean", np.zeros(2)), ("set_transpose", (1, 0)), ("set_channel_swap", (1, 0))]
)
def test_settings_that_do_not_fit_the_input_are_refused(call):
    transformer = caffe.io.Transformer({"data": (1, 3, 37, 53)})
    with pytest.raises(ValueError):
        getattr(transformer, call[0])("data", call[1])
    with pytest.raises(ValueError, match="not one of the net inputs"):
        getattr(transformer, call[0])("dat", call[1])


def test_arrays_survive_a_blobproto():
    array = np.random.RandomState(0).normal(size=(2, 3, 5)).astype(np.float32)
    blob = caffe_pb2.BlobProto.FromString(caffe.io.array_to_blobproto(array, array * 2).SerializeToString())
    assert np.array_equal(caffe.io.blobproto_to_array(blob), array)
    assert np.array_equal(caffe.io.blobproto_to_array(blob, return_diff=True), array * 2)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("data: 123", 123.0),
        ("shape { } data: 123", 123.0),
        ("shape { dim: 3 } double_data: 1 double_data: 2 double_data: 3", [1.0, 2.0, 3.0]),
        ("shape { dim: 2 dim: 1 } data: 1 data: 2", [[1.0], [2.0]]),
        ("num: 1 channels: 1 height: 2 width: 1 data: 1 data: 2", [[[[1.0], [2.0]]]]),
        ("num: 1 channels: 1 height: 1 width: 1 data: 5", [[[[5.0]]]]),
    ],
)
def test_a_blobproto_has_a_shape_or_four_numbers_or_is_a_scalar(text, expected):
    array = caffe.io.blobproto_to_array(text_format.Parse(text, caffe_pb2.BlobProto()))
    assert array.tolist() == expected
    assert caffe.io.array_to_blobproto(np.float32(array)).data == list(np.ravel(expected))


def test_a_scalar_survives_a_blobproto_and_many_numbers_without_a_shape_do_not():
    blob = caffe.io.array_to_blobproto(np.float32(7), np.float32(9))
    assert caffe.io.blobproto_to_array(blob) == 7 and caffe.io.blobproto_to_array(blob, True) == 9
    with pytest.raises(ValueError, match="reshape"):
        caffe.io.blobproto_to_array(caffe_pb2.BlobProto(data=[1.0] * 6))


def test_ten_crops_are_corners_middle_and_their_mirrors(photo):
    crops = caffe.io.oversample([photo], (11, 13))
    assert crops.shape == (10, 11, 13, 3)
    assert np.array_equal(crops[0], photo[:11, :13]) and np.array_equal(crops[3], photo[-11:, -13:])
    assert np.array_equal(crops[5:], crops[:5, :, ::-1])


def test_a_net_is_edited_as_a_message_and_run(tmp_path):
    net = caffe_pb2.NetParameter()
    text_format.Parse((CASE / "net.prototxt").read_text(), net)
    net.layer[0].input_param.shape[0].dim[0] = 2
    (tmp_path / "net.prototxt").write_text(text_format.MessageToString(net))
    assert caffe.Net(tmp_path / "net.prototxt", CASE / "net.caffemodel", caffe.TEST).blobs["data"].num == 2


def test_saved_weights_are_read_back(tmp_path):
    net = caffe.Net(CASE / "net.prototxt", CASE / "net.caffemodel", caffe.TEST)
    net.save(tmp_path / "saved.caffemodel")
    other = caffe.Net(CASE / "net.prototxt", caffe.TEST)
    other.copy_from(tmp_path / "saved.caffemodel")
    for name, blobs in net.params.items():
        for mine, theirs in zip(blobs, other.params[name], strict=True):
            assert np.array_equal(mine.data, theirs.data)


def test_names_of_layers_and_blobs_are_listed_in_order():
    net = caffe.Net(CASE / "net.prototxt", CASE / "net.caffemodel", caffe.TEST)
    assert net._blob_names == list(net.blobs)
    assert list(net.bottom_names) == list(net.top_names) == net._layer_names
