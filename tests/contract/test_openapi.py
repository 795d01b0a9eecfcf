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
from tests.scanner_service.live_service import LiveService, live_service, post, raw_headers
from tests.scanner_service.messages import CLEAN, EICAR_IN_ATTACHMENT

CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
SOME = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


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
    assert set(description.raw_schema["paths"]) == {"/v1/verdicts", "/livez", "/readyz", "/version"}
    assert description.raw_schema["info"]["title"] == "Couriergate scanning service"


def test_each_problem_that_a_verdict_request_may_get_is_described(description: OpenApiSchema) -> None:
    responses = description.raw_schema["paths"]["/v1/verdicts"]["post"]["responses"]

    assert set(responses) == {"200", "400", "401", "403", "404", "413", "415", "431", "504"}
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


def test_the_pages_of_the_description_are_served(service: LiveService) -> None:
    with httpx.Client(base_url=service.url) as client:
        assert "swagger" in client.get("/docs").text.lower()
