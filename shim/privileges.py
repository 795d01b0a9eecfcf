"""Become another user, where the shim was started as root by something else than courierfilter."""

import grp
import os
import pwd

from shim.settings import SettingsError


def find_user(name: str) -> int:
    """Return the id of a user.

    Raises:
        SettingsError: there is none of that name.
    """
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError as error:
        raise SettingsError(f"user: there is no user {name!r}") from error


def find_group(name: str) -> int:
    """Return the id of a group.

    Raises:
        SettingsError: there is none of that name.
    """
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError as error:
        raise SettingsError(f"group: there is no group {name!r}") from error


def become(user_id: int, group_id: int) -> None:
    """Give up root for good."""
    os.setgroups([group_id])
    os.setresgid(group_id, group_id, group_id)
    os.setresuid(user_id, user_id, user_id)
