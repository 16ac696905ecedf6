"""What finds things: SSD (Liu et al., 2016), Faster R-CNN (Ren et al., 2015), R-FCN (Dai et al., 2016)."""

from caffe.zoo_nets.classic import vgg, zf
from caffe.zoo_nets.residual import bottleneck
from caffe.zoo_nets.small import mobilenet_layers
from caffe.zoo_nets.writing import Net

OUTPUT = """detection_output_param {
    num_classes: 21 share_location: true background_label_id: 0 nms_param { nms_threshold: 0.45 top_k: 400 }
    save_output_param { label_map_file: "data/labelmap.prototxt" }
    code_type: CENTER_SIZE keep_top_k: 200 confidence_threshold: 0.01 CLIP
  }
  include { phase: TEST }"""


def heads(net, sources, *, clip="", smallest=30):
    """Add SSD's heads to feature maps: places, classes and default boxes, and what is found."""
    parts = {"loc": [], "conf": [], "priorbox": []}
    for index, top in enumerate(sources):
        ratios = "aspect_ratio: 2 " + ("aspect_ratio: 3" if 0 < index < 4 else "")
        boxes = 6 if 0 < index < 4 else 4
        for part, count in (("loc", boxes * 4), ("conf", boxes * 21)):
            made = net.conv(f"{top}_mbox_{part}", top, count, 3, exact=True)
            net.layer(
                "Permute", f"{made}_perm", made, "permute_param { order: 0 order: 2 order: 3 order: 1 }"
            )
            parts[part].append(
                net.layer("Flatten", f"{made}_flat", f"{made}_perm", "flatten_param { axis: 1 }")
            )
        text = f"prior_box_param {{ min_size: {smallest * (index + 1)} max_size: {smallest * (index + 2)} {ratios} flip: true clip: false variance: 0.1 variance: 0.1 variance: 0.2 variance: 0.2 offset: 0.5 }}"
        parts["priorbox"].append(net.layer("PriorBox", f"{top}_mbox_priorbox", f"{top} data", text))
    for part, axis in (("loc", 1), ("conf", 1), ("priorbox", 2)):
        net.layer("Concat", f"mbox_{part}", " ".join(parts[part]), f"concat_param {{ axis: {axis} }}")
    net.layer(
        "Reshape", "mbox_conf_reshape", "mbox_conf", "reshape_param { shape { dim: 0 dim: -1 dim: 21 } }"
    )
    net.layer("Softmax", "mbox_conf_softmax", "mbox_conf_reshape", "softmax_param { axis: 2 }")
    net.layer("Flatten", "mbox_conf_flatten", "mbox_conf_softmax", "flatten_param { axis: 1 }")
    net.layer(
        "DetectionOutput",
        "detection_out",
        "mbox_loc mbox_conf_flatten mbox_priorbox",
        OUTPUT.replace("CLIP", clip),
    )


def ssd(side):
    net = Net(f"VGG_VOC0712_SSD_{side}x{side}_deploy", size=(side, side), form="input_shape")
    stages, top = vgg(
        net,
        pool=lambda net, name, top: net.pool(
            name, top, 3 if name == "pool5" else 2, 1 if name == "pool5" else 2, 1 if name == "pool5" else 0
        ),
    )
    top = net.conv_relu("fc6", top, 1024, 3, pad=6, more="dilation: 6")
    top = net.conv_relu("fc7", top, 1024, 1, pad=0)
    first = net.layer(
        "Normalize",
        "conv4_3_norm",
        stages[3],
        'norm_param { across_spatial: false scale_filler { type: "constant" value: 20 } channel_shared: false }',
    )
    sources = [first, top]
    for index in range(6, 9 if side == 300 else 11):
        padded = index < 8 or side == 512
        top = net.conv_relu(f"conv{index}_1", top, 256, 1, pad=0)
        kernel = 4 if index == 10 else 3
        top = net.conv_relu(f"conv{index}_2", top, 512, kernel, 2 if padded else 1, 1 if padded else 0)
        sources.append(top)
    heads(net, sources)
    return net.text()


def mobilenet_ssd():
    net = Net("MobileNet-SSD", size=(300, 300), form="input_shape")
    tops = mobilenet_layers(net, "group")
    sources, top = [tops[10], tops[12]], tops[12]
    for index in range(14, 17):
        top = net.conv_relu(f"conv{index}_1", top, 256, 1, pad=0)
        top = net.conv_relu(f"conv{index}_2", top, 512, 3, 2)
        sources.append(top)
    heads(net, sources, clip="clip: true visualize: false", smallest=60)
    return net.text()


