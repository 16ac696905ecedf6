import subprocess
import sys
import threading

import pytest
import torch

import batcountry
from batcountry.backend import allocator


def test_it_may_be_nested_and_used_from_threads_and_ends():
    def use():
        for _ in range(20):
            with allocator.kept_memory(), allocator.kept_memory():
                torch.ones(1 << 20).sum()

    threads = [threading.Thread(target=use) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert allocator._users == 0


def test_it_ends_after_an_error_too():
    try:
        with allocator.kept_memory():
            raise KeyError
    except KeyError:
        pass
    assert allocator._users == 0


class FakeLibc:
    """Writes down what glibc is told."""

    def __init__(self):
        self.told = []

    def mallopt(self, parameter, value):
        self.told.append((parameter, value))
        return 1

    def malloc_trim(self, pad):
        self.told.append(("trim", pad))
        return 1


MMAP_MAX, MMAP_THRESHOLD, TRIM_THRESHOLD = -4, -3, -1  # glibc's malloc.h


@pytest.fixture
def libc(monkeypatch):
    fake = FakeLibc()
    monkeypatch.setattr(allocator, "_glibc", lambda: fake)
    return fake


def test_the_outermost_block_alone_tells_glibc_to_keep_memory_and_at_its_end_to_give_it_back(libc):
    with allocator.kept_memory():
        assert libc.told == [(MMAP_MAX, 0), (TRIM_THRESHOLD, -1)]
        with allocator.kept_memory():
            pass
        assert len(libc.told) == 2
    assert libc.told[2:] == [
        (MMAP_MAX, 65536),
        (MMAP_THRESHOLD, 32 << 20),
        (TRIM_THRESHOLD, 64 << 20),
        ("trim", 0),
    ]


def test_giving_back_trims_and_leaves_the_settings(libc):
    allocator.give_back()
    assert libc.told == [("trim", 0)]


def test_elsewhere_than_with_glibc_nothing_is_done(monkeypatch):
    monkeypatch.setattr(allocator, "_glibc", lambda: None)
    with allocator.kept_memory():
        assert allocator._users == 0
    allocator.give_back()


MEASURE = """
import psutil, torch
from batcountry.backend.allocator import give_back, kept_memory

def held():
    return psutil.Process().memory_info().rss

def use():  # 256 MB, more than any threshold of glibc
    return held() + 0 * int(torch.ones(64 << 20)[0])

use()
before = held()
use()
plain = held()
with kept_memory():
    use()
    kept = held()
    give_back()
    given = held()
    use()
after = held()
print(*(each - before >> 20 for each in (plain, kept, given, after)))
"""


@pytest.mark.skipif(allocator._glibc() is None, reason="needs glibc")
def test_freed_memory_stays_with_the_process_within_a_block_until_it_is_given_back():
    done = subprocess.run([sys.executable, "-c", MEASURE], capture_output=True, text=True, check=True)
    plain, kept, given, after = (int(each) for each in done.stdout.split())
    assert plain < 64
    assert kept > 192
    assert given < 64
    assert after < 64


def test_a_dream_keeps_memory_from_step_to_step_and_no_longer(photo, two_channels):
    if allocator._glibc() is None:
        pytest.skip("needs glibc")
    steps = batcountry.dreaming(photo, model=two_channels, octaves=2, iterations=2)
    assert [allocator._users for _ in steps] == [1] * 4
    assert allocator._users == 0
