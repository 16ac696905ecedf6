"""GoogLeNet and its successors, of Szegedy et al., Ioffe and Szegedy, and Chollet."""

from caffe.zoo_nets.residual import excitation
from caffe.zoo_nets.writing import Net

GOOGLENET = {
    "3a": (64, 96, 128, 16, 32, 32), "3b": (128, 128, 192, 32, 96, 64), "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64), "4c": (128, 128, 256, 24, 64, 64), "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128), "5a": (256, 160, 320, 32, 128, 128), "5b": (384, 192, 384, 48, 128, 128),
}  # fmt: skip


def googlenet():
    net = Net("GoogleNet", form="layer")
    top = net.pool("pool1/3x3_s2", net.conv_relu("conv1/7x7_s2", "data", 64, 7, 2), 3, 2)
    top = net.conv_relu("conv2/3x3_reduce", net.lrn("pool1/norm1", top), 64, 1)
    top = net.pool("pool2/3x3_s2", net.lrn("conv2/norm2", net.conv_relu("conv2/3x3", top, 192, 3)), 3, 2)
    for name, (one, reduced, three, less, five, pooled) in GOOGLENET.items():
        prefix = f"inception_{name}"
        branches = [
            net.conv_relu(f"{prefix}/1x1", top, one, 1),
            net.conv_relu(f"{prefix}/3x3", net.conv_relu(f"{prefix}/3x3_reduce", top, reduced, 1), three, 3),
            net.conv_relu(f"{prefix}/5x5", net.conv_relu(f"{prefix}/5x5_reduce", top, less, 1), five, 5),
            net.conv_relu(f"{prefix}/pool_proj", net.pool(f"{prefix}/pool", top, 3, 1, 1), pooled, 1),
        ]
        top = net.concat(f"{prefix}/output", *branches)
        if name in ("3b", "4e"):
            top = net.pool(f"pool{name[0]}/3x3_s2", top, 3, 2)
    net.softmax(
        net.dense("loss3/classifier", net.dropout(net.pool("pool5/7x7_s1", top, 7, 1, method="AVE")), 1000)
    )
    return net.text()


def inception_bn(*, squeeze=False):
    """Inception v2, whose reductions join a convolution that rounds down with pooling that rounds up."""
    net = Net("SE-BN-Inception" if squeeze else "Inception-BN", form="input_shape")
    norm = "use_global_stats: true eps: 0.0001"

    def conv(name, top, channels, kernel, stride=1):
        return net.conv_norm(name, top, channels, kernel, stride, norm=norm)

    top = net.pool("pool1", conv("conv1", "data", 64, 7, 2), 3, 2)
    top = net.pool("pool2", conv("conv2", conv("conv2_reduce", top, 64, 1), 192, 3), 3, 2)
    stages = {
        "3a": (64, 64, 64, 64, 96, 32, "AVE"), "3b": (64, 64, 96, 64, 96, 64, "AVE"), "3c": (0, 128, 160, 64, 96, 0, "MAX"),
        "4a": (224, 64, 96, 96, 128, 128, "AVE"), "4b": (192, 96, 128, 96, 128, 128, "AVE"), "4e": (0, 128, 192, 192, 256, 0, "MAX"),
        "5a": (352, 192, 320, 160, 224, 128, "AVE"), "5b": (352, 192, 320, 192, 224, 128, "MAX"),
    }  # fmt: skip
    for name, (one, reduced, three, less, double, pooled, method) in stages.items():
        stride = 1 if one else 2
        prefix = f"inception_{name}"
        branches = [conv(f"{prefix}_1x1", top, one, 1)] if one else []
        branches.append(
            conv(f"{prefix}_3x3", conv(f"{prefix}_3x3_reduce", top, reduced, 1), three, 3, stride)
        )
        twice = conv(f"{prefix}_double_3x3_1", conv(f"{prefix}_double_3x3_reduce", top, less, 1), double, 3)
        branches.append(conv(f"{prefix}_double_3x3_2", twice, double, 3, stride))
        pool = net.pool(f"{prefix}_pool", top, 3, stride, 1 if one else 0, method)
        branches.append(conv(f"{prefix}_pool_proj", pool, pooled, 1) if pooled else pool)
        top = net.concat(f"{prefix}_output", *branches)
        if squeeze:
            gate = excitation(net, prefix, top)
            top = gated(net, prefix, top, gate)
    net.softmax(net.dense("fc", net.global_pool("global_pool", top), 1000))
    return net.text()


def gated(net, prefix, top, gate):
    """Multiply by a gate, as SENet's file for nets without shortcuts does: a Scale of two bottoms over two axes."""
    flat = net.layer("Reshape", f"{prefix}_flat", gate, "reshape_param { shape { dim: 0 dim: -1 } }")
    return net.layer("Scale", f"{prefix}_scale", f"{top} {flat}", "scale_param { axis: 0 bias_term: false }")


