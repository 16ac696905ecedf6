"""Pages are in the reader's language, and what they load is ours, small and kept by browsers."""

from __future__ import annotations

import re

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from batcountry.studio.web.pages import HERE, PAGES, STATIC, router, static_version


@pytest.fixture(scope="module")
def client():
    app = FastAPI()
    app.include_router(router)
    with TestClient(app) as client:
        yield client


@pytest.mark.parametrize("path", [*PAGES, "/enter"])
def test_a_page_is_there_in_the_language_that_is_asked_for(client, path):
    english = client.get(path, headers={"Accept-Language": "de, en;q=0.5"})
    chinese = client.get(path, headers={"Accept-Language": "zh-CN,zh;q=0.9"})
    assert (english.status_code, chinese.status_code) == (200, 200)
    assert '<html lang="en"' in english.text
    assert '<html lang="zh-Hans"' in chinese.text
    assert english.headers["vary"] == "Accept-Language, Cookie"


def test_a_language_that_was_chosen_is_remembered(client):
    answer = client.get("/?lang=zh", headers={"Accept-Language": "en"})
    assert "samesite=strict" in answer.headers["set-cookie"].lower()
    assert 'lang="zh-Hans"' in client.get("/", headers={"Accept-Language": "en"}).text
    client.cookies.clear()


@pytest.mark.parametrize("value", ["../en", "xx", "zh<script>", "%00", "en\r\nX: 1"])
def test_a_language_that_there_is_not_changes_nothing(client, value):
    answer = client.get("/", params={"lang": value}, headers={"Accept-Language": "en"})
    assert '<html lang="en"' in answer.text
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("path", [*PAGES, "/enter"])
def test_a_page_has_no_script_or_style_of_its_own_and_names_no_other_host(client, path):
    page = client.get(path).text
    assert not re.search(r"<script(?![^>]*\bsrc=)", page)
    assert not re.search(r"<style|\sstyle=|\son\w+=", page)
    assert not re.search(r"https?://|[\"']//", page)


def test_all_that_pages_name_is_there(client):
    for path in PAGES:
        page = client.get(path, headers={"Accept-Language": "zh"}).text
        for address in re.findall(r'(?:src|href|data-words)="(/(?:static|words)/[^"]+)"', page):
            answer = client.get(address)
            assert answer.status_code == 200, address
            assert "immutable" in answer.headers["cache-control"]


def test_every_module_that_is_imported_is_there():
    scripts = {path.resolve(): path.read_text(encoding="utf-8") for path in STATIC.glob("js/**/*.js")}
    named = {
        (path.parent / name).resolve()
        for path, text in scripts.items()
        for name in re.findall(r'from "(\.[^"]+)"', text)
    }
    assert len(named) > 10 and named <= set(scripts)
    assert {(STATIC / f"js/{name}.js").resolve() for name, _ in PAGES.values()} <= set(scripts)


def test_scripts_and_styles_are_small_and_name_no_other_host():
    files = [path for path in STATIC.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 300_000
    for path in files:
        if path.suffix in (".js", ".css"):
            text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
            assert not re.search(r"https?://", text), path.name
            assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|\beval\(", text), path.name


@pytest.mark.parametrize(
    "name",
    [
        "../pages.py",
        "..%2fpages.py",
        "%2e%2e/pages.py",
        "js/../../pages.py",
        "/etc/passwd",
        "js",
        "js%00.js",
        "",
    ],
)
def test_static_files_are_a_closed_list(client, name):
    assert client.get(f"/static/{static_version()}/{name}").status_code == 404
    assert (HERE / "words.py").is_file()


def test_words_are_sent_for_languages_that_there_are(client):
    assert client.get("/words/zh.1.json").json()["Look"] == "风格"
    assert client.get("/words/en.1.json").json() == {}
    assert client.get("/words/fr.1.json").status_code == 404


@pytest.mark.parametrize("theme", ["light", "dark", '"><script>', ""])
def test_the_theme_of_the_cookie_is_one_of_two(client, theme):
    page = client.get("/", headers={"Cookie": f"theme={theme}"}).text
    assert ('data-theme="dark"' in page) == (theme == "dark")
    assert "<script>" not in page


def test_a_page_knows_the_newest_event_there_was_so_that_it_misses_none_until_it_listens(client):
    client.app.state.last_event = lambda: 41
    try:
        assert ' data-last-event="41"' in client.get("/gallery").text
    finally:
        del client.app.state.last_event


def test_who_opens_a_page_to_dream_on_finds_a_worker_ready(client):
    class Workers:
        count = 0

        def warm(self):
            self.count += 1

    client.app.state.workers = workers = Workers()
    try:
        for path in ("/gallery", "/jobs", "/settings"):
            client.get(path)
        assert workers.count == 0
        client.get("/")
        client.get("/motion")
        assert workers.count == 2
    finally:
        client.app.state.workers = None
