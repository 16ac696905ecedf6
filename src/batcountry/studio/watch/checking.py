"""`python -m batcountry.studio.watch.checking` opens the network of some settings, and says whether all can be dreamed so.

It is a program of its own, as whoever watches a folder keeps no network in memory.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from dataclasses import replace
from typing import Any

from batcountry.errors import BatCountryError, LayerNotFound, RecipeError
from batcountry.models import zoo
from batcountry.recipe import Recipe
from batcountry.recipe.groups.network import DEFAULT_MODEL
from batcountry.studio.watch.settings_file import DreamSettings

log = logging.getLogger("batcountry")

SECONDS = 300.0
"""That it may take."""

GOOGLENET = "bvlc_googlenet"
"""Clouddream's network, whose layers its settings name."""


def checked(settings: DreamSettings) -> DreamSettings:
    """Return settings whose network was opened once: a layer of clouddream's network may have led to that, or to one as deep.

    Raises
    ------
    RecipeError
        If nothing could be dreamed so; the sentence says why.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-m", "batcountry.studio.watch.checking"],
            input=settings.recipe.model_dump_json(exclude_unset=True).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "OMP_NUM_THREADS": "1", "BATCOUNTRY_DEVICE": "cpu"},
            timeout=SECONDS,
            check=False,
        )
        found = json.loads(done.stdout.splitlines()[-1])
    except (OSError, subprocess.TimeoutExpired, ValueError, IndexError):
        raise RecipeError(
            "whether they can be dreamed with could not be found out; bat-country dream may say more"
        ) from None
    if "sentence" in found:
        raise RecipeError(found["sentence"])
    if found["note"]:
        log.warning("%s", found["note"])
    return replace(settings, recipe=Recipe.of(found["recipe"]))


def with_layer_here(fields: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Return a recipe's fields, and what is to be said: with another network or layer, if the usual one lacks its layer.

    Raises
    ------
    BatCountryError
        If there is no such layer, and nothing as deep.
    """
    from batcountry.models import open_model
    from batcountry.models.inspect.other_families import layers_at_depth_of

    layer = fields.get("layer")
    if layer is None or "model" in fields:
        return fields, ""
    usual = open_model(DEFAULT_MODEL)
    try:
        usual.layer(layer)
        return fields, ""
    except LayerNotFound as error:
        missing = error
    if zoo.is_here(GOOGLENET) and any(each.name == layer for each in open_model(GOOGLENET).layers):
        return {
            **fields,
            "model": GOOGLENET,
        }, f"the layer {layer} is one of {GOOGLENET}, which is dreamed with"
    near = layers_at_depth_of(layer, usual.layers)
    if not near:
        raise missing
    said = f"{DEFAULT_MODEL} has no layer {layer}; {near[0]}, which lies as deep, is dreamed with"
    return {**fields, "layer": near[0]}, said


def main() -> None:
    """Check the fields on standard input, a JSON object, and say what came of it as one line of JSON."""
    from batcountry.dreams.prepare import prepare
    from batcountry.dreams.resolve import resolve

    try:
        fields, note = with_layer_here(json.loads(sys.stdin.read()))
        resolve(prepare(Recipe.of(fields)))
        found: dict[str, Any] = {"recipe": fields, "note": note}
    except BatCountryError as error:
        found = {"sentence": str(error)}
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
