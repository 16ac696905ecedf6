"""Fields of `Recipe`: the network, and what it takes."""

from __future__ import annotations

from typing import Annotated

from batcountry.recipe.fields import NETWORK
from batcountry.recipe.validation import Options

DEFAULT_MODEL = "efficientnet-lite0"
"""The network that comes with the package."""


class NetworkOptions(Options):
    """The network: which, and what it takes."""

    model: Annotated[
        str,
        NETWORK(
            "A known model's name, a Caffe folder, a .onnx, .pt2 or TorchScript file, "
            "timm:NAME, torchvision:NAME, or package.module:function.",
            level="everyday",
            see="bat-country models",
            examples=[DEFAULT_MODEL, "bvlc_googlenet", "timm:resnet50", "torchvision:vgg16", "net.onnx"],
            title="Network",
        ),
    ] = DEFAULT_MODEL
    weights: Annotated[
        str | None,
        NETWORK("File of weights for the model: safetensors, a state dict, or a .caffemodel.", path=True),
    ] = None
    mean: Annotated[
        str | None,
        NETWORK(
            "What the network takes off each channel, such as 0.485,0.456,0.406; or a Caffe mean file.",
            title="Mean to take off",
            examples=["0.485,0.456,0.406", "104,117,123", "mean.binaryproto"],
        ),
    ] = None
    std: Annotated[
        str | None,
        NETWORK(
            "What the network divides each channel by after that, such as 0.229,0.224,0.225.",
            title="Deviation to divide by",
            examples=["0.229,0.224,0.225"],
        ),
    ] = None
    channels: Annotated[
        str | None,
        NETWORK(
            "What the network takes: rgb, bgr, gray, rgba, or a number of channels; or which of a Caffe net's inputs.",
            suggestions=("rgb", "bgr", "gray", "rgba"),
        ),
    ] = None
