"""Prototxt, layer by layer."""

THINNER = 8
FILLER = 'weight_filler { type: "msra" }'


def thin(channels: int) -> int:
    """Return a number of channels divided by `THINNER`, as a multiple of 4."""
    return max(4, channels // THINNER // 4 * 4)


class Definition(str):
    """A prototxt's text, and of how many channels each BatchNorm in it is, by name: without weights those divide by next to nothing."""

    norms: dict[str, int]


class Net:
    """A definition that grows; each method adds a layer and returns its top.

    `v1` writes `layers { type: CONVOLUTION }`; `end` is what lines end with, `comment` stands at the end of each layer.
    """

    def __init__(
        self, name, channels=3, size=(224, 224), *, form="input_dim", v1=False, data="data", more=""
    ):
        self.v1 = v1
        self.norms = {}
        self.channels = {data: channels}
        self.lines = [f'name: "{name}"']
        dims = (1, channels, *size)
        if form == "input_dim":
            self.lines += [f'input: "{data}"', *(f"input_dim: {d}" for d in dims)]
        elif form == "input_shape":
            self.lines += [f'input: "{data}"', f"input_shape {{ {' '.join(f'dim: {d}' for d in dims)} }}"]
        elif form == "layer":
            shape = " ".join(f"dim: {d}" for d in dims)
            self.lines.append(
                f'layer {{ name: "{data}" type: "Input" top: "{data}" input_param {{ shape: {{ {shape} }} }} }}'
            )
        self.lines.append(more)

    def text(self):
        text = Definition("\n".join(self.lines) + "\n")
        text.norms = self.norms
        return text

    def layer(self, kind, name, bottoms, settings="", tops=None, channels=None):
        """Add any layer; `bottoms` and `tops` are names with spaces between."""
        made = (name if tops is None else tops).split()
        blobs = [f'  bottom: "{b}"' for b in bottoms.split()] + [f'  top: "{t}"' for t in made]
        if kind == "BatchNorm":
            self.norms[name] = self.channels[bottoms]
        word, kind = ("layers", kind) if self.v1 else ("layer", f'"{kind}"')
        self.lines += [f"{word} {{", f'  name: "{name}"', f"  type: {kind}", *blobs, f"  {settings}", "}"]
        for top in made:
            self.channels[top] = (
                channels
                if channels is not None
                else self.channels.get(bottoms.split()[0] if bottoms else "", 3)
            )
        return made[0] if made else ""

    def conv(
        self, name, bottom, channels, kernel, stride=1, pad=None, *, more="", kind=None, exact=False, top=None
    ):
        """Add a convolution; a kernel of two numbers is rows and columns."""
        kind = kind or ("CONVOLUTION" if self.v1 else "Convolution")
        channels = channels if exact else thin(channels)
        if isinstance(kernel, tuple):
            pads = (
                pad
                if isinstance(pad, tuple)
                else tuple(k // 2 for k in kernel)
                if pad is None
                else (pad, pad)
            )
            size = f"kernel_h: {kernel[0]} kernel_w: {kernel[1]} pad_h: {pads[0]} pad_w: {pads[1]}"
        else:
            size = f"kernel_size: {kernel} pad: {kernel // 2 if pad is None else pad}"
        text = f"convolution_param {{ num_output: {channels} {size} stride: {stride} {FILLER} {more} }}"
        return self.layer(kind, name, bottom, text, tops=top, channels=channels)

    def relu(self, bottom, name=None, *, more=""):
        return self.layer("RELU" if self.v1 else "ReLU", name or f"{bottom}_relu", bottom, more, tops=bottom)

    def conv_relu(self, name, bottom, channels, kernel, stride=1, pad=None, **more):
        return self.relu(self.conv(name, bottom, channels, kernel, stride, pad, **more))

    def norm(
        self, bottom, *, more="use_global_stats: true", scale="bias_term: true", names=("bn_{}", "scale_{}")
    ):
        """Add BatchNorm and Scale in place, as ResNet's and those after it have them."""
        self.layer(
            "BatchNorm", names[0].format(bottom), bottom, f"batch_norm_param {{ {more} }}", tops=bottom
        )
        return self.layer("Scale", names[1].format(bottom), bottom, f"scale_param {{ {scale} }}", tops=bottom)

    def conv_norm(
        self,
        name,
        bottom,
        channels,
        kernel,
        stride=1,
        pad=None,
        *,
        relu=True,
        more="",
        norm="use_global_stats: true",
        **rest,
    ):
        made = self.norm(
            self.conv(name, bottom, channels, kernel, stride, pad, more=f"bias_term: false {more}", **rest),
            more=norm,
        )
        return self.relu(made) if relu else made

    def depthwise(
        self, name, bottom, kernel=3, stride=1, pad=None, *, dialect="group", relu=True, norm=True, more=""
    ):
        """Add a convolution of each channel by itself, in one of the ways in which forks write it."""
        count = self.channels[bottom]
        kind = {"group": "Convolution"}.get(dialect, dialect)
        group = "" if dialect == "ConvolutionDepthwise" else f"group: {count} engine: CAFFE"
        made = self.conv(
            name,
            bottom,
            count,
            kernel,
            stride,
            pad,
            kind=kind,
            exact=True,
            more=f"{group} bias_term: false {more}",
        )
        made = self.norm(made) if norm else made
        return self.relu(made) if relu else made

    def pool(self, name, bottom, kernel=3, stride=2, pad=0, method="MAX", *, more="", tops=None):
        text = f"pooling_param {{ pool: {method} kernel_size: {kernel} stride: {stride} pad: {pad} {more} }}"
        return self.layer(
            "POOLING" if self.v1 else "Pooling", name, bottom, text, tops=tops, channels=self.channels[bottom]
        )

    def global_pool(self, name, bottom):
        return self.layer("Pooling", name, bottom, "pooling_param { pool: AVE global_pooling: true }")

    def lrn(self, name, bottom):
        return self.layer("LRN", name, bottom, "lrn_param { local_size: 5 alpha: 0.0001 beta: 0.75 }")

    def concat(self, name, *bottoms):
        count = sum(self.channels[b] for b in bottoms)
        return self.layer("CONCAT" if self.v1 else "Concat", name, " ".join(bottoms), channels=count)

    def add(self, name, *bottoms, more=""):
        return self.layer("Eltwise", name, " ".join(bottoms), f"eltwise_param {{ operation: SUM {more} }}")

    def dense(self, name, bottom, channels, *, exact=False, more=""):
        count = channels if exact else thin(channels)
        text = f"inner_product_param {{ num_output: {count} {FILLER} {more} }}"
        return self.layer("INNER_PRODUCT" if self.v1 else "InnerProduct", name, bottom, text, channels=count)

    def dropout(self, bottom, *, more=""):
        return self.layer(
            "DROPOUT" if self.v1 else "Dropout",
            f"drop_{bottom}",
            bottom,
            f"dropout_param {{ dropout_ratio: 0.5 {more} }}",
            tops=bottom,
        )

    def softmax(self, bottom, name="prob"):
        return self.layer("SOFTMAX" if self.v1 else "Softmax", name, bottom)

    def upscore(self, name, bottom, channels, factor, *, more="bias_term: false", group=False):
        """Add a deconvolution that enlarges by a factor."""
        kernel, pad = 2 * factor - factor % 2, (factor // 2 if factor > 1 else 0)
        group = f"group: {channels}" if group else ""
        text = f'convolution_param {{ num_output: {channels} kernel_size: {kernel} stride: {factor} pad: {pad} {group} {more} weight_filler {{ type: "bilinear" }} }}'
        return self.layer(
            "DECONVOLUTION" if self.v1 else "Deconvolution", name, bottom, text, channels=channels
        )
