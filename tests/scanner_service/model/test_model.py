"""The words of the service."""

import pytest

from scanner_service.model.finding import ContentCategory, Finding, SubCategory
from scanner_service.model.mail_id import MAIL_ID, new_mail_id


def test_mail_ids_are_twelve_characters_and_alphanumeric_at_both_ends() -> None:
    mail_ids = {new_mail_id() for _ in range(5000)}

    assert len(mail_ids) == 5000
    assert all(MAIL_ID.fullmatch(mail_id) and mail_id[0].isalnum() and mail_id[-1].isalnum() for mail_id in mail_ids)
    assert all(len(mail_id) == 12 for mail_id in mail_ids)
    assert set("-_") <= set("".join(mail_ids))


@pytest.mark.parametrize("text", ["", "b7kQ2sX9aLm", "b7kQ2sX9aLmP1", "-7kQ2sX9aLmP", "b7kQ2sX9aLm_", "b7kQ2s+9aLmP"])
def test_other_texts_are_no_mail_ids(text: str) -> None:
    assert not MAIL_ID.fullmatch(text)


def test_categories_rise_from_clean_to_virus() -> None:
    words = [category.word for category in sorted(ContentCategory)]

    assert words == ["clean", "oversized", "bad_header", "spammy", "spam", "unchecked", "banned", "virus"]


def test_a_sub_category_stands_behind_its_category() -> None:
    plain = Finding(ContentCategory.VIRUS, "clamd", "x")
    within = Finding(ContentCategory.UNCHECKED, "decode", "x", SubCategory.OVER_LIMITS)

    assert plain.full_category == "virus"
    assert within.full_category == "unchecked.over_limits"
