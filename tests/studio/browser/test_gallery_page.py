"""The gallery: everything that was made, opened, compared, deleted and had back, saved."""

from __future__ import annotations

import io
import json
import zipfile

TILE = ".tile button"


def tiles(page):
    return page.locator(TILE).count()


def test_pages_follow_each_other_by_cursor_as_one_scrolls(open_page, studio):
    studio.studio.fill(130)
    page = open_page("/gallery")
    page.wait_for_selector(TILE)
    assert tiles(page) in (60, 120)
    for _ in range(12):
        page.mouse.wheel(0, 3000)
        page.wait_for_timeout(120)
    page.locator(TILE).nth(129).wait_for(state="attached")
    assert tiles(page) == 130


def test_only_so_many_are_shown_when_the_address_says_so(open_page, studio):
    studio.studio.fill(30)
    page = open_page("/gallery?N=7")
    page.wait_for_selector(TILE)
    page.wait_for_timeout(300)
    assert tiles(page) == 7


def test_the_latest_is_shown_large_when_the_address_says_so_and_a_newer_one_takes_its_place(
    open_page, studio
):
    studio.studio.fill(3)
    page = open_page("/gallery?latest")
    page.wait_for_selector(".viewer .after[src*=picture0002]")
    studio.studio.fill(4)
    studio.studio.say("picture", "job0003", picture="picture0003")
    page.wait_for_selector(".viewer .after[src*=picture0003]")


def test_a_new_picture_appears_by_itself_and_first(open_page, studio):
    studio.studio.fill(2)
    page = open_page("/gallery")
    page.wait_for_selector(TILE)
    page.wait_for_timeout(300)
    studio.studio.fill(3)
    studio.studio.say("picture", "job0002", picture="picture0002")
    page.wait_for_selector(".tile:first-child img[src*=picture0002]")


def test_a_picture_opens_in_place_with_its_recipe_and_arrows_go_to_the_next(open_page, studio):
    studio.studio.fill(5)
    page = open_page("/gallery")
    page.locator(TILE).first.click()
    page.wait_for_selector(".viewer[open]")
    page.click(".viewer summary")
    assert json.loads(page.inner_text(".viewer pre"))["seed"] == 4
    page.keyboard.press("ArrowRight")
    page.wait_for_selector(".viewer .after[src*=picture0003]")
    assert "picture=picture0003" in page.url
    page.keyboard.press("Escape")
    assert not page.is_visible(".viewer")


def test_delete_and_have_back(open_page, studio):
    studio.studio.fill(3)
    page = open_page("/gallery")
    page.locator(TILE).first.click()
    page.click(".viewer >> text=Delete")
    page.locator(".toast >> text=Undo").wait_for()
    assert tiles(page) == 2
    page.click(".toast >> text=Undo")
    page.locator(TILE).nth(2).wait_for()


def test_a_favorite_is_found_by_the_filter(open_page, studio):
    studio.studio.fill(3)
    page = open_page("/gallery")
    page.locator(TILE).nth(1).click()
    page.click(".viewer >> text=Favorite")
    page.wait_for_selector(".viewer [aria-pressed=true]")
    page.keyboard.press("Escape")
    page.check("#pills >> text=Favorites")
    page.wait_for_timeout(400)
    assert tiles(page) == 1


def test_the_text_of_recipes_is_searched(open_page, studio):
    studio.studio.fill(9)
    page = open_page("/gallery")
    page.wait_for_selector(TILE)
    page.fill("#text", '"seed": 5')
    page.wait_for_timeout(700)
    assert tiles(page) == 1


def test_a_selection_is_compared_zipped_and_deleted(open_page, studio):
    studio.studio.fill(4)
    page = open_page("/gallery")
    page.wait_for_selector(TILE)
    page.click("#select")
    page.locator(TILE).nth(0).click()
    page.locator(TILE).nth(2).click()
    with page.expect_download() as waiting:
        page.click("#selection >> text=Save as a zip")
    names = zipfile.ZipFile(io.BytesIO(waiting.value.path().read_bytes())).namelist()
    assert names == ["picture0003.jpg", "picture0001.jpg"]
    page.click("#selection >> text=Compare")
    page.wait_for_selector(".viewer .before[src*=picture0003]")
    assert page.eval_on_selector(".viewer .before", "each => getComputedStyle(each).objectFit") == "contain"
    assert not page.is_visible(".viewer .tag")
    page.click(".viewer >> text=Close")
    page.click("#selection >> text=Delete")
    page.locator(".toast >> text=Undo").wait_for()
    assert tiles(page) == 2


def test_the_same_recipe_on_another_picture(open_page, studio, photo):
    studio.studio.fill(3)
    page = open_page("/gallery")
    page.locator(TILE).first.click()
    page.click("text=The same on another picture")
    page.locator(".toast button").wait_for()
    page.set_input_files("#choose", photo)
    page.wait_for_selector("#canvas[data-state=done]")
    assert studio.studio.requests[-1]["recipe"]["seed"] == 2
    assert (
        studio.studio.requests[-1]["recipe"]["layer"]
        == studio.studio.pictures["picture0002"]["recipe"]["layer"]
    )
