"""Pictures of any size: time per megapixel, peak memory, and thirty kills that change nothing.

Each run is a process of its own, one octave of two iterations on disk, beside an untiled dream of
1024×1024 and a tiled one of 4096×4096 in memory. Needs the BVLC GoogLeNet in $BATCOUNTRY_MODELS or ../shared/models.

    make bench-boundless                                        # up to 4096×4096
    make bench-boundless ARGS="--sides 707 4096 16384 --max-memory 1.8GB"
    make bench-boundless ARGS="--kills 30 --sides 4096"
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyvips
import torch

from batcountry.image.sky import sky

ROOT = Path(__file__).parents[1]
MODEL = Path(os.environ.get("BATCOUNTRY_MODELS", ROOT.parent / "shared" / "models")) / "bvlc_googlenet"
RESULTS = ROOT / "benchmarks" / "results"

WORK = """
import json, logging, sys, time
from pathlib import Path
plans = []
class Heard(logging.Handler):
    def emit(self, record):
        plans.extend(each for each in record.args or () if hasattr(each, "limit"))
logging.getLogger("batcountry").setLevel(logging.INFO)
logging.getLogger("batcountry").addHandler(Heard())
options = json.loads(sys.argv[2])
source = sys.argv[1]
start = None
if options.pop("memory"):
    from batcountry import dreaming
    steps = dreaming(source, **options)
else:
    from batcountry.backend.outputs import Output
    from batcountry.backend.policy import OPEN
    from batcountry.dreams.prepare import prepare
    from batcountry.jobs.dream_specs import dream_spec
    from batcountry.jobs.runner import begin, reopen
    if Path("work/job.json").exists():
        run = reopen("work", policy=OPEN)
    else:
        asked = prepare(None, options)
        spec = dream_spec(source, asked.recipe, {"picture": Output(Path("out.tif"))}, on_disk=True)
        run = begin(spec, folder="work", objects={"asked": asked})
        plans.append(run.job.plan)
    steps = (each for each in run.events() if each.event == "progress" and each.where[-1].at)
times, busy = [time.perf_counter()], [time.process_time()]
print("ready", flush=True)
for step in steps:
    times.append(time.perf_counter())
    busy.append(time.process_time())
side = options.get("tile") or 0
if Path("work").exists():
    side = json.loads(Path("work/job.json").read_text())["recipe"]["tile"]
