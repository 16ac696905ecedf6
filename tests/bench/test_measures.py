"""What a machine does, measured with a network of two channels."""

import numpy as np
import pytest

from batcountry.bench import Result, Sizes, benchmarks, machine_facts
from batcountry.errors import RecipeError

TINY = Sizes(picture=(48, 32), frame=(32, 24), seconds=0.1, most=2, frames=3, preset="thumbnail")


def test_each_measure_gives_a_number_of_what_it_says(two_channels):
    results = [each.run() for each in benchmarks(two_channels, "cpu", TINY)]
    assert [each.unit for each in results] == ["s", "s", "", "frames/s", "s a picture"]
    assert "use the precision exact" in results[2].note  # what this network says of fast
    for each in results[:2] + results[3:]:
        assert np.isfinite(each.value) and each.value > 0, each
        assert each.runs >= 1
    assert [each.name for each in results][:3] == [
        "first dream, 48×32",
        "dream, 48×32, exact",
        "dream, 48×32, fast",
    ]
    assert results[1].runs <= 2 and results[3].runs <= 3
    assert "channels of sum" in results[4].note  # it has no classes


def test_what_cannot_be_measured_says_why(two_channels):
    name = benchmarks(two_channels, "cpu", Sizes(picture=(48, 32), preset="none of these"))[4]
    result = name.run()
    assert result.value is None and "none of these" in result.note
    assert str(result) == "not measured"


def test_a_network_that_cannot_be_opened_is_said_in_each_measure():
    results = [each.run() for each in benchmarks("no-such-net", "cpu", TINY)]
    assert all("no-such-net" in each.note for each in results)


def test_numbers_are_said_to_three_digits():
    assert str(Result("x", 0.123456, "s", 1)) == "0.123 s"
    assert str(Result("x", 61.27, "frames/s", 1)) == "61.3 frames/s"


def test_the_facts_name_versions_device_and_processor():
    facts = machine_facts("cpu")
    assert facts["device"].startswith("cpu, ") and facts["device"].endswith("GB")
    assert all(facts[each] for each in ("bat-country", "torch", "Python", "processor", "threads"))
    with pytest.raises(RecipeError, match="cuda:77"):
        machine_facts("cuda:77")
