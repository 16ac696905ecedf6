"""Asking a studio in this process: as a client does, and as one that sends what no client sends."""

import io
from dataclasses import dataclass

from PIL import Image

ADDRESS = "http://127.0.0.1:8015"
HOST = (b"host", b"127.0.0.1:8015")


@dataclass
class Reply:
    status: int
    headers: dict
    body: bytes


class Studio:
    """A studio, and its client."""

    def __init__(self, client):
        self.client, self.app = client, client.app
        self.here = client.app.state.studio

    def __getattr__(self, method):
        """`get`, `post` and their like are the client's."""
        return getattr(self.client, method)

    def upload(self, data, name="photo.png", kind="image/png", **more):
        return self.client.post("/api/v1/uploads", files={"file": (name, data, kind)}, **more)

    def raw(self, method, target, headers=(), body=b"", *, host=HOST, pieces=None):
        """Send a request as it is, byte by byte, past all that a client library would put right."""
        path, _, query = target.partition(b"?")
        messages = [{"type": "http.request", "body": each, "more_body": True} for each in (pieces or [body])]
        messages[-1]["more_body"] = False
        reply = Reply(0, {}, b"")

        async def receive():
            return messages.pop(0) if messages else {"type": "http.disconnect"}

        async def send(message):
            if message["type"] == "http.response.start":
                reply.status = message["status"]
                reply.headers = {
                    name.decode().lower(): value.decode("latin-1") for name, value in message["headers"]
                }
            else:
                reply.body += message.get("body", b"")

        from urllib.parse import unquote_to_bytes

        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote_to_bytes(path).decode("utf-8", "replace"),
            "raw_path": path,
            "query_string": query,
            "root_path": "",
            "headers": [*([host] if host else []), *headers],
            "client": ("127.0.0.1", 50_000),
            "server": ("127.0.0.1", 8015),
            "state": {},
        }
        self.client.portal.call(self.app, scope, receive, send)
        return reply


def picture(mode="RGB", size=(40, 30), kind="PNG", color=None, **options):
    """The bytes of a picture file."""
    out = io.BytesIO()
    Image.new(mode, size, color if color is not None else (0 if mode in ("L", "P", "1") else "teal")).save(
        out, kind, **options
    )
    return out.getvalue()
