import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from batcountry.backend.batch_norm import batch_norm, exact_norms, instance_norm, use_exact_norms

EPS = 1e-5


def strides(tensor, way):
    """The same numbers in another layout: channels last, and an axis of length 1 with a stride that is its own."""
    if way.startswith("last"):
        tensor = tensor.movedim(1, -1).contiguous().movedim(-1, 1)
    if way.endswith("odd"):
        tensor = tensor.as_strided(tensor.shape, (tensor.shape[1], *tensor.stride()[1:]))
    return tensor


WAYS = ["first", "last", "first odd", "last odd"]


def values(axes=2):
    random = np.random.RandomState(7)
    shape = (1, 5, 4, 7) if axes == 2 else (1, 5, 2, 3, 4)
    x, pull = (torch.from_numpy(random.randn(*shape).astype(np.float32)) for _ in range(2))
    mean, bias = (torch.from_numpy(random.randn(5).astype(np.float32)) for _ in range(2))
    variance, weight = (torch.from_numpy(random.uniform(0.3, 2, 5).astype(np.float32)) for _ in range(2))
    return x, pull, mean, variance, weight, bias


def by_channel(numbers, like):
    return numbers.numpy().astype(np.float64).reshape(1, -1, *[1] * (like.ndim - 2))


def formula(x, pull, weight):
    """The gradient of pull · normalized x by x, of statistics that are x's own, in NumPy from the formula."""
    x, pull = x.numpy().astype(np.float64), pull.numpy().astype(np.float64) * by_channel(weight, x)
    axes = tuple(range(2, x.ndim))
    deviation = np.sqrt(x.var(axes, keepdims=True) + EPS)
    normal = (x - x.mean(axes, keepdims=True)) / deviation
    rest = pull.mean(axes, keepdims=True) + normal * (pull * normal).mean(axes, keepdims=True)
    return (pull - rest) / deviation


def gradient(run, x, pull):
    x = x.detach().requires_grad_()
    return torch.autograd.grad(run(x), x, pull)[0]


def frozen_ways(mean, variance, weight, bias):
    aten = torch.ops.aten
    module = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
    args = weight, bias, mean, variance

    def part(x):
        norm = module[x.ndim - 2](5).eval().requires_grad_(False)
        norm.load_state_dict(
            {"weight": weight, "bias": bias, "running_mean": mean, "running_var": variance}, strict=False
        )
        return norm(x)

    return {
        "module": part,
        "function": lambda x: F.batch_norm(x, mean, variance, weight, bias),
        "torch": lambda x: torch.batch_norm(x, *args, False, 0.1, EPS, False),
        "native": lambda x: torch.native_batch_norm(x, *args, False, 0.1, EPS)[0],
        "aten": lambda x: aten.batch_norm(x, *args, False, 0.1, EPS, False),
        "overload": lambda x: aten._native_batch_norm_legit_no_training.default(x, *args, 0.1, EPS)[0],
        "instance": lambda x: F.instance_norm(x, mean, variance, weight, bias, use_input_stats=False),
    }


