"""The page on policy in SQL works as it stands, over each database."""

import asyncio
import re
import tomllib
from pathlib import Path

import pytest
from pydantic import ValidationError

from scanner_service.settings import PolicySql
from scanner_service.storage.policy_rows import PolicyRow, sql_policy_rows
from tests.scanner_service.storage.databases import Database

PAGE = (Path(__file__).parents[3] / "docs/how_to/keep_policy_in_sql.md").read_text()

# The columns that matter here, as amavisd-new's README.sql-pg has them; in SQLite types bind nothing.
TABLES_OF_AMAVISD = """
CREATE TABLE users (id SERIAL PRIMARY KEY, priority INTEGER NOT NULL DEFAULT 7, policy_id INTEGER NOT NULL,
  email VARCHAR(255) NOT NULL UNIQUE, fullname VARCHAR(255));
CREATE TABLE mailaddr (id SERIAL PRIMARY KEY, email VARCHAR(255) NOT NULL UNIQUE);
CREATE TABLE wblist (rid INTEGER NOT NULL, sid INTEGER NOT NULL, wb VARCHAR(10) NOT NULL, PRIMARY KEY (rid, sid));
CREATE TABLE policy (id SERIAL PRIMARY KEY, policy_name VARCHAR(32), virus_lover CHAR(1), spam_lover CHAR(1),
  banned_files_lover CHAR(1), bad_header_lover CHAR(1), bypass_virus_checks CHAR(1), bypass_spam_checks CHAR(1),
  bypass_banned_checks CHAR(1), bypass_header_checks CHAR(1), spam_tag_level REAL, spam_tag2_level REAL,
  spam_kill_level REAL, message_size_limit INTEGER);
INSERT INTO policy (id, policy_name, virus_lover, spam_lover, bypass_spam_checks, spam_tag2_level, spam_kill_level)
  VALUES (1, 'Lab', 'Y', 'N', NULL, NULL, NULL), (2, 'Strict', NULL, NULL, 'y', 4.5, 6.9);
INSERT INTO policy (id, policy_name, message_size_limit) VALUES (3, 'Small', 70000);
INSERT INTO users (id, policy_id, email) VALUES (1, 1, 'lab@example.com'), (2, 2, '@example.com'),
  (3, 3, '@.example.net'), (4, 3, 'root'), (5, 3, '@.');
INSERT INTO mailaddr (id, email) VALUES (1, 'friend@example.org'), (2, '@.spammers.example'), (3, 'news');
INSERT INTO wblist (rid, sid, wb) VALUES (1, 1, 'W'), (1, 2, 'B'), (2, 3, '-1.5'), (2, 1, ' ');
"""


def section(heading: str) -> str:
    """Return the example under a heading."""
    found = re.search(rf"^## {heading}\n.*?^```sql\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


def load(url: str) -> set[PolicyRow]:
    async def run() -> tuple[PolicyRow, ...]:
        rows = sql_policy_rows(url, "couriergate_policy", 30)
        try:
            return await rows.load()
        finally:
            await rows.aclose()

    return set(asyncio.run(run()))


def test_the_table_takes_the_settings(database: Database) -> None:
    database.run(section("Make the table") + section("Write settings"))

    rows = load(database.url)

    assert len(rows) == 8
    assert PolicyRow("destinies.banned", ".example.com", None, "discard") in rows
    assert PolicyRow("sender_scores", "example.com", "news.example.net", "-2") in rows


def test_the_view_makes_our_rows_of_amavisds_tables(database: Database) -> None:
    database.run(TABLES_OF_AMAVISD + section("Take over the tables of amavisd-new"))

    rows = load(database.url)

    assert rows == {
        PolicyRow("lovers.virus", "lab@example.com", None, "true"),
        PolicyRow("lovers.spam", "lab@example.com", None, "false"),
        PolicyRow("bypass.spam", "example.com", None, "true"),
        PolicyRow("spam_levels.tag2", "example.com", None, "4.5"),
        PolicyRow("spam_levels.kill", "example.com", None, "6.9"),
        PolicyRow("message_size_limit", ".example.net", None, "70000"),
        PolicyRow("message_size_limit", "root@", None, "70000"),
        PolicyRow("message_size_limit", ".", None, "70000"),
        PolicyRow("white_senders", "lab@example.com", "friend@example.org", "true"),
        PolicyRow("black_senders", "lab@example.com", ".spammers.example", "true"),
        PolicyRow("sender_scores", "example.com", "news@", "-1.5"),
    }


def test_the_settings_of_the_page_can_be_used() -> None:
    [example] = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)

    settings = PolicySql.model_validate(tomllib.loads(example)["policy"]["sql"])

    assert (settings.table, settings.refresh_seconds) == ("couriergate_policy", 30)


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "mysql://u:geheim@h/d"},
        {"url": "sqlite:///relative"},
        {"url": "sqlite:////x", "table": "a b"},
        {"url": "sqlite:////x", "table": "a;b"},
        {"url": "sqlite:////x", "refresh_seconds": 0},
    ],
)
def test_settings_that_cannot_work_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as error:
        PolicySql.model_validate(wrong)

    assert "geheim" not in error.value.errors()[0]["msg"]
