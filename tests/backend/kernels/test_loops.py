import threading

import numpy as np
import pytest
import torch

pytest.importorskip("numba")

from batcountry.backend.kernels import dispatch as compiled
from batcountry.backend.kernels.loops import lrn
from batcountry.backend.kernels.loops import threads as team


@pytest.fixture(params=["openmp", "threads"])
def threads(request, monkeypatch):
    if request.param == "threads":
        monkeypatch.setattr(team, "_team", lambda: team._plain_threads)
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.mark.parametrize("number", [1, 2, 5])
def test_every_turn_is_taken_once_by_any_number_of_threads(threads, number):
    threads(number)
    x = torch.rand(1, 17, 101, 3).contiguous(memory_format=torch.channels_last)
    y = torch.full_like(x, float("nan"))
    one = int(np.float64(1).view(np.int64))
    lrn.forward["float32"](101, x.data_ptr(), 0, y.data_ptr(), 3, 17, 0, one, one)
    torch.testing.assert_close(y, x * (1 + x * x) ** -0.75)


def test_no_turns_are_no_work(threads):
    lrn.forward["float32"](0, 0, 0, 0, 3, 17, 0, 0, 0)


def test_several_threads_may_run_loops_at_once(threads):
    x = torch.rand(1, 17, 101, 3).contiguous(memory_format=torch.channels_last)
    one, found = int(np.float64(1).view(np.int64)), [torch.empty_like(x) for _ in range(4)]

    def run(y):
        for _ in range(20):
            lrn.forward["float32"](101, x.data_ptr(), 0, y.data_ptr(), 3, 17, 0, one, one)

    workers = [threading.Thread(target=run, args=[y]) for y in found]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    assert all(torch.equal(y, found[0]) for y in found)


def test_a_place_that_cannot_be_written_to_costs_the_cache_only(monkeypatch, tmp_path):
    loop = team.Loop(lrn.forward["float32"]._body, [])
    calls = []

    def cfunc(signature, cache=False, **options):
        calls.append(cache)
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return made

    def made(body):
        body.cache_hits = 0
        return body

    monkeypatch.setattr(team, "cfunc", cfunc)
    assert loop._compiled is loop._body and calls == [True, False]


def test_loops_that_do_not_compile_are_left_to_pytorch_with_a_word(monkeypatch, caplog):
    def broken(self):
        raise TypeError("no such intrinsic\nand more")

    monkeypatch.setattr("batcountry.backend.kernels.loops.threads.Loop.compile", broken)
    compiled.has_numba.cache_clear()
    try:
        assert not compiled.has_numba()
        assert "(no such intrinsic)" in caplog.text
        x = torch.rand(1, 3, 7, 5).contiguous(memory_format=torch.channels_last)
        assert compiled.kind(x) is None
    finally:
        compiled.has_numba.cache_clear()
