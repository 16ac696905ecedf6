"""What the API says of networks, looks, recipes and itself."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image

from batcountry.atlas.folder import Entry
from batcountry.atlas.looking import seen
from batcountry.image.reading import read_picture
from batcountry.jobs import run
from batcountry.jobs.folder import JobFolder
from batcountry.models import open_model
from batcountry.recipe import Recipe
from batcountry.studio.settings import WatchedFolder
from batcountry.studio.web.looks import LOOKS

OURS = "efficientnet-lite0"


def test_networks_are_listed_with_those_first_that_are_here(studio):
    found = studio.get("/api/v1/networks").json()
    assert (found[0]["name"], found[0]["here"]) == (OURS, True)
    assert {"bvlc_googlenet"} <= {each["name"] for each in found}


def test_a_network_is_shown_with_its_layers_and_looked_into_once(studio):
    model = open_model(OURS)
    shown = studio.get(f"/api/v1/networks/{OURS}").json()
    assert [each["name"] for each in shown["layers"]] == [each.name for each in model.layers]
    assert (shown["default_layer"], shown["classes"]) == (model.default_layer, 1000)
    assert next(studio.here.folder.looks.glob(f"{OURS}/facts-*.json")).is_file()


def test_classes_are_found_by_words(studio):
    reply = studio.get(f"/api/v1/networks/{OURS}/classes?search=CAT tabby").json()
    assert reply == {"classes": [{"number": 281, "name": "tabby cat"}], "total": 1}
    assert studio.get(f"/api/v1/networks/{OURS}/classes?limit=3").json()["total"] == 1000


def test_the_class_of_just_that_name_is_found_first(studio):
    found = studio.get(f"/api/v1/networks/{OURS}/classes?search=Lion").json()["classes"]
    assert [each["name"] for each in found] == ["lion", "lionfish", "sea lion"]


def test_channels_are_shown_as_far_as_they_were_drawn(studio):
    place = f"/api/v1/networks/{OURS}/layers/blocks.5/channels"
    assert studio.get(f"{place}/3/picture").status_code == 404
    assert "no channel" in studio.get(f"{place}/99999/picture").json()["detail"]
    assert studio.get(f"/api/v1/networks/{OURS}/layers/nothing/channels/0/picture").status_code == 404


@pytest.mark.parametrize("name", ["nothing", "vgg_ilsvrc_16_layers"])
def test_what_is_not_here_is_said_not_to_be(studio, name):
    assert studio.get(f"/api/v1/networks/{name}").status_code in (404, 422)


@pytest.mark.parametrize("look", LOOKS)
def test_each_look_is_a_recipe_that_may_be_sent_and_has_a_picture(studio, look):
    listed = {each["name"]: each for each in studio.get("/api/v1/looks").json()}
    reply = studio.post("/api/v1/jobs", json={"recipe": {**listed[look]["recipe"], "iterations": 1}})
    assert reply.status_code == 201, reply.text
    assert studio.get(listed[look]["picture"]).headers["content-type"] == "image/jpeg"


def test_a_layer_of_each_look_is_one_of_the_networks():
    names = {each.name for each in open_model(OURS).layers}
    assert {look.recipe["layer"] for look in LOOKS.values() if "layer" in look.recipe} <= names


def test_the_form_is_made_of_the_recipes_schema(studio):
    schema = studio.get("/api/v1/recipe").json()
    assert set(schema["properties"]) == set(Recipe.model_fields) - {"weights"}
    assert schema["groups"][0] == "Picture"
    zoom = studio.get("/api/v1/recipe?kind=zoom").json()["options"]["properties"]
    assert {"seconds", "zoom", "loop"} <= set(zoom) and not {"dream", "kind"} & set(zoom)


def test_numbers_for_prometheus(studio, add_picture):
    add_picture(studio)
    text = studio.get("/metrics").text
    assert 'batcountry_jobs{state="waiting"}' in text and "batcountry_pictures " in text
    assert studio.get("/api/v1/metrics").status_code == 200


def test_settings_say_what_there_is(studio):
    shown = studio.get("/api/v1/settings").json()
    assert shown["folder"] == str(studio.here.folder.path) and shown["working"] is False
    assert shown["max_upload_bytes"] == 1 << 20 and shown["watch"] is None


def test_settings_say_which_folder_is_watched_to_those_who_are_here(open_studio, tmp_path):
    watch = WatchedFolder(inputs=tmp_path / "in", outputs=tmp_path / "out")
    here = open_studio(watch=watch)
    here.client.app.state.workers = SimpleNamespace(trouble="the disk is full")
    paths = {"inputs": str(tmp_path / "in"), "outputs": str(tmp_path / "out"), "settings": None}
    assert here.get("/api/v1/settings").json()["watch"] == {**paths, "sentence": "the disk is full"}


def test_a_look_at_a_picture_is_a_job_with_a_sheet_that_says_of_which_channels(studio, photo, tmp_path):
    upload = studio.upload(photo).json()["id"]
    reply = studio.post(
        f"/api/v1/networks/{OURS}/see", json={"picture": {"upload": upload}, "layer": "blocks.5"}
    )
    assert (reply.status_code, reply.json()["kind"]) == (201, "see")
    spec = studio.here.queue.get(reply.json()["id"]).spec()
    assert (spec.kind, spec.recipe["dream"]["layer"]) == ("sight", "blocks.5")
    *_, done = run(spec, policy=studio.here.settings.policy, folder=tmp_path / "job")
    shown = JobFolder(tmp_path / "job").spec().recipe["channels"]
    sight = seen(open_model(OURS), read_picture(spec.inputs["picture"].path).fitted(448), "blocks.5")
    assert len(shown) == 6 and shown[:5] == [channel for channel, _ in sight.strongest(5)]
    with Image.open(done.outputs["plot"]) as sheet:
        assert sheet.size == (3 * (40 + 6) + 6, 2 * (30 + 18 + 6) + 6)
        assert len(sheet.getcolors(1 << 20)) > 100


def test_channels_are_drawn_where_they_are_looked_for(studio):
    reply = studio.post(f"/api/v1/networks/{OURS}/draw", json={"layers": ["blocks.5"]})
    assert (reply.status_code, reply.json()["kind"]) == (201, "draw")
    spec = studio.here.queue.get(reply.json()["id"]).spec()
    entry = Entry.of(open_model(OURS), "blocks.5")
    place = Path(spec.outputs["atlas"].path) / "channels" / entry.slug
    place.mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(place / "3.jpg")
    assert studio.get(f"/api/v1/networks/{OURS}/layers/blocks.5/channels/3/picture").status_code == 200
    assert studio.post(f"/api/v1/networks/{OURS}/draw", json={"layers": ["x"]}).status_code == 404
    place = f"/api/v1/networks/{OURS}/layers/blocks.5"
    assert studio.get(f"{place}/channels").json() == {"channels": entry.channels, "drawn": [3]}
    assert studio.get(f"/api/v1/networks/{OURS}/layers/x/channels").status_code == 404


def test_a_layer_has_a_picture_when_it_was_drawn(studio):
    def pictures():
        return {
            each["name"]: each["picture"] for each in studio.get(f"/api/v1/networks/{OURS}").json()["layers"]
        }

    assert set(pictures().values()) == {None}
    place = studio.here.folder.layers(OURS) / f"{Entry.of(open_model(OURS), 'blocks.5').slug}.jpg"
    place.parent.mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(place)
    shown = {name: each for name, each in pictures().items() if each}
    assert list(shown) == ["blocks.5"]
    assert studio.get(shown["blocks.5"]).headers["content-type"] == "image/jpeg"
    assert studio.get(f"/api/v1/networks/{OURS}/layers/blocks.6/picture").status_code == 404
