"""Where dreams run: the device that `auto` is, and whether its processor is made for bfloat16."""

import pytest
import torch

import batcountry
from batcountry.backend import devices
from batcountry.backend.devices import has_fast_bfloat16, pick_device
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
