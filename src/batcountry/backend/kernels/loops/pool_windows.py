"""Which windows along an axis see a place, counted from the first row or column of padding."""

from numba import njit


@njit(inline="always")
def windows_over(place, kernel, stride, count):
    """Return the first of `count` windows that sees a place, and the one behind the last."""
    return max((place - kernel + stride) // stride, 0), min(place // stride + 1, count)


@njit(inline="always")
def moved_on(first, end, place, kernel, stride, count):
    """Return the same from what it was for a place before, without divisions, which would take as long as the rest."""
    while first * stride + kernel <= place:
        first += 1
    while end < count and end * stride <= place:
        end += 1
    return first, end
