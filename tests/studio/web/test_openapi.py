"""What the API's description says is so: whatever is sent, nothing fails, and nothing comes that is not described."""

import json
import threading

import pytest
import uvicorn

from batcountry.studio.web import serving
from batcountry.studio.web.app import create_app
from batcountry.studio.web.protocol import BoundedProtocol
from batcountry.studio.web.safety import rates

schemathesis = pytest.importorskip("schemathesis")
from hypothesis import HealthCheck, Phase, given, settings  # noqa: E402

EXAMPLES = 12


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Where a studio answers that runs in a thread of this process."""
    folder = tmp_path_factory.mktemp("openapi")
    from batcountry.studio.settings import StudioSettings

    chosen = StudioSettings(folder=folder, uploads_per_minute=10**6, jobs_per_minute=10**6, max_queue=10**6)
    with pytest.MonkeyPatch.context() as patch, serving.listening("127.0.0.1", 0) as taken:
        patch.setattr(rates, "CHANGES_PER_MINUTE", 10**6)
        app = create_app(chosen)
        app.state.studio.events.say("settings", {})
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
    checks = schemathesis.checks.load_all_checks() if hasattr(schemathesis.checks, "load_all_checks") else None
    del checks
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
            try:
                strategy = operation.as_strategy(generation_mode=mode)
            except schemathesis.errors.InvalidSchema:
                continue

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
                if isinstance(case.query, dict) and "wait" in case.query:
                    case.query["wait"] = 0
                case.call_and_validate(checks=wanted, headers={"Origin": address})

            try:
                ask()
            except schemathesis.errors.SchemathesisError as error:
                if "negative" not in str(error).lower():
                    raise
    assert asked > 300
