import json

import numpy as np
import pytest
import torch

import batcountry
from batcountry import motion
from batcountry.errors import RecipeError
from batcountry.optim import param
from batcountry.optim.transforms import flip, jitter

quick = {"octaves": 2, "iterations": 3, "jitter": 0}


def mirrored(pictures):
    return pictures.flip(-1)


class Halved:
    """Pictures held at half their levels; what a param has to be, and no more."""

    def __init__(self, image):
        self.levels = (image.detach() / 2).requires_grad_()
        self.tensors = (self.levels,)

    def image(self):
        return self.levels * 2

    def constrain(self, clip):
        if clip:
            with torch.no_grad():
                self.levels.clamp_(0, 127.5)


@pytest.fixture
def options(two_channels):
    return {"model": two_channels, **quick}


def test_a_function_is_a_transform(photo, options):
    seen = []

    def noted(pictures):
        seen.append(pictures.shape)
        return pictures[..., 1:, :]

    dream = batcountry.dream(photo, transforms=noted, **options)
    assert dream.recipe.transforms.startswith('python("') and dream.recipe.transforms.endswith('noted")')
    assert (1, 3, 37, 53) in seen


def test_texts_functions_and_transforms_make_one_list(photo, options):
    by_text = batcountry.dream(photo, transforms="jitter(3), flip(1)", **options)
    for moves in (["jitter(3), flip(1)"], [jitter(3), "flip(1)"], ("jitter(3)", flip(1))):
        assert np.array_equal(batcountry.dream(photo, transforms=moves, **options).pixels, by_text.pixels)
    made = batcountry.dream(photo, transforms=["jitter(3)", mirrored], **options)
    assert made.recipe.transforms == f'jitter(3), python("{__name__}.mirrored")'
    assert batcountry.dream(photo, transforms=[], **options).recipe.transforms is None


@pytest.mark.parametrize(
    "made",
    [
        torch.optim.Adam,
        lambda tensors: torch.optim.Adam(tensors, lr=2.0, maximize=True),
        lambda tensors: torch.optim.Adam(tensors, lr=2.0),
    ],
)
def test_pytorchs_optimizers_go_uphill_as_a_class_or_as_made(photo, options, made):
    by_name = batcountry.dream(photo, optimizer="adam", param="pixels", **options)
    own = batcountry.dream(photo, optimizer=made, param="pixels", **options)
    np.testing.assert_allclose(own.pixels, by_name.pixels, atol=1e-3)
    assert own.recipe.optimizer.startswith('python("')


def test_a_class_takes_the_recipes_step_size_and_a_function_keeps_its_own_unless_told(photo, options):
    def changed(**more):
        return np.abs(
            batcountry.dream(
                photo, param="pixels", **{**options, "iterations": 1, "octaves": 1}, **more
            ).pixels
            - photo
        ).max()

    assert changed(optimizer=torch.optim.Adam, step_size=3.0) == pytest.approx(3, abs=0.01)
    assert changed(optimizer=lambda tensors: torch.optim.Adam(tensors, lr=5.0)) == pytest.approx(5, abs=0.01)
    assert changed(
        optimizer=lambda tensors: torch.optim.Adam(tensors, lr=5.0), step_size=2.0
    ) == pytest.approx(2, abs=0.01)


def test_step_sizes_decay_for_both(photo, options):
    rates = []

    class Noting(torch.optim.SGD):
        def step(self, closure=None):
            rates.append(self.param_groups[0]["lr"])

    more = {**options, "octaves": 1, "decay": 0.5, "decay_every": 1}
    batcountry.dream(photo, optimizer=lambda tensors: Noting(tensors, lr=8.0), **more)
    batcountry.dream(photo, optimizer=Noting, step_size=4.0, **more)
    assert rates == [8, 4, 2, 4, 2, 1]


