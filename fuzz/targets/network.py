"""What servers say besides the body, the body as it is coded, URLs, and who we are to which
server.
"""

from __future__ import annotations

import gzip
import os
import random
import zlib
from contextlib import suppress
from unittest import mock

import httpx

from micropip_lock._util.url import is_http, is_portable, origin, shown, without_credentials
from micropip_lock.errors import FetchError
from micropip_lock.index.remote_wheel import _etag, _total
from micropip_lock.network import ByteRange, Response
from micropip_lock.network.auth import Credentials, _read_netrc
from micropip_lock.network.body import Body
from micropip_lock.network.exchange import _redirect
from micropip_lock.network.rules import (
    Transient,
    announced,
    check_length,
    check_partial,
    check_status,
    retry_after,
)
from micropip_lock.proof.examination import candidate_at

from ..target import Target, folder, only, promise

URL = "https://files.example/demo-1.0-py3-none-any.whl"
_ASKED: tuple[ByteRange | None, ...] = (None, (None, 100), (0, 99), (50, None), (1000, 1999))


def _body(data: bytes) -> None:
    """Two bytes say the limit and how the wire cuts the rest;

    what is decoded is what gzip makes of it.
    """
    limit = (None, 0, 1, 100, 4096, 1 << 20)[data[0] % 6] if data else None
    rng, wire = random.Random(data[1] if len(data) > 1 else 0), data[2:]
    for coding in ("gzip", " X-GZIP", "identity", ""):
        body = Body(URL, coding, limit)
        with only(Transient):
            position = 0
            while position < len(wire) and not body.overflows:
                step = rng.randrange(1, 200)
                body.feed(wire[position : position + step])
                position += step
                promise(
                    limit is None or len(body._data) <= limit + 200,
                    "more was decoded than is wanted",
                )
            if not body.overflows:
                body.end()
            content, complete = body.result()
            promise(limit is None or len(content) <= limit, "more came than is wanted")
            if complete and coding == "gzip":
                with suppress(zlib.error, OSError, EOFError):
                    promise(gzip.decompress(wire) == content, "gzip decodes it to something else")
            elif complete:
                promise("gzip" in coding.lower() or content == wire, "a body that was changed")
    with only(FetchError):
        Body(URL, data[:20].decode("latin-1"), limit)


def _headers(data: bytes) -> None:
    """Lines of «name: value»; the first one may be a status."""
    headers: dict[str, str] = {}
    for line in data.decode("latin-1").splitlines():
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    status = next(
        (int(name) for name in headers if name.isascii() and name.isdigit() and len(name) == 3), 200
    )
    with only(FetchError, Transient):
        check_status(URL, status, headers)
    promise(retry_after(headers) >= 0, "a wait of less than nothing")
    for skip in (0, 50):
        size = announced(headers, skip)
        promise(size is None or size >= 0, "less than nothing comes")
    for asked in _ASKED:
        for lenient in (False, True):
            with only(FetchError, Transient):
                expected = check_partial(URL, asked, headers, lenient=lenient)
                promise(expected is None or expected >= 0, "a part of less than nothing")
                check_length(URL, expected, 100, True)
    answer = Response(URL, 206, headers, b"")
    _total(answer)
    _etag(answer)
    with only(FetchError):
        location = (
            [(b"location", headers["location"].encode("latin-1"))] if "location" in headers else []
        )
        target = _redirect(httpx.Response(302, headers=location), URL)
        promise(target is None or is_http(target), "a redirect to what is no URL")


def _url(data: bytes) -> None:
    """Nothing raises, and nothing shows a password."""
    text = data.decode("utf-8", "surrogateescape")
    for url in (text, f"https://u:p4ssw0rd@{text}", f"git+https://u:p4ssw0rd@{text}"):
        visible = shown(url)
        promise(visible.isprintable(), "what is shown cannot be printed")
        if "p4ssw0rd" not in text:
            promise("p4ssw0rd" not in visible, "a password is shown")
            promise("p4ssw0rd" not in without_credentials(url), "a password is left")
        home = origin(url)
        promise(not is_http(url) or home is not None, "an http URL without a host")
        promise(not is_portable(url) or is_http(url), "a portable place that is no http URL")
        is_portable(url, text)
        credentials = Credentials(use_netrc=False)
        bare = credentials.take(url)
        credentials.header(bare)
        credentials.wanting(bare)
        if is_http(url):
            promise(is_http(bare) and origin(bare) == home, "another host without credentials")
            candidate = candidate_at(url, "direct-url", "0" * 64)
            promise(
                "?" not in candidate.url and "#" not in candidate.url,
                "a query that would be written",
            )


def _netrc(data: bytes) -> None:
    with folder() as place:
        (place / "netrc").write_bytes(data)
        with mock.patch.dict(os.environ, {"NETRC": str(place / "netrc")}):
            for host, header in _read_netrc().items():
                promise(host == host.lower() and header.startswith("Basic "), "no header")


