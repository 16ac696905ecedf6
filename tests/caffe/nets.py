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


def uneven(size: tuple[int, int] = (143, 143)) -> str:
    """Return a net of stride 16 whose branches agree for 2 of 16 sizes: convolutions round down, pooling rounds up."""
    text = inputs(data=(1, 3, *size))

    def convolution(name: str, bottom: str, count: int, settings: str) -> str:
        filler = 'weight_filler { type: "xavier" } '
        return layer(
            "Convolution",
            name,
            bottom,
            settings=f"convolution_param {{ num_output: {count} {filler}{settings} }}",
        )

    text += convolution("stem", "data", 8, "kernel_size: 3 stride: 2")
    bottom = "stem"
    for index in (1, 2, 3):
        text += layer("ReLU", f"{bottom}_relu", bottom, bottom)
        text += convolution(f"down{index}", bottom, 8, "kernel_size: 3 stride: 2")
        text += layer(
            "Pooling", f"pool{index}", bottom, settings="pooling_param { pool: MAX kernel_size: 3 stride: 2 }"
        )
        text += layer("Concat", f"concat{index}", f"down{index} pool{index}")
        text += convolution(f"mix{index}", f"concat{index}", 16, "kernel_size: 3 pad: 1")
        bottom = f"mix{index}"
    text += layer("ReLU", "mix3_relu", bottom, bottom)
    text += layer("Pooling", "global", bottom, settings="pooling_param { pool: AVE global_pooling: true }")
    return text + layer(
        "InnerProduct",
        "fc",
        "global",
        settings='inner_product_param { num_output: 5 weight_filler { type: "xavier" } }',
    )
