"""ONNX files that ask for much by what is not their graph: functions in functions, files beside them, constants to work out."""

import logging
import time

import numpy as np
import pytest
import torch

from batcountry import open_model
from batcountry.errors import BatCountryError, ModelError

onnx = pytest.importorskip("onnx", reason="needs onnx, which the extra `onnx` brings")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

node = helper.make_node
OPSET = helper.make_opsetid("", 13)


@pytest.fixture
def quick():
    start = time.thread_time()
    yield
    assert time.thread_time() - start < 5


def write(path, *nodes, weights=(), functions=(), gives="y"):
    """Write a network of a convolution, `c`, and some nodes after it."""
    kernel = numpy_helper.from_array(np.full((4, 3, 3, 3), 0.1, np.float32), "kernel")
    first = node("Conv", ["x", "kernel"], ["c"], name="conv", pads=[1, 1, 1, 1])
    graph = helper.make_graph(
        [first, *nodes],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 3, 16, 16))],
        [helper.make_tensor_value_info(gives, TensorProto.FLOAT, None)],
        [kernel, *weights],
    )
    model = helper.make_model(
        graph, opset_imports=[OPSET, helper.make_opsetid("own", 1)], functions=list(functions)
    )
    model.ir_version = 8
    path.write_bytes(model.SerializeToString())
    return path


def function(name, *nodes):
    return helper.make_function(
        "own", name, ["a"], ["b"], list(nodes), [OPSET, helper.make_opsetid("own", 1)]
    )


def call(name, given, result):
    return node(name, [given], [result], domain="own")


def outside(place, count, *, name="k", **more):
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[count], data_location=1)
    for key, value in {"location": place, **more}.items():
        tensor.external_data.add(key=key, value=str(value))
    return tensor


def constant(place, shape):
    """Return weights of one number as large as a shape, and what makes them."""
    return [
        numpy_helper.from_array(np.ones((1, 1), np.float32), "one"),
        numpy_helper.from_array(np.array(shape), f"{place} shape"),
    ], node("Expand", ["one", f"{place} shape"], [place])


def test_functions_that_call_each_other_are_counted_before_they_are_written_out(tmp_path, quick):
    functions = [function("f0", node("Relu", ["a"], ["b"]))]
    for index in range(40):
        inner = call(f"f{index}", "a", "t"), call(f"f{index}", "t", "b")
        functions.append(function(f"f{index + 1}", *inner))
    with pytest.raises(ModelError, match="layers or operations, and at most"):
        open_model(write(tmp_path / "net.onnx", call("f40", "c", "y"), functions=functions))


def test_constants_in_functions_are_not_copied_without_end(tmp_path, quick):
    value = numpy_helper.from_array(np.ones(1 << 18, np.float32))
    large = function("f", node("Constant", [], ["k"], value=value), node("Relu", ["a"], ["b"]))
    calls = [call("f", "c" if not index else f"t{index - 1}", f"t{index}") for index in range(100)]
    with pytest.raises(ModelError, match=r"its functions, written out, become 104,\d+,\d+ bytes"):
        open_model(write(tmp_path / "net.onnx", *calls, functions=[large], gives="t99"))


def test_functions_run_as_what_is_in_them(tmp_path):
    functions = [function("f", node("Relu", ["a"], ["b"])), function("g", call("f", "a", "b"))]
    model = open_model(write(tmp_path / "net.onnx", call("g", "c", "y"), functions=functions))
    assert any("Relu" in each.name for each in model.layers)


@pytest.mark.parametrize("is_weight", [True, False])
def test_no_more_is_read_of_a_file_beside_it_than_the_weights_take(tmp_path, quick, is_weight, monkeypatch):
    data = np.random.default_rng(1).normal(size=1000).astype(np.float32)
    (tmp_path / "net.bin").write_bytes(data.tobytes())
    with (tmp_path / "net.bin").open("r+b") as file:
        file.truncate(30 << 30)  # takes no room on the disk

    def wrote(tensor):
        made = () if is_weight else (node("Constant", [], ["k"], value=tensor),)
        after = (*made, node("Mul", ["c", "k"], ["y"]))
        return write(tmp_path / "net.onnx", *after, weights=[tensor] if is_weight else ())

    model = open_model(wrote(outside("net.bin", 16)))
    buffers = [each for each in model.module.buffers() if each.numel() == 16]
    np.testing.assert_array_equal(buffers[0].numpy(), data[:16])
    for more in ({"length": 20 << 30}, {"offset": 30 << 30}, {"offset": -4}, {"length": "1e3"}):
        with pytest.raises(ModelError, match=r"net\.bin"):
            open_model(wrote(outside("net.bin", 16, **more)))


def test_one_file_is_not_many_times_the_weights(tmp_path, quick):
    with (tmp_path / "net.bin").open("wb") as file:
        file.truncate(1 << 20)
    weights = [outside("net.bin", 1 << 18, name=f"k{index}") for index in range(100)]
    with pytest.raises(ModelError, match="the files beside it 1,048,576"):
        open_model(write(tmp_path / "net.onnx", node("Add", ["c", "k0"], ["y"]), weights=weights))


