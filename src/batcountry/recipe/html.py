"""What notebooks show of recipes: small HTML, with every text escaped."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from pydantic import BaseModel


def recipe_table(recipe: BaseModel) -> str:
    """Return HTML of a recipe: what differs from the defaults, and all of it to unfold."""
    values = recipe.model_dump()
    fields = type(recipe).model_fields
    own = {name: value for name, value in values.items() if value != fields[name].default}
    rest = {name: value for name, value in values.items() if name not in own}
    shown = _table(own) if own else "<p>all defaults</p>"
    return f"{shown}<details><summary>the defaults that it keeps</summary>{_table(rest)}</details>"


def _table(values: Mapping[str, object]) -> str:
    rows = (
        f"<tr><th>{escape(name)}</th><td>{'' if value is None else escape(str(value))}</td></tr>"
        for name, value in values.items()
    )
    return f"<table>{''.join(rows)}</table>"
