"""Opening a network of any kind: the loaders are asked one after the other."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from batcountry.backend.policy import OPEN, Policy
from batcountry.backend.threads import limited_threads
from batcountry.errors import BatCountryError, ModelError, first_line, suggestion
from batcountry.models import zoo
from batcountry.models.loaders.efficientnet_lite import NAME
from batcountry.models.loaders.registry import LOADERS, MODELS
from batcountry.models.loaders.request import Loader, Request
from batcountry.models.model import Model

if TYPE_CHECKING:
    from torch import nn


@limited_threads()
def open_model(
    source: str | Path | nn.Module = NAME,
    weights: str | Path | None = None,
    *,
    mean: Sequence[float] | str | Path | None = None,
    std: Sequence[float] | None = None,
    input: str | int | None = None,
    size: int | tuple[int, int] | None = None,
    classes: Sequence[str] | None = None,
    policy: Policy = OPEN,
    sha256: str | None = None,
) -> Model:
    """Open a network for dreaming, on the CPU.

    Parameters
    ----------
    source
        A known name (see `batcountry.models.zoo`); a folder with a `deploy.prototxt` and one `.caffemodel`, a prototxt file, or a
        folder that `bat-country convert` wrote; an `.onnx`, `.pt2` or TorchScript file; `timm:NAME`, `torchvision:NAME` or
        `package.module:function`; a PyTorch module, of which a copy is taken, or an exported program.
    weights
        Of a prototxt file the `.caffemodel`, which may be left out where only one lies beside it; of a network that timm,
        torchvision or a function makes a file of safetensors or a state dict.
    mean
        What was taken off each color when the network was trained. For Caffe's files: of blue, green and
        red in gray levels, or a `.binaryproto` or `.npy` file; by default the one such file beside
        the prototxt, or else what the programs of 2015 took. For all others: of each of the network's
        channels in its order, from 0 to 1 as torchvision and timm state it, or in gray levels if
        one of `mean` and `std` is above 1; by default what the network says of itself, or else ImageNet's.
    std
        What each color was divided by after that, in the same unit.
    input
        What the network takes: `rgb` (the default), `bgr`, `gray`, `rgba`, or a number of channels;
        see `batcountry.models.preprocess.Entry`. Of a Caffe net with several inputs also the name of the one that takes
        the picture; what it takes is else what its channels say, with `bgr` for three.
    size
        Side, or (height, width), of a picture that the network takes, in pixels; by default what the
        network says of itself, or else 224. Not for Caffe's files.
    classes
        Names of the classes of the network's output. Not for Caffe's files.
    policy
        What may be done to open it: which files may be read, and whether code may be run. A TorchScript file is
        a program, so it needs leave whoever names it: `policy=OPEN.allow(run_code=True)`.
    sha256
        The hash that the file of its weights is to have, as a picture's note has it. Another file is refused before it is
        opened; of weights that are in no file of their own, `Model.weights_sha256` can be compared after.

    Raises
    ------
    ModelError
        If there is no such model, or its files cannot be read; the message says which and why.
    PolicyError
        If to open it is more than the policy allows.
    OtherWeights
        If the file has another hash than `sha256`.
    """
    request = Request(
        source, None if weights is None else Path(weights), mean, std, input, size, classes, policy, sha256
    )
    _check_files(request)
    for name in reversed(list(LOADERS)):
        model = _opened(LOADERS[name], request)
        if model is not None:
            return model
    raise _unknown(str(source))


def _opened(loader: Loader, request: Request) -> Model | None:
    """Ask a loader; whatever a network's own code says to being looked at is said in a sentence."""
    try:
        return loader(request)
    except (BatCountryError, MemoryError):
        raise
    except Exception as error:
        name = request.text or type(request.source).__name__
        raise ModelError(
            f"{name} cannot be opened ({type(error).__name__}: {first_line(error)}); its code or file does not fit this program"
        ) from error


def _check_files(request: Request) -> None:
    """Raise `PolicyError` unless the files that a model is asked for by may be read, `ModelError` if one cannot be a file."""
    for path in (request.path, request.weights, request.mean):
        if isinstance(path, (str, Path)):
            _check_name(Path(path))
    named = request.text in MODELS or any(each.name == request.text for each in zoo.cards())
    if request.text and not named and (request.path.exists() or len(request.path.parts) > 1):
        request.policy.check_file(request.path)
    for each in (request.weights, request.mean):
        if isinstance(each, (str, Path)):
            request.policy.check_file(each)


def _check_name(path: Path) -> None:
    try:
        is_odd = path.exists() and not (path.is_file() or path.is_dir())
    except OSError as error:
        raise ModelError(f"{str(path)[:40]}… is no name of a file: {error.strerror}") from None
    if is_odd:
        raise ModelError(f"{path} is no plain file, but a device or a pipe; name a file")


def _unknown(source: str) -> ModelError:
    from batcountry.models.loaders.named import named_by_libraries

    names = [*MODELS, *(each.name for each in zoo.cards() if each.name not in MODELS)]
    near = named_by_libraries(source)
    hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else suggestion(source, names)
    theirs = source if re.fullmatch(r"[\w.]+", source) else "NAME"
    return ModelError(
        f"there is no model {source!r}{hint}{' A' if hint else '; a'} model is a file or a folder of a network, timm:{theirs} or "
        f"torchvision:{theirs} for one of theirs, or a name that `bat-country models` lists"
    )
