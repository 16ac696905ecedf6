"""A small version of tools/studio_kill_test.py: processes of the studio are killed, and nothing is lost."""

from __future__ import annotations

import random
import runpy
import signal

import pytest

pytest.importorskip("sqlalchemy", reason="needs SQLAlchemy, which the extra `studio` brings")

from batcountry.studio.places import new_id
from conftest import ROOT


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL here")
def test_killed_at_random_moments_every_job_is_done_once_with_the_same_files(studio, tmp_path):
    tool = runpy.run_path(str(ROOT / "tools" / "studio_kill_test.py"))
    kinds = {new_id(): kind for kind in ("dream", "zoom")}
    undisturbed = tool["Studio"](studio.settings.folder)
    undisturbed.submit(kinds)
    assert [studio.run().state for _ in kinds] == ["done"] * len(kinds)
    whole = undisturbed.files()
    killed, kills = tool["disturbed"](tmp_path / "killed", kinds, 2, random.Random(2), 3.0)
    assert kills > 0 and len(whole) == 2 and not tool["faults"](killed, whole)
    undisturbed.database.close(), killed.database.close()
