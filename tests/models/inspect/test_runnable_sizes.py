import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import batcountry
from batcountry import BatCountry, motion
from batcountry.errors import RecipeError
from batcountry.jobs import dream_on_disk
from batcountry.models import open_model
from batcountry.models.inspect.runnable_sizes import RunnableSizes, padded
from batcountry.models.loaders.caffe import open_caffe
from batcountry.objectives import layer
from batcountry.optim.gradient import tiled_gradient, whole_gradient
from caffe.nets import net, uneven
from torch_nets import seeded

NORM = {"mean": 0.5, "std": 0.25}


class Uneven(nn.Module):
    """A convolution that rounds down beside pooling that rounds up, twice; stride 8."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, 2)
        self.down1, self.pool, self.mix1 = (
            nn.Conv2d(8, 8, 3, 2),
            nn.MaxPool2d(3, 2, ceil_mode=True),
            nn.Conv2d(16, 16, 1),
        )
        self.down2, self.mix2 = nn.Conv2d(16, 16, 3, 2), nn.Conv2d(32, 24, 3, padding=1)

    def forward(self, x):
        x = self.stem(x).relu()
        x = self.mix1(torch.cat([self.down1(x), self.pool(x)], 1)).relu()
        return self.mix2(torch.cat([self.down2(x), self.pool(x)], 1)).relu()


def agrees(side):
    """Whether the branches of `uneven` are of one size, by the formulas of Caffe's convolution and pooling."""
    side = (side - 3) // 2 + 1
    for _ in range(3):
        down, up = (side - 3) // 2 + 1, -(-(side - 3) // 2) + 1
        if down != up:
            return False
        side = down
    return True


def paths(folder):
    net(folder, uneven()).save(str(folder / "net.caffemodel"))
    return folder / "net.prototxt", folder / "net.caffemodel"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return paths(tmp_path_factory.mktemp("uneven"))


@pytest.fixture(scope="module")
def caffe_net(files):
    return open_caffe(*files)


@pytest.fixture(scope="module")
def module():
    return open_model(seeded(Uneven), size=71, **NORM)


def picture(height, width):
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(3)) * 255


def test_every_size_runs_and_is_padded_to_the_next_on_which_branches_agree(caffe_net):
    sizes = range(200, 232)
    run = [side for side in range(200, 260) if agrees(side)]
    assert 0 < len([side for side in run if side < 232]) < 32
    for side in sizes:
        larger = min(each for each in run if each >= side)
        assert caffe_net.padded_size((side, 203), ["mix3"]) == (
            larger,
            min(each for each in run if each >= 203),
        )
        assert caffe_net.runs_on((side, 231), ["mix3", "fc"])
    for side in (201, 214, 222):
        units = caffe_net.activations(picture(side, 203), ["mix3"])["mix3"]
        offset = torch.tensor(caffe_net.mean).reshape(1, 3, 1, 1)
        rows, columns = caffe_net.padded_size((side, 203), ["mix3"])
        by_hand = offset.expand(1, 3, rows, columns).clone()
        by_hand[..., :side, :203] = picture(side, 203)
        torch.testing.assert_close(units, caffe_net.activations(by_hand, ["mix3"])["mix3"])


def test_a_modules_branches_are_made_to_agree_too(module):
    for side in range(200, 232):
        rows, columns = module.activations(picture(side, 209), ["mix2"])["mix2"].shape[-2:]
        assert abs(rows - side / 8) <= 1 and abs(columns - 209 / 8) <= 1, side
    assert module.layer("mix2").stride == 8 and module.layer("mix2").grid == 8


@pytest.mark.parametrize("size", [64, 71, 72, (79, 96)])
def test_whatever_size_a_module_is_opened_with_all_others_run(size):
    model = open_model(seeded(Uneven), size=size, **NORM)
    for side in range(90, 106):
        expected = side if side % 8 in (0, 7) else side // 8 * 8 + 7
        assert model.padded_size((side, 90), ["mix2"]) == (expected, 95)
        assert model.activations(picture(side, 90), ["mix2"])["mix2"].shape[-1] == 11


@pytest.mark.parametrize(
    ("opened", "name", "rests", "period"), [("caffe_net", "mix3", None, 16), ("module", "mix2", (0, 7), 8)]
)
def test_the_rule_says_which_sides_run(opened, name, rests, period, request):
    model = request.getfixturevalue(opened)
    rules = model.size_rules()
    rests = rests or [rest for rest in range(period) if agrees(period * 9 + rest)]
    assert rests[0] == 0
    for rest in rests:
        assert model.padded_size((period * 9 + rest,) * 2, [name]) == (period * 9 + rest,) * 2
    first, last = f"{period}n", f"{period}n+{rests[-1]}"
    assert first in rules[name] and last in rules[name] and "padded to the next" in rules[name]
    assert model.layers[0].name not in rules


@pytest.mark.parametrize(("opened", "name"), [("caffe_net", "mix3"), ("module", "mix2")])
@pytest.mark.parametrize("wrap", [(False, False), (True, True)])
def test_tiles_give_what_the_whole_picture_does(opened, name, wrap, request):
    model = request.getfixturevalue(opened)
    image, aim = picture(203, 217), layer(name)
    whole = tiled_gradient(model, aim, None, wrap) if any(wrap) else whole_gradient(model, aim)
    (score, gradient), (expected, expected_gradient) = (
        tiled_gradient(model, aim, 32, wrap)(image),
        whole(image),
    )
    assert float(score) == pytest.approx(float(expected), rel=1e-4)
    torch.testing.assert_close(
        gradient, expected_gradient, rtol=1e-3, atol=1e-4 * float(gradient.abs().max())
    )


