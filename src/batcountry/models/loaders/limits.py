"""What a program of a file would do, worked out without doing it: on tensors that have shapes and no numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensor, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from batcountry.backend.limits import check_numbers
from batcountry.backend.process_settings import no_log_of_shapes
from batcountry.errors import ModelError, UnsupportedLayer, first_line

_MOST_PIECES = 10_000
_MOST_SLOW = 5_000_000_000
_FEW_OPERATIONS, _PER_WEIGHT = 1_000_000_000_000, 50_000  # multiplications and additions
_MOST_PIXELS = 1 << 20  # of a picture, at each of which networks that reduce nothing use each weight
_FFT_SPACE = 8  # times its result, for lengths that are prime
_MOST_REPEATED = 1 << 24  # numbers
_MOST_COPIES = 1 << 20
_MOST_FOLDING = 4_000_000_000  # multiplications and additions, for a second or so
_FEW_CONSTANTS = 1 << 12
_MOST_CALLS = 100_000  # of PyTorch's operations, into which one of the program may fall apart


def check_work(module: nn.Module, shape: tuple[int, ...], where: str) -> None:
    """Raise `ModelError` if to run a module once is more than a network with its weights may take.

    What it does on a picture of another size is not known, so it is a bound for the runs that open it.

    Parameters
    ----------
    shape
        (N, C, H, W) of the picture.
    where
        What messages call it.

    Raises
    ------
    ModelError
        If its results have more numbers than `batcountry.backend.limits.check_numbers` allows, or take too many operations.
    UnsupportedLayer
        If what it does depends on the picture's numbers, so that nobody knows before.
    """
    weights = sum(each.numel() for each in (*module.parameters(), *module.buffers()))
    with _without_numbers(weights, where) as operations:
        try:
            module(torch.zeros(shape))
        except ModelError:
            raise
        except (NotImplementedError, DataDependentOutputException) as error:
            raise UnsupportedLayer(
                f"{where} does what depends on the picture's numbers, or what nobody knows the size of before "
                f"({first_line(error)}); such programs cannot be opened"
            ) from error
        except (
            Exception
        ):  # its own, for a picture of this size; whoever runs it meets that, and says it better
            return
    pixels = min(shape[-2] * shape[-1], _MOST_PIXELS)
    most = _FEW_OPERATIONS + max(_PER_WEIGHT, 2 * pixels) * weights
    if operations.get_total_flops() > most:
        raise ModelError(
            f"{where} cannot be opened: for one picture it takes {operations.get_total_flops():.2g} operations, and at most "
            f"{most:.2g} are taken of a network with {weights:,} weights"
        )


@contextmanager
def _without_numbers(weights: int, where: str) -> Iterator[FlopCounterMode]:
    """Run the block on shapes alone, and give the counter of its operations; refuses what makes too many numbers."""
    operations = FlopCounterMode(display=False)
    fake = FakeTensorMode(allow_non_fake_inputs=True)
    with no_log_of_shapes(), torch.no_grad(), fake, operations, _Numbers(weights, where):
        yield operations


class FoldingWork:
    """Bounds what may be worked out of constants alone as a file is read, all together.

    Parameters
    ----------
    weights
        Numbers that the file has.
    where
        What messages call it.
    """

    def __init__(self, weights: int, where: str) -> None:
        self._weights, self._where = weights, where
        self._numbers, self._operations = 0, 0

    def check(self, run: Callable[[], Any], given: Sequence[Tensor | None]) -> None:
        """Raise `ModelError` if one more thing is too much to work out; it is not worked out here.

        Parameters
        ----------
        run
            Works it out.
        given
            What that reads.
        """
        tensors = [each for each in given if each is not None]
        self._numbers += sum(each.numel() for each in tensors)
        check_numbers(self._numbers, self._weights, self._where)
        with _without_numbers(self._weights, self._where) as operations:
            try:
                run()
            except ModelError:
                raise
            except Exception:  # what depends on numbers, or does not fit; whoever works it out meets that
                return
        self._operations += operations.get_total_flops()
        if self._operations > _MOST_FOLDING:
            raise ModelError(
                f"{self._where} cannot be opened: to work out its constants takes {self._operations:.2g} operations, and at "
                f"most {_MOST_FOLDING:.2g} are taken"
            )
        self._check_repeated(tensors)

    def _check_repeated(self, given: Sequence[Tensor]) -> None:
        """Refuse to read many numbers that are a few over and over: an operator may lay them out whole for itself."""
        repeated = sum(
            each.numel()
            for each in given
            if each.numel() * each.element_size() > each.untyped_storage().nbytes()
        )
        most = _MOST_REPEATED + 4 * self._weights
        if repeated > most:
            raise ModelError(
                f"{self._where} cannot be opened: one of its constants is worked out of {repeated:,} numbers, which are a few "
                f"over and over, and at most {most:,} are taken"
            )


class _Numbers(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the numbers that operations make, and refuses what makes too many.

    Small constants keep their numbers, since they may be sizes.
    """

    def __init__(self, weights: int, where: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count, self.calls, self.slow, self.weights, self.where = 0, 0, 0, weights, where

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        self.calls += 1
        if self.calls > _MOST_CALLS:
            raise ModelError(
                f"{self.where} cannot be opened: it takes more than {_MOST_CALLS:,} operations for one picture"
            )
        _check_pieces(func, args, self.where)
        is_known = _are_few_and_known(tree_leaves((args, kwargs)))
        if is_known and func is torch.ops.aten._local_scalar_dense.default:
            return _really(func, args, kwargs)
        made = func(*args, **kwargs)
        outputs = [each for each in tree_leaves(made) if isinstance(each, Tensor)]
        self._count_slow(func, args, outputs)
        if not func.is_view:
            space = _FFT_SPACE if "_fft_" in func.overloadpacket._qualified_op_name else 1
            self.count += space * sum(_numbers_of(each) for each in outputs)
            check_numbers(self.count, self.weights, self.where)
        if is_known and sum(each.numel() for each in outputs) <= _FEW_CONSTANTS:
            return _really(func, args, kwargs)
        return made

    def _count_slow(self, func: Any, args: Any, outputs: list[Tensor]) -> None:
        """Count what the counter of operations leaves out: windows of pooling, and decompositions of matrices."""
        name = func.overloadpacket._qualified_op_name
        if "pool" in name and "adaptive" not in name and len(args) > 1 and isinstance(args[1], (list, tuple)):
            self.slow += outputs[0].numel() * prod(args[1])
        if "linalg_" in name and "norm" not in name and args[0].ndim > 1:
            self.slow += args[0].numel() * args[0].shape[-1]
        if self.slow > _MOST_SLOW:
            raise ModelError(
                f"{self.where} cannot be opened: its pooling and its decompositions of matrices take {self.slow:,} operations "
                f"for one picture, and at most {_MOST_SLOW:,} are taken"
            )


def _numbers_of(tensor: Tensor) -> int:
    """Return how many numbers of four bytes are as large: two for a complex one or one of double precision."""
    return max(tensor.numel(), tensor.numel() * tensor.element_size() // 4)


def _are_few_and_known(values: list[Any]) -> bool:
    """Whether there are tensors among some values, and all have numbers, and not many."""
    tensors = [each for each in values if isinstance(each, Tensor)]
    is_known = not any(isinstance(each, FakeTensor) for each in tensors)
    return bool(tensors) and is_known and sum(each.numel() for each in tensors) <= _FEW_CONSTANTS


def _really(func: Any, args: Any, kwargs: Mapping[str, Any]) -> Any:
    with _disable_current_modes():
        return func(*args, **kwargs)


def _check_pieces(func: Any, args: Any, where: str) -> None:
    """Refuse to cut a tensor into more pieces than any network does: each is a tensor, even where none has numbers."""
    name = func.overloadpacket._qualified_op_name
    if name not in ("aten::split", "aten::unbind", "aten::unsafe_split", "aten::chunk", "aten::unsafe_chunk"):
        return
    x, *given = args
    if "unbind" not in name:
        cuts, *given = given or [1]
    length = x.shape[given[0] if given else 0] if x.ndim else 1
    if "unbind" in name:
        pieces = length
    elif "chunk" in name:
        pieces = cuts
    else:
        pieces = length // max(cuts, 1) if isinstance(cuts, int) else len(cuts)
    if pieces > _MOST_PIECES:
        raise ModelError(
            f"{where} cannot be opened: it cuts a tensor into {pieces:,} pieces, and at most {_MOST_PIECES:,} are taken"
        )


def check_stored(sizes: Mapping[str, int], stored: int, where: str) -> None:
    """Raise `ModelError` if weights have more numbers than their file has, as those have that repeat a few.

    Parameters
    ----------
    sizes
        Numbers of each of the weights, by name.
    stored
        Bytes in the file.
    """
    name, largest = max(sizes.items(), key=lambda each: each[1], default=("", 0))
    if largest > stored + _MOST_COPIES or sum(sizes.values()) > 4 * stored + 16 * _MOST_COPIES:
        raise ModelError(
            f"{where} cannot be opened: its weights, such as {name}, have {sum(sizes.values()):,} numbers where the file "
            f"has {stored:,} bytes of them"
        )
