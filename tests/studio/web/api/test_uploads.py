"""Uploads: made anew, upright, with nothing in them but what is seen, and within bounds."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin
from sqlalchemy import update

from batcountry.studio.store.tables import uploads
from batcountry.studio.web.files.room import sweep_uploads
from studio_server import picture

av = pytest.importorskip("av")


def opened(reply):
    image = Image.open(io.BytesIO(reply.content))
    image.load()
    return image


def test_an_upload_is_answered_with_what_it_is(studio, photo):
    reply = studio.upload(photo, "Cat on a mat.png")
    assert reply.status_code == 201
    shown = reply.json()
    assert (shown["name"], shown["media"], shown["width"], shown["height"]) == (
        "Cat on a mat.png",
        "picture",
        40,
        30,
    )
    assert studio.get(f"/api/v1/uploads/{shown['id']}").json() == shown


def test_the_pixels_stay(studio, photo):
    url = studio.upload(photo).json()["url"]
    assert np.array_equal(np.asarray(opened(studio.get(url))), np.asarray(Image.open(io.BytesIO(photo))))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM"])
def test_every_usual_format_is_taken(studio, kind):
    reply = studio.upload(picture(kind=kind), f"x.{kind.lower()}")
    assert reply.status_code == 201
    assert opened(studio.get(reply.json()["url"])).format == ("JPEG" if kind == "JPEG" else "PNG")


def test_a_photo_held_on_its_side_comes_upright_and_without_its_place(studio):
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "at home"
    exif.get_ifd(0x8825)[1] = "N"
    reply = studio.upload(picture(kind="JPEG", size=(40, 20), exif=exif), "x.jpg").json()
    assert (reply["width"], reply["height"]) == (20, 40)
    image = opened(studio.get(reply["url"]))
    assert not image.getexif() and b"at home" not in studio.get(reply["url"]).content


def test_texts_inside_a_picture_do_not_come_along(studio):
    info = PngImagePlugin.PngInfo()
    info.add_text("batcountry", '{"recipe": {"model": "/etc/passwd"}}')
    info.add_text("Comment", "secret", zip=True)
    url = studio.upload(picture(pnginfo=info)).json()["url"]
    assert not opened(studio.get(url)).info


def test_a_picture_of_another_profile_looks_the_same_in_srgb(studio):
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    url = studio.upload(picture(icc_profile=lab, color=(10, 200, 30))).json()["url"]
    image = opened(studio.get(url))
    assert "icc_profile" not in image.info
    assert np.abs(np.asarray(image)[0, 0].astype(int) - (10, 200, 30)).max() <= 2


def test_transparency_stays(studio):
    url = studio.upload(picture("RGBA", color=(10, 20, 30, 40))).json()["url"]
    assert opened(studio.get(url)).getpixel((0, 0)) == (10, 20, 30, 40)


def test_of_a_picture_that_moves_the_first_frame_is_taken(studio):
    frames = [Image.new("RGB", (16, 16), color) for color in ("red", "blue", "green")]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    url = studio.upload(out.getvalue(), "x.gif").json()["url"]
    assert opened(studio.get(url)).convert("RGB").getpixel((3, 3)) == (255, 0, 0)


def film(count=5, size=(32, 24), rate=10, tone=None):
    """A film; with `tone` one that is heard from then on, in seconds, until its end."""
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        if tone is not None:
            _add_tone(container, tone, count / rate)
        for at in range(count):
            container.mux(
                stream.encode(av.VideoFrame.from_image(Image.new("RGB", size, (at * 9 % 256, 80, 120))))
            )
        container.mux(stream.encode(None))
    return out.getvalue()


def test_a_film_is_made_anew_too(studio):
    shown = studio.upload(film(), "x.mov", "video/quicktime").json()
    assert (shown["media"], shown["width"], shown["height"]) == ("film", 32, 24)
    with av.open(io.BytesIO(studio.get(shown["url"]).content)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 5
    assert opened(studio.get(f"{shown['url']}?side=320")).format == "WEBP"


def _add_tone(container, begin, end):
    times = np.arange(round(end * 44_100)) / 44_100
    wave = np.where(times < begin, 0, np.sin(2 * np.pi * 440 * times) / 2)
    frame = av.AudioFrame.from_ndarray(wave[None].astype(np.float32), "fltp", "mono")
    frame.rate, frame.pts = 44_100, 0
    stream = container.add_stream("aac", rate=44_100, layout="mono")
    container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def heard(data):
    """The first channel of a film's sound, and its samples a second."""
    with av.open(io.BytesIO(data)) as container:
        rate = container.streams.audio[0].rate
        return np.concatenate([each.to_ndarray()[0] for each in container.decode(audio=0)]), rate


def test_a_film_keeps_its_sound_at_its_time(studio):
    sound, rate = heard(studio.get(studio.upload(film(count=10, tone=0.5), "x.mp4").json()["url"]).content)
    assert np.abs(sound[: int(0.4 * rate)]).max() < 0.02 < 0.3 < np.abs(sound[int(0.6 * rate) :]).max()
    assert 0.95 < len(sound) / rate < 1.1
    spectrum = np.abs(np.fft.rfft(sound[int(0.6 * rate) : int(0.9 * rate)]))
    assert abs(spectrum.argmax() / 0.3 - 440) < 5


