"""Which of Caffe's nets a name or a path stands for, without opening it."""

from __future__ import annotations

from pathlib import Path

from batcountry.errors import ModelError, suggestion
from batcountry.models import zoo
from batcountry.models.loaders.caffe import check_kind
from batcountry.models.loaders.caffe_inputs import Mean
from batcountry.models.loaders.converted import is_converted
from batcountry.models.loaders.named import names_function
from batcountry.models.loaders.registry import MODELS

_OTHERS = (".onnx", ".pt2", ".pt", ".pth", ".ts", ".torchscript")


def caffe_source(name: str) -> tuple[Path, Mean]:
    """Return the folder or prototxt of a Caffe net, and its mean of blue, green and red if its card has one.

    Parameters
    ----------
    name
        A path, or the name of a network of the zoo whose files are there.

    Raises
    ------
    ModelError
        If it stands for nothing, for a network of another kind, or for files that are not there; the message
        says how to get them.
    """
    path = Path(name)
    if path.exists():
        if is_converted(path):
            raise ModelError(f"{name} is converted already; give the folder that it was converted from")
        if path.suffix.lower() in _OTHERS:
            raise _other(name)
        if path.is_file():
            check_kind(path)
        return path, None
    if name in MODELS or name.startswith(("timm:", "torchvision:")) or names_function(name):
        raise _other(name)
    names = [each.name for each in zoo.cards() if not each.embedded]
    if name in names:
        return zoo.folder_here(name), zoo.card(name).mean
    raise ModelError(
        f"there is no file, folder or known Caffe net {name!r}{suggestion(name, names)}; give a folder with "
        "deploy.prototxt and a .caffemodel, or a name that bat-country models lists"
    )


def _other(name: str) -> ModelError:
    return ModelError(
        f"{name} is none of Caffe's nets, which this command is for; "
        f"bat-country layers {name} says what its layers are"
    )
