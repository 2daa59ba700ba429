from __future__ import annotations

import asyncio
import json
import sys
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from micropip_lock.errors import FetchError
from micropip_lock.network import keyring as _keyring
from micropip_lock.network.httpx_fetcher import HttpxFetcher

from .serving import Answer, Asked, Server

PASSWORD = "s3cret"
Command = Callable[[str], Path]


def private(*logins: str) -> Callable[[Asked], Answer]:
    """A page for these users; each is "user:password"."""
    known = ["Basic " + b64encode(login.encode()).decode() for login in logins]
    return lambda asked: (
        Answer(200, b"page") if asked.headers.get("authorization") in known else Answer(401)
    )


def ask(
    *urls: str, at_once: bool = False, configured: tuple[str, ...] | None = None
) -> list[int | str]:
    """The status of each, or the code of the error;

    one fetcher for all. The user configured them, or others.
    """

    async def one(fetcher: HttpxFetcher, url: str) -> int | str:
        try:
            return (await fetcher.get(url, max_bytes=1000)).status
        except FetchError as error:
            assert PASSWORD not in f"{error!r} {error.__cause__!r} {error.__context__!r}"
            return error.code

    async def main() -> list[int | str]:
        fetcher = HttpxFetcher(delays=())
        fetcher.configure(urls if configured is None else configured)
        try:
            if at_once:
                return list(await asyncio.gather(*(one(fetcher, url) for url in urls)))
            return [await one(fetcher, url) for url in urls]
        finally:
            await fetcher.aclose()

    return asyncio.run(main())


