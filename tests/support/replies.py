"""What a loopback server answers: well, or with a fault on order."""

from __future__ import annotations

import gzip
import hashlib
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

JSON_TYPE = "application/vnd.pypi.simple.v1+json"


@dataclass
class Reply:
    """What a server answers; ``ranges`` and ``compress`` say what may still be done to the body."""

    status: int
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
    ranges: bool = False
    compress: bool = False


@dataclass
class Fault:
    """How to answer instead of well. ``times``: heal after so many answers (None: never).

    kind: "status" (``status``, ``body``), "body" (200 with ``body``), "html" (an HTML error page
    with status 200), "broken-json", "truncate" (half of the body, whole Content-Length), "reset"
    (connection reset before the status line), "redirect-loop", "redirect" (to ``location``), "huge"
    (``size`` bytes without an end in sight), "endless" (zeros follow the good body until the client
    hangs up), "drip" (the good body, in pieces with pauses), "hang" (nothing until the server
    closes).
    """

    kind: str
    status: int = 500
    body: bytes = b"a fault for the tests\n"
    location: str = ""
    size: int = 64 * 1024 * 1024
    headers: dict[str, str] = field(default_factory=dict)
    times: int | None = None


def faulty_reply(fault: Fault, path: str) -> Reply:
    """The answer that a fault gives for a path (with its query)."""
    extra = dict(fault.headers)
    match fault.kind:
        case "status":
            return Reply(fault.status, fault.body, headers=extra)
        case "body":
            return Reply(200, fault.body, "application/octet-stream", extra)
        case "html":
            page = b"<!DOCTYPE html><html><body><h1>Service is under maintenance</h1></body></html>"
            return Reply(200, page, "text/html", extra)
        case "broken-json":
            return Reply(200, b'{"meta": {"api-version": "1.1"}, "files": [{', JSON_TYPE, extra)
        case "huge":
            return Reply(200, b" " * fault.size, JSON_TYPE, extra)
        case "redirect-loop":
            # a new query each time: clients that only compare URLs do not see the loop
            bare = path.partition("?")[0]
            return Reply(302, headers={"Location": f"{bare}?again={time.monotonic_ns()}", **extra})
        case "redirect":
            return Reply(302, headers={"Location": fault.location, **extra})
    raise ValueError(f"unknown fault {fault.kind!r}")


def finish(
    reply: Reply,
    asked: Mapping[str, str],
    *,
    ranges: str,
    compress: bool,
    etag: bool,
    cache_control: str | None,
) -> None:
    """Apply what HTTP adds to a good answer: caching, ranges, compression."""
    if reply.status != 200:
        return
    if cache_control:
        reply.headers["Cache-Control"] = cache_control
    if etag:
        reply.headers["ETag"] = f'"{hashlib.sha256(reply.body).hexdigest()[:32]}"'
        if asked.get("if-none-match") == reply.headers["ETag"]:
            reply.status, reply.body = 304, b""
            return
    if reply.ranges:
        _apply_range(ranges, reply, asked.get("range", ""))
    if reply.compress and compress and "gzip" in asked.get("accept-encoding", ""):
        reply.body = gzip.compress(reply.body, 6, mtime=0)
        reply.headers["Content-Encoding"] = "gzip"
        reply.headers["Vary"] = "Accept, Accept-Encoding"


def _apply_range(mode: str, reply: Reply, wanted: str) -> None:
    if mode == "no":
        return
    reply.headers["Accept-Ranges"] = "bytes"
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", wanted.replace(" ", ""))
    if mode == "ignored" or match is None or not (match[1] or match[2]):
        return
    size = len(reply.body)
    if match[1]:
        first, last = int(match[1]), min(int(match[2] or size - 1), size - 1)
    elif mode == "no-suffix":
        reply.status, reply.body = 501, b"Unsupported client range\n"
        return
    else:
        first, last = max(0, size - int(match[2])), size - 1
    if first > last:
        reply.status, reply.body = 416, b""
        reply.headers["Content-Range"] = f"bytes */{size}"
        return
    reply.status, reply.body = 206, reply.body[first : last + 1]
    reply.headers["Content-Range"] = f"bytes {first}-{last}/{size}"
