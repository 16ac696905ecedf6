"""`caffe.Classifier`: a net with its transformer set up, which the deepdream notebook of 2015 dreams with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batcountry.caffe.io import Array, Transformer, oversample, resize_image
from batcountry.caffe.net import Net
from batcountry.caffe.proto.caffe_pb2 import TEST


class Classifier(Net):
    """A net that classifies pictures.

    Parameters
    ----------
    model_file, pretrained_file
        Paths of the prototxt and the `.caffemodel`.
    image_dims
        (height, width) to resize pictures to; the input's own by default.
    mean, input_scale, raw_scale, channel_swap
        For the `transformer`; see `caffe.io.Transformer`.
    """

    def __init__(
        self,
        model_file: str | Path,
        pretrained_file: str | Path,
        image_dims: Sequence[int] | None = None,
        mean: NDArray[Any] | None = None,
        input_scale: float | None = None,
        raw_scale: float | None = None,
        channel_swap: Sequence[int] | None = None,
    ) -> None:
        super().__init__(model_file, pretrained_file, TEST)
        name = self.inputs[0]
        self.transformer = Transformer({name: self.blobs[name].shape})
        self.transformer.set_transpose(name, (2, 0, 1))
        if mean is not None:
            self.transformer.set_mean(name, mean)
        if input_scale is not None:
            self.transformer.set_input_scale(name, input_scale)
        if raw_scale is not None:
            self.transformer.set_raw_scale(name, raw_scale)
        if channel_swap is not None:
            self.transformer.set_channel_swap(name, channel_swap)
        height, width = self.blobs[name].shape[2:]
        self.crop_dims = height, width
        self.image_dims = self.crop_dims if image_dims is None else (int(image_dims[0]), int(image_dims[1]))

    def predict(self, inputs: Sequence[NDArray[Any]], oversample: bool = True) -> Array:
        """Return the class probabilities of pictures, (N, classes).

        Parameters
        ----------
        inputs
            H×W×C pictures in the range that `raw_scale` expects.
        oversample
            Average over ten crops instead of taking the middle one.
        """
        resized = [resize_image(each, self.image_dims) for each in inputs]
        crops = _ten_crops(resized, self.crop_dims) if oversample else _middle(resized, self.crop_dims)
        name = self.inputs[0]
        data = np.stack([self.transformer.preprocess(name, each) for each in crops])
        self.blobs[name].reshape(*data.shape)
        self.blobs[name].data[...] = data
        found = self.forward()[self.outputs[0]].copy()
        return found.reshape(len(resized), -1, *found.shape[1:]).mean(1) if oversample else found


def _ten_crops(pictures: Sequence[Array], size: tuple[int, int]) -> Array:
    return oversample(pictures, size)


def _middle(pictures: Sequence[Array], size: tuple[int, int]) -> list[Array]:
    found = []
    for picture in pictures:
        down, right = (picture.shape[0] - size[0]) // 2, (picture.shape[1] - size[1]) // 2
        found.append(picture[down : down + size[0], right : right + size[1]])
    return found
