"""One model of long work: what is to be done, what it tells while it runs, and how it is stopped and gone on with.

>>> from batcountry.jobs import JobSpec, OutputPlace, run
>>> spec = JobSpec(kind="dream", recipe={"layer": "blocks.5"}, outputs={"picture": OutputPlace(path="dream.png")})
>>> for event in run(spec, folder="work"):  # doctest: +SKIP
...     print(event.line(), end="")
>>> resume("work")  # doctest: +SKIP

A kind of job is made so:

1. Write a class with `prepare` (see `batcountry.jobs.kinds.Kind`) in a module of its own, and a subclass of
   `batcountry.jobs.kinds.Job` for what `prepare` returns. `batcountry.jobs.dream_kind` is the example.
2. `prepare` says what cannot be before it opens a network, and sets `spec` to one with all that was chosen, so that making it
   ready from that gives the same again: `batcountry.jobs.inputs` has what reads pictures, recipes and their files so.
3. `steps` yields anything, one after each step; `progress` and `preview` say of it what people see.
4. `save` puts what the next step needs into files of new names and returns JSON that leads to them; that is written down at
   once and whole; then `saved` deletes the older ones. `load` takes both back. The result is the same, bit for bit.
5. `finish` writes outputs by `Output.put`, which knows after a kill what the job itself wrote; `stop` what there is so far.
6. Add `"name": kind_at("module:class")` to `JOB_KINDS` in `batcountry.jobs.kinds` (another package: an entry point in the group
   `batcountry.job_kinds`, or `JOB_KINDS.register`), and a case for it to `tools/kill_test.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from batcountry.backend.lazy import lazy_names

if TYPE_CHECKING:
    from batcountry.jobs.bulk_kind import BulkRecipe as BulkRecipe
    from batcountry.jobs.bulk_kind import bulk as bulk
    from batcountry.jobs.control import Control as Control
    from batcountry.jobs.dream_specs import dream_on_disk as dream_on_disk
    from batcountry.jobs.events import Event as Event
    from batcountry.jobs.events import read_event as read_event
    from batcountry.jobs.folder import JobFolder as JobFolder
    from batcountry.jobs.kinds import JOB_KINDS as JOB_KINDS
    from batcountry.jobs.runner import finish as finish
    from batcountry.jobs.runner import resume as resume
    from batcountry.jobs.runner import run as run
    from batcountry.jobs.runner import told as told
    from batcountry.jobs.spec import InputFile as InputFile
    from batcountry.jobs.spec import JobSpec as JobSpec
    from batcountry.jobs.spec import OutputPlace as OutputPlace

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "BulkRecipe": "bulk_kind",
        "bulk": "bulk_kind",
        "Control": "control",
        "dream_on_disk": "dream_specs",
        "Event": "events",
        "read_event": "events",
        "JobFolder": "folder",
        "JOB_KINDS": "kinds",
        "finish": "runner",
        "resume": "runner",
        "run": "runner",
        "told": "runner",
        "InputFile": "spec",
        "JobSpec": "spec",
        "OutputPlace": "spec",
    },
)