def test_a_film_without_sound_has_none(studio):
    with av.open(io.BytesIO(studio.get(studio.upload(film(), "x.mp4").json()["url"]).content)) as container:
        assert not container.streams.audio


def test_a_film_of_more_frames_than_are_taken_is_refused(studio):
    reply = studio.upload(film(count=25), "x.mp4")
    assert reply.status_code == 413 and "frames" in reply.json()["detail"]


def test_a_small_one_is_made_once(studio):
    shown = studio.upload(picture(size=(800, 600))).json()
    small = studio.get(f"{shown['url']}?side=320")
    assert opened(small).size == (320, 240)
    made = next(studio.here.folder.thumbs.glob(f"{shown['id']}-*"))
    before = made.stat().st_mtime_ns
    assert studio.get(f"{shown['url']}?side=320").content == small.content
    assert made.stat().st_mtime_ns == before


def test_who_has_a_file_is_not_sent_it_again(studio, photo):
    url = studio.upload(photo).json()["url"]
    first = studio.get(url)
    assert "immutable" in first.headers["cache-control"]
    again = studio.get(url, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_part_of_a_file_can_be_had(studio, photo):
    url = studio.upload(photo).json()["url"]
    part = studio.get(url, headers={"range": "bytes=1-3"})
    assert (part.status_code, part.content) == (206, b"PNG")


@pytest.mark.parametrize("path", ["/api/v1/uploads/nothing-here", "/api/v1/uploads/nothing-here/file"])
def test_what_is_not_there_is_said_not_to_be(studio, path):
    reply = studio.get(path)
    assert (reply.status_code, reply.json()) == (404, {"detail": "there is no upload 'nothing-here'"})


def test_nothing_is_left_of_what_was_refused(open_studio):
    studio = open_studio()
    assert studio.upload(b"no picture at all").status_code == 415
    assert list(studio.here.folder.uploads.iterdir()) == []


def test_at_the_quota_nothing_more_is_taken(open_studio):
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (500, 500, 3), np.uint8))
    out = io.BytesIO()
    noise.save(out, "PNG")
    studio = open_studio(quota_bytes=1 << 20)
    replies = [studio.upload(out.getvalue()) for _ in range(2)]
    assert [each.status_code for each in replies] == [201, 507]
    assert "quota" in replies[1].json()["detail"]


def test_at_the_quota_the_oldest_goes_that_is_no_favorite_if_that_was_said(open_studio, add_picture):
    studio = open_studio(quota_bytes=1 << 20, drop_oldest=True)
    ids = [add_picture(studio, bytes=400_000) for _ in range(2)]
    studio.patch(f"/api/v1/pictures/{ids[0]}", json={"favorite": True})
    out = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8)).save(out, "PNG")
    assert studio.upload(out.getvalue()).status_code == 201
    assert [studio.get(f"/api/v1/pictures/{id}").status_code for id in ids] == [200, 404]


def test_at_the_quota_nothing_goes_where_that_would_not_be_enough(open_studio, add_picture):
    studio = open_studio(quota_bytes=1 << 20, drop_oldest=True)
    ids = [add_picture(studio, bytes=bytes_) for bytes_ in (900_000, 100_000)]
    studio.patch(f"/api/v1/pictures/{ids[0]}", json={"favorite": True})
    reply = studio.upload(noise(300))
    assert (
        reply.status_code == 507 and "quota of 1.0 MB is used up, and 0.2 MB more" in reply.json()["detail"]
    )
    assert [studio.get(f"/api/v1/pictures/{id}").status_code for id in ids] == [200, 200]


def test_an_upload_that_nothing_needs_goes_with_its_files_after_a_week(open_studio, photo):
    studio = open_studio()
    old, new = (studio.upload(photo).json() for _ in range(2))
    studio.get(f"{old['url']}?side=320")
    with studio.here.database.writing() as connection:
        connection.execute(update(uploads).where(uploads.c.id == old["id"]).values(created=1.0))
    assert sweep_uploads(studio.here, 2.0) == 1 and sweep_uploads(studio.here, 2.0) == 0
    assert [studio.get(each["url"]).status_code for each in (old, new)] == [404, 200]
    folder = studio.here.folder
    assert [each.stem for each in folder.uploads.iterdir()] == [new["id"]] and not list(
        folder.thumbs.iterdir()
    )


def test_at_the_quota_uploads_that_nothing_needs_go_before_pictures_if_that_was_said(
    open_studio, add_picture
):
    studio = open_studio(quota_bytes=1 << 20, drop_oldest=True)
    picture = add_picture(studio, bytes=400_000)
    old = studio.upload(noise(400)).json()
    with studio.here.database.writing() as connection:
        connection.execute(update(uploads).values(created=1.0))
    assert studio.upload(noise(400)).status_code == 201
    assert studio.get(f"/api/v1/pictures/{picture}").status_code == 200
    assert studio.get(old["url"]).status_code == 404


def noise(side):
    """A PNG of about 3 bytes a pixel."""
    out = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)).save(out, "PNG")
    return out.getvalue()
