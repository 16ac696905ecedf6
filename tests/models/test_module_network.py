import copy
from threading import Lock

import numpy as np
import pytest
import torch
from torch import nn

import batcountry
from batcountry.errors import LayerNotFound, ModelError, RecipeError
from batcountry.models import model as model_module
from batcountry.models import module_network, open_model
from batcountry.models.state_hash import state_sha256
from batcountry.objectives import layer
from batcountry.optim.gradient import tiled_gradient, whole_gradient
from torch_nets import Functional, ResidualNet, SmallVit, hooks, seeded


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Networks as small as these gain nothing by several threads, and lose much on a machine that is busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def residual():
    return open_model(seeded(ResidualNet), **NORM)


def picture(height=75, width=91, channels=3):
    return torch.rand(2, channels, height, width, generator=torch.Generator().manual_seed(1)) * 255


def scores(model, photo, **options):
    steps = batcountry.dreaming(
        photo, model=model, octaves=1, iterations=6, jitter=0, step_size=4.0, **options
    )
    return [step.score for step in steps]


def by_hooks(net, x):
    """What each part of a module gives when it is first called, kept as it was."""
    found = {}

    def keep(name, out):
        if torch.is_tensor(out):
            found.setdefault(name, out.clone())

    handles = [
        part.register_forward_hook(lambda _m, _i, out, name=name: keep(name, out))
        for name, part in net.named_modules()
        if name
    ]
    net(x)
    for each in handles:
        each.remove()
    return found


NORM = {"mean": (0.4, 0.5, 0.6), "std": (0.2, 0.25, 0.3), "size": 64}


def normalized(x):
    mean, std = (torch.tensor(NORM[name]).reshape(1, 3, 1, 1) for name in ("mean", "std"))
    return (x / 255 - mean) / std


@pytest.mark.parametrize("make", [ResidualNet, Functional])
def test_activations_are_those_of_the_twin_that_writes_over_nothing(make):
    model, twin = open_model(seeded(make), **NORM), seeded(make, inplace=False)
    x = picture()
    wanted = by_hooks(twin, normalized(x))
    together = model.activations(x, [name for name in wanted if name in {each.name for each in model.layers}])
    assert len(together) >= 2
    for name, values in together.items():
        torch.testing.assert_close(values, wanted[name], rtol=1e-4, atol=1e-4, msg=name)
        alone = model.activations(x, [name])[name]
        torch.testing.assert_close(alone, wanted[name], rtol=1e-4, atol=1e-4, msg=name)


def test_each_call_of_a_part_has_a_name_of_its_own(residual):
    model = residual
    names = [each.name for each in model.layers]
    assert names[:4] == ["conv1", "bn1", "relu", "maxpool"] and names[-1] == "fc"
    assert names.index("layer1.0.relu") < names.index("layer1.0.conv2") < names.index("layer1.0.relu_1")
    found = model.activations(picture(), ["layer1.0.relu", "layer1.0.relu_1", "layer1.0"])
    torch.testing.assert_close(found["layer1.0"], found["layer1.0.relu_1"], rtol=0, atol=0)
    assert (found["layer1.0.relu"] - found["layer1.0.relu_1"]).abs().max() > 0.1


def test_a_network_runs_no_further_than_the_last_layer_asked_for():
    class Trap(nn.Module):
        armed = False

        def forward(self, x):
            if Trap.armed:
                raise AssertionError("ran too far")
            return x

    model = open_model(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), Trap(), nn.Conv2d(4, 4, 3)))
    Trap.armed = True
    assert model.activations(picture(), ["0", "1"])["1"].shape[1] == 4
    with pytest.raises(RuntimeError, match="ran too far"):
        model.activations(picture(), ["3"])


def test_no_hook_is_left_and_the_users_module_is_as_it_was():
    class Sometimes(nn.Module):
        def forward(self, x):
            if x.shape[-1] == 17:
                raise ValueError("not that one")
            return x * 2

    net = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.Dropout(), Sometimes()).train()
    before, weights = [copy.deepcopy(each) for each in net.parameters()], net[0].weight
    model = open_model(net)
    model.activations(picture(), ["0"])
    with pytest.raises(RuntimeError, match="not that one"):
        model.activations(picture(17, 17), ["2"])
    fast = torch.backends.mha.get_fastpath_enabled()
    assert hooks(net) == hooks(model.network.module) == 0 and fast
    assert net.training and net[1].training and net[0].weight is weights and weights.requires_grad
    assert all(torch.equal(*pair) for pair in zip(net.parameters(), before, strict=True))
    with torch.no_grad():
        net[0].weight.zero_()
    assert model.activations(picture(), ["0"])["0"].std() > 0.01


