"""A device that is not there: its tensors' numbers lie on the processor, and it refuses what Apple's MPS does.

Float64 is refused, and so is an operation of tensors on two devices, unless one has a single number and no axes. A process that
has imported this knows the device from then on, so tests do so in one of their own: run, this dreams there and says what came, and
what steps on buffers that stay copied between it and the processor, or read, which no graph could hold.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_iter, tree_map
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

from batcountry import dream
from batcountry.dreams import costs
from batcountry.image.sky import sky
from batcountry.motion.color_anchor import Tone, apply_anchor
from batcountry.optim.static_climb import StaticClimb

KIND = "elsewhere"
_setup_privateuseone_for_python_backend(rename=KIND)
DEVICE = torch.device(KIND, 0)
CPU = torch.device("cpu")


class Elsewhere(Tensor):
    """A tensor that says it is on the device."""

    inner: Tensor

    @staticmethod
    def __new__(cls, inner: Tensor) -> Elsewhere:
        if inner.dtype == torch.float64:
            raise TypeError(
                "Cannot convert a MPS Tensor to float64 dtype as the MPS framework doesn't support float64"
            )
        tensor = Tensor._make_wrapper_subclass(
            cls,
            inner.size(),
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            device=DEVICE,
        )
        tensor.inner = inner
        return tensor

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


def _inner(value: Any) -> Any:
    return value.inner if isinstance(value, Elsewhere) else value


def _outer(value: Any) -> Any:
    return Elsewhere(value) if type(value) is Tensor else value


class _Watch:
    """Whether a step goes on that may not wait, and what it did nevertheless."""

    def __init__(self) -> None:
        self.on = False
        self.waits: list[str] = []

    def see(self, name: str, asked: str | None, tensors: list[Tensor], here: list[Tensor]) -> None:
        """Take note of an operation on tensors, some of which are the processor's."""
        mixed = 0 < len(here) < len(tensors)
        reads = name == "_local_scalar_dense" and not here
        moves = name == "_to_copy" and asked is not None and (asked == KIND) == bool(here)
        if reads or moves or (mixed and name in ("copy_", "_copy_from")):
            frames = [each for each in traceback.extract_stack() if "src/batcountry" in each.filename]
            last = frames[-1]
            self.waits.append(f"{name} in {Path(last.filename).name}, line {last.lineno}: {last.line}")


_watch = _Watch()


@contextmanager
def watched_steps() -> Iterator[None]:
    """Watch all steps in this block but the first of each octave, which makes what is made once."""
    work, begun = StaticClimb._work, set[int]()

    def watched(climb: StaticClimb) -> None:
        _watch.on = id(climb) in begun
        begun.add(id(climb))
        try:
            work(climb)
        finally:
            _watch.on = False

    StaticClimb._work = watched  # type: ignore[method-assign]
    try:
        yield
    finally:
        StaticClimb._work = work  # type: ignore[method-assign]


def _run(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    tensors = [each for each in tree_iter((args, kwargs)) if isinstance(each, Tensor)]
    here = [each for each in tensors if not isinstance(each, Elsewhere)]
    device = kwargs.get("device")
    asked = None if device is None else torch.device(device).type
    name = func.overloadpacket.__name__
    if _watch.on:
        _watch.see(name, asked, tensors, here)
    if func is torch.ops.aten._local_scalar_dense.default or name in ("copy_", "_copy_from", "_to_copy"):
        pass
    elif any(each.ndim for each in here) and len(here) < len(tensors):
        raise RuntimeError(
            f"Expected all tensors to be on the same device, but {name} found elsewhere and cpu"
        )
    if asked == KIND:
        kwargs = {**kwargs, "device": CPU}
    result = func(*tree_map(_inner, args), **tree_map(_inner, kwargs))
    moves = asked if asked is not None else (KIND if len(here) < len(tensors) else "cpu")
    if name == "copy_":
        return args[0]
    if moves != KIND:
        return result
    return return_and_correct_aliasing(func, args, kwargs, tree_map(_outer, result))


class _Functions(TorchFunctionMode):
    """What PyTorch does with tensors before it asks a dispatch mode."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func in (torch.tensor, torch.as_tensor) and torch.device(kwargs.get("device") or CPU).type == KIND:
            device = kwargs.pop("device")
            return func(*args, **kwargs).to(device)
        if func is Tensor.tolist:
            return args[0].cpu().tolist()
        return func(*args, **kwargs)


class _Mode(TorchDispatchMode):
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


# Within gradients no mode is asked.
_LIBRARY = torch.library.Library("aten", "IMPL")


def _empty(
    size: Any, dtype: Any = None, layout: Any = None, device: Any = None, pin_memory: Any = None, **how: Any
) -> Any:
    return Elsewhere(torch.empty(size, dtype=dtype, **how))


def _empty_strided(
    size: Any, stride: Any, dtype: Any = None, layout: Any = None, device: Any = None, pin_memory: Any = None
) -> Any:
    return Elsewhere(torch.empty_strided(size, stride, dtype=dtype))


def _copy_from(source: Any, to: Any, non_blocking: bool = False) -> Any:
    _inner(to).copy_(_inner(source))
    return to


_LIBRARY.impl("_copy_from", _copy_from, "PrivateUse1")
_LIBRARY.impl("empty.memory_format", _empty, "PrivateUse1")
_LIBRARY.impl("empty_strided", _empty_strided, "PrivateUse1")


@contextmanager
def elsewhere() -> Iterator[None]:
    """Have the device be there in this block."""
    with (
        torch.autograd.set_multithreading_enabled(False),
        _Functions(),
        _Mode(),
    ):  # gradients in this thread, as modes are a thread's
        yield


def main() -> None:
    """Dream on the device and on the processor by each recipe of the JSON list that is given, and print what was said or differs.

    Of each that is how far the pictures are apart, how much the dream changed its own, and what steps waited for.
    """
    torch.set_num_threads(1)
    costs._saved_bytes = lambda *_: 1000  # which asks where tensors lie in memory
    picture, found = np.float32(sky(40, 36)), []
    with elsewhere(), watched_steps():
        for recipe in json.loads(sys.argv[1]):
            options = {"octaves": 1, "iterations": 1, "tile": 0, "precision": "exact", **recipe}
            _watch.waits = []
            try:
                both = (dream(picture, device=each, **options) for each in (str(DEVICE), "cpu"))
                dreams = [np.float32(each)[..., :3] for each in both]
                apart = [float(np.abs(dreams[0] - each).mean()) for each in (dreams[1], picture)]
                found.append([*apart, sorted(set(_watch.waits))])
            except Exception as error:
                found.append(f"{type(error).__name__}: {error}")
        image = torch.from_numpy(picture).permute(2, 0, 1)[None]
        tones = [apply_anchor(each / 2, Tone.of(each)).cpu() for each in (image, image.to(DEVICE))]
        found.append(float((tones[0] - tones[1]).abs().max()))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
