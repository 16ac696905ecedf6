"""lucid's and lucent's objectives, against their formulas worked out in NumPy on the same activations."""

import numpy as np
import pytest
import torch

import batcountry
from batcountry.errors import RecipeError
from batcountry.models import Layer, Model
from batcountry.objectives import (
    IMAGE,
    OBJECTIVES,
    OPACITY,
    START,
    Objective,
    channel,
    for_picture,
    layer,
    lucent,
    lucid,
    parse,
    tv,
)
from batcountry.optim.gradient import tiled_gradient, whole_gradient

RNG = np.random.RandomState(11)
ACTS = RNG.normal(0.3, 1.0, (3, 5, 7, 11))  # pictures, channels, rows, columns
MORE = RNG.normal(0.1, 2.0, (3, 4, 3, 5))
DENSE = RNG.normal(0, 1, (3, 6))
PICTURE, BEGAN = RNG.uniform(0, 255, (3, 3, 13, 17)), RNG.uniform(0, 255, (3, 3, 13, 17))
ALPHA = RNG.uniform(0, 1, (3, 1, 13, 17))
VECTOR, TENSOR = RNG.normal(0, 1, 5), RNG.normal(0, 1, (3, 2, 5))
V = VECTOR.tolist()
A = ACTS.transpose(0, 2, 3, 1)  # as lucid has them: pictures, rows, columns, channels


@pytest.fixture
def net():
    layers = [Layer("a", 5, 1, 1, 0, 1), Layer("b", 4, 1, 1, 0, 1), Layer("d", 6, None, None)]
    return Model("on-paper", None, layers=layers, mean=(0.0,) * 3, weights_sha256="0" * 64, default_layer="a")


def score(net, objective):
    tensors = {"a": ACTS, "b": MORE, "d": DENSE, IMAGE: PICTURE, START: BEGAN, OPACITY: ALPHA}
    return float(objective.bind(net)({name: torch.from_numpy(each) for name, each in tensors.items()}))


def cosine_weighed(a, vector, power):
    """What lucid makes of a dot product, of which the last axis is that of channels."""
    dot = (a * vector).sum(-1)
    lengths = (1e-4 + np.sqrt((a**2).sum(-1))) * (1e-4 + np.sqrt((vector**2).sum(-1)))
    return (dot * np.maximum(0.1, dot / lengths) ** power).mean()


def cosine(a, vector):
    return ((a * vector).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(vector)).mean()


def half_at_the_rim(image, side):
    """A picture, (N, C, H, W), blurred with lucid's weights, tap by tap."""
    reach, total, count = side // 2, np.zeros_like(image), np.zeros_like(image)
    height, width = image.shape[-2:]
    for dy in range(-reach, reach + 1):
        for dx in range(-reach, reach + 1):
            weight = 0.5 if reach in (abs(dy), abs(dx)) else 1.0
            for y in range(max(0, -dy), min(height, height - dy)):
                columns = slice(max(0, -dx), min(width, width - dx))
                moved = slice(columns.start + dx, columns.stop + dx)
                total[..., y, columns] += weight * image[..., y + dy, moved]
                count[..., y, columns] += weight
    return total / count


def aligned(a, decay):
    pairs = [(i, i + apart) for apart in (1, 2, 3, 4) for i in range(len(a) - apart)]
    return -sum(((a[i] - a[j]) ** 2).mean() / decay ** (j - i) for i, j in pairs)


def alike(a):
    grams = [np.einsum("chw,dhw->cd", each, each) for each in a]
    flat = [each.ravel() / np.linalg.norm(each) for each in grams]
    return sum(p @ q for i, p in enumerate(flat) for j, q in enumerate(flat) if i != j) / len(a)


def bordered(image, width, gray):
    mask = np.ones(image.shape[-2:])
    mask[width:-width, width:-width] = 0
    return -(((half_at_the_rim(image, 5) - image) ** 2 + 0.8 * (image - gray) ** 2) * mask).sum()


