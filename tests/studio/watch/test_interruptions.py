"""Whatever is killed in between, what is dropped is dreamed once."""

import os

import pytest

from batcountry.errors import StudioError
from batcountry.studio.places import new_id
from batcountry.studio.store.watched import WatchedFile
from batcountry.studio.watch import endings, placing
from batcountry.studio.watch.running import STATE, check_watched, watcher_of

from .conftest import noted, picture_bytes


@pytest.mark.parametrize("own", [True, False], ids=["alone", "in the studio"])
@pytest.mark.parametrize(
    "step", ["before the queue", "before the place", "after the place", "between two names"]
)
def test_a_kill_at_any_step_loses_and_doubles_nothing(open_place, own, step, monkeypatch):
    place = open_place(own=own)
    path = place.drop("photo.png")
    place.look(1)

    class Killed(BaseException):
        pass

    def killed(*_, **__):
        raise Killed

    if step == "before the queue":
        monkeypatch.setattr(place.watcher._queue, "submit", killed)
    elif step == "before the place":
        monkeypatch.setattr(endings, "put_result", killed)
    elif step == "after the place":
        put = endings.put_result
        monkeypatch.setattr(endings, "put_result", lambda *args, **more: (put(*args, **more), killed()))
    else:

        def linked(temporary, target, *, overwrite):
            os.link(temporary, target)
            killed()

        monkeypatch.setattr(placing, "place", linked)
    with pytest.raises(Killed):
        for _ in range(3):
            place.look(3)
            place.worker.work()
    monkeypatch.undo()
    place.again()
    place.until_done()
    assert place.results() == {b"photo.png"}
    assert path.exists()
    assert place.pictures.count() == (0 if own else 1)


@pytest.mark.parametrize("own", [True, False])
def test_a_result_that_was_taken_before_it_could_be_said_that_it_is_there_is_done(
    open_place, own, monkeypatch
):
    place = open_place(own=own)
    place.drop("photo.png")
    put = endings.put_result

    def killed(source, target, **more):
        put(source, target, **more)
        source.unlink(missing_ok=True)
        target.unlink()  # somebody takes it
        raise KeyboardInterrupt

    monkeypatch.setattr(endings, "put_result", killed)
    with pytest.raises(KeyboardInterrupt):
        place.until_done()
    monkeypatch.setattr(endings, "put_result", put)
    place.again()
    place.until_done()
    assert place.results() == set() and [each.state for each in place.watcher.ledger._known.values()] == [
        "done"
    ]


def test_a_kill_while_a_file_is_set_aside_leaves_it_there_once(place):
    path = place.drop("bad.png")
    found = path.stat()
    row = WatchedFile(
        "bad.png", found.st_size, found.st_mtime_ns, "", "setting_aside", result="set-aside/bad.png"
    )
    place.watcher.ledger.put(row)
    (place.inputs / "set-aside").mkdir()
    os.link(path, place.inputs / "set-aside/bad.png")
    place.again()
    place.until_done()
    assert place.waiting() == {b"set-aside/bad.png", b"set-aside/bad.png.txt"}


def test_a_written_down_file_without_a_job_is_new(place):
    path = place.drop("photo.png")
    found = path.stat()
    place.watcher.ledger.put(
        WatchedFile("photo.png", found.st_size, found.st_mtime_ns, "x", "queued", job=new_id())
    )
    place.until_done()
    assert place.results() == {b"photo.png"}


def test_what_lost_its_memory_knows_results_by_their_notes(place):
    import hashlib

    place.outputs.mkdir(exist_ok=True)
    for name, seed in (("old.png", 1), ("other.png", 9)):
        (place.outputs / name).write_bytes(noted(hashlib.sha256(picture_bytes(seed)).hexdigest()))
    place.drop("old.png", picture_bytes(1))
    place.drop("other.png", picture_bytes(2))
    place.until_done()
    assert place.results() == {b"old.png", b"other.png", b"other-2.png"}


def test_in_the_studio_results_are_in_the_gallery_too(open_place):
    place = open_place(own=False)
    place.drop("photo.png")
    place.until_done()
    (picture,), _ = place.pictures.page()
    kept = place.settings.places.file(picture.file)
    assert kept.read_bytes() == (place.outputs / "photo.png").read_bytes()
    assert not kept.samefile(place.outputs / "photo.png")
    assert place.queue.get(picture.job).kind == "watch"
    assert place.queue.get(picture.job).title == "photo.png"


def test_alone_results_take_the_disk_once(place):
    place.drop("photo.png")
    place.until_done()
    assert list(place.settings.places.pictures.iterdir()) == []


def test_only_a_few_jobs_wait_at_a_time_and_others_have_their_turn(place):
    for number in range(10):
        place.drop(f"{number}.png", picture_bytes(number))
    place.look(1)
    place.look(3)
    assert place.queue.counts() == {"waiting": 2}
    place.until_done()
    assert len(place.results()) == 10


def test_a_folder_is_watched_by_one_alone(place):
    with (
        pytest.raises(StudioError, match="another process is at work"),
        watcher_of(place.settings, place.database),
    ):
        pass


@pytest.mark.parametrize("where", ["in", ".", "in/../in"])
def test_results_never_go_where_files_are_watched_for(place, tmp_path, where):
    watch = place.settings.watch.model_copy(update={"outputs": tmp_path / where})
    with pytest.raises(StudioError, match="another folder"):
        check_watched(watch)


def test_results_may_lie_within_the_watched_folder(tmp_path, open_place, monkeypatch):
    place = open_place()
    watch = place.settings.watch.model_copy(update={"outputs": place.inputs / "dreams"})
    place.close()
    place.outputs = watch.outputs
    place.settings = place.settings.model_copy(update={"folder": watch.outputs / STATE, "watch": watch})
    check_watched(watch)
    place.open()
    place.drop("photo.png")
    place.until_done()
    place.until_done()
    assert place.results() == {b"photo.png"}


@pytest.mark.slow
def test_a_thousand_files_of_all_kinds_are_all_done_or_set_aside_with_kills_in_between(place):
    place.worker.failures["bad"] = "it is damaged"
    for number in range(1000):
        name = f"{number % 7}/{'bad' if number % 10 == 0 else 'photo'} {number}.png"
        place.drop(name, b"no picture" if number % 25 == 0 else picture_bytes(number, size=(4, 4)))
    for looks in range(10_000):
        place.look(0.2, told=False)
        place.worker.work()
        if looks % 97 == 50:
            place.again()
        if place.watcher.done:
            break
    results, left = place.results(), place.waiting()
    assert len(results) == 900
    assert len([each for each in left if each.endswith(b".txt")]) == 100
    assert len(left) == 1000 + 100
    assert all(each.startswith(b"set-aside/") for each in left if b"bad" in each)
