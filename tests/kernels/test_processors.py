"""Loops on processors that have less than this one: Numba is told to compile for them, in a process of its own."""

import os
import subprocess
import sys

import pytest

pytest.importorskip("numba")

SCRIPT = """
import torch
from torch.nn import functional as F
from batcountry.kernels import winograd
from batcountry.kernels.depthwise import Depthwise
from batcountry.kernels.filters import Filter
from batcountry.kernels.lrn import _Lrn, lrn
from batcountry.kernels.pool import Windows, max_pool

last = lambda x: x.contiguous(memory_format=torch.channels_last)
torch.manual_seed(0)
assert not winograd.multiplies(torch.bfloat16)
for dtype in torch.float32, torch.bfloat16:
    close = {"rtol": 1e-2, "atol": 1e-2} if dtype == torch.bfloat16 else {"rtol": 1e-4, "atol": 1e-4}
    x = last(torch.randn(1, 16, 11, 9).to(dtype)).requires_grad_()
    found = lrn(x, 5, 1.0, 0.75, 1.0)
    wanted = _Lrn.apply(x.double(), 5, 0.2, 0.75, 1.0)
    torch.testing.assert_close(found.double(), wanted, **close)
    slope = torch.ones_like(found)
    (mine,), (right,) = (torch.autograd.grad(y, x, slope.to(y.dtype)) for y in (found, wanted))
    torch.testing.assert_close(mine, right, **close)
    pooled = max_pool(x, Windows((3, 3), (2, 2), (0, 0), True))
    torch.testing.assert_close(pooled, F.max_pool2d(x, 3, 2, ceil_mode=True))
    torch.autograd.grad(pooled.sum(), x)
    depthwise = Depthwise(torch.ones(16, 1, 3, 3).to(dtype), None, 2, (1, 1), 16, None, (1, 1))
    right = F.conv2d(x.double(), torch.ones(16, 1, 3, 3).double(), None, 2, 1, 1, 16)
    torch.testing.assert_close(depthwise.forward(x.detach()).double(), right, **close)
    weight = last(torch.randn(16, 16, 3, 3).to(dtype) / 12)
    right = F.conv2d(x.double(), weight.double(), padding=1)
    if dtype == torch.float32:
        found = Filter(weight, None, 1, (1, 1), limit=None).forward(x.detach())
        torch.testing.assert_close(found.double(), right, **close)
print("all right")
"""


@pytest.mark.parametrize(
    ("processor", "features"),
    [
        ("haswell", "+avx2,+fma"),
        ("skylake-avx512", "+avx512f,+avx512bw,+avx512dq,+avx512vl"),
        ("generic", ""),
    ],
)
def test_loops_compile_for_processors_without_bfloat16(processor, features, tmp_path):
    env = {
        **os.environ,
        "NUMBA_CPU_NAME": processor,
        "NUMBA_CPU_FEATURES": features,
        "NUMBA_CACHE_DIR": str(tmp_path),
    }
    run = subprocess.run([sys.executable, "-c", SCRIPT], env=env, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == "all right"
