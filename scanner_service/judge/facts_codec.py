"""Facts as JSON, to be kept and judged again: all that decides something; what says nothing is left out.

Strict when it is read, blind to fields that it does not know: another version of this program may have written it.
"""

import math
from collections.abc import Mapping
from typing import TypeVar

from scanner_service.judge.facts import Facts
from scanner_service.model.finding import ContentCategory, Finding, SubCategory
from scanner_service.model.spam_points import SpamPoints
from scanner_service.model.spam_score import SpamLevels, SpamScore
from verdict_api.json_codec import (
    authentication_from_fields,
    authentication_to_fields,
    envelope_from_fields,
    envelope_to_fields,
)
from verdict_api.json_fields import CodecError, Fields, from_json, to_json

V = TypeVar("V")

_CATEGORIES = {category.word: category for category in ContentCategory}
_NO_JSON_NUMBERS = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}  # JSON has no words for these


def encode_facts(facts: Facts) -> str:
    """Return the facts as JSON in ASCII."""
    return to_json(facts_to_fields(facts)).decode("ascii")


def decode_facts(text: str) -> Facts:
    """Read what ``encode_facts`` wrote.

    Raises:
        CodecError: it is something else; with the place.
    """
    return facts_from_fields(Fields("facts", from_json("facts", text.encode("utf-8", "surrogatepass"))))


def facts_to_fields(facts: Facts) -> dict[str, object]:
    """Return the fields of facts."""
    return {
        "mail_id": facts.mail_id,
        "envelope": envelope_to_fields(facts.envelope),
        "size": facts.size,
        **_said(
            {
                "findings": [_finding_to_fields(one) for one in facts.findings],
                "spam": _spam_to_fields(facts.spam),
                "spam_points": [{"name": one.name, "score": _number(one.score)} for one in facts.spam_points],
                "authors": facts.authors,
                "bulk": facts.bulk,
                "authentication": authentication_to_fields(facts.authentication),
                "listener": facts.listener,
            }
        ),
        **({} if facts.token is None else {"token": facts.token}),
    }


def facts_from_fields(fields: Fields) -> Facts:
    """Read facts.

    Raises:
        CodecError: a field that is needed is missing, or one has a wrong value.
    """
    spam = fields.optional("spam", fields.object)
    return Facts(
        mail_id=fields.text("mail_id"),
        envelope=envelope_from_fields(fields.object("envelope")),
        size=fields.whole_number("size"),
        findings=tuple(_finding_of(one) for one in fields.objects("findings")),
        spam=None if spam is None else _spam_of(spam),
        spam_points=tuple(
            SpamPoints(one.text("name"), _number_of(one, "score")) for one in fields.objects("spam_points")
        ),
        authors=fields.texts("authors"),
        bulk=fields.text("bulk", ""),
        authentication=authentication_from_fields(fields),
        listener=fields.text("listener", ""),
        token=fields.optional("token", fields.text),
    )


def _finding_to_fields(finding: Finding) -> dict[str, object]:
    return {
        "category": finding.category.word,
        "inspector": finding.inspector,
        "name": finding.name,
        **_said(
            {
                "sub_category": finding.sub_category,
                "detail": finding.detail,
                "hides": finding.hides,
                "rule": finding.rule,
                "sha256": finding.sha256,
                "check": None if finding.check is None else finding.check.word,
                "observed": finding.observed,
            }
        ),
        **({} if finding.part is None else {"part": finding.part}),
    }


def _finding_of(fields: Fields) -> Finding:
    check = fields.optional("check", fields.text)
    return Finding(
        category=_category(fields, "category"),
        inspector=fields.text("inspector"),
        name=fields.text("name"),
        sub_category=fields.optional("sub_category", lambda name: fields.choice(name, SubCategory)),
        part=fields.optional("part", fields.text),
        detail=fields.text("detail", ""),
        hides=fields.flag("hides", default=False),
        rule=fields.text("rule", ""),
        sha256=fields.text("sha256", ""),
        check=None if check is None else _category(fields, "check"),
        observed=fields.flag("observed", default=False),
    )


def _spam_to_fields(spam: SpamScore | None) -> dict[str, object] | None:
    if spam is None:
        return None
    return {
        "engine": spam.engine,
        "score": _number(spam.score),
        "tests": spam.tests,
        "category": None if spam.category is None else spam.category.word,
        "tag2": _number(spam.levels.tag2),
        "kill": _number(spam.levels.kill),
        "required": _number(spam.required),
        **_said({"fields": [{"name": name, "value": value} for name, value in spam.fields]}),
    }


def _spam_of(fields: Fields) -> SpamScore:
    category = fields.optional("category", fields.text)
    return SpamScore(
        engine=fields.text("engine"),
        score=_number_of(fields, "score"),
        tests=fields.texts("tests"),
        category=None if category is None else _category(fields, "category"),
        levels=SpamLevels(_number_of(fields, "tag2"), _number_of(fields, "kill")),
        required=_number_of(fields, "required"),
        fields=tuple((one.text("name"), one.text("value")) for one in fields.objects("fields")),
    )


def _category(fields: Fields, name: str) -> ContentCategory:
    word = fields.text(name)
    if word not in _CATEGORIES:
        raise CodecError(f"{fields.where}.{name}: want one of {', '.join(_CATEGORIES)}, got {word[:40]!a}")
    return _CATEGORIES[word]


def _number(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)


def _number_of(fields: Fields, name: str) -> float:
    if fields.is_text(name) and fields.text(name) in _NO_JSON_NUMBERS:
        return _NO_JSON_NUMBERS[fields.text(name)]
    return fields.number(name)


def _said(fields: Mapping[str, V]) -> dict[str, V]:
    """Leave out what is empty, false or None, as most of a finding's fields are."""
    return {name: value for name, value in fields.items() if value}
