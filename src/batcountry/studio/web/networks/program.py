"""`python -m batcountry.studio.web.networks.program NAME`: opens a network and says what is in it as JSON.

The server never opens one: that would bring PyTorch into its process.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from batcountry.errors import BatCountryError


def facts(name: str) -> dict[str, Any]:
    """Return a network's layers, the layer it dreams with if none is named, and the names of its classes.

    A layer's `slug` is what its files are called in an atlas.
    """
    from batcountry.atlas.folder import Entry
    from batcountry.models import open_model

    model = open_model(name)
    names = ("name", "channels", "stride", "receptive_field", "recommended")
    layers = [
        {**{name: getattr(each, name) for name in names}, "slug": Entry.of(model, each.name).slug}
        for each in model.layers
    ]
    return {
        "layers": layers,
        "default_layer": model.default_layer,
        "class_layer": model.class_layer,
        "classes": list(model.classes),
    }


def main() -> None:
    """Say them, or why not."""
    try:
        found = facts(sys.argv[1])
    except BatCountryError as error:
        found = {"sentence": str(error)}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
