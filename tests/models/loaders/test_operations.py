"""Programs do what the modules do that they were made of, operation by operation."""

import logging
import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from batcountry.errors import ModelError, UnsupportedLayer
from batcountry.models import open_model
from batcountry.models.loaders.operations import OPERATIONS
from batcountry.models.loaders.program import Program, Ref, Step

SIDE = 24


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    logging.disable(logging.ERROR)  # torch.export has much to say
    yield
    logging.disable(logging.NOTSET)
    torch.set_num_threads(before)


class Net(nn.Module):
    """A convolution, whose result goes through many operations that are added up, and another one."""

    def __init__(self, *between):
        super().__init__()
        torch.manual_seed(4)
        self.first, self.last, self.dense = nn.Conv2d(3, 8, 3, 2, 1), nn.Conv2d(8, 5, 1), nn.Linear(8, 8)
        self.deep, self.attention = nn.Conv3d(1, 1, 3, 1, 1), nn.MultiheadAttention(8, 2, batch_first=True)
        self.register_buffer("order", torch.tensor([3, 1, 0, 2, 7, 5, 6, 4]))
        self.register_buffer("mask", torch.tensor([True, False, True, True, False, False, True, False]))
        self.register_buffer("weight", torch.rand(8, 1, 1))
        self.between = between

    def forward(self, x):
        x = self.first(x)
        total = x
        for run in self.between:
            total = total + F.adaptive_avg_pool2d(run(self, x), x.shape[2:])
        return self.last(total)


def tokens(x):
    return x.flatten(2).transpose(1, 2)


def in_parts(net, x):
    y = x.clone()
    y[:, 0] = 0.5
    y[:, 1:3] = x[:, 2:4]
    return y


