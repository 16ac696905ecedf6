"""What says something of each place: segmentation, edges, poses, colors."""

from caffe.zoo_nets.classic import vgg
from caffe.zoo_nets.residual import bottleneck
from caffe.zoo_nets.writing import Net


def crop(net, name, top, like, offset):
    return net.layer(
        "Crop",
        name,
        f"{top} {like}",
        f"crop_param {{ axis: 2 offset: {offset} }}",
        channels=net.channels[top],
    )


def fcn(stride):
    """Of Long et al., 2015."""
    net = Net(f"FCN-{stride}s", size=(500, 500), form="layer")
    _, top = vgg(net, first_pad=100)
    pools = {16: "pool4", 8: "pool3"}
    for name, kernel in (("fc6", 7), ("fc7", 1)):
        top = net.dropout(net.conv_relu(name, top, 4096, kernel, pad=0))
    score = net.conv("score_fr", top, 21, 1, pad=0, exact=True)
    for finer, offset in ((16, 5), (8, 9)):
        if finer < stride:
            break
        bigger = net.layer(
            "Deconvolution",
            f"upscore_{finer}",
            score,
            "convolution_param { num_output: 21 bias_term: false kernel_size: 4 stride: 2 }",
        )
        skip = net.conv(f"score_{pools[finer]}", pools[finer], 21, 1, pad=0, exact=True)
        score = net.add(
            f"fuse_{pools[finer]}", bigger, crop(net, f"score_{pools[finer]}c", skip, bigger, offset)
        )
    text = (
        f"convolution_param {{ num_output: 21 bias_term: false kernel_size: {2 * stride} stride: {stride} }}"
    )
    net.layer("Deconvolution", "upscore", score, text)
    crop(net, "score", "upscore", "data", {32: 19, 16: 27, 8: 31}[stride])
    return net.text()


def segnet(stages, name, *, dropout=False):
    """Of Badrinarayanan et al., 2015: pooling says where maxima were, and the decoder puts them back there."""
    net = Net(name, size=(90, 120), form="input_dim")
    pool = "pooling_param { pool: MAX kernel_size: 2 stride: 2 }"
    norm = 'bn_param { scale_filler { type: "constant" value: 1 } shift_filler { type: "constant" value: 0.001 } bn_mode: INFERENCE }'
    top, sizes = "data", []

    def conv(name, top, channels):
        made = net.conv(name, top, channels, 3)
        return net.relu(net.layer("BN", f"{made}_bn", made, norm, tops=made))

    height, width = 90, 120
    for stage, (channels, depth) in enumerate(stages, 1):
        for part in range(1, depth + 1):
            top = conv(f"conv{stage}_{part}", top, channels)
        sizes.append((height, width))
        height, width = (height + 1) // 2, (width + 1) // 2
        top = net.layer("Pooling", f"pool{stage}", top, pool, tops=f"pool{stage} pool{stage}_mask")
    for stage, (_, depth) in reversed(list(enumerate(stages, 1))):
        height, width = sizes[stage - 1]
        stated = f"upsample_w: {width} upsample_h: {height}" if stage > 2 else ""
        top = net.layer(
            "Upsample",
            f"upsample{stage}",
            f"{top} pool{stage}_mask",
            f"upsample_param {{ scale: 2 {stated} }}",
        )
        for part in range(depth, 0, -1):
            channels = stages[stage - 2][0] if part == 1 and stage > 1 else stages[stage - 1][0]
            top = conv(f"conv{stage}_{part}_D", top, channels)
    net.softmax(net.conv("conv1_1_D_classes", top, 11, 3, exact=True), "argmax")
    return net.text()


