"""HEAD tells what GET would, without it."""

import pytest

from studio_server import picture


@pytest.mark.parametrize(
    "path", ["/", "/gallery", "/health", "/api/v1/pictures", "/api/v1/pictures/not-there"]
)
def test_the_headers_are_those_of_the_whole_and_the_body_is_left_out(studio, path):
    whole, head = studio.get(path), studio.client.head(path)
    assert head.status_code == whole.status_code and not head.is_redirect
    for name in ("content-type", "content-length", "cache-control", "content-security-policy"):
        assert head.headers[name] == whole.headers[name]


def test_a_file_is_not_read_for_it(studio):
    url = studio.upload(picture(size=(300, 200))).json()["url"]
    whole, head = studio.get(url), studio.raw("HEAD", url.encode())
    assert head.status == 200 and head.body == b""
    for name in ("content-type", "content-length", "etag", "accept-ranges"):
        assert head.headers[name] == whole.headers[name]


def test_what_has_no_end_is_not_begun(studio):
    assert studio.raw("HEAD", b"/api/v1/events").status in (403, 405)


def test_a_stranger_learns_nothing_by_it(studio):
    assert studio.raw("HEAD", b"/", [], host=(b"host", b"evil.example")).status == 421
