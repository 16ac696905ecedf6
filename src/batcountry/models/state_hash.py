"""The hash of weights that are in no file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor


def state_sha256(state: Mapping[str, Any]) -> str:
    """Return the sha256 of weights that are in no file.

    Of each tensor in the order of names: its name, type and shape as text, each followed by a zero byte, then its
    numbers as they lie in memory, row by row. Tensors within other values are hashed under their names with an index each;
    what is no tensor has no part in it.
    """
    digest = hashlib.sha256()
    for name, value in sorted(state.items()):
        for path, tensor in _tensors(name, value):
            shape = "×".join(map(str, tensor.shape))
            digest.update(f"{path}\0{tensor.dtype}\0{shape}\0".encode())
            rows = _dense(tensor.detach()).cpu().contiguous().reshape(-1)
            digest.update(rows.view(torch.uint8).numpy().data if rows.numel() else b"")
    return digest.hexdigest()


def _tensors(name: str, value: Any) -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        yield name, value
    elif isinstance(value, (Mapping, list, tuple)):
        items = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, item in items:
            yield from _tensors(f"{name}.{key}", item)


def _dense(tensor: Tensor) -> Tensor:
    if tensor.is_quantized:
        return tensor.dequantize()
    dense = tensor if tensor.layout is torch.strided else tensor.to_dense()
    return dense.resolve_conj().resolve_neg()
