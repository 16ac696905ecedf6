"""Attacks by requests: paths, hosts, other pages, bodies, headers. Each is refused in a sentence, and nothing is done."""

import asyncio

import pytest

from batcountry.studio.web.safety import bodies, rates
from batcountry.studio.web.safety.bodies import Bodies
from batcountry.studio.web.safety.headers import POLICY
from studio_server import picture

SECRET = "root:x:0:0"
JSON = (b"content-type", b"application/json")
JOB = b'{"recipe": {"iterations": 1}}'

TRAVERSALS = [
    b"..", b"../../../etc/passwd", b"%2e%2e/%2e%2e/etc/passwd", b"..%2f..%2f..%2fetc/passwd", b"%2e%2e%2fetc%2fpasswd",
    b"..%5c..%5cetc%5cpasswd", b"..\\..\\windows\\win.ini", b"%252e%252e%252fetc/passwd", b"..%252f..%252fetc", b"%c0%ae%c0%ae/etc",
    b"..%c0%afetc", b"%e0%80%ae%e0%80%ae/etc", b"/etc/passwd", b"%2fetc%2fpasswd", b"\\\\server\\share", b"%5c%5cserver%5cshare",
    b"C:/windows/win.ini", b"C:%5cwindows", b"c%3a/x", b"file%00.png", b"%00", b"....//....//etc", b"..;/etc", b".%2e/.%2e/etc",
    b"%u002e%u002e/etc", b"%ff%fe/x", b"\xff\xfe", b"./x", b"x/%2e", b"%0d%0aSet-Cookie:a=b", b"~root/.ssh/id_rsa",
    b"studio.sqlite", b"token", b"%2e%2e/studio.sqlite", b"%2e%2e%2ftoken",
]  # fmt: skip

PLACES = [
    b"/api/v1/uploads/%s/file", b"/api/v1/pictures/%s/file", b"/api/v1/pictures/%s/thumb", b"/api/v1/jobs/%s/preview",
    b"/api/v1/looks/%s/picture", b"/api/v1/networks/%s", b"/static/1/%s", b"/words/%s",
]  # fmt: skip


@pytest.mark.parametrize("spelling", TRAVERSALS, ids=lambda each: each.decode("latin-1"))
def test_no_spelling_of_a_path_leads_out(studio, spelling):
    (studio.here.folder.path / "token").write_text("the-token-of-this-studio")
    for place in PLACES:
        reply = studio.raw("GET", place % spelling)
        assert reply.status in (400, 404, 422), (place, reply)
        for secret in (SECRET, "the-token-of-this-studio", "SQLite format"):
            assert secret.encode() not in reply.body
        assert b"location" not in reply.headers and "set-cookie" not in reply.headers


@pytest.mark.parametrize("spelling", TRAVERSALS, ids=lambda each: each.decode("latin-1"))
def test_no_piece_of_a_pyramid_leads_out(studio, add_picture, spelling):
    folder = studio.here.folder.pictures / "some-pieces"
    folder.mkdir(exist_ok=True)
    (folder / "dream.dzi").write_text("<Image/>")
    id = add_picture(studio, file="pictures/some-pieces", media="pyramid")
    reply = studio.raw("GET", b"/api/v1/pictures/%s/pyramid/%s" % (id.encode(), spelling))
    assert reply.status in (400, 404)
    reply = studio.raw("GET", b"/api/v1/networks/efficientnet-lite0/layers/%s/channels/1/picture" % spelling)
    assert reply.status in (400, 404)


HOSTS = [
    b"evil.example", b"evil.example:8015", b"localhost.evil.example", b"127.0.0.1.evil.example", b"169.254.169.254", b"0.0.0.0",
    b"127.0.0.1@evil.example", b"localhost:80:80", b"localhost/", b"", b"local host", b"[::1", b"127.1", b"2130706433",
    b"localhost\x00.evil", b"192.168.0.9", b"0x7f.0.0.1",
]  # fmt: skip


