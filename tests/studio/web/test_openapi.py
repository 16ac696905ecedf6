"""What the API's description says is so: whatever is sent, nothing fails, and nothing comes that is not described."""

import json
import threading
from contextlib import suppress
from types import SimpleNamespace

import pytest
import uvicorn

from batcountry.jobs.spec import JobSpec
from batcountry.studio.store.uploads import Upload
from batcountry.studio.web import serving
from batcountry.studio.web.app import create_app
from batcountry.studio.web.protocol import BoundedProtocol
from batcountry.studio.web.safety import rates
from studio_server import Studio, picture

schemathesis = pytest.importorskip("schemathesis")
from hypothesis import HealthCheck, Phase, given, settings  # noqa: E402
from hypothesis.errors import Unsatisfiable  # noqa: E402

EXAMPLES = 8


KNOWN = {}


def fill(studio, add_picture):
    """Put something of each kind into a studio, so that what is asked for is there as often as not."""
    here = studio.here
    here.events.say("settings", {})
    KNOWN["pictures"] = add_picture(studio)
    KNOWN["jobs"] = here.queue.submit(JobSpec(kind="dream")).id
    path = here.folder.upload("a-known-upload")
    path.write_bytes(picture())
    facts = {"name": "x.png", "sha256": "", "width": 40, "height": 30, "bytes": 99, "created": 0.0}
    KNOWN["uploads"] = here.uploads.add(Upload(id=path.stem, file=here.folder.relative(path), **facts)).id


@pytest.fixture(scope="module")
def address(tmp_path_factory, add_picture):
    """Where a studio answers that runs in a thread of this process."""
    folder = tmp_path_factory.mktemp("openapi")
    from batcountry.studio.settings import StudioSettings

    chosen = StudioSettings(folder=folder, uploads_per_minute=10**6, jobs_per_minute=10**6, max_queue=10**6)
    with pytest.MonkeyPatch.context() as patch, serving.listening("127.0.0.1", 0) as taken:
        patch.setattr(rates, "CHANGES_PER_MINUTE", 10**6)
        app = create_app(chosen)
        fill(Studio(SimpleNamespace(app=app)), add_picture)
        server = uvicorn.Server(uvicorn.Config(app, http=BoundedProtocol, ws="none", log_level="critical"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [taken]})
        thread.start()
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def schema(address):
    return schemathesis.openapi.from_url(f"{address}/api/v1/openapi.json")


def test_everything_is_described_with_its_errors(schema):
    raw = schema.raw_schema
    assert len(raw["paths"]) >= 25
    for path, methods in raw["paths"].items():
        for method, operation in methods.items():
            assert {"400", "401", "403", "421", "422"} <= set(operation["responses"]), (path, method)
            problem = operation["responses"]["422"]["content"]["application/json"]["schema"]
            assert problem == {"$ref": "#/components/schemas/Problem"}
            assert operation["summary"] and operation["description"]
    assert "ValidationError" not in json.dumps(raw)


def test_whatever_is_sent_nothing_fails_and_nothing_undescribed_comes(schema, address):
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi import checks as described

    wanted = [
        not_a_server_error,
        described.status_code_conformance,
        described.content_type_conformance,
        described.response_headers_conformance,
        described.response_schema_conformance,
        described.unsupported_method,
    ]
    asked = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path == "/api/v1/events":
            continue  # it has no end
        for mode in schemathesis.GenerationMode:
            strategy = operation.as_strategy(generation_mode=mode)

            @given(case=strategy)
            @settings(
                max_examples=EXAMPLES,
                deadline=None,
                database=None,
                derandomize=True,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            def ask(case):
                nonlocal asked
                asked += 1
                kind = case.operation.path.split("/")[3]
                if asked % 2 and "id" in (case.path_parameters or {}) and kind in KNOWN:
                    case.path_parameters["id"] = KNOWN[kind]
                if isinstance(case.query, dict) and "wait" in case.query:
                    case.query["wait"] = 0
                case.call_and_validate(checks=wanted, headers={"Origin": address})

            with suppress(Unsatisfiable):  # of what takes nothing, nothing wrong can be sent
                ask()
    assert asked > 300
