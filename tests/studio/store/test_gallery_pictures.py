"""The gallery shows each picture once, whatever the order, finds by words, and deletes with undo."""

from __future__ import annotations

from dataclasses import replace

import pytest

from batcountry.errors import NotFound, StudioError
from batcountry.jobs.spec import InputFile, JobSpec
from batcountry.studio.store.pictures import Filter, NewPicture
from batcountry.studio.store.uploads import Upload, Uploads


def add(store, count, **fields):
    """So many pictures, each of a job of its own, a second apart."""
    for n in range(count):
        id = store.submit()
        job = store.leases.claim("w", 15)
        assert job.id == id
        recipe = f'{{"seed": {n}, "Text": "50% of_it"}}'
        result = NewPicture(
            "picture", f"pictures/{id}.png", "picture", 3, 4, 10 + n, "net", f"layer{n}", recipe
        )
        store.leases.finish(id, "w", [replace(result, **fields)])


def pages(store, limit, which=None, **order):
    found, cursor = [], ""
    while True:
        page, cursor = store.pictures.page(which, cursor=cursor, limit=limit, **order)
        found += page
        if not cursor:
            return found


@pytest.mark.parametrize("order", [{}, {"order": "random", "seed": 5}, {"order": "random", "seed": 2**40}])
def test_pages_have_each_picture_once(store, order):
    add(store, 11)
    shown = [each.layer for each in pages(store, 3, **order)]
    assert sorted(shown) == sorted(f"layer{n}" for n in range(11))
    assert shown == [each.layer for each in pages(store, 4, **order)]
    if not order:
        assert shown == [f"layer{n}" for n in range(11)][::-1]


def test_random_orders_differ_by_seed(store):
    add(store, 11)
    orders = {tuple(each.id for each in pages(store, 20, order="random", seed=seed)) for seed in range(4)}
    assert len(orders) == 4


def test_a_cursor_goes_on_where_it_was_although_newer_ones_came(store):
    add(store, 4)
    page, cursor = store.pictures.page(limit=2)
    add(store, 2)
    rest, _ = store.pictures.page(cursor=cursor)
    assert [each.layer for each in page + rest] == ["layer3", "layer2", "layer1", "layer0"]
    with pytest.raises(StudioError, match="begin at its top"):
        store.pictures.page(cursor="nonsense'--")


def test_filters_narrow_what_is_shown(store):
    add(store, 3)
    add(store, 2, network="other", media="film")
    favorite = store.pictures.favor(store.pictures.page()[0][-1].id, True)
    found = {
        name: [each.network + each.layer for each in pages(store, 9, Filter(**which))]
        for name, which in {
            "network": {"network": "other"},
            "layer": {"layer": "layer2"},
            "favorite": {"favorite": True},
            "words": {"text": 'NET  seed": 2'},
            "percent": {"text": "50%"},
            "no wildcard": {"text": "5%f"},
            "no other wildcard": {"text": "of-it"},
            "media": {"media": "film"},
        }.items()
    }
    assert found == {
        "network": ["otherlayer1", "otherlayer0"],
        "layer": ["netlayer2"],
        "favorite": ["netlayer0"],
        "words": ["netlayer2"],
        "percent": ["otherlayer1", "otherlayer0", "netlayer2", "netlayer1", "netlayer0"],
        "no wildcard": [],
        "no other wildcard": [],
        "media": ["otherlayer1", "otherlayer0"],
    }
    assert favorite.favorite and store.pictures.count(Filter(network="other")) == 2
    assert store.pictures.values("network") == ["net", "other"]


def test_what_is_deleted_is_gone_until_it_is_restored_or_swept(store):
    add(store, 3)
    first, second, third = (each.id for each in store.pictures.page()[0])
    store.pictures.delete(first), store.pictures.delete(second)
    with pytest.raises(NotFound, match="there is no picture"):
        store.pictures.get(first)
    assert [each.id for each in store.pictures.page()[0]] == [third] and store.pictures.used_bytes() == 33
    assert store.pictures.restore(second).deleted is None and store.pictures.get(second).id == second
    store.clock.now += 10
    assert store.pictures.swept(store.clock.now - 20) == []
    assert [each.id for each in store.pictures.swept(store.clock.now - 5)] == [first]
    assert store.pictures.used_bytes() == 21
    for ask in (store.pictures.restore, store.pictures.delete, store.pictures.get):
        with pytest.raises(NotFound):
            ask(first)


def test_the_oldest_that_is_no_favorite_goes_first(store):
    add(store, 3)
    newest, middle, oldest = (each.id for each in store.pictures.page()[0])
    store.pictures.favor(oldest, True)
    assert [each.id for each in store.pictures.oldest(5)] == [middle, newest]


def test_uploads_that_no_job_is_made_from_are_unused(store):
    uploads = Uploads(store.database)
    for n, id in enumerate(["first-upload", "second-upload", "third_upload", "fourth-upload"]):
        uploads.add(Upload(id, f"uploads/{id}.png", "photo.jpg", "0" * 64, 3, 4, 10 + n, created=n))
    store.submit(picture_from="first-upload")
    assert [each.id for each in uploads.unused(before=3)] == ["second-upload", "third_upload"]
    assert uploads.get("third_upload").width == 3 and uploads.used_bytes() == 46
    uploads.forget("second-upload")
    for ask in (uploads.get, uploads.forget):
        with pytest.raises(NotFound, match="there is no upload 'second-upload'"):
            ask("second-upload")


def test_an_upload_is_needed_until_its_job_ended_long_ago_and_its_pictures_are_swept_away(store):
    uploads = Uploads(store.database)
    for id in ("as-a-source", "as-a-mask", "of-a-picture"):
        uploads.add(Upload(id, f"uploads/{id}.png", "photo.jpg", "0" * 64, 3, 4, 10, created=0))
    add(store, 1, source="of-a-picture")
    (picture,) = (each.id for each in store.pictures.page()[0])
    mask = {"mask": InputFile(path="/studio/uploads/as-a-mask.png")}
    job = store.queue.submit(JobSpec(kind="dream", inputs=mask), picture_from="as-a-source").id
    assert uploads.unused(before=1) == []
    store.clock.now += 10
    store.queue.wish(job, "cancel")
    assert uploads.unused(before=5) == []
    unused = {each.id for each in uploads.unused(before=store.clock.now + 1)}
    assert unused == {"as-a-source", "as-a-mask"}
    store.pictures.delete(picture)
    store.pictures.swept(store.clock.now + 1)
    assert len(uploads.unused(before=store.clock.now + 1)) == 3
