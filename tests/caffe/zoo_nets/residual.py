"""ResNet and its kin."""

from caffe.zoo_nets.writing import Net, thin


def bottleneck(
    net,
    name,
    top,
    channels,
    stride,
    *,
    groups=1,
    project=False,
    squeeze=False,
    norm="use_global_stats: true",
    stride_at=1,
):
    """Add a block of three convolutions around its shortcut."""
    inner = channels // 2 if groups > 1 else channels // 4
    first, second = (stride, 1) if stride_at == 1 else (1, stride)
    branch = net.conv_norm(f"{name}_branch2a", top, inner, 1, first, 0, norm=norm)
    grouped = f"group: {groups}" if groups > 1 else ""
    branch = net.conv_norm(f"{name}_branch2b", branch, inner, 3, second, more=grouped, norm=norm)
    branch = net.conv_norm(f"{name}_branch2c", branch, channels, 1, 1, 0, relu=False, norm=norm)
    if project:
        top = net.conv_norm(f"{name}_branch1", top, channels, 1, stride, 0, relu=False, norm=norm)
    if squeeze:
        gate = excitation(net, name, branch)
        branch = net.layer("Axpy", f"{name}_sum", f"{gate} {branch} {top}", channels=net.channels[branch])
        return net.relu(branch)
    return net.relu(net.add(name, top, branch))


def excitation(net, name, top):
    """Add squeeze and excitation (Hu et al., 2018) up to its gate."""
    gate = net.global_pool(f"{name}_global_pool", top)
    gate = net.relu(net.conv(f"{name}_1x1_down", gate, max(net.channels[top] // 4, 1), 1, pad=0, exact=True))
    gate = net.conv(f"{name}_1x1_up", gate, net.channels[top], 1, pad=0, exact=True)
    return net.layer("Sigmoid", f"{name}_prob", gate, tops=gate)


def resnet(name, depths, *, form="input_dim", first="use_global_stats: true", ceil="", **block):
    """Of He et al., 2015; ResNeXt (Xie et al., 2017) with groups, SE-ResNet with gates."""
    net = Net(name, form=form)
    top = net.conv_norm("conv1", "data", 64, 7, 2, norm=first)
    top = net.pool("pool1", top, 3, 2, more=ceil)
    for stage, depth in enumerate(depths, 2):
        for part in range(depth):
            project = part == 0
            stride = 2 if project and stage > 2 else 1
            top = bottleneck(
                net,
                f"res{stage}{chr(97 + part) if depth < 7 or part == 0 else f'b{part}'}",
                top,
                128 * 2 ** (stage - 1),
                stride,
                project=project,
                **block,
            )
    top = net.pool("pool5", top, 7, 1, method="AVE") if not ceil else net.global_pool("pool5", top)
    net.softmax(net.dense("fc1000", top, 1000))
    return net.text()


def dpn():
    """Dual paths (Chen et al., 2017): a residual path beside a dense one, cut apart by Slice."""
    net = Net("dpn-92", form="layer")
    top = net.pool("pool1", net.conv_norm("conv1_x_1", "data", 64, 7, 2), 3, 2, 1, more="ceil_mode: false")
    for stage, (depth, width, step) in enumerate(
        [(3, 256, 16), (4, 512, 32), (20, 1024, 24), (3, 2048, 128)], 2
    ):
        kept, grown = thin(width), thin(step * 2)
        for part in range(1, depth + 1):
            name, stride = f"conv{stage}_{part}", 2 if part == 1 and stage > 2 else 1
            branch = net.conv_norm(f"{name}_c1x1_a", top, width // 4, 1, pad=0)
            branch = net.conv_norm(
                f"{name}_c3x3_b", branch, width // 4, 3, stride, more=f"group: {thin(width // 4) // 4}"
            )
            branch = net.conv(f"{name}_c1x1_c", branch, kept + grown, 1, pad=0, exact=True)
            sliced = f"slice_param {{ axis: 1 slice_point: {kept} }}"
            if part == 1:
                top = net.conv_norm(f"{name}_c1x1_w", top, kept + 2 * grown, 1, stride, 0, exact=True)
                net.layer("Slice", f"{name}_w", top, sliced, tops=f"{name}_w_r {name}_w_d")
                plain, dense = f"{name}_w_r", f"{name}_w_d"
                net.channels[plain], net.channels[dense] = kept, 2 * grown
            net.layer("Slice", f"{name}_c", branch, sliced, tops=f"{name}_c_r {name}_c_d")
            net.channels[f"{name}_c_r"], net.channels[f"{name}_c_d"] = kept, grown
            plain = net.add(f"{name}_sum", plain, f"{name}_c_r")
            dense = net.concat(f"{name}_cat", dense, f"{name}_c_d")
            top = net.concat(f"{name}_both", plain, dense)
    net.softmax(net.dense("fc6", net.global_pool("pool5", net.relu(net.norm(top))), 1000))
    return net.text()


NETS = {
    "ResNet-50": lambda: resnet("ResNet-50", (3, 4, 6, 3)),
    "ResNet-101": lambda: resnet("ResNet-101", (3, 4, 23, 3)),
    "ResNet-152": lambda: resnet("ResNet-152", (3, 8, 36, 3)),
    "ResNeXt-50": lambda: resnet(
        "resnext50-32x4d",
        (3, 4, 6, 3),
        groups=4,
        form="layer",
        ceil="ceil_mode: false",
        stride_at=2,
        norm="use_global_stats: true eps: 1e-05",
    ),
    "SE-ResNet-50": lambda: resnet("SE-ResNet-50", (3, 4, 6, 3), squeeze=True, form="input_shape"),
    "ResNet-18 (NVIDIA)": lambda: resnet(
        "resnet_18_nv",
        (2, 2, 2, 2),
        form="layer",
        norm="engine: CUDNN scale_filler { value: 1 } bias_filler { value: 0 } moving_average_fraction: 0.9",
        first="engine: MKL2017",
    ),
    "DPN-92": dpn,
}
