"""What becomes of one recipient's mail, by what was found and what the policy says."""

import pytest

from scanner_service.judge.fate import Facts, fate_of
from scanner_service.judge.policy import Mixed, Policy, SpamLevel
from scanner_service.judge.recipient_policy import RecipientPolicy
from scanner_service.judge.tables import AccessList, AddressKeys, Always, KeyTable, Lookup
from scanner_service.model.finding import ContentCategory, Finding, SubCategory
from verdict_api.envelope import Recipient
from verdict_api.verdict import Destiny

VIRUS = Finding(ContentCategory.VIRUS, "clamd", "Eicar")
BANNED = Finding(ContentCategory.BANNED, "banned", "setup.exe")
EIGHT_BIT = Finding(ContentCategory.BAD_HEADER, "bad_header", "8bit", SubCategory.EIGHT_BIT)
ENCRYPTED = Finding(ContentCategory.UNCHECKED, "decode", "encrypted", SubCategory.ENCRYPTED)
NOT_DONE = Finding(ContentCategory.UNCHECKED, "virus", "not done", SubCategory.NOT_DONE, check=ContentCategory.VIRUS)
TOO_BIG = Finding(ContentCategory.UNCHECKED, "virus", "too big", SubCategory.TOO_BIG_FOR_ENGINE)
HIDING = Finding(ContentCategory.UNCHECKED, "decode", "ambiguous", SubCategory.AMBIGUOUS, hides=True)

POLICY = Policy(
    destinies={
        name: Lookup((Always(f"destinies.{name}", destiny),))
        for name, destiny in {
            "virus": Destiny.REJECT,
            "banned": Destiny.REJECT,
            "spam": Destiny.REJECT,
            "oversized": Destiny.REJECT,
            "unchecked.not_done": Destiny.TEMPFAIL,
            "unchecked.too_big_for_engine": Destiny.REJECT,
        }.items()
    },
    lovers={"virus": Lookup((AccessList.of("lovers.virus", ["lover@example.com"]),))},
    bypass={
        name: Lookup((AccessList.of(f"bypass.{name}", ["bypass@example.com"]),))
        for name in ("virus", "banned", "spam", "spammy")
    },
    spam_levels={
        SpamLevel.TAG2: Lookup((Always("tag2", 5.0),)),
        SpamLevel.KILL: Lookup((KeyTable.of("kill", {"strict@example.com": 6.0}), Always("kill", 12.0))),
    },
    message_size_limit=Lookup((KeyTable.of("size", {"small@example.com": 70_000}),)),
    black_senders=Lookup((Always("black", Lookup((AccessList.of("black", ["bad.example"]),))),)),
    white_senders=Lookup((Always("white", Lookup((AccessList.of("white", ["good.example"]),))),)),
    sender_scores=Lookup((Always("scores", Lookup((KeyTable.of("scores", {"dubious.example": 3.0}),))),)),
)


def decide(
    facts: Facts, address: str = "bob@example.com", policy: Policy = POLICY
) -> tuple[Destiny, tuple[str, ...]]:
    fate = fate_of(facts, Recipient(address), RecipientPolicy(policy, AddressKeys.of(address)))
    return fate.wish.destiny, fate.categories


def from_(address: str, score: float | None = None) -> Facts:
    return Facts(score=score, senders=(AddressKeys.of(address),))


