"""The version of this package."""

from importlib.metadata import PackageNotFoundError, version


def _installed() -> str:
    try:
        return version("bat-country")
    except PackageNotFoundError:  # it runs from a folder of sources that was never installed
        return "0+unknown"


__version__ = _installed()
