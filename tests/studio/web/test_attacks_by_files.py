"""Attacks by what is uploaded: bombs, other types, names. Each is refused in a sentence, soon, and nothing is left of it."""

import io
import struct
import time
import zlib

import pytest
from PIL import Image

from batcountry.studio.web.api.uploads import clean_name
from batcountry.studio.web.media.process import Decoder, OverBounds, Unusable
from studio_server import picture

av = pytest.importorskip("av")


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, *chunks, data=None):
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    rows = zlib.compress(b"\0" * 1000, 9) if data is None else data
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def small_png(*chunks):
    return png(8, 8, *chunks, data=zlib.compress((b"\0" + b"\x10\x20\x30" * 8) * 8))


def gif(frames, size=(8, 8)):
    out = io.BytesIO()
    images = [Image.new("L", size, at % 256) for at in range(frames)]
    images[0].save(out, "GIF", save_all=True, append_images=images[1:], optimize=False)
    return out.getvalue()


def film(count, size, rate=10):
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=rate, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        image = av.VideoFrame.from_image(Image.new("RGB", size))
        for _ in range(count):
            container.mux(stream.encode(image))
            image.pts = None
        container.mux(stream.encode(None))
    return out.getvalue()


ZEROS = zlib.compress(b"\0" * (60 << 20), 9)

