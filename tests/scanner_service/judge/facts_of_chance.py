"""Facts of every kind, for property tests of what keeps them and judges them again."""

from hypothesis import strategies as st

from scanner_service.judge.facts import Facts
from scanner_service.model.finding import ContentCategory, Finding, SubCategory
from scanner_service.model.spam_points import SpamPoints
from scanner_service.model.spam_score import SpamLevels, SpamScore
from tests.verdict_api.wire_values import envelopes, texts
from verdict_api.verdict import AuthenticationResult

_categories = st.sampled_from(ContentCategory)
_scores = st.floats(allow_nan=False)
_tuples_of_texts = st.lists(texts, max_size=3).map(tuple)

findings = st.builds(
    Finding,
    category=_categories.filter(lambda one: one is not ContentCategory.CLEAN),
    inspector=texts,
    name=texts,
    sub_category=st.none() | st.sampled_from(SubCategory),
    part=st.none() | texts,
    detail=texts,
    hides=st.booleans(),
    rule=texts,
    sha256=texts,
    check=st.none() | _categories,
    observed=st.booleans(),
)
_spam = st.builds(
    SpamScore,
    engine=texts,
    score=_scores,
    tests=_tuples_of_texts,
    category=st.sampled_from([None, ContentCategory.SPAMMY, ContentCategory.SPAM]),
    levels=st.builds(SpamLevels, _scores, _scores),
    required=_scores,
    fields=st.lists(st.tuples(texts, texts), max_size=2).map(tuple),
)
facts_of_chance = st.builds(
    Facts,
    mail_id=st.from_regex(r"[A-Za-z0-9]{12}", fullmatch=True),
    envelope=envelopes,
    size=st.integers(0, 2**40),
    findings=st.lists(findings, max_size=3).map(tuple),
    spam=st.none() | _spam,
    spam_points=st.lists(st.builds(SpamPoints, texts, _scores), max_size=2).map(tuple),
    authors=_tuples_of_texts,
    bulk=texts,
    authentication=st.lists(st.builds(AuthenticationResult, texts, texts, texts, texts), max_size=2).map(tuple),
    listener=texts,
    token=st.none() | texts,
)
