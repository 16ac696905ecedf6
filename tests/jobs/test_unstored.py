"""Short work tells what a job tells."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from batcountry.backend.outputs import Output
from batcountry.jobs.events import Done, Message, Progress, Stopped
from batcountry.jobs.messages import Heard, only_warnings
from batcountry.jobs.unstored import events_of

log = logging.getLogger("batcountry")


@pytest.fixture(autouse=True)
def _informed(caplog):
    caplog.set_level(logging.INFO, "batcountry")


def steps(output: Path, pressed: bool = False):
    for index in range(3):
        log.info("step %d", index)
        output.write_text(str(index))
        if pressed and index == 1:
            raise KeyboardInterrupt
        yield (index + 1) / 3


def test_steps_messages_and_the_end_are_told(tmp_path):
    output = Output(tmp_path / "out")
    events = list(events_of(steps(output.path), lambda done: Progress(done=done), {"out": output}))
    assert [each.text for each in events if isinstance(each, Message)] == ["step 0", "step 1", "step 2"]
    assert [each.done for each in events if isinstance(each, Progress)] == pytest.approx([1 / 3, 2 / 3, 1])
    assert events[-1] == Done(outputs={"out": str(output.path)})


@pytest.mark.parametrize("kept", [True, False])
def test_ctrl_c_is_told_and_raised_on(tmp_path, kept):
    output, told = Output(tmp_path / "out"), []
    with pytest.raises(KeyboardInterrupt):
        for event in events_of(
            steps(output.path, True), lambda done: Progress(done=done), {"out": output}, kept=kept
        ):
            told.append(event)
    assert isinstance(told[-1], Stopped) and told[-1].at.done == pytest.approx(1 / 3)
    assert told[-1].outputs == ({"out": str(output.path)} if kept else {})


def test_what_is_only_good_to_know_of_many_small_dreams_is_not_heard():
    heard = Heard()
    with heard.hearing(), only_warnings():
        log.info("3 MB of memory")
        log.warning("a file is damaged")
    with heard.hearing():
        log.info("done")
    assert [each.text for each in heard.take()] == ["a file is damaged", "done"]
