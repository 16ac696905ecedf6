"""A first preview at once: a small dream, while the large one is not yet planned."""

from __future__ import annotations

import logging
from contextlib import suppress

from batcountry.backend.policy import Policy
from batcountry.errors import BatCountryError
from batcountry.jobs.dream_kind import DreamJob
from batcountry.jobs.spec import JobSpec

SIDE = 144
"""Pixels of its longer side."""

STEPS = 2

_SMALL = {"size": SIDE, "enlarge": None, "octaves": 1, "iterations": STEPS, "tile": 0}


def quick_preview(spec: JobSpec, policy: Policy) -> bytes | None:
    """Return how a dream on a picture will look, small and rough; None if that cannot be told so quickly.

    What is wrong with the job is not said here, but when it is begun.
    """
    if spec.kind != "dream" or "picture" not in spec.inputs:
        return None
    log = logging.getLogger("batcountry")
    level = log.level
    log.setLevel(logging.ERROR)  # the job's log is to have nothing of this one
    try:
        with suppress(BatCountryError, RuntimeError, OSError, ValueError, MemoryError):
            job = DreamJob(spec.changed(recipe={**spec.recipe, **_SMALL}), policy, {}, new=True)
            *_, step = job.steps(None, {})
            return job.preview(step, SIDE)
    finally:
        log.setLevel(level)
    return None
