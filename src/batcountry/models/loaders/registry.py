"""The loaders that `open_model` asks, one for each kind of model; each imports what it needs when it is used."""

from __future__ import annotations

from collections.abc import Callable

from batcountry.models.loaders.efficientnet_lite import NAME, open_efficientnet_lite0
from batcountry.models.loaders.request import Loader, Request
from batcountry.models.model import Model
from batcountry.recipe.registry import Registry

MODELS: Registry[Callable[[], Model]] = Registry(
    "model", "batcountry.models", {NAME: open_efficientnet_lite0}
)
"""Models that are opened by name alone; `register` your own function to extend it."""


PROGRAMS = (".pt", ".pth", ".ts", ".torchscript")
"""Suffixes of files that are TorchScript, if they are no weights."""


def open_by_name(request: Request) -> Model | None:
    """Open one of `MODELS`."""
    if request.text not in MODELS:
        return None
    request.only(kind=f"the model {request.text!r}")
    return MODELS[request.text]()


def open_converted_folder(request: Request) -> Model | None:
    """Open a folder that `bat-country convert` wrote."""
    if not request.text or not request.path.is_dir():
        return None
    from batcountry.models.loaders.converted import is_converted, open_converted

    if not is_converted(request.path):
        return None
    request.only(kind=f"the converted model {request.text}")
    return open_converted(request.path, request.policy, request.sha256)


def open_module(request: Request) -> Model | None:
    """Open a PyTorch module."""
    import torch

    if not isinstance(request.source, torch.nn.Module):
        return None
    from batcountry.models.loaders.user_module import open_user_module

    return open_user_module(request)


def open_library_model(request: Request) -> Model | None:
    """Open `timm:NAME`, `torchvision:NAME`, or what `package.module:function` makes."""
    if not isinstance(request.source, str) or ":" not in request.source or request.path.exists():
        return None
    from batcountry.models.loaders import named

    if request.source.startswith("timm:"):
        return named.open_timm(request)
    if request.source.startswith("torchvision:"):
        return named.open_torchvision(request)
    return named.open_function(request) if named.names_function(request.source) else None


def open_program(request: Request) -> Model | None:
    """Open an exported program or TorchScript: a file, or what the user's program holds."""
    import sys

    import torch

    export = sys.modules.get("torch.export")  # dear to import, and there if the user holds such a program
    if request.path.suffix.lower() == ".pt2" or (
        export is not None and isinstance(request.source, export.ExportedProgram)
    ):
        from batcountry.models.loaders.exported import open_exported

        return open_exported(request)
    if isinstance(request.source, torch.jit.ScriptModule) or (
        request.weights is None and request.path.suffix.lower() in PROGRAMS
    ):
        from batcountry.models.loaders.torchscript import open_torchscript

        return open_torchscript(request)
    return None


def open_onnx_file(request: Request) -> Model | None:
    """Open a file whose name ends in `.onnx`."""
    if request.path.suffix.lower() != ".onnx":
        return None
    from batcountry.models.loaders.onnx import open_onnx

    return open_onnx(request)


def open_caffe_files(request: Request) -> Model | None:
    """Open any other file or folder as Caffe's."""
    if not request.text or not (request.path.exists() or request.weights is not None):
        return None
    request.only("weights", "mean", "std", "input", kind=f"the Caffe net {request.text}")
    from batcountry.models.loaders.caffe import open_caffe

    given = request.weights, request.mean, request.policy
    return open_caffe(request.path, *given, std=request.std, input=request.input, expected=request.sha256)


def open_zoo_model(request: Request) -> Model | None:
    """Open a network of the zoo by its name, from where its files are kept."""
    from batcountry.models import zoo

    if not any(each.name == request.text for each in zoo.cards()):
        return None
    request.only("mean", kind=f"the model {request.text!r}")
    from batcountry.models.loaders.caffe import open_caffe

    mean = zoo.card(request.text).mean if request.mean is None else request.mean
    opened = open_caffe(zoo.folder_here(request.text), mean=mean, expected=request.sha256)
    opened.name = request.text  # so that a recipe names the network, not this machine's folder
    return opened


LOADERS: Registry[Loader] = Registry(
    "loader",
    "batcountry.loaders",
    {
        "zoo": open_zoo_model,
        "caffe": open_caffe_files,
        "converted": open_converted_folder,
        "onnx": open_onnx_file,
        "library": open_library_model,
        "module": open_module,
        "program": open_program,
        "name": open_by_name,
    },
)
"""Asked from the last to the first, so that one that you `register` comes before all of these; the first that gives a model
is the one."""
