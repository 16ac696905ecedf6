from dataclasses import dataclass

from rich.console import Console

from batcountry.dreams import progress_bars as bars


@dataclass
class Half:
    done: float = 0.5


def test_a_bar_says_where_the_work_is_and_hands_every_step_on(monkeypatch, capsys):
    monkeypatch.setattr(bars, "Console", lambda **_: Console(stderr=True, force_terminal=True, width=80))
    steps = [Half(0.5), Half(1.0)]
    assert list(bars.with_bar(steps, lambda step: f"[{step.done}]", "look")) == steps
    said = capsys.readouterr()
    assert "look: [1.0]" in said.err and "100 %" in said.err and not said.out
