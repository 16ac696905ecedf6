"""Steps on buffers that stay, beside those that are run piece by piece."""

import numpy as np
import pytest
import torch

from batcountry.errors import ModelError, RecipeError
from batcountry.objectives import layer, total_variation
from batcountry.objectives.breakdown import Breakdown
from batcountry.optim.ascent import UPDATE, Ascent, Climb
from batcountry.optim.gradient import finite_gradient, whole_gradient
from batcountry.optim.optimizers import Schedule, optimizer
from batcountry.optim.param import PARAMS, Pixels
from batcountry.optim.redirection import Redirection
from batcountry.optim.static_climb import StaticClimb, UnforeseenError, unforeseen
from batcountry.optim.transforms import parse

PICTURES = torch.from_numpy(np.random.RandomState(3).uniform(20, 230, (2, 3, 19, 23)).astype(np.float32))
OTHERS = PICTURES.flip(-1).contiguous()
MASK = {UPDATE: torch.linspace(0, 1, 23).expand(1, 1, 19, 23)}
DECAY = Schedule(1.5, 0.5, 2)


def ascent(gradient, name="ascent", measure="mean", param="pixels", seed=0, **more):
    transforms = parse("jitter(5), pad(2), rotate(8), noise(1, 3)")
    steps = optimizer(name, DECAY, measure)
    return Ascent(gradient, steps, transforms, np.random.RandomState(seed), param=PARAMS[param], **more)


def steps(climb, count):
    return [climb.step() for _ in range(count)]


def begun(climb, image, aux_inputs=None, seed=0, redirects=0, released=lambda: None):
    rng = np.random.RandomState(seed)
    climb.restart(image, aux_inputs or {}, rng, Redirection(redirects), None, released)
    return climb


def assert_same(found, expected):
    for (image, score), (usual, usual_score) in zip(found, expected, strict=True):
        torch.testing.assert_close(image, usual, rtol=0, atol=2e-3)
        assert float(score) == pytest.approx(float(usual_score), rel=1e-5)


@pytest.mark.parametrize(
    "parts",
    [
        ("ascent", "mean", "pixels"),
        ("ascent", "std", "pixels"),
        ("ascent", "none", "pixels"),
        ("ascent", "bands", "decorrelated"),
        ("adam", "mean", "decorrelated"),
        ("rmsprop", "mean", "pixels"),
        ("rmsprop-cnn-vis", "mean", "pixels"),
        ("adam", "mean", "fourier"),
        ("adam", "mean", "maco"),
    ],
    ids="-".join,
)
def test_steps_are_those_of_a_climb_and_begin_again_from_other_pictures(two_channels, parts):
    make = ascent(whole_gradient(two_channels, layer("sum")), *parts)
    static = StaticClimb(make, PICTURES, {})
    for image in (PICTURES, OTHERS, PICTURES):
        found = steps(begun(static, image), 4)
        usual = Climb(ascent(make.gradient, *parts), image, {})
        assert_same(found, steps(usual, 4))


def test_a_mask_and_pictures_beside_come_anew_with_the_pictures(two_channels):
    make = ascent(whole_gradient(two_channels, layer("sum")))
    static = StaticClimb(make, PICTURES, {UPDATE: torch.zeros(1, 1, 19, 23)})
    begun(static, PICTURES, {UPDATE: torch.zeros(1, 1, 19, 23)})
    assert torch.equal(static.step()[0], PICTURES)
    found = steps(begun(static, PICTURES, MASK), 3)
    assert_same(found, steps(Climb(ascent(make.gradient), PICTURES, MASK), 3))


def test_a_step_that_was_handed_out_stays_as_it_was(two_channels):
    static = begun(StaticClimb(ascent(whole_gradient(two_channels, layer("sum"))), PICTURES, {}), PICTURES)
    first, score = static.step()
    image, number = first.clone(), float(score)
    steps(static, 3)
    assert torch.equal(first, image)
    assert float(score) == number


@pytest.mark.parametrize("name", ["ascent", "adam", "rmsprop-cnn-vis"])
def test_what_was_stored_is_gone_on_with_by_either_kind_of_steps(two_channels, name):
    gradient = whole_gradient(two_channels, layer("sum"))
    static = begun(StaticClimb(ascent(gradient, name), PICTURES, {}), PICTURES)
    steps(static, 3)
    state = {key: each.clone() for key, each in static.state().items()}
    after = steps(static, 4)
    for other in (
        begun(StaticClimb(ascent(gradient, name), OTHERS, {}), OTHERS),
        Climb(ascent(gradient, name), OTHERS, {}),
        static,
    ):
        other.load(state)
        assert_same(steps(other, 4), after)