@pytest.mark.parametrize("host", HOSTS, ids=lambda each: each.decode("latin-1"))
def test_a_name_that_was_made_to_lead_here_is_refused(studio, host):
    for path in (b"/", b"/api/v1/jobs", b"/health", b"/static/1/css/base.css"):
        assert studio.raw("GET", path, host=(b"host", host)).status in (400, 421)


def test_no_host_and_two_hosts_are_refused(studio):
    assert studio.raw("GET", b"/", host=None).status == 400
    assert studio.raw("GET", b"/", [(b"host", b"evil.example")]).status == 400


@pytest.mark.parametrize("host", [b"localhost:8015", b"LOCALHOST", b"127.0.0.1:1", b"[::1]:8015"])
def test_the_machines_own_names_are_taken(studio, host):
    assert studio.raw("GET", b"/api/v1/jobs", host=(b"host", host)).status == 200


ORIGINS = [
    b"null", b"http://evil.example", b"https://127.0.0.1.evil.example", b"http://127.0.0.1:8016", b"http://127.0.0.1", b"file://",
    b"http://127.0.0.1:8015@evil.example", b"http://127.0.0.1:8015.evil.example", b"chrome-extension://abc", b"", b"http://",
    b"http://127.0.0.1:8015/x", b"javascript:alert(1)", b"http://[::1", b"http://127.0.0.1:8015 http://evil.example",
]  # fmt: skip


def changes(studio):
    return sum(studio.here.queue.counts().values())


@pytest.mark.parametrize("origin", ORIGINS, ids=lambda each: each.decode())
def test_a_page_of_another_origin_changes_nothing(studio, origin):
    before = changes(studio)
    reply = studio.raw("POST", b"/api/v1/jobs", [JSON, (b"origin", origin)], JOB)
    assert (reply.status, changes(studio)) == (403, before)
    assert "access-control-allow-origin" not in reply.headers


@pytest.mark.parametrize("site", [b"cross-site", b"same-site", b"evil"])
def test_what_a_browser_says_another_page_sent_changes_nothing_and_sees_nothing(studio, site):
    before = changes(studio)
    for method, path in (
        (b"POST", b"/api/v1/jobs"),
        (b"GET", b"/api/v1/pictures"),
        (b"GET", b"/api/v1/events"),
    ):
        reply = studio.raw(
            method.decode(), path, [JSON, (b"sec-fetch-site", site), (b"sec-fetch-mode", b"no-cors")], JOB
        )
        assert reply.status == 403
    assert changes(studio) == before


def test_a_link_on_another_page_leads_to_a_page_and_to_no_part_of_the_api(studio):
    headers = [
        (b"sec-fetch-site", b"cross-site"),
        (b"sec-fetch-mode", b"navigate"),
        (b"sec-fetch-dest", b"document"),
    ]
    assert studio.raw("GET", b"/gallery", headers).status == 200
    assert studio.raw("GET", b"/api/v1/pictures", headers).status == 403
    assert studio.raw("GET", b"/gallery", [*headers[:2], (b"sec-fetch-dest", b"iframe")]).status == 403
    assert (
        studio.raw(
            "POST", b"/enter", [*headers, (b"content-type", b"application/x-www-form-urlencoded")], b"token=x"
        ).status
        == 403
    )


@pytest.mark.parametrize(
    "kind",
    [
        b"text/plain",
        b"application/x-www-form-urlencoded",
        b"multipart/form-data; boundary=x",
        b"",
        b"text/json",
        b"application/jsonx",
    ],
)
def test_a_form_that_any_page_can_send_is_no_job(studio, kind):
    before = changes(studio)
    reply = studio.raw(
        "POST", b"/api/v1/jobs", [(b"content-type", kind), (b"content-length", b"%d" % len(JOB))], JOB
    )
    assert (reply.status, changes(studio)) == (415, before)


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "CONNECT", "PUT", "PROPFIND", "GET\r\nX: y", "get"])
def test_other_methods_are_refused(studio, method):
    reply = studio.raw(
        method,
        b"/api/v1/jobs",
        [(b"origin", b"http://evil.example"), (b"access-control-request-method", b"POST")],
    )
    assert reply.status == 405
    assert not [name for name in reply.headers if name.startswith("access-control")]


