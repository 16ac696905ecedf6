"""Names of layers of other networks than the one at hand, and what that has at about the same depth.

People bring the names that they know: lucid's `mixed4c`, Caffe's `inception_4c/output`, VGG's `conv4_3`, ResNet's `layer3.2`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from itertools import accumulate

from batcountry.models.layer import Layer

_MOST = 2
"""How many layers are named."""

_LONGEST = 200
"""Characters of a name of a layer, more than any real one has."""

_SPELLED = 0.85
"""Likeness from which on a name is a layer's of this network, spelled wrong."""


def _staged(counts: Sequence[int], before: int = 0, first: int = 1) -> Callable[[str, str], float]:
    """Return the depth, 0 to 1, of the nth part of a stage, where each stage has so many; of no part, the stage's end.

    Parameters
    ----------
    counts
        Parts of each stage.
    before
        Parts before the first stage.
    first
        Number of the first stage.
    """
    ends = list(accumulate(counts, initial=before))

    def depth(stage: str, part: str = "") -> float:
        index = min(max(int(stage) - first, 0), len(counts) - 1)
        # An unnumbered or too high part is the stage's last.
        place = min(int(part) + 1, counts[index]) if part else counts[index]
        return (ends[index] + place) / ends[-1]

    return depth


def _of(count: int, first: int = 0) -> Callable[..., float]:
    """Return the depth of the nth of `count` equal parts."""
    return lambda number, *_: min(1.0, (int(number) - first + 1) / count)


def _letters(stages: dict[str, str], before: int) -> Callable[[str, str], float]:
    """Return the depth of a module whose stage is a digit and whose place is a letter, such as 4c."""
    names = [stage + letter for stage, letters in stages.items() for letter in letters]

    def depth(stage: str, letter: str) -> float:
        name = stage + letter.lower()
        index = names.index(name) if name in names else int(stage) * len(names) / 6
        return min(1.0, (before + index + 1) / (before + len(names)))

    return depth


_RESNET = (3, 4, 6, 3)
_GOOGLENET = _letters({"3": "ab", "4": "abcde", "5": "ab"}, 1)
_INCEPTION_V3 = _letters({"5": "bcd", "6": "abcde", "7": "abc"}, 2)
_RESNET_STAGES, _CAFFE_RESNET = _staged(_RESNET), _staged(_RESNET, first=2)


def _res(stage: str, letter: str, number: str) -> float:
    part = number or str(ord(letter.lower()) - ord("a")) if letter else ""
    return _CAFFE_RESNET(stage, part)


def _vgg(stage: str, number: str) -> float:
    return _staged((2, 2, 3, 3, 3))(stage, str(int(number) - 1))


def _efficientnet(stage: str, letter: str) -> float:
    return _staged((1, 2, 2, 3, 3, 4, 1))(stage, str(ord(letter.lower()) - ord("a")))


_FAMILIES: tuple[tuple[str, Callable[..., float]], ...] = (
    (r"mixed_([567])([a-h])", _INCEPTION_V3),  # Inception v3 of TensorFlow and torchvision
    (r"(?:mixed|inception)_?([345])([a-e])", _GOOGLENET),  # lucid, Caffe, torchvision
    (r"mixed(\d{1,3})$", _of(11)),  # Inception v3 of Keras
    (r"conv2d([012])", _of(13)),  # GoogLeNet's stem as lucid has it
    (
        r"conv([2-5])_block(\d{1,3})",
        lambda stage, number: _CAFFE_RESNET(stage, str(int(number) - 1)),
    ),  # Keras
    (
        r"block([1-4])/unit_(\d{1,3})",
        lambda stage, number: _RESNET_STAGES(stage, str(int(number) - 1)),
    ),  # slim
    (
        r"(?:layer|group)([1-4])(?:[._/](\d{1,3}))?(?![0-9])",
        lambda stage, part: _RESNET_STAGES(stage, part or ""),
    ),
    (
        r"res([2-5])(?:([a-z])(\d{0,3}))?(?![a-z])",
        lambda stage, letter, number: _res(stage, letter or "", number or ""),
    ),
    (r"(?:dense_?block)([1-4])", _staged((6, 12, 24, 16))),  # DenseNet
    (r"(?:conv|relu|block)([1-5])_(?:conv)?([1-4])(?![0-9])", _vgg),  # VGG
    (r"blocks\.([0-6])\.(\d{1,3})", _staged((1, 2, 2, 3, 3, 4, 1), first=0)),  # EfficientNet of timm
    (r"blocks\.(\d{1,3})", _of(16)),  # EfficientNet-Lite0
    (r"block([1-7])([a-g])", _efficientnet),  # EfficientNet of Keras
    (r"fire(\d{1,3})", _of(8, 2)),  # SqueezeNet
    (r"(?:conv_pw_|conv_dw_)(\d{1,3})", _of(13, 1)),  # MobileNet of Keras
    (
        r"stages?[._]?([0-3])(?:\.(?:blocks\.)?(\d{1,3}))?",
        lambda stage, part: _staged((3, 3, 9, 3), first=0)(stage, part or ""),
    ),
    (r"(?:encoder_layer_|layers?\.|resblocks\.|block_)(\d{1,3})", _of(12)),  # transformers
    (r"features\.(\d{1,3})", _of(24)),  # torchvision's VGG, MobileNet, EfficientNet
    (r"(?:conv|relu|norm)([1-5])$", _of(5, 1)),  # AlexNet
)
"""Patterns that names begin with, whatever the case, and the depth that their groups stand for in the network they are of."""


def layers_at_depth_of(name: str, layers: Sequence[Layer]) -> list[str]:
    """Return those of a network's layers that lie as deep as one that is known of another network, the nearest first.

    A module's name stands for its output. Nothing if no such is known, or the name is nearly one of the layers' own.
    """
    if not 0 < len(name) <= _LONGEST:
        return []
    own = [
        layer.name
        for layer in layers
        if layer.recommended and layer.name.casefold().startswith(name.casefold())
    ]
    if own:
        return own[:_MOST]  # a module, of which the output was meant
    likeness = (SequenceMatcher(None, layer.name.casefold(), name.casefold()) for layer in layers)
    if any(each.quick_ratio() > _SPELLED and each.ratio() > _SPELLED for each in likeness):
        return []
    depth = _known_depth(name)
    if depth is None:
        return []
    placed = [layer for layer in layers if layer.stride is not None] or list(layers)
    places = {layer.name: (index + 1) / len(placed) for index, layer in enumerate(placed)}
    good = [layer.name for layer in placed if layer.recommended]
    early = not good or depth < places[good[0]] / 2
    pool = list(places) if early else good
    return sorted(pool, key=lambda each: abs(places[each] - depth))[:_MOST]


def _known_depth(name: str) -> float | None:
    """Return how deep a layer of a known network lies, from 0 to 1."""
    for pattern, depth in _FAMILIES:
        found = re.match(rf"(?:\w+[./])??{pattern}", name, re.ASCII | re.IGNORECASE)
        if found:
            return depth(*found.groups())
    return None
