"""Faces: who they are, how old, and where."""

from caffe.zoo_nets.classic import vgg
from caffe.zoo_nets.writing import Net


def prelu(net, top, *, shared=False):
    return net.layer(
        "PReLU",
        f"prelu_{top}",
        top,
        f"prelu_param {{ channel_shared: {'true' if shared else 'false'} }}",
        tops=top,
    )


def age_gender(classes):
    """Of Levi and Hassner, 2015."""
    net = Net("CaffeNet", 3, (227, 227), v1=True)
    top = (
        net.lrn("norm1", net.pool("pool1", net.conv_relu("conv1", "data", 96, 7, 4, 0), 3, 2))
        if not net.v1
        else net.pool("pool1", net.conv_relu("conv1", "data", 96, 7, 4, 0), 3, 2)
    )
    top = (
        net.layer("LRN", "norm1", top, "lrn_param { local_size: 5 alpha: 0.0001 beta: 0.75 }")
        if net.v1
        else top
    )
    top = net.pool("pool2", net.conv_relu("conv2", top, 256, 5), 3, 2)
    top = net.pool("pool5", net.conv_relu("conv3", top, 384, 3), 3, 2)
    for name in ("fc6", "fc7"):
        top = net.dropout(net.relu(net.dense(name, top, 512)))
    net.softmax(net.dense("fc8", top, classes, exact=True))
    return net.text()


def vgg_face():
    """Of Parkhi et al., 2015."""
    net = Net("VGG_FACE_16_layers", v1=True)
    _, top = vgg(net)
    for name in ("fc6", "fc7"):
        top = net.dropout(net.relu(net.dense(name, top, 4096)))
    net.softmax(net.dense("fc8", top, 2622))
    return net.text()


def residual_face(name, plan, *, norm=False):
    """Of Wen et al., 2016 (CenterFace), and Liu et al., 2017 (SphereFace-20): PReLU, 112×96."""
    net = Net(name, 3, (112, 96))
    top = "data"
    for stage, (channels, blocks) in enumerate(plan, 1):
        top = prelu(net, net.conv(f"conv{stage}_1", top, channels, 3, 2 if not norm else 1))
        top = net.pool(f"pool{stage}", top, 2) if norm else top
        for block in range(blocks):
            first = prelu(net, net.conv(f"conv{stage}_{2 * block + 2}", top, channels, 3))
            second = prelu(net, net.conv(f"conv{stage}_{2 * block + 3}", first, channels, 3))
            top = net.add(f"res{stage}_{2 * block + 3}", top, second)
    top = net.dense("fc5", top, 512)
    net.layer(
        "L2Norm" if norm else "Normalize",
        "feature",
        top,
        "" if norm else "norm_param { across_spatial: true channel_shared: true fix_scale: true }",
    )
    return net.text()


def mtcnn(which):
    """Of Zhang et al., 2016: three networks that look closer and closer."""
    size, plan = {
        "P": (12, [(80, 3), (128, 3), (256, 3)]),
        "R": (24, [(224, 3), (384, 3), (512, 2)]),
        "O": (48, [(256, 3), (512, 3), (512, 3), (1024, 2)]),
    }[which]
    net = Net(f"{which}Net", 3, (size, size), form="input_dim")
    top = "data"
    for index, (channels, kernel) in enumerate(plan, 1):
        top = prelu(net, net.conv(f"conv{index}", top, channels, kernel, 1, 0))
        if index == 1 or (which != "P" and index < 4 and index < len(plan)):
            top = net.pool(f"pool{index}", top, 2 if which == "P" or index == 3 else 3, 2)
    if which == "P":
        net.softmax(net.conv("conv4-1", top, 2, 1, pad=0, exact=True), "prob1")
        net.conv("conv4-2", top, 4, 1, pad=0, exact=True)
        return net.text()
    top = prelu(net, net.dense("fc5", top, 256))
    net.softmax(net.dense("fc6-1", top, 2, exact=True), "prob1")
    net.dense("fc6-2", top, 4, exact=True)
    return net.text()


NETS = {
    "Age": lambda: age_gender(8),
    "Gender": lambda: age_gender(2),
    "VGG-Face": vgg_face,
    "CenterFace": lambda: residual_face("CenterFace", [(64, 1), (128, 2), (256, 3), (512, 2)], norm=True),
    "SphereFace-20": lambda: residual_face("SpherefaceNet-20", [(64, 1), (128, 2), (256, 4), (512, 1)]),
    "MTCNN P-Net": lambda: mtcnn("P"),
    "MTCNN R-Net": lambda: mtcnn("R"),
    "MTCNN O-Net": lambda: mtcnn("O"),
}
