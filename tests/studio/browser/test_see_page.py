"""What is in a network: layers by pictures, channels as far as they were drawn, what it sees; each becomes the look by a click."""

from __future__ import annotations

DONE = "#canvas[data-state=done]"


def test_pictures_of_layers_come_while_one_looks(open_page, studio):
    studio.studio.drawn["blocks.3"] = True
    page = open_page("/see")
    page.wait_for_selector("[data-layer='blocks.3'] img")
    assert page.locator("#layers img").count() == 1
    studio.studio.drawn["blocks.5"] = True
    studio.studio.say("network", "", network="efficientnet-lite0", layer="blocks.5")
    page.wait_for_selector("[data-layer='blocks.5'] img")


def test_only_channels_that_were_drawn_are_asked_for_and_the_rest_can_be_drawn(open_page, studio):
    studio.studio.drawn["channels of blocks.5"] = [3]
    page = open_page("/see")
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "/channels/" in request.url else None)
    page.click("[data-layer='blocks.5']")
    page.wait_for_selector("[data-channel='3'] img")
    assert [url.split("/channels/")[1] for url in asked] == ["3/picture"]
    page.click("#draw")
    page.wait_for_selector("[data-channel='23'] img")
    assert page.is_hidden("#draw")


def test_a_click_in_what_it_sees_makes_it_the_look(open_page, studio, photo):
    page = open_page("/see")
    page.click("[data-layer='blocks.5']")
    page.set_input_files("#well input", photo)
    page.click(".spots button >> nth=1")
    page.wait_for_selector("#looks input", state="attached")
    page.set_input_files("#choose", photo)
    page.wait_for_selector(DONE)
    assert studio.studio.requests[-1]["recipe"]["objective"] == 'channel("blocks.5", 3)'


def test_the_looks_of_another_network_are_its_layers(open_page, studio, photo):
    studio.studio.drawn["inception_4c"] = True
    page = open_page()
    page.set_input_files("#choose", photo)
    page.wait_for_selector(DONE)
    page.click("#fold-network summary")
    page.select_option("#model", "bvlc_googlenet")
    page.wait_for_selector("#looks >> text=inception_4c")
    names = ["inception_3a", "inception_4c", "inception_5b"]
    assert [each.strip() for each in page.locator("#looks label").all_inner_texts()] == names
    assert page.locator("#looks img").count() == 1
    assert page.is_checked("#looks label:has-text('inception_4c') input")
    page.check("#looks label:has-text('inception_3a') input", force=True)
    page.locator("#strip img").nth(1).wait_for()
    page.wait_for_timeout(900)
    recipe = studio.studio.requests[-1]["recipe"]
    assert (recipe["model"], recipe["layer"]) == ("bvlc_googlenet", "inception_3a")
    assert page.is_checked("#looks label:has-text('inception_3a') input")


def test_settings_show_the_folder_that_dreams(open_page):
    page = open_page("/settings")
    page.wait_for_selector("#folder >> text=me/drop")
    assert "/home/me/dreams" in page.inner_text("#folder")
