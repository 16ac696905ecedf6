"""Saying what a Caffe net is, and how near its numbers are to stored ones."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from batcountry.backend.reading import MAX_WEIGHTS, open_plain
from batcountry.caffe.building import Fit
from batcountry.caffe.formats.forks import described, fit_settings
from batcountry.caffe.formats.means import DAMAGED_ARRAY
from batcountry.caffe.formats.prototxt import read_definition
from batcountry.caffe.formats.weights import read_weights
from batcountry.caffe.graph import check_wiring, infer_shapes
from batcountry.caffe.layers import unsupported
from batcountry.caffe.layers.registry import Shape
from batcountry.caffe.net import Net
from batcountry.caffe.partial import build_part
from batcountry.caffe.proto.caffe_pb2 import TEST
from batcountry.caffe.receptive_fields import receptive_fields
from batcountry.errors import LayerNotFound, ModelError, first_line


@dataclass(frozen=True)
class LayerFacts:
    """What is known of a layer; stride and receptive field in pixels, None where a unit sees everything."""

    name: str
    type: str
    shape: Shape | None
    parameters: int
    stride: int | None
    receptive_field: int | None


@dataclass(frozen=True)
class NetFacts:
    """What a Caffe net is.

    Attributes
    ----------
    layers
        Those that run, in running order.
    inputs
        Shapes by blob.
    unsupported
        `'name' (type)` of every layer that cannot run.
    fit
        How the weights went with the net; None if none were given.
    skipped
        What in the definition is not known and was skipped, with its line.
    """

    layers: tuple[LayerFacts, ...]
    inputs: dict[str, Shape]
    unsupported: tuple[str, ...]
    fit: Fit | None
    skipped: tuple[str, ...] = ()

    @property
    def parameters(self) -> int:
        """Number of weights."""
        return sum(each.parameters for each in self.layers)


def examine(prototxt: Path, weights: Path | None = None) -> NetFacts:
    """Return what a net is.

    Raises
    ------
    ModelError
        If a file cannot be read, or the net cannot be for another reason than unsupported layers.
    """
    definition = read_definition(prototxt, phase=TEST)
    missing = unsupported(definition.net.layer)
    check_wiring(definition.net.layer, str(prototxt))
    stored = read_weights(weights) if weights is not None else None
    fit_settings(definition.net.layer, stored or {})
    built, _ = build_part(definition.net.layer, stored, str(weights))
    shapes: dict[str, Shape] = {}
    fields = receptive_fields(built.nodes)
    found, inputs = [], {}
    for node in built.nodes:
        infer_shapes([node], shapes)
        shape = shapes[node.tops[0]] if node.tops else None
        count = sum(each.numel() for each in node.params)
        if node.bottoms:
            field = fields[node.name]
            size = (field.stride, field.field) if field else (None, None)
            found.append(LayerFacts(node.name, node.layer.type, shape, count, *size))
        else:
            inputs.update({top: shapes[top] for top in node.tops})
    skipped = tuple(described(definition.skipped))
    return NetFacts(tuple(found), inputs, tuple(missing), None if stored is None else built.fit, skipped)


@dataclass(frozen=True)
class Difference:
    """How far a blob is from stored numbers: the largest difference, as a share of the largest stored value."""

    blob: str
    largest: float
    problem: str = ""


def compare(
    prototxt: Path, weights: Path | None, reference: Path, end: str | None = None
) -> list[Difference]:
    """Run a net on the inputs in an `.npz` and compare what it makes with what is stored there.

    Parameters
    ----------
    reference
        Arrays `input:<blob>`, `data:<blob>` (or `<blob>`), and for a backward pass
        `seed_diff:<blob>` and `diff:<blob>`.
    end
        The layer at which the stored passes end and start; the whole net by default.

    Returns
    -------
    list
        One for each stored blob and diff, the worst first.

    Raises
    ------
    ModelError
        If a file cannot be read, or has nothing to compare.
    """
    net = Net(prototxt, TEST, weights=weights)
    if end is not None and end not in net.top_names:
        raise LayerNotFound(end, net.top_names, str(prototxt))
    with open_plain(reference, most=MAX_WEIGHTS, error=ModelError) as file:
        found = _differences(_Reference(reference, file, net), net, end)
    return sorted(found, key=lambda each: -each.largest)


def _differences(stored: _Reference, net: Net, end: str | None) -> list[Difference]:
    for blob in stored.names("input:"):
        array = stored.load(f"input:{blob}", blob, any_shape=True)
        net.blobs[blob].reshape(*array.shape)
        net.blobs[blob].data[...] = array
    net.reshape()
    net.forward(end=end)
    found = [stored.difference(f"data:{blob}", blob, "data") for blob in stored.names("data:")]
    found += [stored.difference(blob, blob, "data") for blob in stored.plain_names()]
    seeds = stored.names("seed_diff:")
    for blob in seeds:
        seed = stored.load(f"seed_diff:{blob}", blob)
        if seed.shape != net.blobs[blob].shape:
            raise ModelError(
                f"{stored.path}: seed_diff:{blob} is {seed.shape}, and the blob {net.blobs[blob].shape}"
            )
        net.blobs[blob].diff[...] = seed
    if seeds:
        net.backward(start=end)
        found += [stored.difference(f"diff:{blob}", blob, "diff") for blob in stored.names("diff:")]
    if not found:
        raise ModelError(f"{stored.path} has no arrays named data:<blob> or <blob>")
    return found


class _Reference:
    """The arrays of an `.npz`, none of which is read before its size is known to be that of its blob."""

    def __init__(self, path: Path, file: BinaryIO, net: Net) -> None:
        self.path, self.net = path, net
        try:
            with zipfile.ZipFile(file) as archive:
                entries = archive.infolist()
            self.sizes = {each.filename.removesuffix(".npy"): each.file_size for each in entries}
            if len(self.sizes) != len(entries):
                raise ValueError("a name is in it twice")
            file.seek(0)
            self.arrays: Any = np.load(file, allow_pickle=False)  # by zipfile, too
        except DAMAGED_ARRAY as error:
            raise ModelError(f"{path} is not an .npz file: {first_line(error)}") from None

    def names(self, prefix: str) -> list[str]:
        """Return the blobs of which something is stored under a prefix."""
        found = [key[len(prefix) :] for key in self.sizes if key.startswith(prefix)]
        for blob in found:
            if blob not in self.net.blobs:
                raise ModelError(f"{self.path} has {prefix}{blob}, and the net has no blob {blob!r}")
        return found

    def plain_names(self) -> list[str]:
        """Return the blobs that are stored under their own name."""
        return [key for key in self.sizes if key in self.net.blobs]

    def load(self, key: str, blob: str, any_shape: bool = False) -> NDArray[np.float32]:
        """Return an array, which has to be of the blob's size, or for an input not a hundred times as large."""
        most = (self.net.blobs[blob].count * (100 if any_shape else 1) + 1024) * 8
        if self.sizes[key] > most:
            raise ModelError(f"{self.path}: {key} is larger than the blob {blob!r} can be")
        try:
            return np.asarray(self.arrays[key], dtype=np.float32)
        except DAMAGED_ARRAY as error:
            raise ModelError(f"{self.path}: {key} cannot be read: {first_line(error)}") from None

    def difference(self, key: str, blob: str, part: str) -> Difference:
        """Compare a blob's data or diff with what is stored."""
        name = blob if part == "data" else f"{blob} (diff)"
        wanted, found = self.load(key, blob), getattr(self.net.blobs[blob], part)
        if wanted.shape != found.shape:
            return Difference(name, float("inf"), f"stored as {wanted.shape}, made as {found.shape}")
        if not (np.isfinite(wanted).all() and np.isfinite(found).all()):
            return Difference(name, float("inf"), "has values that are no numbers")
        largest = float(np.abs(wanted).max(initial=0)) or 1.0
        return Difference(name, float(np.abs(wanted - found).max(initial=0)) / largest)
