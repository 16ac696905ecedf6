"""Throws damaged files at every reader.

    python tests/fuzz/run.py --count 100000
    python tests/fuzz/run.py --only caffe --count 2000

Each input is a valid one, changed at random; reading it has to end well or in an error of our own, within 2 seconds of
the processor's time and 500 MB. Two processes share the work. An input that does anything else is kept in --keep, and
the exit code is 1.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import random
import shutil
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from batcountry.backend.allocator import peak_memory, resident_memory
from batcountry.errors import BatCountryError
from fuzz.target import Target
from fuzz.targets import all_targets

SECONDS, MEGABYTES = 2.0, 500
WELL = ("read", "an error of ours")


def _too_long(*_: object) -> None:
    raise TimeoutError(f"more than {2 * SECONDS} s")


def _forget_peak() -> int:
    """Have Linux count the most memory of this process anew, and return the bytes that it has now.

    Otherwise an input would be compared with the most that any before it took.
    """
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return resident_memory()


def attempt(target: Target, path: Path) -> str:
    """Return how an input ended: one of `WELL`, or what went wrong."""
    before = _forget_peak()
    # The processor's time, which other programs do not lengthen; the real one is pytest's, for its own limit.
    signal.setitimer(signal.ITIMER_VIRTUAL, 2 * SECONDS)
    start = time.thread_time()
    try:
        target.use(path)
        result = "read"
    except BatCountryError:
        result = "an error of ours"
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        result = f"{type(error).__name__}: {error}"
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    if (taken := time.thread_time() - start) > SECONDS:
        result = f"took {taken:.1f} s"
    grown = (peak_memory() - before) / 1e6
    return f"took {grown:.0f} MB" if grown > MEGABYTES else result


def run(seed: int, count: int, keep: Path | None, targets: Sequence[Target]) -> Counter[str]:
    """Try `count` inputs, of each target its share, and count how they ended, by kind."""
    signal.signal(signal.SIGVTALRM, _too_long)
    logging.disable(logging.CRITICAL)  # notes of readers
    draw = random.Random(seed)
    ends: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as top, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for index in range(count):
            [target] = draw.choices(targets, [each.share for each in targets])
            folder = Path(top) / "input"
            folder.mkdir()
            result = attempt(target, target.make(random.Random(draw.random()), folder))
            if result not in WELL and keep is not None:
                keep.mkdir(exist_ok=True)
                shutil.copytree(
                    folder, keep / f"{seed}-{index}-{target.name.replace(' ', '-')}", symlinks=True
                )
            shutil.rmtree(folder)
            ends[f"{target.name}: {result}"] += 1
    logging.disable(logging.NOTSET)
    return ends


def _part(seed: int, count: int, keep: Path | None, only: str) -> Counter[str]:
    return run(seed, count, keep, chosen(only))


def chosen(only: str) -> list[Target]:
    """Return the targets whose names begin with `only`."""
    return [each for each in all_targets() if each.name.startswith(only)]


def main() -> None:
    """Run the fuzzer."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="beginning of the targets' names")
    parser.add_argument("--keep", type=Path, default=Path("fuzz-found"))
    options = parser.parse_args()
    start = time.perf_counter()
    parts = [(options.seed * 2 + part, options.count // 2, options.keep, options.only) for part in range(2)]
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        ends = sum(pool.starmap(_part, parts), Counter())
    for text, number in sorted(ends.items()):
        print(f"{number:8d}  {text}")
    print(f"{sum(ends.values())} inputs in {time.perf_counter() - start:.0f} s")
    if any(not text.endswith(WELL) for text in ends):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
