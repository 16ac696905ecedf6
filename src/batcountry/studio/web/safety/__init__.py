"""What stands between the network and the studio: each module is one idea, as ASGI middleware; `secured` puts them in order."""

from __future__ import annotations

from starlette.types import ASGIApp

from batcountry.studio.settings import StudioSettings
from batcountry.studio.web.safety.bodies import Bodies
from batcountry.studio.web.safety.headers import Headers
from batcountry.studio.web.safety.heads import Heads
from batcountry.studio.web.safety.hosts import Hosts
from batcountry.studio.web.safety.origins import Origins
from batcountry.studio.web.safety.paths import Paths
from batcountry.studio.web.safety.rates import Rates
from batcountry.studio.web.safety.tokens import Tokens

__all__ = ["secured"]


def secured(app: ASGIApp, settings: StudioSettings) -> ASGIApp:
    """Return an application that nothing reaches but what the settings allow.

    What is cheapest to refuse, and most foreign, is refused first; the headers are on every reply, refusals too.
    """
    app = Bodies(app, settings.max_upload_bytes)
    app = Rates(app, uploads_per_minute=settings.uploads_per_minute, jobs_per_minute=settings.jobs_per_minute)
    app = Tokens(app, settings.token)
    app = Origins(app)
    app = Hosts(app, (settings.host, *settings.hosts))
    app = Paths(app)
    return Heads(Headers(app))
