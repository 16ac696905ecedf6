"""AlexNet and what followed it until 2014."""

from caffe.zoo_nets.writing import Net


def lenet():
    """Of LeCun et al., 1998, as Caffe's examples have it: one channel of 28×28."""
    net = Net("LeNet", 1, (28, 28), form="layer")
    top = net.pool("pool1", net.conv("conv1", "data", 160, 5, pad=0), 2)
    top = net.pool("pool2", net.conv("conv2", top, 400, 5, pad=0), 2)
    top = net.relu(net.dense("ip1", top, 500), "relu1")
    net.softmax(net.dense("ip2", top, 10, exact=True))
    return net.text()


def cifar10_quick():
    net = Net("CIFAR10_quick_deploy", 3, (32, 32), form="layer")
    top = net.relu(net.pool("pool1", net.conv("conv1", "data", 256, 5), 3), "relu1")
    top = net.pool("pool2", net.conv_relu("conv2", top, 256, 5), 3, method="AVE")
    top = net.pool("pool3", net.conv_relu("conv3", top, 512, 5), 3, method="AVE")
    net.softmax(net.dense("ip2", net.dense("ip1", top, 64), 10, exact=True))
    return net.text()


def alexnet(*, name="AlexNet", normalized_first=True, classes=1000, v1=False, form="input_dim", batch=""):
    """Of Krizhevsky et al., 2012; CaffeNet pools before it normalizes."""
    net = Net(name, 3, (227, 227), form=form, v1=v1, more=batch)
    top = net.conv_relu("conv1", "data", 96, 11, 4, 0)
    for stage, (channels, kernel) in enumerate([(256, 5), (384, 3)], 1):
        norm, pool = f"norm{stage}", f"pool{stage}"
        kind = "LRN"
        text = "lrn_param { local_size: 5 alpha: 0.0001 beta: 0.75 }"
        top = net.layer(kind, norm, top, text) if normalized_first else net.pool(pool, top)
        top = net.pool(pool, top) if normalized_first else net.layer(kind, norm, top, text)
        top = net.conv_relu(f"conv{stage + 1}", top, channels, kernel, more="group: 2" if stage == 1 else "")
    top = net.conv_relu("conv4", top, 384, 3, more="group: 2")
    top = net.conv_relu("conv5", top, 256, 3, more="group: 2")
    top = net.pool("pool5", top)
    for name in ("fc6", "fc7"):
        top = net.dropout(net.relu(net.dense(name, top, 4096)))
    net.softmax(net.dense("fc8", top, classes))
    return net.text()


def caffenet():
    return alexnet(name="CaffeNet", normalized_first=False, v1=True)


def places205():
    """CaffeNet on scenes (Zhou et al., 2014), as its file is: lines of Windows, a mark of byte order, comments."""
    text = alexnet(name="Places205-CaffeNet", normalized_first=False, classes=205, form="input_shape")
    return "\ufeff# Places205 \u2014 MIT\n" + text.replace("\n", "  # \u2026\r\n")


def zf(form):
    """Of Zeiler and Fergus, 2013."""
    net = Net("ZF", 3, (224, 224), form=form)
    top = net.layer(
        "LRN",
        "norm1",
        net.conv_relu("conv1", "data", 96, 7, 2),
        "lrn_param { local_size: 3 alpha: 0.00005 beta: 0.75 norm_region: WITHIN_CHANNEL engine: CAFFE }",
    )
    top = net.conv_relu("conv2", net.pool("pool1", top, 3, 2, 1), 256, 5, 2)
    top = net.layer(
        "LRN",
        "norm2",
        top,
        "lrn_param { local_size: 3 alpha: 0.00005 beta: 0.75 norm_region: WITHIN_CHANNEL engine: CAFFE }",
    )
    top = net.pool("pool2", top, 3, 2, 1)
    for name, channels in (("conv3", 384), ("conv4", 384), ("conv5", 256)):
        top = net.conv_relu(name, top, channels, 3)
    return net, top


def vgg(net, top="data", depths=(2, 2, 3, 3, 3), *, last_pool=True, first_pad=1, pool=None):
    """Add the convolutions of Simonyan and Zisserman, 2014, and return the last top of each stage."""
    stages = []
    for stage, depth in enumerate(depths, 1):
        for part in range(1, depth + 1):
            pad = first_pad if (stage, part) == (1, 1) else 1
            top = net.conv_relu(f"conv{stage}_{part}", top, min(64 * 2 ** (stage - 1), 512), 3, pad=pad)
        stages.append(top)
        if stage < len(depths) or last_pool:
            top = (pool or (lambda net, name, top: net.pool(name, top, 2)))(net, f"pool{stage}", top)
    return stages, top


def vgg_classes(depths, name, v1):
    net = Net(name, v1=v1)
    _, top = vgg(net, depths=depths)
    for name in ("fc6", "fc7"):
        top = net.dropout(net.relu(net.dense(name, top, 4096)))
    net.softmax(net.dense("fc8", top, 1000))
    return net.text()


def nin():
    """Of Lin et al., 2013, in the form of 2014."""
    net = Net("nin_imagenet", v1=True)
    top = "data"
    for stage, (channels, kernel, stride) in enumerate(
        [(96, 11, 4), (256, 5, 1), (384, 3, 1), (1024, 3, 1)], 1
    ):
        top = net.conv_relu(f"conv{stage}", top, channels, kernel, stride, 0 if stage == 1 else kernel // 2)
        for part in (1, 2):
            top = net.conv_relu(f"cccp{2 * stage + part - 2}", top, channels, 1, pad=0)
        if stage < 4:
            top = net.pool(f"pool{stage}", top)
    net.softmax(net.pool("pool4", net.dropout(top), 6, 1, method="AVE"))
    return net.text()


NETS = {
    "LeNet": lenet,
    "CIFAR-10 quick": cifar10_quick,
    "AlexNet": alexnet,
    "CaffeNet": caffenet,
    "Places205": places205,
    "VGG-16": lambda: vgg_classes((2, 2, 3, 3, 3), "VGG_ILSVRC_16_layers", True),
    "VGG-19": lambda: vgg_classes((2, 2, 4, 4, 4), "VGG_ILSVRC_19_layers", True),
    "NIN": nin,
}
