"""Convolutions with windows of 3×3 by 16 multiplications for 2×2 results, where 36 are usual.

Winograd's F(2×2, 3×3) as Lavin and Gray (2016) use it. Each tile of 4×4 pixels is transformed by additions; a product of
matrices with transformed weights adds up its channels, one for each of the 16 places; additions make 2×2 results of
those. Some tiles at a time go through all of it, so that what lies between stays in the processor's cache.
"""

import numpy as np
from numba import njit, types

from batcountry.backend.kernels.loops.arguments import FLOATS, arrays, bits_in, bytes_behind
from batcountry.backend.kernels.loops.channels import number
from batcountry.backend.kernels.loops.gemm_tile import COLUMNS, ROWS, add_products, no_sums, put_sums
from batcountry.backend.kernels.loops.simd import LANES, all_of, clamped, load, store
from batcountry.backend.kernels.loops.threads import loops_of, seat, turn

TILES = 2 * ROWS
"""How many tiles are a turn of the loop."""

_PLACES = 16

# Arguments: addresses of pixels, weights, the bias as float32, results, and the threads' workspaces; how many bytes each of
# those has; images, rows, columns, and channels; rows, columns, and channels of the results; padding above and on
# the left; the least and the largest result as bits of float64; how many numbers are multiplied at once.


def workspace(channels: int, itemsize: int) -> int:
    """Return how many bytes a thread needs for an input of so many channels."""
    return _PLACES * (TILES * COLUMNS * 4 + (TILES + 1) * channels * itemsize)


def _convolve(a):
    x, weights, bias, y, spaces = arrays(a)
    products = bytes_behind(spaces, seat(a) * a[7], bias)
    transformed = bytes_behind(products, _PLACES * TILES * COLUMNS * 4, x)
    patch = bytes_behind(transformed, _PLACES * TILES * a[11] * (bits_in(x) // 8), x)
    tiles = a[8] * _half(a[12]) * _half(a[13])
    block = turn(a)
    while block >= 0:
        first = block * TILES
        count = min(TILES, tiles - first)
        _read_tiles(a, x, patch, first, count, transformed)
        for out in range(0, a[14], COLUMNS):
            _multiply(a, transformed, weights, out, products, count)
            _write_tiles(a, products, bias, out, y, first, count)
        block = turn(a)


@njit(inline="always")
def _half(size):
    return (size + 1) // 2


@njit(inline="always")
def _position(a, tile):
    """Return the image of a tile, and the row and column of its first result."""
    down, across = np.uint32(_half(a[12])), np.uint32(_half(a[13]))
    row = np.uint32(tile) // across
    column = np.uint32(tile) - row * across
    image = row // down
    return np.int64(image), np.int64(row - image * down) * 2, np.int64(column) * 2


@njit
def _read_tiles(a, x, patch, first, count, out):
    """Write the transforms of some tiles, place by place."""
    rows, columns, channels = a[9], a[10], a[11]
    for tile in range(count):
        image, top, left = _position(a, first + tile)
        top, left = top - a[15], left - a[16]
        if top >= 0 and left >= 0 and top + 4 <= rows and left + 4 <= columns:
            at = ((image * rows + top) * columns + left) * channels
            _transform(x, at, columns * channels, channels, out, tile * channels)
        else:
            _copy_patch(x, image * rows * columns, rows, columns, top, left, channels, patch)
            _transform(patch, 0, 4 * channels, channels, out, tile * channels)


@njit
def _copy_patch(x, start, rows, columns, top, left, channels, patch):
    """Copy a tile's pixels, with zeros for what lies beside the picture."""
    nothing = all_of(np.float32(0))
    for i in range(4):
        for j in range(4):
            row, column, to = top + i, left + j, (4 * i + j) * channels
            there = row >= 0 and row < rows and column >= 0 and column < columns
            at = (start + row * columns + column) * channels
            for c in range(0, channels, LANES):
                store(patch, to + c, load(x, at + c) if there else nothing)


@njit(inline="always")
def _transform(x, at, down, channels, out, to):
    """Write the transform of a tile whose first pixel is at `at`, for each of its places."""
    apart = TILES * channels
    for c in range(0, channels, LANES):
        here, to_here = at + c, to + c
        a, e, i, m = _differences_down(x, here, down)
        b, f, j, n = _differences_down(x, here + channels, down)
        c_, g, k, o = _differences_down(x, here + 2 * channels, down)
        d, h, l_, p = _differences_down(x, here + 3 * channels, down)
        _put_four(out, to_here, apart, _differences(a, b, c_, d))
        _put_four(out, to_here + 4 * apart, apart, _differences(e, f, g, h))
        _put_four(out, to_here + 8 * apart, apart, _differences(i, j, k, l_))
        _put_four(out, to_here + 12 * apart, apart, _differences(m, n, o, p))


@njit(inline="always")
def _differences(a, b, c, d):
    return a - c, b + c, c - b, b - d


@njit(inline="always")
def _differences_down(x, at, down):
    return _differences(load(x, at), load(x, at + down), load(x, at + 2 * down), load(x, at + 3 * down))


@njit(inline="always")
def _put_four(out, at, apart, four):
    store(out, at, four[0])
    store(out, at + apart, four[1])
    store(out, at + 2 * apart, four[2])
    store(out, at + 3 * apart, four[3])


@njit
def _multiply(a, transformed, weights, out, products, count):
    """Add up over channels, for `COLUMNS` channels of the results from `out` on."""
    channels, together = a[11], a[19]
    for place in range(_PLACES):
        start = (out * _PLACES + place * COLUMNS) * channels
        for tile in range(place * TILES, place * TILES + count, ROWS):
            found = no_sums()
            for c in range(0, channels, together):
                at = tile * channels + c
                found = add_products(found, transformed, at, channels, weights, start + c * COLUMNS)
            put_sums(products, tile * COLUMNS, COLUMNS, found)


@njit
def _write_tiles(a, products, bias, out, y, first, count):
    """Write the results of some tiles, of at most `COLUMNS` channels from `out` on."""
    rows, columns, channels = a[12], a[13], a[14]
    least, most = number(a[17]), number(a[18])
    down = columns * channels
    for tile in range(count):
        image, row, column = _position(a, first + tile)
        pixel = ((image * rows + row) * columns + column) * channels
        below, right = row + 1 < rows, column + 1 < columns
        for c in range(out, min(out + COLUMNS, channels), LANES):
            at, to, more = tile * COLUMNS + c - out, pixel + c, load(bias, c)
            a0, a1 = _sums_of_four(products, at)
            b0, b1 = _sums_of_four(products, at + 4 * TILES * COLUMNS)
            c0, c1 = _sums_of_four(products, at + 8 * TILES * COLUMNS)
            d0, d1 = _sums_of_four(products, at + 12 * TILES * COLUMNS)
            store(y, to, clamped(a0 + b0 + c0 + more, least, most))
            if right:
                store(y, to + channels, clamped(a1 + b1 + c1 + more, least, most))
            if below:
                store(y, to + down, clamped(b0 - c0 - d0 + more, least, most))
            if below and right:
                store(y, to + down + channels, clamped(b1 - c1 - d1 + more, least, most))


@njit(inline="always")
def _sums_of_four(products, at):
    apart = TILES * COLUMNS
    b, c = load(products, at + apart), load(products, at + 2 * apart)
    return load(products, at) + b + c, b - c - load(products, at + 3 * apart)


convolve = loops_of(_convolve, FLOATS, FLOATS, types.float32, FLOATS, types.uint8)
