"""Change the code in one place after the other, and see whether a test fails: `make mutants`.

mutmut makes the changes and runs the tests. This program gives each module the tests that concern it, which
`tests/mutants.toml` lists, adds up what came of it, and compares what survived with `tests/mutants.md`.

    python tools/mutants.py                                       # all modules: hours
    python tools/mutants.py src/batcountry/dreams/octaves.py      # one of them
    python tools/mutants.py --again src/batcountry/dreams/octaves.py  # only what survived the last time
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:  # pytest brings it
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
WORK = ROOT / ".make" / "mutants"
TESTS = ROOT / "tests" / "mutants.toml"
LISTED = ROOT / "tests" / "mutants.md"
KILLED = {1, 3, 24, 36, 152, 255, -24, -11, -9}
"""What a killed mutant's tests exit with: a failure, too much time, or a crash."""
UNTESTED = {5, 33}

CONFIGURATION = """
[tool.mutmut]
source_paths = ["src"]
only_mutate = [{module}]
pytest_add_cli_args = ["--hypothesis-profile=ci", "-m", "not slow"]
pytest_add_cli_args_test_selection = {tests}
# What is said in an error and in a log is for people: tests look for its main part only.
do_not_mutate_patterns = ['^\\s*raise\\b', '\\blog\\.']
process_isolation = "forkserver"  # a process that has run PyTorch's threads cannot be forked
use_git_change_detection = false
timeout_constant = 30.0
timeout_multiplier = 2.0
"""


@dataclass(frozen=True)
class Survivor:
    """A change that no test noticed.

    Attributes
    ----------
    name
        mutmut's, for `mutmut show`.
    function
        What was changed, such as `Schedule.at`.
    lines
        Those taken away and those put in, with `-` and `+` before them.
    """

    name: str
    function: str
    lines: tuple[str, ...]

    def is_listed(self) -> bool:
        """Whether `tests/mutants.md` has a line with the function and the change, each as code."""
        parts = [f"`{each}`" for each in (self.function, *self.lines)]
        text = LISTED.read_text(encoding="utf-8") if LISTED.exists() else ""
        return any(all(part in line for part in parts) for line in text.splitlines())


def main() -> int:
    """Run mutmut over the modules that are named, or all; give 1 if a change survives that is not listed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("modules", nargs="*", help="files, as tests/mutants.toml names them; all if none")
    parser.add_argument("--again", action="store_true", help="only what survived the last time")
    arguments = parser.parse_args()
    tests = tomllib.loads(TESTS.read_text(encoding="utf-8"))
    named = [Path(each).resolve().relative_to(ROOT).as_posix() for each in arguments.modules]
    unknown = sorted(set(named) - set(tests))
    if unknown:
        parser.error(f"{', '.join(unknown)}: not among the modules in {TESTS.relative_to(ROOT)}")
    results = {
        module: survivors_of(module, tests[module], again=arguments.again) for module in named or tests
    }
    print(report(results))
    return int(any(not each.is_listed() for _, _, left in results.values() for each in left))


def survivors_of(module: str, tests: list[str], *, again: bool) -> tuple[int, int, list[Survivor]]:
    """Change a module, and return how many changes its tests noticed, how many there were, and which they did not."""
    work = WORK / module.removesuffix(".py").replace("/", ".")
    if not again:
        shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True, exist_ok=True)
    for name in ("src", "tests"):
        if not (work / name).exists():
            (work / name).symlink_to(ROOT / name)
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    added = CONFIGURATION.format(module=json.dumps(module), tests=json.dumps(tests))
    (work / "pyproject.toml").write_text(text + added, encoding="utf-8")
    left = [name for name, code in codes(work, module).items() if code not in KILLED]
    if not again or left:
        (work / "mutants" / "mutmut-stats.json").unlink(missing_ok=True)  # which tests there are
        mutmut(work, "run", "--max-children", "1", *left)
        if None in codes(work, module).values():  # of functions that were written anew since
            mutmut(work, "run", "--max-children", "1")
    found = codes(work, module)
    left = [name for name, code in found.items() if code not in KILLED]
    return len(found) - len(left), len(found), [survivor(work, name) for name in left]


def codes(work: Path, module: str) -> dict[str, int | None]:
    """Return what the tests of each change of a module exited with."""
    path = work / "mutants" / f"{module}.meta"
    return json.loads(path.read_text(encoding="utf-8"))["exit_code_by_key"] if path.exists() else {}


def survivor(work: Path, name: str) -> Survivor:
    """Return what was changed where."""
    shown = mutmut(work, "show", name, capture=True)
    lines = [each for each in shown.splitlines() if re.match(r"[-+](?![-+]{2})", each)]
    function = name.rpartition("__mutmut_")[0].rpartition(".")[2]
    function = function.removeprefix("xǁ").removeprefix("x_").replace("ǁ", ".")
    return Survivor(name, function, tuple(f"{each[0]} {each[1:].strip()}" for each in lines))


def mutmut(work: Path, *arguments: str, capture: bool = False) -> str:
    """Run mutmut in a folder; what it prints is shown, or returned."""
    environment = {
        **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},  # mutmut has its own
        "OMP_NUM_THREADS": "1",
        "BATCOUNTRY_MODELS": os.environ.get("BATCOUNTRY_MODELS", str(ROOT.parent / "shared" / "models")),
    }
    done = subprocess.run(
        [sys.executable, "-m", "mutmut", *arguments],
        cwd=work,
        env=environment,
        text=True,
        stdout=subprocess.PIPE if capture else None,
    )
    return done.stdout or ""


def report(results: dict[str, tuple[int, int, list[Survivor]]]) -> str:
    """Return what came of all modules, as a table, and below it every change that is not listed."""
    lines = ["", "| Module | killed | of | listed | not listed |", "| --- | ---: | ---: | ---: | ---: |"]
    for module, (killed, total, left) in results.items():
        listed = sum(each.is_listed() for each in left)
        lines.append(f"| `{module}` | {killed} | {total} | {listed} | {len(left) - listed} |")
    for _, _, left in results.values():
        for each in left:
            if not each.is_listed():
                lines += ["", each.name, *(f"- `{each.function}`: `{line}`" for line in each.lines)]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
