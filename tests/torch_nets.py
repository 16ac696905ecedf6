"""Networks of the kinds that users have, small enough to be made and run on the spot."""

import torch
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    """A residual block as torchvision writes it: one ReLU called twice, in place, and a sum in place."""

    def __init__(self, inside, outside, stride, inplace):
        super().__init__()
        self.conv1 = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outside)
        self.relu = nn.ReLU(inplace=inplace)
        self.conv2 = nn.Conv2d(outside, outside, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outside)
        self.downsample = nn.Sequential(
            nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside)
        )
        self.inplace = inplace

    def forward(self, x):
        identity = self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        if self.inplace:
            out += identity
        else:
            out = out + identity
        return self.relu(out)


class ResidualNet(nn.Module):
    """Stride 8 in all, 7 classes."""

    def __init__(self, inplace=True, channels=3):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 16, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.relu = nn.ReLU(inplace=inplace)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = nn.Sequential(Block(16, 16, 1, inplace), Block(16, 16, 1, inplace))
        self.layer2 = nn.Sequential(Block(16, 24, 2, inplace))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(24, 7)

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer2(self.layer1(x))
        return self.fc(torch.flatten(self.avgpool(x), 1))


class Functional(nn.Module):
    """ReLUs as functions, in place on what a layer gave."""

    def __init__(self, inplace=True):
        super().__init__()
        self.one = nn.Conv2d(3, 8, 3, 2, 1)
        self.two = nn.Conv2d(8, 16, 3, 1, 1)
        self.inplace = inplace

    def forward(self, x):
        x = self.one(x)
        x = F.relu_(x) if self.inplace else F.relu(x)
        x = self.two(x)
        return x.mul_(2) if self.inplace else x * 2


class Attention(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = nn.MultiheadAttention(width, 2, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x):
        y = self.norm1(x)
        x = x + self.attn(y, y, y, need_weights=False)[0]
        return x + self.mlp(self.norm2(x))


class SmallVit(nn.Module):
    """Patches of 8 pixels, a class token and registers before them; `fixed` to 48×48 pixels, or of any size in patches."""

    def __init__(self, registers=0, fixed=True, width=16):
        super().__init__()
        self.patch_embed = nn.Conv2d(3, width, 8, 8)
        self.tokens = nn.Parameter(torch.randn(1, 1 + registers, width))
        self.position = nn.Parameter(torch.randn(1, 36, width)) if fixed else None
        self.blocks = nn.Sequential(*(Attention(width) for _ in range(3)))
        self.head = nn.Linear(width, 5)

    def forward(self, x):
        x = self.patch_embed(x)
        assert x.shape[2] > 0 and x.shape[3] > 0, "too small"
        x = x.flatten(2).transpose(1, 2)
        if self.position is not None:
            x = x + self.position
        x = torch.cat([self.tokens.expand(len(x), -1, -1), x], 1)
        return self.head(self.blocks(x)[:, 0])


def seeded(make, *args, **options):
    """Make a network from a seed, with batch norm that does something, in evaluation mode."""
    torch.manual_seed(5)
    net = make(*args, **options).eval()
    for part in net.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.running_mean, -0.5, 0.5)
            nn.init.uniform_(part.weight, 0.5, 1.5)
    return net


def hooks(module):
    """Count all hooks of a module and its parts."""
    return sum(len(part._forward_hooks) + len(part._forward_pre_hooks) for part in module.modules())
