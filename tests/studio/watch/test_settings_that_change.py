"""Settings hold for the next picture."""

import json

import pytest

from batcountry.errors import StudioError
from batcountry.studio.watch.names import quoted

from .conftest import picture_bytes


def test_settings_hold_for_the_next_picture_even_for_those_that_wait(tmp_path, open_place, caplog):
    file = tmp_path / "settings.json"
    file.write_text('{"maxwidth": 300, "layer": "blocks.5"}')
    place = open_place(settings=file)
    for number in range(4):
        place.drop(f"{number}.png", picture_bytes(number, size=(600, 8)))
    place.look(1)
    place.look(3)
    place.worker.work(1)
    file.write_text('{"maxwidth": 200, "layer": "blocks.6"}')
    place.look(1)
    place.until_done()
    used = [(each.recipe["layer"], each.recipe["size"]) for each in place.worker.specs]
    assert used == [("blocks.5", 300), *[("blocks.6", 200)] * 3]
    assert len(place.results()) == 4


def test_broken_settings_are_said_once_and_the_last_good_ones_hold(tmp_path, open_place, caplog):
    file = tmp_path / "settings.json"
    file.write_text('{"layer": "blocks.5"}')
    place = open_place(settings=file)
    place.until_done()
    for broken in ('{"layer": ', '{"layr": "x"}', None):
        file.unlink() if broken is None else file.write_text(broken)
        caplog.clear()
        for _ in range(5):
            place.look(5)
        assert len([each for each in caplog.messages if "last good ones hold" in each]) == 1
    place.again()  # also when it is started again
    place.drop("photo.png")
    place.until_done()
    assert place.worker.specs[0].recipe["layer"] == "blocks.5"


def test_broken_settings_at_the_first_start_are_an_error(tmp_path, open_place):
    (tmp_path / "settings.json").write_text("[]")
    with pytest.raises(StudioError, match=r"settings\.json cannot be used: the file is not a JSON object"):
        open_place(settings=tmp_path / "settings.json")


def test_the_settings_file_may_lie_in_the_watched_folder(tmp_path, open_place):
    (tmp_path / "in").mkdir()
    file = tmp_path / "in" / "settings.json"
    file.write_text(json.dumps({"maxwidth": 100}))
    place = open_place(settings=file)
    place.until_done()
    assert place.waiting() == {b"settings.json"}
    assert quoted(file) == str(file)
