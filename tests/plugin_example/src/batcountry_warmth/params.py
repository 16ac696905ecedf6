"""A parametrization."""

from batcountry.optim.param import Pixels, step_sizes


class WarmPixels(Pixels):
    """Pixels, as they are."""


step_sizes["warm-pixels"] = {"ascent": 1.5}
