"""Caffe's own example of classification: `caffe.Classifier`, and the same with `Transformer` and `Net`.

    python examples/caffe/classify.py MODEL_FOLDER PHOTO

Prints the five likeliest classes by number and probability, averaged over ten crops, and then of the middle.
"""

import argparse
from pathlib import Path

import numpy as np

import batcountry.caffe as caffe

MEAN = np.array([104.0, 117.0, 123.0])


def with_classifier(prototxt, weights, image, resized):
    net = caffe.Classifier(
        prototxt, weights, image_dims=resized, mean=MEAN, raw_scale=255, channel_swap=(2, 1, 0)
    )
    return net.predict([image], oversample=True)[0]


def with_transformer(prototxt, weights, image):
    net = caffe.Net(prototxt, caffe.TEST, weights=weights)
    transformer = caffe.io.Transformer({"data": net.blobs["data"].data.shape})
    transformer.set_transpose("data", (2, 0, 1))
    transformer.set_mean("data", MEAN)
    transformer.set_raw_scale("data", 255)
    transformer.set_channel_swap("data", (2, 1, 0))
    net.blobs["data"].reshape(1, *net.blobs["data"].data.shape[1:])
    net.blobs["data"].data[...] = transformer.preprocess("data", image)
    return net.forward()[net.outputs[0]][0]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("photo")
    parser.add_argument("--weights", default="bvlc_googlenet.caffemodel")
    parser.add_argument("--resized", type=int, default=256)
    options = parser.parse_args()
    files = str(options.folder / "deploy.prototxt"), str(options.folder / options.weights)
    image = caffe.io.load_image(options.photo)
    for title, found in (
        ("ten crops", with_classifier(*files, image, (options.resized, options.resized))),
        ("the whole", with_transformer(*files, image)),
    ):
        probabilities = found.ravel()
        best = probabilities.argsort()[::-1][:5]
        print(title, *(f"{index}: {probabilities[index]:.4f}" for index in best))


if __name__ == "__main__":
    main()
