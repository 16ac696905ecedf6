import numpy as np
import pytest
from google.protobuf import text_format
from scipy import ndimage

import batcountry.caffe as caffe


@pytest.fixture
def net(googlenet, tmp_path):
    """Set up as the deepdream notebook of 2015 does."""
    model = caffe.io.caffe_pb2.NetParameter()
    text_format.Merge((googlenet / "deploy.prototxt").read_text(), model)
    model.force_backward = True
    (tmp_path / "tmp.prototxt").write_text(str(model))
    return caffe.Classifier(
        str(tmp_path / "tmp.prototxt"), str(googlenet / "bvlc_googlenet.caffemodel"),
        mean=np.float32([104.0, 117.0, 123.0]), channel_swap=(2, 1, 0),
    )  # fmt: skip


def test_a_notebook_of_2015_dreams(net, photo):
    image = ndimage.zoom(np.float32(photo), (2, 2, 1), order=1)
    src, dst = net.blobs["data"], net.blobs["inception_3b/output"]
    src.reshape(1, 3, *image.shape[:2])
    src.data[0] = np.float32(np.rollaxis(image, 2)[::-1]) - net.transformer.mean["data"]
    norms = []
    for _ in range(3):
        net.forward(end="inception_3b/output")
        norms.append(float(np.linalg.norm(dst.data)))
        dst.diff[:] = dst.data
        net.backward(start="inception_3b/output")
        g = src.diff[0]
        src.data[:] += 1.5 / np.abs(g).mean() * g
    assert norms[0] < norms[1] < norms[2]


def test_a_cat_is_a_cat(net, caffe_numbers):
    stored = np.load(caffe_numbers / "classify.npz")
    found = net.predict([np.float32(stored["image_u8"])], oversample=False)
    np.testing.assert_allclose(found[0], stored["prob"], atol=1e-4)
    crops = net.predict([np.float32(stored["image_u8"])])
    assert crops.shape == (1, 1000) and int(crops[0].argmax()) in stored["top5"]
