import itertools
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from batcountry import open_model
from batcountry.backend.kernels.dispatch import has_numba
from batcountry.backend.processor import has_onednn
from batcountry.caffe.building import build_nodes
from batcountry.caffe.formats.prototxt import read_net
from batcountry.caffe.fusion import plan
from batcountry.caffe.proto.caffe_pb2 import TEST
from batcountry.errors import ModelError
from batcountry.models.loaders import caffe_network as caffe_net
from batcountry.models.loaders.caffe import open_caffe
from batcountry.models.loaders.caffe_network import network_for_rgb
from conftest import REFERENCE

pytestmark = pytest.mark.skipif(
    not (has_numba() and has_onednn(torch.float32)), reason="nets are rewritten for Numba and oneDNN"
)
CASE = REFERENCE / "layers" / "mini_inception"


def plainly(network, x, layers):
    """Run a network as it is, without rewrites."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(caffe_net, "has_filters", lambda x: False)
        return network.run(x, layers)


def gradients(run, network, image, layers):
    image = image.clone().requires_grad_()
    found = run(network, image, layers)
    weights = torch.Generator().manual_seed(0)
    score = sum(
        (values.double() * torch.rand(values.shape, generator=weights).double()).sum()
        for _, values in sorted(found.items())
    )
    return {k: v.detach() for k, v in found.items()}, torch.autograd.grad(score, image)[0]


def agree(network, image, layers, tolerance=2e-5):
    ours, gradient = gradients(lambda n, x, wanted: n.run(x, wanted), network, image, layers)
    theirs, wanted = gradients(plainly, network, image, layers)
    assert ours.keys() == theirs.keys() == set(layers)
    for name, values in theirs.items():
        assert float((ours[name] - values).norm()) <= tolerance * float(values.norm()), name
    assert float((gradient - wanted).norm()) <= tolerance * float(wanted.norm())


@pytest.fixture(scope="module")
def mini():
    return open_caffe(CASE / "net.prototxt", CASE / "net.caffemodel")


@settings(max_examples=40, deadline=None)
@given(st.data(), st.integers(1, 2), st.integers(23, 61), st.integers(23, 61))
def test_a_rewritten_net_gives_the_same_numbers_whatever_is_asked_for(mini, data, batch, height, width):
    names = [each.name for each in mini.layers]
    layers = data.draw(st.sets(st.sampled_from(names), min_size=1, max_size=3))
    image = torch.rand(batch, 3, height, width, generator=torch.Generator().manual_seed(height)) * 255 - 120
    agree(mini.network, image, layers)


def net(text):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.prototxt"
        path.write_text('name: "n" ' + text)
        built = build_nodes(read_net(path, phase=TEST).layer)
    for node in built.nodes:
        for values in node.params:
            values[:] = torch.randn(values.shape, generator=torch.Generator().manual_seed(1)) * 0.3
    return network_for_rgb(built.nodes, "data")


INPUT = 'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 20 dim: 24 } } } '


def conv(name, bottom, top, outputs, kernel, more=""):
    return (
        f'layer {{ name: "{name}" type: "Convolution" bottom: "{bottom}" top: "{top}" '
        f"convolution_param {{ num_output: {outputs} kernel_size: {kernel} {more} }} }} "
    )


def layer(kind, name, bottom, top, more=""):
    bottoms = " ".join(f'bottom: "{each}"' for each in bottom.split())
    return f'layer {{ name: "{name}" type: "{kind}" {bottoms} top: "{top}" {more} }} '


NETS = {
    "relu in a blob of its own": conv("a", "data", "a", 5, 3) + layer("ReLU", "r", "a", "b"),
    "convolution read twice": conv("a", "data", "a", 5, 3)
    + layer("ReLU", "r", "a", "b")
    + layer("Eltwise", "e", "a b", "c"),
    "leaky": conv("a", "data", "a", 5, 3)
    + layer("ReLU", "r", "a", "a", "relu_param { negative_slope: 0.1 }")
    + layer("Pooling", "p", "a", "p", "pooling_param { pool: MAX kernel_size: 3 stride: 2 }"),
    "pooled": conv("a", "data", "a", 17, 7, "stride: 2 pad: 3")
    + layer("ReLU", "r", "a", "a")
    + layer("Pooling", "p", "a", "p", "pooling_param { pool: MAX kernel_size: 3 stride: 2 }"),
    "averaged": conv("a", "data", "a", 17, 5, "pad: 2 bias_term: false")
    + layer("ReLU", "r", "a", "a")
    + layer("Pooling", "p", "a", "p", "pooling_param { pool: AVE kernel_size: 3 stride: 2 }"),
    "pooled over all": conv("a", "data", "a", 17, 3)
    + layer("ReLU", "r", "a", "a")
    + layer("Pooling", "p", "a", "p", "pooling_param { pool: MAX global_pooling: true }"),
    "normalized": conv("a", "data", "a", 18, 3)
    + layer("ReLU", "r", "a", "a")
    + layer("LRN", "n", "a", "n", "lrn_param { local_size: 5 alpha: 0.5 beta: 0.75 }"),
    "normalized otherwise": conv("a", "data", "a", 3, 3)
    + layer("ReLU", "r", "a", "a")
    + layer("LRN", "n", "a", "n", "lrn_param { local_size: 5 alpha: 0.5 beta: 0.5 }"),
    "normalized within": conv("a", "data", "a", 4, 3)
    + layer("ReLU", "r", "a", "a")
    + layer("LRN", "n", "a", "n", "lrn_param { norm_region: WITHIN_CHANNEL local_size: 3 }"),
    "branches": conv("a", "data", "a", 16, 3)
    + conv("b", "a", "b", 7, 1)
    + layer("ReLU", "rb", "b", "b")
    + conv("c", "a", "c", 20, 1)
    + layer("ReLU", "rc", "c", "c")
    + conv("d", "a", "d", 3, 1)
    + layer("Pooling", "p", "a", "p", "pooling_param { pool: MAX kernel_size: 3 stride: 1 pad: 1 }")
    + layer("Pooling", "q", "c", "q", "pooling_param { pool: MAX kernel_size: 3 stride: 1 pad: 1 }")
    + layer("Concat", "j", "b q p d", "j"),
    "grouped, strided, spread": conv("a", "data", "a", 12, 3, "pad: 1")
    + layer("ReLU", "ra", "a", "a")
    + conv("b", "a", "b", 8, 3, "group: 2 pad: 2")
    + layer("ReLU", "rb", "b", "b")
    + conv("c", "b", "c", 6, 3, "stride: 2")
    + layer("ReLU", "rc", "c", "c")
    + conv("d", "c", "d", 6, 3, "dilation: 2 pad: 2")
    + layer("ReLU", "rd", "d", "d")
    + conv("e", "d", "e", 6, 1, "pad: 1")
    + layer("ReLU", "re", "e", "e"),
    "each channel by itself": conv("a", "data", "a", 12, 3, "pad: 1")
    + layer("ReLU", "ra", "a", "a")
    + conv("b", "a", "b", 12, 3, "group: 12 stride: 2 pad: 1")
    + layer("ReLU", "rb", "b", "b")
    + conv("c", "b", "c", 12, 3, "group: 12 stride: 3 bias_term: false")
    + conv("d", "c", "d", 7, 1),
    "by tiles": conv("a", "data", "a", 16, 3, "pad: 2")
    + layer("ReLU", "ra", "a", "a")
    + conv("b", "a", "b", 32, 3, "pad: 1")
    + layer("Pooling", "p", "a", "p", "pooling_param { pool: MAX kernel_size: 3 stride: 1 pad: 1 }")
    + conv("c", "p", "c", 16, 3)
    + layer("ReLU", "rc", "c", "c"),
}


@pytest.mark.parametrize("size", [(20, 24), (37, 31), (23, 20)])
@pytest.mark.parametrize("name", NETS)
def test_every_set_of_layers_of_small_nets_is_the_same(name, size):
    network = net(INPUT + NETS[name])
    names = [node.name for node in network.nodes if node.bottoms]
    image = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(1))
    chosen = [names, *([each] for each in names), *itertools.islice(itertools.combinations(names, 2), 12)]
    for layers in chosen:
        agree(network, image, layers)


def test_googlenets_modules_are_single_steps(googlenet):
    model = open_model(googlenet)
    found = plan(model.network.nodes, model.network.source, {"inception_3a/output"})
    joined = [step for step in found.steps if len(step.makes) > 1]
    assert [len(step.makes) for step in joined] == [4]
    assert not any(step.node.layer.type == "ReLU" for step in found.steps)
    image = torch.rand(1, 3, 97, 131, generator=torch.Generator().manual_seed(1)) * 255 - 120
    agree(model.network, image, {"inception_3b/output", "conv2/3x3"})


def pooled_above_zero(network, layer):
    """Say of each max pooling, alone or among branches, whether it looks above 0."""
    steps = plan(network.nodes, network.source, {layer}).steps
    windows = [
        step.windows or getattr(getattr(step.run, "args", [None])[0], "windows", None) for step in steps
    ]
    return [each.relu for each in windows if each]


def test_pooling_of_relus_alone_looks_above_zero(googlenet):
    assert pooled_above_zero(open_model(googlenet).network, "inception_4c/output") == [True] * 8
    assert pooled_above_zero(net(INPUT + NETS["branches"]), "j") == [False, True]


def test_what_is_kept_for_the_gradient_is_less(googlenet):
    model, kept = open_model(googlenet), []
    image = (torch.rand(1, 3, 128, 160) * 255).requires_grad_()
    for run in (lambda n, x, layers: n.run(x, layers), plainly):
        storages = {}

        def keep(tensor, storages=storages):
            storages[tensor.data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            run(model.network, image, {"inception_4c/output"})
        kept.append(sum(storages.values()))
    assert kept[0] < 0.6 * kept[1]


def test_a_picture_that_is_too_small_is_said_with_the_layer(mini):
    with pytest.raises(ModelError, match=r"layer '.*' \(.*\) cannot run on"):
        net(INPUT + NETS["pooled"]).run(torch.zeros(1, 3, 1, 1), {"p"})


def test_weights_moved_to_another_device_are_planned_anew(mini):
    network = net(INPUT + NETS["pooled"])
    image = torch.randn(1, 3, 21, 25)
    before = network.run(image, {"p"})["p"]
    network.nodes[1].params[0].mul_(2)
    after = network.to(torch.device("cpu")).run(image, {"p"})["p"]
    assert not torch.equal(before, after)
    np.testing.assert_allclose(after, plainly(network, image, {"p"})["p"], rtol=1e-5, atol=1e-5)
