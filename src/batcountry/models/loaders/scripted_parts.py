"""Parts of a module that are TorchScript: no hook hears what is in them, and their batch norms are PyTorch's own."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map_only

from batcountry.errors import ModelError
from batcountry.models.loaders.torchscript import read_script


def without_scripts(module: nn.Module) -> nn.Module:
    """Return a module in whose parts each script is a list of operations, whose layers are heard, or else a `ScriptedPart`."""
    for name, part in module.named_children():
        if isinstance(part, torch.jit.ScriptModule):
            setattr(module, name, _read(part, name))
        else:
            without_scripts(part)
    return module


def _read(script: Any, name: str) -> nn.Module:
    with suppress(ModelError):
        return read_script(script, name)
    return ScriptedPart(script)


class ScriptedPart(nn.Module):
    """A script that is run as it is; for one picture it is run on two, for whose gradient see `batcountry.backend.batch_norm`.

    Parameters
    ----------
    script
        A script module, in evaluation mode.
    """

    def __init__(self, script: Any) -> None:
        super().__init__()
        self._held = (script,)  # hidden from those who would set hooks on it
        for name, tensor in script.state_dict().items():
            self.register_buffer(name.replace(".", "_"), tensor.detach())

    def forward(self, *args: Any, **named: Any) -> Any:
        """Run the script."""
        tensors = [each for each in tree_leaves((args, named)) if isinstance(each, Tensor)]
        if not tensors or any(not each.ndim or len(each) != 1 for each in tensors):
            return self._held[0](*args, **named)
        twice = tree_map_only(Tensor, lambda each: torch.cat([each, each]), (args, named))
        return tree_map_only(
            Tensor, lambda each: each[:1] if each.ndim else each, self._held[0](*twice[0], **twice[1])
        )

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> ScriptedPart:
        self._held[0]._apply(fn)
        return super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
