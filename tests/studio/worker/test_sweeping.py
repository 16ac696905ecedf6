"""What jobs leave behind goes when nobody can go on with it any more."""

from __future__ import annotations

import os
import time

from batcountry.studio.places import new_id
from batcountry.studio.worker.sweeping import KEPT_SECONDS, sweep


def test_folders_of_done_jobs_go_at_once_those_of_others_after_a_week_and_unfinished_files_after_a_day(
    studio,
):
    done, failed, waiting, stranger = (studio.submit(), studio.submit(), studio.submit(), new_id())
    for id in (done, failed):
        studio.leases.claim(id, 15)
    studio.leases.finish(done, done, [])
    studio.leases.fail(failed, failed, "no")
    for id in (done, failed, waiting, stranger):
        studio.places.job(id).mkdir()
    left, fresh = studio.places.pictures / ".batcountry-old", studio.places.pictures / ".batcountry-new"
    for each in (left, fresh, studio.places.pictures / "kept.png"):
        each.write_bytes(b"")
        os.utime(each, (1, 1) if each != fresh else None)
    sweep(studio.places, studio.database)
    assert {each.name for each in studio.places.work.iterdir()} == {failed, waiting, stranger}
    assert {each.name for each in studio.places.pictures.iterdir()} == {fresh.name, "kept.png"}
    studio.database.clock = lambda: time.time() + KEPT_SECONDS + 1
    sweep(studio.places, studio.database)
    assert {each.name for each in studio.places.work.iterdir()} == {waiting, stranger}


def test_what_a_job_showed_and_wrote_that_was_given_up_goes_with_its_folder(studio):
    done, failed, waiting = (studio.submit(), studio.submit(), studio.submit())
    for id in (done, failed):
        studio.leases.claim(id, 15)
    studio.leases.finish(done, done, [])
    studio.leases.fail(failed, failed, "no")
    for id in (done, failed, waiting):
        studio.places.preview(id).touch()
        studio.places.result(id).touch()
    sweep(studio.places, studio.database)
    assert {each.stem for each in studio.places.previews.iterdir()} == {failed, waiting}
    studio.database.clock = lambda: time.time() + KEPT_SECONDS + 1
    sweep(studio.places, studio.database)
    assert {each.stem for each in studio.places.previews.iterdir()} == {waiting}
    assert {each.stem for each in studio.places.pictures.iterdir()} == {done, waiting}