def test_the_gradient_is_that_of_finite_differences(module):
    image = picture(75, 83)
    score = whole_gradient(module, layer("mix2"))
    assert module.padded_size((75, 83), ["mix2"]) == (79, 87)
    direction = torch.zeros_like(image)
    direction[..., -6:, :], direction[..., :, -6:] = 1.0, -1.0  # where the padding begins
    high, low = (score(image + change * direction)[0] for change in (0.25, -0.25))
    assert 2 * (high - low) == pytest.approx(float((score(image)[1] * direction).sum()), rel=0.03)


@pytest.mark.parametrize("options", [{}, {"tile": 32}, {"windows": "202x206"}])
def test_a_dream_keeps_the_pictures_size_and_its_octaves(files, caffe_net, options):
    image = np.random.RandomState(2).randint(0, 256, (207, 213, 3)).astype(np.uint8)
    steps = list(
        batcountry.dreaming(
            image,
            model=caffe_net,
            layer="mix3",
            octaves=1 if "windows" in options else 3,
            iterations=1,
            octave_scale=1.1,
            **options,
        )
    )
    assert [step.size for step in steps][-1] == (207, 213)
    assert len(steps) == (1 if "windows" in options else 3)
    assert steps[-1].picture().size == (213, 207)


def test_a_picture_that_is_too_small_is_still_refused(caffe_net, module):
    smallest = next(side for side in range(1, 99) if agrees(side) and side >= 31)
    assert caffe_net.runs_on((smallest,) * 2, ["mix3"])
    assert not caffe_net.runs_on((9, 90), ["mix3"]) and not module.runs_on((6, 6), ["mix2"])
    with pytest.raises(RecipeError, match="too small"):
        batcountry.dream(
            picture(9, 9)[0].permute(1, 2, 0), model=caffe_net, layer="mix3", octaves=1, iterations=1
        )


def test_the_class_of_2015_dreams_at_any_size_also_with_a_step_of_ones_own(files):
    bc = BatCountry(files[0].parent, *files)
    image = np.asarray(Image.new("RGB", (206, 201), (90, 120, 60)), np.float32) + np.random.RandomState(
        1
    ).rand(201, 206, 3)
    for options in ({}, {"step_fn": BatCountry.gradient_ascent_step}):
        np.random.seed(0)
        dreamed = bc.dream(image, iter_n=1, octave_n=2, end="mix3", verbose=False, **options)
        assert dreamed.shape == (201, 206, 3) and np.abs(dreamed - image).mean() > 0.5


def test_what_a_network_has_against_one_size_is_no_rule():
    sizes = RunnableSizes(lambda size, layers: layers if 17 not in size else (), (32, 32))
    assert sizes.fit((17, 40), {"a"}) is None and sizes.fit((18, 40), {"a"}) == (18, 40)
    one_size = RunnableSizes(lambda size, layers: layers if size == (32, 32) else (), (32, 32))
    assert one_size.fit((31, 31), {"a"}) is None and one_size.rules({"a"}) == {}


def test_sides_are_said_as_spans_and_multiples():
    def reached(size, layers):
        runs = {
            "all": lambda side: True,
            "half": lambda side: 11 <= side % 32 <= 26,
            "even": lambda side: side % 16 == 0,
        }
        return {name for name in layers if all(map(runs[name], size))}

    sizes = RunnableSizes(reached, (331, 331))
    assert sizes.rules(["all", "half", "even"]) == {"half": "32n+11…32n+26", "even": "multiples of 16"}
    assert sizes.fit((330, 347), ["half"]) == (331, 363)


def test_padding_is_the_networks_mean_at_the_right_and_the_bottom():
    x = torch.arange(6.0).reshape(1, 1, 2, 3) + 1
    assert torch.equal(
        padded(x, (3, 4)), torch.tensor([[[[1, 2, 3, 0], [4, 5, 6, 0], [0, 0, 0, 0]]]]).float()
    )
    assert padded(x, (2, 3)) is x


def small_picture(height=131, width=150):
    return np.random.RandomState(4).randint(0, 256, (height, width, 3)).astype(np.uint8)


def test_batches_visualizations_and_zooms_keep_their_size(caffe_net):
    options = {"model": caffe_net, "octaves": 1, "iterations": 1}
    assert [each.size for each in batcountry.dream([small_picture()] * 2, layer="mix3", **options)] == [
        (150, 131)
    ] * 2
    shown = batcountry.visualize(
        ['channel("mix3", 1)', 'channel("mix3", 2)'], preset="thumbnail", canvas="133x150", **options
    )
    assert [each.size for each in shown] == [(150, 133)] * 2
    frames = motion.zoom(small_picture(132), layer="mix3", frames=2, **options)
    assert [frame.picture().size for frame in frames] == [(150, 132)] * 2


def test_a_dream_on_disk_is_the_one_in_memory(files, tmp_path):
    pytest.importorskip("pyvips", reason="needs pyvips, which the extra `big` brings")
    Image.fromarray(small_picture()).save(tmp_path / "photo.png")
    options = {
        "model": str(files[0]),
        "weights": str(files[1]),
        "layer": "mix3",
        "octaves": 2,
        "iterations": 1,
        "precision": "exact",
    }
    dream_on_disk(tmp_path / "photo.png", tmp_path / "disk.png", **options)
    in_memory = batcountry.dream(tmp_path / "photo.png", **options)
    on_disk = batcountry.read_picture(tmp_path / "disk.png")
    assert on_disk.size == (150, 131)
    assert np.abs(on_disk.pixels - in_memory.array()).mean() < 0.2
