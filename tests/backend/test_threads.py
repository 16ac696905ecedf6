"""PyTorch's threads follow what a container may use, unless somebody said how many."""

import os

import psutil
import pytest
import torch

from batcountry import open_model
from batcountry.backend import threads
from batcountry.backend.threads import cpu_quota, limit_threads, usable_cpus


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
    limit_threads.cache_clear()
    yield told
    limit_threads.cache_clear()


def test_opening_a_model_limits_threads_to_the_quota_once(eight_cores):
    open_model()
    assert eight_cores == [8, 2]
    eight_cores.append(8)  # what a caller sets later stays
    open_model()
    assert eight_cores == [8, 2, 8]


def test_dreaming_with_a_model_of_one_s_own_does_too(eight_cores, photo, two_channels):
    from batcountry import Recipe
    from batcountry.dreams.resolve import resolve

    resolve(Recipe(), {"model": two_channels})
    assert eight_cores == [8, 2]


@pytest.mark.parametrize("name", ["OMP_NUM_THREADS", "MKL_NUM_THREADS"])
def test_a_number_of_threads_in_the_environment_stays(eight_cores, monkeypatch, name):
    monkeypatch.setenv(name, "8")
    limit_threads()
    assert eight_cores == [8]


@pytest.mark.parametrize("number", [1, 3, 6, 16])
def test_a_number_of_threads_that_the_caller_chose_stays(eight_cores, number):
    eight_cores.append(number)
    limit_threads()
    assert eight_cores == [8, number]


@pytest.mark.parametrize("quota", [float("inf"), 8.0, 20.0])
def test_threads_stay_where_the_quota_has_room_for_them(eight_cores, monkeypatch, quota):
    monkeypatch.setattr(threads, "cpu_quota", lambda *_: quota)
    limit_threads()
    assert eight_cores == [8]