GROUPS = {
    "of one number": (
        lambda net, x: (
            x.cos()
            + x.sin()
            + x.tan().clamp(-1, 1)
            + x.tanh()
            + x.exp()
            + (x.abs() + 1).log()
            + x.sinh()
            + x.erf()
        ),
        lambda net, x: (
            x.atan() + x.expm1() + x.abs().log1p() + x.sign() + x.floor() + x.frac() + x.round() + x.square()
        ),
        lambda net, x: (
            1
            - x
            + 1 / (x * x + 1)
            + (x * x + 1) ** 0.5
            + 2 ** (x * 0.1)
            + x.clamp(min=-0.1)
            + x.clamp(max=0.1)
        ),
        lambda net, x: (
            F.hardswish(x) + F.hardsigmoid(x) + F.mish(x) + F.silu(x) + F.gelu(x) + F.elu(x) + F.celu(x)
        ),
        lambda net, x: (
            F.gelu(x, approximate="tanh") + F.selu(x) + F.softplus(x) + F.hardshrink(x) + F.logsigmoid(x)
        ),
        lambda net, x: (
            F.relu6(x)
            + F.hardtanh(x)
            + F.threshold(x, 0.1, 0.2)
            + F.prelu(x, net.weight.flatten())
            + F.rrelu(x)
        ),
        lambda net, x: x.clone().mul_(2).add_(1).clamp_(0, 1).sub_(0.1).neg_().sigmoid_(),
    ),
    "of types": (
        lambda net, x: x.to(torch.float64).mul(2).to(torch.float32),
        lambda net, x: (
            x.half().float() + x.bfloat16().to(x.dtype) + (x.double() * 2).type_as(x) + x.double().to(x)
        ),
        lambda net, x: x.to("cpu") + x.to(x.device) + x.to("cpu", torch.float64, copy=True).to(torch.float32),
        lambda net, x: (
            x * (x.long().float() + 1) + x * (x > 0).float() + x.to(memory_format=torch.channels_last)
        ),
        lambda net, x: torch.view_as_real(torch.complex(x, x)).sum(-1) + torch.fft.irfft2(torch.fft.rfft2(x)),
    ),
    "of bits and choices": (
        lambda net, x: x * (~net.mask).view(8, 1, 1) + x * ((x > 0) & (x < 1) | (x < -1) ^ (x > 2)).float(),
        lambda net, x: (
            x * (net.order.bitwise_and(3) | 1).view(8, 1, 1) + x * torch.logical_not(net.mask).view(8, 1, 1)
        ),
        lambda net, x: (
            torch.where(x > 0, x, x * 0.1) + torch.where(x > 0, x, 0.5) + x.masked_fill(x < 0, 0.1)
        ),
        lambda net, x: x[:, net.order] + x[:, [3, 2, 1, 0, 4, 5, 6, 7]] + x.index_select(1, net.order),
        lambda net, x: torch.cat([x[:, net.mask], x[:, ~net.mask]], 1),
        lambda net, x: (
            x.topk(8, 1)[0] + x.sort(1, descending=True)[0] + x.gather(1, x.argsort(1)) + x.cumsum(1)
        ),
        lambda net, x: torch.take_along_dim(x, x.argsort(1), 1) + x.clamp(-net.weight, net.weight),
    ),
    "of shapes": (
        lambda net, x: x.flatten(1).reshape_as(x) + x.roll(1, 1) + x.repeat(1, 2, 1, 1)[:, :8] + x.flip(1),
        lambda net, x: (
            torch.stack(x.unbind(1), 1)
            + torch.cat(x.chunk(3, 1)[::-1], 1)
            + torch.cat(x.split([2, 6], 1)[::-1], 1)
        ),
        lambda net, x: (
            x.repeat_interleave(2, 1)[:, ::2]
            + torch.tile(x, (1, 1, 2, 1))[:, :, : x.shape[2]]
            + x.movedim(1, -1).movedim(-1, 1)
        ),
        lambda net, x: F.pixel_shuffle(torch.cat([x] * 4, 1), 2) + F.interpolate(x, scale_factor=2),
        lambda net, x: x.unfold(2, 3, 1).mean(-1),
        in_parts,
        lambda net, x: (
            x * torch.arange(8).view(8, 1, 1)
            + torch.zeros_like(x)
            + torch.full_like(x, 0.1)
            + x.new_ones(8, 1, 1)
        ),
        lambda net, x: (
            x + torch.meshgrid(torch.arange(4.0), torch.arange(2.0), indexing="ij")[0].reshape(8, 1, 1)
        ),
        lambda net, x: x / (x.shape[2] * x.shape[3]) ** 0.5,
    ),
    "of sums and products": (
        lambda net, x: x / (torch.linalg.vector_norm(x, dim=1, keepdim=True) + 1e-3) + F.normalize(x, dim=1),
        lambda net, x: (
            x
            + x.amax(1, keepdim=True)
            + x.max(1, keepdim=True)[0]
            + x.logsumexp(1, keepdim=True)
            + x.std(1, keepdim=True)
        ),
        lambda net, x: (
            torch.einsum("nchw,cd->ndhw", x, net.dense.weight)
            + torch.addcmul(x, x, net.weight)
            + torch.lerp(x, x * 2, 0.3)
        ),
        lambda net, x: torch.baddbmm(x.flatten(2), net.dense.weight[None], x.flatten(2)).view_as(x),
        lambda net, x: (
            F.scaled_dot_product_attention(*[tokens(x)[None]] * 3)[0].transpose(1, 2).reshape(x.shape)
        ),
        lambda net, x: (
            net.attention(*[tokens(x)] * 3, need_weights=False)[0].transpose(1, 2).reshape(x.shape)
        ),
        lambda net, x: (
            F.layer_norm(x.permute(0, 2, 3, 1), [8]).permute(0, 3, 1, 2)
            + F.group_norm(x, 2)
            + F.instance_norm(x)
        ),
    ),
    "of windows": (
        lambda net, x: F.pad(x, (1, 1, 1, 1), mode="reflect") + F.pad(x, (1, 1, 1, 1), mode="replicate"),
        lambda net, x: F.pad(x, (1, 1, 1, 1), mode="circular"),
        lambda net, x: (
            net.deep(x[:, None])[:, 0]
            + F.local_response_norm(x, 3)
            + F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
        ),
        lambda net, x: (
            F.interpolate(x, size=(10, 10), mode="bilinear", antialias=True)
            + F.interpolate(x, size=(10, 10), mode="bicubic")
        ),
        lambda net, x: F.grid_sample(
            x, F.affine_grid(torch.eye(2, 3)[None], [1, 8, 12, 12], align_corners=False), align_corners=False
        ),
        lambda net, x: (
            F.adaptive_max_pool2d(x, 4)
            + F.max_pool2d(x, 3, ceil_mode=True)
            + F.lp_pool2d(x.abs() + 0.1, 2, 3)
        ),
    ),
    "of constants that are complex": (
        lambda net, x: torch.fft.irfft2(torch.fft.rfft2(x) * (1 + 0.5j)) + torch.view_as_real(x + 2j).sum(-1),
    ),
    "of buckets and products": (
        lambda net, x: (
            x * torch.bucketize(x.detach().abs().mean((2, 3), True), torch.tensor([0.1, 0.4]))
            + torch.kron(x.mean((2, 3)), torch.ones(1, 2)).sum(1)
            + torch.zeros(1, 4)
            .scatter_reduce(1, torch.arange(x.shape[1])[None] % 4, x.mean((2, 3)), "sum")
            .square()
            .sum()
        ),
    ),
}


