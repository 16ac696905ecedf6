"""What each objective says of itself: its text, what it reads, and whether it can be cut into tiles."""

import numpy as np
import pytest

from batcountry.objectives import (
    OPACITY,
    START,
    amplify,
    caricature,
    channel,
    content,
    direction,
    diversity,
    drift,
    each,
    for_picture,
    function,
    grain,
    growing,
    guide,
    layer,
    logit,
    neuron,
    objective,
    opacity,
    pnorm,
    recolor,
    region,
    strongest,
    style,
    tv,
    weakest,
)
from batcountry.objectives.references import PICTURE

A, IMAGE = ("a",), ()
TILES, WHOLE = True, False

OBJECTIVES = [  # made in the test and not when this file is read, so that `make mutants` can change how
    # its objective, text, the layers it reads, whether tiles can be cut, pictures beside, files
    (lambda: layer("a"), 'layer("a")', A, TILES, [], ()),
    (lambda: channel("a", 3), 'channel("a", 3)', A, TILES, [], ()),
    (lambda: neuron("a", 3), 'neuron("a", 3, None, None)', A, WHOLE, [], ()),
    (lambda: neuron("a", 3, 5, 7), 'neuron("a", 3, 5, 7)', A, WHOLE, [], ()),
    (lambda: logit(3), "logit(3)", ("@classes",), WHOLE, [], ()),
    (lambda: logit("cat", "a"), 'logit("cat", "a")', A, WHOLE, [], ()),
    (lambda: direction("a", [1, 2]), 'direction("a", [1.0, 2.0], 0.0)', A, TILES, [], ()),
    (lambda: direction("a", "v.npy", 2), 'direction("a", "v.npy", 2)', A, TILES, [], ("v.npy",)),
    (lambda: amplify("a"), 'amplify("a", 1.0, 1.0, 5.0)', A, TILES, [], ()),
    (lambda: amplify("a", 2, 3, 4), 'amplify("a", 2, 3, 4)', A, TILES, [], ()),
    (lambda: strongest("a"), 'strongest("a", 1)', A, WHOLE, [START], ()),
    (lambda: weakest("a", 2), 'weakest("a", 2)', A, WHOLE, [START], ()),
    (lambda: caricature("a"), 'caricature("a", "start", 2.0)', A, TILES, [START], ()),
    (lambda: caricature("a", "p.png", 3), 'caricature("a", "p.png", 3)', A, TILES, [PICTURE], ("p.png",)),
    (lambda: content("start", "a"), 'content("start", "a")', A, TILES, [START], ()),
    (lambda: content("p.png", "a"), 'content("p.png", "a")', A, TILES, [PICTURE], ("p.png",)),
    (lambda: style("p.png", "a"), 'style("p.png", "a")', A, WHOLE, [], ("p.png",)),
    (lambda: guide("p.png", "a"), 'guide("p.png", "a")', A, TILES, [], ("p.png",)),
    (lambda: diversity("a"), 'diversity("a")', A, WHOLE, [], ()),
    (lambda: drift("a"), 'drift("a")', A, TILES, [START], ()),
    (lambda: drift(), "drift()", IMAGE, TILES, [START], ()),
    (lambda: tv(), 'tv(2.0, "naive", 1.0)', IMAGE, TILES, [], ()),
    (lambda: tv(1, "sobel", 5), 'tv(1, "sobel", 5)', IMAGE, TILES, [], ()),
    (lambda: pnorm(), 'pnorm(6.0, 1.0, "zero")', IMAGE, TILES, [], ()),
    (lambda: pnorm(2, 3, "start"), 'pnorm(2, 3, "start")', IMAGE, TILES, [START], ()),
    (lambda: grain(), "grain(1.5)", IMAGE, TILES, [], ()),
    (lambda: opacity(), "opacity()", IMAGE, TILES, [OPACITY], ()),
    (lambda: recolor(), 'recolor("chroma")', IMAGE, TILES, [START], ()),
    (lambda: recolor("palette"), 'recolor("palette")', IMAGE, WHOLE, [START], ()),
    (lambda: growing(tv(), 1, 2), 'growing(tv(2.0, "naive", 1.0), 1, 2, 50)', IMAGE, TILES, [], ()),
    (lambda: region("m.png", layer("a")), 'region("m.png", layer("a"))', A, TILES, ["@mask/"], ("m.png",)),
    (
        lambda: region("m.png", content("p.png", "a")),
        'region("m.png", content("p.png", "a"))',
        A,
        TILES,
        [PICTURE, "@mask/"],
        ("p.png", "m.png"),
    ),
    (lambda: for_picture(1, layer("a")), 'for_picture(1, layer("a"))', A, TILES, [], ()),
    (lambda: function(np.mean, ["a"]), 'python("numpy.mean")', A, WHOLE, [], ()),
    (lambda: function(np.mean, ["a", START]), 'python("numpy.mean")', A, WHOLE, [START], ()),
    (lambda: function(np.mean, []), 'python("numpy.mean")', IMAGE, WHOLE, [], ()),
    (
        lambda: objective("own", (None, True, [1, "b"]), A, lambda _: None),
        'own(None, True, [1, "b"])',
        A,
        WHOLE,
        [],
        (),
    ),
]


