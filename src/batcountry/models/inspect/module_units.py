"""The parts of a module that layers to dream with are chosen from: its blocks and stages."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from torch import nn

from batcountry.models.inspect.good_layers import Unit, best_unit, good_units
from batcountry.models.inspect.tracing import OUTPUT, Traced

_NEUTRAL = re.compile("Norm|Drop|Identity|Pool|Flatten|Softmax|Sigmoid")
"""In names of classes whose output says no more than their input, or an answer."""

_HEAD = re.compile(
    r"(^|[._])(aux\w*|bbox\w*|box\w*|classif\w*|cls\w*|fc\d*|global_pool|heads?\d*|logits?\d*|loss\w*|neck|pred\w*|prob\w*|"
    r"score\w*|softmax\w*|final\w*)([._]|$)",
    re.IGNORECASE,
)
"""In names of what turns features into answers."""

_BETWEEN = re.compile(
    r"(^|[._])(stem\w*|patch_embeds?\d*|pos_\w+|cpe\d*\w*|downsample\w*|transition\d*)([._]|$)", re.IGNORECASE
)
"""In names of what comes before a stage."""

_BLOCK = re.compile(r"\.(b|block|unit)?_?\d+$", re.IGNORECASE)
"""In names of blocks within a stage, which are no branches."""

_TRUNK = 0.8
"""Share of the weighted parts of a network's features from which on what holds them is no stage but all of these."""

_GATE = re.compile(
    r"(^|[._])(se|eca|cbam|gate\w*|attn?_last|squeeze\w*|excit\w*|se_module|drop_path\w*)([._]|$)",
    re.IGNORECASE,
)
"""In names of what weighs channels."""


def recommended_layers(traced: Traced, module: nn.Module) -> set[str]:
    """Return the layers that dream well: a transformer's blocks from a third of its depth on, otherwise blocks and stages."""
    blocks = _token_blocks(traced, module)
    if blocks:
        return set(blocks[len(blocks) // 3 :])
    best = default_layer(traced, module)
    dots = best.count(".")
    units = [
        unit
        for unit in _units(traced, module)
        if unit.name.count(".") <= dots or (unit.name.count(".") == dots + 1 and _BLOCK.search(unit.name))
    ]
    return {unit.name for unit in good_units(units)} | {best}


def default_layer(traced: Traced, module: nn.Module) -> str:
    """Return the layer to dream with if none is named: the last block or stage with a stride of about 16.

    Of a transformer's blocks, which all have the same stride, it is the one two thirds up.
    """
    blocks = _token_blocks(traced, module)
    if blocks:
        return blocks[len(blocks) * 2 // 3]
    best = best_unit(_outermost_units(_units(traced, module)))
    return _last_resort(traced) if best is None else best.name


def _outermost_units(units: list[Unit]) -> list[Unit]:
    """Return, of the units of each stage, those with the fewest dots."""
    least: dict[int, int] = {}
    for unit in units:
        if unit.has_places:
            least[unit.stage] = min(unit.name.count("."), least.get(unit.stage, 99))
    return [unit for unit in units if unit.name.count(".") == least.get(unit.stage)]


def _units(traced: Traced, module: nn.Module) -> list[Unit]:
    """Return what may be chosen, in running order: parts of parts, and parts without any where there are no others."""
    units = list(_all_units(traced, module))
    parts = dict(module.named_modules())
    whole = [unit for unit in units if _has_parts(traced, parts, unit.name)]
    return whole if any(unit.has_places and unit.stage in (3, 4) for unit in whole) else units


def _all_units(traced: Traced, module: nn.Module) -> Iterator[Unit]:
    parts = dict(module.named_modules())
    paths = [path for path, _ in traced.places.values()]
    weighted = [_is_weighted(parts[path]) for path in paths]
    total = max(sum(weighted), 1)
    features = [
        path for path, counts in zip(paths, weighted, strict=True) if counts and not _HEAD.search(path)
    ]
    inner = Counter(above for path in features for above in _above(path))
    run = 0
    for (name, (path, _)), counts in zip(traced.places.items(), weighted, strict=True):
        run += counts
        layout = traced.layouts.get(name)
        if layout is None or layout.grid is None or name == OUTPUT:
            continue
        if any(pattern.search(name) for pattern in (_HEAD, _GATE, _BETWEEN)):
            continue
        if _NEUTRAL.search(type(parts[path]).__name__) or inner[path] > _TRUNK * len(features):
            continue
        yield Unit(name, layout.channels, layout.picture, layout.grid, run / total)


def _above(path: str) -> Iterator[str]:
    """Yield the paths of the parts that one lies in."""
    while "." in path:
        path = path.rpartition(".")[0]
        yield path


def _is_weighted(part: nn.Module) -> bool:
    """Whether a part has weights of its own that are more than a norm's."""
    return any(each.ndim > 1 for each in part.parameters(recurse=False))


def _has_parts(traced: Traced, parts: Mapping[str, nn.Module], name: str) -> bool:
    return next(parts[traced.places[name][0]].children(), None) is not None


def _token_blocks(traced: Traced, module: nn.Module) -> list[str]:
    """Return the blocks of a transformer that keeps one grid of tokens all through, or nothing."""
    parts = dict(module.named_modules())
    units = [unit for unit in _all_units(traced, module) if _has_parts(traced, parts, unit.name)]
    blocks = [
        unit for unit in units if unit.name[-1].isdigit() and traced.layouts[unit.name].kind == "tokens"
    ]
    if not blocks or traced.layouts[units[-1].name].kind != "tokens":
        return []
    fewest = min(unit.name.count(".") for unit in blocks)
    outermost = [unit for unit in blocks if unit.name.count(".") == fewest]
    one_grid = len({unit.grid for unit in outermost}) == 1
    return [unit.name for unit in outermost] if one_grid and outermost[0].depth < 0.5 else []


def _last_resort(traced: Traced) -> str:
    """Return the last layer with a grid, or the last of all."""
    names = list(traced.layouts)
    return next((name for name in reversed(names) if traced.layouts[name].grid is not None), names[-1])
