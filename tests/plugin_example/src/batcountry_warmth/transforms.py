"""A transform."""

from batcountry.optim.transforms import Transform
from batcountry.optim.transforms.warps import rotate


def tilt(degrees: float = 5.0) -> Transform:
    """Turn the picture by a random angle of at most so many degrees."""
    return rotate(degrees)
