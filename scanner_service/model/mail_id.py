"""Our name for one judged message."""

import re
import secrets

MAIL_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{10}[A-Za-z0-9]")


def new_mail_id() -> str:
    """Return 12 characters of the base64url alphabet, alphanumeric at both ends so that they survive prose."""
    while True:
        mail_id = secrets.token_urlsafe(9)
        if MAIL_ID.fullmatch(mail_id):
            return mail_id
