"""How a layer's output lies: channels first, channels last, tokens, or plain numbers.

A dream sees every layer as (N, C, h, w), or (N, C) where there are no places.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import isqrt

from torch import Tensor

from batcountry.errors import ModelError

Size = tuple[int, int]


@dataclass(frozen=True)
class Layout:
    """One layer's layout.

    Attributes
    ----------
    kind
        `first` (N, C, h, w), `last` (N, h, w, C), `tokens` (N, T, C) or `flat` (N, C).
    channels
        How many there are.
    grid
        (h, w) in the traced run; None if it has no places.
    picture
        (height, width) of the input in the traced run.
    prefix
        Tokens before the grid's: class and register tokens.
    """

    kind: str
    channels: int
    grid: Size | None
    picture: Size
    prefix: int = 0

    @property
    def stride(self) -> int | None:
        """Pixels from one place to the next, if the traced run shows it."""
        if self.grid is None or 0 in self.grid:
            return None
        (down, rest_y), (right, rest_x) = map(divmod, self.picture, self.grid)
        return down if down == right and not rest_y and not rest_x and self.grid != (1, 1) else None

    def arranged(self, output: Tensor, picture: Size, name: str) -> Tensor:
        """Return a layer's output as (N, C, h, w) or (N, C).

        Parameters
        ----------
        picture
            (height, width) of the network's input.
        name
            The layer's, for the message.

        Raises
        ------
        ModelError
            If its tokens are no grid on a picture of this size.
        """
        if self.kind == "last":
            return output.permute(0, 3, 1, 2)
        if self.kind != "tokens":
            return output
        count = output.shape[1] - self.prefix
        for height, width in self.grids(picture):
            if height * width == count:
                grid = output[:, self.prefix :].transpose(1, 2)
                return grid.reshape(output.shape[0], -1, height, width)
        raise ModelError(
            f"the {count} tokens of {name!r} are no grid on a picture of {picture[1]}×{picture[0]} pixels"
        )

    def grids(self, picture: Size) -> list[Size]:
        """Return the grids that a picture of another size may have: as many places a pixel, rounded either way."""
        assert self.grid is not None
        sides = []
        for now, then, places in zip(picture, self.picture, self.grid, strict=True):
            whole, rest = divmod(now * places, then)
            sides.append((whole, whole + 1) if rest else (whole,))
        return [(height, width) for height, width in product(*sides)]


def layout_of(
    shape: tuple[int, ...], picture: Size, *, prefix: int | None = None, before: str = "first"
) -> Layout | str:
    """Return how the output of a layer lies, or why it cannot be dreamed with.

    Parameters
    ----------
    shape
        Of the output for one picture.
    picture
        (height, width) of that picture.
    prefix
        Tokens before the grid's, if the network says so.
    before
        Kind of the last layer with four axes, for shapes that can be read both ways.
    """
    if not shape:
        return "it gives a single number, which has no places in the picture"
    if shape[0] != 1:
        return f"it gives {_said(shape)}, which is more than one output for one picture"
    if 0 in shape:
        return f"it gives nothing ({_said(shape)})"
    if len(shape) == 2:
        return Layout("flat", shape[1], None, picture)
    if len(shape) == 4:
        ways = {"first": (shape[1], shape[2:]), "last": (shape[3], shape[1:3])}
        fitting = [kind for kind, (_, grid) in ways.items() if _fits(grid, picture)]
        if fitting:
            kind = before if before in fitting else fitting[0]
            channels, grid = ways[kind]
            return Layout(kind, channels, (grid[0], grid[1]), picture)
    if len(shape) == 3:
        for extra in (0, 1) if prefix is None else (prefix,):
            places = _token_grid(shape[1] - extra, picture)
            if places:
                return Layout("tokens", shape[2], places, picture, extra)
        return f"its {shape[1]} tokens are no grid of the picture"
    return f"what it gives ({_said(shape)}) has no places in the picture"


def _fits(grid: tuple[int, ...], picture: Size) -> bool:
    """Whether a grid has the picture's proportions, and no more places than the picture magnified four times."""
    (height, width), (high, wide) = grid, picture
    if high == wide:
        return height == width <= 4 * high
    return abs(height * wide / high - width) <= 1 and height <= 4 * high


def _token_grid(count: int, picture: Size) -> Size | None:
    """Return the one grid of so many places that has the picture's proportions."""
    if picture[0] == picture[1]:
        side = isqrt(max(count, 0))
        return (side, side) if side and side * side == count else None
    found = [
        (height, count // height)
        for height in range(1, count + 1)
        if count % height == 0 and height * picture[1] == count // height * picture[0]
    ]
    return found[0] if len(found) == 1 else None


def _said(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))