_GZIP = gzip.compress(b"hello " * 100, mtime=0)
_BODIES = [
    b"\0\0" + _GZIP,
    b"\3\1" + _GZIP,
    b"\4\2" + _GZIP + _GZIP,
    b"\1\0" + _GZIP[:30],
    b"\5\0" + _GZIP + b"\0\0",
    b"\2\0plain",
    b"\4\0" + gzip.compress(bytes(100_000), mtime=0),
    b"\0\0\x1f\x8b\x08\x1c" + bytes(6) + b"\1\0x\0name\0comment\0",
]
_HEADERS = [
    b'206:\nContent-Range: bytes 0-99/2000\nETag: "x"\n',
    b'206:\nContent-Range: bytes 1900-1999/2000\nETag: W/"x"\nContent-Encoding: gzip\n',
    b"206:\nContent-Range: bytes 50-99/*\nContent-Length: 50\n",
    b"503:\nRetry-After: 120\n",
    b"429:\nRetry-After: Wed, 21 Oct 2026 07:28:00 GMT\n",
    b"302:\nLocation: //user:password@other.example/x?y#z\n",
    b"999:\nContent-Length: 12\nContent-Encoding: identity\n",
]
_URLS = [
    b"https://user:password@index.example:8443/simple/?token=1#x",
    b"h.example/x.whl?sha256=" + b"0" * 64,
    b"[::1]:80/x",
    b"http://127.0.0.1/",
    b"http://10.0.0.1/./a/./b.whl",
    b"//h.example",
    b"file:///c:/x",
    b"data:text/plain,x",
    b"user:pw@h:80/x",
    b"http://[::ffff:10.0.0.1%25eth0]/",
    b"https://xn--bcher-kva.example./x",
    b"C:\\x\\y",
    b"http://0x7f.1/",
    b"git+ssh://git@h/x",
]


def _big_headers(size: int) -> dict[str, bytes]:
    return {
        "digits": b"Content-Range: bytes 0-" + b"9" * size + b"/" + b"9" * size + b"\n",
        "content-length": b"206:\nContent-Length: " + b"9" * size + b"\n",
        "retry-after digits": b"503:\nRetry-After: " + b"9" * size + b"\n",
        "retry-after": b"503:\nRetry-After: " + b"Wed, " * (size // 5) + b"\n",
        "retry-after colons": b"503:\nRetry-After: 1 Jan 2026 " + b"1:" * (size // 2) + b"\n",
        "retry-after comments": b"503:\nRetry-After: " + b"(" * size + b"\n",
        "location": b"302:\nLocation: " + b"../" * (size // 3) + b"\n",
        "spaces": b"Content-Range: bytes 0-1/" + b" " * size + b"x\n",
    }


def _big_url(size: int) -> dict[str, bytes]:
    letters = (
        b"@",
        b":",
        b"/",
        b"./",
        b"[",
        b"%",
        b"a.",
        b"-",
        b"?",
        b"#",
        b"\\",
        b"\n",
        b"1",
        b"//",
        b"a:b@",
        b"\xff",
    )
    cases = {f"{letter!r}": letter * (size // len(letter)) for letter in letters}
    return {
        **cases,
        **{f"path {name}": b"http://h.example/" + text for name, text in cases.items()},
    }


TARGETS = (
    Target(
        "body",
        "a coded body",
        _body,
        ("fetch/_body",),
        "bytes",
        _BODIES,
        ["\x1f", "\x08", "\0\0\0\0"],
        lambda size: {
            "bomb": b"\5\0" + gzip.compress(bytes(size * 10), mtime=0),
            "members": b"\5\0" + gzip.compress(b"", mtime=0) * (size // 20),
            "plain": b"\5\0" + b"x" * size,
            "header": b"\5\0\x1f\x8b\x08\x10" + bytes(6) + b"x" * size,
        },
    ),
    Target(
        "headers",
        "Content-Range, Retry-After, Location …",
        _headers,
        ("fetch/_rules", "fetch/_exchange"),
        "text",
        _HEADERS,
        [
            "Content-Range: bytes ",
            "Content-Length: ",
            "Retry-After: ",
            "Location: ",
            "ETag: ",
            "/*",
            "W/",
            "GMT",
            "-0000",
            "+9999",
        ],
        _big_headers,
    ),
    Target(
        "url",
        "URLs, and the credentials in them",
        _url,
        ("url", "fetch/_credentials"),
        "text",
        _URLS,
        [
            "http://",
            "https://",
            "//",
            "@",
            ":",
            "[",
            "]",
            "?",
            "#",
            "%25",
            "%",
            "xn--",
            "localhost",
            "127.0.0.1",
            "::1",
            "u:p@",
            "./",
        ],
        _big_url,
        2048,
    ),
    Target(
        "netrc",
        "netrc",
        _netrc,
        ("fetch/_credentials",),
        "text",
        [
            b"machine h.example login me password secret\ndefault login a password b\n",
            b"machine h\naccount x\nmacdef m\n\n# c\n",
        ],
        ["machine ", "login ", "password ", "account ", "macdef ", "default ", "#", '"', "\\"],
        lambda size: {
            "one word": b"a" * size,
            "machines": b"machine h login a password b\n" * (size // 29),
            "quotes": b'machine h login "' + b"\\" * size,
            "macro": b"macdef m\n" + b"x\n" * (size // 2),
        },
    ),
)
