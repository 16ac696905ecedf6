"""Receptive fields, against units that are counted one by one."""

import pytest

from batcountry.backend.receptive_field import PIXEL, ReceptiveField, Window

WINDOWS = [Window(1, 1), Window(0, 2, 2), Window(3, 3, 2), Window(), Window(2, 0, 3)]


def counted(windows, unit):
    """The pixels that a unit depends on after layers with these windows."""
    units = {unit}
    for window in reversed(windows):
        units = {
            below
            for above in units
            for below in range(
                above * window.stride - window.before, above * window.stride + window.after + 1
            )
        }
    return min(units), max(units)


@pytest.mark.parametrize("first", WINDOWS)
@pytest.mark.parametrize("second", WINDOWS)
def test_a_field_through_two_windows_is_the_pixels_that_count(first, second):
    field = PIXEL.through(first).through(second)
    for unit in (0, 1, 7):
        start, end = counted([first, second], unit)
        assert (start, end) == (unit * field.stride - field.before, unit * field.stride + field.after)
        assert field.field == end - start + 1
    assert field.grid == field.stride == first.stride * second.stride


def test_layers_that_are_joined_see_what_either_sees_and_have_a_grid_where_their_strides_are_the_same():
    wide, late = PIXEL.through(Window(3, 1, 2)), PIXEL.through(Window(0, 5, 2))
    assert wide.joined(late) == ReceptiveField(2, 3, 5, 2)
    assert wide.joined(PIXEL).grid is None


def test_units_that_are_more_than_their_bottoms_see_no_pixels_in_between():
    field = ReceptiveField(4, 6, 5, 4).through(Window(1, 1, upscale=2))
    assert (field.stride, field.before, field.after) == (2, 8, 7)
    assert ReceptiveField(1, 0, 0, 1).through(Window(0, 0, upscale=2)).grid is None
    assert PIXEL.through(Window(1, 1, 2, even=False)).grid is None
