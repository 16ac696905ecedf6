"""Loops on processors that have less than this one: Numba compiles them for each, and they run where this one has as much."""

import os
import platform
import subprocess
import sys

import pytest

pytest.importorskip("numba")

from llvmlite import binding

# What LLVM may use on each; a processor that has all of it runs the code.
AVX2 = "avx avx2 bmi bmi2 f16c fma lzcnt movbe popcnt sse4.2"
PROCESSORS = {
    "generic": "",
    "haswell": AVX2,
    "skylake-avx512": f"{AVX2} adx aes avx512bw avx512cd avx512dq avx512f avx512vl clflushopt clwb pclmul rdseed",
}

COMPILE = """
import pkgutil, sys, torch
from batcountry.backend.kernels import loops, winograd
from batcountry.backend.kernels.loops.threads import Loop

assert not winograd.multiplies(torch.bfloat16)
assert winograd.multiplies(torch.float32) == ("avx2" in sys.argv[1])
for module in pkgutil.iter_modules(loops.__path__, loops.__name__ + "."):
    for value in vars(__import__(module.name, fromlist="x")).values():
        for loop in value.values() if isinstance(value, dict) and not module.name.endswith("winograd") else ():
            if isinstance(loop, Loop):
                loop.compile()
print("compiled", Loop.compiled)
"""

RUN = """
from torch.nn import functional as F
from batcountry.backend.kernels.depthwise import Depthwise
from batcountry.backend.kernels.onednn_conv import Filter
from batcountry.backend.kernels.lrn import _Lrn, lrn
from batcountry.backend.kernels.pool import Windows, max_pool

last = lambda x: x.contiguous(memory_format=torch.channels_last)
torch.manual_seed(0)
for dtype in torch.float32, torch.bfloat16:
    close = {"rtol": 1e-2, "atol": 1e-2} if dtype == torch.bfloat16 else {"rtol": 1e-4, "atol": 1e-4}
    x = last(torch.randn(1, 16, 11, 9).to(dtype)).requires_grad_()
    normalized = lrn(x, 5, 1.0, 0.75, 1.0)
    exact = _Lrn.apply(x.double(), 5, 0.2, 0.75, 1.0)
    torch.testing.assert_close(normalized.double(), exact, **close)
    slope = torch.ones_like(normalized)
    (gradient,), (right,) = (torch.autograd.grad(y, x, slope.to(y.dtype)) for y in (normalized, exact))
    torch.testing.assert_close(gradient, right, **close)
    pooled = max_pool(x, Windows((3, 3), (2, 2), (0, 0), True))
    torch.testing.assert_close(pooled, F.max_pool2d(x, 3, 2, ceil_mode=True))
    torch.autograd.grad(pooled.sum(), x)
    depthwise = Depthwise(torch.ones(16, 1, 3, 3).to(dtype), None, 2, (1, 1), 16, None, (1, 1))
    right = F.conv2d(x.double(), torch.ones(16, 1, 3, 3).double(), None, 2, 1, 1, 16)
    torch.testing.assert_close(depthwise.forward(x.detach()).double(), right, **close)
    weight = last(torch.randn(16, 16, 3, 3).to(dtype) / 12)
    right = F.conv2d(x.double(), weight.double(), padding=1)
    if dtype == torch.float32:
        filtered = Filter(weight, None, 1, (1, 1), limit=None).forward(x.detach())
        torch.testing.assert_close(filtered.double(), right, **close)
print("all right")
"""


def runs(processor: str, host: dict[str, bool]) -> bool:
    """Whether a computer with features, as LLVM names them, runs what is compiled for a processor."""
    return all(host.get(feature, False) for feature in PROCESSORS[processor].split())


def printed(processor: str, program: str, cache) -> list[str]:
    """What a program prints whose loops are compiled for a processor."""
    env = {
        **os.environ,
        "NUMBA_CPU_NAME": processor,
        "NUMBA_CPU_FEATURES": ",".join(f"+{feature}" for feature in PROCESSORS[processor].split()),
        "NUMBA_CACHE_DIR": str(cache),
    }
    command = [sys.executable, "-c", program, PROCESSORS[processor]]
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    assert done.returncode == 0, f"exit code {done.returncode}: {done.stderr}"
    return done.stdout.splitlines()


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="these are processors of x86")
@pytest.mark.parametrize("processor", PROCESSORS)
def test_loops_compile_for_processors_without_bfloat16_and_run_where_this_one_can(processor, tmp_path):
    here = runs(processor, binding.get_host_cpu_features())
    compiled, *ran = printed(processor, COMPILE + RUN if here else COMPILE, tmp_path)
    assert int(compiled.removeprefix("compiled ")) >= 14
    assert ran == (["all right"] if here else [])


@pytest.mark.parametrize(
    ("host", "able"),
    [
        ("", {"generic"}),
        (AVX2, {"generic", "haswell"}),
        (f"{AVX2} avx512f", {"generic", "haswell"}),
        (f"{PROCESSORS['skylake-avx512']} avx512bf16", set(PROCESSORS)),
    ],
)
def test_a_processor_runs_only_what_is_compiled_for_what_it_has(host, able):
    features = dict.fromkeys(host.split(), True) | {"amx-bf16": False}
    assert {processor for processor in PROCESSORS if runs(processor, features)} == able
