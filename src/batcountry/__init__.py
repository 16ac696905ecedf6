"""A deep-dream toolkit: any convolutional network, any size of picture.

>>> import batcountry
>>> batcountry.dream("photo.jpg").save("dream.png", overwrite=True)  # doctest: +SKIP

Names are loaded when first used, so that `import batcountry` is quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from batcountry.backend.lazy import lazy_names

if TYPE_CHECKING:
    from batcountry.backend.policy import OPEN as OPEN
    from batcountry.backend.policy import STRICT as STRICT
    from batcountry.backend.policy import Policy as Policy
    from batcountry.backend.version import __version__ as __version__
    from batcountry.dreams.api import dream as dream
    from batcountry.dreams.api import dreaming as dreaming
    from batcountry.dreams.classic import BatCountry as BatCountry
    from batcountry.dreams.dreamer import Dreamer as Dreamer
    from batcountry.dreams.steps import Step as Step
    from batcountry.dreams.visualize import visualize as visualize
    from batcountry.image.picture import Picture as Picture
    from batcountry.image.reading import read_picture as read_picture
    from batcountry.models import Model as Model
    from batcountry.models import open_model as open_model
    from batcountry.recipe import Note as Note
    from batcountry.recipe import Recipe as Recipe

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "BatCountry": "dreams.classic",
        "OPEN": "backend.policy",
        "Policy": "backend.policy",
        "STRICT": "backend.policy",
        "Step": "dreams.steps",
        "Dreamer": "dreams.dreamer",
        "dream": "dreams.api",
        "dreaming": "dreams.api",
        "Model": "models",
        "open_model": "models",
        "Picture": "image.picture",
        "read_picture": "image.reading",
        "Note": "recipe",
        "Recipe": "recipe",
        "__version__": "backend.version",
        "visualize": "dreams.visualize",
    },
    ("atlas", "caffe", "errors", "jobs", "models", "motion", "notebook", "objectives", "recipe"),
)
