"""The gallery over the API."""

import io
import json
import zipfile

import pytest
from PIL import Image

from batcountry.studio.store.pictures import NewPicture, add_pictures

COLORS = ("red", "lime", "blue", "white", "black")


@pytest.fixture(scope="module")
def gallery(open_studio):
    return open_studio()


@pytest.fixture
def ids(gallery, add_picture):
    known = gallery.get("/api/v1/pictures?limit=200").json()["pictures"]
    return [each["id"] for each in known][::-1] or [add_picture(gallery, color) for color in COLORS]


def listed(gallery, **params):
    reply = gallery.get("/api/v1/pictures", params=params)
    assert reply.status_code == 200
    return [each["id"] for each in reply.json()["pictures"]]


def test_the_newest_is_first(gallery, ids):
    assert listed(gallery) == ids[::-1]
    assert gallery.get("/api/v1/pictures").json()["total"] == len(COLORS)


@pytest.mark.parametrize("order", ["newest", "random"])
def test_pages_follow_each_other_without_gap_or_twin(gallery, ids, order):
    seen, cursor = [], ""
    while cursor is not None:
        params = {"limit": 2, "order": order, "seed": 7, "cursor": cursor}
        page = gallery.get("/api/v1/pictures", params=params).json()
        seen += [each["id"] for each in page["pictures"]]
        cursor = page["next"]
    assert sorted(seen) == sorted(ids) and len(seen) == len(ids)


def test_a_seed_has_an_order_of_its_own(gallery, ids):
    orders = {tuple(listed(gallery, order="random", seed=seed)) for seed in range(8)}
    assert len(orders) > 2
    assert listed(gallery, order="random", seed=3) == listed(gallery, order="random", seed=3)


def test_it_is_searched_by_what_is_known(gallery, ids, add_picture):
    assert (
        listed(gallery, layer="blocks.5", text="BLOCKS.5 efficientnet", network="efficientnet-lite0")
        == ids[::-1]
    )
    assert (
        listed(gallery, text="' OR 1=1 --") == listed(gallery, text="%") == listed(gallery, layer="x") == []
    )


def test_a_favorite_is_one_until_it_is_not(gallery, ids):
    assert gallery.patch(f"/api/v1/pictures/{ids[1]}", json={"favorite": True}).json()["favorite"] is True
    assert listed(gallery, favorite=True) == [ids[1]]
    gallery.patch(f"/api/v1/pictures/{ids[1]}", json={"favorite": False})
    assert listed(gallery, favorite=True) == []


def test_a_page_that_was_asked_for_before_shows_what_changed_since(gallery, ids, add_picture):
    before = gallery.get("/api/v1/pictures").json()
    assert gallery.get("/api/v1/pictures").json() == before
    new = add_picture(gallery, "gray")
    assert listed(gallery) == [new, *(each["id"] for each in before["pictures"])]
    gallery.client.delete(f"/api/v1/pictures/{new}")
    assert gallery.get("/api/v1/pictures").json() == before


def test_a_small_file_is_sent_in_part_when_that_is_asked_for(gallery, ids):
    url = f"/api/v1/pictures/{ids[0]}/file"
    whole, part = gallery.get(url), gallery.get(url, headers={"Range": "bytes=2-9"})
    assert (whole.status_code, part.status_code) == (200, 206)
    assert part.content == whole.content[2:10] and whole.headers["accept-ranges"] == "bytes"


def test_what_is_deleted_can_be_had_back(gallery, ids):
    assert gallery.delete(f"/api/v1/pictures/{ids[0]}").json()["deleted"] is not None
    assert ids[0] not in listed(gallery)
    assert gallery.get(f"/api/v1/pictures/{ids[0]}/file").status_code == 404
    assert gallery.post(f"/api/v1/pictures/{ids[0]}/restore").json()["deleted"] is None
    assert ids[0] in listed(gallery)


def test_a_picture_is_sent_as_it_was_made(gallery, ids):
    reply = gallery.get(f"/api/v1/pictures/{ids[0]}/file?download=1")
    assert reply.headers["content-disposition"].startswith('attachment; filename="dream-')
    image = Image.open(io.BytesIO(reply.content))
    assert json.loads(image.info["batcountry"]) == {"recipe": {"layer": "blocks.5"}}


def test_as_a_jpeg_it_still_has_its_recipe_inside(gallery, ids):
    reply = gallery.get(f"/api/v1/pictures/{ids[0]}/file?format=jpeg")
    assert reply.headers["content-type"] == "image/jpeg"
    from batcountry.image.files import note_inside

    with Image.open(io.BytesIO(reply.content)) as image:
        assert json.loads(note_inside(image)) == {"recipe": {"layer": "blocks.5"}}


@pytest.mark.parametrize(("size", "small"), [((64, 48), (64, 48)), ((321, 100), (320, 100))])
def test_what_is_small_is_not_made_larger(gallery, add_picture, size, small):
    id = add_picture(gallery, size=size)
    reply = gallery.get(f"/api/v1/pictures/{id}/thumb?side=320")
    assert Image.open(io.BytesIO(reply.content)).size == small
    gallery.delete(f"/api/v1/pictures/{id}")


