"""What forks of Caffe added: whose it is, and how it is said in Caffe's own terms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from batcountry.caffe.formats.text import Skipped
from batcountry.caffe.proto.caffe_pb2 import BNParameter, PoolingParameter

_FORKS = {
    "Intel's Caffe or Ristretto": ("quantization_param",),
    "Intel's Caffe": (
        "MKL2017", "MKLDNN", "MKL2017BatchNorm", "bw_iters", "fw_iters", "disabled_update",
        "clip_before_nms", "clip_after_nms", "coeff_mode", "algo", "fuse_bn_relu",
    ),
    "NVIDIA's or Intel's Caffe": ("batch_norm_param.engine",),
    "NVIDIA's Caffe": (
        "default_forward_type", "default_backward_type", "default_forward_math", "default_backward_math",
        "default_cudnn_math_override", "forward_type", "backward_type", "forward_math", "backward_math",
        "cudnn_math_override", "cudnn_convolution_algo_seeker", "global_grad_scale", "reduce_buckets",
        "detectnet_groundtruth_param", "detectnet_augmentation_param", "use_global_stats_in_test",
    ),
    "SSD": (
        "annotated_data_param", "multibox_loss_param", "detection_evaluate_param", "video_data_param",
        "visualize", "visualize_threshold", "resize_param", "emit_constraint", "distort_param", "expand_param",
        "noise_param", "AnnotatedData", "MultiBoxLoss", "DetectionEvaluate", "VideoData",
    ),
    "RefineDet": ("objectness_score", "resize_param"),
    "DeepLab": (
        "strict_dim", "label_type", "mat_write_param", "mat_read_param", "seg_accuracy_param", "SEG_ACCURACY",
        "MAT_WRITE", "MAT_READ", "IMAGE_SEG_DATA", "ImageSegData", "SegAccuracy", "MatWrite", "MatRead",
        "DENSE_CRF", "DenseCRF", "dense_crf_param", "unary_param",
    ),
    "PSPNet": ("mem_param", "optimize_mem", "optimize_train", "optimize_test", "device_id", "SyncBN"),
    "SegNet": ("dense_image_data_param", "DENSE_IMAGE_DATA", "DenseImageData", "weight_by_label_freqs", "class_weighting"),
    "Fast R-CNN": ("smooth_l1_loss_param", "SmoothL1Loss", "roi_data_param"),
    "R-FCN": ("psroi_pooling_param", "box_annotator_ohem_param", "PSROIPooling", "PSROIAlign", "BoxAnnotatorOHEM"),
    "FlowNet": (
        "Correlation", "correlation_param", "Resample", "resample_param", "FlowWarp", "flow_warp_param",
        "DataAugmentation",
    ),
    "OpenPose": ("ImResize", "imresize_param", "Nms", "nms_param", "CPMData", "cpm_transform_param"),
    "Darknet's layers": ("Reorg", "reorg_param", "Region", "region_param", "Yolov3", "yolov3_param", "YoloDetectionOutput"),
    "SphereFace": ("MarginInnerProduct", "margin_inner_product_param"),
    "center loss's Caffe": ("CenterLoss", "center_loss_param"),
    "DeconvNet": ("UNPOOLING", "Unpooling", "unpooling_param"),
}  # fmt: skip
"""Names of fields, values and layer types that are skipped or cannot run, by whose they are."""

_OWNERS = {name: fork for fork, names in reversed(_FORKS.items()) for name in names}

_V1_NAMES = {
    "BN": "BN", "INTERP": "Interp", "UPSAMPLE": "Upsample", "CROP": "Crop", "PRELU": "PReLU", "ROI_POOLING": "ROIPooling",
    "BATCH_NORM": "BatchNorm", "SPP": "SPP", "ELU": "ELU", "LRN": "LRN", "CONVOLUTION_DEPTHWISE": "ConvolutionDepthwise",
}  # fmt: skip
"""Layer types of forks in the form before today's, where they are not capitals with underscores."""

_DEPTHWISE = ("ConvolutionDepthwise", "DepthwiseConvolution", "ConvolutionDepthWise", "DepthWiseConvolution")

_QUANTIZED = {
    "ConvolutionRistretto": "Convolution",
    "DeconvolutionRistretto": "Deconvolution",
    "FcRistretto": "InnerProduct",
    "LRNRistretto": "LRN",
}
"""Layer types of Ristretto, which round their weights and values, by what they are without that."""


def owner(name: str) -> str:
    """Return whose a field's path, `field VALUE` or a layer type is, as ` (SSD)`; empty if nobody knows."""
    words = [*name.replace(".", " ").split(), name]
    fork = next((_OWNERS[word] for word in reversed(words) if word in _OWNERS), "")
    return f" ({fork})" if fork else ""


def described(skipped: Iterable[Skipped]) -> list[str]:
    """Return what was skipped, each thing once: `line 12: relu_param.fix`, with how many more there are."""
    ordered = sorted(skipped, key=lambda each: (each.name, each.line))
    groups = [(name, list(group)) for name, group in groupby(ordered, key=lambda each: each.name)]
    groups.sort(key=lambda pair: pair[1][0].line)
    return [
        f"line {group[0].line}: "
        + (name if name.isprintable() else ascii(name))
        + owner(name)
        + (f" and {len(group) - 1} more" if len(group) > 1 else "")
        for name, group in groups
    ]


def type_of_v1(name: str) -> str:
    """Return today's name of a layer type that a fork added to the old form."""
    return _V1_NAMES.get(name, name.title().replace("_", ""))


def in_caffes_terms(layer: Any) -> None:
    """Say what a layer of a fork is in terms of Caffe 1.0, where that has the same thing by another name."""
    layer.type = _QUANTIZED.get(layer.type, layer.type)
    if layer.type in _DEPTHWISE:
        layer.type = "Convolution"
        if layer.convolution_param.group <= 1:
            layer.convolution_param.group = layer.convolution_param.num_output
    if layer.HasField("convolution_param"):
        _dilate(layer.convolution_param)
    if layer.HasField("pooling_param") and layer.pooling_param.HasField("ceil_mode"):
        p = layer.pooling_param
        p.round_mode = PoolingParameter.CEIL if p.ceil_mode else PoolingParameter.FLOOR


def _dilate(p: Any) -> None:
    if p.dilation:
        return
    both = p.hole if p.HasField("hole") else p.kstride if p.HasField("kstride") else 1
    rows = p.hole_h if p.HasField("hole_h") else both
    columns = p.hole_w if p.HasField("hole_w") else both
    if (rows, columns) != (1, 1):
        p.dilation.extend([rows] if rows == columns else [rows, columns])


def fit_settings(layers: Sequence[Any], blobs: Mapping[str, Sequence[Any]]) -> None:
    """Set what forks leave to the weights: which of two layers named BN it is, and whether BatchNorm has a scale."""
    for layer in layers:
        count = len(blobs.get(layer.name, ()))
        if layer.type == "BN" and count == 2 and not layer.bn_param.HasField("bn_mode"):
            layer.bn_param.bn_mode = BNParameter.INFERENCE
        if layer.type == "BatchNorm" and count == 5:
            layer.batch_norm_param.scale_bias = True
