"""The dream as most people would write it in PyTorch, to measure against.

Networks in rows (NCHW), out of place, with PyTorch's own function for every layer; NumPy and SciPy
between the steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor, nn
from torch.nn import functional as F

from batcountry.caffe import TEST
from batcountry.caffe.formats.prototxt import read_net
from batcountry.caffe.formats.weights import read_weights


class PlainGoogLeNet:
    """GoogLeNet up to a layer, its weights as tensors that need no gradient."""

    mean = np.float32([104, 116, 122]).reshape(3, 1, 1)
    order = slice(None, None, -1)  # blue, green, red

    def __init__(self, folder: Path, end: str) -> None:
        self.end = end
        self.layers = read_net(folder / "deploy.prototxt", phase=TEST).layer
        blobs = read_weights(folder / "bvlc_googlenet.caffemodel")
        self.weights = {
            name: [torch.from_numpy(a) for a in arrays] for name, arrays in blobs.items() if arrays
        }

    def __call__(self, x: Tensor) -> Tensor:
        blobs = {"data": x}
        for layer in self.layers[1:]:
            bottoms = [blobs[name] for name in layer.bottom]
            blobs[layer.top[0]] = self.run(layer, bottoms)
            if layer.name == self.end:
                break
        return blobs[self.end]

    def run(self, layer, bottoms: list[Tensor]) -> Tensor:
        x = bottoms[0]
        if layer.type == "Convolution":
            p = layer.convolution_param
            stride, pad = (p.stride or [1])[0], (p.pad or [0])[0]
            return F.conv2d(x, *self.weights[layer.name], stride=stride, padding=pad)
        if layer.type == "ReLU":
            return F.relu(x)
        if layer.type == "Pooling":
            p = layer.pooling_param
            return F.max_pool2d(x, p.kernel_size, p.stride, p.pad, ceil_mode=True)
        if layer.type == "LRN":
            p = layer.lrn_param
            return F.local_response_norm(x, p.local_size, p.alpha, p.beta, p.k)
        return torch.cat(bottoms, 1)


class PlainBlock(nn.Module):
    """An inverted residual of EfficientNet-Lite, with batch norm as it was trained."""

    def __init__(self, inside: int, outside: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inside * expansion
        if expansion > 1:
            self._expand_conv, self._bn0 = nn.Conv2d(inside, wide, 1, bias=False), _norm(wide)
        self._depthwise_conv = nn.Conv2d(wide, wide, kernel, stride, groups=wide, bias=False)
        self._bn1 = _norm(wide)
        self._project_conv, self._bn2 = nn.Conv2d(wide, outside, 1, bias=False), _norm(outside)
        self.expands, self.shortcut = expansion > 1, stride == 1 and inside == outside

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = F.relu6(self._bn1(self._depthwise_conv(_padded(y, self._depthwise_conv))))
        y = self._bn2(self._project_conv(y))
        return x + y if self.shortcut else y


class PlainEfficientNet(nn.Module):
    """EfficientNet-Lite0 up to `blocks.10`."""

    mean, order = np.float32(127), slice(None)

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        super().__init__()
        self._conv_stem, self._bn0 = nn.Conv2d(3, 32, 3, 2, bias=False), _norm(32)
        stages = (
            (1, 3, 1, 1, 16),
            (2, 3, 2, 6, 24),
            (2, 5, 2, 6, 40),
            (3, 3, 2, 6, 80),
            (3, 5, 1, 6, 112),
        )
        blocks, inside = [], 32
        for repeats, kernel, stride, expansion, outside in stages:
            for repeat in range(repeats):
                blocks.append(PlainBlock(inside, outside, kernel, 1 if repeat else stride, expansion))
                inside = outside
        self._blocks = nn.ModuleList(blocks)
        missing = self.load_state_dict(weights, strict=False).missing_keys
        if missing:
            raise SystemExit(f"error: the weights lack {missing}")
        self.eval().requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu6(self._bn0(self._conv_stem(_padded(x / 128, self._conv_stem))))
        for block in self._blocks:
            x = block(x)
        return x


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3)


def _padded(x: Tensor, convolution: nn.Conv2d) -> Tensor:
    """Pad as TensorFlow does on pictures of even size."""
    kernel, stride = convolution.kernel_size[0], convolution.stride[0]
    before = kernel // 2 - (stride == 2)
    return F.pad(x, (before, kernel // 2, before, kernel // 2))


def plain_dream(net, image: np.ndarray) -> np.ndarray:
    """Dream the default dream: 4 octaves of 10 steps."""
    base = np.float32(image)[:, :, net.order].transpose(2, 0, 1) - net.mean
    octaves = [base]
    for _ in range(3):
        octaves.append(ndimage.zoom(octaves[-1], (1, 1 / 1.4, 1 / 1.4), order=1))
    detail = np.zeros_like(octaves[-1])
    for octave_base in octaves[::-1]:
        height, width = octave_base.shape[1:]
        detail = ndimage.zoom(detail, (1, height / detail.shape[1], width / detail.shape[2]), order=1)
        picture = octave_base + detail
        for _ in range(10):
            ox, oy = np.random.randint(-32, 33, 2)
            x = torch.from_numpy(np.roll(picture, (oy, ox), (1, 2))[None].copy()).requires_grad_()
            out = net(x)
            out.backward(out.detach())
            gradient = np.roll(x.grad[0].numpy(), (-oy, -ox), (1, 2))
            picture = picture + 1.5 / np.abs(gradient).mean() * gradient
            picture = np.clip(picture, -net.mean, 255 - net.mean)
        detail = picture - octave_base
    return (picture + net.mean)[net.order].transpose(1, 2, 0)


def plain_dream_on(net, image: np.ndarray, device: str, steps: int = 10, octaves: int = 4) -> np.ndarray:
    """Dream as `plain_dream` does with all of it on a device, as most people would move it there.

    `on_device` moves the network.
    """
    turned = np.ascontiguousarray(np.float32(image)[:, :, net.order].transpose(2, 0, 1))
    mean = torch.as_tensor(net.mean, device=device)
    levels = [torch.from_numpy(turned).to(device)[None] - mean]
    for _ in range(octaves - 1):
        levels.append(F.interpolate(levels[-1], scale_factor=1 / 1.4, mode="bilinear"))
    detail = torch.zeros_like(levels[-1])
    for base in levels[::-1]:
        detail = F.interpolate(detail, base.shape[-2:], mode="bilinear")
        picture = base + detail
        for _ in range(steps):
            ox, oy = (int(each) for each in np.random.randint(-32, 33, 2))
            x = torch.roll(picture, (oy, ox), (2, 3)).requires_grad_()
            out = net(x)
            out.backward(out.detach())
            gradient = torch.roll(x.grad, (-oy, -ox), (2, 3))
            picture = picture.detach() + 1.5 / gradient.abs().mean() * gradient
            picture = torch.minimum(torch.maximum(picture, -mean), 255 - mean)
        detail = picture - base
    return (picture + mean)[0].permute(1, 2, 0).cpu().numpy()[:, :, net.order]


def on_device(net, device: str):
    """Move a plain network to a device, and return it."""
    if isinstance(net, nn.Module):
        return net.to(device)
    net.weights = {name: [each.to(device) for each in arrays] for name, arrays in net.weights.items()}
    return net
