"""Whether the studio is well, for who watches over it, and numbers for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from batcountry.errors import BatCountryError
from batcountry.studio.store.job import State
from batcountry.studio.web.files.room import check_disk, free_bytes, used_bytes
from batcountry.studio.web.messages.problems import problems
from batcountry.studio.web.messages.schemas import Health
from batcountry.studio.web.studio import Studio, StudioHere

router = APIRouter(tags=["health"])


@router.get("/health", responses={**problems(), 503: {"model": Health, "description": "Something is wrong."}})
def health(studio: StudioHere, response: Response) -> Health:
    """Say whether the studio can do its work."""
    try:
        studio.events.last()
        check_disk(studio)
    except BatCountryError as error:
        response.status_code = 503
        return Health(status="failing", sentence=str(error))
    return Health(status="ok", sentence="")


@router.get(
    "/metrics",
    response_class=Response,
    responses={**problems(), 200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def metrics(request: Request) -> Response:
    """Show the numbers that Prometheus collects."""
    return Response(generate_latest(request.app.state.metrics), media_type=CONTENT_TYPE_LATEST)


class _Numbers(Collector):
    """Looks the numbers up when they are asked for, so that they are right whoever changed them."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def collect(self) -> Iterator[Metric]:
        """Yield them."""
        studio, counts = self._studio, self._studio.queue.counts()
        jobs = GaugeMetricFamily("batcountry_jobs", "Jobs by state.", labels=["state"])
        for state in get_args(State):
            jobs.add_metric([state], counts.get(state, 0))
        yield jobs
        yield GaugeMetricFamily("batcountry_pictures", "Pictures in the gallery.", studio.pictures.count())
        yield GaugeMetricFamily("batcountry_bytes", "Bytes of pictures and uploads.", used_bytes(studio))
        yield GaugeMetricFamily(
            "batcountry_disk_free_bytes", "Bytes that are free on the disk.", free_bytes(studio)
        )
        yield GaugeMetricFamily("batcountry_viewers", "Clients that wait for events.", studio.feed.viewers)
        yield GaugeMetricFamily("batcountry_last_event", "Number of the newest event.", studio.events.last())


def metrics_of(studio: Studio) -> CollectorRegistry:
    """Return the metrics of a studio."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Numbers(studio))
    return registry
