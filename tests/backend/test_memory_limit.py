"""A gradient keeps to the memory that it is given, and what it takes is measured from one saved tensor to the next."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from batcountry.backend import memory_limit
from batcountry.backend.allocator import keeps_memory
from batcountry.backend.memory_limit import MemoryLimit

needs_glibc = pytest.mark.skipif(not keeps_memory(), reason="needs glibc's malloc")

GROWTH = """
import torch
from batcountry.backend.allocator import kept_memory
from batcountry.backend.memory_limit import measured_growth

def work():
    value = torch.ones(2_000_000, requires_grad=True)  # 8 MB
    for _ in range(3):
        torch.ones(4_000_000).sum()  # 16 MB, which are free at once
        value = torch.exp(value)  # 8 MB, saved
    value.sum().backward()

work()
with kept_memory():
    growth = measured_growth(work)
print(growth.peak, *growth.rises)
"""

LIMITED = """
import torch
from batcountry.backend.allocator import give_back, kept_memory, peak_memory, resident_memory
from batcountry.backend.memory_limit import MemoryLimit, measured_growth

def work():
    value, others = torch.ones(1_000_000, requires_grad=True), []
    for _ in range(8):  # 32 MB are saved, with 64 MB between them
        others.append(torch.ones(2_000_000))
        value = torch.exp(value * 1e-3)
    others.clear()
    value = torch.exp(value)
    torch.ones(15_000_000).sum()  # 60 MB, which fit into no hole
    torch.exp(value).sum().backward()

def taken(do):
    give_back()
    before = resident_memory()
    do()
    return (peak_memory() - before) / growth.peak

def limited():
    ceiling = resident_memory() + int(1.1 * growth.peak)
    with MemoryLimit(ceiling, [each / 1_000_000 for each in growth.rises]).over(1_000_000):
        work()

work()
with kept_memory():
    growth = measured_growth(work)
    print(taken(limited), taken(work))
"""


def numbers(program: str) -> list[float]:
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return [float(each) for each in run.stdout.split()]


@needs_glibc
def test_what_a_gradient_takes_is_measured_from_one_saved_tensor_to_the_next():
    peak, first, *others = numbers(GROWTH)
    # The leaf, three results and 16 MB beside two of them, or the gradient's two 8 MB beside all four.
    assert 40e6 <= peak <= 50e6
    assert (
        23e6 <= first <= 34e6
    )  # the leaf, what is free at once, and the result, if it is not in the place of that
    assert len(others) == 6  # three tensors on the way there and three on the way back, and the end


@needs_glibc
def test_a_gradient_that_would_take_more_keeps_to_its_limit():
    limited, free = numbers(LIMITED)
    assert limited <= 1.25
    assert free >= 1.4


@pytest.fixture
def process(monkeypatch):
    """A process that has 100 bytes, and gives back up to 30 of them."""
    state = {"has": 100, "gave": []}

    def give_back_some(count):
        state["gave"].append(count)
        state["has"] -= min(count, 30)

    monkeypatch.setattr(memory_limit, "resident_memory", lambda: state["has"])
    monkeypatch.setattr(memory_limit, "give_back_some", give_back_some)
    return state


def exp(value: torch.Tensor) -> torch.Tensor:
    return torch.exp(value)


def test_as_much_is_given_back_as_the_next_rise_needs(process):
    with MemoryLimit(ceiling=120, rises=(50.0, 3.0, 5.0)).over(10):
        exp(torch.ones(1, requires_grad=True))  # one tensor is saved, after which 3 × 10 bytes are to come
    assert process["gave"] == [10]


def test_where_there_is_room_nothing_is_given_back(process):
    with MemoryLimit(ceiling=131, rises=(50.0, 3.0, 5.0)).over(10):
        exp(torch.ones(1, requires_grad=True))
    assert process["gave"] == []


def test_what_others_have_is_not_looked_for_again_and_again(process):
    with MemoryLimit(ceiling=20, rises=(0.0,) * 9).over(10):
        value = torch.ones(1, requires_grad=True)
        for _ in range(4):
            value = exp(value)
    assert process["gave"] == [80]


def test_room_is_made_for_what_comes_after(process):
    MemoryLimit(ceiling=120).make_room(25)
    MemoryLimit(ceiling=130).make_room(25)
    MemoryLimit(ceiling=90).make_room(0)
    assert process["gave"] == [5]
