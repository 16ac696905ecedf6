import pytest

from batcountry.errors import LayerNotFound, suggestion
from batcountry.models import open_model
from batcountry.models.inspect.other_families import layers_at_depth_of
from batcountry.models.loaders.caffe import open_caffe
from batcountry.models.model import Layer
from caffe.nets import inputs, layer, net

GOOGLENET = [f"inception_{name}/output" for name in ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b")]
RESNET = [f"layer{stage}.{part}" for stage, parts in enumerate((3, 4, 6, 3), 1) for part in range(parts)]


def layers(names, inner, first):
    """Layers with others within each, of which those from `first` on dream well."""
    found = [Layer("conv1", 16, 2, 7), Layer("conv2", 16, 4, 15)]
    for index, name in enumerate(names):
        found += [Layer(f"{name}/part{part}", 16, 8, 31) for part in range(inner)]
        found.append(Layer(name, 16, 8, 31, recommended=index >= first))
    return [*found, Layer("classes", 1000, None, None)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mixed4c", {"inception_4b/output", "inception_4c/output", "inception_4d/output"}),
        ("mixed3a", {"inception_3a/output", "inception_3b/output"}),
        ("mixed5b_pre_relu", {"inception_5b/output", "inception_5a/output"}),
        ("Mixed_6c", {"inception_4c/output", "inception_4b/output", "inception_4d/output"}),
        ("layer3.2", {"inception_4b/output", "inception_4c/output", "inception_4d/output"}),
        ("layer4", {"inception_5b/output", "inception_5a/output"}),
        ("res4f", {"inception_4e/output", "inception_4d/output", "inception_5a/output"}),
        ("conv4_3", {"inception_4e/output", "inception_4d/output", "inception_5a/output"}),
        ("block4_conv3", {"inception_4e/output", "inception_4d/output", "inception_5a/output"}),
        ("BLOCKS.10", {"inception_4c/output", "inception_4d/output", "inception_4e/output"}),
        ("fire9/concat", {"inception_5b/output", "inception_5a/output"}),
        ("features.denseblock3", {"inception_4d/output", "inception_4c/output", "inception_4e/output"}),
    ],
)
def test_a_layer_of_another_network_has_neighbors_at_its_depth(name, expected):
    near = layers_at_depth_of(name, layers(GOOGLENET, 3, 0))
    assert len(near) == 2 and set(near) <= expected, near


def test_the_first_layers_of_another_network_have_the_first_as_neighbors():
    known = layers(GOOGLENET, 3, 0)
    assert set(layers_at_depth_of("conv2d0", known)) <= {layer.name for layer in known[:4]}


def test_names_of_googlenet_are_found_on_a_resnet_too():
    assert set(layers_at_depth_of("inception_4c/output", layers(RESNET, 2, 3))) <= {
        f"layer3.{n}" for n in range(5)
    }


def test_a_modules_name_stands_for_its_output():
    assert layers_at_depth_of("Inception_4c", layers(GOOGLENET, 3, 0)) == ["inception_4c/output"]


def test_a_name_of_ones_own_network_or_of_none_has_no_neighbors():
    known = layers(RESNET, 2, 3)
    assert layers_at_depth_of("layer3.7", known) == []  # nearly one of its own, which are said then
    assert layers_at_depth_of("wibble", known) == [] == layers_at_depth_of("", known)
    for hostile in ("mixed" + "9" * 5000, "layer3.²", "fire" + "9" * 30, "res4" + "z" * 40):
        assert set(layers_at_depth_of(hostile, known)) <= {layer.name for layer in known}


def test_ones_own_name_in_another_case_is_no_name_of_another_family():
    with pytest.raises(
        LayerNotFound, match=r"no layer 'BLOCKS\.5' in efficientnet-lite0; did you mean 'blocks\.5'"
    ):
        open_model().layer("BLOCKS.5")


def test_what_is_said_is_one_short_sentence():
    model = open_model()
    with pytest.raises(KeyError) as caught:
        model.layer("mixed4c")
    said = str(caught.value)
    assert isinstance(caught.value, LayerNotFound) and len(said) < 200
    assert said.startswith("no layer 'mixed4c' in efficientnet-lite0; at about that depth it has 'blocks.")
    assert "`bat-country layers MODEL` lists them" in said


def test_the_nearest_names_are_found_whatever_the_case():
    assert suggestion("MIXED4C", ["mixed4c", "conv1"]) == "; did you mean 'mixed4c'?"
    assert suggestion("inception_4C/OUTPUT", GOOGLENET).startswith("; did you mean 'inception_4c/output'")
    assert suggestion("RELU", ["conv", "myReLU_layer"]) == "; did you mean 'myReLU_layer'?"
    with pytest.raises(LayerNotFound, match=r"did you mean 'blocks\.1"):
        open_model().layer("Blocks.1O")


def test_a_caffe_layer_is_found_by_its_top_as_it_is_after_what_works_on_it_in_place(tmp_path):
    settings = 'convolution_param { num_output: 4 kernel_size: 3 weight_filler { type: "xavier" } }'
    text = inputs(data=(1, 3, 20, 20)) + layer("Convolution", "first", "data", "blob", settings)
    text += layer("ReLU", "second", "blob", "blob") + layer("Convolution", "third", "blob", "first", settings)
    net(tmp_path, text).save(str(tmp_path / "net.caffemodel"))
    model = open_caffe(tmp_path / "net.prototxt", tmp_path / "net.caffemodel")
    assert model.layer("blob").name == "second"
    assert model.layer("first").name == "first"  # a layer's own name comes first
    with pytest.raises(LayerNotFound):
        model.layer("data")
