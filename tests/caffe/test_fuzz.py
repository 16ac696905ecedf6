import pytest

from caffe import fuzz


@pytest.mark.slow
@pytest.mark.parametrize("seed", [101, 102])
def test_damaged_files_end_in_a_net_or_an_error_of_ours(seed, tmp_path):
    found = fuzz.run(seed, 750, None)
    assert sum(found.values()) == 750
    assert all(each.endswith(("a net", "an error of ours")) for each in found), found
    assert {each.split(":")[0] for each in found} == {"definition", "weights", "binary definition", "mean"}
