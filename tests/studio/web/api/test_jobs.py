"""Asking for dreams, and looking after them."""

import json

import pytest

from batcountry.jobs.events import Count, Progress
from batcountry.jobs.spec import JobSpec
from batcountry.studio.store.leases import Leases
from batcountry.studio.store.pictures import NewPicture
from studio_server import picture

QUICK = {"iterations": 1, "octaves": 1}


def ask(studio, **request):
    return studio.post("/api/v1/jobs", json={"recipe": QUICK, **request})


def spec(studio, id):
    return JobSpec.read(studio.here.queue.get(id).spec_text)


@pytest.fixture
def upload(studio):
    return studio.upload(picture(), "Cat.png").json()["id"]


def test_a_job_is_stored_before_it_is_answered(studio, upload):
    reply = ask(studio, picture={"upload": upload}, title="Mine")
    shown = reply.json()
    assert (reply.status_code, shown["state"], shown["title"]) == (201, "waiting", "Mine")
    assert shown["source"] == {"upload": upload, "picture": None}
    assert studio.get(f"/api/v1/jobs/{shown['id']}").json()["recipe"]["iterations"] == 1


def test_what_is_named_is_found_by_the_worker_and_called_as_the_client_called_it(studio, upload):
    shown = ask(studio, picture={"upload": upload}, guide={"upload": upload}, mask={"upload": upload}).json()
    stored = spec(studio, shown["id"])
    assert set(stored.inputs) == {"picture", "guide", "mask"}
    for each in stored.inputs.values():
        assert (each.path, each.name) == (str(studio.here.folder.upload(upload)), "Cat.png")
    assert stored.outputs["picture"].path == str(studio.here.folder.result(shown["id"]))
    assert shown["guide"] == shown["mask"] == {"upload": upload, "picture": None}


def test_no_path_of_the_machine_is_shown(studio, upload):
    ask(studio, picture={"upload": upload}, guide={"upload": upload})
    assert str(studio.here.folder.path) not in studio.get("/api/v1/jobs").text


def test_a_result_can_be_dreamed_on_and_be_a_guide(studio, add_picture):
    id = add_picture(studio)
    shown = ask(studio, picture={"picture": id}, guide={"picture": id}).json()
    assert shown["source"] == shown["guide"] == {"upload": None, "picture": id}


def test_without_a_picture_it_begins_with_the_recipes_start(studio):
    assert spec(studio, ask(studio).json()["id"]).inputs == {}


def test_a_look_and_a_preset_are_put_into_the_recipe_under_what_is_said(studio):
    shown = ask(studio, recipe={"look": "classic", "octaves": 2}).json()["recipe"]
    assert (shown["param"], shown["octaves"], shown["octave_scale"]) == ("pixels", 2, 1.4)


def test_an_enlargement_is_dreamed_on_disk_with_its_pieces(studio, upload):
    shown = ask(studio, kind="enlarge", picture={"upload": upload}, options={"side": 512}).json()
    stored = spec(studio, shown["id"])
    assert (shown["kind"], stored.kind, stored.recipe["enlarge"]) == ("enlarge", "dream-on-disk", 512)
    assert set(stored.outputs) == {"picture", "deepzoom"}


def test_a_zoom_takes_the_recipe_and_its_own_options(studio, upload):
    shown = ask(
        studio, kind="zoom", picture={"upload": upload}, options={"seconds": 0.5, "zoom": "1.1"}
    ).json()
    stored = spec(studio, shown["id"])
    assert (stored.kind, stored.recipe["seconds"], stored.recipe["dream"]["iterations"]) == ("zoom", 0.5, 1)
    assert stored.outputs["film"].path.endswith(".mp4")


def test_a_visualization_can_be_asked_for(studio):
    stored = spec(studio, ask(studio, kind="visualize", options={"every": 3}).json()["id"])
    assert (stored.kind, stored.recipe["every"], stored.recipe["dream"]["iterations"]) == ("visualize", 3, 1)


