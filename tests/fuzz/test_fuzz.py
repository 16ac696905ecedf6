import pytest

from fuzz.run import WELL, run
from fuzz.targets import all_targets

TARGETS = {each.name: each for each in all_targets()}


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_damaged_inputs_are_read_or_end_in_an_error_of_ours(name):
    ends = run(101, 200, None, [TARGETS[name]])
    assert sum(ends.values()) == 200
    assert all(each.endswith(WELL) for each in ends), ends