def stem(net, conv):
    """Add the beginning of Inception v4 and Inception-ResNet v2."""
    top = conv("conv1_3x3_s2", "data", 32, 3, 2, 0)
    top = conv("conv3_3x3", conv("conv2_3x3", top, 32, 3, 1, 0), 64, 3, 1, 1)
    top = net.concat("stem1", net.pool("stem1_pool", top, 3, 2), conv("stem1_3x3_s2", top, 96, 3, 2, 0))
    left = conv("stem2_3x3", conv("stem2_3x3_reduce", top, 64, 1, 1, 0), 96, 3, 1, 0)
    right = conv("stem2_7x1", conv("stem2_1x7_reduce", top, 64, 1, 1, 0), 64, (7, 1))
    right = conv("stem2_3x3_2", conv("stem2_1x7", right, 64, (1, 7)), 96, 3, 1, 0)
    top = net.concat("stem2", left, right)
    return net.concat("stem3", conv("stem3_3x3_s2", top, 192, 3, 2, 0), net.pool("stem3_pool", top, 3, 2))


def _conv(net):
    def conv(name, top, channels, kernel, stride=1, pad=None):
        return net.conv_norm(
            name, top, channels, kernel, stride, pad, norm="eps: 0.001 use_global_stats: true"
        )

    return conv


def _block_a(net, conv, name, top):
    double = conv(f"{name}_3x3_2", conv(f"{name}_3x3_reduce", top, 64, 1), 96, 3)
    return net.concat(
        f"{name}_concat",
        conv(f"{name}_1x1", top, 96, 1),
        conv(f"{name}_3x3", conv(f"{name}_5x5_reduce", top, 64, 1), 96, 3),
        conv(f"{name}_3x3_3", double, 96, 3),
        conv(f"{name}_pool_proj", net.pool(f"{name}_pool", top, 3, 1, 1, "AVE"), 96, 1),
    )


def _block_b(net, conv, name, top):
    seven = conv(
        f"{name}_7x1", conv(f"{name}_1x7", conv(f"{name}_1x7_reduce", top, 192, 1), 224, (1, 7)), 256, (7, 1)
    )
    return net.concat(
        f"{name}_concat",
        conv(f"{name}_1x1", top, 384, 1),
        seven,
        conv(f"{name}_pool_proj", net.pool(f"{name}_pool", top, 3, 1, 1, "AVE"), 128, 1),
    )


def _block_c(net, conv, name, top):
    middle = conv(f"{name}_reduce", top, 384, 1)
    return net.concat(
        f"{name}_concat",
        conv(f"{name}_1x1", top, 256, 1),
        conv(f"{name}_1x3", middle, 256, (1, 3)),
        conv(f"{name}_3x1", middle, 256, (3, 1)),
        conv(f"{name}_pool_proj", net.pool(f"{name}_pool", top, 3, 1, 1, "AVE"), 256, 1),
    )


def _reduction(net, conv, name, top, widths):
    first, *rest, last = widths
    branch = conv(f"{name}_1x1_reduce", top, rest[0], 1)
    branch = conv(f"{name}_3x3_2", branch, rest[-1], 3)
    return net.concat(
        f"{name}_concat",
        conv(f"{name}_3x3_s2", top, first, 3, 2, 0),
        conv(f"{name}_3x3_3_s2", branch, last, 3, 2, 0),
        net.pool(f"{name}_pool", top, 3, 2),
    )


def inception_v3():
    net = Net("Inception_V3", size=(299, 299))
    conv = _conv(net)
    top = conv("conv_2", conv("conv_1", conv("conv", "data", 32, 3, 2, 0), 32, 3, 1, 0), 64, 3)
    top = conv("conv_4", conv("conv_3", net.pool("pool", top, 3, 2), 80, 1, 1, 0), 192, 3, 1, 0)
    top = net.pool("pool1", top, 3, 2)
    for index in range(2):
        top = _block_a(net, conv, f"mixed{index}", top)
    top = _reduction(net, conv, "mixed_3", top, (384, 64, 96, 96))
    for index in range(4, 6):
        top = _block_b(net, conv, f"mixed_{index}", top)
    top = _reduction(net, conv, "mixed_8", top, (320, 192, 192, 192))
    top = _block_c(net, conv, "mixed_9", top)
    net.softmax(net.dense("softmax", net.pool("global_pool", top, 8, 1, method="AVE"), 1008), "softmax_prob")
    return net.text()


