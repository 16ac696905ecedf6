"""A stand-in for torchvision where the one that is installed does not fit the installed torch.

timm imports torchvision for picture loading and for operations of detectors, none of which
is needed to open a network.
"""

import enum
import importlib.machinery
import sys
import types
import warnings
from contextlib import contextmanager

from torch import nn

_LIBRARIES = ("torchvision", "timm")


class _Module(types.ModuleType):
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        if name == "InterpolationMode":
            made = enum.Enum(name, "NEAREST BILINEAR BICUBIC BOX HAMMING LANCZOS")
        elif name == "list_models":
            made = list
        else:
            made = type(name, (nn.Module,) if name.endswith("2d") else (), {})
        setattr(self, name, made)
        return made


class _Finder:
    def find_spec(self, name, path=None, target=None):
        return (
            importlib.machinery.ModuleSpec(name, self, is_package=True)
            if name.split(".")[0] == "torchvision"
            else None
        )

    def create_module(self, spec):
        return _Module(spec.name)

    def exec_module(self, module):
        pass


def _forget():
    for name in [each for each in sys.modules if each.split(".")[0] in _LIBRARIES]:
        del sys.modules[name]


@contextmanager
def torchvision():
    """Have a torchvision that can be imported within the block: the real one where it works."""
    finder = _Finder()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import torchvision  # noqa: F401
        except Exception:
            _forget()
            sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        if finder in sys.meta_path:
            sys.meta_path.remove(finder)
            _forget()