def test_nothing_can_be_overridden_by_headers(studio):
    headers = [
        (b"x-http-method-override", b"DELETE"),
        (b"x-forwarded-host", b"evil.example"),
        (b"x-original-url", b"/../token"),
        (b"x-forwarded-for", b"1.2.3.4"),
    ]
    reply = studio.raw("GET", b"/api/v1/jobs", headers)
    assert reply.status == 200 and b"evil" not in reply.body


@pytest.mark.parametrize("length", [b"-1", b"1e9", b"0x10", b" ", b"99999999999999999999", b"1, 2"])
def test_a_length_that_is_none_is_refused(studio, length):
    assert studio.raw("POST", b"/api/v1/jobs", [JSON, (b"content-length", length)], JOB).status in (400, 413)


def test_two_lengths_are_refused(studio):
    headers = [JSON, (b"content-length", b"5"), (b"content-length", b"29")]
    assert studio.raw("POST", b"/api/v1/jobs", headers, JOB).status == 400


def test_json_longer_than_any_is_refused_before_it_is_read(studio):
    assert (
        studio.raw("POST", b"/api/v1/jobs", [JSON, (b"content-length", b"%d" % (bodies.MAX_JSON + 1))]).status
        == 413
    )


def test_a_body_that_does_not_say_its_length_is_bounded_as_it_comes(studio):
    chunks = [b'{"title": "'] + [b"x" * 65_536] * 40
    reply = studio.raw("POST", b"/api/v1/jobs", [JSON, (b"transfer-encoding", b"chunked")], pieces=chunks)
    assert reply.status == 413


def test_an_upload_longer_than_allowed_is_refused_as_announced_and_as_it_comes(studio):
    form = (b"content-type", b"multipart/form-data; boundary=x")
    begin = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
    assert studio.raw("POST", b"/api/v1/uploads", [form, (b"content-length", b"9999999")]).status == 413
    pieces = [begin] + [b"x" * 65_536] * 40
    reply = studio.raw("POST", b"/api/v1/uploads", [form, (b"transfer-encoding", b"chunked")], pieces=pieces)
    assert reply.status == 413
    assert list(studio.here.folder.uploads.glob("*.part")) == []


@pytest.mark.parametrize("encoding", [b"gzip", b"br", b"deflate, gzip"])
def test_what_is_compressed_is_not_blown_up(studio, encoding):
    headers = [JSON, (b"content-encoding", encoding), (b"content-length", b"9")]
    assert studio.raw("POST", b"/api/v1/jobs", headers, b"\x1f\x8b" + b"\0" * 7).status == 415


def slow(app_seconds, path, pieces, gap):
    """Send pieces with a gap between them to the bounds alone, and return what is answered."""
    sent = []

    async def app(scope, receive, send):
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def run():
        left = list(pieces)

        async def receive():
            await asyncio.sleep(gap)
            return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

        async def send(message):
            sent.append(message)

        scope = {"type": "http", "method": "POST", "path": path, "headers": [
            (b"content-type", b"application/json" if path.endswith("jobs") else b"multipart/form-data; boundary=x"),
            (b"transfer-encoding", b"chunked"),
        ]}  # fmt: skip
        await Bodies(app, 1 << 20, app_seconds)(scope, receive, send)

    asyncio.run(run())
    return sent[0]["status"]


def test_a_body_that_comes_byte_by_byte_is_not_waited_for():
    assert slow(0.05, "/api/v1/jobs", [b"{"] * 50, 0.01) == 408
    assert slow(5, "/api/v1/jobs", [b"{"] * 5, 0.001) == 200


def test_an_upload_that_comes_byte_by_byte_is_not_waited_for():
    assert slow(0.05, "/api/v1/uploads", [b"-"] * 50, 0.01) == 408
    assert slow(0.05, "/api/v1/uploads", [b"-"], 0.2) == 408


