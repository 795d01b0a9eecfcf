"""From settings to inspectors: which ones look at each message, in the order of their reports."""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from scanner_service.clients.clamd import ClamdClient
from scanner_service.clients.daemon_address import DaemonAddress
from scanner_service.clients.rspamd import RspamdClient
from scanner_service.clients.spamd import SpamdClient
from scanner_service.inspectors.bad_header import BadHeaderInspector
from scanner_service.inspectors.banned import BannedInspector
from scanner_service.inspectors.banned_rules import DEFAULT_RULES, BannedRule
from scanner_service.inspectors.clamd import ClamdEngine
from scanner_service.inspectors.engine import VirusEngine
from scanner_service.inspectors.inspector import Inspector
from scanner_service.inspectors.readings import ReadingsInspector
from scanner_service.inspectors.spam import RspamdEngine, SpamdEngine, SpamEngine, SpamInspector
from scanner_service.inspectors.third_party import ThirdPartyError, ThirdPartyInspector, load_inspector
from scanner_service.inspectors.virus import VirusInspector
from scanner_service.inspectors.virus_spam_scores import VirusSpamScore
from scanner_service.inspectors.yara import YaraEngine
from scanner_service.inspectors.yara_rules import YaraRulesError
from scanner_service.model.message import PartMark
from scanner_service.model.spam_score import SpamLevels
from scanner_service.settings import (
    Banned,
    BannedRuleSet,
    BannedRuleSetting,
    ClamdSetting,
    EngineSetting,
    MailAuth,
    Settings,
    SettingsError,
    Spam,
    SpamdSetting,
    Virus,
    read_nameserver,
    read_token,
)


@dataclass(frozen=True, slots=True)
class InspectorChoice:
    """The inspectors, the virus engines and the one for spam among them, and what must be closed at the end."""

    inspectors: tuple[Inspector, ...]
    engines: tuple[VirusEngine, ...]
    backups: tuple[VirusEngine, ...] = ()
    closers: tuple[Callable[[], Awaitable[None]], ...] = field(default=())
    spam: SpamInspector | None = None


def choose_inspectors(settings: Settings) -> InspectorChoice:
    """Return what the settings ask for.

    Raises:
        SettingsError: YARA rules, a password or another's inspector cannot be used.
    """
    engines = build_engines(settings.virus.engines)
    backups = tuple(engine for engine, one in zip(engines, settings.virus.engines, strict=True) if one.backup)
    virus = _virus_inspector(engines, backups, settings.virus)
    of_bytes = tuple(engine for engine in engines if not engine.needs_parts)
    readings = (ReadingsInspector(_virus_inspector(of_bytes, backups, settings.virus)),) if of_bytes else ()
    spam, closers = _spam(settings.spam)
    mail_auth, more_closers = _mail_auth(settings.mail_auth)
    inspectors: tuple[Inspector, ...] = (
        virus,
        *readings,
        BannedInspector(_rule_sets(settings.banned)),
        BadHeaderInspector(),
        *((spam,) if spam else ()),
        *mail_auth,
        *_third_parties(settings),
    )
    return InspectorChoice(inspectors, engines, backups, closers + more_closers, spam)


def _virus_inspector(engines: Sequence[VirusEngine], backups: Sequence[VirusEngine], chosen: Virus) -> VirusInspector:
    return VirusInspector(
        [engine for engine in engines if engine not in backups],
        chosen.engine_wait_seconds,
        backups=[engine for engine in engines if engine in backups],
        engine_seconds=chosen.engine_seconds,
        spam_scores=tuple(VirusSpamScore(re.compile(one.names), one.score) for one in chosen.spam_scores),
    )


def build_engines(chosen: Sequence[EngineSetting]) -> tuple[VirusEngine, ...]:
    """Return the virus engines, named ``clamd``, ``yara``, and ``clamd-2`` where a name would come twice.

    Raises:
        SettingsError: YARA rules cannot be used.
    """
    engines: list[VirusEngine] = []
    for one in chosen:
        name = one.name or one.kind
        taken = [engine.name for engine in engines]
        number = 2
        while name in taken:
            name = f"{one.name or one.kind}-{number}"
            number += 1
        if isinstance(one, ClamdSetting):
            engines.append(ClamdEngine(name, ClamdClient(DaemonAddress.read(one.address))))
        else:
            try:
                engines.append(YaraEngine(name, one.rules))
            except YaraRulesError as error:
                raise SettingsError(f"[virus] engines, {name}: {error}") from error
    return tuple(engines)


def _rule_sets(banned: Banned) -> dict[str, tuple[BannedRule, ...]]:
    sets = dict(zip(banned.all_rule_sets, (banned, *banned.rule_sets.values()), strict=True))
    return {name: banned_rules(one) for name, one in sets.items()}


def banned_rules(chosen: BannedRuleSet) -> tuple[BannedRule, ...]:
    """Return the administrator's rules, and after them the default ones."""
    own = tuple(_banned_rule(one) for one in chosen.rules)
    return own + DEFAULT_RULES if chosen.default_rules else own


def _banned_rule(one: BannedRuleSetting) -> BannedRule:
    return BannedRule(
        one.name,
        one.reason or one.name,
        frozenset(extension.lower().removeprefix(".") for extension in one.extensions),
        frozenset(kind.removeprefix(".") for kind in one.types),
        frozenset(content_type.lower() for content_type in one.content_types),
        re.compile(one.names, re.IGNORECASE) if one.names else None,
        frozenset({PartMark.MACROS} if one.macros else ()),
        one.allow,
        frozenset(kind.removeprefix(".") for kind in one.inside),
        one.observe,
    )


def _spam(chosen: Spam) -> tuple[SpamInspector | None, tuple[Callable[[], Awaitable[None]], ...]]:
    if chosen.engine is None:
        return None, ()
    engine: SpamEngine
    closers: tuple[Callable[[], Awaitable[None]], ...] = ()
    if isinstance(chosen.engine, SpamdSetting):
        spamd = SpamdClient(DaemonAddress.read(chosen.engine.address), chosen.engine.user)
        engine = SpamdEngine(spamd, SpamLevels(), chosen.engine.max_bytes)
    else:
        password_file = chosen.engine.password_file
        rspamd = RspamdClient(chosen.engine.url, read_token(password_file) if password_file else None)
        engine, closers = RspamdEngine(rspamd, SpamLevels()), (rspamd.aclose,)
    return SpamInspector(engine, chosen.engine_seconds), closers


def _mail_auth(chosen: MailAuth) -> tuple[tuple[Inspector, ...], tuple[Callable[[], Awaitable[None]], ...]]:
    """Return the inspector if it is wanted; what it stands on takes a quarter of a second to import."""
    if not chosen.enabled:
        return (), ()
    from scanner_service.clients.dns_resolver import DnsResolver, DnsUnavailableError  # noqa: PLC0415
    from scanner_service.inspectors.mail_auth.inspector import MailAuthInspector  # noqa: PLC0415

    try:
        resolver = DnsResolver([read_nameserver(one) for one in chosen.nameservers])
    except DnsUnavailableError as error:
        raise SettingsError(f"[mail_auth] nameservers: {error}") from error
    inspector = MailAuthInspector(resolver, chosen.seconds)
    return (inspector,), (inspector.aclose,)


def _third_parties(settings: Settings) -> tuple[Inspector, ...]:
    try:
        return tuple(
            ThirdPartyInspector(one.name, load_inspector(one.name, one.options), one.seconds, required=one.required)
            for one in settings.inspectors.third_party
        )
    except ThirdPartyError as error:
        raise SettingsError(f"[inspectors] third_party: {error}") from error
