"""Networks opened for dreaming: one file per kind, and `open_model` for all.

Names are loaded when first used: what is known of networks in `zoo` and `classes` needs no PyTorch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from batcountry.backend.lazy import lazy_names

if TYPE_CHECKING:
    from batcountry.models import zoo as zoo
    from batcountry.models.loaders.registry import LOADERS as LOADERS
    from batcountry.models.loaders.registry import MODELS as MODELS
    from batcountry.models.loaders.request import Loader as Loader
    from batcountry.models.loaders.request import Request as Request
    from batcountry.models.model import Layer as Layer
    from batcountry.models.model import Model as Model
    from batcountry.models.networks import Network as Network
    from batcountry.models.opening import open_model as open_model

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "LOADERS": "loaders.registry",
        "MODELS": "loaders.registry",
        "Layer": "model",
        "Loader": "loaders.request",
        "Model": "model",
        "Network": "networks",
        "Request": "loaders.request",
        "open_model": "opening",
    },
    ("zoo",),
)
