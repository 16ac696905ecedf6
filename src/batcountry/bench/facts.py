"""What numbers of a benchmark are to be read with: versions, the machine, the device."""

from __future__ import annotations

import platform

import torch

from batcountry.backend.devices import pick_device
from batcountry.backend.machine import device_name, instructions_used, processor_name, total_memory
from batcountry.backend.threads import thread_limit
from batcountry.backend.version import __version__
from batcountry.dreams.planning import said_bytes


def machine_facts(device: str = "auto") -> dict[str, str]:
    """Return facts by name, as text.

    Raises
    ------
    RecipeError
        If there is no such device.
    """
    chosen = pick_device(device)
    return {
        "bat-country": __version__,
        "torch": str(torch.__version__),
        "Python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "device": f"{chosen}, {device_name(chosen)}, {said_bytes(total_memory(chosen))}",
        "processor": f"{processor_name()} ({instructions_used()})",
        "threads": str(thread_limit()),
    }