UNIT = PICTURE / 255
FORMULAS = [
    (lambda: lucid.neuron("a", 2, x=1, y=9), lambda: A[:, 1, 9, 2].mean()),
    (lambda: lucid.neuron("a", 2), lambda: A[:, 3, 5, 2].mean()),
    (lambda: lucid.neuron("b", 1, batch=2), lambda: MORE[2, 1, 1, 2]),
    (lambda: lucid.neuron("d", 4), lambda: DENSE[:, 4].mean()),
    (lambda: lucid.channel("a", 4), lambda: A[..., 4].mean()),
    (lambda: lucid.channel("a", 4, batch=1), lambda: A[1, ..., 4].mean()),
    (lambda: lucid.direction("a", VECTOR), lambda: (A @ VECTOR).mean()),
    (lambda: lucid.direction("a", VECTOR, 2), lambda: cosine_weighed(A, VECTOR, 2)),
    (lambda: lucid.direction_cossim("a", V, 1, batch=0), lambda: cosine_weighed(A[0], VECTOR, 1)),
    (lambda: lucid.direction_neuron("a", VECTOR), lambda: (A[:, 3, 5] @ VECTOR).mean()),
    (lambda: lucid.direction_neuron("a", V, 6, 2, 1.5), lambda: cosine_weighed(A[:, 6, 2], VECTOR, 1.5)),
    (lambda: lucid.tensor_direction("a", TENSOR), lambda: (A[:, 2:5, 4:6] * TENSOR).sum(-1).mean()),
    (lambda: lucid.tensor_direction("a", TENSOR[None], 2), lambda: cosine_weighed(A[:, 2:5, 4:6], TENSOR, 2)),
    (lambda: lucid.deepdream("a"), lambda: (A**2).mean()),
    (lambda: lucid.class_logit("d", 3), lambda: DENSE[:, 3].sum()),
    (lambda: lucid.class_logit("d", 3, batch=1), lambda: DENSE[1, 3]),
    (lambda: lucid.L1("a"), lambda: np.abs(A).sum()),
    (lambda: lucid.L1("a", 0.25, batch=1), lambda: np.abs(A[1] - 0.25).sum()),
    (lambda: lucid.L1(), lambda: UNIT.sum()),
    (lambda: lucid.L1("input", 0.5), lambda: np.abs(UNIT - 0.5).sum()),
    (lambda: lucid.L2("a"), lambda: np.sqrt(1e-6 + (A**2).sum())),
    (lambda: lucid.L2("d", 0.5, 3.0, batch=2), lambda: np.sqrt(3 + ((DENSE[2] - 0.5) ** 2).sum())),
    (lambda: lucid.L2(), lambda: np.sqrt(1e-6 + (UNIT**2).sum())),
    (
        lambda: lucid.total_variation("b"),
        lambda: np.abs(np.diff(MORE, axis=2)).sum() + np.abs(np.diff(MORE, axis=3)).sum(),
    ),
    (
        lambda: lucid.total_variation(),
        lambda: np.abs(np.diff(UNIT, axis=2)).sum() + np.abs(np.diff(UNIT, axis=3)).sum(),
    ),
    (lambda: lucid.blur_input_each_step(), lambda: ((UNIT - half_at_the_rim(UNIT, 3)) ** 2).sum() / 2),
    (lambda: lucid.blur_alpha_each_step(), lambda: ((ALPHA - half_at_the_rim(ALPHA, 3)) ** 2).sum() / 2),
    (lambda: lucid.penalize_boundary_complexity([3, 13, 17, 3], w=2), lambda: bordered(UNIT, 2, 0.5)),
    (lambda: lucid.penalize_boundary_complexity(None, 3, None, 0.2), lambda: bordered(UNIT, 3, 0.2)),
    (lambda: lucid.penalize_boundary_complexity([13, 17]), lambda: bordered(UNIT, 20, 0.5)),
    (lambda: lucid.input_diff("start"), lambda: np.sqrt((((PICTURE - BEGAN) / 255) ** 2).mean())),
    (lambda: lucid.alignment("a"), lambda: aligned(ACTS, 2)),
    (lambda: lucid.alignment("d", 3), lambda: aligned(DENSE, 3)),
    (lambda: lucid.diversity("a"), lambda: alike(ACTS)),
    (
        lambda: lucid.channel_interpolate("a", 1, "b", 2),
        lambda: sum(
            (1 - t) * p + t * q
            for t, p, q in zip((0, 0.5, 1), ACTS[:, 1].mean((1, 2)), MORE[:, 2].mean((1, 2)), strict=True)
        ),
    ),
    (lambda: lucent.neuron("a", 2, x=9, y=1), lambda: A[:, 1, 9, 2].mean()),
    (lambda: lucent.channel("a", 2), lambda: A[..., 2].mean()),
    (lambda: lucent.direction("a", torch.tensor(VECTOR)), lambda: cosine(A, VECTOR)),
    (lambda: lucent.direction("a", V, batch=1), lambda: cosine(A[1], VECTOR)),
    (lambda: lucent.direction_neuron("a", V, x=9, y=1), lambda: cosine(A[:, 1, 9], VECTOR)),
    (lambda: lucent.direction_neuron("a", V), lambda: cosine(A[:, 3, 5], VECTOR)),
    (lambda: lucent.neuron_weight("a", V, x=9, y=1), lambda: (A[:, 1, 9] * VECTOR).mean()),
    (lambda: lucent.neuron_weight("a", None, batch=2), lambda: A[2, 3, 5].mean()),
    (lambda: lucent.channel_weight("a", V), lambda: (A * VECTOR).mean()),
    (
        lambda: lucent.localgroup_weight("a", V, x=4, y=1, wx=3, wy=2),
        lambda: (A[:, 1:3, 4:7] * VECTOR).mean(),
    ),
    (lambda: lucent.localgroup_weight("a", x=9, y=5, wx=9, wy=9), lambda: A[:, 5:, 9:].mean()),
    (lambda: lucent.localgroup_weight("a", V, wx=3, wy=5), lambda: (A[:, 1:6, 4:7] * VECTOR).mean()),
]


