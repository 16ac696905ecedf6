"""Fields of `Recipe`: what to make more of."""

from __future__ import annotations

from typing import Annotated

from batcountry.recipe.fields import OBJECTIVE
from batcountry.recipe.validation import Options


class ObjectiveOptions(Options):
    """What to make more of."""

    layer: Annotated[
        str | None,
        OBJECTIVE(
            "Layer to dream with; the model's own default if not given.",
            level="everyday",
            see="bat-country layers",
            examples=["stem", "blocks.5", "blocks.10"],
        ),
    ] = None
    guide: Annotated[
        str | None,
        OBJECTIVE("Picture file whose features the dream should take on.", level="everyday", path=True),
    ] = None
    objective: Annotated[
        str | None,
        OBJECTIVE(
            'What to make more of, as text, in place of a layer: channel("blocks.10", 17) - 0.1*layer("stem").',
            level="everyday",
            examples=['channel("blocks.10", 17)', 'layer("blocks.5") - 0.1*layer("stem")', 'logit("lion")'],
        ),
    ] = None
