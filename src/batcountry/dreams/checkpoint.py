"""A dream in memory as it is after a step, so that it can be stored and gone on with: the result is the same, bit for bit.

The file is safetensors: no code is in it, and nothing but numbers is read out of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError
from torch import Tensor

from batcountry.backend.tensor_files import read_tensors, write_tensors
from batcountry.errors import WorkDamaged
from batcountry.optim.optimizers import State

_BYTES_PER_PIXEL = 512  # more than windows with Adam take, which have the most
_BYTES = 1 << 20


@dataclass(frozen=True)
class Checkpoint:
    """What the next step of a dream depends on.

    Attributes
    ----------
    place
        Octave and iteration that were finished last, counted from 0.
    score
        The objective's value before that step.
    image
        (N, C, H, W), RGB in gray levels, after it.
    before
        The finished dream of the octave before, (N, C, h, w), which this one began with; None in the first.
    climb
        The parametrization's tensors, the optimizer's memory and the random numbers to come; see
        `batcountry.optim.ascent.Climb.state`.
    """

    place: tuple[int, int]
    score: float
    image: Tensor = field(repr=False)
    before: Tensor | None = field(repr=False)
    climb: State = field(repr=False)

    def save(self, path: Path) -> None:
        """Write it as safetensors, whole or not at all; what is there is replaced."""
        tensors = {"image": self.image, **{f"climb.{key}": each for key, each in self.climb.items()}}
        if self.before is not None:
            tensors["before"] = self.before
        tensors["place"] = torch.tensor(self.place)
        tensors["score"] = torch.tensor(self.score, dtype=torch.float64)
        # Cloned where two names share memory, which the format has no place for.
        write_tensors({key: each.cpu().contiguous() for key, each in _apart(tensors).items()}, path)

    @classmethod
    def load(cls, path: Path, pixels: int) -> Checkpoint:
        """Read it back.

        Parameters
        ----------
        pixels
            Of the largest octave, which say how large the file may be.

        Raises
        ------
        RecipeError
            If the file is missing, too large, or no checkpoint.
        """
        try:
            found = read_tensors(path, error=WorkDamaged, most=_BYTES_PER_PIXEL * pixels + _BYTES)
            octave, iteration = (int(each) for each in found.pop("place"))
            score, image, before = float(found.pop("score")), found.pop("image"), found.pop("before", None)
            climb = {key.removeprefix("climb."): each for key, each in found.items()}
            return cls((octave, iteration), score, image, before, climb)
        except (
            WorkDamaged,
            OSError,
            ValueError,
            TypeError,
            LookupError,
            ArithmeticError,
            RuntimeError,
            SafetensorError,
        ):
            raise WorkDamaged(f"{path} is damaged or missing; start the dream anew") from None

    def steps(self, iterations: int) -> int:
        """Return how many steps were made, with so many in an octave."""
        return self.place[0] * iterations + self.place[1] + 1

    def check(self, sizes: list[tuple[int, int]], iterations: int, base: Tensor) -> None:
        """Raise `RecipeError` unless it is of a dream on pictures such as `base`, with octaves of (height, width)."""
        octave, iteration = self.place
        fits = 0 <= octave < len(sizes) and 0 <= iteration < iterations
        fits = fits and self.image.shape == (*base.shape[:2], *sizes[octave])
        if fits and octave:
            fits = self.before is not None and self.before.shape == (*base.shape[:2], *sizes[octave - 1])
        if not fits or (self.before is not None) != (octave > 0):
            raise another_dream()


def another_dream() -> WorkDamaged:
    """Return the error that says that a checkpoint does not fit."""
    return WorkDamaged("the checkpoint is of another dream; start the dream anew")


def _apart(tensors: State) -> State:
    seen: set[int] = set()
    found = {}
    for key, each in tensors.items():
        place = each.untyped_storage().data_ptr()
        found[key] = each.clone() if place in seen else each
        seen.add(place)
    return found
