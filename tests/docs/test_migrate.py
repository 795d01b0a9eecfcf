"""Who comes from another filter finds all of its settings and modules, and the example does what it says."""

import re
import subprocess
from pathlib import Path

import pytest

from scanner_service.judge.policy_bank import PolicyBook
from scanner_service.model.finding import ContentCategory, Finding
from scanner_service.model.spam_score import SpamLevels, SpamScore
from scanner_service.policy_choice import choose_policies
from scanner_service.settings import load_settings
from tests.documentation import blocks, first_cells
from tests.scanner_service.judge.policies import BANNED, EIGHT_BIT, NOT_DONE, OVER_LIMITS, VIRUS, envelope_to, judged
from verdict_api.envelope import Client, Envelope
from verdict_api.verdict import Destiny

SETTINGS = "docs/reference/amavisd_settings.md"
FROM_AMAVISD = "docs/how_to/migrate/from_amavisd.md"
FROM_PYTHONFILTER = "docs/how_to/migrate/from_courier_pythonfilter.md"
TABLES = "/etc/couriergate/tables"

# Those with an effect on what becomes of mail, by amavisd-new's own list of its variables (amavisd.conf-default).
VARIABLES = """
D_PASS D_REJECT D_BOUNCE D_DISCARD D_TEMPFAIL
$final_virus_destiny $final_banned_destiny $final_spam_destiny $final_bad_header_destiny $final_unchecked_destiny
%final_destiny_by_ccat %final_destiny_maps_by_ccat %smtp_reason_by_ccat $soft_bounce
$warnbannedsender $warnbadhsender @viruses_that_fake_sender_maps
@virus_lovers_maps @banned_files_lovers_maps @spam_lovers_maps @bad_header_lovers_maps @unchecked_lovers_maps
@bypass_virus_checks_maps @bypass_banned_checks_maps @bypass_spam_checks_maps @bypass_header_checks_maps
@whitelist_sender_maps @blacklist_sender_maps @score_sender_maps
$sa_tag_level_deflt $sa_tag2_level_deflt $sa_tag3_level_deflt $sa_kill_level_deflt
@spam_tag_level_maps @spam_tag2_level_maps @spam_tag3_level_maps @spam_kill_level_maps
$sa_dsn_cutoff_level @spam_dsn_cutoff_level_maps $sa_crediblefrom_dsn_cutoff_level
$sa_quarantine_cutoff_level @spam_quarantine_cutoff_level_maps @spam_notifyadmin_cutoff_level_maps
$sa_mail_body_size_limit $sa_local_tests_only @sa_userconf_maps @sa_username_maps @spam_scanners
@virus_name_to_spam_score_maps @virus_name_to_policy_bank_maps @message_size_limit_maps
$banned_filename_re @banned_filename_maps %banned_rules $banned_namepath_re
@av_scanners @av_scanners_backup $virus_scanners_failure_is_fatal $first_infected_stops_scan
@decoders $MAXLEVELS $MAXFILES $MIN_EXPANSION_QUOTA $MAX_EXPANSION_QUOTA %allowed_header_tests
$undecipherable_subject_tag
%policy_bank @mynetworks $originating @client_ipaddr_policy %interface_policy @author_to_policy_bank_maps
@local_domains_maps $recipient_delimiter $localpart_is_case_sensitive
@addr_extension_virus_maps @addr_extension_banned_maps @addr_extension_spam_maps @addr_extension_bad_header_maps
$sa_spam_subject_tag @spam_subject_tag2_maps @spam_subject_tag3_maps %subject_tag_maps_by_ccat
$X_HEADER_TAG $X_HEADER_LINE $remove_existing_spam_headers %allowed_added_header_fields
$defang_virus $defang_banned $defang_spam $allow_disclaimers
$virus_quarantine_method $banned_files_quarantine_method $spam_quarantine_method $bad_header_quarantine_method
@virus_quarantine_to_maps @banned_quarantine_to_maps @spam_quarantine_to_maps @bad_header_quarantine_to_maps
$archive_quarantine_method $QUARANTINEDIR $quarantine_subdir_levels
$release_method $requeue_method $release_format $auth_required_release
@virus_admin_maps @banned_admin_maps @spam_admin_maps @bad_header_admin_maps @newvirus_admin_maps
$warnvirusrecip $warnbannedrecip $warnbadhrecip $mailfrom_notify_admin $hdrfrom_notify_admin
$notify_virus_admin_templ $notify_virus_recips_templ $notify_sender_templ $notify_method $forward_method
$log_templ $log_recip_templ $log_level $do_syslog @debug_sender_maps $enable_db
$enable_dkim_verification $enable_dkim_signing $penpals_bonus_score $bounce_killer_score $os_fingerprint_method
@signer_reputation_maps @lookup_sql_dsn @storage_sql_dsn @storage_redis_dsn $sql_select_policy $enable_ldap
$unix_socketname $inet_socket_port @inet_acl $max_servers $max_requests $child_timeout
$daemon_user $daemon_chroot_dir $MYHOME $TEMPBASE $myhostname $mydomain $courierfilter_shutdown
"""
MODULES = """
add_signature attachments auto_whitelist clamav comeagain debug deliveredto dialback greylist localsenders log_aliases
noduplicates noreceivedheaders nosuccessdsn privateaddr quota ratelimit ratelimitauth sentfolder spamassassin spfcheck
whitelist_auth whitelist_block whitelist_dnswl whitelist_relayclients whitelist_spf
"""