def test_an_optimizer_of_ones_own_is_what_has_update(photo, options):
    class Signs:
        def __init__(self, tensors):
            self.tensors = tensors

        def update(self, slopes):
            with torch.no_grad():
                for tensor, slope in zip(self.tensors, slopes, strict=True):
                    tensor.add_(slope.sign(), alpha=2.0)

    dream = batcountry.dream(
        photo, optimizer=Signs, param="pixels", **{**options, "octaves": 1, "iterations": 1}
    )
    assert np.abs(dream.pixels - photo).max() == 2
    with pytest.raises(RecipeError, match="chooses its own steps; leave step_size"):
        batcountry.dream(photo, optimizer=Signs, step_size=1.0, param="pixels", **options)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (torch.optim.LBFGS, "takes one gradient a step"),
        (lambda tensors: 3, "makes int, which is no optimizer"),
    ],
)
def test_what_is_no_optimizer_is_said(photo, options, made, said):
    with pytest.raises(RecipeError, match=said):
        batcountry.dream(photo, optimizer=made, **options)


@pytest.mark.parametrize("more", [{"normalize": "std"}, {"smoothing": 0.5}])
def test_what_only_named_optimizers_understand_is_refused(photo, options, more):
    with pytest.raises(RecipeError, match="is for optimizers with a name"):
        batcountry.dreaming(photo, optimizer=torch.optim.Adam, **options, **more)


def test_a_class_is_a_param(photo, options):
    own = batcountry.dream(photo, param=Halved, optimizer="adam", step_size=1.0, **options)
    pixels = batcountry.dream(photo, param="pixels", optimizer="adam", step_size=2.0, **options)
    np.testing.assert_allclose(own.pixels, pixels.pixels, atol=1e-2)
    assert own.recipe.param == f'python("{__name__}.Halved")'


def test_a_param_of_the_package_is_known_by_its_name(photo, options):
    assert batcountry.dream(photo, param=param.Fourier, **options).recipe.param == "fourier"


def test_a_param_needs_a_step_size_and_its_parts(photo, options):
    with pytest.raises(RecipeError, match=r"give a step_size: what is usual with the param .*Halved"):
        batcountry.dreaming(photo, param=Halved, **options)
    with pytest.raises(RecipeError, match=r"has no tensors; see batcountry\.optim\.param\.Param"):
        batcountry.dream(photo, param=lambda image: image.shape, step_size=1.0, **options)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("objective", lambda seen: seen["sum"].mean()),
        ("transforms", [mirrored]),
        ("optimizer", torch.optim.Adam),
        ("param", Halved),
    ],
)
def test_a_recipe_with_code_says_so_and_is_not_repeated_without_it(photo, options, name, given, tmp_path):
    more = {"step_size": 1.0} if name == "param" else {}
    made = batcountry.dream(photo, **{**options, name: given}, **more)
    recipe = batcountry.read_picture(made.save(tmp_path / "dream.png")).recipe
    assert 'python("' in getattr(recipe, name)
    assert json.loads(recipe.model_dump_json())[name] == getattr(made.recipe, name)
    with pytest.raises(RecipeError, match=rf"the {name} python\(.*was Python code, which no file holds"):
        batcountry.dreaming(photo, recipe, model="there is no such model")
    again = batcountry.dream(photo, recipe, model=options["model"], **{name: given})
    assert np.array_equal(again.pixels, made.pixels)


def test_a_zoom_takes_functions_and_is_not_gone_on_with_without_them(photo, options, tmp_path):
    more = {
        "model": options["model"],
        "frames": 2,
        "octaves": 1,
        "iterations": 1,
        "jitter": 0,
        "step_size": 2.0,
    }
    functions = {
        "objective": lambda seen: seen["sum"].mean(),
        "optimizer": torch.optim.Adam,
        "transforms": mirrored,
    }
    frames = list(motion.zoom(photo, **functions, **more))
    assert len(frames) == 2 and np.abs(frames[1].pixels - frames[0].pixels).mean() > 0


@pytest.mark.parametrize("name", ["transforms", "optimizer", "param"])
def test_what_is_neither_text_nor_a_function_is_refused(photo, options, name):
    with pytest.raises(RecipeError, match=f"{name}|a transform is text or a function"):
        batcountry.dreaming(photo, **{**options, name: [3] if name == "transforms" else 3})
