"""PyTorch modules that the user's program holds."""

from __future__ import annotations

from torch import nn

from batcountry.models.loaders.module import opened
from batcountry.models.loaders.request import Request
from batcountry.models.loaders.scripted_parts import without_scripts
from batcountry.models.model import Model
from batcountry.models.module_copy import frozen


def open_user_module(request: Request) -> Model:
    """Open a module; a copy of it is frozen and run in evaluation mode, and the module itself stays as it is."""
    request.only("mean", "std", "input", "size", "classes", kind="a module")
    module: nn.Module = request.source
    return opened(request, without_scripts(frozen(module)), type(module).__name__)
