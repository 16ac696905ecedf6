import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from batcountry.image.reading import read_picture
from caffe import nets
from conftest import REFERENCE

quick = ["--octaves", "2", "--iterations", "2"]


@pytest.fixture
def photo_file(photo, tmp_path):
    Image.fromarray(photo).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
def test_again_gives_the_same_file_bit_for_bit(run, photo_file, suffix):
    assert run("dream", "photo.png", "-o", f"dream{suffix}", "--seed", "7", *quick)[0] == 0
    assert run("again", f"dream{suffix}")[0] == 0
    assert Path(f"dream-again{suffix}").read_bytes() == Path(f"dream{suffix}").read_bytes()


def test_again_computes_with_as_many_threads_as_the_note_says(run, photo_file, monkeypatch):
    from batcountry.backend import threads

    seen, before = [], torch.get_num_threads()
    monkeypatch.setattr(threads, "usable_cpus", lambda: 2)
    try:
        torch.set_num_threads(3)
        assert run("dream", "photo.png", "-o", "dream.png", *quick)[0] == 0
        assert json.loads(run("info", "dream.png", "--json")[1])["threads"] == 3
        torch.set_num_threads(1)
        monkeypatch.setattr(
            torch,
            "set_num_threads",
            lambda count, set_to=torch.set_num_threads: seen.append(count) or set_to(count),
        )
        code, out, _ = run("again", "dream.png")
        assert code == 0 and 3 in seen and torch.get_num_threads() == 1 and "too many" not in out
        assert Path("dream-again.png").read_bytes() == Path("dream.png").read_bytes()
    finally:
        torch.set_num_threads(before)


def test_again_says_so_where_the_machine_cannot_have_as_many_threads(run, photo_file, monkeypatch):
    from batcountry.backend import threads
    from batcountry.image.files import read_note

    run("dream", "photo.png", "-o", "dream.png", *quick)
    note = json.loads(read_note(Path("dream.png")))
    picture = read_picture("dream.png").with_note(json.dumps({**note, "threads": 900}))
    picture.save("many.png", overwrite=True)
    monkeypatch.setattr(threads, "usable_cpus", lambda: 2)
    code, out, _ = run("again", "many.png")
    assert code == 0 and "was made with 900 threads, which are too many for this computer" in " ".join(
        out.split()
    )


def test_again_refuses_another_input_and_finds_a_moved_one(run, photo_file):
    run("dream", "photo.png", "-o", "dream.png", *quick)
    Path("there").mkdir()
    photo_file.rename("there/moved.png")
    code, _, err = run("again", "dream.png")
    assert code == 2 and "--input" in err
    assert run("again", "dream.png", "--input", "there/moved.png")[0] == 0
    assert Path("dream-again.png").read_bytes() == Path("dream.png").read_bytes()
    Image.new("RGB", (53, 37)).save("photo.png")
    code, _, err = run("again", "dream.png")
    assert code == 2 and "is not the picture" in err


def test_with_no_picture_a_sky_is_dreamed_on_and_again_makes_the_same(run):
    assert run("dream", "--size", "96", "--seed", "3", *quick)[0] == 0
    assert run("again", "dream.png")[0] == 0
    assert Path("dream-again.png").read_bytes() == Path("dream.png").read_bytes()


def test_info_shows_the_recipe_as_json(run, photo_file):
    run("dream", "photo.png", "-o", "dream.png", "--jitter", "5", *quick)
    note = json.loads(run("info", "dream.png", "--json")[1])
    assert note["recipe"]["jitter"] == 5 and note["recipe"]["layer"] == "blocks.10"
    assert note["input"] == "photo.png" and len(note["weights_sha256"]) == 64


def test_every_iteration_is_saved_on_request(run, photo_file):
    run("dream", "photo.png", "--save-steps", "steps", *quick)
    names = sorted(each.name for each in Path("steps").iterdir())
    assert names == [f"octave_{o}-iter_00{i}.png" for o in (0, 1) for i in (0, 1)]


def test_a_guide_and_an_objective_can_be_given(run, photo_file):
    assert run("dream", "photo.png", "--guide", "photo.png", "--layer", "blocks.5", *quick)[0] == 0
    assert run("dream", "photo.png", "--objective", 'channel("blocks.10", 3)', *quick)[0] == 0


