"""What the form of the first page says goes along: mask, guide, something by name, and all else."""

from __future__ import annotations

from .conftest import DONE, drop


def test_a_painted_mask_goes_along_and_is_white_where_it_was_painted(open_page, studio, photo):
    page = open_page()
    page.set_input_files("#choose", photo)
    page.wait_for_selector(DONE)
    page.click("#fold-mask summary")
    page.click("#mask >> text=Paint on the picture")
    box = page.locator("canvas.brush").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.5)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.5, steps=4)
    page.mouse.up()
    page.click("#painting >> text=Dream there")
    page.locator("#strip img").nth(1).wait_for()
    mask = studio.studio.uploads[studio.studio.requests[-1]["mask"]["upload"]].convert("L")
    assert mask.size == (320, 200)
    assert mask.getpixel((88, 100)) > 200
    assert mask.getpixel((280, 100)) < 20


def test_a_guide_dropped_on_its_place_goes_along(open_page, studio, photo):
    page = open_page()
    page.set_input_files("#choose", photo)
    page.wait_for_selector(DONE)
    drop(page, photo, "#fold-guide")
    page.locator("#strip img").nth(1).wait_for()
    assert set(studio.studio.requests[-1]["guide"]) == {"upload"}
    assert studio.studio.requests[-1]["picture"] == studio.studio.requests[0]["picture"]


def test_something_is_dreamed_of_by_its_name(open_page, studio, photo):
    page = open_page()
    page.set_input_files("#choose", photo)
    page.wait_for_selector(DONE)
    page.click("#fold-thing summary")
    page.fill("#thing input", "teap")
    page.click("#thing >> text=teapot")
    page.locator("#strip img").nth(1).wait_for()
    assert studio.studio.requests[-1]["recipe"]["objective"] == 'logit("teapot")'
    assert "layer" not in studio.studio.requests[-1]["recipe"]


def test_every_field_of_the_schema_has_a_place_in_the_form(open_page, studio):
    from batcountry.recipe import Recipe

    page = open_page()
    page.click("#fold-rest summary")
    page.wait_for_selector("#rest [name]")
    shown = set(page.eval_on_selector_all("#rest [name]", "(all) => all.map((each) => each.name)"))
    elsewhere = {
        "model",
        "layer",
        "objective",
        "strength",
        "initial_size",
        "octaves",
        "size",
        "guide",
        "mask",
    }
    the_studios = {"weights", "mean", "std", "channels", "device", "max_memory"}
    assert shown == set(Recipe.model_fields) - elsewhere - the_studios


def test_a_setting_of_everything_else_goes_along_and_survives_a_reload(open_page, studio, photo):
    page = open_page()
    page.click("#fold-rest summary")
    page.fill("#field-jitter", "7")
    page.press("#field-jitter", "Tab")
    page.set_input_files("#choose", photo)
    page.wait_for_selector(DONE)
    assert studio.studio.requests[-1]["recipe"]["jitter"] == 7
    page.reload()
    page.click("#fold-rest summary")
    assert page.input_value("#field-jitter") == "7"