BOMBS = {
    "PNG of 60000 × 60000": lambda: png(60_000, 60_000),
    "PNG of two thousand million": lambda: png(2**31 - 1, 2**31 - 1),
    "PNG of no width": lambda: png(0, 8),
    "pixels that are far more than the size says": lambda: png(2000, 2000, data=ZEROS),
    "GIF of 65535 × 65535": lambda: b"GIF89a" + struct.pack("<HHBBB", 65_535, 65_535, 0, 0, 0) + b"," + struct.pack("<HHHHB", 0, 0, 65_535, 65_535, 0) + b"\x02\x01\x00\x00;",
    "BMP of 100000 × 100000": lambda: b"BM" + struct.pack("<IHHIIiiHHIIiiII", 1000, 0, 0, 54, 40, 100_000, 100_000, 1, 24, 0, 0, 0, 0, 0, 0),
    "PPM of 99999 × 99999": lambda: b"P6 99999 99999 255\n" + b"x" * 100,
    "TIFF of 100000 × 100000": lambda: picture(kind="TIFF").replace(struct.pack("<HHII", 256, 4, 1, 40), struct.pack("<HHII", 256, 4, 1, 100_000)),
    "WebP of 16383 × 16383": lambda: picture(size=(16_383, 200), kind="WEBP", quality=1),
    "JPEG of 65500 × 65500": lambda: picture(kind="JPEG").replace(b"\x00\x1e\x00\x28", b"\xff\xdc\xff\xdc"),
    "film of large frames": lambda: film(1, (2048, 1024)),
    "film of many frames": lambda: film(40, (16, 16)),
    "film of many seconds": lambda: film(15, (16, 16), rate=1),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_and_soon(studio, name):
    begun = time.process_time()
    reply = studio.upload(BOMBS[name](), "x.png")
    assert reply.status_code in (413, 415), reply.text
    assert "\n" not in reply.json()["detail"] and "Traceback" not in reply.text
    assert time.process_time() - begun < 5
    assert list(studio.here.folder.uploads.glob("*.part")) == []


CARRIED = {
    "text that unpacks to 60 MB (zTXt)": lambda: small_png(chunk(b"zTXt", b"Comment\0\0" + ZEROS)),
    "text that unpacks to 60 MB (iTXt)": lambda: small_png(chunk(b"iTXt", b"Comment\0\x01\0\0\0" + ZEROS)),
    "many texts": lambda: small_png(*[chunk(b"tEXt", b"k%d\0x" % at) for at in range(5000)]),
    "a profile that unpacks to 60 MB (ICC)": lambda: small_png(chunk(b"iCCP", b"icc\0\0" + ZEROS)),
    "a profile that is none": lambda: small_png(chunk(b"iCCP", b"icc\0\0" + zlib.compress(b"garbage" * 99))),
    "EXIF that is none": lambda: small_png(chunk(b"eXIf", b"II*\0\xff\xff\xff\x7f")),
    "thousands of frames": lambda: gif(3000),
    "a program at its end": lambda: small_png() + b"#!/bin/sh\nrm -rf /\n" * 99,
    "a zip at its end": lambda: small_png() + b"PK\x03\x04" + b"\0" * 99,
    "a page at its end": lambda: small_png() + b"<html><script>alert(1)</script>",
}


@pytest.mark.parametrize("name", CARRIED)
def test_nothing_that_a_picture_carries_comes_in_with_it(studio, name):
    data = CARRIED[name]()
    reply = studio.upload(data, "x.png")
    assert reply.status_code in (201, 413, 415), reply.text
    if reply.status_code == 201:
        kept = studio.get(reply.json()["url"])
        assert kept.headers["content-type"] == "image/png" and len(kept.content) < 1000
        assert (
            b"script" not in kept.content and b"PK\x03" not in kept.content and b"rm -rf" not in kept.content
        )
        assert set(Image.open(io.BytesIO(kept.content)).info) <= {"transparency"}


OTHERS = {
    "nothing": b"",
    "SVG": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><image href="http://169.254.169.254/"/></svg>',
    "HTML": b"<!doctype html><script>alert(1)</script>",
    "a pickle": b"\x80\x04cos\nsystem\n(S'id'\ntR.",
    "a zip of a network (TorchScript)": b"PK\x03\x04" + b"\0" * 500,
    "ONNX": b"\x08\x07\x12\x07pytorch" + b"\0" * 99,
    "PDF": b"%PDF-1.7\n1 0 obj<</OpenAction<</S/URI/URI(http://evil.example)>>>>",
    "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) (r) file",
    "a playlist (SSRF by HLS)": b"#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:10.0,\nhttp://169.254.169.254/latest\n#EXT-X-ENDLIST",
    "a playlist of files": b"ffconcat version 1.0\nfile /etc/passwd\n",
    "a DASH manifest": b'<?xml version="1.0"?><MPD><BaseURL>http://169.254.169.254/</BaseURL></MPD>',
    "an SDP that leads to a network": b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\nm=video 5004 RTP/AVP 96\r\n",
    "XML with an entity": b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><svg>&a;</svg>',
    "MVG of ImageMagick": b"push graphic-context\nviewbox 0 0 640 480\nimage over 0,0 0,0 'url(http://evil.example)'\n",
    "a PNG cut short": small_png()[:50],
    "a JPEG cut short": picture(kind="JPEG")[:200],
    "a film cut short": b"\0\0\0\x18ftypmp42" + b"\0" * 16,
    "Matroska that is none": b"\x1a\x45\xdf\xa3" + b"\xff" * 200,
    "an icon": b"\0\0\x01\0\x01\0\x10\x10" + b"\0" * 99,
    "a Python program": b"import os; os.system('id')",
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_picture_is_none_whatever_it_is_called(studio, name):
    for said, kind in (
        ("x.png", "image/png"),
        ("x.svg", "image/svg+xml"),
        ("x.pt", "application/octet-stream"),
    ):
        reply = studio.upload(OTHERS[name], said, kind)
        assert reply.status_code in (413, 415), reply.text
        assert "passwd" not in reply.text and str(studio.here.folder.path) not in reply.text


NAMES = [
    "../../../etc/passwd", "..\\..\\boot.ini", "C:\\x\\y.png", "/etc/shadow", "a\0.png", "a\r\nSet-Cookie: x=1.png", "<script>alert(1)</script>.png",
    "\"><img src=x onerror=alert(1)>.png", "{{7*7}}.png", "a\u202egnp.exe", "\x1b[31mred.png", "x" * 5000 + ".png", ".", "..", "...", "", " ",
    "con", "nul.png", "%2e%2e%2fx.png", "a;rm -rf ~.png", "`id`.png", "$(id).png", "猫🐈.png", "\ud800.png", "a/b:c|d?e*.png",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_name_is_for_showing_only_and_harmless(name):
    shown = clean_name(name)
    assert len(shown) <= 120
    assert not set(shown) & set("/\\:<>\"'`$|*?{}&%\0\r\n\x1b\u202e\ud800") and shown not in (".", "..")


def test_no_file_is_named_by_a_client(studio):
    reply = studio.upload(picture(), "../../evil.html", "text/html")
    shown = reply.json()
    assert shown["name"] == "evil.html" and shown["id"] not in ("evil", "")
    kept = studio.get(shown["url"])
    assert kept.headers["content-type"] == "image/png" and "filename" not in kept.headers.get(
        "content-disposition", ""
    )
    assert [each.name for each in studio.here.folder.path.glob("**/*evil*")] == []


@pytest.mark.parametrize(
    "form",
    [
        {"files": {"other": ("a.png", b"x", "image/png")}},
        {"files": [("file", ("a.png", b"x")), ("file", ("b.png", b"x"))]},
        {"data": {"file": "text"}},
        {"content": b"--x\r\nno form", "headers": {"content-type": "multipart/form-data; boundary=x"}},
        {"content": b"x" * 99, "headers": {"content-type": "multipart/form-data"}},
        {"content": b"x" * 99, "headers": {"content-type": "multipart/form-data; boundary=" + "y" * 9000}},
        {
            "content": b"--x\r\n" + b"A: b\r\n" * 9000,
            "headers": {"content-type": "multipart/form-data; boundary=x"},
        },
        {"files": [(f"f{at}", ("a", b"")) for at in range(2000)]},
    ],
    ids=[
        "another field",
        "two files",
        "a text",
        "no form",
        "no boundary",
        "a long boundary",
        "many headers",
        "many parts",
    ],
)
def test_a_form_that_is_none_is_refused(studio, form):
    reply = studio.post("/api/v1/uploads", **form)
    assert reply.status_code in (400, 415, 422), (reply.status_code, reply.text)


def test_a_decoder_that_hangs_or_dies_is_replaced(tmp_path, monkeypatch):
    import asyncio

    from batcountry.studio.web.media import process

    async def run():
        decoder = Decoder(0.3)
        program = (
            "import sys, time\nfor line in sys.stdin:\n    time.sleep(9) if 'hang' in line else sys.exit(1)"
        )
        start = asyncio.create_subprocess_exec

        async def fake(*command, **options):
            return await start(command[0], "-c", program, **options)

        with monkeypatch.context() as patch:
            patch.setattr(process.asyncio, "create_subprocess_exec", fake)
            with pytest.raises(OverBounds, match="longer than"):
                await decoder.ask("hang")
            with pytest.raises(Unusable, match="died"):
                await decoder.ask("die")
        (tmp_path / "a.png").write_bytes(picture())
        decoder._seconds = 30
        facts = {
            "source": str(tmp_path / "a.png"),
            "target": str(tmp_path / "b"),
            "max_pixels": 9999,
            "max_frames": 1,
            "max_seconds": 1,
        }
        assert (await decoder.ask("upload", **facts))["suffix"] == ".png"
        await decoder.close()

    asyncio.run(run())
