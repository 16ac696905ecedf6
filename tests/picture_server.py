"""A server on this computer, with a picture and with ways that lead nowhere good."""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from PIL import Image

BROKEN = {
    "short": b"Content-Length: 999\r\n\r\n",
    "chunks": b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "gzip": b"Content-Encoding: gzip\r\n\r\n",
    "drip": b"X-More: 1\r\n" * 90,
}
"""Headers of answers that 60 bytes of a picture are not."""


def misbehave(file, answer):
    """Send an answer; one of many lines line by line, which takes two seconds."""
    try:
        file.write(b"HTTP/1.1 200 OK\r\n")
        for line in answer.splitlines(keepends=True):
            file.write(line)
            time.sleep(0.02 * line.startswith(b"X-More"))
    except OSError:
        return


def leads_to(name, rest):
    """Where an answer sends whoever asked."""
    left = int(rest or 0) - 1
    places = {
        "lead": f"/lead/{left}" if left > 0 else "/photo.png",
        "round": "/round",
        "file": "file:///etc/passwd",
    }
    return places[name]


@pytest.fixture
def server(photo, tmp_path):
    """An address with a picture below it, and ways that lead nowhere good."""
    Image.fromarray(photo).save(tmp_path / "there.png")
    data = (tmp_path / "there.png").read_bytes()
    asked = []

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            name, _, rest = self.path[1:].partition("?")[0].partition("/")
            if name in ("lead", "round", "file"):
                self.send_response(302)
                self.send_header("Location", leads_to(name, rest))
                self.end_headers()
                return
            if name in BROKEN:
                misbehave(self.wfile, BROKEN[name] + data[:60])
                return
            if name not in ("photo.png", "text", "endless", "slow", "my%20cat.jpg"):
                self.send_error(404)
                return
            self.send_response(200)
            self.end_headers()
            try:
                self.answer(name)
            except OSError:
                return  # whoever asked has gone

        def answer(self, name):
            while name == "endless":
                self.wfile.write(bytes(1 << 16))
            for _ in range({"slow": 200}.get(name, 0)):
                self.wfile.write(b"x")
                self.wfile.flush()
                time.sleep(0.02)
            self.wfile.write(b"<html>" if name == "text" else data)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    yield type("Server", (), {"address": address, "data": data, "asked": asked})
    server.shutdown()
    server.server_close()
    thread.join()