@pytest.mark.parametrize(("make", "formula"), FORMULAS)
def test_a_score_is_what_the_formula_gives_for_the_batch_and_its_text_is_read_back(net, make, formula):
    objective = make()
    assert score(net, objective) == pytest.approx(float(formula()), rel=1e-5)
    assert parse(str(objective)) == objective
    assert score(net, parse(str(objective))) == pytest.approx(float(formula()), rel=1e-5)


@pytest.mark.parametrize("library", ["lucid", "lucent"])
def test_every_name_of_a_library_is_in_the_text_form(library):
    names = set({"lucid": lucid, "lucent": lucent}[library].__all__) - {"Objective", "as_objective"}
    assert {f"{library}.{name}" for name in names} <= set(OBJECTIVES)
    assert names <= set(OBJECTIVES)


def test_alignment_compares_pictures_up_to_four_apart(net):
    features = RNG.normal(0, 1, (7, 5, 3, 2))
    found = float(lucid.alignment("a", 1.5).bind(net)({"a": torch.from_numpy(features)}))
    assert found == pytest.approx(aligned(features, 1.5), rel=1e-5)


def test_a_place_that_a_layer_lacks_is_its_last(net):
    assert score(net, lucid.neuron("b", 1, 100, 100)) == pytest.approx(MORE[:, 1, 2, 4].mean())
    assert score(net, lucent.localgroup_weight("b", x=100, y=0)) == pytest.approx(MORE[:, :, 0, 4].mean())


def test_a_pattern_larger_than_the_layer_is_compared_by_its_middle(net):
    pattern = RNG.normal(0, 1, (5, 9, 4))
    expected = (MORE.transpose(0, 2, 3, 1) * pattern[1:4, 2:7]).sum(-1).mean()
    assert score(net, lucid.tensor_direction("b", pattern)) == pytest.approx(expected, rel=1e-5)


def test_a_mask_in_the_place_of_the_border_is_a_picture(net, tmp_path):
    mask = RNG.randint(0, 256, (13, 17, 1), dtype=np.uint8).repeat(3, 2)
    aim = lucid.penalize_boundary_complexity(mask=mask)
    ((_, term),) = aim.terms
    (key,) = term.aux_inputs
    tensors = {IMAGE: torch.from_numpy(PICTURE), key: torch.from_numpy(mask[..., 0] / 255.0)[None, None]}
    away = (half_at_the_rim(UNIT, 5) - UNIT) ** 2 + 0.8 * (UNIT - 0.5) ** 2
    assert float(aim.bind(net)(tensors)) == pytest.approx(-(away * mask[..., 0] / 255).sum(), rel=1e-5)
    with pytest.raises(RecipeError, match="not a file, so it cannot be opened again"):
        parse(str(aim)).bind(net)


