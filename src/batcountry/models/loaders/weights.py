"""Files of weights for a network whose code is elsewhere: safetensors, and PyTorch's own without pickled code."""

from __future__ import annotations

import pickle
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from torch import Tensor, nn

from batcountry.backend.reading import MAX_WEIGHTS, open_plain
from batcountry.backend.tensor_files import read_tensors
from batcountry.errors import ModelError, first_line
from batcountry.models.loaders.tensor_pickles import NotTensors, read_pickled

_HOLDERS = (
    "state_dict",
    "model_state_dict",
    "model",
    "model_ema",
    "state_dict_ema",
    "params_ema",
    "params",
    "net",
)
_WRAPPERS = ("module.", "_orig_mod.", "model.")
_DAMAGED = (SafetensorError, pickle.UnpicklingError, OSError, EOFError, LookupError, TypeError, ValueError, AttributeError,
            ArithmeticError, ImportError, RuntimeError, MemoryError, struct.error)  # fmt: skip


def read_state(path: Path) -> dict[str, Tensor]:
    """Return the named tensors of a file: `.safetensors`, or what `torch.save(state_dict)` wrote.

    Only tensors and plain values are read from PyTorch's files, never objects, whose code would run; see
    `batcountry.models.loaders.tensor_pickles`. A state dict may lie under one of the usual names, such as `state_dict`.

    Raises
    ------
    ModelError
        If the file is missing, no plain file, damaged, or has something else in it.
    """
    try:
        if path.suffix == ".safetensors":
            return read_tensors(path, error=ModelError)
        with open_plain(path, most=MAX_WEIGHTS, error=ModelError) as file:
            found = read_pickled(file, str(path))
    except NotTensors as error:
        raise ModelError(
            f"{path} cannot be read as tensors alone ({first_line(error)}); save the network's state_dict, best with safetensors"
        ) from None
    except _DAMAGED as error:
        raise ModelError(f"{path} is damaged, or no file of weights ({first_line(error)})") from None
    for name in _HOLDERS:
        if isinstance(found, Mapping) and not _is_state(found) and isinstance(found.get(name), Mapping):
            found = found[name]
    if not _is_state(found):
        what = "a dictionary of other things" if isinstance(found, Mapping) else type(found).__name__
        raise ModelError(f"{path} has no state_dict in it, but {what}")
    return dict(found)


def load_weights(module: nn.Module, path: Path) -> None:
    """Load a file of weights into a module, which must have exactly those.

    Prefixes that wrappers put before every name (`module.`) are taken off.

    Raises
    ------
    ModelError
        As `read_state`, or if names or shapes differ; the message has the first few.
    """
    state, wanted = read_state(path), module.state_dict()
    for prefix in _WRAPPERS:
        if state and all(name.startswith(prefix) for name in state) and not state.keys() <= wanted.keys():
            state = {name.removeprefix(prefix): tensor for name, tensor in state.items()}
    missing = [name for name in wanted if name not in state and not name.endswith("num_batches_tracked")]
    other = [name for name in state if name not in wanted]
    shapes = [
        f"{name} ({_said(state[name])} instead of {_said(wanted[name])})"
        for name in state
        if name in wanted and state[name].shape != wanted[name].shape
    ]
    for problem, names in (("lacks", missing), ("also has", other), ("has another shape of", shapes)):
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            raise ModelError(f"{path} does not fit the network: it {problem} {', '.join(names[:3])}{more}")
    module.load_state_dict(state, strict=False)


def _is_state(found: Any) -> bool:
    return (
        isinstance(found, Mapping)
        and len(found) > 0
        and all(isinstance(name, str) and isinstance(each, Tensor) for name, each in found.items())
    )


def _said(tensor: Tensor) -> str:
    return "×".join(map(str, tensor.shape)) or "1"
