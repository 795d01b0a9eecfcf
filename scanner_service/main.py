"""Build the parts, connect them, hand over the application. Nothing else."""

import contextlib
import ipaddress
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from fastapi import FastAPI

from scanner_service import __version__
from scanner_service.act.keep import StoreKeeper
from scanner_service.answer import HeaderRules
from scanner_service.api import problem
from scanner_service.api.access import Access, Scope, Token, digest_of
from scanner_service.api.direct import DirectApp
from scanner_service.api.health import add_health_routes
from scanner_service.api.policies import PolicyPages, add_policy_routes
from scanner_service.api.verdicts import RequestLimits, add_verdict_routes
from scanner_service.clients.decoder_process import DecoderPool
from scanner_service.decode.budget import DecodeLimits
from scanner_service.decoder import Decoder
from scanner_service.inspector_choice import choose_inspectors
from scanner_service.inspectors.engine import protection_of
from scanner_service.inspectors.engine_watch import EngineWatch
from scanner_service.judge.own_log_line import lines_of
from scanner_service.mail_log import set_up_logging
from scanner_service.mail_syslog import MailSyslog
from scanner_service.pipeline import Pipeline
from scanner_service.policies_in_force import PoliciesInForce
from scanner_service.policy_choice import ADMIN_TOKEN
from scanner_service.policy_draft import read_draft
from scanner_service.running import Running
from scanner_service.settings import Limits, Listen, PolicySql, Settings, SettingsError, read_token
from scanner_service.storage.message_files import MessageFiles
from scanner_service.storage.policy_rows import PolicyRows, sql_policy_rows
from scanner_service.storage.verdict_records import VerdictRecords, sql_verdict_records


def build_app(
    settings: Settings,
    decoders: DecoderPool | None = None,
    read_settings: Callable[[], Settings] | None = None,
) -> FastAPI:
    """Return the application, which owns the decoders and closes them at its end.

    ``read_settings`` reads the settings anew, for SIGHUP.

    Raises:
        SettingsError: a token cannot be read or made, or the listener would serve strangers without one.
    """
    set_up_logging(settings.log.format)
    choice = choose_inspectors(settings)
    policies = PoliciesInForce(settings, read_settings)
    policy_rows = _policy_rows(settings.policy.sql)
    files = MessageFiles(settings.state.directory / "quarantine")
    records = _records(settings)
    decoders = DecoderPool() if decoders is None else decoders
    pipeline = Pipeline(
        inspectors=choice.inspectors,
        decoder=Decoder(_decode_limits(settings.limits), decoders),
        protection=lambda: protection_of(choice.engines),
        policies=lambda: policies.book,
        keeper=StoreKeeper(files),
        header_rules=HeaderRules(
            protecting=frozenset(engine.name for engine in choice.engines if not engine.is_demo),
            on_clean=settings.headers.on_clean,
            scores_spam=choice.spam is not None or bool(settings.virus.spam_scores),
        ),
        syslog=MailSyslog(settings.log.syslog_socket, settings.log.syslog_tag) if settings.log.amavis else None,
        syslog_lines=lines_of(settings.log.template),
        records=records,
    )
    watch = EngineWatch(choice.engines, settings.virus.signature_days, choice.spam)
    running = Running(choice, watch, decoders, policies, files, policy_rows, records)
    access = Access(_tokens(settings), _local_hosts(settings.listen), settings.listen.uds is not None)
    app = DirectApp(
        title="Couriergate scanning service",
        version=__version__,
        lifespan=lambda _: running.beside_requests(),
        redoc_url=None,
    )
    problem.install(app)
    limits = RequestLimits(
        settings.limits.max_message_bytes, settings.limits.deadline_seconds, path_roots=settings.listen.path_roots
    )
    unix_listener = f"unix:{settings.listen.uds}" if settings.listen.uds is not None else None
    add_verdict_routes(app, pipeline.judge_message, access, limits, unix_listener=unix_listener)
    pages = PolicyPages(lambda: policies.book, lambda text: read_draft(text, settings, policies.book), records)
    add_policy_routes(app, access, pages)
    add_health_routes(
        app,
        access,
        choice.engines,
        limits.max_message_bytes,
        signature_days_limit=settings.virus.signature_days,
        decoder_problem=lambda: None if decoders.children else decoders.last_failure,
        policy_version=lambda: policies.version,
        policy_problem=lambda: policies.problem or (policy_rows and policy_rows.problem) or None,
        policy_is_known=lambda: policy_rows is None or policy_rows.loaded,
        records_problem=lambda: records.problem if records else None,
        spam_engine=lambda: {"name": choice.spam.name, "problem": choice.spam.problem} if choice.spam else None,
    )
    return app


def _records(settings: Settings) -> VerdictRecords | None:
    if not settings.records.enabled:
        return None
    url = settings.database.url or f"sqlite:///{settings.state.directory / 'records.sqlite'}"
    return sql_verdict_records(url, settings.records.keep_days)


def _policy_rows(chosen: PolicySql | None) -> PolicyRows | None:
    return sql_policy_rows(chosen.url, chosen.table, chosen.refresh_seconds) if chosen else None


def _decode_limits(limits: Limits) -> DecodeLimits:
    return DecodeLimits(
        depth=limits.depth,
        parts=limits.parts,
        unpacked_bytes=limits.unpacked_bytes,
        unpack_ratio=limits.unpack_ratio,
        seconds=limits.decode_seconds,
    )


def refuse_open_listener(settings: Settings) -> None:
    """Refuse to serve strangers without a token.

    Raises:
        SettingsError: the listener can be reached from elsewhere, and no tokens are set.
    """
    if not _local_hosts(settings.listen) and not settings.auth.tokens:
        raise SettingsError(
            f"[listen] host = {settings.listen.host!r} can be reached from elsewhere: set [auth] tokens, "
            "or listen on 127.0.0.1 or a unix socket"
        )


def make_admin_token(directory: Path) -> Path:
    """Write a token with all scopes to ``admin.token`` in the state directory, unless there is one.

    Raises:
        SettingsError: it cannot be written.
    """
    file = directory / ADMIN_TOKEN
    try:
        directory.mkdir(mode=0o750, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "w") as opened:
                opened.write(secrets.token_urlsafe(32) + "\n")
    except OSError as error:
        raise SettingsError(f"{file}: the administrator's token cannot be written: {error.strerror}") from error
    return file


def _tokens(settings: Settings) -> tuple[Token, ...]:
    refuse_open_listener(settings)
    admin = read_token(make_admin_token(settings.state.directory))
    return (
        Token(ADMIN_TOKEN, digest_of(admin), frozenset({Scope.ADMIN})),
        *(Token(one.name, digest_of(read_token(one.file)), one.scopes) for one in settings.auth.tokens),
    )


def _local_hosts(listen: Listen) -> frozenset[str]:
    """Return the Host names of a listener that only this machine can reach; none for any other listener."""
    names = frozenset({"localhost", "127.0.0.1", "::1"})
    if listen.uds is not None or listen.host == "localhost":
        return names
    try:
        loopback = ipaddress.ip_address(listen.host).is_loopback
    except ValueError:
        loopback = False
    return names | {listen.host} if loopback else frozenset()
