"""How often somebody may do what costs something."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from batcountry.studio.web.safety.origins import SAFE
from batcountry.studio.web.safety.refusals import client_of, refuse

CHANGES_PER_MINUTE = 600
"""Of all requests that change something, from one address."""

_MOST_CLIENTS = 4096


class Allowance:
    """So many times a minute for each client, and as many at once (a token bucket)."""

    def __init__(self, per_minute: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._most, self._clock = per_minute / 60, per_minute, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str) -> float:
        """Take one, and return 0; or return in how many seconds there is one again."""
        now = self._clock()
        left, then = self._left.pop(client, (self._most, now))
        left = min(self._most, left + (now - then) * self._rate)
        wait = 0.0 if left >= 1 else (1 - left) / self._rate
        self._left[client] = (left if wait else left - 1, now)
        if len(self._left) > _MOST_CLIENTS:
            self._left.popitem(last=False)
        return wait


class Rates:
    """Refuses with 429 what comes too often, and says when to try again."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        uploads_per_minute: float,
        jobs_per_minute: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._special = {
            "/api/v1/uploads": Allowance(uploads_per_minute, clock),
            "/api/v1/jobs": Allowance(jobs_per_minute, clock),
        }
        self._changes = Allowance(CHANGES_PER_MINUTE, clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        wait = 0.0
        if scope["type"] == "http" and scope["method"] not in SAFE:
            wait = self._special.get(scope["path"], self._changes).take(client_of(scope))
        if wait:
            seconds = math.ceil(wait)
            said = f"this is more than the studio takes in a minute; try again in {seconds} s"
            await refuse(send, 429, said, {"retry-after": str(seconds)}, close=True)
        else:
            await self._app(scope, receive, send)
