import os
from dataclasses import replace
from pathlib import Path

import pytest

from batcountry.backend.policy import OPEN, STRICT
from batcountry.errors import PolicyError


@pytest.fixture(autouse=True)
def _place(tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "secret.txt").write_text("secret")
    (tmp_path / "mine" / "guide.jpg").write_text("guide")
    monkeypatch.chdir(tmp_path / "mine")


def test_what_the_user_wrote_may_do_everything(tmp_path):
    OPEN.check_code("package:function")
    assert OPEN.check_file("/etc/passwd") == Path("/etc/passwd")
    OPEN.check_pixels((10**6, 10**6), "a picture")
    OPEN.check_steps(10**9)
    OPEN.check_seconds(10**9)
    assert OPEN.allow(tmp_path) == OPEN


def test_code_of_others_is_not_run_unless_that_is_allowed():
    with pytest.raises(PolicyError, match=r"to open evil:make is to run that code.*--run-code"):
        STRICT.check_code("evil:make")
    STRICT.allow(run_code=True).check_code("evil:make")


@pytest.mark.parametrize("policy", [OPEN, STRICT])
def test_programs_in_files_are_run_only_if_that_is_asked_for(policy):
    with pytest.raises(PolicyError, match=r"to open net\.pt is to run the program in it.*--run-code"):
        policy.check_program("net.pt")
    policy.allow(run_code=True).check_program("net.pt")


def test_work_ends_when_its_time_is_over_and_watching_takes_none(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("batcountry.backend.policy.time.monotonic", lambda: clock[0])

    def work():
        for step in range(3):
            clock[0] += 40
            yield step

    done = []
    with pytest.raises(PolicyError, match="at most 100 seconds"):
        for step in replace(STRICT, max_seconds=100).timed(work()):
            done.append(step)
            clock[0] += 1000
    assert done == [0, 1]
    assert list(OPEN.timed(work())) == [0, 1, 2]


def test_files_are_read_from_allowed_folders_and_below_alone(tmp_path):
    policy = STRICT.allow(tmp_path / "mine")
    Path("below").mkdir()
    for name in (
        "guide.jpg",
        "./below/../guide.jpg",
        "below/not-there.jpg",
        str(tmp_path / "mine" / "guide.jpg"),
    ):
        assert policy.check_file(name) == Path(name)
    with pytest.raises(PolicyError, match="not in a folder"):
        STRICT.check_file("guide.jpg")


@pytest.mark.parametrize("name", ["../theirs/secret.txt", "/etc/passwd", "link.txt", "linked/secret.txt"])
def test_no_way_leads_out_of_the_allowed_folders(tmp_path, name):
    Path("link.txt").symlink_to(tmp_path / "theirs" / "secret.txt")
    Path("linked").symlink_to(tmp_path / "theirs")
    with pytest.raises(PolicyError, match="--allow /"):
        STRICT.allow(".").check_file(name)


def test_the_refusal_names_the_folder_that_would_have_to_be_allowed(tmp_path):
    with pytest.raises(PolicyError) as error:
        STRICT.allow(".").check_file("../theirs/secret.txt")
    assert f"--allow {tmp_path / 'theirs'} " in str(error.value)
    STRICT.allow(".", tmp_path / "theirs").check_file("../theirs/secret.txt")


def test_a_link_to_itself_and_what_is_no_name_are_refused():
    Path("loop").symlink_to("loop")
    for name in ("loop/x", "a\0b"):
        with pytest.raises(PolicyError):
            STRICT.allow(".").check_file(name)


def test_pipes_and_devices_are_not_read():
    os.mkfifo("pipe")
    with pytest.raises(PolicyError, match="no ordinary file"):
        STRICT.allow(".").check_file("pipe")


def test_a_file_of_too_many_bytes_is_not_read():
    policy = replace(STRICT.allow("."), max_bytes=4)
    with pytest.raises(PolicyError, match=r"guide\.jpg has 5 bytes.*--no-limits"):
        policy.check_file("guide.jpg")
    replace(policy, max_bytes=5).check_file("guide.jpg")
    policy.without_limits().check_file("guide.jpg")


def test_pixels_steps_and_seconds_are_bounded():
    policy = replace(STRICT, max_pixels=100, max_steps=10, max_seconds=60)
    policy.check_pixels((10, 10), "the guide")
    policy.check_steps(10)
    policy.check_seconds(60)
    for check in (
        lambda: policy.check_pixels((11, 10), "the guide"),
        lambda: policy.check_steps(11),
        lambda: policy.check_seconds(61),
    ):
        with pytest.raises(PolicyError, match=r"at most .* are allowed"):
            check()


def test_the_strict_policy_bounds_everything():
    assert not STRICT.run_code and STRICT.folders == ()
    assert None not in (STRICT.max_pixels, STRICT.max_steps, STRICT.max_bytes, STRICT.max_seconds)


def test_without_limits_neither_code_nor_files_are_allowed():
    assert STRICT.without_limits().folders == () and not STRICT.without_limits().run_code
