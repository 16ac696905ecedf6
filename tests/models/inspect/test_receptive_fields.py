import pytest
import torch
from torch import nn
from torch.nn import functional as F

from batcountry.models import open_model
from batcountry.models.inspect import receptive_fields as module_under_test
from batcountry.models.inspect.receptive_fields import receptive_fields
from batcountry.objectives import layer
from batcountry.optim.gradient import tiled_gradient, whole_gradient


class Net(nn.Module):
    """A convolution, what a test does with its result, and another one."""

    def __init__(self, between, channels=4, after=4):
        super().__init__()
        torch.manual_seed(3)
        self.first, self.last = nn.Conv2d(3, channels, 3, 2, 1), nn.Conv2d(after, 5, 3, 1, 1)
        self.dense, self.norm, self.up = nn.Linear(4, 4), nn.LayerNorm(4), nn.ConvTranspose2d(4, 4, 4, 2, 1)
        self.register_buffer("mean", torch.rand(4))
        self.register_buffer("deviation", torch.rand(4) + 0.5)
        self.place, self.scale = nn.Parameter(torch.rand(1, 4, 12, 12)), nn.Parameter(torch.rand(4, 1, 1))
        self.between = between

    def forward(self, x):
        return self.last(self.between(self, self.first(x)))


def shuffled(net, x):
    n, c, h, w = x.shape
    return x.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)


def in_parts(net, x):
    one, two = x.chunk(2, 1)
    return torch.cat([two.sigmoid(), F.max_pool2d(one, 3, 1, 1)], 1)


def written(net, x):
    y = torch.zeros_like(x)
    y[:, :2] = F.avg_pool2d(x[:, :2], 5, 1, 2)
    y[:, 2:] = x[:, 2:]
    return y.mul_(2)


def by_pixel(net, x):
    x = net.dense(net.norm(x.permute(0, 2, 3, 1)))
    return F.gelu(x).permute(0, 3, 1, 2) * net.scale


def by_rows_of_pixels(net, x):
    n, c, h, w = x.shape
    x = torch.addmm(net.dense.bias, x.permute(0, 2, 3, 1).reshape(n * h * w, c), net.dense.weight.t())
    return x.relu().view(n, h, w, c).permute(0, 3, 1, 2)


def standardized(net, x):
    weight = net.up.weight
    weight = F.batch_norm(weight.reshape(1, 4, -1), None, None, training=True).view_as(weight)
    return F.conv2d(F.pad(x, (2, 1, 2, 1)), weight)


def over_channels(net, x):
    x = x - x.mean(1, keepdim=True)
    return x / (x.square().sum(1, keepdim=True) + 1e-3).sqrt() + x.softmax(1) + torch.stack([x, -x]).amax(0)


FOLLOWED = {
    "functional batch norm": lambda net, x: F.batch_norm(x, net.mean, net.deviation).relu_(),
    "reflected border": lambda net, x: F.avg_pool2d(F.pad(x, (2, 2, 2, 2), mode="reflect"), 5, 1),
    "repeated border": lambda net, x: F.avg_pool2d(F.pad(x, (3, 1, 3, 1), mode="replicate"), 5, 1),
    "border of ones": lambda net, x: F.max_pool2d(F.pad(x, (1, 1, 1, 1), value=1.0), 3, 1),
    "nearest enlarged": lambda net, x: F.interpolate(x, scale_factor=2),
    "linearly enlarged": lambda net, x: F.interpolate(x, scale_factor=2, mode="bilinear"),
    "cubically enlarged": lambda net, x: F.interpolate(x, scale_factor=2, mode="bicubic"),
    "transposed convolution": lambda net, x: net.up(x),
    "shuffled channels": shuffled,
    "channels in parts": in_parts,
    "written in parts": written,
    "channels last": by_pixel,
    "rows of pixels": by_rows_of_pixels,
    "standardized weights": standardized,
    "over channels": over_channels,
    "one picture at a time": lambda net, x: torch.cat([each[None] for each in x]),
    "by its number of pictures": lambda net, x: sum(x for _ in range(x.shape[0])),
    "a float of its own": lambda net, x: x.mul(float(net.deviation.numel())),
}


@pytest.mark.parametrize("way", FOLLOWED)
def test_what_is_followed_holds_every_pixel_that_counts_also_at_the_borders(way):
    net = Net(FOLLOWED[way]).eval()
    field = receptive_fields(net, (3, 24, 20))["last", 0]
    picture = torch.rand(1, 3, 24, 20, generator=torch.Generator().manual_seed(1))
    for axis in (2, 3):
        # The gradient of one row of units at a time, summed over everything else.
        seen = picture.clone().requires_grad_()
        rows = net(seen).square().sum([each for each in range(4) if each != axis])
        for unit, row in enumerate(rows):
            (gradient,) = torch.autograd.grad(row, seen, retain_graph=True)
            pixels = gradient.abs().sum([each for each in range(4) if each != axis]).nonzero()
            own = unit * field.stride
            assert own - field.before <= int(pixels.min()), (way, unit)
            assert int(pixels.max()) <= own + field.after, (way, unit)


