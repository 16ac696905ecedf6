"""What every page keeps to: both languages, no barrier for screen readers, right again by itself; and the smaller pages."""

from __future__ import annotations

import pytest

PATHS = ["/", "/gallery", "/motion", "/see", "/jobs", "/settings", "/huge", "/enter"]
BACKGROUND = "(element) => getComputedStyle(element).backgroundColor"


def serious(page):
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [
        (each["id"], each["nodes"][0]["html"], each["nodes"][0]["failureSummary"])
        for each in found
        if each["impact"] in ("serious", "critical", "moderate")
    ]


@pytest.mark.parametrize("path", PATHS)
def test_nothing_stands_in_the_way_of_screen_readers(open_page, studio, path):
    studio.studio.fill(4)
    page = open_page(path, color_scheme="light", bypass_csp=True, reduced_motion="reduce")
    page.wait_for_load_state("networkidle") if path == "/enter" else page.wait_for_timeout(700)
    light = page.eval_on_selector("body", BACKGROUND)
    assert serious(page) == []
    page.emulate_media(color_scheme="dark")
    assert page.eval_on_selector("body", BACKGROUND) != light
    assert serious(page) == []


def test_nothing_stands_in_the_way_with_a_dream_and_an_open_picture(open_page, studio, photo):
    page = open_page(bypass_csp=True, reduced_motion="reduce")
    page.set_input_files("#choose", photo)
    page.wait_for_selector("#canvas[data-state=done]")
    for fold in page.locator("#more > details > summary").all():
        fold.click()
    assert serious(page) == []
    page.goto(studio.address + "/gallery")
    page.locator(".tile button").first.click()
    assert serious(page) == []


@pytest.mark.parametrize("path", PATHS)
def test_a_page_is_in_the_reader_s_language(open_page, path):
    page = open_page(path, locale="zh-CN")
    page.wait_for_timeout(400)
    assert page.get_attribute("html", "lang") == "zh-Hans"
    english = open_page(path)
    english.wait_for_timeout(400)
    words = {each.strip() for each in english.inner_text("body").splitlines() if len(each.strip()) > 3}
    same = {each.strip() for each in page.inner_text("body").splitlines()} & words
    names = {"bat-country", "EfficientNet-Lite0", "BVLC GoogLeNet", "JPEG"}
    left = {
        each
        for each in same - names
        if " " in each and each[0].isupper() and each.isascii() and "·" not in each
    }
    assert left == set()


@pytest.mark.parametrize("path", PATHS)
def test_a_phone_shows_all_of_a_page_without_scrolling_sideways(open_page, studio, path):
    studio.studio.fill(3)
    for width in (390, 320):
        page = open_page(path, viewport={"width": width, "height": 844}, has_touch=True)
        page.wait_for_timeout(300)
        assert page.eval_on_selector("html", "(html) => html.scrollWidth - html.clientWidth") <= 0, width
        page.context.close()


def test_a_page_without_its_studio_says_so_and_is_right_again_by_itself(open_page, studio):
    page = open_page("/jobs")
    page.wait_for_selector("#now-nothing:not([hidden])")
    page.context.set_offline(True)
    page.wait_for_selector("#banner:not([hidden])")
    studio.studio.fill(1)
    page.context.set_offline(False)
    page.wait_for_selector("#banner", state="hidden")


def test_a_job_is_followed_where_a_proxy_holds_events_back(open_page, studio, photo):
    page = open_page("/settings")
    page.route("**/api/v1/events?*", lambda route: route.abort())
    page.route("**/api/v1/events", lambda route: route.abort())
    page.goto(studio.address)
    page.set_input_files("#choose", photo)
    page.wait_for_selector("#canvas[data-state=done]")


def test_a_channel_becomes_the_look(open_page, studio, photo):
    page = open_page("/see")
    page.click("#channels button >> nth=3")
    page.wait_for_selector("#looks input", state="attached")
    page.set_input_files("#choose", photo)
    page.wait_for_selector("#canvas[data-state=done]")
    assert studio.studio.requests[-1]["recipe"]["objective"] == 'channel("blocks.10", 3)'


def test_the_first_second_is_tried_before_the_whole_film(open_page, studio):
    page = open_page("/motion")
    page.click("#use-sky")
    page.click("#actions >> text=Try the first second")
    page.wait_for_timeout(300)
    asked = studio.studio.requests[-1]
    assert (asked["kind"], asked["options"]["seconds"]) == ("zoom", 1)


def test_keyframes_are_set_on_the_line_and_by_keys(open_page, studio):
    page = open_page("/motion")
    page.click("#use-sky")
    box = page.locator(".track").bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.25)
    page.locator(".key").nth(1).focus()
    page.keyboard.press("ArrowRight")
    page.click("#actions >> text=Make the whole film")
    page.wait_for_timeout(300)
    zoom = studio.studio.requests[-1]["options"]["zoom"]
    assert zoom.startswith("0s: 1.02, 5.2s: 1.0")
    assert zoom.endswith("smooth")


def test_jobs_are_paused_cancelled_and_their_log_is_shown(open_page, studio, photo):
    studio.studio.seconds = 8.0
    first = open_page()
    first.set_input_files("#choose", photo)
    page = open_page("/jobs")
    page.click("#now >> text=Pause")
    page.wait_for_selector("#now >> text=Go on")
    page.click("#now >> text=Log")
    page.wait_for_selector("pre >> text=octave 1 of 4")
    page.click("#now >> text=Cancel")
    page.wait_for_selector("#past >> text=Try again")


def test_light_and_dark_are_chosen_and_kept(open_page):
    page = open_page("/settings")
    page.check("input[value=dark]")
    page.reload()
    assert page.get_attribute("html", "data-theme") == "dark"
