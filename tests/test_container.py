"""Dockerfile and compose files: what they promise, read as a builder reads them. docs/studio.md says what was built with them."""

import fnmatch
import re
import shlex
import sys

import pytest

from conftest import ROOT

LINES = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text("utf-8"), flags=re.MULTILINE)
STEPS = [tuple(line.split(None, 1)) for line in LINES.replace("\\\n", " ").splitlines() if line.strip()]
STAGES = [
    STEPS[begin : next((end for end in range(begin + 1, len(STEPS)) if STEPS[end][0] == "FROM"), len(STEPS))]
    for begin, step in enumerate(STEPS)
    if step[0] == "FROM"
]


def rest(stage, word):
    return [arguments for step, arguments in stage if step == word]


def ignored(path):
    """Whether `.dockerignore` keeps a path from the builder; the last line that fits decides."""
    found = False
    for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines():
        name = line.strip().removeprefix("!")
        if name and not name.startswith("#") and (
            name == "*" or path == name or path.startswith(f"{name}/")
            or (name.startswith("**/") and any(fnmatch.fnmatch(part, name[3:]) for part in path.split("/")))
        ):  # fmt: skip
            found = not line.startswith("!")
    return found


def test_each_stage_begins_with_one_pinned_base_or_an_earlier_stage():
    bases = [rest(stage, "FROM")[0].split() for stage in STAGES]
    assert bases == [["debian:bookworm-slim", "AS", "python"], ["python", "AS", "build"], ["python"]]


def test_all_that_is_copied_is_there_and_reaches_the_builder():
    sources = []
    for stage in STAGES:
        for arguments in rest(stage, "COPY"):
            names = shlex.split(arguments)
            if names[0].startswith("--from="):
                assert names[0] == "--from=build"
                continue
            sources += names[:-1]
    assert {"src", "pyproject.toml", "constraints.txt", "LICENSE", "NOTICE", "README.md"} == set(sources)
    for name in sources:
        assert (ROOT / name).exists() and not ignored(name)
    for name in (".git", "tests", "shared", ".venv", "src/batcountry/__pycache__", "src/batcountry/a.pyc"):
        assert ignored(name)


def test_what_pip_installs_is_pinned_and_has_the_studio_and_both_variants():
    runs = [each for each in rest(STAGES[1], "RUN") if "pip install" in each]
    assert len(runs) == 2 and all("--no-cache-dir --constraint constraints.txt" in each for each in runs)
    assert 'cpu) "$@" --no-deps --index-url "$TORCH_INDEX"' in runs[0] and 'cuda) "$@" ;;' in runs[0]
    assert "exit 2" in runs[0] and rest(STAGES[1], "ARG")[0] == "VARIANT=cpu"
    assert not any("pip" in each for each in rest(STAGES[2], "RUN"))


@pytest.mark.skipif(sys.version_info < (3, 11), reason="needs tomllib")
def test_the_extras_are_there_and_have_the_studio_among_them():
    import tomllib

    (extras,) = re.findall(r'"\.\[([\w,]+)\]"', LINES)
    known = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    assert "studio" in extras.split(",") and set(extras.split(",")) <= known.keys()


def test_nothing_runs_as_root_and_all_that_is_kept_lies_in_the_volume():
    last = STAGES[-1]
    assert rest(last, "USER") == ["studio"] and "useradd --system --uid 10001" in rest(last, "RUN")[0]
    words = [step for step, _ in last]
    assert "RUN" not in words[words.index("USER") :] and "COPY" not in words[words.index("USER") :]
    assert rest(last, "VOLUME") == ["/data"] and "HOME=/data" in rest(last, "ENV")[0]


def test_what_it_starts_is_a_studio_with_options_that_there_are():
    from typer.main import get_command

    from batcountry.cli import application

    (entry,) = rest(STAGES[-1], "ENTRYPOINT")
    command, name, *options = re.findall(r'"([^"]+)"', entry)
    assert (command, name) == ("bat-country", "studio")
    known = {option for each in get_command(application()).commands["studio"].params for option in each.opts}
    assert dict(zip(options[::2], options[1::2], strict=True)) == {
        "--host": "0.0.0.0", "--port": "8015", "--folder": "/data/studio",
    }  # fmt: skip
    assert set(options[::2]) <= known and rest(STAGES[-1], "EXPOSE") == ["8015"]


def test_the_health_check_asks_what_needs_no_token():
    from batcountry.studio.web.safety import tokens

    (check,) = rest(STAGES[-1], "HEALTHCHECK")
    (path,) = re.findall(r"http://127\.0\.0\.1:8015(/\w+)'", check)
    assert tokens._is_open(path)
    compile(re.findall(r'"([^"]+)"', check)[-1], "HEALTHCHECK", "exec")


@pytest.fixture(scope="module")
def yaml():
    return pytest.importorskip("yaml", reason="needs PyYAML")


def test_compose_publishes_on_loopback_and_takes_the_token_from_the_environment(yaml):
    whole = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
    (studio,) = whole["services"].values()
    assert studio["ports"] == ["127.0.0.1:8015:8015"]
    assert studio["environment"] == {"BATCOUNTRY_TOKEN": "${BATCOUNTRY_TOKEN:-}"}
    assert studio["volumes"] == ["studio:/data"] and "studio" in whole["volumes"]
    assert studio["build"] == {"context": ".", "args": {"VARIANT": "cpu"}}
    assert studio["read_only"] and studio["cap_drop"] == ["ALL"]


def test_the_variant_for_cuda_changes_the_variant_and_asks_for_cards(yaml):
    (name, studio), = yaml.safe_load((ROOT / "compose.cuda.yaml").read_text("utf-8"))["services"].items()  # fmt: skip
    assert name == "studio" and studio["build"]["args"] == {"VARIANT": "cuda"}
    (device,) = studio["deploy"]["resources"]["reservations"]["devices"]
    assert device["driver"] == "nvidia" and device["capabilities"] == ["gpu"]
