"""How OpenAPI describes the pages about policies."""

from collections.abc import Mapping
from typing import Any

from fastapi.responses import StreamingResponse

from scanner_service.judge.replay import Aspect
from verdict_api.http_interface import LINES_TYPE, PROBLEM_TYPE, TOML_TYPE
from verdict_api.verdict import Destiny

_TEXT = {"type": "string"}
_FLAG = {"type": "boolean"}
_COUNT = {"type": "integer", "minimum": 0}
_PROBLEM = {"schema": {"type": "object", "required": ["title", "status", "detail"]}}


def _object(**properties: object) -> dict[str, object]:
    return {"type": "object", "required": list(properties), "properties": properties}


def _list(items: object) -> dict[str, object]:
    return {"type": "array", "items": items}


def _or_null(one: Mapping[str, object]) -> dict[str, object]:
    return {"anyOf": [one, {"type": "null"}]}


def _problems(**meanings: str) -> dict[int | str, object]:
    return {
        int(status.removeprefix("_")): {"description": meaning, "content": {PROBLEM_TYPE: _PROBLEM}}
        for status, meaning in {"_401": "no token, or an unknown one", **meanings}.items()
    }


_REPLY = _object(code={"type": "integer"}, enhanced=_TEXT, text=_TEXT)
_DESTINY = {"type": "string", "enum": list(Destiny)}
_DECISION = _object(
    destiny=_DESTINY,
    reply=_REPLY,
    recipients=_list(
        _object(
            address=_TEXT,
            destiny=_DESTINY,
            replaced_by=_or_null(_TEXT),
            rule=_TEXT,
            categories=_list(_TEXT),
        )
    ),
    added_recipients=_list(_TEXT),
    is_spam=_FLAG,
    subject_tag=_TEXT,
    policy_version=_TEXT,
)
_CHANGE = _object(
    mail_id=_TEXT,
    judged_at={"type": "number"},
    queue_id=_TEXT,
    sender=_TEXT,
    kind=_or_null(_TEXT),
    changed=_list({"type": "string", "enum": list(Aspect)}),
    before=_DECISION,
    after=_DECISION,
)
_EXPLANATION = _object(
    recipient=_TEXT,
    local=_or_null(_FLAG),
    policy=_TEXT,
    policy_version=_TEXT,
    banks=_list(_object(bank=_TEXT, holds=_FLAG, when=_list({"type": "object", "additionalProperties": _FLAG}))),
    settings=_list(_object(setting=_TEXT, value={}, bank=_TEXT, table=_TEXT, key=_TEXT)),
)
_QUESTION = {
    "type": "object",
    "required": ["recipient", "sender"],
    "properties": {
        "recipient": _TEXT,
        "sender": {"type": "string", "description": "empty: the null sender"},
        "local": {**_or_null(_FLAG), "description": "whether Courier takes the recipient for a local one"},
        "client_ip": _or_null(_TEXT),
        "authenticated_user": _or_null(_TEXT),
        "relay_client": _FLAG,
        "source": {"type": "string", "description": "smtp, authsmtp or local"},
        "listener": _TEXT,
        "token": _or_null(_TEXT),
        "dkim_domain": {"type": "string", "description": "one with a valid signature"},
        "spf_domain": {"type": "string", "description": "one that SPF passes for"},
    },
}
_DRAFT = {TOML_TYPE: {"schema": {"type": "string", "description": "a settings file, or its section [policy] alone"}}}


def _query(name: str, meaning: str, schema: Mapping[str, object], *, required: bool = False) -> dict[str, object]:
    return {"name": name, "in": "query", "required": required, "description": meaning, "schema": schema}


EXPLAIN: dict[str, Any] = {
    "responses": {
        200: {"description": "what holds", "content": {"application/json": {"schema": _EXPLANATION}}},
        **_problems(
            _400="no such question, or broken framing",
            _403="a token without the scope read",
            _408="the body does not come to its end",
            _413="the question is too long",
            _415="another encoding",
        ),
    },
    "openapi_extra": {"requestBody": {"required": True, "content": {"application/json": {"schema": _QUESTION}}}},
}
_OF_DRAFTS = {
    "_403": "a token without the scope admin",
    "_408": "the body does not come to its end",
    "_413": "the draft is longer than limit_bytes",
    "_415": "another content type or encoding",
    "_422": "the draft cannot be used; faults says why, with lines",
    "_503": "the records cannot be read, are not kept, or enough replays are running",
}
REPLAY: dict[str, Any] = {
    "response_class": StreamingResponse,
    "responses": {
        200: {
            "description": "the beginning, changes, progress, and a summary at the end, an object in each line",
            "content": {LINES_TYPE: {"schema": _TEXT}},
        },
        **_problems(_400="a time or limit that is none, or broken framing", **_OF_DRAFTS),
    },
    "openapi_extra": {
        "parameters": [
            _query("since", "Unix seconds", {"type": "number"}, required=True),
            _query("until", "Unix seconds; default: now", {"type": "number"}),
            _query("limit", "how many changes are told; all are counted", {**_COUNT, "maximum": 999_999_999}),
        ],
        "requestBody": {"required": True, "content": _DRAFT},
    },
}
REPLAY_ONE: dict[str, Any] = {
    "responses": {
        200: {
            "description": "what was decided, and what would be; kind is null where that is the same",
            "content": {"application/json": {"schema": _CHANGE}},
        },
        **_problems(_400="broken framing", _404="no such record", _500="a broken record", **_OF_DRAFTS),
    },
    "openapi_extra": {
        "parameters": [{"name": "mail_id", "in": "path", "required": True, "schema": _TEXT}],
        "requestBody": {"required": False, "content": _DRAFT},
    },
}
