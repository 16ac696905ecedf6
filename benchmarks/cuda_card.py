"""All that is to be known of dreams on a CUDA card, each beside the plain loop on the same card, in one run of a few minutes.

Writes benchmarks/results/cuda.md, after each section anew, so that what was measured stays if the machine goes away. A
section that fails says so and the next begins. Needs the BVLC GoogLeNet in $BATCOUNTRY_MODELS or ../shared/models.
No file here may be called cuda.py, as PyTorch imports a package of that name.

    make bench-cuda
    make bench-cuda ARGS="speed profile"                # these sections
    make bench-cuda ARGS="--photo ~/Pictures/sky.jpg"   # gradients compared on a photograph
    python benchmarks/cuda_card.py --rehearse                # on the processor, tiny: whether all of it runs
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
import traceback
from pathlib import Path

import torch
from cuda_sections import SECTIONS, Bench, Row

from batcountry import __version__

RESULTS = Path(__file__).parent / "results" / "cuda.md"


def main() -> int:
    """Run the sections that are named, or all."""
    options = parsed()
    if not options.rehearse and not torch.cuda.is_available():
        print(
            "There is no CUDA card here, so nothing is measured; --rehearse runs it all, tiny, on the processor."
        )
        return 2
    os.environ.pop("BATCOUNTRY_DEVICE", None)
    bench = Bench("cpu" if options.rehearse else "cuda", tiny=options.rehearse, photo=options.photo)
    begun, failed, sections = time.monotonic(), [], options.sections or list(SECTIONS)
    for at, name in enumerate(sections):
        spent = time.monotonic() - begun
        if spent > options.limit:
            bench.rows.append(Row(name, "the whole section", "unmeasured: the time was up"))
            continue
        print(f"[{spent:6.1f}] == {name}", flush=True)
        bench.until = time.monotonic() + share(options.limit - spent, sections[at:])
        try:
            for row in SECTIONS[name](bench):
                row.section = name
                bench.rows.append(row)
                print(f"[{time.monotonic() - begun:6.1f}] {row}", flush=True)
                if bench.left() < 0:
                    bench.rows.append(Row(name, "the rest of the section", "unmeasured: its time was up"))
                    break
        except Exception as error:
            failed.append(name)
            reason = f"failed: {type(error).__name__}: {str(error)[:300]}"
            bench.rows.append(Row(name, "the rest of the section", " ".join(reason.split())))
            traceback.print_exc(limit=-8, file=sys.stdout)
        bench.free()
        write(options.out, bench, options)
    print(
        f"[{time.monotonic() - begun:6.1f}] written to {options.out}; failed: {', '.join(failed) or 'none'}"
    )
    return 1 if failed else 0


def share(left: float, sections: list[str]) -> float:
    """Return the seconds that the first of some sections may take: up to three times its share of what is left."""
    return left * min(1, 3 / len(sections))


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure dreams on a CUDA card.")
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"of {', '.join(SECTIONS)}")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the results go")
    parser.add_argument("--photo", type=Path, help="a photograph to compare gradients on")
    parser.add_argument(
        "--limit", type=float, default=180, help="seconds for all sections, of which each has its share"
    )
    parser.add_argument("--rehearse", action="store_true", help="run it tiny on the processor")
    options = parser.parse_args()
    if unknown := set(options.sections) - set(SECTIONS):
        parser.error(f"there is no section {sorted(unknown)[0]}; there are {', '.join(SECTIONS)}")
    if options.rehearse and options.out == RESULTS:
        options.out = Path(os.environ.get("TMPDIR", "/tmp")) / "cuda-rehearsal.md"
    return options


def write(out: Path, bench: Bench, options: argparse.Namespace) -> None:
    """Write all rows so far, section by section."""
    command = "make bench-cuda" + (f' ARGS="{" ".join(options.sections)}"' if options.sections else "")
    lines = [
        f"# Dreams on {bench.card}",
        "",
        f"bat-country {__version__}, torch {torch.__version__}, CUDA {torch.version.cuda}, Python "
        f"{platform.python_version()}, {os.cpu_count()} cores",
        "",
        f"`{command}`",
        "",
        "Medians of warm runs, unless said. The plain loop is `benchmarks/plain.py` with all of it on the card, as PyTorch is "
        "set when it is imported. Aims are for an H100 or H200.",
    ]
    for section in dict.fromkeys(row.section for row in bench.rows):
        lines += [
            "",
            f"## {section}",
            "",
            "| what | measured | plain loop | aim |",
            "| --- | ---: | ---: | ---: |",
        ]
        lines += [
            f"| {row.what} | {row.measured} | {row.plain} | {row.aim} |"
            for row in bench.rows
            if row.section == section
        ]
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