def deeplab_v1():
    """Of Chen et al., 2015: V1 layers, holes, and pooling that leaves the size as it is."""
    net = Net("vgg128_noup", size=(306, 306), v1=True, more="strict_dim: false")

    def pool(net, name, top):
        last = name in ("pool4", "pool5")
        return net.pool(name, top, 3, 1 if last else 2, 1)

    def conv(name, top, channels, hole):
        return net.conv_relu(name, top, channels, 3, pad=hole, more=f"hole: {hole}" if hole > 1 else "")

    top = "data"
    for stage, depth in enumerate((2, 2, 3, 3, 3), 1):
        for part in range(1, depth + 1):
            top = conv(f"conv{stage}_{part}", top, min(64 * 2 ** (stage - 1), 512), 2 if stage == 5 else 1)
        top = pool(net, f"pool{stage}", top)
    top = net.layer("POOLING", "pool5a", top, "pooling_param { pool: AVE kernel_size: 3 stride: 1 pad: 1 }")
    top = net.dropout(conv("fc6", top, 1024, 12))
    top = net.dropout(net.conv_relu("fc7", top, 1024, 1, pad=0))
    score = net.conv("fc8_voc12", top, 21, 1, pad=0, exact=True)
    net.layer("INTERP", "fc8_interp", score, "interp_param { zoom_factor: 8 }")
    net.layer(
        "MAT_WRITE",
        "fc8_mat",
        "fc8_interp",
        'mat_write_param { prefix: "fc8/" source: "list.txt" strip: 0 period: 1 }',
        tops="",
    )
    return net.text()


def deeplab_v2():
    """Of Chen et al., 2016: several rates side by side, and the picture at two sizes."""
    net = Net("deeplab_v2_resnet", size=(321, 321), form="layer")

    def trunk(prefix, data):
        top = net.pool(f"{prefix}pool1", net.conv_norm(f"{prefix}conv1", data, 64, 7, 2), 3, 2, 1)
        for stage, depth in enumerate((2, 2, 2, 2), 2):
            for part in range(depth):
                stride = 2 if part == 0 and stage == 3 else 1
                top = bottleneck(
                    net,
                    f"{prefix}res{stage}{chr(97 + part)}",
                    top,
                    128 * 2 ** (stage - 1),
                    stride,
                    project=part == 0,
                )
        scores = [
            net.conv(f"{prefix}fc1_c{index}", top, 21, 3, pad=rate, more=f"dilation: {rate}", exact=True)
            for index, rate in enumerate((6, 12, 18, 24))
        ]
        return net.add(f"{prefix}fc1", *scores)

    whole = trunk("", "data")
    net.layer(
        "Interp",
        "shrink_data075",
        "data",
        "interp_param { zoom_factor: 1 shrink_factor: 2 pad_beg: 0 pad_end: 0 }",
    )
    half = net.layer(
        "Interp",
        "fc1_res075_interp",
        trunk("res075_", "shrink_data075"),
        "interp_param { height: 41 width: 41 }",
    )
    net.layer("Eltwise", "fc_fusion", f"{whole} {half}", "eltwise_param { operation: MAX }")
    net.layer("Interp", "fc1_interp", "fc_fusion", "interp_param { zoom_factor: 8 }")
    net.layer(
        "ImageSegData",
        "never",
        "",
        'image_data_param { root_folder: "/data" label_type: PIXEL } include { phase: TRAIN }',
        tops="x",
    )
    return net.text()


