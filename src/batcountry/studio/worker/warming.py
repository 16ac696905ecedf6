"""Makes a worker ready that has nothing to do yet, so that the first dream begins at once."""

from __future__ import annotations

import logging

log = logging.getLogger("batcountry")


def warm_up() -> None:
    """Import what dreams need, and dream a tiny picture with the usual network, which compiles and opens what is needed."""
    import numpy as np

    from batcountry.dreams.api import dream
    from batcountry.errors import BatCountryError

    try:
        dream(np.full((64, 64, 3), 128, np.uint8), octaves=1, iterations=1)
    except (BatCountryError, RuntimeError) as error:
        log.info("could not be made ready: %s", error)  # the first job says so in its own words