def test_each_variable_of_amavisd_new_has_its_row() -> None:
    told = {span for cell in first_cells(SETTINGS) for span in re.findall(r"`([^`]+)`", cell)}

    assert [name for name in VARIABLES.split() if name not in told] == []


def test_each_module_of_pythonfilter_has_its_row() -> None:
    rows = [span for cell in first_cells(FROM_PYTHONFILTER) for span in re.findall(r"^`([^`]+)`$", cell)]

    assert rows == MODULES.split()


def test_a_hash_file_with_values_becomes_the_list_that_the_page_makes_of_it(tmp_path: Path) -> None:
    (tmp_path / "lovers").write_text("# who wants it\n.example.com 1\nboss@example.com\t0\n\nann@example.org\n")
    (recipe,) = blocks(SETTINGS, "sh")
    (tmp_path / "new").mkdir()

    subprocess.run(["sh", "-ec", recipe.replace(TABLES, str(tmp_path / "new"))], cwd=tmp_path, check=True, timeout=30)

    assert (tmp_path / "new/lovers").read_text() == "!boss@example.com\n.example.com\nann@example.org\n"


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> PolicyBook:
    """The policy of the example on the page, with a file of white senders."""
    folder = tmp_path_factory.mktemp("tables")
    (folder / "white_senders").write_text("good.example\n")
    text = next(one for one in blocks(FROM_AMAVISD, "toml") if "white_senders" in one)
    (folder / "scanner.toml").write_text(text.replace(TABLES, str(folder)))
    return choose_policies(load_settings(folder / "scanner.toml", {}))


def mail(to: str = "bob", sender: str = "x@y.example", client: str = "192.0.2.25", **more: object) -> Envelope:
    """The envelope of a mail to users of the example's domain, as ``bob ann`` or whole addresses."""
    recipients = [one if "@" in one else f"{one}@example.com" for one in to.split()]
    return envelope_to(*recipients, sender=sender, client=Client(client), **more)


def scored(score: float) -> SpamScore:
    """What spamd says."""
    levels = SpamLevels()
    return SpamScore("spamd", score, (), levels.category_of(score), levels, levels.tag2)


PARTNER, OWN = "203.0.113.7", "198.51.100.7"
ARCHIVE = Finding(ContentCategory.BANNED, "banned", "a.zip", rule="no_archives: archives")
BANNED_FOR_TILL = Finding(ContentCategory.BANNED, "banned", "a.exe", rule="no_archives: windows program")


@pytest.mark.parametrize(
    ("envelope", "finding", "destiny"),
    [
        (mail(), VIRUS, Destiny.DISCARD),
        (mail("lab"), VIRUS, Destiny.PASS),
        (mail(client=OWN, relay_client=True), VIRUS, Destiny.DISCARD),
        (mail(), BANNED, Destiny.REJECT),
        (mail("archive"), BANNED, Destiny.PASS),
        (mail("archive"), VIRUS, Destiny.DISCARD),
        (mail(client=PARTNER), BANNED, Destiny.PASS),
        (mail(client=PARTNER), VIRUS, Destiny.DISCARD),
        (mail("till"), ARCHIVE, Destiny.REJECT),
        (mail("till"), BANNED_FOR_TILL, Destiny.REJECT),
        (mail("till", client=PARTNER), ARCHIVE, Destiny.PASS),
        (mail(), ARCHIVE, Destiny.PASS),
        (mail(), EIGHT_BIT, Destiny.PASS),
        (mail(), NOT_DONE, Destiny.TEMPFAIL),
        (mail(), OVER_LIMITS, Destiny.REJECT),
    ],
)
def test_the_example_does_with_what_is_found_what_its_amavisd_conf_meant(
    example: PolicyBook, envelope: Envelope, finding: Finding, destiny: Destiny
) -> None:
    assert judged(example, finding, to=envelope).destiny is destiny


