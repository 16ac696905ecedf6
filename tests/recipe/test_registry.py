"""Registries: values by name, those of programs and those of installed packages."""

import importlib
import logging
from importlib.metadata import EntryPoint, EntryPoints

import pytest

from batcountry.errors import BatCountryError, NameTaken, RecipeError, UnknownName
from batcountry.recipe import registry as module
from batcountry.recipe.registry import Registry, RegistryNames

REGISTRIES = {
    "objectives": "batcountry.objectives.OBJECTIVES",
    "transforms": "batcountry.optim.transforms.TRANSFORMS",
    "params": "batcountry.optim.param.PARAMS",
    "optimizers": "batcountry.optim.optimizers.OPTIMIZERS",
    "presets": "batcountry.recipe.presets.PRESETS",
    "loaders": "batcountry.models.LOADERS",
    "models": "batcountry.models.MODELS",
    "initial_images": "batcountry.image.initial.INITIAL_IMAGES",
    "color_modes": "batcountry.image.color.COLOR_MODES",
    "octave_transfers": "batcountry.dreams.octaves.OCTAVE_TRANSFERS",
    "layer_types": "batcountry.caffe.layers.registry.LAYER_TYPES",
}


def double(x):
    return 2 * x


def triple(x):
    return 3 * x


@pytest.fixture
def numbers():
    return Registry("number", "batcountry.numbers", {"double": double})


@pytest.fixture
def installed(monkeypatch):
    """Make entry points of a group visible, as if packages that have them were installed."""

    def install(**values):
        points = [EntryPoint(name, value, "batcountry.numbers") for name, value in values.items()]
        monkeypatch.setattr(module, "installed", lambda: EntryPoints(points))

    return install


@pytest.mark.parametrize(("group", "place"), REGISTRIES.items())
def test_each_registry_is_where_it_is_documented_and_has_its_group(group, place):
    home, _, name = place.rpartition(".")
    found = getattr(importlib.import_module(home), name)
    assert isinstance(found, Registry)
    assert found.group == f"batcountry.{group}" == RegistryNames(home, name, ()).group
    assert len(found) == len(list(found)) > 0


def test_it_is_read_as_a_mapping(numbers):
    assert numbers["double"] is double and numbers.get("triple") is None
    assert "double" in numbers and "triple" not in numbers and 3 not in numbers
    assert list(numbers) == ["double"] and len(numbers) == 1 and dict(numbers) == {"double": double}


def test_a_value_is_registered_by_call_or_decorator_and_taken_out_again(numbers):
    assert numbers.register("triple", triple) is triple

    @numbers.register("quadruple")
    def quadruple(x):
        return 4 * x

    assert list(numbers) == ["double", "triple", "quadruple"] and quadruple(1) == 4
    assert numbers.unregister("triple") is triple
    assert "triple" not in numbers
    with pytest.raises(UnknownName):
        numbers.unregister("triple")


def test_a_name_that_is_taken_is_refused_in_one_sentence(numbers):
    with pytest.raises(
        NameTaken, match=r"^there is a number 'double' already; give yours another name$"
    ) as error:
        numbers.register("double", triple)
    assert isinstance(error.value, BatCountryError) and isinstance(error.value, ValueError)
    assert numbers["double"] is double


def test_what_is_defined_anew_replaces_itself_as_in_a_notebook(numbers):
    space = {"__name__": "__main__"}
    exec("def mine(x): return x", space)
    first = numbers.register("mine", space["mine"])
    exec("def mine(x): return x + 1", space)
    assert numbers.register("mine", space["mine"]) is not first
    assert numbers["mine"](1) == 2
    numbers.register("one", lambda x: x)
    with pytest.raises(NameTaken):
        numbers.register("one", lambda x: x + 1)


def test_an_unknown_name_says_the_nearest_in_one_sentence(numbers):
    with pytest.raises(
        UnknownName, match=r"^there is no number 'duoble'; did you mean 'double'\?; there are double$"
    ) as error:
        _ = numbers["duoble"]
    assert isinstance(error.value, RecipeError) and isinstance(error.value, KeyError)


def test_an_installed_value_is_imported_when_its_name_is_asked_for(numbers, installed, monkeypatch):
    installed(six=f"{__name__}:triple", broken="no_such_module:x")
    imported = []
    monkeypatch.setattr(EntryPoint, "load", lambda self: imported.append(self.name) or triple)
    assert numbers["double"] is double and not imported
    assert "six" in numbers and numbers["six"] is triple
    assert imported == ["six"]


def test_listing_has_what_is_installed(numbers, installed):
    installed(half="statistics:mean", third="statistics:median")
    assert list(numbers) == ["double", "half", "third"]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("no_such_module:x", "it cannot be imported: No module named 'no_such_module'"),
        (
            "statistics:no_such_name",
            "it cannot be imported: module 'statistics' has no attribute 'no_such_name'",
        ),
        ("math:pi", "math:pi is not a number"),
    ],
)
def test_what_cannot_be_used_is_left_out_with_one_sentence(numbers, installed, caplog, value, reason):
    installed(bad=value, good="statistics:mean")
    with caplog.at_level(logging.WARNING, "batcountry"):
        assert list(numbers) == ["double", "good"]
        assert "bad" not in numbers
    assert [each.getMessage() for each in caplog.records] == [
        f"the plug-in 'bad' for batcountry.numbers is left out: {reason}"
    ]


def test_an_installed_value_does_not_replace_one_that_is_there(numbers, installed, caplog):
    installed(double="statistics:mean")
    with caplog.at_level(logging.WARNING, "batcountry"):
        assert numbers["double"] is double and list(numbers) == ["double"]
    assert caplog.messages == [
        "the plug-in 'double' for batcountry.numbers is left out: there is a number of that name already"
    ]


def test_names_are_listed_without_importing_anything(installed):
    names = RegistryNames("batcountry.no_room_at_all", "NUMBERS", ("double",))
    installed(half="no_such_module:x", double="no_such_module:y")
    assert names() == ("double", "half")
