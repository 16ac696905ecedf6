from pathlib import Path

import numpy as np
import pytest

from batcountry.backend.allocator import give_back
from fuzz import run as fuzzer
from fuzz.run import WELL, attempt, run
from fuzz.target import Target
from fuzz.targets import all_targets

TARGETS = {target.name: target for target in all_targets()}


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_damaged_inputs_are_read_or_end_in_an_error_of_ours(name):
    ends = run(101, 200, None, [TARGETS[name]])
    assert sum(ends.values()) == 200
    assert all(end.endswith(WELL) for end in ends), ends


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux counts the most memory anew")
def test_what_an_input_takes_is_not_hidden_by_what_another_took_before(monkeypatch):
    monkeypatch.setattr(fuzzer, "MEGABYTES", 60)

    def taking(megabytes):
        return attempt(
            Target("memory", None, lambda _: np.ones(megabytes * 1_000_000, "u1").sum()), Path("x")
        )

    assert [taking(50), taking(10)] == ["read", "read"]
    give_back()  # what tests before this one freed, which could be taken without the process growing
    assert taking(100).startswith("took 1")
