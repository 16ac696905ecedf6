"""A deep-dream toolkit: any convolutional network, any size of picture.

>>> import batcountry
>>> batcountry.dream("photo.jpg").save("dream.png", overwrite=True)  # doctest: +SKIP

Names are loaded when first used, so that `import batcountry` is quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from batcountry.lazy import lazy_names

if TYPE_CHECKING:
    from batcountry.api import dream as dream
    from batcountry.api import dreaming as dreaming
    from batcountry.classic import BatCountry as BatCountry
    from batcountry.dreamer import Dreamer as Dreamer
    from batcountry.dreams import Step as Step
    from batcountry.models import Model as Model
    from batcountry.models import open_model as open_model
    from batcountry.picture import Picture as Picture
    from batcountry.picture import read_picture as read_picture
    from batcountry.recipe import Note as Note
    from batcountry.recipe import Recipe as Recipe
    from batcountry.version import __version__ as __version__
    from batcountry.visualizing import visualize as visualize

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "BatCountry": "classic",
        "Step": "dreams",
        "Dreamer": "dreamer",
        "dream": "api",
        "dreaming": "api",
        "Model": "models",
        "open_model": "models",
        "Picture": "picture",
        "read_picture": "picture",
        "Note": "recipe",
        "Recipe": "recipe",
        "__version__": "version",
        "visualize": "visualizing",
    },
    (
        *(
            "boundless",
            "caffe",
            "errors",
            "keywords",
            "models",
            "motion",
            "notebook",
            "objectives",
            "octaves",
        ),
        *("param", "presets", "transforms"),
    ),
)
