"""What `again` and `resume` let a file of somebody else do: nothing but dream, on what lies about."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

import batcountry
from batcountry.backend.policy import STRICT
from batcountry.cli.trust import strict_policy, typed_policy
from jobs.running import dreaming

QUICK = ["--octaves", "1", "--iterations", "1", "--size", "48"]


def edited(name, **recipe):
    """Change the recipe inside a picture, as a stranger may."""
    picture = batcountry.read_picture(name)
    note = json.loads(picture.note)
    note["recipe"] |= recipe
    text = PngInfo()
    text.add_itxt("batcountry", json.dumps(note))
    picture.image().save(name, pnginfo=text)


@pytest.fixture
def place(run, photo, tmp_path, monkeypatch):
    """A folder `mine` with dream.png and what it was made from, beside one that is somebody else's."""
    for name in ("mine", "theirs"):
        (tmp_path / name).mkdir()
    Image.fromarray(photo).save(tmp_path / "theirs" / "secret.png")
    (tmp_path / "theirs" / "evil.py").write_text("import pathlib\npathlib.Path('ran').touch()\nmake = None\n")
    monkeypatch.chdir(tmp_path / "mine")
    for name in ("photo.png", "guide.png"):
        Image.fromarray(photo).save(name)
    assert run("dream", "photo.png", "-o", "dream.png", "--layer", "blocks.1", *QUICK)[0] == 0
    return tmp_path


def refused(run, *arguments):
    """Return what is said when a command refuses; nothing is written then."""
    before = set(Path().rglob("*"))
    code, _, said = run(*arguments)
    assert code == 2 and "Traceback" not in said
    assert set(Path().rglob("*")) == before
    return " ".join(said.split())


def test_a_guide_that_lies_beside_is_read(run, place):
    assert (
        run("dream", "photo.png", "-o", "guided.png", "--guide", "guide.png", "--layer", "blocks.1", *QUICK)[
            0
        ]
        == 0
    )
    assert run("again", "guided.png")[0] == 0
    assert Path("guided-again.png").read_bytes() == Path("guided.png").read_bytes()


@pytest.mark.parametrize("name", ["{}/theirs/secret.png", "../theirs/secret.png", "link.png"])
@pytest.mark.parametrize("field", ["guide", "mask", "model", "weights", "mean"])
def test_files_elsewhere_are_not_read_unless_their_folder_is_allowed(run, place, field, name):
    Path("link.png").symlink_to(place / "theirs" / "secret.png")
    edited("dream.png", **{field: name.format(place)})
    said = refused(run, "again", "dream.png")
    assert f"--allow {place}/theirs" in said and "if you trust who wrote the recipe" in said
    if field in ("guide", "mask"):
        assert run("again", "dream.png", "--allow", place / "theirs")[0] == 0


def test_a_picture_that_was_dreamed_on_elsewhere_is_read_if_the_user_names_it(run, place):
    (place / "mine" / "photo.png").rename(place / "theirs" / "photo.png")
    note = json.loads(batcountry.read_picture("dream.png").note)
    note["input"] = str(place / "theirs" / "photo.png")
    text = PngInfo()
    text.add_itxt("batcountry", json.dumps(note))
    batcountry.read_picture("dream.png").image().save("dream.png", pnginfo=text)
    assert "--allow" in refused(run, "again", "dream.png")
    assert run("again", "dream.png", "--input", place / "theirs" / "photo.png")[0] == 0


def test_no_function_is_run_that_a_picture_names(run, place, monkeypatch):
    monkeypatch.syspath_prepend(str(place / "theirs"))
    edited("dream.png", model="evil:make")
    assert "--run-code" in refused(run, "again", "dream.png")
    assert not Path("ran").exists()
    run("again", "dream.png", "--run-code")
    assert Path("ran").exists()


def test_a_picture_asks_for_no_more_steps_than_allowed_unless_the_user_does(run, place):
    edited("dream.png", iterations=100_000, octaves=64)
    assert "--no-limits" in refused(run, "again", "dream.png")
    edited("dream.png", iterations=10**9)
    assert "cannot be 1000000000" in refused(run, "again", "dream.png")


def test_a_guide_of_too_many_pixels_is_not_decoded(run, place):
    Image.fromarray(np.zeros((9000, 9000), np.uint8)).save("guide.png")  # 81 megapixels, a few kilobytes
    edited("dream.png", guide="guide.png")
    assert "9000×9000 pixels, and at most 67,108,864" in refused(run, "again", "dream.png")


@pytest.mark.parametrize("on_disk", [False, True])
@pytest.mark.parametrize("key", ["source", "output", "guide", "recipe"])
def test_a_folder_of_work_reads_and_writes_elsewhere_only_if_that_is_allowed(run, place, key, on_disk):
    if on_disk:
        pytest.importorskip("pyvips", reason="needs pyvips, which the extra `big` brings")
    options = {"layer": "blocks.1", "octaves": 1, "iterations": 2, "size": 48}
    steps = dreaming("photo.png", "d.png", on_disk=on_disk, work="work", **options)
    next(steps)
    steps.close()
    job = Path("work/job.json")
    found = json.loads(job.read_text())
    secret = str(place / "theirs" / "secret.png")
    if key == "source":
        found["inputs"]["picture"]["path"] = secret
    elif key == "output":
        found["outputs"]["picture"]["path"] = secret
    elif key == "guide":
        found["inputs"]["guide"] = {"path": secret}
    else:
        found["recipe"]["guide"] = secret
    job.write_text(json.dumps(found))
    said = refused(run, "resume", "work")
    assert f"--allow {place}/theirs" in said


def test_a_film_makes_again_only_what_it_may(run, place):
    film = ("zoom", "photo.png", "film.gif", "--frames", "2", "--layer", "blocks.1", *QUICK)
    assert run(*film, "--key", "step_size=0:1.5,1:2")[0] == 0
    assert run("again", "film.gif")[0] == 0
    (place / "mine" / "photo.png").rename(place / "theirs" / "photo.png")
    assert "say where it is with --input" in refused(run, "again", "film.gif")
    assert run("again", "film.gif", "--input", place / "theirs" / "photo.png")[0] == 0


def test_commands_differ_in_the_policy_that_they_hand_over_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert typed_policy(False).folders is None and not typed_policy(False).run_programs
    assert typed_policy(True).run_programs
    policy = strict_policy([Path("/tmp")], run_code=False, no_limits=False)
    assert policy.folders == (tmp_path.resolve(), Path("/tmp").resolve()) and not policy.run_code
    assert policy.max_pixels == STRICT.max_pixels
    assert (
        strict_policy(None, run_code=True, no_limits=True)
        == STRICT.allow(".", run_code=True).without_limits()
    )