def test_a_small_one_is_small_and_kept(gallery, add_picture):
    id = add_picture(gallery, size=(700, 350))
    reply = gallery.get(f"/api/v1/pictures/{id}/thumb?side=320")
    assert Image.open(io.BytesIO(reply.content)).size == (320, 160)
    assert (
        gallery.get(
            f"/api/v1/pictures/{id}/thumb", headers={"if-none-match": reply.headers["etag"]}
        ).status_code
        == 304
    )
    gallery.delete(f"/api/v1/pictures/{id}")


def test_several_come_as_a_zip(gallery, ids):
    reply = gallery.post("/api/v1/pictures/zip", json={"ids": [*ids[:3], ids[0]]})
    with zipfile.ZipFile(io.BytesIO(reply.content)) as found:
        assert found.testzip() is None
        assert sorted(name.rpartition("-")[2] for name in found.namelist()) == sorted(
            f"{id.rpartition('-')[2]}.png" for id in ids[:3]
        )
        for name, id in zip(found.namelist(), ids, strict=False):
            assert found.read(name) == gallery.get(f"/api/v1/pictures/{id}/file").content


def test_a_zip_of_what_is_not_there_is_not_found(gallery, ids):
    assert gallery.post("/api/v1/pictures/zip", json={"ids": [ids[0], "nothing-here"]}).status_code == 404


def test_the_recipe_of_a_picture_is_shown_without_files_of_the_machine(gallery, add_picture):
    folder = gallery.here.folder.path
    id = add_picture(
        gallery, recipe={"layer": "stem", "guide": "/home/me/x.png", "objective": f'match("{folder}/a.png")'}
    )
    assert gallery.get(f"/api/v1/pictures/{id}/recipe").json() == {
        "layer": "stem",
        "objective": 'match("a.png")',
    }
    gallery.delete(f"/api/v1/pictures/{id}")


def test_a_picture_in_pieces_is_sent_in_pieces(gallery, add_picture):
    folder = gallery.here.folder.pictures / "pieces-of-one"
    (folder / "dream_files" / "3").mkdir(parents=True)
    (folder / "dream.dzi").write_text("<Image/>")
    (folder / "index.html").write_text("<script>")
    Image.new("RGB", (8, 8)).save(folder / "dream_files" / "3" / "0_1.jpg")
    id = add_picture(gallery, file="pictures/pieces-of-one", media="pyramid")
    place = f"/api/v1/pictures/{id}/pyramid"
    assert gallery.get(f"{place}/picture.dzi").text == "<Image/>"
    assert gallery.get(f"{place}/3/0_1.jpg").headers["content-type"] == "image/jpeg"
    for other in ("index.html", "dream.dzi", "3/0_2.jpg", "3", "", "dream_files/3/0_1.jpg"):
        assert gallery.get(f"{place}/{other}").status_code == 404
    gallery.delete(f"/api/v1/pictures/{id}")


def test_the_small_one_of_a_picture_in_pieces_is_its_largest_piece_that_shows_all(gallery, add_picture):
    folder = gallery.here.folder.pictures / "pieces-of-two"
    pieces = {"8/0_0": (125, 60), "9/0_0": (250, 120), "10/0_0": (254, 240), "10/1_0": (246, 240)}
    for name, size in pieces.items():
        place = folder / "dream_files" / f"{name}.jpg"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size, (200, 30, 90)).save(place)
    id = add_picture(gallery, file="pictures/pieces-of-two", media="pyramid")
    reply = gallery.get(f"/api/v1/pictures/{id}/thumb?side=320")
    assert Image.open(io.BytesIO(reply.content)).size == (250, 120)
    gallery.delete(f"/api/v1/pictures/{id}")


def test_of_a_picture_whose_file_is_gone_that_is_said(gallery, add_picture):
    id = add_picture(gallery)
    gallery.here.folder.file(gallery.here.pictures.get(id).file).unlink()
    for part in ("file", "thumb"):
        reply = gallery.get(f"/api/v1/pictures/{id}/{part}")
        assert reply.status_code == 404 and "there is no" in reply.json()["detail"]
    gallery.delete(f"/api/v1/pictures/{id}")


@pytest.mark.parametrize(
    "query",
    ["cursor=x", "cursor=1:'--", "limit=0", "limit=1000", "order=odd", "seed=-1", "media=exe", "favorite=x"],
)
def test_what_cannot_be_asked_is_refused(gallery, query):
    assert gallery.get(f"/api/v1/pictures?{query}").status_code == 422


def test_of_one_in_pieces_the_whole_is_saved(open_studio, add_picture):
    here = open_studio()
    add_picture(here, "lime")
    job = here.get("/api/v1/pictures").json()["pictures"][0]["job"]
    pieces = here.here.folder.result(job, "", "deepzoom")
    pieces.mkdir()
    facts = {"media": "pyramid", "width": 64, "height": 48, "bytes": 1}
    made = NewPicture("deepzoom", here.here.folder.relative(pieces), **facts)
    with here.here.database.writing() as connection:
        add_pictures(connection, job, [made], here.here.database.clock())
    id = listed(here, media="pyramid")[0]
    whole = here.get(f"/api/v1/pictures/{id}/file?download=1")
    assert (
        whole.headers["content-type"] == "image/png" and "attachment" in whole.headers["content-disposition"]
    )
    with Image.open(io.BytesIO(whole.content)) as image:
        assert image.getpixel((0, 0)) == (0, 255, 0)
    with zipfile.ZipFile(io.BytesIO(here.post("/api/v1/pictures/zip", json={"ids": [id]}).content)) as files:
        assert [each.file_size for each in files.infolist()] == [len(whole.content)]
