"""How a gradient is worked out within the memory that there is."""

from __future__ import annotations

import pytest

from batcountry.dreams.costs import Cost
from batcountry.dreams.cuts import OVER, SPARE, Cut, Cutting, Views
from batcountry.errors import RecipeError
from batcountry.image.periodic import NO_WRAP
from batcountry.models import open_model
from batcountry.objectives import layer
from batcountry.optim.tiles import Seen

COST = Cost(least=10.0, once=12.0, usual=20.0, seconds=1.0)
WHOLE = [Seen(1, 1, 30, 30), Seen(1, 1, 100, 100)]


def whole(room: float, iterations: int = 2) -> Cut:
    return Cut(None, WHOLE, COST, 500.0, room, iterations)


def test_a_network_is_kept_to_what_it_usually_takes_and_what_that_grows_by_where_there_is_room():
    # Two octaves of two iterations: of 0.12 of the network's and 0.2 of all else, the share 1 − 1/√2.
    assert whole(1e6).bytes == pytest.approx(2_000 + 0.2929 * (240 + 100), abs=0.1) and whole(1e6).keeps_all
    assert whole(1e6).work == 130 * 2


def test_what_is_worked_out_once_keeps_nothing_for_another_time():
    assert whole(1e6, iterations=1).bytes == 1_200 and not whole(1e6, iterations=1).keeps_all
    # Of two tiles the second one uses what the first one left.
    tiled = Cut(64, [Seen(1, 2, 100, 200)], COST, 500.0, 1e6, 1)
    assert tiled.bytes == pytest.approx(2_000 + 0.1591 * (240 + 100), abs=0.1) and tiled.work == 200


def test_with_less_room_it_is_kept_to_that_and_takes_longer():
    cut = whole(1_600 * (1 + OVER))
    assert cut.bytes == pytest.approx(1_600) and cut.fits and not cut.keeps_all
    assert 260 < cut.work < 520


def test_with_less_than_it_needs_it_does_not_fit():
    assert whole(1_150 * (1 + OVER) + 1).fits
    assert not whole(1_150).fits
    assert whole(0).bytes == pytest.approx(SPARE * 1_000)


def cutting(room: float, name: str = "blocks.3", side: int = 2000) -> Cutting:
    return Cutting(open_model(), layer(name), [(side, side)], NO_WRAP, COST, 0.0, room, 4)


def test_the_quickest_way_is_whole_where_that_fits_and_else_the_largest_tiles_that_do():
    assert cutting(1e9).quickest().side is None
    sides = [cutting(room).quickest().side for room in (2e6, 2e7)]
    assert sides[0] < sides[1] < 2000
    for room in (2e6, 2e7):
        assert cutting(room).quickest().bytes * (1 + OVER) <= room


def test_with_a_little_less_than_usual_giving_back_is_quicker_than_tiles():
    cut = cutting(0.95 * 20 * 400 * 400, "blocks.10", side=400).quickest()
    assert cut.side is None and not cut.keeps_all


def test_where_nothing_fits_there_is_no_way():
    assert cutting(1_000).quickest() is None


def test_where_there_can_be_no_tiles_that_is_said_if_the_whole_does_not_fit():
    assert cutting(4e7 * SPARE * (1 + OVER) * 1.01, "logits").quickest().side is None
    with pytest.raises(RecipeError, match="cannot be worked out in tiles"):
        cutting(1e7, "logits").quickest()


@pytest.mark.parametrize(("room", "at_once"), [(1e6, 6), (7_000, 3), (3_000, 2), (1_300, 1)])
def test_as_many_views_go_at_once_as_there_is_room_for_in_batches_of_one_size(room, at_once):
    one = Cutting(open_model(), layer("blocks.3"), [(10, 10)], NO_WRAP, COST, 0.0, room, 4)
    found, cut = Views(6).cut(one, None)
    assert (found, cut.side, cut.fits) == (at_once, None, True)
    assert cut.work * cut.cost.seconds >= 6 * 100 * 4  # all views of all iterations


def test_views_that_are_said_to_go_at_once_do_and_tiles_are_of_one_view():
    assert Views(6, 4).cut(cutting(1e12), None)[0] == 4
    assert Views(6, 9).cut(cutting(1e12), 0)[0] == 6
    assert Views(6).cut(cutting(1e12), 256)[0] == 1
    found, cut = Views(6).cut(cutting(2e7), None)
    assert found == 1 and cut.side
