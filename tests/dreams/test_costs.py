"""What the gradient of a pixel costs is measured on a small picture."""

from __future__ import annotations

import torch

from batcountry.dreams import costs
from batcountry.dreams.costs import measured_cost, octave_cost, octave_probe, probe_sizes

CPU = torch.device("cpu")


def test_octaves_are_measured_that_are_not_much_smaller_than_a_probe():
    sizes = [(90, 90), (126, 126), (180, 180), (250, 250), (350, 350)]
    assert probe_sizes(sizes, lambda _: False) == [(250, 250), (180, 180)]


def test_of_larger_octaves_pieces_are_measured_that_the_network_runs_on():
    assert probe_sizes([(900, 240)], lambda _: True) == [(256, 240), (224, 224)]
    assert probe_sizes([(900, 700)], lambda size: size[0] >= 299) == [(384, 384)]
    assert probe_sizes([(300, 300), (900, 700)], lambda _: False) == [(300, 300)]


def test_what_compiling_takes_is_no_pixels_cost(monkeypatch):
    compiled, held = [0], []

    def gradient(image, _=None):
        if not compiled[0]:
            compiled[0] = 1
            held.append(b"x" * 200_000_000)
        return 0.0, image

    monkeypatch.setattr(costs, "compiled_loops", lambda: compiled[0])
    cost = measured_cost(gradient, [(100, 100)], CPU)
    assert held and cost.usual * 100 * 100 < 100_000_000


def test_a_gradient_costs_what_it_has_in_use_at_once():
    def gradient(image, _=None):
        leaf = image.detach().requires_grad_()
        value = leaf
        for _ in range(10):
            value = torch.exp(value * 0)  # keeps its result, of 12 bytes a pixel
        return 0.0, torch.autograd.grad(value.sum(), leaf)[0]

    cost = measured_cost(gradient, [(500, 500), (400, 400)], CPU)
    # Ten results, and two or three more pictures while one is made of another.
    assert 120 <= cost.least <= 170
    assert cost.least <= cost.once <= cost.usual
    assert cost.seconds > 0


def test_on_a_card_the_largest_octave_is_measured_that_is_not_very_large():
    assert octave_probe([(210, 373), (575, 1024)]) == (575, 1024)
    assert octave_probe([(575, 1024), (805, 1434)]) == (575, 1024)
    assert octave_probe([(3000, 700), (4200, 980)]) == (1024, 700)


def test_on_a_card_nothing_is_measured_but_that_octave_and_nothing_grows():
    sizes = []

    def gradient(image, _=None):
        sizes.append(tuple(image.shape))
        return torch.zeros(()), image

    cost = octave_cost(gradient, [(20, 30), (40, 60)], CPU, channels=4)
    assert sizes == [(1, 4, 40, 60)] * 2
    assert cost.least == cost.once == cost.usual
    assert not cost.grows
