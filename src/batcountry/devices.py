"""Choosing where to run."""

from __future__ import annotations

import torch

from batcountry.errors import RecipeError


def pick_device(name: str) -> torch.device:
    """Return the torch device of a name; `auto` is the first there is of cuda, mps, xpu and cpu.

    Raises
    ------
    RecipeError
        If there is no such device here.
    """
    if name == "auto":
        return torch.device(next((kind for kind in ("cuda", "mps", "xpu") if _available(kind)), "cpu"))
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        here = ", ".join(["auto", "cpu", *(kind for kind in ("cuda", "mps", "xpu") if _available(kind))])
        raise RecipeError(f"there is no device {name!r} here; there are {here}") from error
    if device.type == "meta":
        raise RecipeError("the device 'meta' computes nothing; use auto or cpu")
    return device


def _available(kind: str) -> bool:
    backend = getattr(torch, kind, None)
    return bool(backend and backend.is_available())
