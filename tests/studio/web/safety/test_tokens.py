"""A studio that others can reach: who has its token comes in, by a header or by a cookie, and nobody else."""

import re

import pytest

from batcountry.studio.web.safety.tokens import cookie_value

TOKEN = "a-token-of-some-length"


@pytest.fixture(scope="module")
def closed(open_studio):
    return open_studio(token=TOKEN, host="0.0.0.0")


@pytest.fixture(autouse=True)
def _no_cookie(closed):
    closed.client.cookies.clear()


def bearer(token):
    return {"authorization": f"Bearer {token}"}


def enter(closed, token=TOKEN, goal="/gallery"):
    return closed.post("/enter", data={"token": token, "next": goal}, follow_redirects=False)


def test_without_it_nothing_is_shown(closed):
    for path in (
        "/api/v1/jobs",
        "/api/v1/events",
        "/api/v1/openapi.json",
        "/metrics",
        "/api/v1/settings",
        "/nothing",
    ):
        reply = closed.get(path)
        assert reply.status_code == 401 and "token" in reply.json()["detail"]
        assert reply.headers["www-authenticate"].startswith("Bearer")


def test_the_page_that_asks_for_it_has_all_that_it_needs(closed):
    page = closed.get("/enter").text
    addresses = re.findall(r'(?:href|src)="(/static/[^"]+)"', page)
    assert addresses and all(closed.get(address).status_code == 200 for address in addresses)
    assert "/words/" not in page


def test_with_it_in_a_header_everything_is(closed):
    assert closed.get("/api/v1/jobs", headers=bearer(TOKEN)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        bearer("wrong"), bearer(""), bearer(TOKEN + "x"), bearer(TOKEN[:-1]), bearer(cookie_value(TOKEN)), {"authorization": TOKEN},
        {"authorization": f"Basic {TOKEN}"}, {"cookie": f"studio={TOKEN}"}, {"cookie": "studio="}, {"cookie": "studio"}, {"x-token": TOKEN},
        {"authorization": b"Bearer \xff\xfe"}, {"cookie": "studio=\"" + "x" * 99},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_not_it_is_not_taken(closed, headers):
    assert closed.get("/api/v1/jobs", headers=headers).status_code in (401, 429)


def test_it_is_not_taken_from_an_address(closed):
    assert closed.get(f"/api/v1/jobs?token={TOKEN}&access_token={TOKEN}").status_code == 401


def test_a_person_is_sent_to_where_it_is_entered_and_from_there_on(closed):
    reply = closed.get("/gallery?N=20", headers={"accept": "text/html"}, follow_redirects=False)
    assert (reply.status_code, reply.headers["location"]) == (303, "/enter?next=%2Fgallery%3FN%3D20")
    assert 'value="/gallery?N=20"' in closed.get(reply.headers["location"]).text


def test_the_cookie_lets_in_and_no_script_sees_it(closed):
    reply = enter(closed)
    assert (reply.status_code, reply.headers["location"]) == (303, "/gallery")
    cookie = reply.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie and TOKEN not in cookie
    assert closed.get("/api/v1/jobs").status_code == 200


@pytest.mark.parametrize(
    "goal",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "/%0d%0a\r\nx: y",
        "",
        "\t//evil.example",
        "/ /x",
    ],
)
def test_from_there_nobody_is_sent_elsewhere(closed, goal):
    assert enter(closed, goal=goal).headers["location"] == "/"


def test_a_wrong_one_is_said_to_be_and_gives_no_cookie(closed):
    reply = enter(closed, "wrong")
    assert reply.status_code == 401 and "not the token" in reply.text and "set-cookie" not in reply.headers


def test_guessing_is_slow(open_studio):
    studio = open_studio(token=TOKEN, host="0.0.0.0")
    codes = [studio.get("/api/v1/jobs", headers=bearer(f"guess {at}")).status_code for at in range(25)]
    assert codes[0] == 401 and codes[-1] == 429
    codes = [enter(studio, f"guess {at}").status_code for at in range(25)]
    assert codes[0] == 401 and codes[-1] == 429
    assert (
        studio.get("/api/v1/jobs", headers=bearer(TOKEN)).status_code == 200
    )  # who has it is not kept out by others


def test_whether_it_is_well_may_be_asked_by_all(closed):
    assert closed.get("/health").json() == {"status": "ok", "sentence": ""}


def test_where_files_lie_is_not_shown_to_those_from_elsewhere(closed):
    assert closed.get("/api/v1/settings", headers=bearer(TOKEN)).json()["folder"] is None


def test_a_cookie_does_not_help_a_page_of_others(closed):
    enter(closed)
    reply = closed.post("/api/v1/jobs", json={}, headers={"origin": "http://evil.example"})
    assert reply.status_code == 403


def test_the_address_that_a_request_came_in_by_is_a_name_of_the_studio(closed):
    headers = [(b"authorization", f"Bearer {TOKEN}".encode())]
    assert closed.raw("GET", b"/api/v1/jobs", headers, host=(b"host", b"127.0.0.1")).status == 200
    assert closed.raw("GET", b"/api/v1/jobs", headers, host=(b"host", b"10.1.2.3")).status == 421
