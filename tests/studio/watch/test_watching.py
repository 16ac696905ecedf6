"""What is dropped is dreamed once and appears beside, or is set aside with its reason."""

import os

import pytest

from batcountry.studio.watch import endings

from .conftest import picture_bytes


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
