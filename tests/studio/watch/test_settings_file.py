"""Clouddream's settings, and a recipe's fields."""

import pytest

from batcountry.errors import BatCountryError
from batcountry.studio.watch.checking import with_layer_here
from batcountry.studio.watch.settings_file import read_settings, settings_of


@pytest.mark.parametrize(
    ("size", "longer"), [((600, 400), 300), ((600, 1200), 600), ((300, 900), None), ((301, 100), 300)]
)
def test_maxwidth_bounds_the_width(tmp_path, size, longer):
    found = settings_of({"maxwidth": 300}, tmp_path)
    assert found.picture(size).size == longer


def test_clouddreams_names_and_our_own_go_together(tmp_path):
    found = settings_of(
        {"iter_n": 3, "octave_n": 2, "octave_scale": 1.3, "seed": 5, "opacity": 0.5, "keys": {}}, tmp_path
    )
    assert (found.recipe.iterations, found.recipe.octaves, found.recipe.octave_scale) == (3, 2, 1.3)
    film = found.video()
    assert (film.opacity, film.dream.seed, film.max_size) == ("0.5", 5, None)


def test_a_film_leaves_out_what_films_do_not_have(tmp_path):
    film = settings_of({"start": "noise", "color": "keep", "size": 200, "maxwidth": 400}, tmp_path).video()
    assert film.max_size == 200 and film.dream.color == "free" and film.dream.size is None


def test_files_are_looked_for_beside_the_settings(tmp_path):
    (tmp_path / "guide.png").write_bytes(b"x")
    (tmp_path / "s.json").write_text('{"guide": "guide.png"}')
    assert read_settings(tmp_path / "s.json").recipe.guide == str(tmp_path / "guide.png")


def test_settings_can_be_kept_and_read_again(tmp_path):
    found = settings_of({"maxwidth": 300, "layer": "x", "opacity": "0.5"}, tmp_path)
    (tmp_path / "kept.json").write_text(found.text())
    assert read_settings(tmp_path / "kept.json") == found


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"maxwidth": 0}, "maxwidth has to be"),
        ({"maxwidth": "300"}, "maxwidth has to be"),
        ({"maxwidth": True}, "maxwidth has to be"),
        ({"maxwidth": 1e400}, "maxwidth has to be"),
        ({"maxwidth": [300]}, "maxwidth has to be"),
        ({"layr": "x"}, "did you mean 'layer'"),
        ({"iter_n": 2, "iterations": 3}, "the same"),
        ({"iter_n": "many"}, "iterations cannot be"),
        ({"preset": 3}, "preset has to be a name"),
        ({"preset": "clasic"}, "classic"),
        ({"opacity": "7"}, "opacity cannot be"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, fields, said):
    with pytest.raises(BatCountryError, match=said):
        settings_of(fields, tmp_path)


def test_a_layer_of_clouddreams_network_leads_to_one_as_deep():
    fields, note = with_layer_here({"layer": "inception_4c/output"})
    assert fields["layer"].startswith("blocks.") and fields["layer"] in note


def test_a_layer_of_the_usual_network_is_taken_as_it_is():
    assert with_layer_here({"layer": "blocks.5"}) == ({"layer": "blocks.5"}, "")


def test_a_layer_of_nothing_is_refused():
    with pytest.raises(BatCountryError, match="no layer"):
        with_layer_here({"layer": "nonsense"})