def test_bulk_dreams_a_folder_over_layers_skips_what_is_done_and_goes_on_past_a_bad_file(run, photo):
    Path("in").mkdir()
    for name in ("a", "b"):
        Image.fromarray(photo).save(f"in/{name}.png")
    Path("in/bad.jpg").write_text("no picture")
    code, out, err = run("bulk", "in", "-o", "out", "--layer", "blocks.5", "--layer", "blocks.10", *quick)
    assert code == 2 and "in/bad.jpg" in err
    assert "4 dreamed, 0 done before, 1 failed" in out
    names = sorted(each.name for each in Path("out").iterdir())
    assert names == ["a-png_blocks.10.png", "a-png_blocks.5.png", "b-png_blocks.10.png", "b-png_blocks.5.png"]
    Path("in/bad.jpg").unlink()
    code, out, _ = run("bulk", "in", "-o", "out", "--layer", "blocks.5", "--layer", "blocks.10", *quick)
    assert code == 0 and "0 dreamed, 4 done before" in out


def test_layers_are_listed_with_channels_stride_and_field(run):
    code, out, _ = run("layers")
    assert code == 0
    line = next(each for each in out.splitlines() if each.startswith("blocks.10"))
    assert line.split()[-3:] == ["112", "16", "339"]
    assert line.split()[1:3] == ["(default)", "*"]
    starred = [each.split()[0] for each in out.splitlines() if " * " in each]
    assert starred == [f"blocks.{index}" for index in range(3, 16)]


def test_layers_are_printed_as_json_for_programs(run):
    code, out, _ = run("layers", "--json")
    facts = json.loads(out)
    assert code == 0 and facts["model"] == "efficientnet-lite0" and facts["default_layer"] == "blocks.10"
    ten = next(each for each in facts["layers"] if each["name"] == "blocks.10")
    assert (ten["channels"], ten["stride"], ten["receptive_field"]) == (112, 16, 339)
    assert ten["recommended"] is True and ten["sizes"] is None
    assert [
        each["recommended"] for each in facts["layers"] if each["name"] in ("stem", "head", "logits")
    ] == [False] * 3


def test_layers_say_which_sizes_a_network_runs_on(run, tmp_path):
    nets.net(tmp_path, nets.uneven()).save(str(tmp_path / "net.caffemodel"))
    (tmp_path / "net.prototxt").rename(tmp_path / "deploy.prototxt")
    code, out, _ = run("layers", str(tmp_path))
    said = " ".join(out.split())
    assert (
        code == 0
        and "sizes concat3 to fc: sides of 16n, 16n+15 run; others are padded to the next that does" in said
    )
    assert "sizes concat1 to pool2: sides of 4n, 4n+3 run" in said
    facts = json.loads(run("layers", str(tmp_path), "--json")[1])
    sizes = {each["name"]: each["sizes"] for each in facts["layers"]}
    assert sizes["stem"] is None and sizes["mix3"].startswith("sides of 16n, 16n+15 run")


