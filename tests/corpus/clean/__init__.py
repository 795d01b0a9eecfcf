"""The clean corpus: harmless messages as mail programs write them, of which none may be refused.

Every message is written for the purpose, from what is known of how its program writes; none was ever sent. Names and
addresses are of the domains for examples (RFC 2606), everything of chance has a fixed seed, and no clock is read.
"""

from tests.corpus.clean import (
    apple,
    attachments,
    chance,
    lists,
    names,
    outlook,
    programs,
    reports,
    secured,
    shapes,
    thunderbird,
    webmail,
)
from tests.corpus.clean.message import CleanMessage

ORIGINS = (outlook, webmail, apple, thunderbird, lists, reports, programs, secured, attachments, names, shapes)

CLEAN_MESSAGES: tuple[CleanMessage, ...] = tuple(message for origin in ORIGINS for message in origin.MESSAGES)
# Apart: they prove something by their number, and are no messages that anybody wrote.
MESSAGES_OF_CHANCE: tuple[CleanMessage, ...] = tuple(chance.MESSAGES)