def test_a_bug_of_ours_during_a_run_comes_through(monkeypatch):
    model = open_model(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), **NORM)
    monkeypatch.setattr(module_network, "tensor_of", None)
    with pytest.raises(TypeError, match="NoneType"):
        model.activations(picture(17, 17), ["0"])


@pytest.mark.parametrize("precision", ["exact", "fast"])
def test_a_residual_net_dreams(photo, precision, residual):
    model = residual
    assert model.default_layer == "layer2"
    found = scores(model, photo, precision=precision)
    assert found[-1] > 1.2 * found[0]
    assert model.at("fast").activations(picture(), ["layer1"])["layer1"].dtype == torch.float32


def test_fast_activations_are_near_the_exact_ones(residual):
    model, x = residual, picture()
    names = [each.name for each in model.layers]
    exact, fast = model.activations(x, names), model.at("fast").activations(x, names)
    for name in names:
        assert 0 < (fast[name] - exact[name]).norm() / exact[name].norm() < 0.05, name


@pytest.mark.parametrize("wrap", [(False, False), (True, True)])
def test_tiles_give_what_the_whole_picture_does(wrap, residual):
    model, aim = residual, layer("layer2.0.conv2")
    image = picture(96, 120)[:1]
    tiled = tiled_gradient(model, aim, 16, wrap)
    whole = tiled_gradient(model, aim, None, wrap) if any(wrap) else whole_gradient(model, aim)
    (score, gradient), (wanted, all_of_it) = tiled(image), whole(image)
    assert float(score) == pytest.approx(float(wanted), rel=1e-5)
    torch.testing.assert_close(gradient, all_of_it, rtol=1e-3, atol=1e-7)


def test_stated_receptive_fields_hold_every_pixel_that_counts(residual):
    model = residual
    for name in ("relu", "maxpool", "layer1.0", "layer2"):
        facts = model.layer(name)
        image = picture(160, 168)[:1].requires_grad_()
        unit = 80 // facts.stride
        model.activations(image, [name])[name][0, :, unit, unit].square().sum().backward()
        first, last = (
            unit * facts.stride - facts.before,
            unit * facts.stride - facts.before + facts.receptive_field,
        )
        for axis in (2, 3):
            seen = image.grad.abs().sum([each for each in range(4) if each != axis]).nonzero()
            assert first <= seen.min() and seen.max() < last, name


class Uneven(nn.Module):
    """Pads as TensorFlow does where the stride is 2: 0 before and 1 after."""

    def __init__(self, functional):
        super().__init__()
        self.pad, self.one, self.two = (
            nn.ZeroPad2d((0, 1, 0, 1)),
            nn.Conv2d(3, 16, 3, 2),
            nn.Conv2d(16, 16, 3, 2),
        )
        self.functional = functional

    def forward(self, x):
        x = self.one(self.pad(x)).relu()
        return self.two(nn.functional.pad(x, (2, 1, 2, 1)) if self.functional else self.pad(x))


@pytest.mark.parametrize("functional", [True, False])
def test_uneven_padding_is_followed(functional):
    model = open_model(seeded(Uneven, functional), size=64)
    assert model.layer("two").grid == 4 and model.layer("two").receptive_field == 7
    image, aim = picture(52, 70)[:1], layer("two")
    (score, gradient), (wanted, whole) = (
        tiled_gradient(model, aim, 12)(image),
        whole_gradient(model, aim)(image),
    )
    assert float(score) == pytest.approx(float(wanted), rel=1e-5)
    torch.testing.assert_close(gradient, whole, rtol=1e-3, atol=1e-7)


def test_what_code_cannot_prove_is_not_worked_out_in_tiles(photo):
    class Shy(nn.Module):
        """Pads by what the picture's size leaves over."""

        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 16, 3, 2)

        def forward(self, x):
            return self.conv(nn.functional.pad(x, (0, x.shape[-1] % 2, 0, x.shape[-2] % 2)))

    model = open_model(Shy())
    assert model.layer("conv").receptive_field is None
    assert len(scores(model, photo)) == 6
    with pytest.raises(RecipeError, match="no place of their own"):
        scores(model, photo, tile=16)