def make_garbage(photo):
    Image.fromarray(photo).save("ok.png")
    data = Path("ok.png").read_bytes()
    Path("cut.png").write_bytes(data[: len(data) // 2])
    Path("letter.jpg").write_text("dear reader")
    Path("empty.png").touch()
    Path("folder.png").mkdir()
    case = REFERENCE / "layers" / "mini_inception"
    weights = (case / "net.caffemodel").read_bytes()
    for name, text, binary in (
        ("half", (case / "net.prototxt").read_text(), weights[: len(weights) // 2]),
        ("odd", "layer { name: 'x' type: 'Wibble' top: 'x' }", weights),
        ("swapped", weights, (case / "net.prototxt").read_bytes()),
        ("noise", data, weights),
    ):
        Path(name).mkdir()
        Path(name, "deploy.prototxt").write_bytes(text if isinstance(text, bytes) else text.encode())
        Path(name, "net.caffemodel").write_bytes(binary)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["letter.jpg"], "letter.jpg is not a picture"),
        (["cut.png"], "cut.png is damaged or cut short"),
        (["empty.png"], "empty.png is empty"),
        (["folder.png"], "folder.png is a folder"),
        (["none.png"], "there is no file none.png"),
        (
            ["ok.png", "--layer", "blocks.99"],
            "no layer 'blocks.99' in efficientnet-lite0; did you mean 'blocks.9'",
        ),
        (["ok.png", "--layer", "wibble"], "`bat-country layers MODEL` lists them"),
        (["ok.png", "--model", "resnet50"], "timm:resnet50 or torchvision:resnet50"),
        (
            ["ok.png", "--objective", "channel(blocks.10, 17)"],
            """'channel("blocks.10", 17)'""",
        ),
        (["ok.png", "--model", "half"], "net.caffemodel is not a .caffemodel or is cut short"),
        (["ok.png", "--model", "odd"], "unsupported types: 'x' (Wibble)"),
        (["ok.png", "--model", "swapped"], "are prototxt and .caffemodel swapped?"),
        (["ok.png", "--model", "noise"], "deploy.prototxt is not a Caffe prototxt: it is not text"),
        (["ok.png", "--model", "nowhere"], "there is no model 'nowhere'"),
        (["ok.png", "--guide", "letter.jpg"], "letter.jpg is not a picture"),
        (["ok.png", "--objective", "leyer('a')"], "did you mean 'layer'"),
        (["ok.png", "--octaves", "0"], "octaves cannot be 0"),
        (["ok.png", "--octaves", "many"], "--octaves"),
        (
            ["ok.png", "--precision", "wild"],
            "precision cannot be 'wild': input should be 'exact', 'fast' or 'auto'",
        ),
        (["ok.png", "--device", "cuda:77"], "cuda:77"),
        (["ok.png", "-o", "out.bmp"], "cannot write out.bmp"),
        (["ok.png", "-o", "nowhere/out.png"], "there is no folder nowhere"),
        (["--wibble"], "No such option"),
    ],
)
def test_garbage_gets_one_line_and_code_2_and_leaves_no_file(run, photo, arguments, said):
    make_garbage(photo)
    before = sorted(Path().rglob("*"))
    code, _, err = run("dream", *arguments)
    assert code == 2
    assert said in err
    assert len([line for line in err.splitlines() if line.strip()]) == 1
    assert sorted(Path().rglob("*")) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_found_out_first(run, photo_file):
    Path("closed").mkdir(mode=0o555)
    code, _, err = run("dream", "photo.png", "-o", "closed/out.png")
    assert code == 2 and "no permission" in err


def test_a_folder_that_refuses_the_file_is_said_in_one_line(run, photo_file, monkeypatch):
    opened = Path.open

    def refuse(path, mode="r", *arguments, **named):
        if "x" in mode:
            raise PermissionError(13, "Permission denied")
        return opened(path, mode, *arguments, **named)

    monkeypatch.setattr(Path, "open", refuse)
    code, _, err = run("dream", "photo.png", "-o", "out.png", *quick)
    assert code == 2 and "cannot write out.png: Permission denied" in err
    assert not Path("out.png").exists()


@pytest.mark.parametrize(
    "arguments", [["info", "ok.png"], ["again", "ok.png"], ["info", "letter.jpg"], ["layers", "x"]]
)
def test_other_commands_refuse_garbage_the_same_way(run, photo, arguments):
    make_garbage(photo)
    code, _, err = run(*arguments)
    assert code == 2 and err.startswith("error: ")


def test_pictures_made_by_a_dream_look_different(run, photo_file, photo):
    run("dream", "photo.png", "-o", "dream.png", *quick)
    with Image.open("dream.png") as dreamed:
        assert np.abs(np.float32(dreamed) - photo).mean() > 1


MINI = REFERENCE / "layers" / "mini_inception"


@pytest.fixture
def small_net(tmp_path):
    folder = tmp_path / "small"
    folder.mkdir()
    (folder / "deploy.prototxt").write_bytes((MINI / "net.prototxt").read_bytes())
    (folder / "net.caffemodel").write_bytes((MINI / "net.caffemodel").read_bytes())
    return folder


def test_check_says_what_a_net_is(run, small_net):
    code, out, _ = run("check", "small")
    assert code == 0
    for part in (
        "receptive field",
        "input        data, ",
        "parameters ",
        "missing      nothing",
        "unsupported  nothing",
    ):
        assert part in out
    names = [line.split()[0] for line in run("layers", "small")[1].splitlines()[1:]]
    assert all(f"\n{name} " in out for name in names)


def test_long_names_are_whole_on_a_narrow_screen(run, small_net, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    path = small_net / "deploy.prototxt"
    long = "a_layer_with_a_name_of_more_than_forty_characters"
    path.write_text(
        path.read_text() + f'layer {{ name: "{long}" type: "AbsVal" bottom: "data" top: "{long}" }}'
    )
    for command in ("check", "layers"):
        assert f"{long} " in run(command, "small")[1]


def test_check_compares_with_stored_numbers(run, small_net):
    reference = np.load(MINI / "reference.npz")
    assert run("check", "small", "--reference", MINI / "reference.npz")[0] == 0
    np.savez("wrong.npz", **{**reference, "data:data": reference["data:data"] + 1})
    code, out, _ = run("check", "small", "--reference", "wrong.npz")
    assert code == 1 and " 1 differ by more than 0.0001" in out
    assert run("check", "small", "--reference", "wrong.npz", "--tolerance", "9")[0] == 0


def test_check_names_unsupported_parts_and_missing_weights_and_leaves_with_1(run, small_net):
    with (small_net / "deploy.prototxt").open("a") as file:
        file.write('layer { name: "w" type: "Wibble" bottom: "data" top: "w" }')
    code, out, _ = run("check", "small")
    assert code == 1 and "unsupported  'w' (Wibble)" in out
    (small_net / "net.caffemodel").unlink()
    code, out, _ = run("check", "small/deploy.prototxt")
    assert code == 1 and "weights      none" in out
    assert run("check", "nowhere")[0] == 2


def test_a_converted_net_dreams_the_same(run, small_net, photo_file):
    assert run("convert", "small", "fast")[0] == 0
    for model in ("small", "fast"):
        assert run("dream", "photo.png", "--model", model, "-o", f"{model}.png", *quick)[0] == 0
    pictures = [np.asarray(Image.open(name).convert("RGB")) for name in ("small.png", "fast.png")]
    np.testing.assert_array_equal(*pictures)
    code, _, err = run("convert", "small", "fast")
    assert code == 2 and "is there already" in err


@pytest.fixture
def in_the_zoo(small_net, monkeypatch):
    """The small net, known by a name and a mean of its own, its files where `models get` puts them."""
    from batcountry.models import zoo

    monkeypatch.setenv("BATCOUNTRY_CACHE", str(small_net.parent / "cache"))
    monkeypatch.setattr(zoo, "_cards", {each.name: each for each in zoo.cards()})
    files = tuple(zoo.ModelFile(name=name, sha256="0" * 64) for name in ("deploy.prototxt", "net.caffemodel"))
    card = zoo.ModelCard(
        name="small_inception", title="", license="", trained_on="", files=files, mean=(1, 2, 3)
    )
    zoo.add(card)
    place = zoo.folder("small_inception")
    place.parent.mkdir(parents=True)
    small_net.rename(place)
    return place


def test_check_and_convert_take_known_networks_by_name(run, in_the_zoo):
    code, out, _ = run("check", "small_inception")
    assert code == 0 and "mean         1.00, 2.00, 3.00 (blue, green, red; of small_inception)" in out
    assert run("convert", "small_inception", "fast")[0] == 0
    assert run("layers", "fast")[1].replace("fast", "small_inception") == run("layers", "small_inception")[1]
    assert json.loads(Path("fast/model.json").read_text())["mean"] == [3, 2, 1]
    (in_the_zoo / "net.caffemodel").unlink()
    for command in (("check", "small_inception"), ("convert", "small_inception", "other")):
        code, _, err = run(*command)
        assert code == 2 and "get it with: bat-country models get small_inception" in err
    assert not Path("other").exists()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("efficientnet-lite0", "is none of Caffe's nets"),
        ("timm:resnet18", "is none of Caffe's nets"),
        ("os:abort", "is none of Caffe's nets"),
        ("net.onnx", "is none of Caffe's nets"),
        ("bvlc_googlenett", "did you mean 'bvlc_googlenet'"),
        ("README.md", "README.md is no model; a model is"),
    ],
)
def test_what_check_and_convert_cannot_take_is_one_sentence(run, name, said):
    for file in ("net.onnx", "README.md"):
        Path(file).write_text("# Read me: this is text\n")
    for command in (("check", name), ("convert", name, "out")):
        code, out, err = run(*command)
        assert code == 2 and said in err and err.count("\n") == 1 and not out
    assert not Path("out").exists()


def test_a_file_that_is_no_model_is_told_what_a_model_may_be(run, photo_file):
    Path("README.md").write_text("# Deep dreams\n\nof any network\n")
    Path("empty").touch()
    for name in ("README.md", "empty", "photo.png"):
        for command in ("layers", "check"):
            code, out, err = run(command, name)
            assert code == 2 and not out and err.startswith(f"error: {name} is no model; a model is a Caffe")
            for kind in (".onnx", ".pt2", ".pt", "prototxt", "convert"):
                assert kind in err
    Path("net.safetensors").touch()
    code, _, err = run("layers", "net.safetensors")
    assert code == 2 and "has weights alone" in err
    Path("deploy.prototxt").write_text('layer { name: "a" wrong }')
    Path("net.caffemodel").write_bytes(b"\0")
    code, _, err = run("layers", "deploy.prototxt")
    assert code == 2 and "line 1" in err
