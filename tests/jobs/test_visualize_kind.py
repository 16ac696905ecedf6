"""Visualizations as jobs: their numbers outlive a stop, as the picture does."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from batcountry import jobs
from batcountry.backend.policy import OPEN
from batcountry.errors import JobError, OutputError, RecipeError
from batcountry.jobs import Control, JobSpec, OutputPlace
from batcountry.jobs.events import Message, Progress, Stopped

DREAM = {"objective": "layer('stem') - 0.1*tv(2.0)", "start": "noise", "canvas": "35x47", "octaves": 2}


@pytest.fixture(autouse=True)
def _place(tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    caplog.set_level(logging.INFO, "batcountry")


def spec(folder: str, every: int = 2, **more: str) -> JobSpec:
    Path(folder).mkdir(exist_ok=True)
    names = {"picture": "out.png", "plot": "plot.png", "plot_pixels": "pixels.png", "steps": "steps", **more}
    outputs = {name: OutputPlace(path=f"{folder}/{path}") for name, path in names.items()}
    recipe = {"dream": {**DREAM, "iterations": 5, "precision": "exact"}, "every": every}
    return JobSpec(kind="visualize", recipe=recipe, outputs=outputs)


def found(folder: str) -> dict[str, bytes]:
    root = Path(folder)
    return {str(each.relative_to(root)): each.read_bytes() for each in root.rglob("*") if each.is_file()}


def said(events) -> list[str]:
    return [each.text for each in events if isinstance(each, Message) and "iteration" in each.text]


@pytest.mark.parametrize("after", [1, 4, 7])
def test_stopped_anywhere_it_goes_on_to_the_same_picture_plots_and_steps(after):
    whole = said(jobs.run(spec("whole")))
    assert [each.split(": ")[0] for each in whole[:2]] == [
        "size 1/2, iteration 2/5",
        "size 1/2, iteration 4/5",
    ]
    control, told = Control(), []
    for event in jobs.run(spec("killed"), folder="work", control=control):
        told.append(event)
        if sum(isinstance(each, Progress) for each in told) == after:
            control.cancel()
    assert isinstance(told[-1], Stopped) and not told[-1].outputs and told[-1].folder == "work"
    assert whole == said(told) + said(jobs.resume("work", policy=OPEN))
    assert found("killed") == found("whole")
    assert len(found("whole")) == 3 + 4


def test_numbers_that_are_damaged_are_refused():
    events = jobs.run(spec("out"), folder="work")
    while not isinstance(next(events), Progress):
        pass
    events.close()
    next(Path("work/checkpoint").glob("*.json")).write_text('{"version": 1, "numbers": 3}')
    with pytest.raises(JobError, match="is damaged: numbers"):
        list(jobs.resume("work", policy=OPEN))


def test_what_cannot_be_is_said_before_any_work():
    with pytest.raises(RecipeError, match="as often as `every` says"):
        jobs.run(spec("out", every=0))
    with pytest.raises(RecipeError, match="no pyramid"):
        jobs.run(spec("out", deepzoom="zoom"))
    Path("out/plot.png").write_text("mine")
    with pytest.raises(OutputError, match="is there already"):
        jobs.run(spec("out"))
    assert found("out") == {"plot.png": b"mine"}
