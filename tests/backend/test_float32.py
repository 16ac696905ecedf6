"""Float32 is multiplied as float32 within a block, and as the process has it after it."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import torch

from batcountry.backend.float32 import full_float32

PLACES = [(backend, kind) for backend in ("cuda", "mkldnn") for kind in ("conv", "rnn", "matmul")]


def settings() -> dict[tuple[str, str], str]:
    return {place: torch._C._get_fp32_precision_getter(*place) for place in [("generic", "all"), *PLACES]}


@pytest.fixture(autouse=True)
def _put_back() -> Iterator[None]:
    yield
    torch._C._set_fp32_precision_setter("generic", "all", "none")
    for place in PLACES:
        torch._C._set_fp32_precision_setter(*place, "none")
    torch.set_float32_matmul_precision("highest")
    torch._C._set_cudnn_allow_tf32(True)


def is_full() -> bool:
    return all(value in ("ieee", "none") for place, value in settings().items() if place in PLACES)


def test_what_pytorch_allows_by_itself_is_off_within_and_on_after() -> None:
    before = settings()
    assert before["cuda", "conv"] == "tf32"
    with full_float32():
        assert is_full()
        assert not torch.backends.cudnn.allow_tf32
        with torch.backends.cudnn.flags(
            enabled=False, allow_tf32=False
        ):  # as a network may; it reads the older names
            assert is_full()
        assert is_full()
    assert settings() == before
    assert torch.backends.cudnn.allow_tf32


@pytest.mark.parametrize("precision", ["high", "medium"])
def test_matrix_products_that_were_made_quicker_are_whole_within(precision: str) -> None:
    torch.set_float32_matmul_precision(precision)
    before = settings()
    with full_float32():
        assert is_full()
        assert not torch.backends.cuda.matmul.allow_tf32
    assert settings() == before
    assert torch.get_float32_matmul_precision() == precision


def test_settings_by_the_newer_names_are_put_back() -> None:
    torch.backends.cuda.matmul.fp32_precision = "tf32"
    torch.backends.cudnn.conv.fp32_precision = "ieee"  # so that the older name cannot be read
    before = settings()
    with full_float32():
        assert is_full()
    assert settings() == before


def test_what_was_set_for_all_kinds_is_so_after_and_can_be_changed_for_all() -> None:
    torch.backends.fp32_precision = "tf32"
    before = settings()
    with full_float32():
        assert is_full()
    assert settings() == before
    torch.backends.fp32_precision = "ieee"
    assert settings()["cuda", "matmul"] == settings()["mkldnn", "conv"] == "ieee"


def test_an_error_puts_back() -> None:
    before = settings()
    with pytest.raises(ZeroDivisionError), full_float32():
        _ = 1 / 0
    assert settings() == before


def test_it_stays_as_long_as_one_of_several_threads_needs_it() -> None:
    before, opened, closed = settings(), threading.Event(), threading.Event()

    def other() -> None:
        with full_float32():
            opened.set()
            closed.wait(10)

    thread = threading.Thread(target=other)
    with full_float32():
        thread.start()
        assert opened.wait(10)
    assert is_full()
    closed.set()
    thread.join()
    assert settings() == before


def test_products_on_a_processor_are_whole_too() -> None:
    """Where oneDNN multiplies in bfloat16 for those who allow it."""
    torch.manual_seed(0)
    a, b = torch.randn(96, 131), torch.randn(131, 96)
    plain = a @ b
    torch.set_float32_matmul_precision("medium")
    with full_float32():
        assert torch.equal(a @ b, plain)


def test_without_the_newer_names_the_older_ones_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_get_fp32_precision_getter", "_set_fp32_precision_setter", "_get_onednn_allow_tf32"):
        monkeypatch.delattr(torch._C, name)
    monkeypatch.delattr(torch, "xpu")
    with full_float32():
        assert not torch._C._get_cudnn_allow_tf32()
    assert torch._C._get_cudnn_allow_tf32()
    monkeypatch.undo()
