"""Refusing a request before the application sees it."""

from __future__ import annotations

import json
from collections.abc import Mapping

from starlette.types import Scope, Send


async def refuse(
    send: Send, status: int, sentence: str, headers: Mapping[str, str] | None = None, *, close: bool = False
) -> None:
    """Reply with a sentence, in the form that all errors have; with `close` what else the client sends is not read."""
    body = json.dumps({"detail": sentence}, ensure_ascii=False).encode()
    lines = {
        "content-type": "application/json",
        "content-length": str(len(body)),
        **({"connection": "close"} if close else {}),
        **(headers or {}),
    }
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in lines.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


def header(scope: Scope, name: bytes) -> str | None:
    """Return the first header of a name, which is given in small letters; None if there is none."""
    values = header_values(scope, name)
    return values[0] if values else None


def header_values(scope: Scope, name: bytes) -> list[str]:
    """Return all headers of a name."""
    return [value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name]


def client_of(scope: Scope) -> str:
    """Return the address that a request is from, as the server knows it and not as the request says."""
    client = scope.get("client")
    return client[0] if client else ""
