"""A policy that is not in force yet, as it comes over the interface: read, refused with its faults, never kept."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import TypeAlias

from fastapi import Request

from scanner_service.api.body import read_body
from scanner_service.api.problem import ProblemError
from scanner_service.judge.policy_bank import PolicyBook, PolicyUnavailableError
from verdict_api.http_interface import DRAFT_LIMIT_BYTES, TOML_TYPE

BODY_SECONDS = 30.0  # for a megabyte


class DraftError(ValueError):
    """A draft that cannot be used; ``faults`` have their lines."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class Draft:
    """What a draft says, and the names of its sections that are not about policy."""

    book: PolicyBook
    ignored: tuple[str, ...] = ()


ReadDraft: TypeAlias = Callable[[str], Draft]  # raises DraftError


async def read_small_body(request: Request, limit_bytes: int) -> bytes:
    """Return a body that is no message.

    Raises:
        ProblemError: see read_body; 408 if it does not come to its end.
    """
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return b"".join([piece async for piece in read_body(request, limit_bytes)])
    except TimeoutError as error:
        raise ProblemError(HTTPStatus.REQUEST_TIMEOUT, f"want the whole body within {BODY_SECONDS:g} s") from error


def want_toml(request: Request) -> None:
    """Refuse a body of another type before it is read.

    Raises:
        ProblemError: 415.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != TOML_TYPE:
        raise ProblemError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"Content-Type: want {TOML_TYPE}, got {kind[:40]!a}")


async def receive_draft(request: Request, read_draft: ReadDraft) -> Draft:
    """Return the draft in the body.

    Raises:
        ProblemError: see read_small_body; 422 with ``faults`` if it cannot be used.
    """
    data = await read_small_body(request, DRAFT_LIMIT_BYTES)
    try:
        # A megabyte of TOML takes a second: others are served meanwhile.
        return await asyncio.to_thread(lambda: read_draft(data.decode("utf-8")))
    except UnicodeDecodeError as error:
        raise _unusable([f"draft: want UTF-8: {error}"]) from error
    except PolicyUnavailableError as error:
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, str(error)) from error
    except DraftError as error:
        raise _unusable(error.faults) from error


def _unusable(faults: Sequence[str]) -> ProblemError:
    return ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "the draft cannot be used", faults=list(faults))