@pytest.mark.parametrize(
    ("facts", "address", "destiny", "categories"),
    [
        (Facts(), "bob@example.com", Destiny.PASS, ()),
        (Facts((EIGHT_BIT,)), "bob@example.com", Destiny.PASS, ("bad_header.8bit",)),
        (Facts((BANNED, VIRUS)), "bob@example.com", Destiny.REJECT, ("virus", "banned")),
        (Facts((VIRUS,)), "lover@example.com", Destiny.PASS, ("virus",)),
        (Facts((VIRUS, BANNED)), "lover@example.com", Destiny.REJECT, ("virus", "banned")),
        (Facts((VIRUS, EIGHT_BIT)), "bypass@example.com", Destiny.PASS, ("bad_header.8bit",)),
        (Facts((NOT_DONE,)), "bob@example.com", Destiny.TEMPFAIL, ("unchecked.not_done",)),
        (Facts((NOT_DONE,)), "bypass@example.com", Destiny.PASS, ()),
        (
            Facts((NOT_DONE, TOO_BIG)),
            "bob@example.com",
            Destiny.REJECT,
            ("unchecked.not_done", "unchecked.too_big_for_engine"),
        ),
        (Facts((ENCRYPTED,)), "bob@example.com", Destiny.PASS, ("unchecked.encrypted",)),
        (Facts((HIDING,)), "bob@example.com", Destiny.REJECT, ("unchecked.ambiguous",)),
        (Facts(score=4.9), "bob@example.com", Destiny.PASS, ()),
        (Facts(score=5.0), "bob@example.com", Destiny.PASS, ("spammy",)),
        (Facts(score=6.0), "strict@example.com", Destiny.REJECT, ("spam",)),
        (Facts(score=99.0), "bypass@example.com", Destiny.PASS, ()),
        (Facts(score=99.0, own_scale=None), "bob@example.com", Destiny.REJECT, ("spam",)),
        (Facts(score=1.0, own_scale=ContentCategory.SPAM), "bob@example.com", Destiny.REJECT, ("spam",)),
        (Facts(size=70_000), "small@example.com", Destiny.PASS, ()),
        (Facts(size=70_001), "small@example.com", Destiny.REJECT, ("oversized",)),
        (from_("x@bad.example"), "bob@example.com", Destiny.REJECT, ("spam",)),
        (from_("x@good.example", 99.0), "bob@example.com", Destiny.PASS, ()),
        (from_("x@dubious.example", 9.0), "bob@example.com", Destiny.REJECT, ("spam",)),
        (from_("x@dubious.example", 3.0), "bob@example.com", Destiny.PASS, ("spammy",)),
    ],
)
def test_what_is_found_and_whose_mail_it_is_decide(
    facts: Facts, address: str, destiny: Destiny, categories: tuple[str, ...]
) -> None:
    assert decide(facts, address) == (destiny, categories)


def test_the_entry_that_decided_is_told() -> None:
    fate = fate_of(Facts((VIRUS,)), Recipient("b@x.example"), RecipientPolicy(POLICY, AddressKeys.of("b@x.example")))

    assert fate.because is not None
    assert (fate.because.table, fate.because.key, fate.decisive) == ("destinies.virus", ".", VIRUS)


def test_a_bank_lies_over_the_policy_key_by_key() -> None:
    bank = Policy(banks=("own_users",), destinies={"spam": Lookup((Always("own_users.spam", Destiny.PASS),))})

    policy = POLICY.under(bank)

    assert decide(Facts(score=99.0), policy=policy) == (Destiny.PASS, ("spam",))
    assert decide(Facts((VIRUS,)), policy=policy)[0] is Destiny.REJECT


def test_what_passes_amid_others_is_by_category_unless_the_policy_says() -> None:
    def mixed(facts: Facts, policy: Policy) -> Mixed:
        return fate_of(
            facts, Recipient("b@x.example"), RecipientPolicy(policy, AddressKeys.of("b@x.example"))
        ).wish.mixed

    assert mixed(Facts((VIRUS,)), POLICY) is Mixed.DISCARD
    assert mixed(Facts(score=50), POLICY) is Mixed.SOFTEST
    assert mixed(Facts(score=50), POLICY.under(Policy(mixed={"spam": Mixed.STRICTEST}))) is Mixed.STRICTEST


@pytest.mark.parametrize(
    ("facts", "notify", "bounces", "may"),
    [
        (Facts((BANNED,)), "", True, True),
        (Facts((BANNED,)), "", None, False),
        (Facts((BANNED,)), "N", True, False),
        (Facts((VIRUS,)), "", True, False),
        (Facts((BANNED,), is_bulk=True), "", True, False),
    ],
)
def test_only_a_known_sender_who_waits_for_an_answer_may_be_told_by_mail(
    facts: Facts, notify: str, bounces: bool | None, may: bool
) -> None:
    policy = RecipientPolicy(POLICY.under(Policy(bounces=bounces)), AddressKeys.of("b@x.example"))

    assert fate_of(facts, Recipient("b@x.example", notify=notify), policy).wish.may_bounce is may
