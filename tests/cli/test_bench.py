"""The command that measures this machine."""

import json
from dataclasses import dataclass

import pytest

from batcountry.bench import Benchmark, Sizes


@pytest.fixture
def tiny(monkeypatch):
    @dataclass(frozen=True)
    class Tiny(Sizes):
        picture: tuple[int, int] = (48, 32)
        frame: tuple[int, int] = (32, 24)
        frames: int = 2
        seconds: float = 0.1
        preset: str = "thumbnail"

        @classmethod
        def quick(cls):
            return cls(most=1)

    monkeypatch.setattr("batcountry.bench.Sizes", Tiny)


def test_a_table_can_be_pasted_and_has_versions_and_numbers(run_tiny, tiny):
    code, out, err = run_tiny("bench", "--quick", "--device", "cpu")
    assert code == 0, err
    assert "torch: " in out and "device: cpu" in out
    rows = [line for line in out.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + 5
    assert all(row.count("|") == 5 for row in rows)
    assert "frames/s" in rows[5]
    assert "This takes about" in err and "memory" not in err


def test_json_has_the_same_numbers(run_tiny, tiny):
    code, out, _ = run_tiny("bench", "--quick", "--json")
    found = json.loads(out)
    assert code == 0
    assert found["machine"]["threads"]
    assert [each["unit"] for each in found["results"]][-2:] == ["frames/s", "s a picture"]
    assert [each["value"] is None for each in found["results"]] == [False, False, True, False, False]


def test_ctrl_c_shows_what_was_measured(run_tiny, tiny, monkeypatch):
    def stopped():
        raise KeyboardInterrupt

    from batcountry import bench

    every = bench.benchmarks

    def some(*given):
        found = every(*given)
        return [found[0], Benchmark("what is stopped", stopped), *found[2:]]

    monkeypatch.setattr("batcountry.bench.benchmarks", some)
    code, out, err = run_tiny("bench")
    assert code == 130
    assert "| first dream" in out and "frames/s" not in out
    assert "stopped after 1 of 5 measures" in err


def test_an_unknown_device_is_one_sentence(run_tiny, tiny):
    code, _, err = run_tiny("bench", "--device", "cuda:77")
    assert code == 2 and "there is no device 'cuda:77'" in err