@pytest.mark.parametrize(
    "way", ["functional batch norm", "reflected border", "linearly enlarged", "channels last"]
)
def test_tiles_give_the_whole_pictures_gradient(way):
    model = open_model(Net(FOLLOWED[way]), size=32)
    picture = torch.rand(1, 3, 52, 64, generator=torch.Generator().manual_seed(1)) * 255
    aim = layer("last")
    (score, gradient), (whole, expected) = (
        run(picture) for run in (tiled_gradient(model, aim, 24), whole_gradient(model, aim))
    )
    assert float(score) == pytest.approx(float(whole), rel=1e-5)
    torch.testing.assert_close(gradient, expected, rtol=1e-3, atol=float(expected.abs().max()) * 1e-5)


def turned(net, x):
    return x.transpose(2, 3)


def shifted(net, x):
    y = x.clone()
    y[:, :, 1:] = x[:, :, :-1]
    return y


def written_askew(net, x):
    y = x.new_zeros(x.shape[0], x.shape[1], x.shape[3], x.shape[2])
    y.transpose(2, 3).copy_(x)
    return y


UNKNOWN = {
    "places of their own": lambda net, x: x + F.interpolate(net.place, x.shape[2:]),
    "the mean of all": lambda net, x: x * x.mean((2, 3), keepdim=True),
    "group norm": lambda net, x: F.group_norm(x, 2),
    "batch norm of its own": lambda net, x: F.batch_norm(x, None, None, training=True),
    "rows and columns changed": turned,
    "written askew": written_askew,
    "written beside": shifted,
    "rolled": lambda net, x: x.roll(1, 3),
    "rolled as one": lambda net, x: x.roll(1),
    "turned over": lambda net, x: x.flip(2),
    "a running sum": lambda net, x: x.cumsum(3) * 1e-3,
    "by the size of the picture": lambda net, x: x / x.shape[3],
    "weights by the size": lambda net, x: F.conv2d(x, net.up.weight, padding=2 if x.shape[3] % 4 else 1),
    "enlarged by any number": lambda net, x: F.interpolate(x, scale_factor=1.5),
    "enlarged from corner to corner": lambda net, x: F.interpolate(
        x, scale_factor=2, mode="bilinear", align_corners=True
    ),
    "pixels anyhow": lambda net, x: x.flatten(2)[:, :, torch.arange(x[0, 0].numel())].view_as(x),
    "weights of the picture": lambda net, x: F.conv2d(
        x, x[:, :, :3, :3].reshape(4, 1, 3, 3), padding=1, groups=4
    ),
    "borders round": lambda net, x: F.pad(x, (1, 1, 1, 1), mode="circular"),
    "a number of the picture": lambda net, x: x * float(x.mean()),
    "a turn by the picture": lambda net, x: -x if x.mean() > 0 else x,
    "outside of PyTorch": lambda net, x: torch.from_numpy(x.detach().numpy()),
}


@pytest.mark.parametrize("way", UNKNOWN)
def test_what_is_not_proven_is_not_known_and_what_came_before_is(way):
    fields = receptive_fields(Net(UNKNOWN[way]), (3, 24, 24))
    assert set(fields) == {("first", 0)}
    assert (fields["first", 0].stride, fields["first", 0].field) == (2, 3)


def test_what_reads_values_ends_the_run_with_its_error_kept_inside():
    class Refuses(nn.Module):
        def forward(self, x):
            raise KeyError("a picture, please")

    assert receptive_fields(Refuses()) == {}


def test_a_head_that_cannot_be_followed_takes_nothing_from_the_layers_before():
    class Classifier(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.head = nn.Sequential(nn.Conv2d(3, 4, 5, 2), nn.ReLU()), nn.Linear(4, 2)

        def forward(self, x):
            x = self.body(x)
            if x.shape[-1] < 3 or x.mean().item() > 1e9:
                raise ValueError
            return self.head(x.mean((2, 3)))

    field = receptive_fields(Classifier())["body", 0]
    assert (field.stride, field.before, field.after) == (2, 0, 4)


def test_the_module_and_the_numbers_of_its_weights_stay():
    net = Net(FOLLOWED["channels last"])
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    assert receptive_fields(net)
    assert all(
        torch.equal(before[name], tensor) and not tensor.is_meta for name, tensor in net.state_dict().items()
    )


def test_a_bug_of_ours_comes_through(monkeypatch):
    monkeypatch.setattr(module_under_test, "numbers_of", None)
    with pytest.raises(TypeError, match="NoneType"):
        receptive_fields(nn.Sequential(nn.Conv2d(3, 4, 5)))
