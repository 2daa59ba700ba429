from __future__ import annotations

import asyncio
import gzip
import logging
import os
import socket
from base64 import b64encode
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from micropip_lock.errors import FetchError, InputError, MicropipLockError
from micropip_lock.network import ByteRange, Response
from micropip_lock.network.client import Clients, ssl_context
from micropip_lock.network.httpx_fetcher import HttpxFetcher

from .serving import Answer, Asked, Server, ranged

T = TypeVar("T")

GZIP = {"Content-Encoding": "gzip"}


class Naps:
    """Remembers the waits instead of waiting."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def fetching(
    use: Callable[[HttpxFetcher], Awaitable[T]], configured: Sequence[str] = (), **options: Any
) -> T:
    async def main() -> T:
        fetcher = HttpxFetcher(**{"sleep": Naps()} | options)
        fetcher.configure(configured)
        try:
            return await use(fetcher)
        finally:
            await fetcher.aclose()

    return asyncio.run(main())


def get(
    url: str, byte_range: ByteRange | None = None, max_bytes: int = 1 << 20, **options: Any
) -> Response:
    return fetching(
        lambda fetcher: fetcher.get(url, byte_range=byte_range, max_bytes=max_bytes), **options
    )


def refused(url: str, byte_range: ByteRange | None = None, **options: Any) -> FetchError:
    with pytest.raises(FetchError) as caught:
        get(url, byte_range, **options)
    assert caught.value.url in str(caught.value)
    return caught.value


def with_userinfo(url: str, userinfo: str) -> str:
    return url.replace("://", f"://{userinfo}@")


def basic(userinfo: str) -> str:
    return "Basic " + b64encode(userinfo.encode()).decode()


# What is sent, and what comes back


def test_get(server: Server) -> None:
    server.answers["/a"] = Answer(200, b"content", {"X-Name": "value"})
    url = f"{server.origin}/a"
    response = fetching(
        lambda fetcher: fetcher.get(f"{url}#fragment", accept="text/html", max_bytes=100)
    )
    assert (response.url, response.status, response.body, response.complete) == (
        url,
        200,
        b"content",
        True,
    )
    assert response.received == 7
    assert response.headers["x-name"] == "value"
    [asked] = server.log
    assert asked.headers["accept"] == "text/html"
    assert asked.headers["accept-encoding"] == "gzip"
    assert "authorization" not in asked.headers and "cookie" not in asked.headers


def test_head(server: Server) -> None:
    server.answers["/a"] = Answer(200, b"content")
    response = fetching(lambda fetcher: fetcher.head(f"{server.origin}/a"))
    assert (response.status, response.headers["content-length"], response.body) == (200, "7", b"")
    assert server.log[0].headers["accept-encoding"] == "identity"


def test_connections_are_used_again(server: Server) -> None:
    server.answers["/a"] = Answer(200, b"content")

    async def use(fetcher: HttpxFetcher) -> None:
        for _ in range(3):
            await fetcher.get(f"{server.origin}/a", max_bytes=100)

    fetching(use)
    assert (len(server.log), server.connections) == (3, 1)


@pytest.mark.parametrize("status", [404, 410, 416])
def test_statuses_that_are_answers(server: Server, status: int) -> None:
    server.answers["/a"] = Answer(status, b"nothing here")
    response = get(f"{server.origin}/a")
    assert (response.status, response.found) == (status, status == 416)


def test_gzip(server: Server) -> None:
    packed = gzip.compress(b"x" * 5000) + gzip.compress(b"y")
    server.answers["/a"] = Answer(200, packed, GZIP)
    response = get(f"{server.origin}/a")
    assert response.body == b"x" * 5000 + b"y"
    assert response.received == len(packed)
    assert "content-encoding" not in response.headers and "content-length" not in response.headers


def test_gzip_is_cut_before_it_is_unpacked(server: Server) -> None:
    server.answers["/a"] = Answer(200, gzip.compress(bytes(50_000_000)), GZIP)
    response = get(f"{server.origin}/a", max_bytes=1000)
    assert (len(response.body), response.complete) == (1000, False)


def test_a_body_of_exactly_max_bytes_is_complete(server: Server) -> None:
    for headers, body in (({}, b"x" * 1000), (GZIP, gzip.compress(b"x" * 1000))):
        server.answers["/a"] = Answer(200, body, headers)
        response = get(f"{server.origin}/a", max_bytes=1000)
        assert (len(response.body), response.complete) == (1000, True)


def test_a_coding_that_was_not_asked_for(server: Server) -> None:
    server.answers["/a"] = Answer(200, b"x", {"Content-Encoding": "br"})
    assert "'br'" in str(refused(f"{server.origin}/a"))


# Ranges


@pytest.mark.parametrize(
    ("byte_range", "header", "body"),
    [
        ((2, 4), "bytes=2-4", b"234"),
        ((7, None), "bytes=7-", b"789"),
        ((None, 3), "bytes=-3", b"789"),
    ],
)
def test_ranges(server: Server, byte_range: ByteRange, header: str, body: bytes) -> None:
    server.answers["/a"] = ranged(b"0123456789")
    response = get(f"{server.origin}/a", byte_range)
    assert (response.status, response.body, response.complete) == (206, body, True)
    assert server.log[0].headers["range"] == header
    assert server.log[0].headers["accept-encoding"] == "identity"


def test_ranges_at_the_edges(server: Server) -> None:
    server.answers["/a"] = ranged(b"0123456789")
    assert get(f"{server.origin}/a", (None, 99)).body == b"0123456789"
    assert get(f"{server.origin}/a", (8, 99)).body == b"89"
    assert get(f"{server.origin}/a", (10, 99)).status == 416
    cut = get(f"{server.origin}/a", (0, 9), max_bytes=4)
    assert (cut.body, cut.complete) == (b"0123", False)


def test_a_range_answered_with_everything_is_read_no_further(server: Server) -> None:
    server.answers["/a"] = Answer(200, b"x" * 65536, endless=True)
    response = get(f"{server.origin}/a", (None, 1000), max_bytes=1000)
    assert (response.status, len(response.body), response.complete) == (200, 1000, False)
    assert response.received <= 1 << 17
    assert server.hung_up.wait(10)


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({}, "no Content-Range"),
        ({"Content-Range": "bytes */10"}, "cannot be read"),
        ({"Content-Range": "bytes 3-5/10"}, "other bytes"),
        ({"Content-Range": "bytes 2-9/10"}, "other bytes"),
        ({"Content-Range": "bytes 2-3/10"}, "other bytes"),
        ({"Content-Range": "bytes 2-4/3"}, "other bytes"),
        ({"Content-Range": "bytes 2-4/10", **GZIP}, "compressed"),
    ],
)
def test_wrong_partial_answers(server: Server, headers: dict[str, str], message: str) -> None:
    server.answers["/a"] = Answer(206, b"234", headers)
    assert message in str(refused(f"{server.origin}/a", (2, 4)))
    assert len(server.log) == 1


def test_a_partial_answer_that_nobody_asked_for(server: Server) -> None:
    server.answers["/a"] = Answer(206, b"234", {"Content-Range": "bytes 2-4/10"})
    assert "without such a request" in str(refused(f"{server.origin}/a"))


def test_a_partial_body_of_another_length(server: Server) -> None:
    good = Answer(206, b"234", {"Content-Range": "bytes 2-4/10"})
    bad = Answer(206, b"23", {"Content-Range": "bytes 2-4/10"})
    server.answers["/a"] = [bad, good]
    assert get(f"{server.origin}/a", (2, 4)).body == b"234"
    server.answers["/a"] = bad
    assert "2 bytes came where Content-Range promised 3" in str(
        refused(f"{server.origin}/a", (2, 4))
    )


# Errors and retries


def test_a_server_error_that_passes(server: Server) -> None:
    server.answers["/a"] = [Answer(500), Answer(503), Answer(200, b"content")]
    naps = Naps()
    assert get(f"{server.origin}/a", sleep=naps, delays=(1, 3)).body == b"content"
    assert naps.seconds == [1, 3]


def test_a_server_error_that_stays(server: Server) -> None:
    server.answers["/a"] = Answer(500)
    error = refused(f"{server.origin}/a")
    assert error.code == "unreachable"
    assert "500 Internal Server Error (3 tries)" in str(error)
    assert len(server.log) == 3


def test_retry_after(server: Server) -> None:
    busy = [
        Answer(429, headers={"Retry-After": "7"}),
        Answer(503, headers={"Retry-After": "soon"}),
        Answer(200),
    ]
    server.answers["/a"] = busy
    naps = Naps()
    assert get(f"{server.origin}/a", sleep=naps, delays=(1, 3)).status == 200
    assert naps.seconds == [7, 3]


@pytest.mark.parametrize("value", ["3600", "Fri, 31 Dec 2100 23:59:59 GMT"])
def test_a_retry_after_that_is_too_long(server: Server, value: str) -> None:
    server.answers["/a"] = Answer(429, headers={"Retry-After": value})
    assert "asks to wait" in str(refused(f"{server.origin}/a"))
    assert len(server.log) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_not_allowed(server: Server, status: int) -> None:
    server.answers["/a"] = Answer(status)
    error = refused(f"{server.origin}/a")
    assert error.code == "not-allowed"
    assert "netrc" in str(error)
    assert len(server.log) == 1


@pytest.mark.parametrize("status", [204, 304, 400, 405, 418, 499])
def test_other_statuses(server: Server, status: int) -> None:
    server.answers["/a"] = Answer(status)
    error = refused(f"{server.origin}/a")
    assert (error.code, str(status) in str(error), len(server.log)) == ("unreachable", True, 1)


@pytest.mark.parametrize(
    "broken",
    [
        Answer(200, b"half", length=8),
        Answer(200, gzip.compress(b"content")[:-9], GZIP),
        Answer(200, b"no gzip", GZIP),
    ],
)
def test_broken_bodies(server: Server, broken: Answer) -> None:
    server.answers["/a"] = [broken, Answer(200, b"content")]
    assert get(f"{server.origin}/a").body == b"content"
    server.answers["/a"] = broken
    assert refused(f"{server.origin}/a").code == "unreachable"


def test_connection_refused() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    naps = Naps()
    error = refused(f"http://127.0.0.1:{port}/a", sleep=naps)
    assert (error.code, len(naps.seconds)) == ("unreachable", 2)
    assert "no connection" in str(error)


def test_a_server_that_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/a"
        assert "took too long" in str(refused(url, idle=0.01))
        assert "within 0.01 seconds" in str(refused(url, total=0.01))


@pytest.mark.parametrize(
    "url", ["ftp://index.example/a", "a/b", "https://", "emfs:/a.whl", "http://a:b@c:d/e?f"]
)
def test_what_cannot_be_asked(url: str) -> None:
    with pytest.raises(FetchError, match="not an http"):
        get(url)


def test_no_secret_in_messages(server: Server) -> None:
    url = with_userinfo(server.origin, "user:secret") + "/a?token=secret#secret"
    for status in (401, 418, 500, 302):
        server.answers["/a"] = Answer(status, headers={"Location": "/a?token=secret"})
        error = refused(url)
        chain: list[BaseException] = [error]
        while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None:
            chain.append(cause)
        assert not [one for one in chain if "secret" in str(one)]
        assert error.url == f"{server.origin}/a"


def test_no_secret_in_the_log(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    get(with_userinfo(server.origin, "user:secret") + "/a?token=secret#secret")
    assert f"GET {server.origin}/a " in caplog.text
    assert "secret" not in caplog.text


# Redirects


def test_redirects(server: Server, other: Server) -> None:
    server.answers["/a"] = Answer(301, headers={"Location": "b?c=d"})
    server.answers["/b"] = Answer(307, headers={"Location": f"{other.origin}/e#f"})
    other.answers["/e"] = Answer(200, b"content")
    response = get(f"{server.origin}/a")
    assert (response.body, response.url, response.requests) == (b"content", f"{other.origin}/e", 3)
    assert server.paths() == ["/a", "/b?c=d"]


def test_a_redirect_loop(server: Server) -> None:
    server.answers["/a"] = Answer(302, headers={"Location": "/b"})
    server.answers["/b"] = Answer(302, headers={"Location": "/a"})
    assert "in a loop" in str(refused(f"{server.origin}/a"))
    assert len(server.log) == 2


def test_redirects_without_end(server: Server) -> None:
    def further(asked: Asked) -> Answer:
        return Answer(302, headers={"Location": f"/a?{int(asked.path.partition('?')[2] or 0) + 1}"})

    server.answers["/a"] = further
    assert "more than 10 times" in str(refused(f"{server.origin}/a"))
    assert len(server.log) == 11


@pytest.mark.parametrize("location", ["file:///etc/hosts", "data:,a", "http://[", "mailto:a@b"])
def test_a_redirect_to_elsewhere(server: Server, location: str) -> None:
    server.answers["/a"] = Answer(302, headers={"Location": location})
    assert "not an http(s) URL" in str(refused(f"{server.origin}/a"))


# Credentials


def test_userinfo_becomes_an_authorization(server: Server) -> None:
    server.answers["/a"] = Answer(200)
    response = get(with_userinfo(server.origin, "user%40home:p%3Ass") + "/a")
    assert server.log[0].headers["authorization"] == basic("user@home:p:ss")
    assert response.url == f"{server.origin}/a"


def test_credentials_stay_with_their_origin(server: Server, other: Server) -> None:
    server.answers["/simple/"] = Answer(302, headers={"Location": f"{other.origin}/simple/"})
    other.answers["/simple/"] = Answer(302, headers={"Location": f"{server.origin}/back/"})
    server.answers["/back/"] = Answer(200)

    async def use(fetcher: HttpxFetcher) -> None:
        await fetcher.get(with_userinfo(server.origin, "user:secret") + "/simple/", max_bytes=100)
        await fetcher.get(f"{server.origin}/back/", max_bytes=100)

    fetching(use)
    assert [asked.headers.get("authorization") for asked in server.log] == [
        basic("user:secret")
    ] * 3
    assert "authorization" not in other.log[0].headers


def test_a_redirect_brings_no_credentials(server: Server) -> None:
    server.answers["/a"] = Answer(
        302, headers={"Location": with_userinfo(server.origin, "user:secret") + "/b"}
    )
    server.answers["/b"] = Answer(200)
    get(f"{server.origin}/a")
    assert "authorization" not in server.log[1].headers


def test_two_credentials_on_one_origin(server: Server) -> None:
    async def use(fetcher: HttpxFetcher) -> None:
        await fetcher.get(
            with_userinfo(server.origin, "one:1") + "/group/one/simple/", max_bytes=100
        )
        await fetcher.get(
            with_userinfo(server.origin, "two:2") + "/group/two/simple/", max_bytes=100
        )
        await fetcher.get(f"{server.origin}/group/one/a.whl", max_bytes=100)
        await fetcher.get(f"{server.origin}/group/two/a.whl", max_bytes=100)

    fetching(use)
    sent = [asked.headers["authorization"] for asked in server.log]
    assert sent == [basic(one) for one in ("one:1", "two:2", "one:1", "two:2")]


@pytest.mark.parametrize("by_variable", [True, False])
def test_netrc(
    server: Server,
    clean_environment: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    by_variable: bool,
) -> None:
    path = tmp_path / "netrc" if by_variable else clean_environment / ".netrc"
    path.write_text(
        "machine 127.0.0.1 login user password secret\ndefault login other password other\n"
    )
    path.chmod(0o600)
    if by_variable:
        monkeypatch.setenv("NETRC", str(path))
    server.answers["/a"] = Answer(302, headers={"Location": f"http://localhost:{server.port}/b"})
    get(f"{server.origin}/a", configured=[server.origin, f"http://localhost:{server.port}"])
    assert server.log[0].headers["authorization"] == basic("user:secret")
    # Not even the default of netrc goes to a host that it does not name.
    assert "authorization" not in server.log[1].headers
    get(with_userinfo(server.origin, "own:own") + "/b")
    assert server.log[2].headers["authorization"] == basic("own:own")


#: An origin that a request goes to, and what the user configured: whether netrc's password for that
#: host goes there.
ORIGINS = [
    ("http://files.example", ["http://files.example/simple"], True),
    ("http://files.example", ["http://FILES.example:80/simple"], True),
    ("http://files.example:8080", ["http://files.example:8080"], True),
    ("https://files.example:8443", ["https://us:pw@files.example:8443/simple/"], True),
    ("https://files.example", [], True),
    ("https://FILES.example:443", ["http://other.example"], True),
    ("https://b\u00fccher.example", [], True),
    ("http://b\u00fccher.example", ["http://xn--bcher-kva.example/simple"], True),
    ("https://[::1]", [], True),
    ("http://[::1]:8080", ["http://[::1]:8080/simple"], True),
    ("http://files.example", [], False),
    ("http://files.example", ["https://files.example/simple"], False),
    ("http://files.example:443", ["https://files.example/simple"], False),
    ("http://files.example:8080", ["http://files.example/simple"], False),
    ("https://files.example:8443", ["https://files.example/simple"], False),
    ("https://files.example:80", ["http://files.example/simple"], False),
    ("https://files.example.", [], False),
    ("http://[::1]:8080", ["http://[::1]/simple"], False),
    # Nor is the default for any host, configured or not.
    ("https://other.example", [], False),
    ("https://other.example", ["https://other.example/simple"], False),
    ("https://files.example.other.example", [], False),
]


@pytest.mark.parametrize(("origin", "configured", "sent"), ORIGINS)
def test_where_a_password_of_netrc_goes(
    origin: str,
    configured: list[str],
    sent: bool,
    clean_environment: Path,
    by_proxy: list[httpx.Request],
) -> None:
    names = ["Files.example", "b\u00fccher.example", "::1"]
    lines = [f"machine {name} login user password secret\n" for name in names]
    (clean_environment / ".netrc").write_text(
        "".join([*lines, "default login other password other\n"])
    )
    get(f"{origin}/a", configured=configured)
    [asked] = by_proxy
    assert asked.headers.get("authorization") == (basic("user:secret") if sent else None)


@pytest.fixture
def by_proxy(monkeypatch: pytest.MonkeyPatch) -> list[httpx.Request]:
    """What would be sent to hosts that are not there."""
    asked: list[httpx.Request] = []

    async def send(self: Clients, request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(404, request=request, stream=httpx.ByteStream(b""))

    monkeypatch.setattr(Clients, "send", send)
    return asked


def test_a_redirect_takes_no_password_to_another_port(
    server: Server, other: Server, clean_environment: Path
) -> None:
    (clean_environment / ".netrc").write_text("machine 127.0.0.1 login user password secret\n")
    server.answers["/a"] = Answer(302, headers={"Location": f"{other.origin}/b"})
    other.answers["/b"] = Answer(302, headers={"Location": f"{server.origin}/c"})
    get(f"{server.origin}/a", configured=[server.origin])
    assert [asked.headers.get("authorization") for asked in server.log] == [
        basic("user:secret")
    ] * 2
    assert "authorization" not in other.log[0].headers


def test_what_is_configured_is_read_when_a_password_is_wanted(
    server: Server, clean_environment: Path
) -> None:
    read = []

    def configuration() -> list[str]:
        read.append(1)
        return [server.origin]

    def broken() -> list[str]:
        raise MicropipLockError("no configuration")

    async def use(fetcher: HttpxFetcher) -> None:
        fetcher.configure(configuration)
        fetcher.configure(broken)
        await fetcher.get(f"{server.origin}/a", max_bytes=100)

    fetching(use)
    assert (read, "authorization" in server.log[0].headers) == ([], False)
    (clean_environment / ".netrc").write_text("machine 127.0.0.1 login user password secret\n")
    fetching(use)
    assert (read, server.log[1].headers["authorization"]) == ([1], basic("user:secret"))


def test_a_user_in_the_url_comes_before_netrc(server: Server, clean_environment: Path) -> None:
    (clean_environment / ".netrc").write_text("machine 127.0.0.1 login user password secret\n")
    for userinfo in ("own:own", "token:", "token"):
        get(with_userinfo(server.origin, userinfo) + "/a", configured=[server.origin])
    sent = [asked.headers["authorization"] for asked in server.log]
    assert sent == [basic("own:own"), basic("token:"), basic("token:")]


def test_a_broken_netrc_is_passed_over(server: Server, clean_environment: Path) -> None:
    (clean_environment / ".netrc").write_text("nonsense")
    assert get(f"{server.origin}/a").status == 404
    assert "authorization" not in server.log[0].headers


# Settings of the environment


@pytest.mark.parametrize("kind", ["pipe", "zero"])
def test_a_netrc_that_is_no_file(kind: str, server: Server, clean_environment: Path) -> None:
    path = clean_environment / ".netrc"
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    server.answers["/a"] = Answer(200, b"body")
    assert get(f"{server.origin}/a").body == b"body"


def test_a_proxy_is_used(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", server.origin)
    server.answers["http://index.example/a"] = Answer(200, b"by proxy")
    assert get("http://index.example/a").body == b"by proxy"


def test_a_proxy_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "nonsense://user:secret@proxy.example")
    with pytest.raises(InputError, match="proxy") as caught:
        get("http://index.example/a")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("variable", ["PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
def test_certificates_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str
) -> None:
    monkeypatch.delenv("SSL_CERT_DIR")
    assert ssl_context().get_ca_certs()
    monkeypatch.setenv(variable, str(tmp_path))
    assert not ssl_context().get_ca_certs()
    os.mkfifo(tmp_path / "pipe")
    for name in ("missing.pem", "pipe"):
        monkeypatch.setenv(variable, str(tmp_path / name))
        with pytest.raises(InputError, match=variable):
            ssl_context()


# Streams


async def streamed(fetcher: HttpxFetcher, url: str, start: int = 0) -> bytes:
    async with fetcher.stream(url, start=start) as pieces:
        return b"".join([piece async for piece in pieces])


def test_stream(server: Server) -> None:
    body = bytes(range(256)) * 1000
    server.answers["/a"] = ranged(body)
    url = f"{server.origin}/a"
    assert fetching(lambda fetcher: streamed(fetcher, url)) == body
    assert fetching(lambda fetcher: streamed(fetcher, url, 1000)) == body[1000:]
    assert [asked.headers.get("range") for asked in server.log] == [None, "bytes=1000-"]


def test_stream_from_a_server_without_ranges(server: Server) -> None:
    body = bytes(range(256)) * 1000
    server.answers["/a"] = Answer(200, body)
    assert (
        fetching(lambda fetcher: streamed(fetcher, f"{server.origin}/a", 200_000)) == body[200_000:]
    )


def test_stream_opens_again_after_an_error(server: Server) -> None:
    server.answers["/a"] = [Answer(500), Answer(200, b"content")]
    assert fetching(lambda fetcher: streamed(fetcher, f"{server.origin}/a")) == b"content"


@pytest.mark.parametrize(
    "answer", [Answer(404), Answer(416), Answer(200, b"half", length=8), Answer(206, b"x")]
)
def test_stream_errors(server: Server, answer: Answer) -> None:
    server.answers["/a"] = answer
    with pytest.raises(FetchError):
        fetching(lambda fetcher: streamed(fetcher, f"{server.origin}/a"))


def test_an_error_in_a_stream_is_seen_inside(server: Server) -> None:
    server.answers["/a"] = Answer(200, b"half", length=8)

    async def use(fetcher: HttpxFetcher) -> bytes:
        async with fetcher.stream(f"{server.origin}/a") as pieces:
            read = b""
            with pytest.raises(FetchError, match="broke"):
                async for piece in pieces:
                    read += piece
            return read

    assert fetching(use) == b"half"


def test_leaving_a_stream_hangs_up(server: Server) -> None:
    server.answers["/a"] = Answer(200, b"x" * 65536, endless=True)

    async def use(fetcher: HttpxFetcher) -> None:
        async with fetcher.stream(f"{server.origin}/a") as pieces:
            async for _ in pieces:
                break

    fetching(use)
    assert server.hung_up.wait(10)


# Many at a time


def test_jobs_bound_the_requests(server: Server) -> None:
    server.answers["/a"] = Answer(200, b"content")

    async def use(fetcher: HttpxFetcher) -> list[Response]:
        async def package() -> Response:
            # Tasks that gather themselves must neither wait for each other nor multiply the
            # connections.
            both = await fetcher.gather(
                fetcher.get(f"{server.origin}/a", max_bytes=100) for _ in range(2)
            )
            return both[0]

        return await fetcher.gather(package() for _ in range(20))

    assert len(fetching(use, jobs=3)) == 20
    assert len(server.log) == 40
    assert server.connections <= 3


def test_an_error_stops_the_others(server: Server) -> None:
    server.answers["/a"] = Answer(200, b"x" * 65536, endless=True)
    server.answers["/b"] = Answer(403)

    async def use(fetcher: HttpxFetcher) -> None:
        urls = [f"{server.origin}/a", f"{server.origin}/b"]
        await fetcher.gather(fetcher.get(url, max_bytes=1 << 40) for url in urls)

    with pytest.raises(FetchError, match="403"):
        fetching(use)
    assert server.hung_up.wait(10)
