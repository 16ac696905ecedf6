"""Attacks by recipes: no field of one names a file, an address or code, or takes more of the machine than allowed."""

import pytest

from batcountry.backend.policy import STRICT

ADDRESSES = [
    "http://169.254.169.254/latest/meta-data",
    "https://evil.example/x.png",
    "file:///etc/passwd",
    "ftp://evil.example/x",
    "gopher://127.0.0.1:6379/_x",
    "//evil.example/x.png",
    "\\\\evil.example\\share\\x.png",
]
PATHS = [
    "/etc/passwd",
    "../../../etc/passwd",
    "~/.ssh/id_rsa",
    "C:\\windows\\win.ini",
    "/dev/zero",
    "/proc/self/environ",
    "studio.sqlite/../token",
]


def ask(studio, **request):
    before = sum(studio.here.queue.counts().values())
    reply = studio.post("/api/v1/jobs", json=request)
    assert sum(studio.here.queue.counts().values()) == before, "it was put in line"
    return reply


@pytest.mark.parametrize("value", [*ADDRESSES, *PATHS])
@pytest.mark.parametrize("field", ["guide", "mask", "model", "weights", "mean", "std", "start", "layer"])
def test_no_field_names_a_file_or_an_address(studio, field, value):
    reply = ask(studio, recipe={field: value})
    assert reply.status_code in (403, 422), reply.text
    assert "root:" not in reply.text


@pytest.mark.parametrize("value", [*ADDRESSES, *PATHS[:-1]])
@pytest.mark.parametrize(
    "term",
    [
        'match("{}")',
        'content("{}", "stem")',
        'guide("{}", "stem")',
        "region('{}', layer('stem'))",
        'style( "{}" , "stem")',
    ],
)
def test_no_objective_names_one(studio, term, value):
    text = term.format(value.replace("\\", "\\\\"))
    assert ask(studio, recipe={"objective": text}).status_code in (403, 422)


@pytest.mark.parametrize(
    "model",
    [
        "os:system",
        "builtins:eval",
        "batcountry.models:open_model",
        "timm:resnet50",
        "torchvision:vgg16",
        "timm:hf-hub:evil/net",
        "net.pt",
        "net.pth",
        "net.onnx",
        "models/net.pt2",
        "net.pkl",
        "__import__('os')",
        "a;id",
        "x\0y",
    ],
)
def test_no_code_pickle_or_file_is_a_network(studio, model):
    assert ask(studio, recipe={"model": model}).status_code in (403, 422)


@pytest.mark.parametrize("kind", ["zoom", "video"])
@pytest.mark.parametrize(
    "keys",
    [
        {"guide": "0: /etc/passwd"},
        {"model": "0: os:system"},
        {"objective": '0: match("http://evil.example/")'},
        {"layer": "0: ../../x"},
    ],
)
def test_no_curve_of_a_film_does_either(studio, kind, keys):
    assert ask(studio, kind=kind, options={"keys": keys}).status_code in (403, 422)


@pytest.mark.parametrize(
    "source",
    [
        "/etc/passwd",
        "../x",
        "http://evil.example",
        "a" * 65,
        "",
        "x/y",
        "x\0yyyyyyy",
        {"upload": "aaaaaaaaaa", "picture": "aaaaaaaaaa"},
        {"path": "/etc/passwd"},
        {"url": "http://evil.example"},
        3,
        ["aaaaaaaaaa"],
    ],
    ids=repr,
)
@pytest.mark.parametrize("what", ["picture", "guide", "mask"])
def test_no_source_is_anything_but_an_id(studio, what, source):
    named = source if isinstance(source, dict) else {"upload": source}
    assert ask(studio, **{what: named}).status_code in (404, 422)


@pytest.mark.parametrize(
    "request_",
    [
        {"recipe": {"iterations": 100_000, "octaves": 64}},
        {"recipe": {"canvas": "60000x60000"}},
        {"recipe": {"iterations": 10**30}},
        {"recipe": {"device": "cuda:7"}},
        {"recipe": {"device": "meta"}},
        {"kind": "enlarge", "options": {"side": 65_535}},
        {"kind": "enlarge", "options": {"side": 10**9}},
        {"kind": "zoom", "options": {"seconds": 86_400, "fps": "1000"}},
        {"kind": "zoom", "options": {"frames": 10_000_000}},
        {"recipe": {"objective": "layer('stem')" * 1000}},
        {"recipe": {"transforms": "x" * 100_000}},
        {"title": "x" * 10_000},
    ],
    ids=lambda each: str(each)[:60],
)
def test_no_recipe_takes_more_than_allowed(studio, request_):
    assert ask(studio, **request_).status_code in (403, 422)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"3",
        b'"x"',
        b"{" * 90_000,
        b'{"recipe": {"iterations": NaN}}',
        b'{"recipe": {"iterations": 1e999}}',
        b'{"title": "\xff\xfe"}',
        b'{"title": "\\ud800"}',
        b'{"recipe": {"layer": "\\u0000"}}',
        b'{"kind": "dream", "kind": "zoom", "x": 1}',
    ],
    ids=ascii,
)
def test_a_body_that_is_no_request_is_refused(studio, body):
    before = sum(studio.here.queue.counts().values())
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    reply = studio.raw("POST", b"/api/v1/jobs", headers, body)
    assert reply.status in (400, 403, 413, 422), reply
    assert sum(studio.here.queue.counts().values()) == before


def test_what_a_worker_may_do_is_no_more_than_the_strict_policy(studio):
    policy, folder = studio.here.settings.policy, studio.here.folder.path
    assert not policy.run_code and not policy.run_programs and not policy.network
    assert policy.max_steps <= STRICT.max_steps and policy.max_seconds <= STRICT.max_seconds
    assert not policy.may_read(folder / "token") and not policy.may_read(folder / "studio.sqlite")
    assert not policy.may_read("/etc/passwd") and policy.may_read(folder / "uploads" / "x.png")
