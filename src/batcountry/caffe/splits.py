"""The Split layers that Caffe puts in by itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from batcountry.caffe.proto.caffe_pb2 import LayerParameter


def with_splits(layers: Sequence[Any]) -> list[Any]:
    """Return the layers with Caffe's automatic Split layers put in.

    A blob version with several readers gets a layer `<blob>_<layer>_<i>_split` right after its
    last writer, with a top of its own for each reader.
    """
    readers: dict[tuple[int, str], int] = defaultdict(int)
    writer: dict[str, int] = {}
    for index, layer in enumerate(layers):
        for bottom in layer.bottom:
            readers[writer[bottom], bottom] += 1
        writer.update(dict.fromkeys(layer.top, index))
    served: dict[tuple[int, str], int] = defaultdict(int)
    writer, result = {}, []
    for index, original in enumerate(layers):
        layer = LayerParameter()
        layer.CopyFrom(original)
        for i, bottom in enumerate(layer.bottom):
            version = writer[bottom], bottom
            if readers[version] > 1:
                layer.bottom[i] = _split_name(layers[version[0]], bottom) + f"_{served[version]}"
                served[version] += 1
        result.append(layer)
        for top in layer.top:
            writer[top] = index
            if (count := readers[index, top]) > 1:
                name = _split_name(original, top)
                tops = [f"{name}_{k}" for k in range(count)]
                result.append(LayerParameter(name=name, type="Split", bottom=[top], top=tops))
    return result


def _split_name(layer: Any, blob: str) -> str:
    return f"{blob}_{layer.name}_{list(layer.top).index(blob)}_split"
