"""The first page: a picture dreams with no other decision, and nothing that was made is lost."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from .conftest import DONE, RUNNING, drop, results


def test_a_dropped_picture_dreams_at_once_and_its_preview_moves(open_page, studio, photo):
    studio.studio.seconds = 2.0
    page = open_page()
    page.wait_for_selector("#looks input:checked", state="attached")
    drop(page, photo)
    page.wait_for_selector(RUNNING)
    seen = set()
    while page.get_attribute("#canvas", "data-state") == "running":
        seen.add(page.get_attribute("#frame img.after", "src"))
        page.wait_for_timeout(40)
    page.wait_for_selector(DONE)
    assert len([each for each in seen if each and "/preview" in each]) >= 3
    (asked,) = studio.studio.requests
    assert asked["kind"] == "dream"
    assert set(asked["picture"]) == {"upload"}
    assert results(page) == 1


def test_the_choose_button_is_one_click_and_the_sky_another(open_page, studio, photo):
    page = open_page()
    page.set_input_files("#choose", photo)
    page.wait_for_selector(DONE)
    other = open_page()
    other.click("#use-sky")
    other.wait_for_selector(DONE)
    assert studio.studio.requests[-1]["picture"] is None


def test_a_change_while_it_dreams_begins_again_from_what_is_kept(open_page, studio, photo):
    studio.studio.seconds = 3.0
    page = open_page()
    page.set_input_files("#choose", photo)
    page.wait_for_selector(RUNNING)
    page.focus("#strength")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector(DONE)
    first, second = studio.studio.requests
    assert (first["recipe"]["strength"], second["recipe"]["strength"]) == ("normal", "wild")
    assert first["picture"] == second["picture"]
    assert sorted(job["state"] for job in studio.studio.jobs.values()) == ["cancelled", "done"]


def test_cancel_in_mid_run_keeps_the_picture_and_what_was_seen(open_page, studio, photo):
    studio.studio.seconds = 5.0
    page = open_page()
    page.set_input_files("#choose", photo)
    page.wait_for_selector(RUNNING)
    page.click("#actions >> text=Cancel")
    page.wait_for_selector("#canvas[data-state=cancelled]")
    assert page.is_visible("#frame img.after")
    assert page.is_visible("#actions >> text=Dream")


def test_cancel_also_takes_back_a_change_that_has_not_begun(open_page, studio, photo):
    studio.studio.seconds = 5.0
    page = open_page()
    page.set_input_files("#choose", photo)
    page.wait_for_selector(RUNNING)
    page.evaluate(
        """() => {
            document.querySelectorAll("#looks input")[1].click();
            [...document.querySelectorAll("#actions button")].find((each) => each.textContent === "Cancel").click();
        }"""
    )
    page.wait_for_selector("#canvas[data-state=cancelled]")
    page.wait_for_timeout(900)
    assert page.get_attribute("#canvas", "data-state") == "cancelled"
    assert len(studio.studio.requests) == 1


def test_the_picture_is_as_high_as_the_window_and_stays_in_sight(open_page, photo):
    page = open_page()
    page.wait_for_selector("#looks input:checked", state="attached")
    empty = page.locator("#canvas").bounding_box()
    assert empty["y"] + empty["height"] > 860
    page.set_input_files("#choose", photo)
    page.wait_for_selector(DONE)
    page.locator("#strip img").first.wait_for()
    strip = page.locator("#strip").bounding_box()
    assert 860 < strip["y"] + strip["height"] <= 900
    page.click("#fold-rest summary")
    page.mouse.move(1300, 600)
    page.mouse.wheel(0, 1200)
    page.wait_for_timeout(400)
    assert page.evaluate("scrollY") > 300
    assert 0 <= page.locator("#canvas").bounding_box()["y"] < 60


def test_pause_and_go_on(open_page, studio, photo):
    studio.studio.seconds = 3.0
    page = open_page()
    page.set_input_files("#choose", photo)
    page.wait_for_selector(RUNNING)
    page.click("#actions >> text=Pause")
    page.wait_for_selector("#canvas[data-state=paused]")
    page.click("#actions >> text=Go on")
    page.wait_for_selector(DONE)


def test_a_reload_in_mid_run_goes_on_and_keeps_the_form(open_page, studio, photo):
    studio.studio.seconds = 4.0
    page = open_page()
    page.wait_for_selector("#looks input:checked", state="attached")
    page.locator("#looks label", has_text="Scales").click()
    page.set_input_files("#choose", photo)
    page.wait_for_selector(RUNNING)
    page.reload()
    page.wait_for_selector(DONE)
    assert len(studio.studio.requests) == 1
    assert page.is_checked("#looks input[value=scales]")
    assert results(page) == 1


def test_deeper_dreams_on_the_result_and_undo_goes_back(open_page, studio, photo):
    page = open_page()
    page.set_input_files("#choose", photo)
    page.wait_for_selector(DONE)
    page.wait_for_selector("#frame img.after[src*='/pictures/']")
    first = page.get_attribute("#frame img.after", "src")
    page.click("#actions >> text=Go deeper")
    page.locator("#strip img").nth(1).wait_for()
    assert set(studio.studio.requests[-1]["picture"]) == {"picture"}
    page.keyboard.press("Control+z")
    page.wait_for_selector(f"#frame img.after[src='{first}']")
    assert results(page) == 2


def test_the_divider_moves_by_mouse_and_keys_and_space_shows_the_picture_before(open_page, photo):
    page = open_page()
    page.set_input_files("#choose", photo)
    page.wait_for_selector(DONE)
    box = page.locator("#frame").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + 60)
    page.mouse.up()
    assert page.get_attribute(".divider", "aria-valuenow") == "75"
    page.focus(".divider")
    page.keyboard.press("ArrowLeft")
    assert page.get_attribute(".divider", "aria-valuenow") == "73"
    page.keyboard.press("End")
    assert page.get_attribute(".divider", "aria-valuenow") == "100"
    page.keyboard.down(" ")
    assert "peek" in page.get_attribute("#frame", "class")
    page.keyboard.up(" ")
    assert "peek" not in page.get_attribute("#frame", "class")


def test_the_divider_moves_by_finger(open_page, photo):
    page = open_page(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page.set_input_files("#choose", photo)
    page.wait_for_selector(DONE)
    box = page.locator("#frame").bounding_box()
    fingers = page.context.new_cdp_session(page)

    def touch(kind, share):
        at = {"x": box["x"] + box["width"] * share, "y": box["y"] + box["height"] * 0.4}
        fingers.send(
            "Input.dispatchTouchEvent", {"type": kind, "touchPoints": [] if kind == "touchEnd" else [at]}
        )

    touch("touchStart", 0.5)
    for share in (0.55, 0.65, 0.8):
        touch("touchMove", share)
    touch("touchEnd", 0.8)
    assert page.get_attribute(".divider", "aria-valuenow") == "80"


def test_a_failure_is_a_sentence_with_something_to_do(open_page, studio, photo):
    studio.studio.seconds = 5.0
    page = open_page()
    page.set_input_files("#choose", photo)
    page.wait_for_selector(RUNNING)
    (job,) = studio.studio.jobs.values()
    job.update(state="failed", sentence="The disk is full.")
    studio.studio.say("job", job["id"], state="failed")
    page.wait_for_selector("#canvas[data-state=failed]")
    assert page.inner_text("#status") == "The disk is full."
    page.click("#actions >> text=Log")
    assert "log of" in page.inner_text("dialog pre")
    page.keyboard.press("Escape")
    page.click("#actions >> text=Smaller")
    page.wait_for_timeout(300)
    assert studio.studio.requests[-1]["recipe"]["size"] == 512


def test_what_is_no_picture_is_said_and_nothing_is_lost(open_page, tmp_path, photo):
    page = open_page()
    page.set_input_files("#choose", photo)
    page.wait_for_selector(DONE)
    text = tmp_path / "letter.jpg"
    text.write_bytes(b"dear reader")
    page.set_input_files("#actions input[type=file]", text)
    page.wait_for_selector(".toast >> text=no picture")
    assert page.is_visible("#frame")
    assert results(page) == 1


def test_delete_can_be_undone(open_page, studio, photo):
    page = open_page()
    page.set_input_files("#choose", photo)
    page.wait_for_selector(DONE)
    page.click("#actions >> text=Save")
    page.click("#actions >> text=Delete")
    page.wait_for_selector(".toast >> text=Undo")
    assert results(page) == 0
    page.click(".toast >> text=Undo")
    page.locator("#strip img").nth(0).wait_for()
    assert all(each["deleted"] is None for each in studio.studio.pictures.values())


def test_two_browsers_at_once_do_not_disturb_each_other(open_page, studio, photo):
    one, two = open_page(), open_page()
    one.set_input_files("#choose", photo)
    two.click("#use-sky")
    one.wait_for_selector(DONE)
    two.wait_for_selector(DONE)
    assert one.get_attribute("#frame img.after", "src") != two.get_attribute("#frame img.after", "src")


def test_keys_alone_are_enough(open_page, studio):
    page = open_page()
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate_handle("document.activeElement").get_property("id").json_value() == "use-sky":
            break
    page.keyboard.press("Enter")
    page.wait_for_selector(DONE)
    for _ in range(30):
        page.keyboard.press("Tab")
        if (
            page.evaluate_handle("document.activeElement").get_property("textContent").json_value()
            == "Go deeper"
        ):
            break
    page.keyboard.press("Enter")
    page.locator("#strip img").nth(1).wait_for()


@pytest.mark.parametrize("size", [(390, 844), (1440, 900)])
def test_nothing_is_wider_than_the_screen_and_fingers_hit_what_they_mean(open_page, photo, size):
    page = open_page(viewport={"width": size[0], "height": size[1]}, has_touch=size[0] < 500)
    page.set_input_files("#choose", photo)
    page.wait_for_selector(DONE)
    wide = page.eval_on_selector("html", "(html) => html.scrollWidth - html.clientWidth")
    assert wide <= 0
    small = page.eval_on_selector_all(
        "button, a.button, nav a, summary, .divider, select",
        "(all) => all.filter((each) => { const box = each.getBoundingClientRect(); return box.width && box.height < 43; }).map((each) => each.textContent)",
    )
    assert small == []


def test_the_saved_picture_is_the_result(open_page, studio, photo):
    page = open_page()
    page.set_input_files("#choose", photo)
    page.wait_for_selector(DONE)
    page.click("#actions >> text=Save")
    with page.expect_download() as waiting:
        page.click("#actions >> text=PNG with the recipe")
    assert Image.open(io.BytesIO(waiting.value.path().read_bytes())).size == (320, 200)