def test_products_of_constants_are_bounded_together(tmp_path, quick):
    (one, wide), make_wide = constant("wide", [50, 100_000])
    (_, tall), make_tall = constant("tall", [100_000, 50])
    products = [node("MatMul", ["wide", "tall"], [f"p{index}"]) for index in range(500)]
    last = node("ReduceMax", ["p499"], ["s"], keepdims=0), node("Add", ["c", "s"], ["y"])
    with pytest.raises(ModelError, match=r"to work out its constants takes|numbers for one picture"):
        open_model(
            write(tmp_path / "net.onnx", make_wide, make_tall, *products, *last, weights=[one, wide, tall])
        )


def test_constants_read_again_and_again_are_bounded(tmp_path, quick):
    weights, make = constant("wide", [100, 100_000])
    sums = [node("ReduceSumSquare", ["wide"], [f"p{index}"], keepdims=0) for index in range(400)]
    with pytest.raises(ModelError, match="numbers for one picture"):
        open_model(
            write(tmp_path / "net.onnx", make, *sums, node("Add", ["c", "p399"], ["y"]), weights=weights)
        )


def test_what_constants_become_is_known_before_there_is_memory_for_it(tmp_path, quick):
    weights, make = constant("wide", [100, 600_000])
    outer = node("Einsum", ["wide", "wide"], ["e"], equation="ab,cb->bac")
    with pytest.raises(ModelError, match=r"make 6,\d+,\d+,\d+ numbers"):
        open_model(write(tmp_path / "net.onnx", make, outer, node("Add", ["c", "e"], ["y"]), weights=weights))


def test_a_constant_of_a_few_numbers_is_not_laid_out_whole(tmp_path, quick):
    (one, wide), make_wide = constant("wide", [20, 3_000_000])
    (_, tall), make_tall = constant("tall", [3_000_000, 20])
    product = node("MatMul", ["wide", "tall"], ["p"]), node("ReduceMax", ["p"], ["s"], keepdims=0)
    nodes = make_wide, make_tall, *product, node("Add", ["c", "s"], ["y"])
    with pytest.raises(ModelError, match="120,000,000 numbers, which are a few over and over"):
        open_model(write(tmp_path / "net.onnx", *nodes, weights=[one, wide, tall]))


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        ([node("Relu", ["y"], ["z"], name="first"), node("Add", ["z", "c"], ["y"])], "'first' reads 'y'"),
        ([node("Relu", ["y"], ["y"])], "'Relu' reads 'y'"),
        ([node("Add", ["c", "nothing"], ["y"])], "'Add' reads 'nothing'"),
    ],
)
def test_what_is_read_before_it_is_made_is_named_with_its_reader(tmp_path, nodes, said):
    with pytest.raises(ModelError, match=f"damaged: its node {said}, which no node before it makes"):
        open_model(write(tmp_path / "net.onnx", *nodes))


def test_normalization_over_all_channels_takes_no_step_for_each(tmp_path, quick):
    wide = numpy_helper.from_array(np.random.RandomState(1).randn(600, 4, 1, 1).astype(np.float32), "wide")
    nodes = [node("Conv", ["c", "wide"], ["d"], name="wide"), node("LRN", ["d"], ["y"], name="lrn", size=301)]
    model = open_model(write(tmp_path / "net.onnx", *nodes, weights=[wide]))
    found = model.activations(torch.rand(1, 3, 16, 16) * 200 - 100, ["wide", "lrn"])
    x = found["wide"].double().numpy()
    sums = [(x[:, max(0, i - 150) : i + 151] ** 2).sum(1) for i in range(600)]
    expected = x / (1 + 1e-4 / 301 * np.stack(sums, 1)) ** 0.75
    np.testing.assert_allclose(found["lrn"].numpy(), expected, rtol=1e-5, atol=1e-6)
    huge = node("LRN", ["d"], ["y"], size=10**9)
    assert open_model(write(tmp_path / "net.onnx", nodes[0], huge, weights=[wide]))


def test_thousands_of_operators_are_read_at_once(tmp_path, monkeypatch, quick):
    stopped = BatCountryError("read")
    monkeypatch.setattr(
        "batcountry.models.loaders.onnx.opened", lambda *_, **__: (_ for _ in ()).throw(stopped)
    )
    many = [node("Relu", ["c" if not index else f"r{index - 1}"], [f"r{index}"]) for index in range(6000)]
    with pytest.raises(BatCountryError, match="read"):
        open_model(write(tmp_path / "net.onnx", *many, gives="r5999"))


def test_what_does_not_run_prints_no_traceback(tmp_path, capfd):
    log = logging.getLogger("torch._subclasses.fake_tensor")
    odd = node("MaxPool", ["c"], ["y"], kernel_shape=[1 << 29, 1 << 29], pads=[1 << 27] * 4)
    with pytest.raises(ModelError, match="does not run"):
        open_model(write(tmp_path / "net.onnx", odd))
    assert "Traceback" not in capfd.readouterr().err and not log.disabled