def pspnet():
    """Of Zhao et al., 2017: pyramids of averages, made as large again as what they are of."""
    net = Net("PSPNet", size=(473, 473), more="mem_param { optimize_train: true optimize_test: true }")
    norm = "bn_param { slope_filler { value: 1 } bias_filler { value: 0 } frozen: true momentum: 0.95 }"

    def conv(name, top, channels, kernel, stride=1, *, dilation=1, relu=True):
        pad = dilation if kernel == 3 else 0
        made = net.conv(
            name, top, channels, kernel, stride, pad, more=f"bias_term: false dilation: {dilation}"
        )
        made = net.layer("BN", f"{name}/bn", made, norm, tops=made)
        return net.relu(made) if relu else made

    top = conv("conv1_2_3x3", conv("conv1_1_3x3_s2", "data", 64, 3, 2), 64, 3)
    top = net.pool("pool1_3x3_s2", conv("conv1_3_3x3", top, 128, 3), 3, 2, 1)
    for stage, (depth, stride, dilation) in enumerate([(2, 1, 1), (2, 2, 1), (3, 1, 2), (2, 1, 4)], 2):
        for part in range(1, depth + 1):
            name, channels = f"conv{stage}_{part}", 256 * 2 ** (stage - 2)
            shortcut = conv(f"{name}_1x1_proj", top, channels, 1, stride, relu=False) if part == 1 else top
            branch = conv(f"{name}_1x1_reduce", top, channels // 4, 1, stride if part == 1 else 1)
            branch = conv(
                f"{name}_1x1_increase",
                conv(f"{name}_3x3", branch, channels // 4, 3, dilation=dilation),
                channels,
                1,
                relu=False,
            )
            top = net.relu(net.add(name, shortcut, branch))
    pooled = []
    for bins, side in ((1, 60), (2, 30), (3, 20), (6, 10)):
        name = f"conv5_3_pool{bins}"
        made = conv(f"{name}_conv", net.pool(name, top, side, side, method="AVE"), 512, 1)
        pooled.append(net.layer("Interp", f"{name}_interp", made, "interp_param { height: 60 width: 60 }"))
    top = conv("conv5_4", net.concat("conv5_3_concat", top, *reversed(pooled)), 512, 3)
    score = net.conv("conv6", net.dropout(top), 21, 1, pad=0, exact=True)
    net.layer("Interp", "conv6_interp", score, "interp_param { zoom_factor: 8 }")
    return net.text()


def hed():
    """Edges at several depths (Xie and Tu, 2015), in V1 layers but with a Crop that they never had."""
    net = Net("HED", size=(500, 500), v1=True)
    stages, _ = vgg(net, last_pool=False, first_pad=35)
    sides = []
    for index, top in enumerate(stages):
        made = net.conv(f"score-dsn{index + 1}", top, 1, 1, pad=0, exact=True)
        if index:
            factor = 2**index
            text = f"convolution_param {{ num_output: 1 kernel_size: {2 * factor} stride: {factor} }}"
            made = net.layer("DECONVOLUTION", f"upsample_{factor}", made, text)
        made = net.layer("CROP", f"crop{index + 1}", f"{made} data", channels=1)
        sides.append(made)
        net.layer("SIGMOID", f"sigmoid-dsn{index + 1}", made)
    fused = net.conv("new-score-weighting", net.concat("concat-upscore", *sides), 1, 1, pad=0, exact=True)
    net.layer("SIGMOID", "sigmoid-fuse", fused)
    return net.text()


def openpose(stages=3):
    """Of Cao et al., 2017: stages that refine maps of parts and of limbs; its size is set as it runs."""
    net = Net("COCO_pose", size=(1, 1), data="image", more="# The size will be defined at runtime\n")
    _, top = vgg(net, "image", (2, 2, 4, 2), last_pool=False)
    features = net.conv_relu("conv4_4_CPM", net.conv_relu("conv4_3_CPM", top, 256, 3), 128, 3)
    top = features
    for stage in range(1, stages + 1):
        maps = []
        for branch, channels in (("L1", 38), ("L2", 19)):
            part, depth, kernel = top, 3 if stage == 1 else 5, 3 if stage == 1 else 7
            for index in range(1, depth + 1):
                part = net.conv_relu(f"Mconv{index}_stage{stage}_{branch}", part, 128, kernel)
            part = net.conv_relu(
                f"Mconv{depth + 1}_stage{stage}_{branch}", part, 512 if stage == 1 else 128, 1, pad=0
            )
            maps.append(
                net.conv(f"Mconv{depth + 2}_stage{stage}_{branch}", part, channels, 1, pad=0, exact=True)
            )
        top = (
            net.concat(f"concat_stage{stage + 1}", *maps, features)
            if stage < stages
            else net.concat("net_output", *reversed(maps))
        )
    net.layer("ImResize", "resize", top, "imresize_param { factor: 8 scale_gap: 0.3 }", tops="resized_map")
    net.layer(
        "Nms",
        "nms",
        "resized_map",
        "nms_param { threshold: 0.05 max_peaks: 96 num_parts: 18 }",
        tops="joints",
    )
    return net.text()


def unet():
    """Of Ronneberger et al., 2015: one channel, and crops of what went down beside what comes up."""
    net = Net("u-net", 1, (572, 572), form="input_dim")
    top, down = "data", []
    for level, letter in enumerate("abcd"):
        for part in (0, 1):
            top = net.conv_relu(
                f"conv_d{level}{letter}-{part}", top, 64 * 2**level, 3, pad=0 if level < 2 else 1
            )
        down.append(top)
        top = net.pool(f"pool_d{level}{letter}", top, 2, more="round_mode: FLOOR")
    for part in (0, 1):
        top = net.conv_relu(f"conv_d4-{part}", top, 1024, 3)
    for level in (3, 2, 1, 0):
        channels = net.channels[down[level]]
        top = net.layer(
            "Deconvolution",
            f"upconv_u{level}",
            top,
            f"convolution_param {{ num_output: {channels} kernel_size: 2 stride: 2 }}",
            channels=channels,
        )
        skip = crop(net, f"crop_u{level}", down[level], top, 0)
        top = net.concat(f"concat_u{level}", net.relu(top), skip)
        for part in (0, 1):
            top = net.conv_relu(f"conv_u{level}-{part}", top, 64 * 2**level, 3)
    net.conv("score", top, 2, 1, pad=0, exact=True)
    return net.text()


def colorization():
    """Of Zhang et al., 2016: lightness in, colors out."""
    net = Net("LtoAB", 1, (224, 224), form="input_dim", data="data_l")
    top, scale = "data_l", "use_global_stats: true"
    plan = [
        (64, 2, 2, 1),
        (128, 2, 2, 1),
        (256, 3, 2, 1),
        (512, 3, 1, 1),
        (512, 3, 1, 2),
        (512, 3, 1, 2),
        (512, 3, 1, 1),
    ]
    for stage, (channels, depth, stride, dilation) in enumerate(plan, 1):
        for part in range(1, depth + 1):
            last = part == depth
            top = net.conv_relu(
                f"conv{stage}_{part}",
                top,
                channels,
                3,
                stride if last else 1,
                dilation,
                more=f"dilation: {dilation}",
            )
        top = net.layer("BatchNorm", f"conv{stage}_{depth}norm", top, f"batch_norm_param {{ {scale} }}")
    top = net.relu(net.upscore("conv8_1", top, 32, 2, more=""))
    top = net.conv_relu("conv8_3", net.conv_relu("conv8_2", top, 256, 3), 256, 3)
    top = net.conv("conv8_313", top, 313, 1, pad=0)
    scaled = net.layer(
        "Scale", "conv8_313_rh", top, "scale_param { bias_term: false filler { value: 2.606 } }"
    )
    net.conv("class8_ab", net.softmax(scaled, "class8_313_rh"), 2, 1, pad=0, exact=True)
    return net.text()


def hourglass():
    """Poses by going down and up again (Newell et al., 2016)."""
    net = Net("hourglass", size=(256, 256), form="layer")
    top = net.pool("pool1", net.conv_norm("conv1", "data", 64, 7, 2), 2, 2)
    top = bottleneck(net, "r1", top, 256, 1, project=True)

    def glass(name, top, depth):
        up = bottleneck(net, f"{name}_up{depth}", top, 256, 1)
        low = bottleneck(net, f"{name}_low{depth}", net.pool(f"{name}_pool{depth}", top, 2, 2), 256, 1)
        low = glass(name, low, depth - 1) if depth > 1 else bottleneck(net, f"{name}_middle", low, 256, 1)
        low = bottleneck(net, f"{name}_out{depth}", low, 256, 1)
        bigger = net.layer("Upsample", f"{name}_nearest{depth}", low, "upsample_param { scale: 2 }")
        like = net.layer("Crop", f"{name}_crop{depth}", f"{bigger} {up}", channels=net.channels[bigger])
        return net.add(f"{name}_add{depth}", up, like)

    top = net.conv_norm("linear", glass("hg1", top, 3), 256, 1, pad=0)
    net.conv("heatmaps", top, 16, 1, pad=0, exact=True)
    return net.text()


NETS = {
    "FCN-32s": lambda: fcn(32),
    "FCN-16s": lambda: fcn(16),
    "FCN-8s": lambda: fcn(8),
    "SegNet-Basic": lambda: segnet([(64, 1), (64, 1), (64, 1), (64, 1)], "segnet_basic"),
    "SegNet": lambda: segnet([(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)], "VGG_segnet"),
    "DeepLab v1": deeplab_v1,
    "DeepLab v2": deeplab_v2,
    "PSPNet": pspnet,
    "HED": hed,
    "OpenPose": openpose,
    "U-Net": unet,
    "Colorization": colorization,
    "Hourglass": hourglass,
}
