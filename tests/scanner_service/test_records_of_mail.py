"""Judged mail leaves a record, which is judged again under a draft; what is in force says who decides."""

import json
import time

import httpx

from tests.scanner_service.live_service import live_service, post
from tests.scanner_service.messages import CLEAN, EICAR_IN_BODY, ENVELOPE
from verdict_api.json_codec import decode_verdict

LIMIT_SECONDS = 10
DRAFT = "[policy.destinies]\nvirus = 'discard'\n"


def replayed(client: httpx.Client, token: str) -> list[dict[str, object]]:
    response = client.post(
        "/v1/policy/replay",
        params={"since": "0"},
        content=DRAFT,
        headers={"Content-Type": "application/toml", "Authorization": f"Bearer {token}"},
    )
    assert response.status_code == 200, response.text
    return [json.loads(line) for line in response.text.splitlines()]


def test_what_was_judged_is_judged_again_under_a_draft() -> None:
    with live_service() as service, service.client() as client:
        virus = decode_verdict(post(client, EICAR_IN_BODY, ENVELOPE).content)
        post(client, CLEAN, ENVELOPE)

        deadline = time.monotonic() + LIMIT_SECONDS
        while replayed(client, service.admin_token())[0]["total"] != 2:
            assert time.monotonic() < deadline, "the records were not written"
            time.sleep(0.2)
        lines = replayed(client, service.admin_token())

    changes = [one for one in lines if "before" in one]
    assert [one["mail_id"] for one in changes] == [virus.mail_id]
    assert lines[-1]["changed"] == 1
