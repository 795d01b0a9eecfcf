"""The wire's JSON: what was written is read again, what is missing or wrong is refused by its place."""

import base64
import contextlib
import json
import re
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.verdict_api.wire_values import (
    ENVELOPE,
    VERDICT,
    JsonPath,
    envelope_fields,
    envelopes,
    place,
    verdict_fields,
    verdicts,
    with_field,
    without_field,
)
from verdict_api.envelope import Envelope, Recipient
from verdict_api.json_codec import (
    decode_decision,
    decode_envelope,
    decode_envelope_header,
    decode_verdict,
    encode_envelope,
    encode_envelope_header,
    encode_verdict,
)
from verdict_api.json_fields import CodecError
from verdict_api.verdict import Decision, Verdict


@given(envelopes)
def test_an_envelope_is_read_as_it_was_written(envelope: Envelope) -> None:
    assert decode_envelope(encode_envelope(envelope)) == envelope


@settings(max_examples=50)
@given(verdicts)
def test_a_verdict_is_read_as_it_was_written(verdict: Verdict) -> None:
    assert decode_verdict(encode_verdict(verdict)) == verdict


@settings(max_examples=50)
@given(verdicts)
def test_a_decision_is_what_the_verdict_says_of_it(verdict: Verdict) -> None:
    decision = decode_decision(encode_verdict(verdict))

    would_be = None if verdict.would_be is None else _decision_of(verdict.would_be, would_be=None)
    assert decision == _decision_of(verdict, would_be)


def _decision_of(verdict: Verdict, would_be: Decision | None) -> Decision:
    return Decision(**{one.name: getattr(verdict, one.name) for one in fields(Decision)} | {"would_be": would_be})


@given(envelopes)
def test_an_envelope_in_a_header_is_read_as_it_was_written(envelope: Envelope) -> None:
    header = encode_envelope_header(envelope)

    assert re.fullmatch(r"[A-Za-z0-9_-]+", header)
    assert decode_envelope_header(header) == envelope


@given(st.binary())
def test_any_bytes_of_a_sender_come_back(raw: bytes) -> None:
    envelope = Envelope(raw.decode("utf-8", "surrogateescape"), (Recipient("a@b.example"),))

    data = encode_envelope(envelope)

    assert data.isascii()
    assert decode_envelope(data).sender.encode("utf-8", "surrogateescape") == raw


def test_an_envelope_needs_only_a_sender_and_a_recipient() -> None:
    envelope = decode_envelope(b'{"sender": "", "recipients": [{"address": "a@b.example"}]}')

    assert envelope == Envelope("", (Recipient("a@b.example"),))


@pytest.mark.parametrize("decode", [decode_envelope, decode_verdict])
def test_fields_that_are_unknown_are_passed_over_at_every_level(decode: Any) -> None:
    fields, known = {
        decode_envelope: (envelope_fields(), ENVELOPE),
        decode_verdict: (verdict_fields(), VERDICT),
    }[decode]

    _add_unknown_fields(fields)

    assert decode(json.dumps(fields).encode()) == known