@pytest.mark.parametrize("k", [0.1, 0.7])
def test_subtracting_the_blur_moves_the_picture_a_share_of_the_way_to_it(net, k):
    image = torch.from_numpy(PICTURE).requires_grad_()
    objective = -k * lucid.blur_input_each_step()
    (gradient,) = torch.autograd.grad(objective.bind(net)({IMAGE: image}), image)
    moved = UNIT + gradient.numpy() * 255  # a step of one in lucid's units
    np.testing.assert_allclose(moved, (1 - k) * UNIT + k * half_at_the_rim(UNIT, 3), rtol=1e-6)


@pytest.mark.parametrize(
    "make",
    [
        lambda: lucid.direction("a", V, 2),
        lambda: lucid.direction_neuron("a", V, cossim_pow=2),
        lambda: lucent.direction("a", V),
        lambda: lucid.L2("a"),
    ],
)
def test_places_without_features_have_a_finite_gradient(net, make):
    features = torch.zeros(2, 5, 3, 3, requires_grad=True)
    (gradient,) = torch.autograd.grad(make().bind(net)({"a": features}), features)
    assert gradient.isfinite().all()


def test_a_picture_is_compared_with_itself_without_a_slope(net):
    image = torch.full((1, 3, 4, 5), 9.0, requires_grad=True)
    (gradient,) = torch.autograd.grad(
        lucid.input_diff().bind(net)({IMAGE: image, START: image.detach()}), image
    )
    assert not gradient.any()


def test_channels_and_their_weights_are_cut_into_tiles_and_sums_are_not(two_channels):
    image = torch.from_numpy(RNG.uniform(0, 255, (1, 3, 61, 47)).astype(np.float32))
    aims = (
        'lucid.channel("mean", 1)',
        'lucid.direction("mean", [1, -2], 2)',
        'lucent.direction("mean", [1, 2])',
    )
    aim = parse(" + ".join((*aims, 'channel_weight("mean", [3, 0.5]) + deepdream("mean") + 7')))
    (expected, whole), (found, tiled) = (
        made(image) for made in (whole_gradient(two_channels, aim), tiled_gradient(two_channels, aim, 16))
    )
    assert found == pytest.approx(float(expected), rel=1e-4)
    torch.testing.assert_close(tiled, whole, rtol=1e-3, atol=1e-6)
    for text in ('L1("mean")', 'direction_neuron("mean", [1, 2])', 'neuron_weight("mean", [1, 2])'):
        with pytest.raises(RecipeError, match="cannot be worked out in tiles"):
            tiled_gradient(two_channels, parse(text), 16)
        with pytest.raises(RecipeError, match="not a mean over places"):
            parse(f"region('mask.png', {text})")


COMPARING = [
    'alignment("blocks.2")',
    'diversity("blocks.2")',
    'channel_interpolate("blocks.2", 0, "stem", 1)',
]


@pytest.mark.parametrize("text", COMPARING)
def test_what_compares_pictures_is_for_several_of_one_size_at_once(photo, text):
    options = {"objective": f'layer("blocks.2") + {text}', "octaves": 1, "iterations": 1, "jitter": 0}
    with pytest.raises(RecipeError, match="here is only one"):
        batcountry.dreaming(photo, **options)
    for pictures, batch in (([photo, photo[::-1], photo], 2), ([photo, photo[:-4]], 8)):
        with pytest.raises(RecipeError, match="all grow at once"):
            batcountry.dreaming(pictures, batch=batch, **options)
    with pytest.raises(RecipeError, match="windows go over one picture"):
        list(batcountry.dreaming([photo, photo], windows="32x32", **options))
    with pytest.raises(RecipeError, match="cannot be of one alone"):
        for_picture(0, parse(text))
    ((step),) = batcountry.dreaming([photo, photo[::-1].copy()], **options)
    assert np.isfinite(step.score) and len(step.pictures()) == 2


