"""The recipe's schema, of which pages make their form."""

from __future__ import annotations

from functools import cache
from typing import Any

from fastapi import APIRouter

from batcountry.recipe import Recipe
from batcountry.recipe.fields import GROUPS
from batcountry.studio.web.job_specs import OPTIONS
from batcountry.studio.web.problems import problems
from batcountry.studio.web.schemas import Kind

router = APIRouter(tags=["recipe"])

_NOT_FOR_CLIENTS = ("weights",)


@router.get("/recipe", responses=problems())
def recipe_schema(kind: Kind = "dream") -> dict[str, Any]:
    """Show the JSON schema of recipes, with `groups` in their order; of another kind `options` has its own fields."""
    return _schema(kind)


@cache
def _schema(kind: Kind) -> dict[str, Any]:
    recipe = Recipe.model_json_schema()
    for name in _NOT_FOR_CLIENTS:
        recipe["properties"].pop(name, None)
    options = OPTIONS[kind].model_json_schema()
    for name in ("dream", "kind"):
        options.get("properties", {}).pop(name, None)
    options.pop("$defs", None)
    return {**recipe, "groups": list(GROUPS), "options": options}