def _add_unknown_fields(value: Any) -> None:
    if isinstance(value, list):
        for item in value:
            _add_unknown_fields(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            if name != "milliseconds":  # the names in there are free, and so no name is unknown
                _add_unknown_fields(item)
        value["new_in_1_7"] = {"deep": [None, {"er": 1}]}


_NEEDED_OF_ENVELOPE: list[JsonPath] = [("sender",), ("recipients",), ("recipients", 0), ("recipients", 0, "address")]


@pytest.mark.parametrize("path", _NEEDED_OF_ENVELOPE, ids=str)
def test_an_envelope_without_a_needed_field_is_refused_by_its_place(path: JsonPath) -> None:
    data = without_field(envelope_fields(), path)

    with pytest.raises(CodecError) as refusal:
        decode_envelope(data)

    assert str(refusal.value).startswith(place("envelope", path[:1] if path == ("recipients", 0) else path))


_NEEDED_OF_VERDICT: list[JsonPath] = [
    ("mail_id",),
    ("destiny",),
    ("complete",),
    ("reply",),
    ("reply", "code"),
    ("reply", "enhanced"),
    ("reply", "text"),
    ("decided_by",),
    ("decided_by", "category"),
    ("recipients", 0, "address"),
    ("recipients", 0, "destiny"),
    ("recipients", 0, "reply"),
    ("recipients", 0, "reply", "code"),
    ("findings", 0, "category"),
    ("inspectors", 0, "name"),
    ("inspectors", 0, "status"),
    ("header_edits", 0, "action"),
    ("header_edits", 0, "name"),
    ("message",),
    ("message", "size"),
    ("would_be", "destiny"),
]


@pytest.mark.parametrize("path", _NEEDED_OF_VERDICT, ids=str)
def test_a_verdict_without_a_needed_field_is_refused_by_its_place(path: JsonPath) -> None:
    data = without_field(verdict_fields(), path)

    with pytest.raises(CodecError) as refusal:
        decode_verdict(data)

    assert str(refusal.value).startswith(place("verdict", path) + ": want ")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("destiny",), "quarantine"),
        (("recipients", 0, "destiny"), "PASS"),
        (("would_be", "destiny"), "passed"),
        (("inspectors", 0, "status"), "skipped"),
        (("header_edits", 0, "action"), "replace"),
    ],
)
def test_a_word_that_this_version_does_not_know_is_refused_by_name(path: JsonPath, value: str) -> None:
    data = with_field(verdict_fields(), path, value)

    with pytest.raises(CodecError) as refusal:
        decode_verdict(data)

    assert str(refusal.value).startswith(place("verdict", path) + ": want one of ")
    assert str(refusal.value).endswith(f", got {value!r}")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("sender",), None),
        (("sender",), 1),
        (("host",), None),
        (("queue_ids",), "M1"),
        (("queue_ids", 0), 1),
        (("recipients",), {"address": "a@b.example"}),
        (("recipients",), None),
        (("recipients", 0), "a@b.example"),
        (("recipients", 0, "address"), ["a@b.example"]),
        (("recipients", 0, "local"), "yes"),
        (("client",), None),
        (("client",), "192.0.2.1"),
        (("client", "ip"), 3221225985),
        (("authenticated_user",), False),
        (("relay_client",), 1),
        (("relay_client",), None),
        (("probe",), "yes"),
        (("message_size",), -1),
        (("message_size",), 1.0),
        (("message_size",), True),
        (("message_size",), "1"),
    ],
    ids=str,
)
def test_an_envelope_with_a_value_of_the_wrong_type_is_refused_by_its_place(path: JsonPath, value: object) -> None:
    data = with_field(envelope_fields(), path, value)

    with pytest.raises(CodecError) as refusal:
        decode_envelope(data)

    assert str(refusal.value).startswith(place("envelope", path[:-1]))
    assert str(path[-1]) in str(refusal.value)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("destiny",), None),
        (("complete",), "true"),
        (("complete",), 1),
        (("would_be",), "reject"),
        (("reply",), "550 5.7.1 no"),
        (("reply", "code"), "550"),
        (("reply", "code"), 550.0),
        (("reply", "code"), True),
        (("recipients",), "a@b.example"),
        (("recipients", 0), None),
        (("recipients", 0, "categories"), "virus"),
        (("recipients", 0, "replaced_by"), 1),
        (("findings",), {}),
        (("findings", 0, "score"), "high"),
        (("findings", 0, "score"), True),
        (("inspectors", 0, "milliseconds"), None),
        (("spam",), 5.0),
        (("spam", "score"), []),
        (("quarantine", "stored"), 1),
        (("message", "size"), -1),
        (("milliseconds",), [1]),
        (("milliseconds", "total"), "fast"),
    ],
    ids=str,
)
def test_a_verdict_with_a_value_of_the_wrong_type_is_refused_by_its_place(path: JsonPath, value: object) -> None:
    data = with_field(verdict_fields(), path, value)

    with pytest.raises(CodecError) as refusal:
        decode_verdict(data)

    assert str(refusal.value).startswith(place("verdict", path) + ": want ")


