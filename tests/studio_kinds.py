"""A kind of job for tests of the studio, which needs no network and does as its recipe says; also in processes that they start."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path

from batcountry.errors import WorkDamaged
from batcountry.jobs.events import Count, Progress
from batcountry.jobs.kinds import Job
from batcountry.jobs.messages import log

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c49444154789c63f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
)
"""A picture of one pixel."""


class PuppetKind:
    def prepare(self, spec, policy, objects, *, new):
        for each in spec.inputs.values():
            policy.check_file(each.path)
        return PuppetJob(spec)


class PuppetJob(Job):
    """`steps` steps; before the step `at` it does what `act` says."""

    own_files = re.compile(r"step-\d+")

    def __init__(self, spec):
        self.spec, self.recipe, self.step = spec, spec.recipe, 0

    def steps(self, files, outputs):
        for step in range(self.step, self.recipe["steps"]):
            if step == self.recipe.get("at"):
                ACTS[self.recipe["act"]](self.recipe)
            self.step = step + 1
            log.info("step %d", self.step)
            yield self.step

    def progress(self, step):
        return Progress(
            where=(Count(what="step", at=step, of=self.recipe["steps"]),), done=step / self.recipe["steps"]
        )

    def preview(self, step, side):
        return PNG

    def is_due(self, step, seconds):
        return True

    def save(self, files):
        (files / f"step-{self.step}").write_bytes(b"")
        return {"step": self.step}

    def load(self, files, part):
        if not (files / f"step-{part['step']}").exists():
            raise WorkDamaged(f"{files} has no step {part['step']}; start the job anew")
        self.step = part["step"]

    def finish(self, outputs):
        outputs["picture"].put(_written(outputs["picture"].path))


def _written(path: Path) -> Path:
    temporary = path.with_name(f".batcountry-{os.getpid()}")
    temporary.write_bytes(PNG)
    return temporary


def _kill(_):
    os.kill(os.getpid(), signal.SIGKILL)


def _sleep(recipe):
    time.sleep(recipe.get("seconds", 3600))


def _memory(recipe):
    if not recipe.get("dream", {}).get("tile"):
        raise MemoryError
    if recipe.get("always"):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 5 bytes")


def _full(recipe):
    if not Path(recipe["room"]).exists():
        raise OSError(28, "No space left on device", "checkpoint")


def _fault(_):
    raise ZeroDivisionError("division by zero")


ACTS = {"kill": _kill, "sleep": _sleep, "memory": _memory, "full": _full, "fault": _fault}


def install(folder: Path) -> None:
    """Make what tells processes of this kind that have the folder in PYTHONPATH."""
    info = folder / "studio_kinds-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: studio-kinds\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[batcountry.job_kinds]\npuppet = studio_kinds:PuppetKind\n")
