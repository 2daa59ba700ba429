"""The rules of every fetcher: which status is an answer, which range is right, when to retry."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from .._util.url import shown
from ..errors import FetchError, GoneError, Reason
from .fetcher import MISSING, ByteRange

T = TypeVar("T")

#: The statuses that a `Response` may have.
USABLE = MISSING | {200, 206, 416}

#: Seconds to wait before the second and the third try.
RETRY_DELAYS = (0.5, 2.0)

#: The longest Retry-After in seconds that is waited for; a longer one is reported as an error.
RETRY_AFTER_BOUND = 60.0

#: Seconds without a byte, and seconds for a whole request, after which it is given up.
IDLE_SECONDS = 30.0
TOTAL_SECONDS = 300.0

#: How many requests run at a time unless the caller sets another number.
JOBS = 24


#: A number of bytes; Python does not convert one of thousands of digits.
_NUMBER = re.compile(r"[0-9]{1,20}")


class Transient(Exception):
    """A try that failed in a way that may pass. Never leaves this package: see `with_retries`."""

    def __init__(self, message: str, *, reason: Reason = "bad-answer", wait: float = 0.0) -> None:
        super().__init__(message)
        self.reason = reason
        self.wait = wait


async def with_retries(
    attempt: Callable[[], Awaitable[T]],
    *,
    url: str,
    delays: Sequence[float],
    sleep: Callable[[float], Awaitable[None]],
) -> T:
    """Await ``attempt()`` until it is not `Transient`, at most once more than there are ``delays``.

    Raises `FetchError` when the last try fails, or when the server asks for a longer wait than
    `RETRY_AFTER_BOUND`.
    """
    tries = len(delays) + 1
    for number, delay in enumerate((*delays, None), start=1):
        try:
            return await attempt()
        except Transient as transient:
            if delay is None or transient.wait > RETRY_AFTER_BOUND:
                count = "" if number == 1 else f" ({number} tries)"
                message = f"{transient}{count}"
                # The library's own error, which --verbose shows.
                cause = transient.__cause__
                raise FetchError(message, url=shown(url), reason=transient.reason) from cause
            pause = max(delay, transient.wait)
        await sleep(pause)
    raise AssertionError(f"{tries} tries ended without an answer or an error")


def check_status(url: str, status: int, headers: Mapping[str, str]) -> None:
    """Return for a usable status; raise `Transient` or `FetchError` for any other."""
    if status in USABLE:
        return
    said = f"{shown(url)}: the server answers {status}{_phrase(status)}"
    if status in (401, 403):
        hint = (
            "put credentials for it into the index URL, netrc or keyring, or check that they may "
            "read this"
        )
        raise FetchError(f"{said}; {hint}", url=shown(url), reason="not-allowed")
    # 501 says that it will never be done: suffix ranges, for instance.
    if status in (408, 429) or (status >= 500 and status != 501):
        wait = retry_after(headers)
        if wait > RETRY_AFTER_BOUND:
            said += f" and asks to wait {wait:.0f} seconds; try again then"
        raise Transient(said, wait=wait)
    raise FetchError(f"{said}, which is no answer to this request; check the URL", url=shown(url))


def nothing_to_download(url: str, status: int) -> FetchError:
    """The error for a stream whose usable status has no body to read."""
    message = f"{shown(url)}: there is nothing to download ({status})"
    if status in MISSING:
        return GoneError(message, url=shown(url))
    return FetchError(message, url=shown(url))


def _phrase(status: int) -> str:
    from http import HTTPStatus  # fifty members take a while

    try:
        return f" {HTTPStatus(status).phrase}"
    except ValueError:
        return ""


def retry_after(headers: Mapping[str, str]) -> float:
    """The seconds of a Retry-After header (RFC 9110, 10.2.3); 0 without a readable one."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    if not value:
        return 0.0
    # Rare, and not cheap to import in a browser.
    import time
    from email.utils import parsedate_to_datetime

    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return 0.0


def range_header(byte_range: ByteRange) -> str:
    """The value of a Range header."""
    first, last = byte_range
    return f"bytes={'' if first is None else first}-{'' if last is None else last}"


def check_partial(
    url: str, asked: ByteRange | None, headers: Mapping[str, str], *, lenient: bool = False
) -> int | None:
    """Check the head of a 206 answer; return the number of body bytes it promises.

    ``lenient`` allows a missing Content-Range, which a browser hides unless the server exposes
    it; the result is then the Content-Length, or None. Raises `FetchError`.
    """
    where = shown(url)

    def wrong(what: str) -> FetchError:
        return FetchError(
            f"{where}: the answer to a range request {what}; its server or proxy is broken",
            url=where,
        )

    if asked is None:
        raise wrong("came without such a request")
    if headers.get("content-encoding", "identity") != "identity":
        raise wrong("is compressed, so that its offsets mean nothing")
    value = headers.get("content-range")
    if value is None:
        if lenient:
            length = headers.get("content-length", "")
            return int(length) if _NUMBER.fullmatch(length) else None
        raise wrong("has no Content-Range")
    match = re.fullmatch(r"bytes ([0-9]{1,20})-([0-9]{1,20})/([0-9]{1,20}|\*)", value.strip())
    if match is None:
        raise wrong("has a Content-Range that cannot be read")
    first, last = int(match[1]), int(match[2])
    total = None if match[3] == "*" else int(match[3])
    if (
        last < first
        or (total is not None and last >= total)
        or not _as_asked(asked, first, last, total)
    ):
        raise wrong(
            f"holds other bytes than the ones asked for ({range_header(asked)}, {value.strip()})"
        )
    return last - first + 1


def _as_asked(asked: ByteRange, first: int, last: int, total: int | None) -> bool:
    start, end = asked
    if start is None:
        count = end or 0
        if total is None:
            return last - first + 1 <= count
        return last == total - 1 and first == max(0, total - count)
    if first != start or (end is not None and last > end):
        return False
    # RFC 9110, 14.2: an end beyond the resource, or none, means its last byte. Less than that would
    # pass for all of it.
    return total is None or last == (total - 1 if end is None else min(end, total - 1))


def announced(headers: Mapping[str, str], skip: int) -> int | None:
    """How many bytes of a body will come after the first ``skip``, as far as Content-Length
    says.
    """
    length = headers.get("content-length", "")
    if not _NUMBER.fullmatch(length) or headers.get("content-encoding", "identity") != "identity":
        return None
    return max(0, int(length) - skip)


def check_length(url: str, expected: int | None, body_length: int, complete: bool) -> None:
    """Raise `Transient` when a partial body has another length than its Content-Range says."""
    if expected is None or body_length == expected or (not complete and body_length < expected):
        return
    raise Transient(
        f"{shown(url)}: {body_length} bytes came where Content-Range promised {expected}"
    )
