"""The functions that most programs need: a dream, and a dream step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from typing_extensions import Unpack

from batcountry.backend.policy import OPEN, Policy
from batcountry.dreams.batches import pictures_given
from batcountry.dreams.dreamer import Dreamer
from batcountry.dreams.keywords import DreamOptions, PictureLike
from batcountry.dreams.prepare import Prepared
from batcountry.dreams.progress_bars import Progressing, with_bar
from batcountry.dreams.resolve import Resolved
from batcountry.dreams.steps import Step, where
from batcountry.image.picture import Picture
from batcountry.image.reading import FileLike
from batcountry.recipe import Recipe
from batcountry.recipe.described import with_fields

Callback = Callable[[Step], object]
"""Is called with each step of a dream; the dream ends there if it returns True."""

S = TypeVar("S", bound=Progressing)


@overload
def dream(  # type: ignore[overload-overlap]  # a text is a sequence of texts, but one picture
    image: FileLike | Image.Image | Picture | None = None,
    recipe: Recipe | None = None,
    *,
    batch: int | None = None,
    callback: Callback | None = None,
    progress: bool = False,
    policy: Policy = OPEN,
    **options: Unpack[DreamOptions],
) -> Picture: ...


@overload
def dream(
    image: Sequence[PictureLike],
    recipe: Recipe | None = None,
    *,
    batch: int | None = None,
    callback: Callback | None = None,
    progress: bool = False,
    policy: Policy = OPEN,
    **options: Unpack[DreamOptions],
) -> list[Picture]: ...


@overload
def dream(
    image: Tensor | NDArray[Any],
    recipe: Recipe | None = None,
    *,
    batch: int | None = None,
    callback: Callback | None = None,
    progress: bool = False,
    policy: Policy = OPEN,
    **options: Unpack[DreamOptions],
) -> Any: ...  # several pictures for four axes, which types do not tell


@with_fields(Recipe)
def dream(
    image: PictureLike | Sequence[PictureLike] | None = None,
    recipe: Recipe | None = None,
    *,
    batch: int | None = None,
    callback: Callback | None = None,
    progress: bool = False,
    policy: Policy = OPEN,
    **options: Unpack[DreamOptions],
) -> Picture | list[Picture]:
    """Dream on a picture and return the result, which `save`s itself with its recipe inside.

    Parameters
    ----------
    image
        What `batcountry.read_picture` takes: a path, bytes, an open file, a PIL image, an H×W×3 array (uint8, or
        float 0–255), a torch tensor 3×H×W or a `Picture`. With none, what the recipe's `start` says is made on the
        spot: a sky of clouds. A list of these, an array N×H×W×3 or a tensor N×3×H×W is several pictures, of which a list
        comes back in the same order.
    recipe
        How to dream.
    batch
        How many of several pictures of one size grow at once; fewer where memory has no room for them. If not given 8 on a
        processor, and as many as keep a graphics card busy. What becomes of a picture depends on the others only by rounding.
    callback
        Is called with each `Step`. If it returns True (nothing else counts), the dream ends there: the picture is as it
        is then, at the size of its octave, and its note says how far it came. Of several pictures those not begun
        come back as they were, with no note of a dream.
    progress
        Show a bar with the time that is left.
    policy
        What the recipe may do: which files it may name, whether it may run code, how much it may take.
        `batcountry.backend.policy.STRICT` is for recipes of others.
    options
        Fields of `Recipe` by name, over those of `recipe`. `model` may also be an opened `Model` or a PyTorch module,
        `guide` and `mask` any picture, `objective` an `Objective` or a function of activations
        (`batcountry.objectives.function`), `transforms` a function of tensors or a list of such and texts
        (`batcountry.optim.transforms.functions`), `optimizer` a class of `torch.optim` or a function that makes one
        (`batcountry.dreams.functions.own_optimizer`), and `param` a class (`batcountry.optim.param.Param`). A recipe has only
        the name of a function, so such dreams are not made again from their file.

    Raises
    ------
    BatCountryError
        If the picture, the model, or an option cannot be used, or is not allowed; the message is one sentence.

    Examples
    --------
    >>> import batcountry
    >>> batcountry.dream(size=64, octaves=1, iterations=1).size
    (64, 36)
    """
    dreamer = Dreamer(recipe, policy=policy, **options)
    several = pictures_given(image)
    given: Any = image if several is None else [dreamer.read(each) for each in several]
    found: dict[int, Picture] = {}
    for step in watched(dreamer.dreaming(given, batch=batch), where, progress=progress):
        stop = callback is not None and is_true(callback(step))
        if step.last or stop:
            found.update(zip(step.indices, step.pictures() if step.last else step.stopped(), strict=False))
        if stop:
            break
    return found[0] if several is None else [found.get(index, each) for index, each in enumerate(given)]


def dreaming(
    image: PictureLike | Sequence[PictureLike] | None = None,
    recipe: Recipe | Prepared | Resolved | None = None,
    *,
    batch: int | None = None,
    policy: Policy = OPEN,
    **options: Unpack[DreamOptions],
) -> Iterator[Step]:
    """Dream on a picture step by step; takes what `dream` takes, and what is prepared or resolved already.

    Of several pictures those of one size are dreamed on together, one batch after the other: `Step.indices` says which they
    are, and `Step.last` that they are finished. The arguments are checked and the model is opened at the call, not at the
    first step.
    """
    return Dreamer(recipe, policy=policy, **options).dreaming(image, batch=batch)


def watched(steps: Iterable[S], say: Callable[[S], str], *, progress: bool) -> Iterator[S]:
    """Yield steps, with a bar if `progress`."""
    return with_bar(steps, say) if progress else iter(steps)


def is_true(answer: object) -> bool:
    """Whether a callback's answer is True itself, and not the path of a file that it wrote, or the like."""
    return isinstance(answer, (bool, np.bool_)) and bool(answer)
