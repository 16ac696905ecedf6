"""The part of a net that runs, where some of its layers cannot."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from batcountry.caffe.building import Blobs, Builder, Built
from batcountry.caffe.formats.forks import owner
from batcountry.caffe.formats.prototxt import Definition
from batcountry.caffe.graph import check_wiring
from batcountry.caffe.layers import check_supported, lack_of
from batcountry.caffe.splits import with_splits
from batcountry.errors import ModelError, UnsupportedLayer, listed, suggestion

Lack = Callable[[Any], str]

log = logging.getLogger("batcountry")


@dataclass
class Parting:
    """Which layers of a net run, and why the others do not.

    Attributes
    ----------
    causes
        Why layers cannot run, by name: nothing is known of their type, or they do not go with the net.
    after
        Why layers are left out that read, maybe through others, what those would make.
    """

    causes: dict[str, str] = field(default_factory=dict)
    after: dict[str, str] = field(default_factory=dict)
    _makers: dict[str, str | None] = field(default_factory=dict)

    @property
    def left_out(self) -> dict[str, str]:
        """Why each layer that does not run does not."""
        return {**self.causes, **self.after}

    def take(self, layer: Any, lack: str) -> bool:
        """Say whether the next layer runs, if it is to its inputs and to what it lacks, and remember it."""
        if lack:
            self.leave(layer, lack)
            return False
        missing = [blob for blob in layer.bottom if self._makers.get(blob, "") is not None]
        if not missing:
            self._makers.update(dict.fromkeys(layer.top))
            return True
        blob = missing[0]
        if blob in self._makers:
            self._leave(layer, self.after, f"it reads {blob!r}, which {self._makers[blob]!r} would make")
        elif layer.type != "Silence":  # which is there for what nobody needs
            made = [each for each, maker in self._makers.items() if maker is None]
            self.leave(
                layer, f"it reads the blob {blob!r}, which no layer before it makes{suggestion(blob, made)}"
            )
        return False

    def leave(self, layer: Any, cause: str) -> None:
        """Leave a layer out, and with it those that read it."""
        self._leave(layer, self.causes, cause)

    def _leave(self, layer: Any, reasons: dict[str, str], reason: str) -> None:
        reasons[layer.name] = reason
        self._makers.update(dict.fromkeys(layer.top, layer.name))

    def check_reach(self, end: str | None) -> None:
        """Raise `UnsupportedLayer` if a pass over the net, as far as `end` or whole, would reach a layer that cannot run."""
        reached = end if end is not None else next(iter(self.causes), None)
        if reached in self.left_out:
            raise UnsupportedLayer(
                f"the layer {reached!r} cannot run ({self.left_out[reached]}); name a layer before it as the end"
            )

    def note(self, definition: Definition) -> str:
        """Return a sentence about what is left out, with lines in the file; empty if nothing is."""
        if not self.causes:
            return ""
        things = listed([self._described(name, definition) for name in self.causes], "; ")
        count = len(self.after)
        after = f", and {count} layer{'s' * (count > 1)} after them" if count else ""
        return f"{definition.path}: layers that cannot run are left out: {things}{after}"

    def _described(self, name: str, definition: Definition) -> str:
        line = definition.line(name)
        return (
            f"line {line}: " if line else ""
        ) + f"{name!r} ({self.causes[name]}){owner(self.causes[name])}"


def parted(layers: Sequence[Any], lack: Lack = lack_of) -> tuple[list[Any], Parting]:
    """Return the layers that run as far as their types and wiring say, and which do not."""
    parting = Parting()
    return [layer for layer in layers if parting.take(layer, lack(layer))], parting


def part_for_programs(definition: Definition) -> tuple[list[Any], Parting]:
    """Return the layers of a net that a program runs by hand, with Caffe's splits, and those that it must not reach.

    Raises
    ------
    UnsupportedLayer
        If nothing runs but inputs.
    ModelError
        If a layer reads a blob that none makes.
    """
    layers = definition.net.layer
    runs = [layer for layer in layers if layer.bottom and not lack_of(layer)]
    if not runs or not parted(layers)[0]:
        first = next((layer.name for layer in layers if lack_of(layer)), "")
        check_supported(layers, definition.place(first))
    check_wiring(layers, str(definition.path))
    kept, parting = parted(with_splits(layers))
    for note in (definition.note(), parting.note(definition)):
        if note:
            log.warning("%s", note)
    return kept, parting


def build_part(
    layers: Sequence[Any], blobs: Blobs | None, where: str, lack: Lack = lack_of
) -> tuple[Built, Parting]:
    """Return the nodes of the layers that run on blobs of the sizes that the net states, and which do not.

    Raises
    ------
    ModelError
        If weights do not fit; see `batcountry.caffe.building.build_nodes`.
    """
    parting, builder, nodes = Parting(), Builder(blobs), []
    for layer in layers:
        if parting.take(layer, lack(layer)):
            try:
                nodes.append(builder.node(layer))
            except ModelError as error:
                said = str(error).removeprefix(f"layer {layer.name!r} ")
                parting.leave(layer, said.replace(f"({layer.type})", layer.type, 1))
    return builder.built(nodes, where), parting
