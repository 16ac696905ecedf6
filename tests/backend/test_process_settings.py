"""What is the whole process's own is after the work as it was before: this is a library among others."""

import logging
import os
import random
import signal
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

import stand_in
from batcountry import dream, open_model
from batcountry.backend.process_settings import ignored_warnings, kept_generators, shared
from batcountry.cli import main
from batcountry.motion import save_zoom, video, zoom
from motion.clips import moving
from torch_nets import ResidualNet, seeded

QUICK = {"layer": "stem", "octaves": 1, "iterations": 1, "jitter": 2}
FRAMES = {**QUICK, "frame_octaves": 1, "frame_iterations": 1}


def umask() -> int:
    """Read it where that needs no change."""
    lines = Path("/proc/self/status").read_text().splitlines() if sys.platform == "linux" else []
    return next((int(line.split()[1], 8) for line in lines if line.startswith("Umask")), -1)


def flags(backend) -> dict[str, object]:
    """What of one of PyTorch's backends can be switched."""
    names = ("enabled", "benchmark", "deterministic", "allow_tf32", "flags", "fp32_precision")
    return {name: repr(getattr(backend, name)) for name in names[:4] if hasattr(backend, name)}


def snapshot() -> dict[str, object]:
    """All that belongs to the whole process and that some library or other changes."""
    backends = torch.backends
    kind, keys, *rest = np.random.get_state()
    loggers = [logging.getLogger(name) for name in (None, "batcountry", "pooch", "PIL")]
    return {
        "threads": (torch.get_num_threads(), torch.get_num_interop_threads()),
        "backends": {name: flags(getattr(backends, name)) for name in ("cudnn", "mkldnn", "mkl", "openmp", "nnpack")},
        "mha": backends.mha.get_fastpath_enabled(),
        "precision": torch.get_float32_matmul_precision(),
        "algorithms": (torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()),
        "grad": (torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.is_anomaly_enabled()),
        "types": (torch.get_default_dtype(), torch.get_default_device()),
        "random": random.getstate(),
        "numpy": (kind, keys.tobytes(), *rest),
        "torch": torch.get_rng_state().numpy().tobytes(),
        "errors": np.geterr(),
        "path": list(sys.path),
        "folder": Path.cwd(),
        "environment": dict(os.environ),
        "umask": umask(),
        "warnings": list(warnings.filters),
        "hooks": (sys.excepthook, sys.displayhook, threading.excepthook),
        "signals": {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)},
        "logging": [(each.level, list(each.handlers), each.disabled) for each in loggers],
        "recursion": sys.getrecursionlimit(),
    }  # fmt: skip


def changed(before: dict[str, object]) -> dict[str, object]:
    after = snapshot()
    return {name: _difference(before[name], after[name]) for name in before if before[name] != after[name]}


def _difference(before, after):
    if isinstance(before, dict):
        return [
            (name, before.get(name), after.get(name))
            for name in before | after
            if before.get(name) != after.get(name)
        ]
    return before, after


def dreams(photo, tmp_path, **more):
    dream(photo, **QUICK, **more).save(tmp_path / "dream.png", overwrite=True)


def command(tmp_path, monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["bat-country", *map(str, words)])
    with pytest.raises(SystemExit) as end:
        main()
    return end.value.code


def functions(folder):
    """A module whose function makes a network of random weights, and which leaves its traces."""
    (folder / "some_network.py").write_text(
        "import random, torch, numpy as np\n"
        "def make():\n"
        "    random.random(); np.random.rand(3)\n"
        "    return torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU())\n"
    )
    return "some_network:make"


@pytest.fixture(autouse=True, scope="module")
def imported():
    """Have what importing libraries changes behind us: filters of warnings, and a variable of PyTorch's compiler."""
    dream(size=48, **QUICK)


def test_a_dream_leaves_the_process_as_it_was(photo, tmp_path):
    before = snapshot()
    dreams(photo, tmp_path)
    assert not changed(before)


def test_so_do_dreams_with_every_kind_of_part(photo, tmp_path):
    before = snapshot()
    dreams(photo, tmp_path, param="fourier", optimizer="adam", transforms="jitter(4), noise(2), rotate(5)")
    dreams(photo, tmp_path, guide=photo[:, ::-1], tile=32)
    dream(None, size=64, start="noise", **QUICK)
    assert not changed(before)


