import json
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from PIL import Image

from batcountry import BatCountry


@pytest.fixture(scope="module")
def bc(googlenet):
    return BatCountry(googlenet)


def off(found, wanted):
    return np.linalg.norm((found - wanted).ravel()) / np.linalg.norm(wanted.ravel())


def test_end_layers_give_caffes_activations_and_gradients(googlenet, caffe_numbers):
    stored = np.load(caffe_numbers / "step.npz")
    for end in stored["ends"]:
        net = BatCountry(googlenet).net
        source, target = net.blobs["data"], net.blobs[end]
        source.reshape(*stored["x"].shape)
        source.data[...] = stored["x"]
        net.forward(end=end)
        target.diff[:] = target.data
        net.backward(start=end)
        assert target.data.shape == tuple(stored[f"{end}:shape"])
        assert np.linalg.norm(target.data.astype(float)) == pytest.approx(
            float(stored[f"{end}:l2"]), rel=1e-4
        )
        assert off(target.data.ravel()[stored[f"{end}:sample_index"]], stored[f"{end}:sample"]) < 1e-4
        assert off(source.diff, stored[f"{end}:g"]) < 1e-2


def test_class_probabilities_are_caffes(bc, caffe_numbers):
    stored = np.load(caffe_numbers / "classify.npz")
    source = bc.net.blobs["data"]
    source.reshape(1, 3, 224, 224)
    source.data[0] = stored["image_u8"][:, :, ::-1].transpose(2, 0, 1) - stored["mean"].reshape(3, 1, 1)
    found = bc.net.forward()["prob"][0]
    np.testing.assert_allclose(found, stored["prob"], atol=1e-4)
    assert list(np.argsort(found)[::-1][:5]) == list(stored["top5"])


@pytest.mark.parametrize("run", ["dream_small", "guided_small", "custom_step"])
def test_single_steps_from_caffes_own_states_agree(bc, caffe_numbers, run, monkeypatch):
    stored = np.load(caffe_numbers / f"{run}.npz")
    settings, end = json.loads(str(stored["params"])), str(stored["end"])
    guide = {}
    if run == "guided_small":
        features = bc.prepare_guide(Image.fromarray(stored["guide_image_u8"]), end=end)
        assert features.shape == tuple(stored["guide_features:shape"])
        assert (
            off(features.ravel()[stored["guide_features:sample_index"]], stored["guide_features:sample"])
            < 1e-4
        )
        guide = {"objective_fn": BatCountry.guided_objective, "objective_features": features}
    source = bc.net.blobs["data"]
    for step in stored["steps"]:
        before = np.float32(stored[f"before_{step}_q32"]) / 32
        source.reshape(1, *before.shape)
        source.data[0] = before
        monkeypatch.setattr(np.random, "randint", lambda *_, step=step: stored["jitter_xy"][step])
        BatCountry.gradient_ascent_step(
            bc.net, settings["step_size"], end=end, jitter=settings["jitter"], clip=settings["clip"], **guide
        )
        assert off(source.data[0] - before, np.float32(stored[f"update_{step}_q512"]) / 512) < 1e-2
        norm = np.linalg.norm(bc.net.blobs[end].data.astype(float))
        assert norm == pytest.approx(float(stored[f"step_end_l2_{step}"]), rel=1e-4)


@pytest.mark.parametrize("own_step", [None, BatCountry.gradient_ascent_step], ids=["engine", "net"])
def test_a_whole_dream_is_caffes_as_far_as_chaos_lets_it(bc, caffe_numbers, own_step):
    stored = np.load(caffe_numbers / "dream_small.npz")
    image, wanted = np.float32(stored["image_u8"]), stored["final_q16"] / 16
    np.random.seed(int(stored["seed"]))
    found = bc.dream(image, verbose=False, step_fn=own_step)
    assert np.abs(found - image).mean() == pytest.approx(np.abs(wanted - image).mean(), rel=0.03)
    np.testing.assert_allclose(found.mean((0, 1)), wanted.mean((0, 1)), atol=0.3)


def test_the_norms_of_each_octave_are_caffes(bc, caffe_numbers):
    stored = np.load(caffe_numbers / "dream_small.npz")
    norms = []

    def listening(net, **options):
        BatCountry.gradient_ascent_step(net, **options)
        norms.append(np.linalg.norm(net.blobs["inception_4c/output"].data.astype(float)))

    np.random.seed(int(stored["seed"]))
    bc.dream(np.float32(stored["image_u8"]), verbose=False, step_fn=listening)
    np.testing.assert_allclose(norms[:3], stored["end_l2"][:3], rtol=1e-3)
    means, wanted = np.reshape(norms, (4, 10)).mean(1), stored["end_l2"].reshape(4, 10).mean(1)
    np.testing.assert_allclose(means, wanted, rtol=0.04)


@pytest.mark.parametrize("clip", [True, False])
def test_engine_and_net_take_the_same_step(bc, clip):
    image = np.random.RandomState(2).uniform(0, 255, (75, 101, 3)).astype(np.float32)
    results = []
    for step in (None, BatCountry.gradient_ascent_step):
        np.random.seed(4)
        results.append(bc.dream(image, iter_n=1, octave_n=2, verbose=False, clip=clip, step_fn=step) - image)
        results.append(np.random.randint(1 << 30))
    assert off(results[0], results[2]) < 1e-3
    assert results[1] == results[3]


