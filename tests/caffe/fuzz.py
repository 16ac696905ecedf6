"""Throws damaged files at the readers of Caffe's formats.

    python tests/caffe/fuzz.py --count 100000

Each input is a valid file, text or binary, changed at random; reading it and building the net has to
end in a net (or a mean) or in an error of our own, within 2 seconds of the processor's time and 500 MB. Two processes share the work. An
input that does anything else is kept in --keep, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import re
import resource
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from batcountry.caffe import TEST, Net
from batcountry.caffe.formats.means import read_mean
from batcountry.caffe.io import array_to_blobproto
from batcountry.errors import BatCountryError

LAYERS = Path(__file__).parents[1] / "reference" / "layers"
SECONDS, MEGABYTES = 2.0, 500
NUMBERS = ["0", "-1", "1", "7", "65536", "2147483647", "4294967295", "-2147483648", "1e30", "nan", "9" * 30]
VARINTS = [b"\x00", b"\x7f", b"\xff" * 9 + b"\x01", b"\xff\xff\xff\xff\x0f", b"\x80" * 12]


def damaged_bytes(data: bytes, draw: random.Random) -> bytes:
    """Change a binary file: bits, bytes, lengths, cuts, repeats."""
    found = bytearray(data)
    for _ in range(draw.randint(1, 6)):
        at, kind = draw.randrange(len(found) or 1), draw.randrange(6)
        if kind == 0 and found:
            found[at % len(found)] ^= 1 << draw.randrange(8)
        elif kind == 1:
            found[at : at + 1] = draw.choice(VARINTS)
        elif kind == 2:
            del found[at : at + draw.randint(1, 40)]
        elif kind == 3:
            found[at:at] = found[at : at + draw.randint(1, 400)]
        elif kind == 4:
            found[at:at] = draw.randbytes(draw.randint(1, 20))
        elif draw.random() < 0.3:
            del found[at:]
    return bytes(found)


def damaged_text(text: str, draw: random.Random, words: list[str]) -> str:
    """Change a prototxt: numbers and names most of all, lines now and then."""
    pieces = re.split(r'("[^"]*"|[-0-9.e]+(?=\s))', text)
    for _ in range(draw.randint(1, 3)):
        at = draw.randrange(len(pieces) // 2) * 2 + 1 if len(pieces) > 2 else 0
        pieces[at] = draw.choice(words if pieces[at].startswith('"') else NUMBERS)
    lines = "".join(pieces).splitlines()
    for _ in range(draw.choice([0, 0, 0, 1, 3])):
        at, kind = draw.randrange(len(lines) or 1), draw.randrange(6)
        if kind == 3:
            lines[at:at] = lines[at : at + draw.randint(1, 12)]
        elif kind == 4:
            del lines[at : at + draw.randint(1, 3)]
        else:
            lines.insert(
                at, draw.choice(["{" * 200, "}", "layer {", '"', "layers { type: 99 }", "dim: 9999999999999"])
            )
    return "\n".join(lines)


def inputs(seed: int) -> Iterator[tuple[str, bytes, Path]]:
    """Yield (kind, data, the prototxt of the net it was made from) without end."""
    draw = random.Random(seed)
    cases = sorted(LAYERS.glob("*/net.prototxt"))
    texts = [path.read_text() for path in cases]
    binaries = [path.with_suffix(".caffemodel").read_bytes() for path in cases]
    mean = array_to_blobproto(np.ones((1, 3, 8, 8))).SerializeToString()
    words = sorted({word for text in texts for word in re.findall(r'"[^"]*"', text)})
    while True:
        kind = draw.choice(["definition", "weights", "binary definition", "mean"])
        case = draw.randrange(len(cases))
        if kind == "definition":
            data = damaged_text(texts[case], draw, words).encode()
        else:
            data = damaged_bytes(mean if kind == "mean" else binaries[case], draw)
        yield kind, data, cases[case]


def read(kind: str, path: Path, matching: Path) -> None:
    """Read a file as what it stands for, and build the net."""
    if kind == "weights":
        Net(matching, TEST, weights=path)
    elif kind == "mean":
        read_mean(path)
    else:
        Net(path, TEST)


def _too_long(*_: object) -> None:
    raise TimeoutError(f"more than {2 * SECONDS} s")


def attempt(kind: str, data: bytes, matching: Path, folder: Path) -> str:
    """Return how an input ended: "a net", "an error of ours", or what went wrong."""
    path = folder / "input"
    path.write_bytes(data)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # The processor's time, which other programs do not lengthen; the real one is pytest's, for its own limit.
    signal.setitimer(signal.ITIMER_VIRTUAL, 2 * SECONDS)
    start = time.thread_time()
    try:
        read(kind, path, matching)
        result = "a net"
    except BatCountryError:
        result = "an error of ours"
    except BaseException as error:
        result = f"{type(error).__name__}: {error}"
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    if (taken := time.thread_time() - start) > SECONDS:
        result = f"took {taken:.1f} s"
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    return f"took {grown:.0f} MB" if grown > MEGABYTES else result


def run(seed: int, count: int, keep: Path | None) -> Counter[str]:
    """Try `count` inputs and count how they ended, by kind."""
    signal.signal(signal.SIGVTALRM, _too_long)
    found: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        for index, (kind, data, matching) in zip(range(count), inputs(seed), strict=False):
            result = attempt(kind, data, matching, Path(folder))
            if result not in ("a net", "an error of ours") and keep is not None:
                keep.mkdir(exist_ok=True)
                (keep / f"{seed}-{index}-{kind.replace(' ', '-')}").write_bytes(data)
            found[f"{kind}: {result}"] += 1
    return found


def main() -> None:
    """Run the fuzzer."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path("fuzz-found"))
    options = parser.parse_args()
    start = time.perf_counter()
    jobs = [(options.seed * 2 + part, options.count // 2, options.keep) for part in range(2)]
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        found = sum(pool.starmap(run, jobs), Counter())
    for text, number in sorted(found.items()):
        print(f"{number:8d}  {text}")
    print(f"{sum(found.values())} inputs in {time.perf_counter() - start:.0f} s")
    if any(not text.endswith(("a net", "an error of ours")) for text in found):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
