"""What a dream will take is said before, and kept to."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from batcountry.backend.devices import used_memory
from batcountry.backend.memory_limit import MemoryLimit
from batcountry.backend.memory_room import budget
from batcountry.dreams import planning
from batcountry.dreams.buffers import Buffers
from batcountry.dreams.costs import Cost
from batcountry.dreams.planning import fits_in_memory, plan, said_bytes, said_most, said_seconds
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
    assert [said_bytes(each) for each in (15_200, 400_000, 1)] == ["16 kB", "400 kB", "1 kB"]
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


def test_as_many_pictures_go_together_as_fit():
    alone = planning.Plan(None, 130, 1.0, added=30)

    def together(allowed, most=8):
        return planning.fitting(alone, f"{allowed}B", CPU, most)

    assert [together(allowed) for allowed in (90, 130, 160, 189, 190, 10_000)] == [1, 1, 2, 2, 3, 8]
    assert together(10_000, most=3) == 3
    assert planning.fitting(planning.Plan(64, 130, 1.0, added=30), "1GB", CPU, 8) == 1


def test_memory_is_said_to_three_digits_and_never_too_little():
    counts = (612_000_001, 999_000_000, 1_340_000_000, 1_341_000_000, 12_340_000_000, 123_000_000_001)
    assert [said_most(count) for count in counts] == [
        "613 MB", "999 MB", "1.34 GB", "1.35 GB", "12.4 GB", "124 GB"
    ]  # fmt: skip


def test_what_a_picture_took_while_it_was_read_is_said_too():
    alone = planning.Plan(None, 130, 1.0, added=30)
    assert (alone.at_least(120).peak, alone.at_least(170).peak) == (130, 170)


def test_dreams_together_are_kept_to_what_all_of_them_take():
    limit = MemoryLimit(120, (1.0, 2.0), after=7)
    alone = planning.Plan(None, 130, 1.0, added=30, limit=limit)
    assert alone.limit_of(1) == limit
    assert alone.limit_of(4) == MemoryLimit(210, (1.0, 2.0), after=7)
    assert planning.Plan(None, 130, 1.0, added=30).limit_of(4) is None


@pytest.fixture
def costs(monkeypatch):
    """Let a plan have numbers that can be added up on paper: the process has 1,000 bytes, and a pixel costs 10 to 20."""
    cost = Cost(least=10.0, once=12.0, usual=20.0, seconds=0.5, rises=(2.0, 6.0), shape=50)
    monkeypatch.setattr(planning, "measured_cost", lambda *_, **__: cost)
    monkeypatch.setattr(planning, "used_memory", lambda _: 1_000)
    monkeypatch.setattr(planning, "_PYTHON", 0)


BUFFERS = Buffers(during=4.0, between=7.0, finish=5.0)
SIZES = [(4, 5), (8, 10)]


def paper_plan(model, **options):
    wanted = layer("sum")
    given = {"iterations": 3, "buffers": BUFFERS, "max_memory": "1MB", **options}
    return plan(model, wanted, whole_gradient(model, wanted), SIZES, **given)


def test_a_whole_dream_takes_program_shapes_buffers_and_network(two_channels, costs):
    planned = paper_plan(two_channels, count=2)
    # Of 80 pixels: 1,000 + 2 × 50 + 4 × 80, and 20 × 80; of 0.2 and 0.12 of these the share 1 − 6^(−1/4), and 0.06 of the network's.
    network = 1_600 + 0.36106 * (0.12 * 1_600 + 0.2 * 1_420)
    assert planned.limit == MemoryLimit(int(1_420 + network), (1.0, 3.0), after=0)
    assert planned.peak == int(1_420 + 1.06 * network) and planned.added == planned.peak - 1_000
    assert planned.seconds == pytest.approx((20 + 80) * 3 * 0.5)
    assert (planned.side, planned.tiles) == (None, (1, 1))


def test_what_is_worked_out_once_is_kept_to_less_and_makes_room_for_the_update(two_channels, costs):
    planned = paper_plan(two_channels, iterations=1)
    assert planned.limit == MemoryLimit(1_100 + 320 + 960, (2.0, 6.0), after=3 * 80)


def test_with_less_memory_a_dream_is_kept_to_that(two_channels, costs):
    assert paper_plan(two_channels, max_memory="2600B").peak <= 2_600


def test_buffers_can_be_more_than_the_network(two_channels, costs):
    planned = paper_plan(two_channels, buffers=Buffers(4.0, 90.0, 5.0))
    assert planned.peak == 1_100 + 90 * 80


def test_a_dream_whose_buffers_have_no_room_is_refused(two_channels, costs):
    with pytest.raises(
        RecipeError, match=r"a picture of 10×8 pixels needs at least 9 kB of memory and may have 8 kB"
    ):
        paper_plan(two_channels, buffers=Buffers(4.0, 90.0, 5.0), max_memory="8000B")
