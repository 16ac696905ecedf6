"""What is kept of compiled loops is used only as it was written, and made anew where it is damaged."""

import pytest
import torch

pytest.importorskip("numba")

from batcountry.backend.kernels.loops.arguments import FLOATS, arrays
from batcountry.backend.kernels.loops.threads import Loop, turn


def doubled(arguments):
    """A loop that is compiled in a moment: twice each number of an array."""
    x, y = arrays(arguments)
    index = turn(arguments)
    while index >= 0:
        y[index] = 2 * x[index]
        index = turn(arguments)


class Kept:
    """A loop with files of its own."""

    def __init__(self, folder):
        self.folder = folder
        self.run()
        self.whole = {file: file.read_bytes() for file in self.files()}

    def files(self):
        """All that is kept."""
        return [path for path in self.folder.rglob("*") if path.is_file()]

    def run(self) -> int:
        """Run the loop as a new process would, check what it gives, and return how many were compiled for that."""
        before, x = Loop.compiled, torch.arange(7.0)
        y = torch.full_like(x, float("nan"))
        Loop(doubled, [FLOATS["float32"]] * 2)(len(x), x.data_ptr(), y.data_ptr())
        torch.testing.assert_close(y, x + x, rtol=0, atol=0)
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
    assert sorted(file.suffix for file in kept.whole) == [".nbc", ".nbi", ".sha256", ".sha256"]
    assert kept.run() == 0


@pytest.mark.parametrize(
    ("suffix", "damage"),
    [(".nbc", cut), (".nbc", flipped), (".nbc", None), (".nbi", lambda data: b""), (".nbi", flipped)],
)
def test_what_is_damaged_is_made_anew_and_computes_the_same(kept, suffix, damage):
    file = next(file for file in kept.whole if file.suffix == suffix)
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
    file = next(file for file in kept.files() if file.suffix == ".nbi")
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