@pytest.mark.parametrize(
    ("request_", "status", "words"),
    [
        ({"picture": {"upload": "nothing-here"}}, 404, "no upload 'nothing-here'"),
        ({"picture": {"picture": "nothing-here"}}, 404, "no picture"),
        ({"picture": {}}, 422, "upload and picture"),
        ({"kind": "bake"}, 422, "kind"),
        ({"recipe": {"iteratons": 3}}, 422, "did you mean 'iterations'"),
        ({"recipe": {"iterations": -3}}, 422, "iterations"),
        ({"recipe": {"look": "nice"}}, 422, "no look 'nice'"),
        ({"recipe": {"look": ["eyes"]}}, 422, "no look"),
        ({"recipe": {"preset": 3}}, 422, "preset"),
        ({"recipe": {"preset": "old"}}, 422, "preset"),
        ({"recipe": {"model": "vgg99"}}, 422, "vgg99"),
        ({"recipe": {"model": "vgg_ilsvrc_16_layers"}}, 422, "not here yet"),
        ({"kind": "video"}, 422, "name one as picture"),
        ({"kind": "enlarge", "options": {"side": 3}}, 422, "side"),
        ({"kind": "zoom", "options": {"seconds": -1}}, 422, "seconds"),
        ({"kind": "zoom", "options": {"dream": {"model": "x"}}}, 422, "leave dream out"),
        ({"options": {"every": 3}}, 422, "every"),
        ({"pictures": 3}, 422, "pictures"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(studio, request_, status, words):
    reply = ask(studio, **request_)
    assert reply.status_code == status, reply.text
    assert words in reply.json()["detail"] and "\n" not in reply.json()["detail"]


def test_a_picture_cannot_be_dreamed_on_as_a_film(studio, upload):
    reply = ask(studio, kind="video", picture={"upload": upload})
    assert reply.status_code == 422 and "film" in reply.json()["detail"]


def test_jobs_are_paused_resumed_cancelled_tried_again_and_moved(open_studio):
    studio = open_studio()
    first, second = (ask(studio).json()["id"] for _ in range(2))

    def do(id, what, **body):
        reply = studio.post(f"/api/v1/jobs/{id}/{what}", **({"json": body} if body else {}))
        return reply.status_code, reply.json().get("state", reply.json().get("detail"))

    assert do(first, "pause") == (200, "paused")
    assert do(first, "resume") == (200, "waiting")
    assert studio.get(f"/api/v1/jobs/{second}").json()["ahead"] == 1
    assert do(second, "move", before=first) == (200, "waiting")
    assert studio.get(f"/api/v1/jobs/{second}").json()["ahead"] == 0
    assert do(first, "cancel") == (200, "cancelled")
    assert do(first, "pause")[0] == 409
    assert do(first, "move", before=second)[0] == 409
    assert do(first, "retry") == (200, "waiting")
    assert do("nothing-here", "cancel") == (404, "there is no job 'nothing-here'")


def test_jobs_are_listed_newest_first_a_page_at_a_time(open_studio):
    studio = open_studio()
    ids = [ask(studio).json()["id"] for _ in range(5)]
    seen, after = [], None
    while True:
        page = studio.get("/api/v1/jobs", params={"limit": 2, **({"after": after} if after else {})}).json()
        seen += [each["id"] for each in page["jobs"]]
        after = page["next"]
        if after is None:
            break
    assert seen == ids[::-1]
    studio.post(f"/api/v1/jobs/{ids[0]}/cancel")
    found = studio.get("/api/v1/jobs?state=cancelled&state=done").json()["jobs"]
    assert [each["id"] for each in found] == ids[:1]


def test_what_is_being_dreamed_is_shown_with_how_far_it_is(open_studio):
    studio = open_studio()
    id = ask(studio).json()["id"]
    leases = Leases(studio.here.database)
    assert leases.claim("someone", 60).id == id
    where = (Count(what="octave", at=2, of=4), Count(what="iteration", at=3, of=10))
    with studio.here.database.writing() as connection:
        from batcountry.studio.store.changes import change

        change(
            connection, id, 0.0, progress=Progress(where=where, done=0.25, seconds_left=9).model_dump_json()
        )
    studio.here.folder.preview(id).write_bytes(picture(kind="JPEG"))
    shown = studio.get(f"/api/v1/jobs/{id}").json()
    assert shown["state"] == "running"
    assert {
        name: shown["progress"][name] for name in ("done", "octave", "octaves", "iteration", "iterations")
    } == {
        "done": 0.25,
        "octave": 2,
        "octaves": 4,
        "iteration": 3,
        "iterations": 10,
    }
    preview = studio.get(shown["preview"])
    assert (preview.headers["content-type"], preview.headers["cache-control"]) == (
        "image/jpeg",
        "private, no-cache",
    )
    assert studio.get(f"/api/v1/jobs/{id}/log").json() == {"log": "", "sentence": ""}


def test_a_preview_that_was_told_of_is_there_when_the_job_is_done_meanwhile(open_studio):
    studio = open_studio()
    id = ask(studio).json()["id"]
    leases, folder = Leases(studio.here.database), studio.here.folder
    leases.claim("someone", 60)
    folder.result(id).write_bytes(picture())
    made = NewPicture("picture", folder.relative(folder.result(id)), "picture", 40, 30, 99)
    leases.finish(id, "someone", [made])
    preview = studio.get(f"/api/v1/jobs/{id}/preview?n=7")
    assert (preview.status_code, preview.headers["content-type"]) == (200, "image/webp")


def test_no_more_wait_than_may(open_studio):
    studio = open_studio(max_queue=1)
    assert [ask(studio).status_code for _ in range(2)] == [201, 507]


def test_a_recipe_may_name_files_of_a_folder_that_was_allowed(open_studio, tmp_path):
    studio = open_studio(allow=(tmp_path,))
    assert ask(studio, recipe={**QUICK, "model": str(tmp_path / "net.onnx")}).status_code == 201
    assert ask(studio, recipe={**QUICK, "model": str(tmp_path / ".." / "net.onnx")}).status_code == 403


def test_events_tell_of_each_change(studio, upload):
    last = studio.get("/api/v1/events/since").json()["last"]
    id = ask(studio, picture={"upload": upload}).json()["id"]
    events = studio.get(f"/api/v1/events/since?after={last}&wait=5").json()["events"]
    assert events[-1]["kind"] == "job" and events[-1]["data"]["job"] in (id, {"id": id})
    assert json.dumps(events).count('"version": 1') == len(events)
