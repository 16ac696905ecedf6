"""Conditions that are looked at on the spot, or noted until somebody looks."""

import threading

import pytest
import torch

from batcountry.backend.checks import Checks, check

CPU = torch.device("cpu")
YES, NO = torch.tensor(True), torch.tensor(False)


def wrong(text):
    return lambda *evidence: ValueError(text, *(each.tolist() for each in evidence))


def test_what_is_broken_is_said_at_once_with_its_evidence():
    check(NO, wrong("no"), torch.tensor(1))
    with pytest.raises(ValueError, match="size") as error:
        check(YES, wrong("size"), torch.tensor([3, 4]))
    assert error.value.args == ("size", [3, 4])


def test_what_is_noted_is_said_when_somebody_looks_and_not_before():
    checks = Checks(CPU)
    with checks.noting():
        check(YES, wrong("noted"))
    for _ in range(2):
        with pytest.raises(ValueError, match="noted"):
            checks.look()
    with pytest.raises(ValueError, match="at once"):
        check(YES, wrong("at once"))


def test_of_many_steps_the_first_that_broke_is_said_with_what_it_held_then():
    checks, seen = Checks(CPU), torch.tensor([0.0, 0.0])
    for step, (first, second) in enumerate([(NO, NO), (NO, YES), (YES, YES), (NO, NO)]):
        seen.fill_(step)
        with checks.noting():
            check(first, wrong("first"), seen)
            check(second, wrong("second"), seen, 10 * seen)
    with pytest.raises(ValueError, match="second") as error:
        checks.look()
    assert error.value.args == ("second", [1.0, 1.0], [10.0, 10.0])


def test_within_one_step_what_is_checked_first_counts():
    checks = Checks(CPU)
    with checks.noting():
        check(YES, wrong("first"))
        check(YES, wrong("second"))
    with pytest.raises(ValueError, match="first"):
        checks.look()


def test_nothing_is_said_of_what_was_forgotten_or_never_broke():
    checks = Checks(CPU)
    checks.look()
    with checks.noting():
        check(YES, wrong("old"), torch.ones(2))
    checks.clear()
    with checks.noting():
        check(NO, wrong("new"), torch.zeros(2))
    checks.look()


def test_other_threads_are_told_at_once_meanwhile():
    said = []

    def other():
        try:
            check(YES, wrong("other"))
        except ValueError as error:
            said.append(error.args)

    with Checks(CPU).noting():
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert said == [("other",)]