@pytest.mark.parametrize(
    ("code", "enhanced", "text"),
    [
        (250, "5.7.1", "codes of two classes"),
        (354, "3.0.0", "no final code"),
        (50, "2.0.0", "would skip the other filters"),
        (550, "5.7.1", "two\nlines"),
        (550, "5.7.1", "caf\u00e9"),
        (550, "5.\u0967.1", "a digit of another script"),
    ],
)
def test_a_verdict_whose_reply_must_not_go_out_is_refused_by_its_place(code: int, enhanced: str, text: str) -> None:
    data = with_field(verdict_fields(), ("reply",), {"code": code, "enhanced": enhanced, "text": text})

    with pytest.raises(CodecError, match=r"^verdict\.reply: "):
        decode_verdict(data)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"null", id="null"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b'"pass"', id="a word"),
        pytest.param(b"200 Ok", id="an SMTP reply"),
        pytest.param(b"<html></html>", id="HTML"),
        pytest.param(b"{", id="cut"),
        pytest.param(b"{}{}", id="two"),
        pytest.param(b"{'sender': ''}", id="Python"),
        pytest.param(b'{"sender": "\xe9"}', id="Latin-1"),
        pytest.param(b'{"sender": "a\nb"}', id="a raw line feed"),
        pytest.param(b'{"x": NaN}', id="not a number"),
        pytest.param(b'{"x": -Infinity}', id="infinite"),
        pytest.param(b'{"x": ' + b"1" * 5000 + b"}", id="a number of 5000 digits"),
        pytest.param(b"[" * 100_000, id="deep lists"),
        pytest.param(b'{"a":' * 100_000 + b"1" + b"}" * 100_000, id="deep objects"),
    ],
)
@pytest.mark.parametrize("decode", [decode_envelope, decode_verdict, decode_decision])
def test_what_is_not_json_of_the_wire_is_refused(decode: Any, data: bytes) -> None:
    with pytest.raises(CodecError, match=r"^(envelope|verdict): want "):
        decode(data)


@pytest.mark.parametrize("decode", [decode_verdict, decode_decision])
@pytest.mark.parametrize("depth", [2, 500, *range(940, 1000, 6)])
def test_a_verdict_in_a_verdict_however_deep_is_read_or_refused(decode: Any, depth: int) -> None:
    needed = {
        name: verdict_fields()[name] for name in ("mail_id", "destiny", "complete", "reply", "decided_by", "message")
    }
    data = (json.dumps(needed).encode()[:-1] + b', "would_be": ') * depth + b"null" + b"}" * depth

    try:
        verdict = decode(data)
    except CodecError:
        return

    assert verdict.would_be is not None


@pytest.mark.parametrize("escape", [r"\ud800", r"\udbff", r"\udc00", r"\udc7f", r"\udd00", r"\udfff", r"a\ud83d!"])
def test_a_lone_surrogate_that_stands_for_no_byte_is_refused(escape: str) -> None:
    data = encode_envelope(Envelope("SENDER", (Recipient("a@b.example"),))).replace(b"SENDER", escape.encode())

    with pytest.raises(CodecError, match=r"^envelope\.sender: want text"):
        decode_envelope(data)


@given(
    st.binary()
    | st.recursive(
        st.none() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(["sender", "recipients", "address", "destiny", "reply", "would_be", "message"]), inner
            )
        ),
    ).map(lambda value: json.dumps(value).encode())
)
def test_whatever_comes_is_read_or_refused(data: bytes) -> None:
    for decode, kind in ((decode_envelope, Envelope), (decode_verdict, Verdict), (decode_decision, Decision)):
        with contextlib.suppress(CodecError):
            assert isinstance(decode(data), kind)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("", id="empty"),
        pytest.param("!", id="no letter of base64"),
        pytest.param("a", id="a length that cannot be"),
        pytest.param("caf\u00e9", id="not ASCII"),
        pytest.param("e30 e30", id="a blank"),
        pytest.param("e30\n", id="a line feed"),
        pytest.param("AAAA", id="base64 of no JSON"),
        pytest.param("e30", id="base64 of an empty object"),
        pytest.param(base64.b64encode(encode_envelope(ENVELOPE)).decode()[:-9], id="cut"),
    ],
)
def test_a_header_that_holds_no_envelope_is_refused(value: str) -> None:
    with pytest.raises(CodecError, match=r"^envelope"):
        decode_envelope_header(value)


@given(st.text())
def test_any_header_is_read_or_refused(value: str) -> None:
    with contextlib.suppress(CodecError):
        assert isinstance(decode_envelope_header(value), Envelope)
