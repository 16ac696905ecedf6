"""Small nets written in the tests."""

from __future__ import annotations

import numpy as np

import batcountry.caffe as caffe


def layer(kind: str, name: str, bottoms="", tops=None, settings: str = "") -> str:
    """Return a layer in a prototxt's form; `bottoms` and `tops` are names with spaces between."""
    read = " ".join(f'bottom: "{each}"' for each in bottoms.split())
    made = " ".join(f'top: "{each}"' for each in (name if tops is None else tops).split())
    return f'layer {{ name: "{name}" type: "{kind}" {read} {made} {settings} }}\n'


def inputs(**shapes: tuple[int, ...]) -> str:
    """Return Input layers."""
    return "".join(
        layer("Input", name, settings=f"input_param {{ shape {{ {' '.join(f'dim: {d}' for d in shape)} }} }}")
        for name, shape in shapes.items()
    )


def net(folder, text: str, seed: int = 0, **data) -> caffe.Net:
    """Return a net of a text with random weights, and with the inputs' values set."""
    path = folder / "net.prototxt"
    path.write_text(text)
    made = caffe.Net(str(path), caffe.TEST)
    random = np.random.RandomState(seed)
    for blobs in made.params.values():
        for blob in blobs:
            blob.data[...] = random.normal(size=blob.shape)
    for name, values in data.items():
        made.blobs[name].reshape(*np.shape(values))
        made.blobs[name].data[...] = values
    made.reshape()
    return made
