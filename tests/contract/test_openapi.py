"""The service does what its description says, and nothing sent to it is answered by an error of its own."""

from collections.abc import Iterator

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.specs.openapi.schemas import OpenApiSchema

from scanner_service.settings import Limits
from tests.fakes.verdict_records import FakeRecords
from tests.scanner_service.api.judged_mail import ADMIN, judged_mail, policy_service
from tests.scanner_service.judge.policies import VIRUS, book_of
from tests.scanner_service.live_service import LiveService, live_service, post, raw_headers
from tests.scanner_service.messages import CLEAN, EICAR_IN_ATTACHMENT
from verdict_api.http_interface import TOML_TYPE

CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
SOME = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


@schemathesis.serializer(TOML_TYPE)
def _toml(context: object, value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


@pytest.fixture(scope="module")
def service() -> Iterator[LiveService]:
    with live_service(limits=Limits(max_message_bytes=100_000)) as running:
        yield running


@pytest.fixture(scope="module")
def description(service: LiveService) -> OpenApiSchema:
    return schemathesis.openapi.from_url(f"{service.url}/openapi.json")


@pytest.mark.parametrize(
    ("method", "path", "mode"),
    [
        ("POST", "/v1/verdicts", GenerationMode.POSITIVE),
        ("POST", "/v1/verdicts", GenerationMode.NEGATIVE),
        ("POST", "/v1/policy/explain", GenerationMode.POSITIVE),
        ("POST", "/v1/policy/explain", GenerationMode.NEGATIVE),
        ("POST", "/v1/policy/replay", GenerationMode.POSITIVE),
        ("POST", "/v1/policy/replay", GenerationMode.NEGATIVE),
        ("POST", "/v1/verdicts/{mail_id}/replay", GenerationMode.POSITIVE),
        ("GET", "/livez", GenerationMode.POSITIVE),
        ("GET", "/readyz", GenerationMode.POSITIVE),
        ("GET", "/version", GenerationMode.POSITIVE),
    ],
)
@given(data=st.data())
@SOME
def test_answers_to_right_and_wrong_requests_are_as_described(
    description: OpenApiSchema, method: str, path: str, mode: GenerationMode, data: st.DataObject
) -> None:
    case = data.draw(description[path][method].as_strategy(generation_mode=mode))

    response = case.call_and_validate(checks=CHECKS)

    assert response.status_code < 500 or response.status_code == 504


@given(data=st.data())
@SOME
def test_with_an_envelope_any_message_is_judged(description: OpenApiSchema, data: st.DataObject) -> None:
    case = data.draw(description["/v1/verdicts"]["POST"].as_strategy(generation_mode=GenerationMode.POSITIVE))

    response = case.call_and_validate(checks=CHECKS, headers=raw_headers())

    assert response.status_code < 500 or response.status_code == 504


def test_the_description_is_openapi_3_1_and_lists_the_routes(description: OpenApiSchema) -> None:
    description.validate()

    assert description.raw_schema["openapi"].startswith("3.1.")
    assert set(description.raw_schema["paths"]) == {
        "/v1/verdicts",
        "/v1/verdicts/{mail_id}/replay",
        "/v1/policy/explain",
        "/v1/policy/replay",
        "/livez",
        "/readyz",
        "/version",
    }
    assert description.raw_schema["info"]["title"] == "Couriergate scanning service"


def test_each_problem_that_a_verdict_request_may_get_is_described(description: OpenApiSchema) -> None:
    responses = description.raw_schema["paths"]["/v1/verdicts"]["post"]["responses"]

    assert set(responses) == {"200", "400", "401", "403", "404", "413", "415", "431", "503", "504"}
    assert all(
        list(response["content"]) == ["application/problem+json"]
        for status, response in responses.items()
        if status != "200"
    )


@pytest.mark.parametrize("message", [CLEAN, EICAR_IN_ATTACHMENT], ids=["clean", "infected"])
def test_each_member_of_a_verdict_is_described(
    service: LiveService, description: OpenApiSchema, message: bytes
) -> None:
    described_members = set(description.raw_schema["components"]["schemas"]["Verdict"]["properties"])

    with service.client() as client:
        verdict = post(client, message).json()
        client.params = httpx.QueryParams(parts="1")
        with_parts = post(client, message).json()

    assert set(verdict) == described_members - {"parts"}
    assert set(with_parts) == described_members


@pytest.fixture(scope="module")
def policies() -> Iterator[OpenApiSchema]:
    """The pages about policies, of a service that has records."""
    book = book_of()
    records = [judged_mail(1, VIRUS, book=book), judged_mail(2, book=book)]
    with policy_service(FakeRecords(records)) as running:
        yield schemathesis.openapi.from_url(f"{running.url}/openapi.json")


@pytest.mark.parametrize("path", ["/v1/policy/explain", "/v1/policy/replay", "/v1/verdicts/{mail_id}/replay"])
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@given(data=st.data())
@SOME
def test_an_administrator_is_answered_as_described(
    policies: OpenApiSchema, path: str, mode: GenerationMode, data: st.DataObject
) -> None:
    case = data.draw(policies[path]["POST"].as_strategy(generation_mode=mode))
    if path != "/v1/policy/explain" and data.draw(st.booleans()):
        case.body, case.media_type = "[policy.destinies]\nvirus = 'discard'\n", TOML_TYPE
    if "mail_id" in (case.path_parameters or {}) and data.draw(st.booleans()):
        case.path_parameters["mail_id"] = "mail00000001"

    response = case.call_and_validate(checks=CHECKS, headers={"Authorization": f"Bearer {ADMIN}"})

    assert response.status_code < 500


def test_the_pages_of_the_description_are_served(service: LiveService) -> None:
    with httpx.Client(base_url=service.url) as client:
        assert "swagger" in client.get("/docs").text.lower()