def test_pictures_with_an_objective_each_are_compared_beside_it(photo):
    aims = 'each([channel("stem", 1), channel("stem", 2)])'
    options = {"octaves": 1, "iterations": 1, "jitter": 0}
    alone, together = (
        next(iter(batcountry.dreaming(photo, objective=text, **options))).image
        for text in (aims, f'{aims} - 1000*diversity("blocks.2")')
    )
    assert len(together) == 2
    assert not torch.equal(alone, together)


def test_likeness_that_is_added_is_warned_of(photo, caplog):
    options = {"octaves": 1, "iterations": 1}
    pictures = [photo, photo[::-1].copy()]
    list(batcountry.dreaming(pictures, objective='layer("stem") - diversity("stem")', **options))
    assert not caplog.records
    list(batcountry.dreaming(pictures, objective='layer("stem") + diversity("stem")', **options))
    assert "subtract it" in caplog.text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('L2("a", 0, 0)', "epsilon of more than 0"),
        ('alignment("a", 0)', "decay_ratio of more than 0"),
        ('localgroup_weight("a", wx=0)', "at least one column"),
        ("penalize_boundary_complexity(w=-1)", "0 or more"),
        ("penalize_boundary_complexity([1, 2, 3])", "two numbers"),
        ('lucid.neuron("a", 1, x=-1)', "counted from 0"),
        ('direction_neuron("a", [1], y=-1)', "counted from 0"),
        ('neuron_weight("a", [1], y=-1)', "counted from 0"),
        ('lucid.nueron("a", 1)', "did you mean 'lucid.neuron'"),
        ('tv.neuron("a", 1)', "expected an objective such as layer"),
        ('lucid.direction("a", [1, None])', "must be a list"),
    ],
)
def test_what_cannot_be_is_refused_as_it_is_written(text, said):
    with pytest.raises(RecipeError, match=said):
        parse(text)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: lucid.tensor_direction("a", TENSOR[..., :4]), "height × width × 5 numbers"),
        (lambda: lucid.tensor_direction("a", np.full((2, 2, 5), np.inf)), "finite"),
        (lambda: lucid.direction("a", [1, 2, np.nan, 4, 5]), "of finite numbers only"),
        (lambda: lucent.channel_weight("a", [1, 2]), "5 finite numbers, not 2"),
        (lambda: lucid.channel_interpolate("a", 1, "b", 9), "there is no channel 9"),
        (lambda: lucid.total_variation("d"), "no height and width"),
        (lambda: lucid.penalize_boundary_complexity([224, 200]), "200×224 pixels and the picture has 17×13"),
    ],
)
def test_what_does_not_go_with_a_network_or_a_picture_is_refused(net, make, said):
    with pytest.raises(RecipeError, match=said):
        score(net, make())


@pytest.mark.parametrize("numbers", ["abc", {"a": 1}, [[1], [1, 2]]])
def test_what_is_no_list_of_numbers_is_no_direction(numbers, net):
    with pytest.raises(RecipeError, match=r"list of numbers|cannot be read as a direction"):
        lucid.direction("a", numbers).bind(net)


def test_a_pattern_comes_from_a_file_too(net, tmp_path):
    np.save(tmp_path / "t.npy", TENSOR)
    aim = lucid.tensor_direction("a", tmp_path / "t.npy")
    assert aim.files == (str(tmp_path / "t.npy"),)
    assert score(net, aim) == pytest.approx((A[:, 2:5, 4:6] * TENSOR).sum(-1).mean(), rel=1e-5)


@pytest.mark.parametrize(
    "text", ["a:2", " a : 2 ", '"a:2"', "'a:2'", "inception_4c/output:2", "x.y z:1", "scope/a:0:2"]
)
def test_a_layer_and_a_number_are_a_channel(text):
    name, number = text.strip(" \"'").rsplit(":", 1)
    assert parse(text) == channel(name.strip(), int(number))
    assert lucid.as_objective(text) == parse(text)


def test_a_channel_by_its_number_is_weighed_and_added_in_quotes():
    assert parse('2*"a:1" - "b:2"/4 + tv()') == 2 * channel("a", 1) - channel("b", 2) / 4 + tv()
    with pytest.raises(RecipeError, match="must be a list, each an objective"):
        parse('each(["a:1"])')


