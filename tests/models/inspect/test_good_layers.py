from itertools import pairwise

import pytest
import torch
from torch import nn

from batcountry.models import open_model
from batcountry.models.inspect.good_layers import Unit, best_unit, good_units
from batcountry.models.loaders.caffe import open_caffe
from caffe.nets import inputs, layer, net, uneven
from torch_nets import ResidualNet, SmallVit, seeded

FILLER = 'weight_filler { type: "xavier" }'


class AlexNet(nn.Module):
    """torchvision's alexnet with few channels: 224 pixels become 55, 27, 13 and 6 places."""

    def __init__(self):
        super().__init__()
        relu = nn.ReLU
        self.features = nn.Sequential(
            *(
                nn.Conv2d(3, 16, 11, 4, 2),
                relu(),
                nn.MaxPool2d(3, 2),
                nn.Conv2d(16, 24, 5, padding=2),
                relu(),
            ),
            *(
                nn.MaxPool2d(3, 2),
                nn.Conv2d(24, 32, 3, padding=1),
                relu(),
                nn.Conv2d(32, 32, 3, padding=1),
                relu(),
            ),
            *(nn.Conv2d(32, 16, 3, padding=1), relu(), nn.MaxPool2d(3, 2)),
        )
        self.avgpool = nn.AdaptiveAvgPool2d(6)
        self.classifier = nn.Sequential(
            nn.Dropout(), nn.Linear(576, 32), relu(), nn.Linear(32, 32), nn.Linear(32, 20)
        )

    def forward(self, x):
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


