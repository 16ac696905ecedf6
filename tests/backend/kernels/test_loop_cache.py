"""What is kept of compiled loops is used only as it was written, and made anew where it is damaged."""

import pytest
import torch

pytest.importorskip("numba")

from batcountry.backend.kernels.loops import lrn
from batcountry.backend.kernels.loops.threads import Loop


class Kept:
    """A loop with files of its own."""

    def __init__(self, folder):
        self.folder, self.whole = folder, {}
        self.run()
        self.whole = {each: each.read_bytes() for each in self.files()}

    def files(self):
        """All that is kept."""
        return [each for each in self.folder.rglob("*") if each.is_file()]

    def run(self) -> int:
        """Run the loop as a new process would, check what it gives, and return how many were compiled for that."""
        known, before = lrn.forward["float32"], Loop.compiled
        loop = Loop(known._body, known._elements)
        x = (torch.arange(1.0, 304).reshape(1, 1, 101, 3) / 99).contiguous(memory_format=torch.channels_last)
        y, one = torch.full_like(x, float("nan")), 0x3FF0000000000000
        loop(101, x.data_ptr(), 0, y.data_ptr(), 3, 1, 0, one, one)
        torch.testing.assert_close(y, x * (1 + x * x) ** -0.75)
        return Loop.compiled - before


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setattr("numba.core.config.CACHE_DIR", str(folder))
        yield Kept(folder)


def cut(data):
    return data[: len(data) // 2]


def flipped(data):
    at = len(data) * 2 // 3
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def test_what_is_whole_is_used(kept):
    assert sorted(each.suffix for each in kept.whole) == [".nbc", ".nbi", ".sha256", ".sha256"]
    assert kept.run() == 0


@pytest.mark.parametrize(
    ("suffix", "damage"),
    [(".nbc", cut), (".nbc", flipped), (".nbc", None), (".nbi", lambda data: b""), (".nbi", flipped)],
)
def test_what_is_damaged_is_made_anew_and_computes_the_same(kept, suffix, damage):
    file = next(each for each in kept.whole if each.suffix == suffix)
    if damage is None:
        file.unlink()
    else:
        file.write_bytes(damage(kept.whole[file]))
    assert kept.run() == 1
    assert kept.run() == 0


def test_what_has_no_hash_is_of_an_older_version_and_made_anew(kept):
    for file in kept.files():
        if file.suffix == ".sha256":
            file.unlink()
    assert kept.run() == 1
    assert kept.run() == 0


def test_what_is_damaged_and_cannot_be_deleted_is_done_without(kept, monkeypatch):
    file = next(each for each in kept.files() if each.suffix == ".nbi")
    file.write_bytes(b"garbage")
    monkeypatch.setattr("pathlib.Path.unlink", lambda *_, **__: (_ for _ in ()).throw(PermissionError()))
    assert kept.run() == 1
    assert file.read_bytes() == b"garbage"


def test_a_full_disk_costs_the_cache_only(kept, monkeypatch):
    for file in kept.files():
        file.unlink()

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    assert kept.run() == 1
    monkeypatch.undo()
    assert kept.run() == 1 and kept.run() == 0