@pytest.mark.parametrize("inplace", [True, False])
def test_what_is_written_over_later_does_not_widen_what_was_seen_before(inplace):
    class Late(nn.Module):
        def __init__(self):
            super().__init__()
            self.narrow, self.wide, self.last = (
                nn.Conv2d(3, 8, 1),
                nn.Conv2d(8, 8, 5, 1, 2),
                nn.Conv2d(8, 8, 1),
            )

        def forward(self, x):
            x = self.narrow(x)
            y = x
            if inplace:
                x += self.wide(x)
                return self.last(y)
            return self.last(y + self.wide(x))

    fields = {each.name: each.receptive_field for each in open_model(Late()).layers}
    assert fields == {"narrow": 1, "wide": 5, "last": 5}


class Embedded(nn.Module):
    """The embedded network, made of PyTorch's own layers with its weights."""

    class Part(nn.Module):
        def __init__(self, block):
            super().__init__()
            self.run, self.shortcut = (
                nn.Sequential(*map(self.convolution, block.convolutions)),
                block.shortcut,
            )

        def convolution(self, given):
            channels, before = given.weight.shape[1] * given.groups, given.before
            settings = (given.kernel, given.stride, 0 if given.stride == 2 else before)
            conv = nn.Conv2d(channels, len(given.weight), *settings, groups=given.groups)
            conv.weight.data, conv.bias.data = given.weight.clone(), given.bias.clone()
            pads = [nn.ZeroPad2d((before, before + 1) * 2)] if given.stride == 2 else []
            return nn.Sequential(*pads, conv, *([nn.ReLU6(inplace=True)] if given.active else []))

        def forward(self, x):
            return self.run(x) + x if self.shortcut else self.run(x)

    def __init__(self, network):
        super().__init__()
        parts = {name: self.Part(block) for name, block in network.parts.items()}
        self.stem, self.head, self.logits = parts.pop("stem"), parts.pop("head"), nn.Linear(1280, 1000)
        self.stem.run[0][1].weight.data *= 128
        self.blocks = nn.Sequential(*parts.values())
        self.logits.weight.data, self.logits.bias.data = (each.clone() for each in network.dense)

    def forward(self, x):
        return self.logits(self.head(self.blocks(self.stem(x))).mean((2, 3)))


def test_the_embedded_network_as_a_module_is_the_same_network():
    embedded = open_model()
    model = open_model(Embedded(embedded.network), mean=127 / 255, std=128 / 255, size=64)
    names = [each.name for each in embedded.layers]
    assert [model.layer(name) for name in names] == list(embedded.layers)
    assert model.default_layer == embedded.default_layer
    wanted, found = embedded.activations(picture(), names), model.activations(picture(), names)
    for name in names:
        torch.testing.assert_close(found[name], wanted[name], rtol=1e-4, atol=1e-4)


def test_a_missing_layer_is_answered_with_the_nearest(residual):
    with pytest.raises(
        LayerNotFound, match=r"no layer 'layer1\.0\.con1' in ResidualNet; did you mean 'layer1\.0\.conv1'"
    ):
        residual.layer("layer1.0.con1")


def test_layers_that_cannot_be_dreamed_with_say_why():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.unused, self.windows = (
                nn.Conv2d(3, 4, 1),
                nn.Conv2d(3, 4, 1),
                nn.Unflatten(0, (1, -1)),
            )
            self.pick = nn.Flatten(0, 1)

        def forward(self, x):
            x = self.conv(x)
            return x, self.pick(x)

    model = open_model(Odd())
    with pytest.raises(ModelError, match="'unused' of Odd cannot be dreamed with: it does not run"):
        model.layer("unused")
    with pytest.raises(
        ModelError, match="'pick' of Odd cannot be dreamed with: it gives 4×224×224, which is more"
    ):
        model.layer("pick")


@pytest.mark.parametrize("registers", [0, 4])
def test_tokens_are_a_grid_without_class_and_registers(registers, photo):
    net = seeded(SmallVit, registers=registers, fixed=False)
    model = open_model(net, **{**NORM, "size": 48})
    x = picture(40, 64)
    tokens = by_hooks(net, normalized(x))["blocks.1"]
    found = model.activations(x, ["blocks.1"])["blocks.1"]
    assert found.shape == (2, 16, 5, 8)
    for row, column in ((0, 0), (1, 7), (4, 3)):
        token = tokens[:, 1 + registers + row * 8 + column]
        torch.testing.assert_close(found[:, :, row, column], token, rtol=1e-4, atol=1e-5)
    assert model.default_layer == "blocks.2" and model.layer("blocks.1").stride == 8
    assert scores(model, photo)[-1] > scores(model, photo)[0]