def test_a_channel_that_is_not_there_is_refused_by_its_number(two_channels):
    with pytest.raises(RecipeError, match="there is no channel -1"):
        parse("sum:-1").bind(two_channels)
    assert lucid.as_objective(layer("sum")) == layer("sum")


ARITHMETIC = [
    (lambda a, b: a / 2, '0.5*layer("a")', lambda a, b: a / 2),
    (lambda a, b: a + 1, 'layer("a") + 1.0', lambda a, b: a + 1),
    (lambda a, b: 1 + a - 3, 'layer("a") - 2.0', lambda a, b: a - 2),
    (lambda a, b: 1 - a, '-layer("a") + 1.0', lambda a, b: 1 - a),
    (lambda a, b: 2 * (a + 1) / 4, '0.5*layer("a") + 0.5', lambda a, b: (a + 1) / 2),
    (lambda a, b: -(a + 1), '-layer("a") - 1.0', lambda a, b: -a - 1),
    (lambda a, b: sum([a, b]), 'layer("a") + channel("a", 1)', lambda a, b: a + b),
    (lambda a, b: Objective.sum([a + 1, b]), 'layer("a") + channel("a", 1) + 1.0', lambda a, b: a + b + 1),
    (lambda a, b: np.float32(0.5) * a + np.int64(2), '0.5*layer("a") + 2.0', lambda a, b: a / 2 + 2),
    (lambda a, b: a * np.float64(3) - b, '3.0*layer("a") - channel("a", 1)', lambda a, b: 3 * a - b),
]


@pytest.mark.parametrize(("make", "text", "number"), ARITHMETIC)
def test_arithmetic_with_numbers_is_that_of_scores(net, make, text, number):
    a, b = layer("a"), channel("a", 1)
    found = make(a, b)
    assert str(found) == found.description == text
    assert parse(text) == found
    squares, means = ACTS**2, ACTS[:, 1]
    expected = number(squares.mean((1, 2, 3)).sum(), means.mean((1, 2)).sum())
    assert score(net, found) == pytest.approx(expected, rel=1e-6)


def test_sums_and_fractions_are_written_in_text_too():
    aim = (layer("a") + channel("b", 1) + 1) / 2
    assert parse('sum([layer("a"), channel("b", 1) + 1]) / 2') == aim
    assert parse('layer("a")*(1/2) + 0.5*(channel("b", 1) + 1)') == aim
    assert aim.name == "layer, channel"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('layer("a") / 0', "divided by 0"),
        ("1/0 * layer('a')", "divided by 0"),
        ('1 / layer("a")', "added, subtracted"),
        ('layer("a") ** 2', "added, subtracted"),
        ('layer("a") + 1e999', "finite number"),
        ("1e308 * layer('a') * 10", "finite number"),
        ("2 * (layer('a') + 1e308) ", "finite number"),
        ("sum([])", "at least one"),
    ],
)
def test_arithmetic_that_comes_to_nothing_is_refused(text, said):
    with pytest.raises(RecipeError, match=said):
        parse(text)


def test_a_huge_whole_number_is_refused_in_python_too():
    with pytest.raises(RecipeError, match="finite number"):
        layer("a") * 10**400
    with pytest.raises(RecipeError, match="divided by 0"):
        layer("a") / 0
    with pytest.raises(RecipeError, match="finite"):
        layer("a") + float("nan")


def test_a_constant_goes_through_what_is_made_of_objectives(net):
    aim = layer("a") + 4
    for made in (for_picture(1, aim), parse(f"mean([{aim}, {aim}])"), aim.of_layers, parse(f"each([{aim}])")):
        assert made.constant == 4
    assert aim.of_image.constant == 0


def test_a_constant_is_in_the_score_of_a_dream_and_changes_no_pixel(photo):
    options = {"octaves": 1, "iterations": 1, "jitter": 0}
    plain, added = (
        next(iter(batcountry.dreaming(photo, objective=text, **options)))
        for text in ('layer("stem") - tv()', 'layer("stem") - tv() + 1000')
    )
    assert added.score == pytest.approx(plain.score + 1000)
    assert torch.equal(plain.image, added.image)
