"""Files that change or go, jobs that are cancelled, disks that are full: nothing is lost, and it is said why it waits."""

import os

import pytest
from sqlalchemy import update

from batcountry.errors import StudioError, StudioFull
from batcountry.studio.store.pictures import Filter
from batcountry.studio.store.tables import pictures
from batcountry.studio.watch import placing, running
from batcountry.studio.watch.running import watch_folder

from .conftest import picture_bytes


def test_a_changed_file_is_dreamed_anew_and_the_older_result_stays(place):
    for seed in (1, 2):
        place.drop("photo.png", picture_bytes(seed))
        place.until_done()
    assert place.results() == {b"photo.png", b"photo-2.png"}


def test_a_file_that_was_only_touched_is_not_dreamed_again(place):
    path = place.drop("photo.png")
    place.until_done()
    os.utime(path, (1, 1))
    place.until_done()
    place.again()
    place.until_done()
    assert place.results() == {b"photo.png"}


def test_a_file_that_changes_while_it_waits_is_dreamed_once_as_it_is_in_the_end(place):
    place.drop("photo.png", picture_bytes(1))
    place.look(1)
    place.look(3)
    assert place.queue.counts() == {"waiting": 1}
    place.drop("photo.png", picture_bytes(2, size=(20, 10)))
    place.until_done()
    assert place.results() == {b"photo.png"}
    assert not (place.inputs / "set-aside").exists()


def test_a_file_that_goes_while_it_waits_is_forgotten_and_new_when_it_is_back(place):
    path = place.drop("photo.png")
    place.look(1)
    place.look(3)
    path.unlink()
    place.until_done()
    assert place.results() == set()
    place.drop("photo.png")
    place.until_done()
    assert place.results() == {b"photo.png"}


def test_a_cancelled_job_is_not_begun_again(place):
    place.drop("photo.png")
    place.look(1)
    place.look(3)
    place.queue.wish(place.queue.line()[0].id, "cancel")
    place.until_done()
    place.again()
    place.until_done()
    assert place.results() == set()
    assert place.waiting() == {b"photo.png"}


def test_a_full_disk_is_said_once_and_the_file_waits(place, caplog):
    place.drop("photo.png")
    place.worker.failures["photo"] = "the disk is full; make room, and go on"
    for _ in range(60):
        place.look(5)
        place.worker.work()
    assert place.waiting() == {b"photo.png"}
    assert len([each for each in caplog.messages if "disk is full" in each]) == 1
    place.worker.failures.clear()
    place.until_done(step=10)
    assert place.results() == {b"photo.png"}


def test_a_result_waits_for_room(place, monkeypatch, caplog):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(placing, "place", full)
    place.drop("photo.png")
    for _ in range(20):
        place.look(5)
        place.worker.work()
    assert place.results() == set()
    assert len([each for each in caplog.messages if "No space left" in each]) == 1
    monkeypatch.undo()
    place.until_done()
    assert place.results() == {b"photo.png"}


def test_a_full_quota_is_said_and_the_file_waits_for_room(open_place):
    place = open_place(own=False, quota=1 << 20)
    place.drop("one.png")
    place.until_done()
    (first,) = place.pictures.page(Filter())[0]
    with place.database.writing() as connection:
        connection.execute(update(pictures).values(bytes=2 << 20))
    place.drop("two.png", picture_bytes(1))
    with pytest.raises(StudioFull, match="quota"):
        for _ in range(9):
            place.look(1.1)
    assert place.worker.work() == 0
    place.pictures.delete(first.id)
    place.until_done()
    assert place.results() == {b"one.png", b"two.png"}


def test_why_a_folder_is_not_dreamed_is_told_until_it_is(place):
    said, ways = [], iter([StudioError("no room"), StudioError("no room"), None])

    def look(*_, **__):
        if (error := next(ways, None)) is not None:
            raise error

    place.watcher.look, place.watcher.done = look, True
    running._TROUBLE, before = 0.0, running._TROUBLE
    try:
        watch_folder(place.watcher, lambda: False, once=True, say=said.append)
    finally:
        running._TROUBLE = before
    assert said == ["no room", ""]


def test_a_folder_that_is_gone_for_a_while_loses_nothing(place):
    place.drop("photo.png")
    place.until_done()
    place.inputs.rename(place.inputs.with_name("away"))
    with pytest.raises(StudioError, match="is not there"):
        place.look(5)
    place.inputs.with_name("away").rename(place.inputs)
    place.drop("other.png", picture_bytes(3))
    place.until_done()
    assert place.results() == {b"photo.png", b"other.png"}