whole = time.perf_counter() - times[0]
peak = next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))
said = {"said_peak": plans[0].peak, "said_time": plans[0].seconds} if plans else {}
steps = times[-1] - times[0]
step, work = (each[-1] - each[-2] if len(each) > 1 else 0.0 for each in (times, busy))
found = {"step": step, "busy": work, "steps": steps, "whole": whole}
print(json.dumps({**found, "peak": peak, "tile": side, **said}), flush=True)
"""


def process(folder: Path, source: Path, options: dict) -> subprocess.Popen:
    command = [sys.executable, "-c", WORK, str(source), json.dumps(options)]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)


def measured(width: int, height: int, options: dict) -> dict:
    with tempfile.TemporaryDirectory() as name:
        source = picture(Path(name), width, height)
        run = process(Path(name), source, options)
        lines = run.communicate()[0].splitlines()
        if run.returncode:
            raise SystemExit(f"error: the run of {width}×{height} failed")
        return json.loads(lines[-1])


def picture(folder: Path, width: int, height: int) -> Path:
    small = pyvips.Image.new_from_array(sky(1024, 1024, 3))
    path = folder / "in.tif"
    small.resize(width / 1024, vscale=height / 1024, kernel="cubic").cast("uchar").copy(
        interpretation="srgb"
    ).tiffsave(str(path), tile=True, bigtiff=True, compression="deflate")
    return path


def seen(side: int, tile: int, name: str) -> float:
    """Return how many pixels the network sees for each pixel of the picture."""
    from batcountry import open_model
    from batcountry.objectives import layer
    from batcountry.optim.tiles import Halo

    halo = Halo.of(open_model(MODEL), layer(name))
    return halo.seen((side, side), tile).total / side**2


def killed(side: int, options: dict, kills: int) -> str:
    """Kill one run after another at random moments, and compare the pixels of what each ends with."""
    rng = random.Random(0)
    with tempfile.TemporaryDirectory() as name:
        source = picture(Path(name), side, side)
        whole, first = digest(Path(name), source, options, [])
        moments = [rng.uniform(0.2, whole) for _ in range(kills)]
        same = 0
        for count, moment in enumerate(moments, 1):
            same += digest(Path(name), source, options, [moment])[1] == first
            print(f"killed after {moment:.1f} s: {same} of {count} the same", flush=True)
    return f"{same} of {kills} runs of {side}×{side}, each killed once within {whole:.0f} s, ended with the identical picture."


def digest(folder: Path, source: Path, options: dict, moments: list[float]) -> tuple[float, str]:
    subprocess.run(["rm", "-rf", "work", "out.tif"], cwd=folder, check=True)
    for moment in moments:
        run = process(folder, source, options)
        run.stdout.readline()
        time.sleep(moment)
        run.send_signal(signal.SIGKILL)
        run.wait()
    if not (folder / "out.tif").exists():
        run = process(folder, source, options)
        run.stdout.readline()
        start = time.perf_counter()
        run.communicate()
        took = time.perf_counter() - start
    else:
        took = 0.0
    pixels = pyvips.Image.new_from_file(str(folder / "out.tif")).write_to_memory()
    return took, hashlib.sha256(pixels).hexdigest()


def machine() -> str:
    """Return what the figures were measured on, and with."""
    cpu = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        "an unknown processor",
    )
    return (
        f"{cpu}, {torch.get_num_threads()} threads, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, torch {torch.__version__}, pyvips {pyvips.__version__}"
    )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    arguments.add_argument("--sides", type=int, nargs="+", default=[707, 1448, 2896, 4096])
    arguments.add_argument("--max-memory", default="1.8GB")
    arguments.add_argument("--precision", default="auto")
    arguments.add_argument("--tile", type=int)
    arguments.add_argument("--kills", type=int, default=0)
    arguments.add_argument("--layer", default="inception_4c/output")
    given = arguments.parse_args()
    if not MODEL.is_dir():
        raise SystemExit(f"error: needs the BVLC GoogLeNet in {MODEL}")
    RESULTS.mkdir(exist_ok=True)
    options = {
        "memory": False,
        "model": str(MODEL),
        "layer": given.layer,
        "octaves": 1,
        "iterations": 2,
        "precision": given.precision,
        "max_memory": given.max_memory,
        "tile": given.tile,
    }
    if given.kills:
        print(killed(given.sides[0], options, given.kills))
        return
    rows = [("1024, untiled, in memory", 1024, {**options, "memory": True, "max_memory": None, "tile": 0})]
    plain = {**options, "memory": True, "max_memory": None, "tile": 1600}
    rows += [("4096, in memory", 4096, plain), *((str(side), side, options) for side in given.sides)]
    text = [
        f"# Pictures of any size: GoogLeNet, {given.layer}, {given.precision}, at most {given.max_memory}",
        "",
        f"`make bench-boundless ARGS={' '.join(sys.argv[1:])!r}` on {machine()}",
        "",
        "| side | tile | seen per pixel | s per megapixel and step | of the processor | the same per megapixel seen "
        "| all steps, s | said, s | whole run, s | peak, MB | said, MB |",
        "| --- |" + " ---: |" * 10,
    ]
    print("\n".join(text), flush=True)
    for name, side, settings in rows:
        found = measured(side, side, settings)
        wide = seen(side, found["tile"], given.layer) if found["tile"] else 1.0
        each, busy = (found[what] / side**2 * 1e6 for what in ("step", "busy"))
        text.append(
            f"| {name} | {found['tile'] or '-'} | {wide:.2f} | {each:.3f} | {busy:.3f} | {busy / wide:.3f} "
            f"| {found['steps']:.1f} | {found['said_time']:.1f} | {found['whole']:.1f} "
            f"| {found['peak'] / 1e6:.0f} | {found['said_peak'] / 1e6:.0f} |"
        )
        print(text[-1], flush=True)
    (RESULTS / "boundless.md").write_text("\n".join(text) + "\n")


if __name__ == "__main__":
    main()
