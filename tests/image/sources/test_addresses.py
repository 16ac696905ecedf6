"""Pictures by `~`, `file://` and addresses on the web, from a server on this computer alone."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import batcountry
from batcountry.backend.policy import STRICT
from batcountry.errors import PictureError, PolicyError
from batcountry.image.reading import read_picture
from batcountry.image.sources import addresses
from batcountry.image.sources.addresses import address_of, fetch_picture, local_path, picture_beside, stem_of
from picture_server import server as server


def test_a_picture_is_read_from_its_address(server, photo):
    picture = read_picture(f"{server.address}/photo.png")
    assert np.array_equal(picture.array(), photo)
    assert picture.source == f"{server.address}/photo.png"
    assert np.array_equal(
        read_picture(Path(f"{server.address}/photo.png")).array(), photo
    )  # paths lose a slash


def test_five_addresses_may_lead_to_it_and_no_more_and_to_no_file(server):
    assert fetch_picture(f"{server.address}/lead/5") == server.data
    with pytest.raises(PictureError, match="leads from address to address more than 5 times"):
        fetch_picture(f"{server.address}/lead/6")
    with pytest.raises(PictureError, match="more than 5 times"):
        fetch_picture(f"{server.address}/round")
    with pytest.raises(PictureError, match="leads to file:///etc/passwd, which is no address on the web"):
        fetch_picture(f"{server.address}/file")


def test_bytes_and_time_are_bounded(server, monkeypatch):
    monkeypatch.setattr(addresses, "MAX_FETCHED", 1 << 20)
    with pytest.raises(PictureError, match="more than 1,048,576 bytes"):
        fetch_picture(f"{server.address}/endless")
    monkeypatch.setattr(addresses, "MAX_SECONDS", 0.2)
    begun = time.monotonic()
    with pytest.raises(PictureError, match="takes longer than"):
        fetch_picture(f"{server.address}/slow")
    assert time.monotonic() - begun < 3


def test_what_is_no_picture_or_not_there_is_said(server, tmp_path):
    with pytest.raises(PictureError, match="the server says 404"):
        read_picture(f"{server.address}/nothing")
    with pytest.raises(PictureError, match=r"/text is not a picture"):
        read_picture(f"{server.address}/text")
    with pytest.raises(PictureError, match=r"/text is not a picture"):
        picture_beside(f"{server.address}/text", tmp_path / "out.png")
    with pytest.raises(PictureError, match="cannot be reached"):
        read_picture("http://127.0.0.1:9/photo.png")


def test_what_others_may_have_written_fetches_nothing(server, photo, two_channels):
    address = f"{server.address}/photo.png"
    with pytest.raises(PolicyError, match="is on the web"):
        read_picture(address, policy=STRICT)
    for options in ({"guide": address}, {"mask": address}):
        with pytest.raises(PolicyError, match="is on the web"):
            batcountry.dream(photo, model=two_channels, policy=STRICT, **options)
    assert not server.asked


def test_a_mask_may_have_an_address(server, photo, two_channels):
    options = {"model": two_channels, "octaves": 1, "iterations": 1}
    there = batcountry.dream(photo, mask=f"{server.address}/photo.png", **options)
    assert np.array_equal(there.pixels, batcountry.dream(photo, mask=photo, **options).pixels)


def test_home_and_file_addresses_are_files(photo, tmp_path, monkeypatch, two_channels):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "my pictures").mkdir()
    Image.fromarray(photo).save(tmp_path / "my pictures" / "a.png")
    uri = (tmp_path / "my pictures" / "a.png").as_uri()
    assert "%20" in uri
    for name in ("~/my pictures/a.png", uri):
        assert np.array_equal(read_picture(name).array(), photo)
        batcountry.dream(photo, model=two_channels, mask=name, octaves=1, iterations=1)
    with pytest.raises(PictureError, match="there is no file"):
        read_picture("~/none.png")
    with pytest.raises(PictureError, match="on another computer"):
        local_path("file://elsewhere/a.png")


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("https://a.example/x.png", "https://a.example/x.png"),
        ("HTTP:/a.example/x.png", "HTTP://a.example/x.png"),
        ("https.png", None),
        ("ftp://a.example/x.png", None),
        ("C:/x.png", None),
    ],
)
def test_addresses_are_known(name, address):
    assert address_of(name) == address


@pytest.mark.parametrize("way", ["short", "chunks", "gzip"])
def test_an_answer_that_is_cut_short_or_damaged_is_said(server, way):
    with pytest.raises(PictureError, match=f"/{way} cannot be fetched: what came is damaged or cut short"):
        fetch_picture(f"{server.address}/{way}")


def test_a_header_that_drips_is_left(server, monkeypatch):
    monkeypatch.setattr(addresses, "MAX_SECONDS", 0.1)
    begun = time.monotonic()
    with pytest.raises(PictureError, match="takes longer than"):
        fetch_picture(f"{server.address}/drip")
    assert time.monotonic() - begun < 3


@pytest.mark.parametrize("name", ["http://[::1", "https://[x]/a.png", "file://[x/a.png"])
def test_what_is_no_address_is_said(name, tmp_path):
    for read in (read_picture, stem_of, lambda each: picture_beside(each, tmp_path / "out.png")):
        try:
            read(name)
        except PictureError as error:
            assert name in str(error)
