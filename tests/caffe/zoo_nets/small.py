"""Networks for telephones."""

from caffe.zoo_nets.writing import Net


def squeezenet():
    """Version 1.1 of Iandola et al., 2016."""
    net = Net("squeezenet_v1.1_deploy", size=(227, 227), form="layer")
    top = net.pool("pool1", net.conv_relu("conv1", "data", 64, 3, 2, 0), 3, 2)
    for index, (squeezed, expanded) in enumerate(
        [(16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256)], 2
    ):
        prefix = f"fire{index}"
        top = net.conv_relu(f"{prefix}/squeeze1x1", top, squeezed * 2, 1)
        top = net.concat(
            f"{prefix}/concat",
            net.conv_relu(f"{prefix}/expand1x1", top, expanded, 1),
            net.conv_relu(f"{prefix}/expand3x3", top, expanded, 3),
        )
        if index in (3, 5):
            top = net.pool(f"pool{index}", top, 3, 2)
    top = net.conv_relu("conv10", net.dropout(top), 1000, 1, pad=0)
    net.softmax(net.global_pool("pool10", top))
    return net.text()


MOBILENET = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1)]


def mobilenet_layers(net, dialect):
    top = net.conv_norm("conv1", "data", 32, 3, 2)
    tops = []
    for index, (channels, stride) in enumerate(MOBILENET, 2):
        top = net.depthwise(f"conv{index}/dw", top, 3, stride, dialect=dialect)
        top = net.conv_norm(f"conv{index}/sep", top, channels, 1, pad=0)
        tops.append(top)
    return tops


def mobilenet(dialect="group"):
    """Of Howard et al., 2017, with one of the forks' convolutions of each channel by itself."""
    net = Net("MOBILENET", form="input_dim")
    top = mobilenet_layers(net, dialect)[-1]
    net.softmax(net.conv("fc7", net.global_pool("pool6", top), 1000, 1, pad=0))
    return net.text()


def mobilenet_v2():
    """Of Sandler et al., 2018, with ReLU6."""
    net = Net("MOBILENET_V2", form="input_dim")

    def clipped(top):
        return net.layer("ReLU6", f"relu6_{top}", top, tops=top)

    top = clipped(net.conv_norm("conv1", "data", 32, 3, 2, relu=False))
    stages = [
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    ]
    for stage, (expand, channels, depth, first) in enumerate(stages, 2):
        for part in range(1, depth + 1):
            name, stride = f"conv{stage}_{part}", first if part == 1 else 1
            branch = clipped(
                net.conv_norm(
                    f"{name}/expand", top, net.channels[top] * expand, 1, pad=0, relu=False, exact=True
                )
            )
            branch = clipped(
                net.depthwise(f"{name}/dwise", branch, 3, stride, dialect="ConvolutionDepthwise", relu=False)
            )
            branch = net.conv_norm(f"{name}/linear", branch, channels, 1, pad=0, relu=False)
            top = net.add(f"block_{name}", top, branch) if stride == 1 and part > 1 else branch
    top = clipped(net.conv_norm("conv6_4", top, 1280, 1, pad=0, relu=False))
    net.softmax(net.conv("fc7", net.global_pool("pool6", top), 1000, 1, pad=0))
    return net.text()


def shufflenet():
    """Of Zhang et al., 2018, with 3 groups."""
    net = Net("shufflenet", form="input_shape")
    top = net.pool("pool1", net.conv_norm("conv1", "data", 12, 3, 2, exact=True), 3, 2)
    for stage, (width, depth) in enumerate([(60, 4), (120, 8), (240, 4)], 2):
        for part in range(1, depth + 1):
            name, down = f"resx{stage}_{part}", part == 1
            made = width - net.channels[top] if down else width
            grouped = "group: 3" if (stage, part) != (2, 1) else ""
            branch = net.conv_norm(f"{name}_conv1", top, width // 20 * 3, 1, pad=0, more=grouped, exact=True)
            branch = net.layer(
                "ShuffleChannel", f"{name}_shuffle", branch, "shuffle_channel_param { group: 3 }"
            )
            branch = net.depthwise(
                f"{name}_conv2", branch, 3, 2 if down else 1, dialect="ConvolutionDepthwise", relu=False
            )
            branch = net.conv_norm(
                f"{name}_conv3", branch, made, 1, pad=0, more="group: 3", relu=False, exact=True
            )
            if down:
                top = net.relu(
                    net.concat(f"{name}_concat", net.pool(f"{name}_pool", top, 3, 2, method="AVE"), branch)
                )
            else:
                top = net.relu(net.add(f"{name}_elewise", top, branch))
    net.softmax(net.dense("fc1000", net.global_pool("pool_ave", top), 1000))
    return net.text()


NETS = {
    "SqueezeNet": squeezenet,
    "MobileNet v1": mobilenet,
    "MobileNet v1 (depthwise)": lambda: mobilenet("DepthwiseConvolution"),
    "MobileNet v2": mobilenet_v2,
    "ShuffleNet": shufflenet,
}
