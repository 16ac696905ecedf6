"""Gradients of transforms on a card, the same each time and those of the processor."""

import numpy as np
import pytest
import torch

from batcountry.backend.determinism import same_each_time
from batcountry.backend.float32 import full_float32
from batcountry.optim.transforms import parse

pytestmark = pytest.mark.cuda


@pytest.mark.parametrize(
    "text", ["rotate(20)", "scale(0.8, 1.2)", "blur(1, 3)", 'pad(40, "edge")', 'pad(40, "reflect")']
)
def test_a_transform_s_gradient_is_the_same_each_time_and_the_processors(text):
    (transform,) = parse(text)
    pictures = torch.rand(2, 3, 301, 402, generator=torch.Generator().manual_seed(1)) * 255

    def gradient(device, *, ahead):
        leaf, rng = pictures.to(device, copy=True).requires_grad_(), np.random.RandomState(4)
        drawn = transform.draw(rng, (301, 402)).to(device) if ahead else None
        with full_float32(), same_each_time(leaf.device):  # as a step does
            seen = transform(leaf, rng) if drawn is None else transform.apply(leaf, drawn)
            toward = torch.rand(seen.shape, generator=torch.Generator().manual_seed(2)).to(device)
            return torch.autograd.grad(seen, leaf, toward)[0].cpu()

    for ahead in (False, True):
        usual = gradient("cpu", ahead=ahead)
        first, *others = (gradient("cuda", ahead=ahead) for _ in range(4))
        assert all(torch.equal(first, other) for other in others)
        # Places are worked out anew there; between two pixels they may be off by a last digit.
        assert float((first - usual).norm() / usual.norm()) < 1e-3
