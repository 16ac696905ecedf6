"""Things that are kept for the next who needs one."""

from batcountry.backend.idle import Idle


def test_what_is_taken_is_the_takers_alone():
    idle = Idle()
    idle.put("a", 1)
    assert (idle.take("a"), idle.take("a"), idle.take("b")) == (1, None, None)


def test_of_two_with_one_key_the_later_one_is_kept():
    idle = Idle()
    idle.put("a", 1)
    idle.put("a", 2)
    assert len(idle) == 1
    assert idle.take("a") == 2


def test_what_was_not_used_for_longest_goes_when_there_is_too_much():
    idle = Idle(most=10)
    idle.put("a", 1, 4)
    idle.put("b", 2, 4)
    idle.put("a", idle.take("a"), 4)
    idle.put("c", 3, 4)
    assert (idle.take("b"), idle.take("a"), idle.take("c")) == (None, 1, 3)


def test_no_more_things_are_kept_than_anybody_needs_and_none_after_clearing():
    idle = Idle()
    for number in range(100):
        idle.put(number, number)
    assert len(idle) == 64
    assert idle.take(35) is None
    assert idle.take(36) == 36
    idle.clear()
    assert len(idle) == 0
