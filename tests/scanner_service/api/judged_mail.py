"""A service that has nothing but pages about policies, and records of mail that was judged."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from scanner_service.api import problem
from scanner_service.api.access import Access, Scope, Token, digest_of
from scanner_service.api.direct import DirectApp
from scanner_service.api.policies import PolicyPages, add_policy_routes
from scanner_service.api.records_reader import RecordsReader
from scanner_service.judge.facts import Facts
from scanner_service.judge.judge_message import judge_message
from scanner_service.judge.policy_bank import PolicyBook, traffic_of
from scanner_service.judge.record_codec import record_of
from scanner_service.model.finding import Finding
from scanner_service.policy_choice import choose_policies
from scanner_service.policy_draft import read_draft
from scanner_service.settings import Settings
from tests.fakes.verdict_records import FakeRecord
from tests.scanner_service.judge.policies import envelope_to
from tests.scanner_service.live_service import LiveService, live_app
from verdict_api.envelope import Envelope

ADMIN, READ, SCAN = "admin-token-of-sixteen", "read-token-of-sixteen", "scan-token-of-sixteen"
TOKENS = tuple(
    Token(scope.value, digest_of(secret), frozenset({scope}))
    for scope, secret in ((Scope.ADMIN, ADMIN), (Scope.READ, READ), (Scope.SCAN, SCAN))
)


@contextlib.contextmanager
def policy_service(records: RecordsReader | None, **policy: object) -> Iterator[LiveService]:
    """Serve with a section ``[policy]`` in force."""
    auth = {"tokens": [{"name": "shim", "file": "/shim", "scopes": ["scan"]}]}
    settings = Settings.model_validate({"policy": policy, "auth": auth})
    book = choose_policies(settings)
    app = DirectApp(redoc_url=None)
    problem.install(app)
    pages = PolicyPages(lambda: book, lambda text: read_draft(text, settings, book), records)
    add_policy_routes(app, Access(TOKENS, frozenset({"127.0.0.1"})), pages)
    with tempfile.TemporaryDirectory(prefix="policy.") as folder, live_app(app, Path(folder)) as service:
        yield service


def judged_mail(number: int, *findings: Finding, to: Envelope | None = None, book: PolicyBook) -> FakeRecord:
    """Return the record of a message that was judged at this number of seconds."""
    facts = Facts(f"mail{number:08d}", to or envelope_to(), 4022, findings)
    judgement = judge_message(facts, book.policy_for(traffic_of(facts)))
    return FakeRecord(facts.mail_id, float(number), f"queue.{number}", record_of(facts, judgement, book.version))