def test_pictures_are_resized_for_a_network_of_one_size(photo):
    model = open_model(seeded(SmallVit), **{**NORM, "size": 48})
    assert model.activations(picture(40, 64), ["blocks.1"])["blocks.1"].shape == (2, 16, 6, 6)
    small = torch.nn.functional.interpolate(
        picture(40, 64), (48, 48), mode="bilinear", antialias=True, align_corners=False
    )
    exact, resized = (model.activations(x, ["head"])["head"] for x in (small, picture(40, 64)))
    torch.testing.assert_close(exact, resized, rtol=1e-4, atol=1e-5)
    assert scores(model, photo, layer="head")[-1] > scores(model, photo, layer="head")[0]


def test_layers_before_the_one_that_fixes_the_size_take_any_picture():
    net = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 16 * 16, 5))
    model = open_model(net, size=32)
    assert model.activations(picture(50, 70), ["1"])["1"].shape == (2, 8, 25, 35)
    assert model.activations(picture(50, 70), ["3"])["3"].shape == (2, 5)
    assert model.layer("1").receptive_field == 3


def test_a_network_that_takes_multiples_only_gets_the_nearest():
    class Halves(nn.Module):
        def __init__(self):
            super().__init__()
            self.down, self.up = nn.Conv2d(3, 16, 4, 4), nn.Upsample(scale_factor=4)

        def forward(self, x):
            return x[:, :1] + self.up(self.down(x))

    model = open_model(Halves())
    assert model.activations(picture(50, 71), ["down"])["down"].shape[2:] == (12, 17)
    assert model.activations(picture(50, 71), ["output"])["output"].shape[2:] == (48, 72)


@pytest.mark.parametrize("kind", ["gray", 1, "rgba", 4, "bgr", "rgb", 3])
def test_colors_enter_as_the_network_takes_them(kind):
    channels = {"gray": 1, 1: 1, "rgba": 4, 4: 4, "bgr": 3, "rgb": 3, 3: 3}[kind]
    net = seeded(nn.Conv2d, channels, 4, 1)
    x = picture(5, 7)
    mean, std = np.linspace(0.2, 0.6, channels), np.linspace(0.5, 0.9, channels)
    model = open_model(nn.Sequential(net), input=kind, mean=list(mean), std=list(std))
    planes = x.numpy().astype(np.float64) / 255
    if channels == 1:
        planes = (0.299 * planes[:, 0] + 0.587 * planes[:, 1] + 0.114 * planes[:, 2])[:, None]
    elif channels == 4:
        planes = np.concatenate([planes, np.ones_like(planes[:, :1])], 1)
    elif kind == "bgr":
        planes = planes[:, ::-1]
    planes = (planes - mean.reshape(1, -1, 1, 1)) / std.reshape(1, -1, 1, 1)
    weight = net.weight.detach().numpy()[:, :, 0, 0]
    wanted = np.einsum("nchw,oc->nohw", planes, weight) + net.bias.detach().numpy().reshape(1, -1, 1, 1)
    np.testing.assert_allclose(model.activations(x, ["0"])["0"], wanted, rtol=1e-4, atol=1e-5)


def test_gray_levels_and_numbers_from_0_to_1_say_the_same():
    net, x = seeded(ResidualNet), picture()
    usual = open_model(net, mean=(0.4, 0.5, 0.6), std=(0.2, 0.25, 0.4), size=64)
    levels = open_model(net, mean=(102, 127.5, 153), std=(51, 63.75, 102), size=64)
    torch.testing.assert_close(
        usual.activations(x, ["layer1"])["layer1"],
        levels.activations(x, ["layer1"])["layer1"],
        rtol=1e-4,
        atol=1e-4,
    )


