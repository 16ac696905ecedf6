"""What a dream will take is said before, and kept to."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from batcountry.backend.devices import used_memory
from batcountry.dreams import planning as memory
from batcountry.dreams.buffers import Buffers
from batcountry.dreams.planning import budget, fits_in_memory, plan, said_bytes, said_seconds
from batcountry.errors import RecipeError
from batcountry.models import open_model
from batcountry.objectives import layer
from batcountry.optim.gradient import whole_gradient
from batcountry.recipe import Recipe
from batcountry.recipe.units import parsed_bytes

CPU = torch.device("cpu")


def planned(sizes, **options):
    model = open_model()
    wanted = layer("blocks.10")
    return plan(model, wanted, whole_gradient(model, wanted), sizes, 10, **options)


def test_small_pictures_are_not_cut():
    assert planned([(64, 64), (96, 96)]).side is None


def test_a_picture_that_does_not_fit_is_cut_so_that_it_does():
    limit = used_memory(CPU) + 1_500_000_000
    found = planned([(2000, 2000)], max_memory=f"{limit}B")
    assert found.side is not None
    assert 64 <= found.side < 1000
    assert found.peak <= limit


def test_more_memory_gives_larger_tiles():
    sides = [
        planned([(4000, 4000)], max_memory=f"{used_memory(CPU) + extra}B", buffers=Buffers(0, 0, 0)).side
        for extra in (500_000_000, 4_000_000_000)
    ]
    assert sides[0] < sides[1]


def test_too_little_memory_says_how_much_is_needed():
    with pytest.raises(RecipeError, match=r"needs at least .* of memory and may have 50 MB"):
        planned([(2000, 2000)], max_memory="50MB")


def test_tiles_that_are_asked_for_are_taken():
    assert planned([(96, 96)], tile=64).side == 64
    assert planned([(96, 96)], tile=0).side is None


def test_what_is_free_is_the_default():
    assert used_memory(CPU) < budget(None, CPU)


def test_huge_pictures_do_not_fit():
    assert fits_in_memory((1000, 1000), Recipe())
    assert not fits_in_memory((100_000, 100_000), Recipe())
    assert not fits_in_memory((4000, 4000), Recipe(max_memory="1GB"))
    assert not fits_in_memory((1000, 1000), Recipe(max_memory="1GB", enlarge=8000))
    assert fits_in_memory((8000, 8000), Recipe(max_memory="1GB", size=800))


@pytest.mark.parametrize(
    ("text", "count"), [("2GB", 2e9), ("800 MB", 8e8), ("1.5GiB", 1.5 * 2**30), ("1000", 1000)]
)
def test_sizes_are_read_with_their_units(text, count):
    assert parsed_bytes(text) == count


@pytest.mark.parametrize("text", ["lots", "", "2 elephants", "-1GB"])
def test_other_sizes_are_refused(text):
    with pytest.raises(RecipeError, match="max_memory"):
        Recipe.of({"max_memory": text})


def test_bytes_and_seconds_are_said_as_people_read_them():
    assert [said_bytes(each) for each in (800_000_000, 1_340_000_000)] == ["800 MB", "1.3 GB"]
    assert [said_seconds(each) for each in (0.2, 12, 150, 7500)] == ["1 s", "12 s", "2 min", "2 h 5 min"]


RUN = """
import sys, numpy as np
from batcountry import dream
dream(np.random.RandomState(0).uniform(0, 255, (1400, 1800, 3)).astype("uint8"), octaves=2, iterations=2,
      precision="exact", max_memory=sys.argv[1])
for line in open("/proc/self/status"):
    if line.startswith("VmHWM"):
        print(int(line.split()[1]) * 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
@pytest.mark.parametrize("limit", [1_500_000_000, 2_200_000_000])
def test_a_dream_keeps_to_its_memory(limit):
    run = subprocess.run([sys.executable, "-c", RUN, f"{limit}B"], capture_output=True, text=True, check=True)
    assert int(run.stdout) < limit


def test_what_compiling_takes_is_no_pixels_cost(monkeypatch):
    compiled, held = [0], []

    def gradient(image, aux_inputs=None):
        if not compiled[0]:
            compiled[0] = 1
            held.append(b"x" * 200_000_000)
        return 0.0, image

    monkeypatch.setattr(memory, "compiled_loops", lambda: compiled[0])
    cost = memory.measured_cost(gradient, (100, 100), torch.device("cpu"))
    assert held and cost.bytes * 100 * 100 < 100_000_000


def test_as_many_pictures_go_together_as_fit(monkeypatch):
    monkeypatch.setattr(memory, "used_memory", lambda _: 100)
    alone = memory.Plan(None, 130, 1.0, 120)

    def together(allowed, most=8):
        return memory.fitting(alone, f"{allowed}B", CPU, most)

    assert [together(allowed) for allowed in (90, 130, 160, 189, 190, 10_000)] == [1, 1, 2, 2, 3, 8]
    assert together(10_000, most=3) == 3
    assert memory.fitting(memory.Plan(64, 130, 1.0, 120), "1GB", CPU, 8) == 1
