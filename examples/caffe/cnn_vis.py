"""How cnn-vis drove Caffe: a prototxt of its own, batches, and a gradient that starts at a middle layer.

    python examples/caffe/cnn_vis.py MODEL_FOLDER OUT.png --layer inception_3a/3x3

Makes a batch of pictures from blurred noise by RMSProp on `l1 * |a| + l2 * clip(a, -g, g)` at a layer.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from google.protobuf import text_format
from PIL import Image
from scipy.ndimage import gaussian_filter

import batcountry.caffe as caffe
from batcountry.caffe.proto import caffe_pb2

MEAN = np.float32([104.0, 116.0, 122.0]).reshape(1, 3, 1, 1)


def open_net(prototxt, weights, batch_size, size):
    """Write a prototxt with another batch and picture size that forces a backward pass, and open that."""
    definition = caffe_pb2.NetParameter()
    text_format.Merge(prototxt.read_text(), definition)
    shape = batch_size, 3, size, size
    if definition.input_dim:
        definition.input_dim[:4] = shape
    elif definition.input_shape:
        definition.input_shape[0].dim[:] = shape
    else:
        next(each for each in definition.layer if each.type == "Input").input_param.shape[0].dim[:] = shape
    definition.force_backward = True
    with tempfile.NamedTemporaryFile("w", suffix=".prototxt") as temporary:
        temporary.write(text_format.MessageToString(definition))
        temporary.flush()
        return caffe.Net(temporary.name, str(weights), caffe.TEST)


def amplify(activations, l1=1.0, l2=1.0, clip=5.0):
    """Return the gradient of cnn-vis's amplify_layer, for a minimizer."""
    return -l1 * np.abs(activations) - l2 * np.clip(activations, -clip, clip)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--weights", default="bvlc_googlenet.caffemodel")
    parser.add_argument("--layer", default="inception_3a/3x3")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--learning-rate", type=float, default=4.0)
    options = parser.parse_args()
    caffe.set_mode_cpu()
    net = open_net(
        options.folder / "deploy.prototxt", options.folder / options.weights, options.batch, options.size
    )
    blob = net.top_names[options.layer][0]
    np.random.seed(0)
    image = np.random.uniform(-128, 128, net.blobs["data"].shape).astype(np.float32)
    image = 4 * gaussian_filter(image, (0, 0, 3, 3))
    cache = np.zeros_like(image)
    for step in range(options.steps):
        net.forward(data=image, end=options.layer)
        activations = net.blobs[blob].data
        net.blobs[blob].diff[:] = amplify(activations)
        grads = net.backward(start=options.layer)["data"] + 1e-3 * image
        cache = 0.95 * cache + 0.05 * grads**2
        image -= options.learning_rate * grads / (np.sqrt(cache) + 1e-8)
        print(f"step {step + 1}: mean activation {np.abs(activations).mean():.4f}")
    pictures = np.clip(image + MEAN, 0, 255)[:, ::-1].transpose(0, 2, 3, 1)
    Image.fromarray(np.uint8(np.concatenate(list(pictures), 1))).save(options.out)
    print(options.out)


if __name__ == "__main__":
    main()
