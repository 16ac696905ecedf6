"""Pictures that the commands are given by their addresses."""

import numpy as np

from batcountry.image.reading import read_picture
from picture_server import server as server


def test_the_command_keeps_what_it_fetched_beside_the_dream_and_dreams_again_without_it(
    server, tmp_path, run
):
    address = f"{server.address}/my%20cat.jpg?size=large//x"
    quick = ("--octaves", "1", "--iterations", "1", "--layer", "stem")
    assert run("dream", address, *quick, "-o", tmp_path / "cat.png")[0] == 0
    assert server.asked == ["/my%20cat.jpg?size=large//x"]
    assert (tmp_path / "cat-source.png").read_bytes() == server.data
    assert run("again", tmp_path / "cat.png", "-o", tmp_path / "same.png")[0] == 0
    assert len(server.asked) == 1
    assert np.array_equal(
        read_picture(tmp_path / "same.png").pixels, read_picture(tmp_path / "cat.png").pixels
    )
