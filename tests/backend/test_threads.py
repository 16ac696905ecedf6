"""PyTorch's threads follow what a container may use, unless somebody said how many."""

import os
import threading

import psutil
import pytest
import torch

from batcountry import dreaming, open_model
from batcountry.backend import threads
from batcountry.backend.threads import cpu_quota, limited_threads, thread_limit, usable_cpus, with_threads


@pytest.fixture
def group(tmp_path):
    """A folder of control groups, with the files that are asked for."""

    def write(files):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(f"{text}\n")
        return tmp_path

    return write


def old(quota, period=100000):
    return {"cpu/cpu.cfs_quota_us": quota, "cpu/cpu.cfs_period_us": period}


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({}, float("inf")),
        ({"cpu.max": "max 100000"}, float("inf")),
        ({"cpu.max": "200000 100000"}, 2),
        ({"cpu.max": "25000 50000"}, 0.5),
        ({"cpu.max": "lots"}, float("inf")),
        (old(-1), float("inf")),
        (old(150000), 1.5),
        (old("lots"), float("inf")),
        ({"cpu.max": "300000 100000", **old(-1)}, 3),
        ({"cpu.max": "max 100000", **old(-1)}, float("inf")),
    ],
)
def test_the_quota_is_read_from_either_version_of_control_groups(group, files, quota):
    assert cpu_quota(group(files)) == quota


@pytest.mark.parametrize(
    ("quota", "cpus"), [("200000", 2), ("150000", 2), ("1000", 1), ("900000", 4), ("max", 4)]
)
def test_a_process_may_use_its_quota_and_no_more_than_its_affinity(group, monkeypatch, quota, cpus):
    monkeypatch.setattr(threads, "_affinity", lambda: 4)
    assert usable_cpus(group({"cpu.max": f"{quota} 100000"})) == cpus


@pytest.fixture
def eight_cores(monkeypatch):
    """A computer with 8 cores, a quota of 2, and nothing said of threads; gives the numbers that PyTorch is told."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    told = [8]
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(psutil, "cpu_count", lambda logical=True: 8 if logical else 4)
    monkeypatch.setattr(threads, "_affinity", lambda: 8)
    monkeypatch.setattr(threads, "cpu_quota", lambda *_: 2.0)
    monkeypatch.setattr(torch, "get_num_threads", lambda: told[-1])
    monkeypatch.setattr(torch, "set_num_threads", told.append)
    return told


def test_threads_are_limited_to_the_quota_within_the_block_and_put_back(eight_cores):
    with limited_threads():
        assert eight_cores == [8, 2]
    assert eight_cores == [8, 2, 8]


def test_an_error_puts_them_back_too(eight_cores):
    with pytest.raises(KeyError), limited_threads():
        raise KeyError
    assert eight_cores == [8, 2, 8]


def test_within_a_block_that_says_how_many_there_are_as_many(eight_cores):
    with limited_threads(5):
        assert thread_limit() == 5
        with limited_threads():
            assert eight_cores == [8, 5]
    assert eight_cores == [8, 5, 8]


def test_opening_a_model_and_dreaming_leave_the_number_as_it_was(eight_cores, photo):
    model = open_model()
    assert eight_cores == [8, 2, 8]
    seen = []
    for _ in dreaming(photo, model=model, octaves=2, iterations=2):
        seen.append(torch.get_num_threads())
    assert set(seen) == {8} and set(eight_cores) == {8, 2} and eight_cores[-1] == 8


def test_steps_compute_with_as_many_as_is_said_and_others_see_nothing_of_it(eight_cores):
    def steps():
        for _ in range(2):
            yield torch.get_num_threads()

    for number in with_threads(steps(), 3):
        assert (number, torch.get_num_threads()) == (3, 8)


def test_what_is_left_half_done_is_closed(eight_cores):
    closed = []

    def steps():
        try:
            yield 1
        finally:
            closed.append(True)

    some = with_threads(steps())
    next(some)
    some.close()
    assert closed == [True] and torch.get_num_threads() == 8


def test_blocks_in_several_threads_put_back_what_was_there_before_all(monkeypatch):
    """PyTorch's number is one for each thread, which new threads have from the last that was set anywhere."""
    here, last = threading.local(), [8]

    def get():
        here.number = getattr(here, "number", last[0])
        return here.number

    def put(number):
        here.number = last[0] = number

    monkeypatch.setattr(torch, "get_num_threads", get)
    monkeypatch.setattr(torch, "set_num_threads", put)
    left = []

    def other():
        with limited_threads(3):
            assert get() == 3
        left.append(get())

    with limited_threads(2):
        worker = threading.Thread(target=other)
        worker.start()
        worker.join()
        assert get() == 2
    assert left == [8] and get() == 8 and last == [8]


@pytest.mark.parametrize("name", ["OMP_NUM_THREADS", "MKL_NUM_THREADS"])
def test_a_number_of_threads_in_the_environment_stays(eight_cores, monkeypatch, name):
    monkeypatch.setenv(name, "8")
    assert thread_limit() == 8


@pytest.mark.parametrize("number", [1, 3, 6, 16])
def test_a_number_of_threads_that_the_caller_chose_stays(eight_cores, number):
    eight_cores.append(number)
    with limited_threads():
        assert eight_cores == [8, number]


@pytest.mark.parametrize("quota", [float("inf"), 8.0, 20.0])
def test_threads_stay_where_the_quota_has_room_for_them(eight_cores, monkeypatch, quota):
    monkeypatch.setattr(threads, "cpu_quota", lambda *_: quota)
    assert thread_limit() == 8