class Fire(nn.Module):
    def __init__(self, inner, squeezed, outer):
        super().__init__()
        self.squeeze, self.expand1, self.expand3 = (
            nn.Conv2d(inner, squeezed, 1),
            nn.Conv2d(squeezed, outer // 2, 1),
            nn.Conv2d(squeezed, outer // 2, 3, padding=1),
        )

    def forward(self, x):
        x = self.squeeze(x).relu()
        return torch.cat([self.expand1(x), self.expand3(x)], 1).relu()


class SqueezeNet(nn.Module):
    """torchvision's squeezenet1_1 with few channels; its classifier is a convolution at the features' own stride."""

    def __init__(self):
        super().__init__()
        pool = lambda: nn.MaxPool2d(3, 2, ceil_mode=True)  # noqa: E731
        self.features = nn.Sequential(
            *(nn.Conv2d(3, 16, 3, 2), nn.ReLU(), pool(), Fire(16, 8, 16), Fire(16, 8, 16), pool()),
            *(
                Fire(16, 8, 24),
                Fire(24, 8, 24),
                pool(),
                Fire(24, 8, 32),
                Fire(32, 8, 32),
                Fire(32, 8, 48),
                Fire(48, 8, 48),
            ),
        )
        self.classifier = nn.Sequential(
            nn.Dropout(), nn.Conv2d(48, 20, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1)
        )

    def forward(self, x):
        return self.classifier(self.features(x)).flatten(1)


class Gated(nn.Module):
    """A block whose last part is squeeze-and-excite, as in tinynet."""

    def __init__(self, inner, outer, stride):
        super().__init__()
        self.conv = nn.Conv2d(inner, outer, 3, stride, 1)
        self.se = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(outer, outer, 1), nn.Sigmoid())

    def forward(self, x):
        x = self.conv(x).relu()
        return x * self.se(x)


class TinyNet(nn.Module):
    """106 pixels become 53, 27, 14, 7 and 4 places, none of them a whole stride."""

    def __init__(self):
        super().__init__()
        widths = (16, 16, 24, 24, 32)
        self.conv_stem = nn.Conv2d(3, 16, 3, 2, 1)
        self.blocks = nn.Sequential(
            *(nn.Sequential(Gated(a, b, 2), Gated(b, b, 1)) for a, b in pairwise(widths))
        )
        self.global_pool, self.classifier = nn.AdaptiveAvgPool2d(1), nn.Linear(32, 20)

    def forward(self, x):
        return self.classifier(self.global_pool(self.blocks(self.conv_stem(x))).flatten(1))


class UNet(nn.Module):
    """An encoder of stride 8 and a decoder back to 1."""

    def __init__(self):
        super().__init__()
        conv = lambda a, b: nn.Sequential(nn.Conv2d(a, b, 3, padding=1), nn.ReLU())  # noqa: E731
        self.pool = nn.MaxPool2d(2)
        self.down1, self.down2, self.down3, self.bottom = (
            conv(3, 16),
            conv(16, 16),
            conv(16, 24),
            conv(24, 32),
        )
        self.rise3, self.rise2, self.rise1 = (
            nn.ConvTranspose2d(a, b, 2, 2) for a, b in ((32, 24), (24, 16), (16, 16))
        )
        self.up3, self.up2, self.up1 = conv(48, 24), conv(32, 16), conv(32, 16)
        self.final = nn.Conv2d(16, 20, 1)

    def forward(self, x):
        one = self.down1(x)
        two = self.down2(self.pool(one))
        three = self.down3(self.pool(two))
        x = self.rise3(self.bottom(self.pool(three)))
        x = self.rise2(self.up3(torch.cat([x, three], 1)))
        x = self.rise1(self.up2(torch.cat([x, two], 1)))
        return self.final(self.up1(torch.cat([x, one], 1)))


@pytest.mark.parametrize(
    ("make", "size", "name", "grid"),
    [
        (AlexNet, 224, "features.11", 13),
        (SqueezeNet, 224, "features.11", 13),
        (TinyNet, 106, "blocks.2", 7),
        (UNet, 64, "bottom", 8),
        (SmallVit, 48, "blocks.2", 6),
        (ResidualNet, 64, "layer2", 8),
    ],
)
def test_the_default_layer_of_a_module_has_places_and_is_no_answer(make, size, name, grid):
    model = open_model(seeded(make), size=size)
    assert model.default_layer == name and model.layer(name).recommended
    assert model.activations(torch.zeros(1, 3, size, size), [name])[name].shape[-2:] == (grid, grid)
    good = [each.name for each in model.layers if each.recommended]
    assert not [
        each for each in good if any(part in each for part in ("classifier", "pool", "se", "final", "head"))
    ]


def convolution(name, bottom, count=16, kernel=3, stride=1, relu=True):
    settings = f"convolution_param {{ num_output: {count} kernel_size: {kernel} pad: {kernel // 2} stride: {stride} {FILLER} }}"
    return layer("Convolution", name, bottom, settings=settings) + (
        layer("ReLU", f"relu_{name}", name, name) if relu else ""
    )


def pool(name, bottom):
    return layer("Pooling", name, bottom, settings="pooling_param { pool: MAX kernel_size: 2 stride: 2 }")


def tower(*counts, bottom="data"):
    """Return stages of convolutions with ReLUs, named as VGG's, and pooling between them; and the last blob."""
    text = ""
    for stage, count in enumerate(counts, 1):
        for index in range(1, count + 1):
            text += convolution(f"conv{stage}_{index}", bottom)
            bottom = f"conv{stage}_{index}"
        if stage < len(counts):
            text += pool(f"pool{stage}", bottom)
            bottom = f"pool{stage}"
    return text, bottom


def squeezenet():
    """A convolution for the classes with a ReLU, of which the mean is taken."""
    text, last = tower(1, 1, 1, 2, 2)
    text += convolution("conv10", last, 20, 1)
    return (
        text
        + layer("Pooling", "pool10", "conv10", settings="pooling_param { pool: AVE global_pooling: true }")
        + layer("Softmax", "prob", "pool10")
    )


def detector():
    """Boxes and classes from two layers, as SSD has them."""
    text, last = tower(1, 1, 1, 2, 2, 1)
    for source in ("conv4_2", last):
        text += convolution(f"{source}_mbox_conf", source, 24, relu=False)
        text += layer(
            "Permute",
            f"{source}_perm",
            f"{source}_mbox_conf",
            settings="permute_param { order: 0 order: 2 order: 3 order: 1 }",
        )
        text += layer("Flatten", f"{source}_flat", f"{source}_perm")
    return text + layer("Concat", "mbox_conf", f"conv4_2_flat {last}_flat")


def pose():
    """Answers that are put beside the features again, twice, as OpenPose's stages have them."""
    text, last = tower(1, 1, 2, 2)
    text += (
        convolution("conv5_1", last)
        + convolution("answer1", "conv5_1", 19, relu=False)
        + layer("Concat", "stage2", f"answer1 {last}")
    )
    text += (
        convolution("Mconv1", "stage2")
        + convolution("Mconv2", "Mconv1")
        + convolution("Mconv3", "Mconv2", 19, relu=False)
    )
    return text + layer("Concat", "net_output", f"Mconv3 {last}")


def gated():
    """A residual net with squeeze-and-excite: each block weighs its channels and adds what it was given."""
    text, last = tower(1, 1, 1, 1, 1)
    for name in ("res4a", "res4b", "res4c"):
        text += convolution(f"{name}_branch", last, relu=False)
        text += layer(
            "Pooling",
            f"{name}_global",
            f"{name}_branch",
            settings="pooling_param { pool: AVE global_pooling: true }",
        )
        text += convolution(f"{name}_squeeze", f"{name}_global", 16, 1) + layer(
            "Sigmoid", f"{name}_gate", f"{name}_squeeze"
        )
        text += layer(
            "Reshape", f"{name}_flat", f"{name}_gate", settings="reshape_param { shape { dim: 0 dim: 16 } }"
        )
        text += layer(
            "Scale", f"{name}_scale", f"{name}_branch {name}_flat", settings="scale_param { axis: 0 }"
        )
        text += layer("Eltwise", name, f"{name}_scale {last}") + layer("ReLU", f"{name}_relu", name, name)
        last = name
    text += pool("pool5", last) + convolution("conv6", "pool5")
    return text + layer(
        "InnerProduct", "fc", "conv6", settings=f"inner_product_param {{ num_output: 20 {FILLER} }}"
    )


def lenet():
    """No stride above 4."""
    return tower(1, 1, 1)[0] + layer(
        "InnerProduct", "ip", "conv3_1", settings=f"inner_product_param {{ num_output: 20 {FILLER} }}"
    )


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (squeezenet, "relu_conv5_1"),
        (detector, "relu_conv5_2"),
        (pose, "relu_conv4_2"),
        (gated, "res4c_relu"),
        (lenet, "relu_conv3_1"),
    ],
)
def test_the_default_layer_of_a_caffe_net_is_on_its_trunk_and_no_answer(tmp_path, text, name):
    net(tmp_path, inputs(data=(1, 3, 96, 96)) + text()).save(str(tmp_path / "net.caffemodel"))
    model = open_caffe(tmp_path / "net.prototxt", tmp_path / "net.caffemodel")
    assert model.default_layer == name
    good = {each.name for each in model.layers if each.recommended}
    assert (name in good) == (text is not lenet)
    answers = (
        "mbox",
        "conv10",
        "prob",
        "answer",
        "net_output",
        "Mconv",
        "gate",
        "squeeze",
        "global",
        "pool",
        "ip",
        "fc",
    )
    assert not [each for each in good if any(part in each for part in answers)]


