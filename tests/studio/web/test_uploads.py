"""Uploads: made anew, upright, with nothing in them but what is seen, and within bounds."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

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


def film(count=5, size=(32, 24), rate=10):
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
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
