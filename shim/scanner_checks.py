"""Doctor's checks of the scanning services: who answers, which interface they speak, whether their engines are real.

It asks only the scanners of the settings.
"""

import ssl
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from shim.diagnosis import Finding, Level
from verdict_api.http_interface import API_VERSIONS

ANSWER_SECONDS = 5.0
LARGEST_SKEW_SECONDS = 5.0
OLDEST_SIGNATURES_DAYS = 3  # ClamAV's come daily; the service's own setting comes before


@dataclass(slots=True)
class Look:
    """What one scanner said of itself."""

    endpoint: str
    problem: str | None = None
    version: dict[str, Any] = field(default_factory=dict)
    ready: dict[str, Any] = field(default_factory=dict)
    skew_seconds: float = 0.0

    @property
    def max_message_bytes(self) -> int | None:
        """Return the largest message that it takes; None if it does not say."""
        value = self.version.get("max_message_bytes")
        return value if isinstance(value, int) else None


def look_at(endpoint: str, token: str | None = None, tls: ssl.SSLContext | None = None) -> Look:
    """Ask one scanner for /livez, /readyz and /version."""
    look = Look(endpoint)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with httpx.Client(
            transport=_transport(endpoint, tls), timeout=ANSWER_SECONDS, headers=headers, trust_env=False
        ) as client:
            base = "http://localhost" if endpoint.startswith("unix:") else endpoint
            _get(client, f"{base}/livez")
            look.ready, _ = _get(client, f"{base}/readyz")
            look.version, look.skew_seconds = _get(client, f"{base}/version")
    except httpx.HTTPError as error:
        look.problem = str(error) or type(error).__name__
    return look


def findings_on(looks: Sequence[Look]) -> Iterator[Finding]:
    """Say what is wrong with the scanners; one that is away is no problem while another is there."""
    some_serve = any(look.problem is None for look in looks)
    for look in looks:
        check = f"scanner {look.endpoint}"
        if look.problem is not None:
            yield Finding(
                Level.WARNING if some_serve else Level.PROBLEM,
                check,
                look.problem,
                "look whether couriergate-scanner runs there, and at its log",
            )
        else:
            yield from _findings_on_version(check, look)
            yield from _findings_on_engines(check, look)
            yield from _findings_on_spam_engine(check, look)
            yield from _findings_on_policy(check, look)
            yield from _findings_on_clock(check, look)


def _transport(endpoint: str, tls: ssl.SSLContext | None) -> httpx.HTTPTransport:
    path = endpoint.removeprefix("unix:") if endpoint.startswith("unix:") else None
    return httpx.HTTPTransport(verify=tls or False, uds=path)  # without https there is nothing to verify


def _get(client: httpx.Client, url: str) -> tuple[dict[str, Any], float]:
    """Return the object that was answered, and by how many seconds the other clock is ahead of ours."""
    asked = time.time()
    response = client.get(url)
    if response.status_code != 200:
        raise httpx.HTTPError(f"{url} answers {response.status_code} {response.text[:200]}")
    try:
        answer = response.json()
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise httpx.HTTPError(f"{url}: want a JSON object, got {response.text[:40]!r}")
    return answer, _skew_seconds(response.headers.get("Date"), (asked + time.time()) / 2)


def _skew_seconds(date: str | None, now: float) -> float:
    try:
        return parsedate_to_datetime(date or "").timestamp() - now
    except ValueError:
        return 0.0


def _findings_on_version(check: str, look: Look) -> Iterator[Finding]:
    spoken = look.version.get("api")
    version = look.version.get("version")
    if isinstance(spoken, list) and any(ours in spoken for ours in API_VERSIONS):
        yield Finding(Level.OK, check, f"version {version} answers, and speaks {', '.join(API_VERSIONS)}")
    else:
        yield Finding(
            Level.PROBLEM,
            check,
            f"version {version} speaks {spoken}, we speak {', '.join(API_VERSIONS)}",
            "upgrade the older one of both",
        )


def _findings_on_engines(check: str, look: Look) -> Iterator[Finding]:
    match look.ready.get("engines"):
        case "demo":
            yield Finding(
                Level.PROBLEM,
                check,
                "its only virus engine is the built-in demo: it protects nobody",
                "set [virus] engines in its settings",
            )
        case "none":
            yield Finding(
                Level.PROBLEM,
                check,
                "no virus engine of it protects now: mail is answered 451",
                "look at what it says of each engine, and at couriergate-scanner check there",
            )
    versions, problems, days = (
        _members(look, name) for name in ("engine_versions", "engine_problems", "signature_days")
    )
    for name, version in versions.items():
        if name in problems and problems[name] is not None:
            yield Finding(Level.WARNING, check, f"engine {name}: {problems[name]}", f"look at {name}")
        elif name not in problems and version is None:  # a service that does not tell problems yet
            yield Finding(Level.WARNING, check, f"engine {name} does not answer it", f"look at {name}")
        else:
            yield Finding(Level.OK, check, f"engine {name}: {version or 'is well'}")
        yield from _findings_on_signatures(check, look, name, days.get(name))


def _members(look: Look, name: str) -> dict[str, Any]:
    value = look.ready.get(name)
    return value if isinstance(value, dict) else {}


def _findings_on_spam_engine(check: str, look: Look) -> Iterator[Finding]:
    """Warn of one that does not score: mail passes without, and nobody notices but its readers."""
    engine = look.ready.get("spam_engine")
    if not isinstance(engine, dict):
        return
    name, problem = engine.get("name"), engine.get("problem")
    if problem is None:
        yield Finding(Level.OK, check, f"spam engine {name} answers")
    else:
        yield Finding(Level.WARNING, check, f"spam engine {name} gives no score: {problem}", f"look at {name}")


def _findings_on_policy(check: str, look: Look) -> Iterator[Finding]:
    """Warn of a policy that is written down and not in force, and of verdicts that leave no record."""
    if problem := look.ready.get("policy_problem"):
        advice = "couriergate-scanner check there says the same; then reload"
        yield Finding(Level.WARNING, check, f"the policy of before is still in force: {problem}", advice)
    if problem := look.ready.get("records_problem"):
        yield Finding(Level.WARNING, check, f"judged mail leaves no record: {problem}", "look at [database] there")


def _findings_on_signatures(check: str, look: Look, name: str, days: object) -> Iterator[Finding]:
    """Say how old the signatures are, where they are older than the service's setting allows; 0 allows any age."""
    limit = look.ready.get("signature_days_limit", OLDEST_SIGNATURES_DAYS)
    if isinstance(days, int) and isinstance(limit, int) and limit and days > limit:
        yield Finding(
            Level.WARNING,
            check,
            f"engine {name}: its signatures are {days} days old",
            "look at freshclam and its log",
        )


def _findings_on_clock(check: str, look: Look) -> Iterator[Finding]:
    if abs(look.skew_seconds) > LARGEST_SKEW_SECONDS:
        yield Finding(
            Level.WARNING,
            check,
            f"its clock is {abs(look.skew_seconds):.0f} s {'ahead of' if look.skew_seconds > 0 else 'behind'} ours",
            "run a time service on both hosts",
        )