def test_branches_without_a_relu_of_their_own_are_no_answers(tmp_path):
    net(tmp_path, uneven()).save(str(tmp_path / "net.caffemodel"))
    model = open_caffe(tmp_path / "net.prototxt", tmp_path / "net.caffemodel")
    assert model.default_layer == "concat3"
    assert [each.name for each in model.layers if each.recommended] == [
        "concat2",
        "mix2_relu",
        "concat3",
        "mix3_relu",
    ]


def test_strides_are_taken_from_places_also_where_they_do_not_divide_the_picture():
    places = {55: 2, 27: 3, 13: 4, 6: 5, 1: 8}
    assert {grid: Unit("x", 16, (224, 224), (grid, grid), 1.0).stage for grid in places} == places
    assert Unit("x", 16, (300, 200), (19, 13), 1.0).stage == 4
    thin = Unit("x", 16, (224, 224), (14, 1), 0.5)
    assert not thin.has_places and good_units([thin]) == [] and best_unit([thin]) is None


def test_what_comes_just_before_the_classes_is_passed_by_if_nothing_is_halved_after_it():
    units = [Unit(f"u{index}", 16, (64, 64), (4, 4), index / 10) for index in range(5, 11)]
    assert best_unit(units).name == "u9"
    assert best_unit([*units, Unit("end", 16, (64, 64), (2, 2), 1.0)]).name == "u10"
    assert best_unit([Unit("narrow", 3, (64, 64), (4, 4), 0.5)]).name == "narrow"
