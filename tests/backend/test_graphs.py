"""Work as CUDA graphs, and how steps run on which device."""

import threading

import pytest
import torch

from batcountry.backend.graphs import NotCapturedError, StepGraph, step_kind, steps_run

CPU, CARD = torch.device("cpu"), torch.device("cuda", 0)

on_card = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA card here")


def test_steps_are_plain_on_the_cpu_captured_with_cuda_and_static_on_other_devices():
    kinds = [step_kind(torch.device(name)) for name in ("cpu", "cuda:1", "mps", "xpu")]
    assert kinds == ["plain", "captured", "static", "static"]


def test_steps_run_as_is_asked_within_the_block_where_that_can_be():
    with steps_run("captured"):
        assert (step_kind(CPU), step_kind(CARD)) == ("static", "captured")
        with steps_run("plain"):
            assert (step_kind(CPU), step_kind(CARD)) == ("plain", "plain")
        assert step_kind(CPU) == "static"
    assert step_kind(CPU) == "plain"


def test_what_is_asked_for_holds_in_its_own_thread_alone():
    kinds = []
    with steps_run("static"):
        thread = threading.Thread(target=lambda: kinds.append(step_kind(CPU)))
        thread.start()
        thread.join()
    assert kinds == ["plain"]


@pytest.mark.cuda
@on_card
def test_a_graph_does_its_work_each_time_it_is_started():
    x, y = torch.arange(5.0, device=CARD), torch.zeros(5, device=CARD)

    def work():
        y.add_(x * 2)

    work()
    graph = StepGraph(work, CARD)
    for _ in range(3):
        graph.replay()
    x.fill_(1)
    graph.replay()
    assert y.tolist() == [2 + 8 * each for each in range(5)]


@pytest.mark.cuda
@on_card
def test_graphs_of_one_card_share_their_memory_and_not_their_results():
    results = [torch.zeros(1000, 1000, device=CARD) for _ in range(3)]
    source = torch.ones(1000, 1000, device=CARD)
    graphs = []
    for number, result in enumerate(results):

        def work(number=number, result=result):
            result.copy_(((source + number) * 2).sqrt())

        work()
        graphs.append(StepGraph(work, CARD))
    for graph in [*graphs, *reversed(graphs)]:
        graph.replay()
    assert [round(float(each.mean()) ** 2) for each in results] == [2, 4, 6]


@pytest.mark.cuda
@on_card
def test_work_that_reads_is_refused_and_other_work_goes_on():
    x = torch.ones(3, device=CARD)
    with pytest.raises(NotCapturedError):
        StepGraph(lambda: float(x.sum()), CARD)
    assert float(x.sum()) == 3
    StepGraph(lambda: x.mul_(2), CARD).replay()
    assert x.tolist() == [2, 2, 2]
