"""Settings are checked, mean the same from any folder, and give jobs from the network no more than they say."""

from __future__ import annotations

from pathlib import Path

import pytest

from batcountry.errors import NotFound, PolicyError, StudioError
from batcountry.studio import StudioFolder, StudioSettings
from batcountry.studio.places import is_id, new_id


def test_paths_lead_there_from_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = StudioSettings(folder=Path("studio"), allow=("photos",), database="sqlite:///here.sqlite")
    monkeypatch.chdir("/")
    assert settings.places.path == tmp_path / "studio" and settings.allow == (tmp_path / "photos",)
    assert settings.database_url == f"sqlite:///{tmp_path}/here.sqlite"
    usual = StudioSettings(folder=tmp_path / "studio")
    assert usual.database_url == f"sqlite:///{tmp_path}/studio/studio.sqlite"
    assert StudioSettings.model_validate_json(settings.model_dump_json()) == settings


@pytest.mark.parametrize(
    "wrong",
    [{"port": 70_000}, {"folders": "x"}, {"devices": ("gpu;rm",)}, {"token": "short"}, {"idle_seconds": 0},
     {"database": "sqlite:///:memory:"}, {"database": "sqlite:///"}],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_a_sentence(tmp_path, wrong):
    with pytest.raises(StudioError, match=next(iter(wrong))):
        StudioSettings(folder=tmp_path, **wrong)


def test_only_loopback_needs_no_token(tmp_path):
    private = {
        host: StudioSettings(folder=tmp_path, host=host).is_private
        for host in ("127.0.0.1", "::1", "0.0.0.0")
    }
    assert private == {"127.0.0.1": True, "::1": True, "0.0.0.0": False}


def test_jobs_from_the_network_read_the_studios_files_and_those_that_are_allowed(tmp_path):
    settings = StudioSettings(folder=tmp_path / "studio", allow=(tmp_path / "photos",), max_steps=50)
    policy = settings.policy
    assert not policy.run_code and not policy.run_programs and not policy.network and policy.max_steps == 50
    for place in ("studio/uploads/a.png", "studio/pictures/a.png", "photos/a.png"):
        policy.check_file(tmp_path / place)
    for place in ("studio/studio.sqlite", "studio/token", "other/a.png", "photos/../studio/token"):
        with pytest.raises(PolicyError):
            policy.check_file(tmp_path / place)


def test_the_folder_is_made_for_this_user_alone_and_again_changes_nothing(tmp_path):
    places = StudioFolder(tmp_path / "a" / "studio").make()
    (places.uploads / "kept.png").write_bytes(b"x")
    assert places.make().uploads.joinpath("kept.png").exists()
    assert places.path.stat().st_mode & 0o077 == 0
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StudioError, match="name another folder"):
        StudioFolder(tmp_path / "file" / "studio").make()


@pytest.mark.parametrize("name", ["..", "../token-of-it", "%2e%2e%2ftoken", "/etc/passwd", "C:windows", "a\0bcdefghij", "short", "x" * 65, "\\\\host", ""])  # fmt: skip
def test_names_that_are_no_ids_lead_nowhere(tmp_path, name):
    places = StudioFolder(tmp_path)
    for ask in (places.upload, places.result, places.preview, places.job):
        with pytest.raises(NotFound):
            ask(name)
    assert not is_id(name)


def test_ids_are_names_of_files_and_none_is_like_another(tmp_path):
    ids = {new_id() for _ in range(200)}
    places = StudioFolder(tmp_path)
    assert len(ids) == 200 and all(is_id(each) and places.job(each).parent == places.work for each in ids)
    id = next(iter(ids))
    assert places.result(id, ".mp4", "film").name == f"{id}-film.mp4"
    for suffix in ("/../x", ".PNG/..", ".a b"):
        with pytest.raises(NotFound):
            places.result(id, suffix)


@pytest.mark.parametrize("place", ["/etc/passwd", "../token", "pictures/../../x", "pictures/\0"])
def test_places_that_a_database_names_stay_in_the_folder(tmp_path, place):
    with pytest.raises(StudioError, match="not in the studio's folder"):
        StudioFolder(tmp_path).file(place)
    assert StudioFolder(tmp_path).file("pictures/a.png") == tmp_path / "pictures" / "a.png"