def quietly(make):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make()


def slope(model):
    image = torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1)).mul(255).requires_grad_()
    name = model.layers[-1].name
    output = model.activations(image, [name])[name]
    return output.detach(), torch.autograd.grad(output.square().mean(), image)[0]


@pytest.mark.parametrize(
    ("group", "kind"),
    [
        *((group, kind) for group in GROUPS for kind in ("exported", "traced")),
        ("of bits and choices", "decomposed"),
    ],
)
def test_operations_do_what_they_do_in_a_module(group, kind):
    net, example = Net(*GROUPS[group]).eval(), torch.rand(1, 3, SIDE, SIDE)
    expected = slope(open_model(net, size=SIDE))
    if kind == "traced":
        model = open_model(quietly(lambda: torch.jit.trace(net, example, check_trace=False)), size=SIDE)
    else:
        program = quietly(lambda: torch.export.export(net, (example,)))
        model = open_model(quietly(program.run_decompositions) if kind == "decomposed" else program)
    for found, wanted in zip(slope(model), expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-3, atol=float(wanted.abs().max()) * 1e-4)


def test_operations_named_as_a_modules_methods_are_layers():
    net = Net(lambda net, x: x.to(torch.float64).float() + x.double().float()).eval()
    for program in (
        quietly(lambda: torch.jit.trace(net, torch.rand(1, 3, SIDE, SIDE))),
        quietly(lambda: torch.export.export(net, (torch.rand(1, 3, SIDE, SIDE),))),
    ):
        names = [each.name for each in open_model(program, size=SIDE).layers]
        assert {"to_", "to_1"} <= set(names) and len(set(names)) == len(names)


def test_layers_keep_their_names_apart_whatever_a_file_calls_them():
    names = ["weight_0", "a", "a.b", "forward.a", "x..y", "", "a"]
    steps = [
        Step("relu", "", (Ref("x" if not index else str(index - 1)),), (str(index),))
        for index in range(len(names))
    ]
    program = Program(steps, {"w": torch.rand(1)}, source="x", output="6", where="a test", names=names)
    assert torch.equal(program(torch.tensor([-1.0, 2.0])), torch.tensor([0.0, 2.0]))
    assert len(list(program.modules())) >= 1 + len(names)


def test_what_draws_at_random_is_refused_by_name():
    net = Net(lambda net, x: x + torch.rand_like(x))
    with pytest.raises(UnsupportedLayer, match="rand_like"):
        open_model(quietly(lambda: torch.export.export(net, (torch.rand(1, 3, SIDE, SIDE),))))


def test_a_program_that_gives_no_tensor_or_has_no_numbers_says_so():
    class Silent(Net):
        def forward(self, x):
            super().forward(x)

    with pytest.raises(ModelError, match="it gives no tensor"):
        open_model(quietly(lambda: torch.export.export(Silent(), (torch.rand(1, 3, SIDE, SIDE),))))
    with torch.device("meta"):
        bare = nn.Sequential(nn.Conv2d(3, 4, 3))
        program = quietly(lambda: torch.export.export(bare, (torch.rand(1, 3, SIDE, SIDE),)))
    with pytest.raises(ModelError, match="have no numbers"):
        open_model(program)


@pytest.mark.parametrize(
    ("operation", "given"),
    [
        ("pow", (10, 10**9)),
        ("mul", (2**40, 2**40)),
        ("mul", ([0] * 9, 10**12)),
        ("mul", (10**12, [0] * 9)),
        ("add", ([0] * 9000, [0] * 9000)),
        ("floordiv", (2**80, 1)),
        ("list", ([[1]],)),
    ],
)
def test_numbers_and_lists_of_a_program_do_not_grow_without_bound(operation, given):
    with pytest.raises(ModelError, match=r"more than|lists in lists"):
        OPERATIONS[operation](*given)


def test_numbers_and_lists_of_sizes_are_worked_out():
    assert OPERATIONS["pow"](3, 4) == 81 and OPERATIONS["pow"](2.0, -1) == 0.5
    assert OPERATIONS["mul"]([1, 2], 2) == [1, 2, 1, 2] and OPERATIONS["mul"](6, 7) == 42
    assert OPERATIONS["list"](1, [2, 3]) == [1, [2, 3]]