@pytest.mark.parametrize("axes", [2, 3])
@pytest.mark.parametrize("of_gradient", WAYS)
@pytest.mark.parametrize("of_input", WAYS)
def test_a_frozen_norm_has_one_factor_for_each_channel_as_its_gradient_in_every_layout(
    of_input, of_gradient, axes
):
    x, pull, *stored = values(axes)
    mean, variance, weight, bias = stored
    expected = pull.numpy() * by_channel(weight, x) / np.sqrt(by_channel(variance, x) + EPS)
    output = (x.numpy() - by_channel(mean, x)) * by_channel(weight, x)
    output = output / np.sqrt(by_channel(variance, x) + EPS) + by_channel(bias, x)
    x, pull = strides(x, of_input), strides(pull, of_gradient)
    with exact_norms():
        for name, run in frozen_ways(*stored).items():
            np.testing.assert_allclose(gradient(run, x, pull), expected, rtol=1e-5, err_msg=name)
            np.testing.assert_allclose(run(x), output, rtol=1e-4, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("of_gradient", WAYS)
@pytest.mark.parametrize("of_input", WAYS)
def test_norms_by_a_pictures_own_statistics_have_the_formulas_gradient_in_every_layout(of_input, of_gradient):
    x, pull, mean, variance, weight, bias = values()
    expected = formula(x, pull, weight)
    x, pull = strides(x, of_input), strides(pull, of_gradient)
    with exact_norms():
        for run in (
            lambda x: F.instance_norm(x, weight=weight, bias=bias),
            lambda x: torch.instance_norm(x, weight, bias, None, None, True, 0.1, EPS, False),
            lambda x: F.batch_norm(x, mean, variance, weight, bias, training=True),
            lambda x: torch.ops.aten._native_batch_norm_legit.no_stats(x, weight, bias, True, 0.1, EPS)[0],
        ):
            np.testing.assert_allclose(gradient(run, x, pull), expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("way", ["first", "last"])
def test_where_pytorchs_gradient_is_right_it_is_the_same_to_the_bit(way, count):
    x, pull, *stored = values()
    x, pull = (strides(torch.cat([each, -3 * each][:count]), way) for each in (x, pull))
    run = frozen_ways(*stored)["function"]
    usual = gradient(run, x, pull)
    with exact_norms():
        assert torch.equal(gradient(run, x, pull), usual)
    half = gradient(run, x.bfloat16(), pull.bfloat16())
    with exact_norms():
        assert torch.equal(gradient(run, x.bfloat16(), pull.bfloat16()), half)


def test_weights_that_depend_on_the_picture_have_their_gradient():
    x, pull, mean, variance, _, _ = values()

    def modulated(x):
        return batch_norm(x, mean, variance, x.mean((0, 2, 3)), x.amax((0, 2, 3)))

    found = gradient(modulated, x, pull)
    direction = torch.from_numpy(np.random.RandomState(3).randn(*x.shape))
    wide = [each.double() for each in (x, pull, mean, variance)]

    def score(x):
        normal = (x - wide[2].view(-1, 1, 1)) / (wide[3].view(-1, 1, 1) + EPS).sqrt()
        y = normal * x.mean((0, 2, 3)).view(-1, 1, 1) + x.amax((0, 2, 3)).view(-1, 1, 1)
        return float((y * wide[1]).sum())

    step = 1e-6 * direction
    slope = (score(wide[0] + step) - score(wide[0] - step)) / 2e-6
    assert float((found.double() * direction).sum()) == pytest.approx(slope, rel=1e-4)


def test_stored_statistics_stay_and_what_is_wrong_is_still_said():
    x, _, mean, variance, _, _ = values()
    before = mean.clone(), variance.clone()
    batch_norm(torch.cat([x, x]), mean, variance, training=True)
    instance_norm(x, mean, variance)
    assert torch.equal(mean, before[0]) and torch.equal(variance, before[1])
    with pytest.raises(ValueError, match="more than 1"):
        batch_norm(torch.ones(1, 5), None, None, training=True)
    with pytest.raises(ValueError, match="more than 1"):
        instance_norm(torch.ones(1, 5, 1, 1))


def test_a_module_that_uses_them_does_so_in_its_copies_too_and_nothing_else_does():
    x, pull, *_ = values()
    pull = strides(pull, "last odd")
    norm = nn.Sequential(nn.BatchNorm2d(5)).eval().requires_grad_(False)
    norm[0].running_var.uniform_(0.5, 2)
    expected = pull / (norm[0].running_var.view(-1, 1, 1) + EPS).sqrt()
    use_exact_norms(norm)
    use_exact_norms(norm)
    twin = copy.deepcopy(norm)
    twin[0].running_var *= 2
    torch.testing.assert_close(gradient(norm, x, pull), expected)
    assert not torch.equal(twin(x), norm(x))
    assert F.batch_norm.__module__ == "torch.nn.functional"