def test_visualize_gives_caffes_keys_and_shapes(bc, caffe_numbers):
    stored = json.loads((caffe_numbers / "visualize_keys.json").read_text())
    width, height = stored["size"]
    image = np.zeros((height, width, 3), np.float32) + 90
    settings = {name: stored[name] for name in ("iter_n", "octave_n", "end")}
    result, seen = bc.dream(image, visualize=True, verbose=False, **settings)
    assert [key for key, _ in seen] == stored["keys"]
    assert [list(picture.shape) for _, picture in seen] == stored["shapes"]
    assert result.shape == (height, width, 3)


def test_without_clip_what_is_seen_has_its_brightest_brought_to_white(bc):
    image = np.random.RandomState(2).uniform(0, 255, (64, 71, 3)).astype(np.float32)
    result, seen = bc.dream(
        image, iter_n=2, octave_n=1, step_size=40, clip=False, visualize=True, verbose=False
    )
    values = np.sort(result, axis=None).astype(float)
    at = 0.9998 * (values.size - 1)
    brightest = values[int(at)] + (at % 1) * (values[int(at) + 1] - values[int(at)])
    assert brightest > 260
    np.testing.assert_allclose(seen[-1][1], result * 255 / brightest, rtol=1e-4, atol=1e-3)


def test_step_and_objective_are_handed_what_they_accept(bc):
    heard = {}

    def step(net, step_size=1.0, end="x", own=None):
        heard["step"] = (step_size, end, own)

    image = np.zeros((64, 64, 3), np.float32)
    bc.dream(image, iter_n=1, octave_n=1, verbose=False, step_fn=step, step_size=3, own=5, jitter=7)
    assert heard["step"] == (3, "inception_4c/output", 5)

    def objective(dst, strength):
        heard["objective"] = strength
        dst.diff[:] = dst.data * strength

    bc.dream(image, iter_n=1, octave_n=1, verbose=False, objective_fn=objective, strength=2)
    assert heard["objective"] == 2


def test_own_preprocessing_and_deprocessing_are_used(bc):
    image = np.full((64, 64, 3), 100, np.float32)
    result = bc.dream(
        image, iter_n=1, octave_n=1, verbose=False,
        preprocess_fn=lambda net, img: BatCountry.preprocess(net, img) * 0,
        deprocess_fn=lambda net, img: BatCountry.deprocess(net, img) + 1000,
    )  # fmt: skip
    assert result.shape == (64, 64, 3)
    assert result.min() > 900


def test_layers_are_listed_in_order_and_cleanup_may_be_called_again(bc):
    names = bc.layers()
    assert names.index("conv1/7x7_s2") < names.index("inception_4c/output") < names.index("prob")
    bc.cleanup()
    bc.cleanup()


@pytest.mark.parametrize("end", ["inception_4c", "conv1/relu_7X7"])
def test_an_end_that_is_no_blob_is_a_key_error(bc, end):
    with pytest.raises(KeyError, match=end):
        bc.dream(np.zeros((64, 64, 3), np.float32), end=end)


def test_no_file_is_written_for_patch_model(googlenet, tmp_path):
    BatCountry(googlenet, patch_model=str(tmp_path / "tmp.prototxt"))
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_programs_of_2015_run_as_they_are(googlenet, tmp_path, photo):
    big = Image.fromarray(photo).resize((160, 112))
    big.save(tmp_path / "image.jpg")
    program = f"""
        import numpy as np
        from PIL import Image
        from batcountry import BatCountry

        def custom_step(net, step_size=1.25, end="inception_4c/output", jitter=48, clip=True):
            src, dst = net.blobs["data"], net.blobs[end]
            ox, oy = np.random.randint(-jitter, jitter + 1, 2)
            src.data[0] = np.roll(np.roll(src.data[0], ox, -1), oy, -2)
            net.forward(end=end)
            dst.diff[:] = dst.data
            net.backward(start=end)
            g = src.diff[0]
            src.data[:] += step_size / np.abs(g).mean() * g
            src.data[0] = np.roll(np.roll(src.data[0], -ox, -1), -oy, -2)
            if clip:
                bias = net.transformer.mean["data"]
                src.data[:] = np.clip(src.data, -bias, 255 - bias)

        bc = BatCountry({str(googlenet)!r})
        image = bc.dream(np.float32(Image.open("image.jpg")))
        bc.cleanup()
        Image.fromarray(np.uint8(image)).save("output.jpg")
        image = bc.dream(np.float32(Image.open("image.jpg")), step_fn=custom_step)
        Image.fromarray(np.uint8(image)).save("custom.jpg")
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], cwd=tmp_path, check=True)
    for name in ("output.jpg", "custom.jpg"):
        with Image.open(tmp_path / name) as dreamed:
            assert np.abs(np.float32(dreamed) - np.float32(big)).mean() > 3
