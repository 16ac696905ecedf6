"""Networks by name: from timm, from torchvision, or made by a function of the user's own."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from torch import nn

from batcountry.backend.process_settings import kept_generators
from batcountry.errors import BatCountryError, MissingExtra, ModelError, first_line, suggestion
from batcountry.models.classes import imagenet_classes
from batcountry.models.loaders.hashes import sha256_of_plain
from batcountry.models.loaders.module import opened
from batcountry.models.loaders.request import Request
from batcountry.models.loaders.weights import load_weights
from batcountry.models.model import Model

_BROKEN = (ImportError, OSError, RuntimeError, AttributeError)
"""What importing a library raises that was made for another PyTorch than the one that is here."""

_FUNCTION = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


def names_function(source: str) -> bool:
    """Whether a model's name is `package.module:function`, so that to open it is to run that code.

    Whoever opens a model by a name that someone else may have written, such as that in a picture's note,
    asks this first.
    """
    library = source.partition(":")[0]
    return library not in ("timm", "torchvision") and bool(_FUNCTION.fullmatch(source))


def named_by_libraries(name: str) -> list[str]:
    """Return how a network that timm or torchvision has is named here; only those that are installed are asked."""
    if not re.fullmatch(r"[\w.]+", name):
        return []
    found = []
    with suppress(*_BROKEN):  # whatever is wrong with a library, the question was another
        if import_module("timm").is_model(name):
            found.append(f"timm:{name}")
    with suppress(*_BROKEN):
        if name in import_module("torchvision.models").list_models():
            found.append(f"torchvision:{name}")
    return found


def open_timm(request: Request) -> Model:
    """Open `timm:NAME`, with timm's weights or those of a file.

    Raises
    ------
    MissingExtra
        If timm is not installed.
    ModelError
        If timm has no such network, or its weights cannot be had.
    """
    timm = _library("timm", "a network of timm's")
    name = request.text.removeprefix("timm:")
    # Names that would have timm fetch from anywhere, such as hf-hub:…, are not in its list.
    if not re.fullmatch(r"[\w.]+", name) or not timm.is_model(name):
        raise ModelError(f"timm has no network {name!r}{suggestion(name, timm.list_models())}")

    def make(**more: Any) -> nn.Module:
        return timm.create_model(name, pretrained=request.weights is None, **more)

    def any_size() -> nn.Module:
        try:
            return make(dynamic_img_size=True)  # of its transformers
        except TypeError:
            return make()

    module = _made(any_size, request)
    config = getattr(module, "pretrained_cfg", {})
    stated: dict[str, Any] = {}
    if request.weights is None and config.get("num_classes") == 1000 and "in1k" in str(config.get("tag")):
        stated["classes"] = imagenet_classes()
    return _finished(request, module, stated)


def open_torchvision(request: Request) -> Model:
    """Open `torchvision:NAME` or `torchvision:NAME.WEIGHTS`, with torchvision's weights or those of a file.

    Raises
    ------
    MissingExtra
        If torchvision is not installed.
    ModelError
        If torchvision has no such network or weights, or they cannot be had.
    """
    models = _library("torchvision.models", "a network of torchvision's")
    name, _, chosen = request.text.removeprefix("torchvision:").partition(".")
    if name not in models.list_models():
        raise ModelError(f"torchvision has no network {name!r}{suggestion(name, models.list_models())}")
    kinds = models.get_model_weights(name)
    if chosen and chosen not in kinds.__members__:
        raise ModelError(
            f"torchvision has no weights {chosen!r} for {name}; it has {', '.join(kinds.__members__)}"
        )
    weights = kinds[chosen] if chosen else getattr(kinds, "DEFAULT", None)
    module = _made(lambda: models.get_model(name, weights=None if request.weights else weights), request)
    return _finished(
        request, module, {} if weights is None else _meta(weights, classes=request.weights is None)
    )


def open_function(request: Request) -> Model:
    """Open what `package.module:function` makes: a module, or a model that it has opened itself.

    The function is called without arguments. Packages are looked for in the working folder too.

    Raises
    ------
    PolicyError
        If no code may be run.
    ModelError
        If there is no such function, it fails, or it makes something else.
    """
    request.policy.check_code(request.text)
    _digest(request)
    package, _, name = request.text.partition(":")
    function = _function(package, name)
    made = _made(function, request) if request.weights else _called(function, request.text)
    if isinstance(made, Model):
        request.only(kind=f"{request.text}, which opens a model itself,")
        made.name = request.text
        return made
    return _finished(request, made, {})


def _function(package: str, name: str) -> Callable[[], Any]:
    try:
        with _working_folder():
            found = getattr(import_module(package), name, None)
    except ModuleNotFoundError as error:
        raise ModelError(f"there is no Python module {error.name!r} to open {package}:{name} from") from None
    except Exception as error:  # whatever its code does
        raise ModelError(f"the Python module {package} cannot be imported: {first_line(error)}") from error
    if found is None:
        raise ModelError(f"the Python module {package} has no {name!r}")
    if not callable(found):
        raise ModelError(f"{package}:{name} is no function that makes a network")
    return found


@contextmanager
def _working_folder() -> Iterator[None]:
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        yield
    finally:
        with suppress(ValueError):  # what was imported may have taken it away
            sys.path.remove(here)


def _library(name: str, what: str) -> Any:
    """Import a library that is an extra."""
    package = name.partition(".")[0]
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] in (package, "torchvision"):
            raise MissingExtra(what, package, package) from None
        raise ModelError(f"{package} cannot be imported: {error}") from None
    except Exception as error:  # torchvision beside another torch than its own says so in many ways
        raise ModelError(
            f"{package} cannot be imported ({first_line(error)}); its torchvision must be the one made for your torch"
        ) from error


def _called(make: Callable[[], Any], name: str) -> Any:
    try:
        with kept_generators():  # networks are made with random weights first
            return make()
    except BatCountryError:
        raise
    except Exception as error:
        raise ModelError(f"{name} cannot be made: {first_line(error)}") from error


def _made(make: Callable[[], Any], request: Request) -> Any:
    """Make a network, and load the weights that the request names."""
    module = _called(make, request.text)
    if request.weights is not None:
        if not isinstance(module, nn.Module):
            raise ModelError(f"{request.text} makes no PyTorch module that weights could be loaded into")
        load_weights(module, request.weights)
    return module


def _finished(request: Request, module: Any, stated: dict[str, Any]) -> Model:
    if not isinstance(module, nn.Module):
        raise ModelError(f"{request.text} makes {type(module).__name__}, not a PyTorch module")
    digest = _digest(request)
    own = module.eval().requires_grad_(False)
    return opened(request, own, request.text, stated=stated, weights_sha256=digest)


def _digest(request: Request) -> str | None:
    """Return the sha256 of the file of weights, if there is one; raises `OtherWeights` if it is not the one asked for."""
    return None if request.weights is None else sha256_of_plain(request.weights, request.sha256)


def _meta(weights: Any, *, classes: bool) -> dict[str, Any]:
    """Return what torchvision's weights say of how pictures enter, and of the classes."""
    found: dict[str, Any] = {}
    usual = weights.transforms()
    for name in ("mean", "std"):
        if getattr(usual, name, None):
            found[name] = tuple(getattr(usual, name))
    side = getattr(usual, "crop_size", None)
    if side:
        found["size"] = side[0] if isinstance(side, (list, tuple)) else side
    if classes and weights.meta.get("categories"):
        found["classes"] = weights.meta["categories"]
    return found