def test_and_one_that_ends_with_an_error(photo):
    def fails(step):
        raise KeyError

    before = snapshot()
    with pytest.raises(KeyError):
        dream(photo, callback=fails, **QUICK)
    assert not changed(before)


def test_frames_of_films_do_too(tmp_path):
    pytest.importorskip("av")
    pytest.importorskip("cv2")
    pictures = moving(2, 48, 80)
    list(zoom(pictures[0], frames=1, **FRAMES))
    before = snapshot()
    list(zoom(pictures[0], frames=2, **FRAMES))
    save_zoom(pictures[0], tmp_path / "zoom.mp4", frames=2, **FRAMES)
    next(iter(video(tmp_path / "zoom.mp4", **FRAMES)))
    assert not changed(before)


def test_so_does_opening_models_of_all_kinds(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    net = seeded(ResidualNet)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.trace(net, torch.zeros(1, 3, 64, 64)).save("net.pt")
    name = functions(tmp_path)
    before = snapshot()
    open_model()
    open_model(net)
    open_model("net.pt", size=64)
    open_model(name, size=64)
    assert not changed(before)


def test_and_opening_networks_of_libraries(tmp_path):
    with stand_in.torchvision(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        timm = pytest.importorskip("timm")
        path = tmp_path / "weights.pt"
        torch.save(timm.create_model("vit_tiny_patch16_224", pretrained=False).state_dict(), path)
        before = snapshot()
        open_model("timm:vit_tiny_patch16_224", weights=path)
        assert not changed(before)


def test_and_caffes_nets(googlenet):
    before = snapshot()
    open_model(googlenet)
    assert not changed(before)


def test_the_command_does_too_where_a_program_calls_it(photo, tmp_path, monkeypatch):
    dream(photo, **QUICK).save(tmp_path / "photo.png")
    monkeypatch.setattr(sys, "argv", [])
    before = snapshot()
    words = [
        "dream",
        tmp_path / "photo.png",
        "-o",
        tmp_path / "new.png",
        "--size",
        48,
        "--octaves",
        1,
        "--iterations",
        1,
    ]
    assert not command(tmp_path, monkeypatch, *words)
    assert command(tmp_path, monkeypatch, "dream", tmp_path / "missing.png") == 2
    assert command(tmp_path, monkeypatch, "drem") == 2
    assert not command(tmp_path, monkeypatch, "info", tmp_path / "new.png")
    assert not changed(before)


def test_two_dreams_at_once_give_what_each_gives_alone_and_leave_nothing(photo):
    jobs = [
        {"layer": "blocks.1", "octaves": 2, "iterations": 2, "seed": 3},
        {"layer": "stem", "octaves": 1, "iterations": 4, "seed": 7, "transforms": "noise(3)"},
    ]
    alone = [dream(photo, **each).pixels for each in jobs]
    before, found = snapshot(), {}

    def run(number):
        found[number] = dream(photo, **jobs[number % 2]).pixels

    workers = [threading.Thread(target=run, args=[number]) for number in range(4)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    assert not changed(before)
    for number in range(4):
        assert np.array_equal(found[number], alone[number % 2])


def test_what_is_shared_is_changed_by_the_first_and_put_back_by_the_last():
    told = []

    class Setting:
        def __enter__(self):
            told.append("on")

        def __exit__(self, *_):
            told.append("off")

    setting = shared(Setting)
    first, second = setting(), setting()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert told == ["on"]
    second.__exit__(None, None, None)
    assert told == ["on", "off"]
    with pytest.raises(KeyError), setting():
        raise KeyError
    assert told == ["on", "off", "on", "off"]


def test_warnings_are_ignored_until_the_last_of_several_threads_is_done():
    before = list(warnings.filters)
    first, second = ignored_warnings(), ignored_warnings()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    warnings.warn("of no consequence", stacklevel=1)
    second.__exit__(None, None, None)
    assert warnings.filters == before


def test_generators_go_on_where_they_were():
    with kept_generators():
        inside = random.random(), np.random.rand(), torch.rand(1)
    assert (random.random(), np.random.rand(), torch.rand(1)) == inside