def inception_v4():
    net = Net("Inception_V4", size=(299, 299), form="input_shape")
    conv = _conv(net)
    top = stem(net, conv)
    for index in range(2):
        top = _block_a(net, conv, f"inception_a{index + 1}", top)
    top = _reduction(net, conv, "reduction_a", top, (384, 192, 224, 256))
    for index in range(3):
        top = _block_b(net, conv, f"inception_b{index + 1}", top)
    top = _reduction(net, conv, "reduction_b", top, (192, 256, 320, 320))
    top = _block_c(net, conv, "inception_c1", top)
    net.softmax(net.dense("classifier", net.dropout(net.global_pool("pool_8x8_s1", top)), 1000))
    return net.text()


def inception_resnet_v2():
    net = Net("Inception-Resnet-v2", size=(331, 331), form="layer")
    conv = _conv(net)

    def residual(name, top, branches, factor):
        whole = net.conv(
            f"{name}_up", net.concat(f"{name}_concat", *branches), net.channels[top], 1, pad=0, exact=True
        )
        scaled = net.layer(
            "Scale",
            f"{name}_scaled",
            whole,
            f"scale_param {{ bias_term: false filler {{ value: {factor} }} }} param {{ lr_mult: 0 }}",
        )
        return net.relu(net.add(f"{name}_eltwise", top, scaled))

    top = stem(net, conv)
    for index in range(3):
        name = f"resnet_a{index + 1}"
        twice = conv(f"{name}_3x3", conv(f"{name}_3x3_reduce", top, 32, 1), 32, 3)
        more = conv(
            f"{name}_3x3_3", conv(f"{name}_3x3_2", conv(f"{name}_3x3_2_reduce", top, 32, 1), 48, 3), 64, 3
        )
        top = residual(name, top, [conv(f"{name}_1x1", top, 32, 1), twice, more], 0.17)
    top = _reduction(net, conv, "reduction_a", top, (384, 256, 256, 384))
    for index in range(3):
        name = f"resnet_b{index + 1}"
        seven = conv(
            f"{name}_7x1",
            conv(f"{name}_1x7", conv(f"{name}_1x7_reduce", top, 128, 1), 160, (1, 7)),
            192,
            (7, 1),
        )
        top = residual(name, top, [conv(f"{name}_1x1", top, 192, 1), seven], 0.1)
    top = _reduction(net, conv, "reduction_b", top, (384, 256, 288, 320))
    name = "resnet_c1"
    three = conv(
        f"{name}_3x1", conv(f"{name}_1x3", conv(f"{name}_1x3_reduce", top, 192, 1), 224, (1, 3)), 256, (3, 1)
    )
    top = residual(name, top, [conv(f"{name}_1x1", top, 192, 1), three], 0.2)
    net.softmax(net.dense("classifier", net.global_pool("pool_8x8_s1", top), 1000))
    return net.text()


def xception():
    """Of Chollet, 2017; its shortcuts round down where its pooling rounds up."""
    net = Net("xception", size=(299, 299), form="layer")
    top = net.conv_norm("conv2", net.conv_norm("conv1", "data", 32, 3, 2, 0), 64, 3, 1, 0)

    def separable(name, top, channels, relu):
        top = net.relu(net.layer("Split", f"{name}_kept", top), f"{name}_act") if relu else top
        top = net.depthwise(f"{name}_1", top, dialect="DepthwiseConvolution", relu=False, norm=False)
        return net.conv_norm(f"{name}_2", top, channels, 1, 1, 0, relu=False)

    for index, channels in enumerate((128, 256, 728), 1):
        name = f"xception{index}"
        shortcut = net.conv_norm(f"{name}_match_conv", top, channels, 1, 2, 0, relu=False)
        branch = separable(
            f"{name}_conv2", separable(f"{name}_conv1", top, channels, index > 1), channels, True
        )
        top = net.add(
            f"{name}_elewise", shortcut, net.pool(f"{name}_pool", branch, 3, 2, 0 if index == 2 else 1)
        )
    for index in range(4, 7):
        name, branch = f"xception{index}", top
        for part in range(1, 4):
            branch = separable(f"{name}_conv{part}", branch, 728, True)
        top = net.add(f"{name}_elewise", top, branch)
    shortcut = net.conv_norm("xception12_match_conv", top, 1024, 1, 2, 0, relu=False)
    branch = separable("xception12_conv2", separable("xception12_conv1", top, 728, True), 1024, True)
    top = net.add("xception12_elewise", shortcut, net.pool("xception12_pool", branch, 3, 2, 1))
    top = net.relu(separable("conv4", net.relu(separable("conv3", top, 1536, False)), 2048, False))
    net.softmax(net.dense("fc1000", net.global_pool("pool_ave", top), 1000))
    return net.text()


NETS = {
    "GoogLeNet": googlenet,
    "Inception v2": inception_bn,
    "SE-Inception": lambda: inception_bn(squeeze=True),
    "Inception v3": inception_v3,
    "Inception v4": inception_v4,
    "Inception-ResNet v2": inception_resnet_v2,
    "Xception": xception,
}
