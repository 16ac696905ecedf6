"""DenseNet (Huang et al., 2017)."""

from caffe.zoo_nets.writing import Net, thin


def densenet():
    net = Net("DENSENET_121", form="input_dim")
    top = net.relu(
        net.norm(net.conv("conv1", "data", 64, 7, 2, 3, more="bias_term: false"), more="eps: 1e-5")
    )
    top = net.pool("pool1", top, 3, 2, 1)
    for block, depth in enumerate((6, 12, 24, 16), 2):
        for part in range(1, depth + 1):
            name = f"conv{block}_{part}"
            new = composite(net, f"{name}/x1", top, 128, 1)
            new = composite(net, f"{name}/x2", new, 32, 3)
            top = net.concat(f"concat_{block}_{part}", top, new)
        if block < 5:
            width = net.channels[top] // 2 * 8
            top = net.pool(
                f"pool{block}", composite(net, f"conv{block}_blk", top, width, 1), 2, 2, method="AVE"
            )
    top = net.global_pool("pool5", after_norm(net, "conv5_blk", top))
    net.conv("fc6", top, 1000, 1, pad=0)
    return net.text()


def after_norm(net, name, top):
    """Add BatchNorm, Scale and ReLU that leave what they read as it is."""
    top = net.layer("BatchNorm", f"{name}/bn", top, "batch_norm_param { eps: 1e-5 }")
    net.layer("Scale", f"{name}/scale", top, "scale_param { bias_term: true }", tops=top)
    return net.relu(top, f"relu_{name}")


def composite(net, name, top, channels, kernel):
    return net.conv(name, after_norm(net, name, top), channels, kernel, more="bias_term: false")


assert thin(32) == 4

NETS = {"DenseNet-121": densenet}