def test_an_upload_that_is_large_may_take_its_time():
    assert slow(0.05, "/api/v1/uploads", [b"-" * 4096] * 12, 0.01) == 200


def test_an_allowance_is_for_each_client_and_comes_back():
    clock = [0.0]
    allowance = rates.Allowance(2, lambda: clock[0])
    assert [bool(allowance.take("a")) for _ in range(3)] == [False, False, True]
    assert not allowance.take("b")
    clock[0] = 30.5
    assert not allowance.take("a")


def test_uploads_and_jobs_have_a_rate(open_studio):
    studio = open_studio(uploads_per_minute=1, jobs_per_minute=1)
    replies = [studio.upload(picture()) for _ in range(2)]
    assert [each.status_code for each in replies] == [201, 429]
    assert 0 < int(replies[1].headers["retry-after"]) <= 60
    assert [
        studio.post("/api/v1/jobs", json={"recipe": {"iterations": 1}}).status_code for _ in range(2)
    ] == [201, 429]


@pytest.mark.parametrize(
    "path",
    [
        b"/",
        b"/api/v1/jobs",
        b"/api/v1/nothing",
        b"/nothing",
        b"/api/v1/../x",
        b"/health",
        b"/static/1/css/base.css",
    ],
)
def test_every_reply_says_what_a_browser_may_do_with_it(studio, path):
    headers = studio.raw("GET", path).headers
    assert headers["content-security-policy"] == POLICY and "unsafe" not in POLICY and "*" not in POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == headers["cross-origin-opener-policy"] == "same-origin"
    assert "cache-control" in headers and "server" not in headers


def test_a_fault_of_the_program_tells_nothing_of_it_and_has_the_headers_too(studio, monkeypatch):
    monkeypatch.setattr(type(studio.here.queue), "get", lambda *_: 1 / 0)
    reply = studio.get("/api/v1/jobs/some-job-or-other")
    assert reply.status_code == 500
    assert reply.json() == {"detail": "a fault of the studio itself; its log says where"}
    assert "content-security-policy" in reply.headers


def test_an_address_that_is_too_long_is_refused(studio):
    assert studio.raw("GET", b"/api/v1/pictures?text=" + b"x" * 5000).status == 414


@pytest.mark.parametrize(
    "text",
    [
        "{{7*7}}",
        "${7*7}",
        "<%= 7*7 %>",
        "#{7*7}",
        "{% raw %}",
        "<script>alert(1)</script>",
        "'\"><img src=x onerror=alert(1)>",
        "%0d%0aX-Evil: 1",
    ],
)
def test_what_a_client_says_is_said_back_as_it_is_and_only_as_json(studio, text):
    id = studio.post("/api/v1/jobs", json={"title": text, "recipe": {"iterations": 1}}).json()["id"]
    reply = studio.get(f"/api/v1/jobs/{id}")
    assert reply.json()["title"] == text and reply.headers["content-type"] == "application/json"
    for page in ("/jobs", "/gallery", "/enter"):
        shown = studio.get(page, params={"lang": text, "text": text, "next": text})
        assert text not in shown.text and "49" not in shown.headers.values()
        assert "x-evil" not in shown.headers


def test_headers_cannot_be_put_in_by_a_language_or_a_cookie(studio):
    reply = studio.raw(
        "GET", b"/?lang=en%0d%0aSet-Cookie:x=1", [(b"cookie", b"lang=zh\r\nx: y; theme=<script>")]
    )
    assert "x" not in reply.headers and b"<script>alert" not in reply.body and b'theme="<' not in reply.body


@pytest.mark.parametrize(
    "value", [b"abc", b"-1", b"1e3", b"9" * 40, b"\xc2\xb2", b"0x10", b"1\r\n2", "٣".encode()]
)
def test_an_id_of_an_event_that_is_none_is_no_fault(studio, value):
    reply = studio.raw("GET", b"/api/v1/events/since?after=" + value.replace(b"\r\n", b"%0d%0a"))
    assert reply.status in (200, 400, 422)