def test_pictures_of_other_channels_than_colors_can_be_dreamed_on():
    model = open_model(seeded(ResidualNet, channels=5), input=5, size=64)
    image = picture(channels=5)[:1]
    assert model.channels == 5 and model.runs_on((40, 50), ["layer2"])
    gradient = whole_gradient(model, layer("layer2"))
    before, direction = gradient(image)
    assert direction.shape == image.shape
    assert gradient(image + 4 * direction / direction.abs().mean())[0] > before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"mean": (0.5, 0.5)}, "mean must be one finite number, or 3 of them"),
        ({"std": (0, 1, 1)}, "std must be above 0"),
        ({"mean": (0.4, 0.5, 0.6), "std": (58, 57, 57)}, "give both in one unit"),
        ({"mean": (123, 117, 104), "std": (0.2, 0.2, 0.2)}, "give both in one unit"),
        ({"mean": "mean.npy"}, "for Caffe's nets"),
        ({"std": "wide"}, "std takes numbers"),
        ({"input": "cmyk"}, "there is no input 'cmyk'; give gray, rgb"),
        ({"input": 0}, "1 to 1024 channels"),
        ({"input": 4}, "does not run on a picture of 64×64 pixels"),
        ({"size": 3.5}, "size must be a side"),
        ({"classes": ["a", "b"]}, "tells 7 classes apart, and 2 names were given"),
        ({"weights": "weights.pt"}, "a module has no use for weights"),
    ],
)
def test_what_does_not_fit_is_refused_at_once(options, said):
    with pytest.raises(ModelError, match=said):
        open_model(seeded(ResidualNet), **{"size": 64, **options})


def test_a_module_that_cannot_be_copied_or_run_says_so():
    broken = nn.Conv2d(3, 3, 1)
    broken.extra = Lock()
    with pytest.raises(ModelError, match="cannot be copied"):
        open_model(broken)
    with pytest.raises(ModelError, match="has no layer that can be dreamed with"):
        open_model(nn.Flatten(0))


class Picky(nn.Module):
    """Takes pictures of 40 pixels and more; on smaller ones it raises what it is told to."""

    def __init__(self, error):
        super().__init__()
        self.conv, self.error = nn.Conv2d(3, 4, 3), error

    def forward(self, x):
        if x.shape[-1] < 40:
            raise self.error
        return self.conv(x)


@pytest.mark.parametrize("error", [AssertionError("small"), ValueError("small"), IndexError("small")])
def test_what_a_network_says_to_a_small_picture_means_that_it_is_too_small(error):
    model = open_model(Picky(error), **NORM)
    assert not model.runs_on((30, 30), ["conv"])
    assert model.runs_on((50, 50), ["conv"])


def test_a_full_graphics_card_is_not_taken_for_a_picture_that_is_too_small(monkeypatch, residual):
    def full(*_):
        raise torch.cuda.OutOfMemoryError("full")

    monkeypatch.setattr(residual, "activations", full)
    with pytest.raises(torch.cuda.OutOfMemoryError):
        residual.runs_on((64, 64), [residual.default_layer])


def test_the_hash_is_of_the_tensors_and_not_of_where_they_lie():
    net = seeded(ResidualNet)
    first = open_model(net, size=64).weights_sha256
    assert first == state_sha256(net.state_dict()) == open_model(seeded(ResidualNet), size=64).weights_sha256
    with torch.no_grad():
        net.fc.bias[3] += 1e-3
    assert open_model(net, size=64).weights_sha256 != first


def test_a_module_says_itself_how_pictures_enter_if_timm_or_torchvision_made_it():
    net = seeded(ResidualNet)
    net.pretrained_cfg = {"mean": (0.5, 0.5, 0.5), "std": (0.25, 0.25, 0.25), "input_size": (3, 64, 64)}
    model = open_model(net)
    assert model.mean == (127.5,) * 3 and model.network.entry.std == (63.75,) * 3
    assert model.network.traced.size == (64, 64)
    assert open_model(net, mean=(0, 0, 0)).mean == (0, 0, 0)


def test_attention_is_heard_also_where_no_gradient_is_asked_for():
    encoder = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True, dropout=0.0)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.patches, self.encoder = nn.Conv2d(3, 16, 8, 8), encoder

        def forward(self, x):
            return self.encoder(self.patches(x).flatten(2).transpose(1, 2))

    model = open_model(Net(), size=48)
    with torch.no_grad():
        assert model.activations(picture(48, 64), ["encoder.linear1"])["encoder.linear1"].shape == (
            2,
            32,
            6,
            8,
        )


def test_auto_is_fast_for_dense_networks_and_exact_for_convolutions_in_groups(monkeypatch):
    monkeypatch.setattr(model_module, "has_fast_bfloat16", lambda device: True)
    grouped = nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.Conv2d(8, 8, 3, groups=8), nn.Conv2d(8, 64, 1))
    for net, precision in (
        (seeded(ResidualNet), "fast"),
        (seeded(SmallVit, fixed=False), "fast"),
        (grouped, "exact"),
    ):
        assert open_model(net).at("auto").precision == precision