@pytest.mark.parametrize(
    ("envelope", "score", "destiny", "categories"),
    [
        (mail(), 6.1, Destiny.PASS, ()),
        (mail(), 6.2, Destiny.PASS, ("spammy",)),
        (mail(), 8.9, Destiny.PASS, ("spammy",)),
        (mail(), 9.0, Destiny.REJECT, ("spam",)),
        (mail("boss"), 14.9, Destiny.PASS, ("spammy",)),
        (mail("boss"), 15.0, Destiny.REJECT, ("spam",)),
        (mail("till"), 6.2, Destiny.REJECT, ("spam",)),
        (mail("abuse"), 99.0, Destiny.PASS, ()),
        (mail("abuse@elsewhere.example"), 99.0, Destiny.PASS, ()),
        (mail("dev@a.lists.example.com"), 99.0, Destiny.PASS, ()),
        (mail(sender="x@good.example"), 99.0, Destiny.PASS, ()),
        (mail(sender="x@casino.example"), 0.0, Destiny.REJECT, ("spam",)),
        (mail(sender="x@news.example.net"), 11.9, Destiny.PASS, ("spammy",)),
        (mail(sender="x@news.example.net"), 12.0, Destiny.REJECT, ("spam",)),
        (mail(sender="x@a.promo.example"), 5.0, Destiny.REJECT, ("spam",)),
        (mail(client=OWN, relay_client=True), 19.9, Destiny.PASS, ("spammy",)),
        (mail(client=OWN, relay_client=True), 20.0, Destiny.REJECT, ("spam",)),
        (mail("boss", client=OWN, relay_client=True), 15.0, Destiny.PASS, ("spammy",)),
    ],
)
def test_the_example_has_the_levels_and_senders_of_its_amavisd_conf(
    example: PolicyBook, envelope: Envelope, score: float, destiny: Destiny, categories: tuple[str, ...]
) -> None:
    judgement = judged(example, to=envelope, spam=scored(score))

    assert judgement.destiny is destiny
    assert judgement.recipients[0].categories == categories


@pytest.mark.parametrize(
    ("envelope", "size", "destiny"),
    [
        (mail("fax"), 2_097_152, Destiny.PASS),
        (mail("fax"), 2_097_153, Destiny.REJECT),
        (mail(), 200_000_000, Destiny.PASS),
        (mail("fax", client=PARTNER), 104_857_600, Destiny.PASS),
        (mail(client=PARTNER), 104_857_601, Destiny.REJECT),
    ],
)
def test_the_example_has_the_sizes_of_its_amavisd_conf(
    example: PolicyBook, envelope: Envelope, size: int, destiny: Destiny
) -> None:
    assert judged(example, to=envelope, size=size).destiny is destiny


def test_the_example_tags_spam_and_files_it_for_who_wants_that(example: PolicyBook) -> None:
    judgement = judged(example, to=mail("eve bob"), spam=scored(7.0))

    assert [one.replaced_by for one in judgement.recipients] == ["eve-spam@example.com", None]
    assert (judgement.tags.subject_tag, judgement.tags.is_spam, judgement.tags.tag_level) == ("[spam?]", True, 2.0)


@pytest.mark.parametrize(
    ("to", "finding", "score", "destinies"),
    [
        ("bob lab", VIRUS, 0.0, (Destiny.DISCARD, Destiny.PASS)),
        ("bob archive", BANNED, 0.0, (Destiny.DISCARD, Destiny.PASS)),
        ("bob boss", EIGHT_BIT, 12.0, (Destiny.PASS, Destiny.PASS)),
        ("till bob", ARCHIVE, 0.0, (Destiny.DISCARD, Destiny.PASS)),
    ],
)
def test_where_recipients_differ_the_example_bounces_nothing_to_strangers(
    example: PolicyBook, to: str, finding: Finding, score: float, destinies: tuple[Destiny, ...]
) -> None:
    judgement = judged(example, finding, to=mail(to), spam=scored(score))

    assert judgement.reply.code == 200
    assert tuple(one.destiny for one in judgement.recipients) == destinies


@pytest.fixture(scope="module")
def private() -> str:
    """The lines below ``[policy]`` of the example of private addresses."""
    text = next(one for one in blocks(FROM_PYTHONFILTER, "toml") if "black_senders" in one)
    return text.replace("[policy.black_senders]", "[black_senders]")


@pytest.mark.parametrize(
    ("to", "sender", "destiny"),
    [
        ("staff", "x@y.example", Destiny.REJECT),
        ("staff", "ann@sub.example.com", Destiny.PASS),
        ("staff", "", Destiny.PASS),
        ("bob", "x@y.example", Destiny.PASS),
    ],
)
def test_a_private_address_is_reached_by_its_senders_alone(
    private: str, to: str, sender: str, destiny: Destiny
) -> None:
    assert judged(private, to=mail(to, sender=sender)).destiny is destiny
