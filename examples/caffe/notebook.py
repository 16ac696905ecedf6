"""The deepdream notebook of July 2015, as a script: only the import of Caffe is changed.

    python examples/caffe/notebook.py MODEL_FOLDER PHOTO OUT.png [--frames 3]

Dreams on the photo, then zooms into the dream. The folder holds `deploy.prototxt` and
`bvlc_googlenet.caffemodel`, or another net and its weights with --end naming a layer.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import scipy.ndimage as nd
from google.protobuf import text_format
from PIL import Image

import batcountry.caffe as caffe


def open_net(folder, weights):
    model = caffe.io.caffe_pb2.NetParameter()
    text_format.Merge((folder / "deploy.prototxt").read_text(), model)
    model.force_backward = True
    with tempfile.TemporaryDirectory() as temporary:
        patched = Path(temporary, "tmp.prototxt")
        patched.write_text(str(model))
        return caffe.Classifier(
            str(patched),
            str(weights),
            mean=np.float32([104.0, 116.0, 122.0]),  # ImageNet mean, training set dependent
            channel_swap=(2, 1, 0),  # the reference model has channels in BGR order instead of RGB
        )


def preprocess(net, img):
    return np.float32(np.rollaxis(img, 2)[::-1]) - net.transformer.mean["data"]


def deprocess(net, img):
    return np.dstack((img + net.transformer.mean["data"])[::-1])


def objective_l2(dst):
    dst.diff[:] = dst.data


def make_step(net, step_size=1.5, end="inception_4c/output", jitter=32, clip=True, objective=objective_l2):
    src = net.blobs["data"]  # input image is stored in Net's 'data' blob
    dst = net.blobs[end]
    ox, oy = np.random.randint(-jitter, jitter + 1, 2)
    src.data[0] = np.roll(np.roll(src.data[0], ox, -1), oy, -2)  # apply jitter shift
    net.forward(end=end)
    objective(dst)  # specify the optimization objective
    net.backward(start=end)
    g = src.diff[0]
    # apply normalized ascent step to the input image
    src.data[:] += step_size / np.abs(g).mean() * g
    src.data[0] = np.roll(np.roll(src.data[0], -ox, -1), -oy, -2)  # unshift image
    if clip:
        bias = net.transformer.mean["data"]
        src.data[:] = np.clip(src.data, -bias, 255 - bias)


def deepdream(
    net, base_img, iter_n=10, octave_n=4, octave_scale=1.4, end="inception_4c/output", **step_params
):
    # prepare base images for all octaves
    octaves = [preprocess(net, base_img)]
    for _ in range(octave_n - 1):
        octaves.append(nd.zoom(octaves[-1], (1, 1.0 / octave_scale, 1.0 / octave_scale), order=1))
    src = net.blobs["data"]
    detail = np.zeros_like(octaves[-1])  # allocate image for network-produced details
    for octave, octave_base in enumerate(octaves[::-1]):
        h, w = octave_base.shape[-2:]
        if octave > 0:
            # upscale details from the previous octave
            h1, w1 = detail.shape[-2:]
            detail = nd.zoom(detail, (1, 1.0 * h / h1, 1.0 * w / w1), order=1)
        src.reshape(1, 3, h, w)  # resize the network's input image size
        src.data[0] = octave_base + detail
        for _ in range(iter_n):
            make_step(net, end=end, **step_params)
        # extract details produced on the current octave
        detail = src.data[0] - octave_base
    return deprocess(net, src.data[0])


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("photo", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--weights", default="bvlc_googlenet.caffemodel")
    parser.add_argument("--end", default="inception_4c/output")
    parser.add_argument("--iterations", type=int, default=10)
    parser.add_argument("--octaves", type=int, default=4)
    parser.add_argument("--frames", type=int, default=0, help="frames of zoom after the first picture")
    options = parser.parse_args()
    net = open_net(options.folder, options.folder / options.weights)
    frame = np.float32(Image.open(options.photo).convert("RGB"))
    h, w = frame.shape[:2]
    s = 0.05  # scale coefficient
    for i in range(options.frames + 1):
        frame = deepdream(net, frame, end=options.end, iter_n=options.iterations, octave_n=options.octaves)
        name = options.out.with_stem(f"{options.out.stem}-{i:04d}") if i else options.out
        Image.fromarray(np.uint8(np.clip(frame, 0, 255))).save(name)
        print(name)
        frame = nd.affine_transform(frame, [1 - s, 1 - s, 1], [h * s / 2, w * s / 2, 0], order=1)


if __name__ == "__main__":
    main()
