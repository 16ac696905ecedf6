"""Work side by side: in order, bounded, and nothing left behind when a part of it ends early."""

from __future__ import annotations

import logging
import threading
import time

import pytest

from batcountry.backend.side_by_side import ahead, behind, together
from batcountry.errors import PictureError


@pytest.fixture(autouse=True)
def _no_thread_is_left():
    before = threading.active_count()
    yield
    assert threading.active_count() == before


def numbers(begin: int = 0):
    yield from range(begin, 10)


@pytest.mark.parametrize("most", [1, 3, 20])
def test_what_is_made_ahead_comes_in_order(most):
    assert list(ahead(numbers(), most)) == list(range(10))


def test_who_is_ahead_waits_when_enough_is_made():
    made = []
    items = ahead((made.append(each) or each for each in numbers()), 2)
    assert next(items) == 0
    time.sleep(0.05)  # time enough to make all
    assert len(made) <= 4  # one was taken, two wait, and one finds no room
    items.close()


def test_an_error_ahead_comes_after_what_was_made_before_it():
    def failing():
        yield 1
        raise PictureError("no more")

    items = ahead(failing())
    assert next(items) == 1
    with pytest.raises(PictureError, match="no more"):
        next(items)


def test_when_it_is_closed_what_is_ahead_is_closed_too():
    closed = threading.Event()

    def endless():
        try:
            while True:
                yield 0
        finally:
            closed.set()

    items = ahead(endless(), 1)
    next(items)
    items.close()
    assert closed.is_set()


def test_what_a_stage_says_is_said_by_the_thread_that_takes_its_items(caplog):
    def saying():
        logging.getLogger("batcountry").warning("damaged")
        yield 1

    with caplog.at_level(logging.WARNING, "batcountry"):
        assert list(ahead(saying())) == [1]
    assert [(each.getMessage(), each.thread) for each in caplog.records] == [
        ("damaged", threading.get_ident())
    ]


@pytest.mark.parametrize("workers", [1, 3])
def test_items_worked_on_together_come_in_order(workers):
    def slow_at_first(number):
        time.sleep(0.02 if number == 0 else 0)
        return number * number

    assert list(together(slow_at_first, numbers(), workers)) == [each**2 for each in range(10)]


def test_a_slow_store_holds_the_dream_up():
    made, most_waiting = [], []

    def store(number):
        time.sleep(0.01)
        most_waiting.append(len(made) - number)
        return number

    assert list(behind(store, (made.append(each) or each for each in numbers()), 2)) == list(range(10))
    assert max(most_waiting) <= 4  # two wait, one is stored, and one was just made


def test_an_error_of_the_store_ends_it_before_the_next_item_and_nothing_is_stored_after_it():
    made, stored = [], []

    def store(number):
        if number == 2:
            raise OSError("full")
        stored.append(number)
        return number

    def making():
        for each in numbers():
            made.append(each)
            yield each
            time.sleep(0.02)  # so long that the store has failed

    with pytest.raises(OSError, match="full"):
        list(behind(store, making(), 3))
    assert stored == [0, 1] and len(made) <= 4


def test_what_was_made_before_an_error_is_stored():
    stored = []

    def failing():
        yield from (1, 2)
        raise PictureError("no more")

    with pytest.raises(PictureError, match="no more"):
        list(behind(stored.append, failing()))
    assert stored == [1, 2]
