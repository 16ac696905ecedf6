"""The server itself: its port, its token, and clients that never come to the point."""

import asyncio
import socket
import stat
import threading
import time

import pytest
import uvicorn

from batcountry.errors import StudioError
from batcountry.studio.settings import StudioSettings
from batcountry.studio.web.app import create_app
from batcountry.studio.web.serving import protocol
from batcountry.studio.web.serving import server as serving


def test_a_studio_of_this_machine_alone_needs_no_token(tmp_path):
    settings = StudioSettings(folder=tmp_path / "studio")
    assert serving.with_token(settings) is settings
    assert not (tmp_path / "studio").exists()


def test_for_others_one_is_made_once_that_only_the_user_may_read(tmp_path):
    settings = StudioSettings(folder=tmp_path / "studio", host="0.0.0.0")
    token = serving.with_token(settings).token
    assert len(token) >= 32 and serving.with_token(settings).token == token
    assert stat.S_IMODE((tmp_path / "studio" / "token").stat().st_mode) == 0o600
    assert serving.with_token(settings.model_copy(update={"token": "x" * 20})).token == "x" * 20


def test_a_token_that_somebody_spoiled_is_said_to_be(tmp_path):
    settings = StudioSettings(folder=tmp_path, host="0.0.0.0")
    (tmp_path / "token").write_bytes(b"\xff" * 40)
    with pytest.raises(StudioError, match=r"cannot be used: .*delete that file"):
        serving.with_token(settings)


def test_a_port_that_is_taken_is_said_to_be():
    with serving.listening("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StudioError, match=f"port {port} of 127.0.0.1 is taken.*--port"):
            serving.listening("127.0.0.1", port)


@pytest.mark.parametrize("host", ["no.such.host.invalid", "192.0.2.1", "a b"])
def test_a_host_that_is_none_of_this_machine_is_said_to_be(host):
    with pytest.raises(StudioError, match="address of this machine"):
        serving.listening(host, 0)


def test_the_address_has_no_token_in_it(tmp_path):
    settings = StudioSettings(folder=tmp_path, token="a-token-of-some-length")
    with serving.listening("127.0.0.1", 0) as taken:
        assert serving.address_of(settings, taken) == f"http://127.0.0.1:{taken.getsockname()[1]}"


def test_names_of_the_machine_are_taken_when_others_may_come(tmp_path):
    assert serving.named_hosts(StudioSettings(folder=tmp_path)).hosts == ()
    assert (
        socket.gethostname().lower()
        in serving.named_hosts(StudioSettings(folder=tmp_path, host="0.0.0.0")).hosts
    )


@pytest.fixture
def port(tmp_path, monkeypatch):
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.2)
    with serving.listening("127.0.0.1", 0) as taken:
        app = create_app(StudioSettings(folder=tmp_path))
        config = uvicorn.Config(
            app, http=protocol.BoundedProtocol, ws="none", log_level="critical", timeout_keep_alive=1
        )
        server = serving._Server(config, app, lambda: None)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [taken]})
        thread.start()
        yield taken.getsockname()[1]
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()


def said(port, *pieces, gap=0.0):
    """Send pieces, and return all that comes until the server closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        for each in pieces:
            try:
                client.sendall(each)
            except OSError:
                break
            time.sleep(gap)
        found = b""
        try:
            while piece := client.recv(65_536):
                found += piece
        except ConnectionError:
            pass
        return found


HOST = b"Host: 127.0.0.1\r\n"


def test_who_never_comes_to_the_point_is_not_waited_for(port):
    assert said(port) == b""
    assert said(port, *[b"G", b"E", b"T", b" / HT"], gap=0.1) == b""
    assert said(port, b"GET / HTTP/1.1\r\n", *[b"X-A: b\r\n"] * 5, gap=0.1) == b""
    assert said(port, b"GET /health HTTP/1.1\r\n" + HOST + b"\r\nGET /heal").startswith(b"HTTP/1.1 200")


def test_who_asks_at_once_is_answered_however_long_the_answer_takes(port):
    begun = b"GET /api/v1/events/since?after=0&wait=1 HTTP/1.1\r\nConnection: close\r\n" + HOST + b"\r\n"
    assert said(port, begun).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "request_",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 200_000 + b"\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"POST /api/v1/jobs HTTP/1.1\r\n"
        + HOST
        + b"Content-Type: application/json\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"Bad Header: x\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"X: a\0b\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /../../etc/passwd HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\n" + HOST + b"\r\n",
    ],
    ids=lambda each: repr(each[:60]),
)
def test_what_is_hardly_http_is_refused(port, request_):
    reply = said(port, request_)
    assert reply == b"" or reply.split()[1] in (b"400", b"404", b"413", b"415", b"421", b"422", b"431")
    assert b"root:" not in reply


def test_who_follows_events_does_not_keep_the_studio_from_ending(port):
    client = socket.create_connection(("127.0.0.1", port), timeout=10)
    client.sendall(b"GET /api/v1/events HTTP/1.1\r\n" + HOST + b"\r\n")
    assert b"text/event-stream" in client.recv(4096)
    client.close()


def test_no_reply_waits_until_the_client_has_confirmed_the_one_before():
    async def without_delay():
        joined = asyncio.get_running_loop().create_future()

        async def serve(_, writer):
            sent = writer.get_extra_info("socket")
            joined.set_result(sent.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        with serving.listening("127.0.0.1", 0) as taken:
            port = taken.getsockname()[1]
            async with await asyncio.start_server(serve, sock=taken):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                found = await joined
                writer.close()
        return found

    assert asyncio.run(without_delay())