PROPOSAL = (
    """python_param { module: 'rpn.proposal_layer' layer: 'ProposalLayer' param_str: "'feat_stride': 16" }"""
)
INFO = '\ninput: "im_info" input_shape { dim: 1 dim: 3 }'


def proposals(net, top):
    """Add a network that proposes regions, up to the layer in Python that lists them."""
    rpn = net.conv_relu("rpn_conv/3x3", top, 256, 3)
    score = net.conv("rpn_cls_score", rpn, 18, 1, pad=0, exact=True)
    boxes = net.conv("rpn_bbox_pred", rpn, 36, 1, pad=0, exact=True)
    net.layer(
        "Reshape", "rpn_cls_score_reshape", score, "reshape_param { shape { dim: 0 dim: 2 dim: -1 dim: 0 } }"
    )
    net.layer("Softmax", "rpn_cls_prob", "rpn_cls_score_reshape")
    net.layer(
        "Reshape",
        "rpn_cls_prob_reshape",
        "rpn_cls_prob",
        "reshape_param { shape { dim: 0 dim: 18 dim: -1 dim: 0 } }",
    )
    net.layer("Python", "proposal", f"rpn_cls_prob_reshape {boxes} im_info", PROPOSAL, tops="rois")


def regions(net, top):
    """Add what looks at each region."""
    text = "roi_pooling_param { pooled_w: 6 pooled_h: 6 spatial_scale: 0.0625 # 1/16\n  }"
    top = net.layer("ROIPooling", "roi_pool_conv5", f"{top} rois", text, channels=net.channels[top])
    for name in ("fc6", "fc7"):
        top = net.dropout(net.relu(net.dense(name, top, 4096)), more="scale_train: false")
    net.dense("bbox_pred", top, 84, exact=True)
    net.softmax(net.dense("cls_score", top, 21, exact=True), "cls_prob")


def faster_rcnn(base):
    if base == "ZF":
        net, top = zf("input_shape")
    else:
        net = Net("VGG_ILSVRC_16_layers", form="input_shape")
        _, top = vgg(net, last_pool=False)
    net.lines.append(INFO)
    proposals(net, top)
    regions(net, top)
    return net.text()


def fast_rcnn():
    """Of Girshick, 2015: its regions are an input."""
    net, top = zf("input_dim")
    net.lines.append('\ninput: "rois" input_dim: 1 input_dim: 5 input_dim: 1 input_dim: 1')
    net.channels["rois"] = 5
    regions(net, top)
    return net.text()


def rfcn():
    """Its fifth stage is dilated, so the stride stays 16; scores come by place in the region."""
    net = Net("ResNet-50", form="input_shape")
    net.lines.append(INFO)
    top = net.pool("pool1", net.conv_norm("conv1", "data", 64, 7, 2), 3, 2)
    for stage, depth in enumerate((3, 4, 6, 3), 2):
        for part in range(depth):
            stride = 2 if part == 0 and 2 < stage < 5 else 1
            top = bottleneck(
                net, f"res{stage}{chr(97 + part)}", top, 128 * 2 ** (stage - 1), stride, project=part == 0
            )
        if stage == 4:
            proposals(net, top)
    top = net.conv_relu("conv_new_1", top, 1024, 1, pad=0)
    scores = net.conv("rfcn_cls", top, 21 * 9, 1, pad=0, exact=True)
    net.layer(
        "PSROIPooling",
        "psroipooled_cls_rois",
        f"{scores} rois",
        "psroi_pooling_param { spatial_scale: 0.0625 output_dim: 21 group_size: 3 }",
    )
    net.pool("ave_cls_score_rois", "psroipooled_cls_rois", 3, 3, method="AVE")
    net.softmax("ave_cls_score_rois", "cls_prob_pre")
    return net.text()


NETS = {
    "SSD300": lambda: ssd(300),
    "SSD512": lambda: ssd(512),
    "MobileNet-SSD": mobilenet_ssd,
    "Faster R-CNN (ZF)": lambda: faster_rcnn("ZF"),
    "Faster R-CNN (VGG-16)": lambda: faster_rcnn("VGG-16"),
    "Fast R-CNN": fast_rcnn,
    "R-FCN": rfcn,
}
