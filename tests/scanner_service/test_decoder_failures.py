"""The service with a decoder that a stranger has taken over: it refuses the mail, judges the next one, stays up."""

import contextlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from scanner_service.clients.decoder_process import DecoderPool
from scanner_service.main import build_app
from scanner_service.settings import Settings, State
from tests.scanner_service.live_service import LiveService, live_app, post
from tests.scanner_service.messages import HEADER
from verdict_api.json_codec import decode_verdict
from verdict_api.verdict import Destiny, InspectorStatus, Verdict

HOSTILE = Path(__file__).parents[1] / "fakes/hostile_decoder.py"


def mail_with(name: str) -> bytes:
    fields = f'Content-Type: application/zip; name="{name}"\nContent-Transfer-Encoding: base64\n'
    return HEADER + fields.encode() + b"\nUEsDBA==\n"


@contextlib.contextmanager
def service_with(folder: Path, decoder: str, limits: Mapping[str, float]) -> Iterator[LiveService]:
    settings = Settings.model_validate({"state": State(directory=folder / "state"), "limits": limits})
    decoders = DecoderPool(2, [sys.executable, "-I", "-B", str(HOSTILE), decoder])
    with live_app(build_app(settings, decoders), folder) as service:
        yield service


def judge(client: httpx.Client, name: str) -> Verdict:
    return decode_verdict(post(client, mail_with(name)).content)


@pytest.mark.parametrize(
    "behaviour", ["crash", "exit", "hang", "eat_memory", "talk_without_end", "talk_nonsense", "promise_too_much"]
)
def test_what_breaks_the_decoder_twice_is_refused_and_the_next_mail_is_judged(tmp_path: Path, behaviour: str) -> None:
    record = tmp_path / "record"
    record.touch()

    with service_with(tmp_path, str(record), {"decode_seconds": 1.0}) as service, service.client() as client:
        broken = judge(client, behaviour)
        ready = client.get("/readyz")
        after = judge(client, "work")

    assert broken.destiny is Destiny.REJECT
    assert str(broken.reply).endswith("- UNCHECKED: undecodable")
    assert broken.complete
    assert [(one.category, one.sub_category, one.part) for one in broken.findings] == [
        ("unchecked", "undecodable", "1")
    ]
    assert ready.status_code == 200
    assert after.destiny is Destiny.PASS
    tried = [line.split() for line in record.read_text().splitlines()]
    assert [what for _, what in tried] == [behaviour, behaviour, "work"]
    assert tried[0][0] != tried[1][0]


def test_what_breaks_the_decoder_once_is_judged(tmp_path: Path) -> None:
    record = tmp_path / "record"
    record.touch()

    with service_with(tmp_path, str(record), {}) as service, service.client() as client:
        verdict = judge(client, "crash_then_work")

    assert verdict.destiny is Destiny.PASS
    assert verdict.findings == ()


def test_without_a_cage_nothing_is_opened_mail_with_a_container_comes_back_and_the_replica_is_not_ready(
    tmp_path: Path,
) -> None:
    with service_with(tmp_path, "no_cage", {}) as service, service.client() as client:
        with_container = judge(client, "work")
        ready = client.get("/readyz")
        plain = decode_verdict(post(client, b"Subject: x\n\ntext\n").content)

    assert str(with_container.reply).startswith("451 4.7.1 Content check not complete")
    assert not with_container.complete
    (report,) = [one for one in with_container.inspectors if one.name == "decode"]
    assert (report.status, report.required) == (InspectorStatus.NOT_DONE, True)
    assert report.reason is not None
    assert "seccomp" in report.reason
    assert ready.status_code == 503
    assert "seccomp" in ready.json()["decoder_problem"]
    assert plain.destiny is Destiny.PASS
