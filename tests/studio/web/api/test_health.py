"""A folder that is gone and a disk that is full are said, and are no fault of the program."""

from __future__ import annotations

import errno
import io
import os

import pytest
from PIL import Image

from batcountry.studio.web.files import room, sending


@pytest.fixture
def without_folder(open_studio):
    studio = open_studio()
    path = studio.here.folder.path
    elsewhere = path.rename(f"{path}-elsewhere")
    yield studio
    elsewhere.rename(path)


def picture():
    out = io.BytesIO()
    Image.new("RGB", (9, 9)).save(out, "PNG")
    return {"file": ("p.png", out.getvalue(), "image/png")}


@pytest.mark.skipif(os.name == "nt", reason="a folder that is in use cannot be moved")
def test_a_folder_that_is_gone_is_said(without_folder):
    client = without_folder.client
    replies = [
        client.get("/health"),
        client.get("/api/v1/settings"),
        client.post("/api/v1/uploads", files=picture()),
        client.post("/api/v1/jobs", json={"kind": "dream", "recipe": {"size": 64}}),
        client.get("/metrics"),
    ]
    assert [each.status_code for each in replies] == [503] * 5
    assert all("the studio's folder cannot be used: No such file" in each.text for each in replies)


def test_a_disk_that_is_nearly_full_is_said(open_studio, monkeypatch):
    client = open_studio().client
    monkeypatch.setattr(room, "SPARE", 1 << 60)
    reply = client.get("/health")
    assert reply.status_code == 503 and "nearly full" in reply.json()["sentence"]


@pytest.mark.parametrize(("number", "status"), [(errno.ENOSPC, 507), (errno.EIO, 503), (errno.EACCES, 503)])
def test_a_disk_that_fails_is_said_without_a_path(open_studio, add_picture, monkeypatch, number, status):
    studio = open_studio()
    id = add_picture(studio)

    def fails(*_, **__):
        raise OSError(number, os.strerror(number), "/secret/path")

    monkeypatch.setattr(sending, "_small", fails)
    reply = studio.client.get(f"/api/v1/pictures/{id}/file")
    assert reply.status_code == status
    assert os.strerror(number) in reply.json()["detail"] and "secret" not in reply.text
