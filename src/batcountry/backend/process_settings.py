"""Settings of the whole process: changed while something needs it, and put back."""

from __future__ import annotations

import logging
import random
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

Block = Callable[[], AbstractContextManager[None]]


def shared(block: Block) -> Block:
    """Return a context manager of which any number may be open at once, in several threads.

    The first that is opened enters `block`, and the last that is closed leaves it. Each by itself would put back what
    another thread had changed.
    """
    lock, open_blocks, entered = threading.Lock(), 0, ExitStack()

    @contextmanager
    def sharing() -> Iterator[None]:
        nonlocal open_blocks
        with lock:
            if not open_blocks:
                entered.enter_context(block())
            open_blocks += 1
        try:
            yield
        finally:
            with lock:
                open_blocks -= 1
                if not open_blocks:
                    entered.close()

    return sharing


@contextmanager
def _ignored_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


# Where each thread has filters of its own there is nothing to share.
_PER_THREAD = bool(getattr(sys.flags, "context_aware_warnings", False))

ignored_warnings: Block = _ignored_warnings if _PER_THREAD else shared(_ignored_warnings)
"""Ignores Python's warnings while it is open, those of other threads too before Python 3.14."""


@contextmanager
def _no_log_of_shapes() -> Iterator[None]:
    log = logging.getLogger("torch._subclasses.fake_tensor")
    before, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = before


no_log_of_shapes = shared(_no_log_of_shapes)
"""Keeps to itself, while it is open, the traceback that PyTorch writes for what does not run without numbers."""


@contextmanager
def kept_generators() -> Iterator[None]:
    """Put the global random generators of Python, NumPy and PyTorch's CPU back at the end, whatever was drawn from them."""
    import numpy as np
    import torch

    before = random.getstate(), np.random.get_state(), torch.get_rng_state()
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])
        torch.set_rng_state(before[2])