@pytest.mark.parametrize(("make", "text", "layers", "local", "aux_inputs", "files"), OBJECTIVES)
def test_an_objective_says_what_it_reads(make, text, layers, local, aux_inputs, files):
    aim = make()
    ((weight, term),) = aim.terms
    assert weight == 1.0
    assert str(aim) == str(term) == text
    assert (aim.layers, term.local, aim.files) == (layers, local, files)
    assert len(aim.aux_inputs) == len(aux_inputs)
    for key, begin in zip(aim.aux_inputs, aux_inputs, strict=True):
        assert key == begin if "/" not in begin else key.startswith(begin) and len(key) == len(begin) + 16
    assert bool(aim.of_layers) == (layers != IMAGE)
    assert bool(aim.of_image) == (layers == IMAGE)


def test_names_of_pictures_and_masks_among_activations_differ_with_the_picture():
    keys = {key for name in ("p.png", "q.png") for key in content(name, "a").aux_inputs}
    keys |= {key for name in ("p.png", "q.png") for key in region(name, layer("a")).aux_inputs}
    assert len(keys) == 4


def test_layers_files_and_pictures_of_a_sum_are_each_there_once_in_their_order():
    aim = layer("b") + content("p.png", "a") - 2 * style("q.png", "b") + tv() + guide("p.png", "c")
    assert aim.layers == ("b", "a", "c")
    assert aim.files == ("p.png", "q.png")
    assert list(aim.aux_inputs) == list(content("p.png", "a").aux_inputs)
    assert str(aim.of_layers + aim.of_image) == (
        'layer("b") + content("p.png", "a") - 2.0*style("q.png", "b") + guide("p.png", "c") '
        '+ tv(2.0, "naive", 1.0)'
    )
    assert not aim.of_image.of_layers


def test_each_gives_every_picture_its_own_terms_in_order():
    aim = each([2 * layer("a") + tv(), channel("b", 1)])
    assert str(aim) == (
        '2.0*for_picture(0, layer("a")) + for_picture(0, tv(2.0, "naive", 1.0)) + for_picture(1, channel("b", 1))'
    )


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda a, b: a + b, 'layer("a") + tv(2.0, "naive", 1.0)'),
        (lambda a, b: a - b, 'layer("a") - tv(2.0, "naive", 1.0)'),
        (lambda a, b: -a + b, '-layer("a") + tv(2.0, "naive", 1.0)'),
        (lambda a, b: 0.5 * a - b * 3, '0.5*layer("a") - 3.0*tv(2.0, "naive", 1.0)'),
        (lambda a, b: 0.0 * a - 0.0 * b, '0.0*layer("a") - 0.0*tv(2.0, "naive", 1.0)'),
        (lambda a, b: -0.0 * a, '-0.0*layer("a")'),
    ],
)
def test_the_text_of_arithmetic_is_what_was_written(make, text):
    assert str(make(layer("a"), tv())) == text


@pytest.mark.parametrize("wrong", ["a", None, [1]])
def test_only_objectives_are_added_and_only_numbers_multiply(wrong):
    for operation in (
        lambda: layer("a") + wrong,
        lambda: layer("a") - wrong,
        lambda: layer("a") * wrong,
        lambda: wrong * layer("a"),
    ):
        with pytest.raises(TypeError, match=r"unsupported operand|can't multiply"):
            operation()


@pytest.mark.parametrize("number", [float("inf"), -float("inf"), float("nan")])
def test_a_weight_is_a_finite_number(number):
    with pytest.raises(Exception, match="must be a finite number"):
        number * layer("a")