def test_the_random_numbers_of_the_next_octave_are_those_after_the_last_step(two_channels):
    make = ascent(whole_gradient(two_channels, layer("sum")))
    rng, control = np.random.RandomState(7), ascent(make.gradient, seed=7)
    static = StaticClimb(make, PICTURES, {})
    static.restart(PICTURES, {}, rng, Redirection(0), None, lambda: None)
    steps(static, 3)
    static.rewind()
    steps(Climb(control, PICTURES, {}), 3)
    assert rng.randint(1 << 30) == control.rng.randint(1 << 30)


def test_dead_relus_are_redirected_in_the_first_steps_alone(two_channels):
    from batcountry.backend.redirected_relu import is_redirecting

    redirecting = []

    def gradient(image, _):
        redirecting.append(is_redirecting())
        return 0.0, torch.ones_like(image)

    steps(begun(StaticClimb(ascent(gradient), PICTURES, {}), PICTURES, redirects=2), 4)
    assert redirecting == [True, True, False, False]


def test_who_holds_the_steps_is_told_once_that_they_are_free(two_channels):
    told = []
    static = StaticClimb(ascent(whole_gradient(two_channels, layer("sum"))), PICTURES, {})
    begun(static, PICTURES, released=lambda: told.append(1))
    static.close()
    static.close()
    assert told == [1]


def broken_sentence(two_channels, climb):
    with pytest.raises((ModelError, RecipeError)) as error:
        for _ in range(4):
            climb.step()
            climb.look()
    return str(error.value)


@pytest.mark.parametrize("weight", [float("nan"), 1e30])
def test_what_is_not_finite_ends_in_the_same_sentence_when_somebody_looks(two_channels, weight):
    aim = layer("sum")
    static = begun(StaticClimb(ascent(finite_gradient(two_channels, aim)), PICTURES, {}), PICTURES)
    plain = Climb(ascent(finite_gradient(two_channels, aim)), PICTURES, {})
    plain.step(), static.step()
    static.look()
    two_channels.network.weight.mul_(weight)
    expected = broken_sentence(two_channels, plain)
    steps(static, 4)  # nobody looks
    with pytest.raises((ModelError, RecipeError)) as error:
        static.look()
    assert str(error.value) == expected
    begun(static, PICTURES)
    static.look()


def test_who_looks_back_at_an_octave_that_is_over_is_told_nothing_of_the_next(two_channels):
    static = begun(StaticClimb(ascent(finite_gradient(two_channels, layer("sum"))), PICTURES, {}), PICTURES)
    static.step()
    look = static.look
    static.close()
    begun(static, PICTURES)
    two_channels.network.weight.mul_(float("nan"))
    static.step()
    look()
    with pytest.raises(ModelError):
        static.look()


def test_parts_that_begin_anew_or_choose_for_themselves_are_not_foreseen(two_channels):
    gradient = whole_gradient(two_channels, layer("sum"))

    class Plain:
        def __init__(self, image):
            self._pixels = Pixels(image)
            self.tensors, self.image, self.constrain = (
                self._pixels.tensors,
                self._pixels.image,
                lambda _: None,
            )

    class Once:
        def update(self, gradients):
            """Stay."""

    make = ascent(gradient)
    with pytest.raises(UnforeseenError, match="Plain"):
        StaticClimb(Ascent(gradient, make.optimizer, (), make.rng, param=Plain), PICTURES, {})
    with pytest.raises(UnforeseenError, match="Once"):
        StaticClimb(Ascent(gradient, lambda _: Once(), (), make.rng), PICTURES, {})
    assert unforeseen(make) is None
    mine = Ascent(gradient, make.optimizer, (*make.transforms, lambda pictures, _: pictures), make.rng)
    assert "lambda" in unforeseen(mine)


def test_what_terms_came_to_is_told_of_a_climbs_own_step(two_channels):
    prior = Breakdown(two_channels, total_variation())
    make = ascent(whole_gradient(two_channels, layer("sum")), prior=prior, terms=lambda: prior.values)
    one, other = (begun(StaticClimb(make, PICTURES, {}), image) for image in (PICTURES, PICTURES / 3))
    one.step(), other.step()
    kept = one.terms()
    assert kept == pytest.approx({name: 3 * value for name, value in other.terms().items()}, rel=1e-4)
    before = dict(kept)
    one.step()
    assert dict(kept) == before != dict(one.terms())
