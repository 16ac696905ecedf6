"""Copies of the user's modules that are frozen, so that nothing that happens to either reaches the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from batcountry.errors import ModelError, first_line


def frozen(module: nn.Module) -> nn.Module:
    """Return a copy of a module in evaluation mode whose weights need no gradient; the module stays as it is.

    What `torch.compile` made of a module is undone in the copy, since parts of it are listened to.

    Raises
    ------
    ModelError
        If it cannot be copied, or its weights have no numbers yet.
    """
    name = type(module).__name__
    try:
        check_weights(module, f"the module {name}")
        own = _plain(deepcopy(module, _results(module)))
        own.eval()
        for part in own.modules():
            _freeze(part)
    except ModelError:
        raise
    except Exception as error:  # whatever its code says to being copied or put in evaluation mode
        raise ModelError(
            f"the module {name} cannot be copied and put in evaluation mode ({first_line(error)}); "
            "give one that copy.deepcopy takes, and whose eval() works"
        ) from error
    return own


def check_weights(module: nn.Module, name: str) -> None:
    """Raise `ModelError` if weights have no numbers yet."""
    for path, tensor in [*module.named_parameters(), *module.named_buffers()]:
        if is_lazy(tensor):
            raise ModelError(
                f"{name} has weights that are not made yet ({path}); run it once on a picture first"
            )
        if tensor.is_meta:
            raise ModelError(
                f"{name} has weights without numbers ({path} is on the device meta); load its weights first"
            )


def _results(module: nn.Module) -> dict[int, Any]:
    """Return what `deepcopy` is to take for tensors that are results, which it refuses: plain copies, by their ids."""
    return {id(tensor): tensor.detach().clone() for tensor in tensors_in(module) if not tensor.is_leaf}


def without_numbers(tensor: Tensor) -> Tensor:
    """Return a tensor on the device meta, or a parameter that needs no gradient, of the same shape and type."""
    bare = torch.empty_like(tensor, device="meta")
    return nn.Parameter(bare, requires_grad=False) if isinstance(tensor, nn.Parameter) else bare


def tensors_in(module: nn.Module) -> Iterator[Tensor]:
    """Yield the tensors of a module and its parts: parameters, buffers, and those that it merely has as attributes."""
    for part in module.modules():
        yield from _tensors(vars(part))


def _tensors(value: Any, depth: int = 3) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (Mapping, list, tuple)) and depth:
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _tensors(item, depth - 1)


def _plain(module: nn.Module) -> nn.Module:
    """Return a module without what `torch.compile` put round it or its parts."""
    if type(module).__module__.startswith("torch._dynamo"):
        return _plain(module._orig_mod)  # type: ignore[arg-type]
    if module._compiled_call_impl is not None:  # module.compile() was called
        module._compiled_call_impl = None
    for name, part in module.named_children():
        plain = _plain(part)
        if plain is not part:
            setattr(module, name, plain)
    return module


def _freeze(part: nn.Module) -> None:
    for name, tensor in part.named_parameters(recurse=False):
        if tensor.is_leaf:
            tensor.requires_grad_(False)
        elif isinstance(part, torch.jit.ScriptModule):
            tensor.detach_()  # a copy of what was traced has results for weights
        else:
            setattr(part, name, nn.Parameter(tensor.detach(), requires_grad=False))
