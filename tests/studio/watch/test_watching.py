"""What is dropped is dreamed once and appears beside, or is set aside with its reason, whatever happens in between."""

import json
import os

import pytest

from batcountry.errors import StudioError
from batcountry.studio.places import new_id
from batcountry.studio.store.watched import WatchedFile
from batcountry.studio.watch import endings, placing
from batcountry.studio.watch.names import quoted
from batcountry.studio.watch.running import STATE, check_watched, watcher_of

from .conftest import noted, picture_bytes


def reason(place, name):
    return (place.inputs / "set-aside" / f"{name}.txt").read_text(encoding="utf-8")


def test_files_are_dreamed_under_their_names_with_folders_within(place):
    place.drop("photo.JPG", picture_bytes(kind="JPEG"))
    place.drop("a/b/drawing.bmp", picture_bytes(kind="BMP"))
    place.drop("film.avi", b"RIFF\0\0\0\0AVI ")
    place.until_done()
    assert place.results() == {b"photo.JPG", b"a/b/drawing.bmp.png", b"film.avi.mp4"}
    assert place.waiting() == {b"photo.JPG", b"a/b/drawing.bmp", b"film.avi"}
    assert [each.kind for each in place.worker.specs].count("video") == 1


def test_animated_pictures_are_films_and_others_are_not(place):
    moving = picture_bytes(
        kind="GIF", save_all=True, append_images=[__import__("PIL.Image").Image.new("RGB", (12, 8))]
    )
    place.drop("moving.gif", moving)
    place.drop("still.gif", picture_bytes(kind="GIF"))
    place.until_done()
    assert place.results() == {b"moving.gif", b"still.gif.png"}
    assert sorted(each.kind for each in place.worker.specs) == ["dream", "video"]


def test_a_file_that_still_grows_is_left_alone(place):
    data = picture_bytes()
    path = place.drop("photo.png", data[:40])
    for length in range(50, len(data), 30):
        place.look(1.5)
        path.write_bytes(data[:length])
    place.look(3)
    place.look(3)  # it stands still, and has no end
    assert place.worker.work() == 0
    path.write_bytes(data)
    place.look(0)
    place.look(1.9)
    assert place.worker.work() == 0
    place.look(0.2)
    assert place.worker.work() == 1
    place.until_done()
    assert place.results() == {b"photo.png"}


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("notes.txt", b"no picture", "neither a picture nor a film"),
        ("empty.png", b"", "empty"),
    ],
)
def test_what_is_no_picture_is_set_aside_with_its_reason(place, name, data, why):
    place.drop(name, data)
    place.until_done()
    assert why in reason(place, name)
    assert place.waiting() == {f"set-aside/{name}".encode(), f"set-aside/{name}.txt".encode()}
    assert place.results() == set()


def test_what_cannot_be_dreamed_is_set_aside_and_tried_again_when_it_is_put_back(place):
    place.drop("sub/bad.png")
    place.worker.failures["bad"] = "bad.png is damaged: nothing can be decoded"
    place.until_done()
    assert "bad.png is damaged" in reason(place, "sub/bad.png")
    place.worker.failures.clear()
    (place.inputs / "set-aside/sub/bad.png").rename(place.inputs / "sub/bad.png")
    place.until_done()
    assert place.results() == {b"sub/bad.png"}


def test_two_bad_files_of_a_name_are_both_kept(place):
    place.worker.failures["bad"] = "no"
    for seed in (1, 2):
        place.drop("bad.png", picture_bytes(seed))
        place.until_done()
    kept = [(place.inputs / "set-aside" / each).read_bytes() for each in ("bad.png", "bad-2.png")]
    assert kept == [picture_bytes(1), picture_bytes(2)]
    assert reason(place, "bad-2.png")


def test_a_file_that_cannot_be_moved_stays_and_is_not_tried_again_and_again(place, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(endings, "put_aside", refuse)
    place.worker.failures["bad"] = "it is damaged"
    place.drop("bad.png")
    place.until_done()
    place.again()
    place.until_done()
    assert len(place.worker.specs) == 0
    assert place.waiting() == {b"bad.png"}
    assert "it is damaged" in (place.outputs / "set-aside/bad.png.txt").read_text()


def test_nothing_of_somebody_else_is_overwritten(place):
    place.outputs.mkdir(exist_ok=True)
    (place.outputs / "photo.png").write_bytes(b"mine")
    (place.outputs / "photo-2.png").symlink_to("nowhere")
    place.drop("photo.png")
    place.until_done()
    assert (place.outputs / "photo.png").read_bytes() == b"mine"
    assert (place.outputs / "photo-3.png").is_file()
    assert not (place.outputs / "nowhere").exists()


def test_a_file_of_the_name_that_comes_while_it_is_dreamed_is_not_overwritten(place):
    place.drop("photo.png")
    place.look(1)
    place.look(2)
    place.worker.work()
    (place.outputs / "photo.png").write_bytes(b"mine")
    place.until_done()
    assert (place.outputs / "photo.png").read_bytes() == b"mine"
    assert (place.outputs / "photo-2.png").is_file()


def test_links_and_hidden_and_unfinished_files_are_left_alone(place, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "secret.png").write_bytes(picture_bytes())
    (place.inputs / "link.png").symlink_to(elsewhere / "secret.png")
    (place.inputs / "folder").symlink_to(elsewhere, target_is_directory=True)
    (place.inputs / "round").symlink_to(place.inputs, target_is_directory=True)
    for name in (".hidden.png", ".cache/photo.png", "photo.png.part", "photo.jpg.crdownload", "Thumbs.db"):
        place.drop(name)
    os.mkfifo(place.inputs / "pipe.png")
    place.until_done()
    assert place.worker.specs == []
    assert place.results() == set()


NAMES = [
    *(b"a b.png", b"-o.png", b"100%.png", b"%41.png", b"a'b\"c.png", b"new\nline.png", b"[red]x[/].png", b"$(x).png"),
    *("ночь.png".encode(), "夢.png".encode(), b"latin-\xe9.png", b"a..png", b"a;b&c.png", b"tab\t.png", b"back\\slash.png"),
    *(b"l" * 251 + b".png", b"m" * 251 + b".bmp", "é".encode() * 125 + b".bmp"),
]  # fmt: skip


def test_names_of_all_kinds(place):
    for name in NAMES:
        place.drop(os.fsdecode(name))
    place.until_done()
    plain = {name for name in NAMES if name.endswith(b".png")}
    assert plain <= place.results()
    assert len(place.results()) == len(NAMES)
    assert all(len(name) <= 255 for name in place.results())
    assert list(place.settings.places.uploads.iterdir()) == []  # the copy of what is no text went


def test_long_names_are_set_aside_too(place):
    name = "n" * 250 + ".png"
    place.worker.failures["nnn"] = "no"
    place.drop(name)
    place.until_done()
    aside = sorted(len(os.fsencode(each.name)) for each in (place.inputs / "set-aside").iterdir())
    assert aside == [254, 255]


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
