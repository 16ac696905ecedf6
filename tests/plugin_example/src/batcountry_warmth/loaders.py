"""A loader of a kind of model."""

import torch
from torch import nn

from batcountry.models import Model, Request, open_model


def open_blurred(request: Request) -> Model | None:
    """Open `blur:SIDE`, a network of one layer that blurs."""
    if not request.text.startswith("blur:"):
        return None
    side = int(request.text.removeprefix("blur:"))
    convolution = nn.Conv2d(3, 4, side, padding=side // 2, bias=False)
    with torch.no_grad():
        convolution.weight.fill_(1 / side**2)
    return open_model(nn.Sequential(convolution))
