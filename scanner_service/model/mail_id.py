"""Our name for one judged message."""

import re
import secrets
import string

_ENDS = string.ascii_letters + string.digits
_MIDDLE = _ENDS + "-_"
MAIL_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{10}[A-Za-z0-9]")


def new_mail_id() -> str:
    """Return 12 characters of the base64url alphabet, alphanumeric at both ends so that they survive prose."""
    return secrets.choice(_ENDS) + "".join(secrets.choice(_MIDDLE) for _ in range(10)) + secrets.choice(_ENDS)
