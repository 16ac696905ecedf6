"""Tensors are written whole or not at all."""

import os

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from batcountry.backend.tensor_files import write_tensors


def test_what_is_written_is_read_back_and_a_link_is_replaced(tmp_path):
    (tmp_path / "mine").write_text("mine")
    os.link(tmp_path / "mine", tmp_path / "a.safetensors")
    write_tensors({"x": torch.arange(7)}, tmp_path / "a.safetensors")
    assert load_file(tmp_path / "a.safetensors")["x"].tolist() == list(range(7))
    assert (tmp_path / "mine").read_text() == "mine"


def test_a_full_disk_is_an_error_of_the_disk_and_leaves_nothing(tmp_path, monkeypatch):
    def full(_, path):
        path.write_bytes(b"half")
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr("batcountry.backend.tensor_files.save_file", full)
    with pytest.raises(OSError, match="No space left on device") as error:
        write_tensors({"x": torch.zeros(2)}, tmp_path / "a.safetensors")
    assert error.value.errno == 28 and list(tmp_path.iterdir()) == []