@pytest.fixture(autouse=True)
def no_setting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither a setting, nor the keyring of the machine."""
    for name in ("PIP_KEYRING_PROVIDER", "UV_KEYRING_PROVIDER", "PIP_NO_INPUT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setitem(sys.modules, "keyring", None)  # importing it is an ImportError
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """Puts a `keyring` on PATH that runs Python code; gives the log of its arguments."""
    log, script = tmp_path / "keyring.log", tmp_path / "bin" / "keyring"
    script.parent.mkdir()

    def make(code: str) -> Path:
        head = (
            "import json, sys, time\nargs = sys.argv[1:]\nprint(json.dumps(args), "
            f"file=open({str(log)!r}, 'a'))\n"
        )
        script.write_text(f"#!{sys.executable} -IS\n{head}{code}\n")
        script.chmod(0o755)
        return log

    return make


def calls(log: Path) -> list[list[str]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


class Library(ModuleType):
    """An importable `keyring`."""

    def __init__(
        self, passwords: dict[tuple[str, str], str], *, error: Exception | None = None
    ) -> None:
        super().__init__("keyring")
        self.passwords = passwords
        self.error = error
        self.asked: list[tuple[str, str | None]] = []

    def get_credential(self, service: str, user: str | None) -> SimpleNamespace | None:
        self.asked.append((service, user))
        if self.error is not None:
            raise self.error
        found = [
            (name, word)
            for (at, name), word in self.passwords.items()
            if at == service and user in (None, name)
        ]
        return SimpleNamespace(username=found[0][0], password=found[0][1]) if found else None


def install(library: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", library)


# Where it is looked up


def test_the_names_that_a_password_may_be_kept_under(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers["/simple/demo/"] = server.answers["/files/a.whl"] = private()
    host = server.origin.removeprefix("http://")
    install(library := Library({}), monkeypatch)
    assert ask(f"{server.origin}/simple/demo/?token={PASSWORD}") == ["not-allowed"]
    services = [f"{server.origin}/simple/", f"{server.origin}/simple", host]
    assert library.asked == [(service, None) for service in services]
    library.asked.clear()
    assert ask(server.origin.replace("//", "//me@") + "/files/a.whl") == ["not-allowed"]
    assert library.asked == [
        (service, "me") for service in (f"{server.origin}/files/", f"{server.origin}/files", host)
    ]


@pytest.mark.parametrize("place", ["{origin}/simple/", "{origin}/simple", "{host}"])
@pytest.mark.parametrize("user", ["", "me@"])
def test_the_library(
    place: str, user: str, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers["/simple/demo/"] = server.answers["/files/a.whl"] = private(f"me:{PASSWORD}")
    service = place.format(origin=server.origin, host=server.origin.removeprefix("http://"))
    install(Library({(service, "me"): PASSWORD}), monkeypatch)
    page = server.origin.replace("//", f"//{user}") + "/simple/demo/"
    assert ask(page, page, f"{server.origin}/files/a.whl") == [200, 200, 200]
    # The first request finds out that a password is wanted; what comes after has it.
    assert len(server.log) == 4


def test_a_release_document_belongs_to_the_index_beside_it(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers["/team/pypi/demo/1.0/json"] = private(f"me:{PASSWORD}")
    install(Library({(f"{server.origin}/team/simple/", "me"): PASSWORD}), monkeypatch)
    assert ask(f"{server.origin}/team/pypi/demo/1.0/json") == [200]


def test_a_library_that_cannot_be_asked_without_a_user(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers["/simple/demo/"] = private(f"me:{PASSWORD}")
    old = ModuleType("keyring")
    old.get_password = lambda service, user: PASSWORD if user == "me" else None  # type: ignore[attr-defined]
    install(old, monkeypatch)
    assert ask(f"{server.origin}/simple/demo/") == ["not-allowed"]
    assert ask(server.origin.replace("//", "//me@") + "/simple/demo/") == [200]


def test_the_command(server: Server, command: Command) -> None:
    server.answers["/simple/demo/"] = private(f"me:{PASSWORD}")
    url = f"{server.origin}/simple/demo/"
    log = command(
        f"""print(json.dumps({{"username": "me", "password": {PASSWORD!r}}}) if "creds" in args else "no")"""
    )
    assert ask(url) == [200]
    assert calls(log) == [
        ["--mode", "creds", "--output", "json", "get", f"{server.origin}/simple/"]
    ]
    log.unlink()
    command(f"print({PASSWORD!r}) if args[2:] == ['me'] else sys.exit(1)")
    assert ask(url.replace("//", "//me@")) == [200]
    assert calls(log) == [["get", f"{server.origin}/simple/", "me"]]


def test_a_command_cannot_ask_the_user(server: Server, command: Command) -> None:
    server.answers["/simple/demo/"] = private(f"me:{PASSWORD}")
    log = command("print(input('Password: '))")
    assert ask(server.origin.replace("//", "//me@") + "/simple/demo/") == ["not-allowed"]
    assert len(calls(log)) == 3


def test_a_name_is_no_option_of_the_command(server: Server, command: Command) -> None:
    server.answers["/simple/demo/"] = private(f"--help:{PASSWORD}")
    log = command(f"print({PASSWORD!r})")
    assert ask(server.origin.replace("//", "//--help@") + "/simple/demo/") == ["not-allowed"]
    assert not log.exists()


# What fails is «no credentials»


@pytest.mark.parametrize(
    "code",
    [
        "sys.exit(1)",
        f"print({PASSWORD!r}, file=sys.stderr); sys.exit(2)",
        "",
        "print('null')",
        "print('{}')",
        f"print({PASSWORD!r})",
        """print('{"username": "me", "password": ""}')""",
        """print('{"username": null, "password": 7}')""",
        "sys.stdout.buffer.write(bytes([0xff, 0xfe]))",
        "raise KeyError",
    ],
)
def test_a_command_that_fails(
    code: str, server: Server, command: Command, capfd: pytest.CaptureFixture[str]
) -> None:
    server.answers["/simple/demo/"] = private(f"me:{PASSWORD}")
    log = command(code)
    assert ask(f"{server.origin}/simple/demo/") == ["not-allowed"]
    assert calls(log)
    assert len(server.log) == 1
    assert capfd.readouterr() == ("", "")


def test_a_command_that_does_not_answer(
    server: Server, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers["/simple/demo/"] = private(f"me:{PASSWORD}")
    log = command("time.sleep(600)")
    monkeypatch.setattr(_keyring, "_SECONDS", 0.5)
    assert ask(f"{server.origin}/simple/demo/") == ["not-allowed"]
    # Under the other names it would be the same. It may have been too slow to even leave a note.
    assert not log.exists() or len(calls(log)) == 1


def test_a_file_that_is_no_program(server: Server, command: Command, tmp_path: Path) -> None:
    server.answers["/simple/demo/"] = private(f"me:{PASSWORD}")
    command("")
    (tmp_path / "bin" / "keyring").write_bytes(b"\x7fELF but not really")
    assert ask(f"{server.origin}/simple/demo/") == ["not-allowed"]


@pytest.mark.parametrize(
    "error", [RuntimeError(PASSWORD), OSError(PASSWORD), AttributeError(PASSWORD)]
)
def test_a_library_that_fails_leaves_it_to_the_command(
    error: Exception, server: Server, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers["/simple/demo/"] = private(f"me:{PASSWORD}")
    install(library := Library({}, error=error), monkeypatch)
    assert ask(f"{server.origin}/simple/demo/") == ["not-allowed"]
    assert len(library.asked) == 1
    command(f"""print(json.dumps({{"username": "me", "password": {PASSWORD!r}}}))""")
    assert ask(f"{server.origin}/simple/demo/") == [200]


# When it is asked, and how often


@pytest.mark.parametrize(
    ("setting", "library", "program"),
    [
        ({}, True, True),
        ({"PIP_KEYRING_PROVIDER": "auto"}, True, True),
        ({"PIP_KEYRING_PROVIDER": "import"}, True, False),
        ({"PIP_KEYRING_PROVIDER": "subprocess"}, False, True),
        ({"PIP_KEYRING_PROVIDER": "disabled"}, False, False),
        ({"UV_KEYRING_PROVIDER": "subprocess"}, False, True),
        ({"UV_KEYRING_PROVIDER": "disabled"}, False, False),
        ({"PIP_KEYRING_PROVIDER": "import", "UV_KEYRING_PROVIDER": "subprocess"}, True, False),
        ({"PIP_NO_INPUT": "1"}, False, False),
        ({"PIP_NO_INPUT": "0"}, True, True),
        ({"PIP_NO_INPUT": "1", "PIP_KEYRING_PROVIDER": "subprocess"}, False, True),
    ],
    ids=str,
)
def test_the_settings_of_pip_and_uv(
    setting: dict[str, str],
    library: bool,
    program: bool,
    server: Server,
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server.answers["/simple/demo/"] = private(f"me:{PASSWORD}")
    install(asked := Library({}), monkeypatch)
    log = command("sys.exit(1)")
    for name, value in setting.items():
        monkeypatch.setenv(name, value)
    assert ask(f"{server.origin}/simple/demo/") == ["not-allowed"]
    assert (bool(asked.asked), log.exists()) == (library, program)


def test_it_is_asked_once_for_many_requests(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    urls = [f"{server.origin}/simple/demo{number}/" for number in range(20)]
    for url in urls:
        server.answers[url.removeprefix(server.origin)] = private(f"me:{PASSWORD}")
    install(library := Library({(f"{server.origin}/simple/", "me"): PASSWORD}), monkeypatch)
    assert ask(*urls, at_once=True) == [200] * 20
    assert len(library.asked) == 1
    install(library := Library({}), monkeypatch)
    assert ask(*urls, at_once=True) == ["not-allowed"] * 20
    assert len(library.asked) == 3


def test_it_is_not_asked_where_other_credentials_are(
    server: Server, clean_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers["/simple/demo/"] = private(f"me:{PASSWORD}")
    install(library := Library({(f"{server.origin}/simple/", "me"): PASSWORD}), monkeypatch)
    for userinfo in ("me:wrong@", "me:@", ":@"):
        assert ask(server.origin.replace("//", f"//{userinfo}") + "/simple/demo/") == [
            "not-allowed"
        ]
    (clean_environment / ".netrc").write_text("machine 127.0.0.1 login me password wrong\n")
    assert ask(f"{server.origin}/simple/demo/") == ["not-allowed"]
    assert library.asked == []
    assert len(server.log) == 4


@pytest.mark.parametrize("status", [200, 403, 404])
def test_it_is_asked_after_401_only(
    status: int, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers["/simple/demo/"] = Answer(status)
    install(library := Library({(f"{server.origin}/simple/", "me"): PASSWORD}), monkeypatch)
    ask(f"{server.origin}/simple/demo/")
    assert library.asked == []
    assert "authorization" not in server.log[0].headers


def test_a_wrong_password_is_sent_once(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.answers["/simple/demo/"] = private("me:changed")
    install(Library({(f"{server.origin}/simple/", "me"): PASSWORD}), monkeypatch)
    assert ask(f"{server.origin}/simple/demo/") == ["not-allowed"]
    assert ["authorization" in asked.headers for asked in server.log] == [False, True]


def test_a_name_without_a_password_may_be_a_token(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers["/simple/demo/"] = private("token:")
    install(library := Library({}), monkeypatch)
    assert ask(server.origin.replace("//", "//token@") + "/simple/demo/") == [200]
    assert library.asked == []


def test_every_user_has_a_password_of_his_own(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers["/a/simple/demo/"], server.answers["/b/simple/demo/"] = (
        private("a:1"),
        private("b:2"),
    )
    host = server.origin.removeprefix("http://")
    install(Library({(host, "a"): "1", (host, "b"): "2"}), monkeypatch)
    urls = [server.origin.replace("//", f"//{user}@") + f"/{user}/simple/demo/" for user in "ab"]
    assert ask(*urls, *urls) == [200, 200, 200, 200]


def test_a_password_stays_with_its_origin(
    server: Server, other: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers["/simple/demo/"] = lambda asked: (
        Answer(302, headers={"Location": f"{other.origin}/simple/demo/"})
        if "authorization" in asked.headers
        else Answer(401)
    )
    other.answers["/simple/demo/"] = private("other:2")
    library = Library(
        {(f"{server.origin}/simple/", "me"): PASSWORD, (f"{other.origin}/simple/", "other"): "2"}
    )
    install(library, monkeypatch)
    assert ask(f"{server.origin}/simple/demo/", configured=(server.origin, other.origin)) == [200]
    sent = [asked.headers.get("authorization") for asked in other.log]
    assert sent == [None, "Basic " + b64encode(b"other:2").decode()]


def test_it_is_not_asked_for_what_the_user_did_not_configure(
    server: Server, other: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers["/simple/demo/"] = Answer(
        302, headers={"Location": f"{other.origin}/simple/demo/"}
    )
    other.answers["/simple/demo/"] = private(f"me:{PASSWORD}")
    install(
        library := Library({(other.origin.removeprefix("http://"), "me"): PASSWORD}), monkeypatch
    )
    urls = [
        f"{server.origin}/simple/demo/",
        f"{other.origin}/simple/demo/",
        f"{other.origin}/simple/demo/",
    ]
    urls[2] = urls[2].replace("//", "//me@")
    near = (
        server.origin,
        other.origin.replace("http://", "https://"),
        other.origin.replace("127.0.0.1", "localhost"),
    )
    assert ask(*urls, configured=near) == ["not-allowed"] * 3
    assert library.asked == []
    assert ask(urls[0], configured=(other.origin.upper() + "/simple/",)) == [200]


def test_a_download_gets_its_password_too(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.answers["/a.whl"] = private(f"me:{PASSWORD}")
    install(Library({(server.origin, "me"): PASSWORD}), monkeypatch)

    async def main() -> tuple[int, bytes]:
        fetcher = HttpxFetcher(delays=())
        fetcher.configure([server.origin])
        try:
            head = await fetcher.head(f"{server.origin}/a.whl")
            async with fetcher.stream(f"{server.origin}/a.whl") as pieces:
                return head.status, b"".join([piece async for piece in pieces])
        finally:
            await fetcher.aclose()

    assert asyncio.run(main()) == (200, b"page")


def test_what_a_keyring_knew_is_not_cached(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = {"Cache-Control": "max-age=600"}
    server.answers["/simple/demo/"] = lambda asked: (
        Answer(200, b"a private page", headers)
        if "authorization" in asked.headers
        else Answer(401, b"", headers)
    )
    server.answers["/simple/open/"] = Answer(200, b"an open page", headers)
    install(Library({(f"{server.origin}/simple/", "me"): PASSWORD}), monkeypatch)

    async def main() -> None:
        fetcher = HttpxFetcher(delays=(), cache_dir=tmp_path / "cache")
        fetcher.configure([server.origin])
        try:
            for name in ("open", "demo"):
                await fetcher.get(f"{server.origin}/simple/{name}/", max_bytes=1000)
        finally:
            await fetcher.aclose()

    asyncio.run(main())
    stored = b"".join(
        path.read_bytes() for path in (tmp_path / "cache").rglob("*") if path.is_file()
    )
    assert b"an open page" in stored
    for secret in (b"a private page", PASSWORD.encode(), b64encode(f"me:{PASSWORD}".encode())):
        assert secret not in stored
