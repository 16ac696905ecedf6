"""Where dreams run: the device that `auto` is, and whether its processor is made for bfloat16."""

from types import SimpleNamespace

import psutil
import pytest
import torch

import batcountry
from batcountry.backend import devices
from batcountry.backend.devices import free_memory, has_fast_bfloat16, pick_device, used_memory
from batcountry.errors import RecipeError

CPU = torch.device("cpu")


@pytest.fixture
def card(monkeypatch):
    """A computer with a card, as far as PyTorch says."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.delenv("BATCOUNTRY_DEVICE")


def test_auto_is_a_card_where_there_is_one(card):
    assert pick_device("auto").type == "cuda"


@pytest.mark.parametrize("variable", ["", "auto"])
def test_a_variable_that_says_nothing_changes_nothing(card, monkeypatch, variable):
    monkeypatch.setenv("BATCOUNTRY_DEVICE", variable)
    assert pick_device("auto").type == "cuda"


def test_the_variable_says_what_auto_is_and_no_more(card, monkeypatch, photo, two_channels):
    monkeypatch.setenv("BATCOUNTRY_DEVICE", "cpu")
    assert pick_device("auto") == CPU
    batcountry.dream(photo, model=two_channels, octaves=1, iterations=1)
    assert two_channels.device == CPU
    monkeypatch.setenv("BATCOUNTRY_DEVICE", "meta")
    assert pick_device("cpu") == CPU


def test_these_tests_run_on_the_cpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert pick_device("auto") == CPU


@pytest.mark.parametrize("name", ["cuda:99", "nonsense"])
def test_a_variable_with_a_device_that_is_not_there_is_said(monkeypatch, name):
    monkeypatch.setenv("BATCOUNTRY_DEVICE", name)
    with pytest.raises(RecipeError, match=f"no device '{name}' here, which BATCOUNTRY_DEVICE names"):
        pick_device("auto")


def test_avx512_that_pytorch_or_onednn_may_not_use_multiplies_nothing_fast(monkeypatch):
    monkeypatch.setattr(devices, "_cpu_flags", lambda: frozenset({"avx512f", "avx512_bf16"}))
    for capability, onednn, fast in (("AVX512", True, True), ("AVX2", True, False), ("AVX512", False, False)):
        monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda found=capability: found)
        monkeypatch.setattr(devices, "has_onednn", lambda dtype, found=onednn: found)
        assert has_fast_bfloat16(CPU) == fast
    monkeypatch.setattr(devices, "has_onednn", lambda dtype: True)
    monkeypatch.setattr(devices, "_cpu_flags", lambda: frozenset({"avx2", "avx512f"}))
    assert not has_fast_bfloat16(CPU)


@pytest.fixture
def here(monkeypatch):
    """Say which kinds of devices there are, as far as PyTorch says, and that no variable names one."""
    monkeypatch.delenv("BATCOUNTRY_DEVICE")

    def say(*kinds):
        for kind in ("cuda", "mps", "xpu"):
            backend = SimpleNamespace(is_available=lambda there=kind in kinds: there)
            monkeypatch.setattr(torch.backends if kind == "mps" else torch, kind, backend, raising=False)

    return say


@pytest.mark.parametrize(
    ("kinds", "first"),
    [((), "cpu"), (("xpu",), "xpu"), (("mps", "xpu"), "mps"), (("cuda", "mps", "xpu"), "cuda")],
)
def test_auto_is_the_first_there_is_of_cuda_mps_and_xpu_or_else_the_processor(here, kinds, first):
    here(*kinds)
    assert pick_device("auto").type == first


def test_a_pytorch_that_knows_nothing_of_a_kind_has_none_of_it(here, monkeypatch):
    here()
    monkeypatch.delattr(torch, "xpu")
    assert pick_device("auto") == CPU


def test_a_device_that_is_not_here_is_answered_with_those_that_are(here, monkeypatch):
    here("mps")
    monkeypatch.setattr(torch, "zeros", lambda *_, device: (_ for _ in ()).throw(NotImplementedError))
    with pytest.raises(RecipeError, match=r"there is no device 'xpu' here; there are auto, cpu, mps$"):
        pick_device("xpu")


def test_what_computes_nothing_is_no_device(here):
    with pytest.raises(RecipeError, match="'meta' computes nothing; use auto or cpu"):
        pick_device("meta")


def test_memory_of_the_processor_is_that_of_this_process_and_what_the_system_has_left(monkeypatch):
    before = used_memory(CPU)
    taken = torch.ones(32 << 20)  # 128 MB
    assert used_memory(CPU) - before > 100 << 20
    monkeypatch.setattr(devices, "CGROUPS", tmp_group({}))
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=7_000, total=90_000))
    assert free_memory(CPU) == 7_000
    assert taken.numel()


class tmp_group(dict):  # noqa: N801
    """A folder of files that are texts."""

    def __truediv__(self, name):
        def read():
            if name not in self:
                raise FileNotFoundError(name)
            return self[name]

        return SimpleNamespace(read_text=read)


@pytest.mark.parametrize(
    ("files", "free"),
    [
        ({"memory.max": "5000\n", "memory.current": "1500\n"}, 3_500),
        ({"memory.max": "50000\n", "memory.current": "1500\n"}, 7_000),
        ({"memory.max": "1000\n", "memory.current": "1500\n"}, 0),
        ({"memory.max": "max\n", "memory.current": "1500\n"}, 7_000),
        ({"memory.max": "5000\n"}, 7_000),
    ],
)
def test_a_container_may_leave_less_than_the_system(monkeypatch, files, free):
    monkeypatch.setattr(devices, "CGROUPS", tmp_group(files))
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=7_000))
    assert free_memory(CPU) == free


def test_memory_of_a_card_is_what_pytorch_says(monkeypatch):
    card = torch.device("cuda", 1)
    asked = []
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: asked.append(device) or 11)
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: asked.append(device) or 16)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: asked.append(device) or (22, 99))
    assert (used_memory(card), free_memory(card)) == (
        11,
        27,
    )  # what PyTorch keeps without using it is free, too
    assert set(asked) == {card}


@pytest.mark.parametrize(("capability", "fast"), [((7, 5), False), ((8, 0), True), ((9, 0), True)])
def test_cards_multiply_bfloat16_fast_from_ampere_on(monkeypatch, capability, fast):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    assert has_fast_bfloat16(torch.device("cuda")) == fast


def test_other_devices_are_not_taken_to_multiply_bfloat16_fast(monkeypatch):
    monkeypatch.setattr(devices, "_cpu_flags", lambda: frozenset({"avx512_bf16"}))
    monkeypatch.setattr(devices, "_uses_avx512", lambda: True)
    assert has_fast_bfloat16(CPU)
    assert not has_fast_bfloat16(torch.device("mps"))


@pytest.mark.parametrize(
    "text", ["model name: x\nflags\t\t: fpu amx_bf16 avx2\nflags\t\t: fpu\n", None, "none"]
)
def test_the_processors_abilities_are_what_linux_says_or_none(monkeypatch, text):
    def read(*_):
        if text is None:
            raise OSError
        return text

    monkeypatch.setattr(devices, "Path", lambda _: SimpleNamespace(read_text=read))
    devices._cpu_flags.cache_clear()
    try:
        found = devices._cpu_flags()
    finally:
        devices._cpu_flags.cache_clear()
    assert found == ({"flags", ":", "fpu", "amx_bf16", "avx2"} if text and "avx2" in text else set())


@pytest.mark.parametrize(
    "name",
    ["cuda:0,cuda:1", "cuda:all", "cuda:0,1", "cuda:0-3", "cuda:0+cuda:1", "0,1", "cuda:0 cuda:1", "all"],
)
def test_several_cards_at_once_are_refused_with_the_reason(name, photo, monkeypatch):
    said = "is more than one device, and a dream runs on one: each step needs the whole gradient of the one before"
    with pytest.raises(RecipeError, match=said):
        batcountry.dream(photo, device=name)
    monkeypatch.setenv("BATCOUNTRY_DEVICE", name)
    with pytest.raises(RecipeError, match=f"which BATCOUNTRY_DEVICE names, {said}"):
        pick_device("auto")


def test_a_list_of_cards_is_refused_with_the_reason(photo):
    with pytest.raises(
        RecipeError, match=r"device cannot be \['cuda:0', 'cuda:1'\]: a dream runs on one device"
    ):
        batcountry.dream(photo, device=["cuda:0", "cuda:1"])


@pytest.mark.parametrize("name", ["cuda:1", "no-such", "cuda:-1"])
def test_one_that_is_not_there_is_not_called_several(name):
    with pytest.raises(RecipeError, match=f"there is no device '{name}' here"):
        pick_device(name)
