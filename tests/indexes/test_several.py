"""Several indexes: which one counts, what is said when one is silent, and what never leaves an
index URL.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ..support.freezing import freeze_folder, problems_of, proofs, told
from ..support.index_server import Fault, IndexServer
from ..support.installed import installer_target, pip_target
from ..support.replies import Reply
from ..support.wheels import build_wheel, repack, sha256
from .conftest import Run

Indexes = tuple[IndexServer, IndexServer]


@pytest.fixture
def both(index: IndexServer, other_index: IndexServer) -> Indexes:
    return index, other_index


def urls(indexes: Indexes) -> list[str]:
    return [index.url for index in indexes]


# -- same name, same version


@pytest.mark.parametrize("installed", [0, 1])
def test_contents_tell_two_indexes_apart(installed: int, both: Indexes, site: Path) -> None:
    # Of one size and with one METADATA, so that nothing else tells them apart.
    wheels = [
        build_wheel(
            both[number].folder,
            "demo",
            "1.0",
            files={"demo.py": f"x = {number}\n", "demo.dat": bytes(20_000)},
        )
        for number in (0, 1)
    ]
    assert wheels[0].stat().st_size == wheels[1].stat().st_size
    pip_target(site, "demo", index_url=both[installed].url, platform=None)
    for asked in (both, both[::-1]):
        result = freeze_folder(site, index_urls=[asked[0].url, asked[1].url])
        [evidence] = result.evidence
        assert (evidence.index, evidence.proof) == (both[installed].url, "content")
        assert (evidence.url, evidence.sha256) == (
            both[installed].file_url(wheels[0].name),
            sha256(wheels[installed]),
        )


def test_another_wheel_on_the_only_index_that_is_left(both: Indexes, site: Path) -> None:
    installer_target(site, build_wheel(both[0].folder, "demo", "1.0", files={"demo.py": "x = 0\n"}))
    build_wheel(both[1].folder, "demo", "1.0", files={"demo.py": "x = 1\n"})
    [problem] = problems_of(site, index_urls=both[1].url)
    assert problem.code == "content-mismatch"
    assert "demo.py" in problem.message and "comes from another index" in problem.hint


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_zips_of_one_record_are_ambiguous(
    order: tuple[int, int], both: Indexes, site: Path
) -> None:
    wheel = build_wheel(both[0].folder, "demo", "1.0", files={"demo.py": "x = 0\n" * 100})
    repacked = repack(wheel, both[1].folder)
    assert sha256(wheel) != sha256(repacked)
    installer_target(site, wheel)
    asked = [both[number] for number in order]
    [problem] = problems_of(site, index_urls=urls((asked[0], asked[1])))
    assert problem.code == "ambiguous-index"
    assert all(index.file_url(wheel.name) in problem.message for index in both)
    assert "Name one index only" in problem.hint and "--download" in problem.hint
    # What the hint says helps.
    for index, path in zip(both, (wheel, repacked), strict=True):
        assert freeze_folder(site, index_urls=index.url).lockfile.packages["demo"].sha256 == sha256(
            path
        )
    chosen = freeze_folder(site, index_urls=urls((asked[0], asked[1])), download=True)
    assert chosen.lockfile.packages["demo"].file_name == asked[0].file_url(wheel.name)
    assert proofs(chosen) == {"demo": ("index", "download")}


def test_one_wheel_on_both_is_the_firsts(both: Indexes, site: Path) -> None:
    wheel = build_wheel(both[0].folder, "demo", "1.0")
    both[1].add(wheel)
    installer_target(site, wheel)
    for first, second in (both, both[::-1]):
        result = freeze_folder(site, index_urls=[first.url, second.url])
        assert result.lockfile.packages["demo"].file_name == first.file_url(wheel.name)
        assert result.evidence[0].index == first.url


# -- an index that is down


def refuse(server: IndexServer) -> None:
    server.close()


def fault(kind: str, **options: Any) -> Callable[[IndexServer], None]:
    def apply(server: IndexServer) -> None:
        server.faults["/simple/"] = Fault(kind, **options)

    return apply


DOWN: dict[str, Callable[[IndexServer], None]] = {
    "refused": refuse,
    "503": fault("status", status=503),
    "429": fault("status", status=429),
    "reset": fault("reset"),
    "half a page": fault("truncate"),
    "an HTML page about maintenance": fault("html"),
    "broken JSON": fault("broken-json"),
    "teapot": fault("status", status=418),
    "a redirect in a loop": fault("redirect-loop"),
}


@pytest.mark.parametrize("which", [0, 1], ids=["first", "second"])
@pytest.mark.parametrize("down", DOWN)
def test_no_index_is_passed_over_because_it_is_down(
    down: str, which: int, both: Indexes, site: Path, freeze: Run, tmp_path: Path
) -> None:
    wheel = build_wheel(tmp_path, "demo", "1.0")
    for index in both:
        index.add(wheel)
    installer_target(site, wheel)
    lock = tmp_path / "lock.json"
    lock.write_text("what was there before")
    addresses = tuple(urls(both))
    assert freeze("-o", tmp_path / "good.json", indexes=addresses).status == 0
    DOWN[down](both[which])
    done = freeze("--json", "--refresh", "-o", lock, indexes=addresses)
    assert (done.status, done.json["error"], done.codes) == (
        3,
        "unreachable",
        {"demo": "unreachable"},
    )
    [problem] = done.json["problems"]
    assert addresses[which] in problem["message"] and addresses[1 - which] not in problem["message"]
    assert "Try again later" in problem["hint"]
    assert lock.read_text() == "what was there before"


@pytest.mark.parametrize("which", [0, 1], ids=["first", "second"])
@pytest.mark.parametrize("status", [401, 403])
def test_no_index_is_passed_over_because_it_refuses(
    status: int, which: int, both: Indexes, site: Path, freeze: Run, tmp_path: Path
) -> None:
    wheel = build_wheel(tmp_path, "demo", "1.0")
    for index in both:
        index.add(wheel)
    installer_target(site, wheel)
    both[which].faults["/simple/"] = Fault("status", status=status)
    done = freeze("--json", "-o", tmp_path / "lock.json", indexes=tuple(urls(both)))
    assert (done.status, done.json["error"], done.codes) == (
        3,
        "not-allowed",
        {"demo": "not-allowed"},
    )
    [problem] = done.json["problems"]
    assert "credentials" in problem["hint"] and both[which].url in problem["message"]
    assert not (tmp_path / "lock.json").exists()


def test_the_second_is_no_way_out_for_a_wheel_that_cannot_be_read(
    both: Indexes, site: Path
) -> None:
    # FAILS as prove.py is: it locks to the second. With both up this is `ambiguous-index`; with the
    # files of the first out of reach (not its pages) freeze cannot know that two zips prove, and the lock
    # depends on the weather.
    wheel = build_wheel(both[0].folder, "demo", "1.0")
    repack(wheel, both[1].folder)
    installer_target(site, wheel)
    both[0].faults["/files/"] = Fault("status", status=503)
    problems = told(problems_of(site, index_urls=urls(both)))
    assert problems == [("demo", "unreachable")]


def test_a_definite_no_counts_more_than_silence(
    both: Indexes, site: Path, freeze: Run, tmp_path: Path
) -> None:
    for name in ("demo", "more"):
        installer_target(site, build_wheel(both[0].folder, name, "1.0"))
    build_wheel(both[0].folder, "demo", "1.0", files={"demo.py": "something else"})
    both[0].faults["/simple/more/"] = Fault("status", status=503)
    done = freeze("--json", "-o", tmp_path / "lock.json", indexes=tuple(urls(both)))
    assert done.status == 1
    assert done.codes == {"demo": "content-mismatch", "more": "unreachable"}


# -- an index without the project


@pytest.mark.parametrize("status", [404, 410])
def test_the_second_is_used_where_the_first_does_not_have_the_project(
    status: int, both: Indexes, site: Path, freeze: Run
) -> None:
    wheel = build_wheel(both[1].folder, "demo", "1.0")
    installer_target(site, wheel)
    if status != 404:
        both[0].faults["/simple/demo/"] = Fault("status", status=status)
    done = freeze("--json", indexes=tuple(urls(both)))
    assert done.status == 0
    [evidence] = done.json["evidence"]
    assert (evidence["index"], evidence["url"]) == (both[1].url, both[1].file_url(wheel.name))
    assert [(request.path, request.status) for request in both[0].requests] == [
        ("/simple/demo/", status)
    ]


def test_the_second_is_used_where_the_first_does_not_have_the_version(
    both: Indexes, site: Path
) -> None:
    build_wheel(both[0].folder, "demo", "0.9")
    wheel = build_wheel(both[1].folder, "demo", "1.0")
    installer_target(site, wheel)
    result = freeze_folder(site, index_urls=urls(both))
    assert result.lockfile.packages["demo"].file_name == both[1].file_url(wheel.name)


def test_no_index_has_the_project(both: Indexes, site: Path, freeze: Run, tmp_path: Path) -> None:
    installer_target(site, build_wheel(tmp_path, "demo", "1.0"))
    done = freeze("--json", indexes=tuple(urls(both)))
    assert (done.status, done.codes) == (1, {"demo": "no-such-project"})
    [problem] = done.json["problems"]
    assert all(index.url in problem["message"] for index in both)
    assert "--index-url" in problem["hint"]


# -- INDEX


def named_by_index_file(site: Path, wheel: Path, url: str, *, listed: bool) -> None:
    """What an installer that writes INDEX leaves, as docs/INDEX.md proposes it;

    unlisted, as micropip leaves files.
    """
    installer_target(site, wheel)
    info = site / "demo-1.0.dist-info"
    (info / "INDEX").write_text(f"{url}\n")
    if listed:
        with (info / "RECORD").open("a") as record:
            record.write(f"{info.name}/INDEX,,\n")


@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize("found", [True, False], ids=["configured has it", "configured lacks it"])
def test_an_index_that_is_not_configured_is_not_contacted(
    found: bool, listed: bool, both: Indexes, site: Path, freeze: Run, tmp_path: Path
) -> None:
    configured, named = both
    wheel = build_wheel(named.folder, "demo", "1.0")
    if found:
        configured.add(wheel)
    named_by_index_file(site, wheel, named.url, listed=listed)
    done = freeze("--json", indexes=(configured.url,))
    assert named.requests == []
    assert done.status == (0 if found else 1)
    if found:
        assert done.json["evidence"][0]["url"] == configured.file_url(wheel.name)
    else:
        assert done.codes == {"demo": "no-such-project"}
        assert named.url not in done.out
    trusting = freeze("--json", "--trust-index-file", indexes=(configured.url,))
    assert trusting.status == 0
    assert trusting.json["evidence"][0]["url"] == named.file_url(wheel.name)
    assert "/simple/demo/" in named.paths()


def test_a_wheel_that_ships_index_contacts_nobody(both: Indexes, site: Path) -> None:
    configured, named = both
    wheel = build_wheel(
        configured.folder, "demo", "1.0", dist_info_files={"INDEX": f"{named.url}\n"}
    )
    installer_target(site, wheel)
    result = freeze_folder(site, index_urls=configured.url)
    assert result.lockfile.packages["demo"].file_name == configured.file_url(wheel.name)
    assert named.requests == []


@pytest.mark.parametrize("content", ["http://[", "not a URL", "file:///", "javascript:0", "\0", ""])
def test_an_index_file_with_nonsense_is_no_obstacle(
    content: str, both: Indexes, site: Path
) -> None:
    wheel = build_wheel(both[0].folder, "demo", "1.0")
    named_by_index_file(site, wheel, content, listed=False)
    assert proofs(freeze_folder(site, index_urls=urls(both))) == {"demo": ("index", "content")}


def test_an_index_file_orders_configured_indexes_and_excludes_none(
    both: Indexes, site: Path
) -> None:
    wheel = build_wheel(both[0].folder, "demo", "1.0")
    both[1].add(wheel)
    both[1].auth = ("user", "s3cret")
    named_by_index_file(site, wheel, both[1].url, listed=True)
    # INDEX has no credentials (its specification forbids them): the configured URL gives them.
    result = freeze_folder(site, index_urls=[both[0].url, both[1].url_with_password])
    assert result.lockfile.packages["demo"].file_name == both[1].file_url(wheel.name)
    assert {request.status for request in both[1].requests} <= {200, 206}
    both[0].faults["/simple/"] = Fault("status", status=503)
    assert told(problems_of(site, index_urls=[both[0].url, both[1].url_with_password])) == [
        ("demo", "unreachable")
    ]


# -- credentials in an index URL

USER, PASSWORD = "0wner-of-it", "pa$$w0rd/with@all: sorts%"
QUOTED = "pa$$w0rd%2Fwith%40all%3A%20sorts%25"
_BASE64 = [
    base64.b64encode(text.encode()).decode()
    for text in (f"{USER}:{PASSWORD}", f"{USER}:pa$$w0rd", PASSWORD)
]
#: Every way in which they could be told, as bytes.
TOLD = [
    text.encode()
    for text in (USER, PASSWORD, QUOTED, "pa$$w0rd", "pa%24%24", "w0rd%2F", "sorts", *_BASE64)
]


@pytest.fixture
def private(index: IndexServer) -> IndexServer:
    index.auth = (USER, PASSWORD)
    return index


@pytest.fixture
def secret_url(private: IndexServer) -> str:
    return private.url.replace("//", f"//{USER}:{QUOTED}@")


Written = dict[str, bytes]
RunAll = Callable[..., Written]


def everything(folder: Path, **more: bytes) -> Written:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    } | more


@pytest.fixture
def run(freeze: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> RunAll:
    """Freeze with -v and all that it may write;

    gives what was printed, logged and written, by where it was.
    """

    def call(*arguments: str, indexes: tuple[str, ...]) -> Written:
        folder = tmp_path / "run"
        caplog.set_level(logging.DEBUG)
        files = [
            "--cache-dir",
            folder / "cache",
            "--evidence",
            folder / "evidence.json",
            "-o",
            folder / "lock.json",
        ]
        folder.mkdir(exist_ok=True)
        done = freeze("-v", *files, *arguments, indexes=indexes)
        printed = {
            "stdout": done.out.encode(),
            "stderr": done.err.encode(),
            "status": str(done.status).encode(),
        }
        return everything(folder, **printed, log=caplog.text.encode())

    return call


def run_process(folder: Path, site: Path, base: Path, *arguments: str) -> Written:
    """The same by a real process, logs aside, with all of Python's warnings."""
    command = [
        sys.executable,
        "-X",
        "dev",
        "-m",
        "micropip_lock",
        "freeze",
        "-v",
        "--path",
        str(site),
    ]
    command += [
        "--base",
        str(base),
        "--cache-dir",
        "cache",
        "--evidence",
        "evidence.json",
        "-o",
        "lock.json",
    ]
    folder.mkdir()
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    environment["TMPDIR"] = str(folder)
    done = subprocess.run(
        [*command, *arguments], env=environment, cwd=folder, capture_output=True, check=False
    )
    assert b"Traceback" not in done.stderr and b"Warning" not in done.stderr, done.stderr.decode()
    return everything(
        folder, stdout=done.stdout, stderr=done.stderr, status=str(done.returncode).encode()
    )


def assert_not_told(written: Written) -> None:
    for place, content in written.items():
        for word in TOLD:
            assert word not in content, (place, word)


@pytest.mark.parametrize("json_output", [True, False], ids=["json", "text"])
def test_credentials_of_an_index_url_are_used_and_never_told(
    json_output: bool,
    private: IndexServer,
    secret_url: str,
    other_index: IndexServer,
    site: Path,
    base: Path,
    tmp_path: Path,
) -> None:
    # One package here, one on a public index whose pages are cached; the files of the private one
    # lie elsewhere.
    wheel = build_wheel(private.folder, "demo", "1.0", requires=["lib"])
    installer_target(site, wheel, build_wheel(other_index.folder, "lib", "2.0"))
    private.reset()
    other_index.reset()
    other_index.etag = True
    flags = ["--json"] if json_output else []
    written = run_process(
        tmp_path / "run",
        site,
        base,
        "--index-url",
        secret_url,
        "--index-url",
        other_index.url,
        *flags,
    )
    assert written["status"] == b"0", written["stderr"].decode()
    assert_not_told(written)

    # They were used, for their own index only.
    right = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    assert {request.headers.get("authorization") for request in private.requests} == {right}
    assert not any("authorization" in request.headers for request in other_index.requests)

    # What must be there is there, so that the search above meant something.
    lock = json.loads(written["lock.json"])
    assert lock["packages"]["demo"]["file_name"] == private.file_url(wheel.name)
    assert "127.0.0.1" in json.dumps(lock["tool"]["micropip-lock"])
    assert private.url.encode() in written["evidence.json"]
    assert (
        private.root.removeprefix("http://").encode()
        in written["stdout" if json_output else "stderr"]
    )
    cached = b"".join(content for place, content in written.items() if place.startswith("cache/"))
    assert b"lib-2.0-py3-none-any.whl" in cached  # of the page; its URL is stored as a hash


@pytest.mark.parametrize(
    "fails", ["password", "refused", "503", "content", "project", "page", "wheel"]
)
def test_credentials_are_not_told_when_it_fails(
    fails: str, private: IndexServer, secret_url: str, site: Path, run: RunAll
) -> None:
    wheel = build_wheel(private.folder, "demo", "1.0", files={"demo.dat": os.urandom(30_000)})
    installer_target(site, wheel)
    match fails:
        case "password":
            private.auth = (USER, "another")
        case "refused":
            private.close()
        case "503":
            private.faults["/simple/"] = Fault("status", status=503, body=secret_url.encode())
        case "content":
            build_wheel(private.folder, "demo", "1.0", files={"demo.py": "something else"})
        case "project":
            private.remove(wheel.name)
        case "page":
            private.faults["/simple/"] = Fault("html")
        case "wheel":
            private.ranges = "no"
    code = {"password": "not-allowed", "content": "content-mismatch", "project": "no-such-project"}
    code |= {"wheel": "no-ranges"}
    written = run("--json", indexes=(secret_url,))
    assert_not_told(written)
    assert b"HTTP Request: GET" in written["log"] or fails == "refused"
    assert json.loads(written["stdout"])["error"] == code.get(fails, "unreachable")
    assert written["status"] == (b"1" if fails in ("content", "project", "wheel") else b"3")
    assert "lock.json" not in written
    assert private.root.encode() in written["stdout"]


def test_credentials_that_a_page_gives_its_files_are_not_written(
    index: IndexServer, site: Path
) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0", files={"demo.dat": os.urandom(30_000)})
    installer_target(site, wheel)
    secret = index.file_url(wheel.name).replace("//", f"//{USER}:{QUOTED}@")
    index.overrides[wheel.name] = {"url": secret}
    for index.json in (True, False):
        result = freeze_folder(site, index_urls=index.url)
        assert result.lockfile.packages["demo"].file_name == index.file_url(wheel.name)
        assert_not_told(
            {"all": repr((result.to_json(), result.evidence, result.warnings)).encode()}
        )


def test_two_indexes_of_one_host_have_their_own_credentials(site: Path, tmp_path: Path) -> None:
    class Teams(IndexServer):
        """/a/ and /b/ are indexes with passwords of their own."""

        def respond(self, method: str, path: str, headers: Mapping[str, str]) -> Reply:
            team = path[1]
            asked = base64.b64decode(
                headers.get("authorization", "").removeprefix("Basic ")
            ).decode()
            if asked != f"{team}:{team * 8}":
                return Reply(401, b"no\n")
            return super().respond(method, path[2:], headers)

    with Teams(relative=True) as teams:
        wheel = build_wheel(teams.folder, "demo", "1.0", files={"demo.dat": os.urandom(30_000)})
        installer_target(site, wheel)
        addresses = [
            f"http://{team}:{team * 8}@127.0.0.1:{teams.port}/{team}/simple" for team in "ab"
        ]
        result = freeze_folder(site, index_urls=addresses)
        assert {request.status for request in teams.requests} == {200, 206}
    assert result.lockfile.packages["demo"].file_name == f"{teams.root}/a/files/{wheel.name}"


# -- private indexes without credentials in the URL: netrc, keyring


@pytest.fixture
def demo(private: IndexServer, site: Path) -> Path:
    wheel = build_wheel(
        private.folder, "demo", "1.0", requires=["lib"], files={"demo.dat": os.urandom(30_000)}
    )
    lib = build_wheel(private.folder, "lib", "1.0")
    installer_target(site, wheel, lib)
    return site


def statuses(server: IndexServer) -> set[int]:
    """Of what was asked for, but for the release documents that it does not have."""
    return {request.status for request in server.requests if not request.path.startswith("/pypi/")}


@pytest.mark.parametrize("place", [".netrc", "_netrc", "NETRC"])
def test_a_private_index_through_netrc(
    place: str,
    private: IndexServer,
    other_index: IndexServer,
    demo: Path,
    run: RunAll,
    clean_machine: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # «machine» knows no ports, so the second index, which asks for nothing, is another name of the
    # same machine.
    private.auth = (USER, "pa$$w0rd")
    addresses = private.url, other_index.url.replace("127.0.0.1", "localhost")
    netrc = clean_machine / place
    if place == "NETRC":
        monkeypatch.setenv("NETRC", str(netrc))
    without = run("--json", indexes=addresses)
    assert (without["status"], json.loads(without["stdout"])["error"]) == (b"3", "not-allowed")
    assert b"in netrc" in without["stdout"]

    netrc.write_text(f"machine 127.0.0.1\nlogin {USER}\npassword pa$$w0rd\n")
    netrc.chmod(0o600)
    private.reset()
    other_index.reset()
    written = run("--json", indexes=addresses)
    assert written["status"] == b"0", written["stdout"].decode()
    assert_not_told(written)
    assert statuses(private) == {200, 206}
    assert other_index.requests
    assert not any("authorization" in request.headers for request in other_index.requests)


@pytest.fixture
def keyring_log(tmp_path: Path, private: IndexServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `keyring` command on PATH that knows the private index by its host;

    gives the log of its calls.
    """
    private.auth = (USER, "pa$$w0rd")
    log, folder = tmp_path / "keyring.log", tmp_path / "bin"
    folder.mkdir()
    script = folder / "keyring"
    script.write_text(
        f"""#!{sys.executable}
import json, sys
with open({str(log)!r}, "a") as log:
    print(json.dumps(sys.argv[1:]), file=log)
print("a secret on stderr: {PASSWORD}", file=sys.stderr)
words = [word for word in sys.argv[1:] if word not in ("get", "--mode", "creds", "--output", "json")]
if words[0] != "127.0.0.1:{private.port}" or words[1:] not in ([], [{USER!r}]):
    sys.exit(1)
password = {private.auth[1]!r}
print(json.dumps({{"username": {USER!r}, "password": password}}) if "creds" in sys.argv else password)
"""
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PIP_KEYRING_PROVIDER", "subprocess")
    return log


@pytest.mark.parametrize("user", [USER, ""], ids=["user in the URL", "no user"])
def test_a_private_index_through_keyring(
    user: str, keyring_log: Path, private: IndexServer, demo: Path, base: Path, tmp_path: Path
) -> None:
    url = private.url.replace("//", f"//{user}@") if user else private.url
    written = run_process(tmp_path / "run", demo, base, "--index-url", url)
    assert written["status"] == b"0", written["stderr"].decode()
    assert_not_told(written)
    calls = [json.loads(line) for line in keyring_log.read_text().splitlines()]
    mode = ["get"] if user else ["--mode", "creds", "--output", "json", "get"]
    services = [f"{private.url}/", private.url, f"127.0.0.1:{private.port}"]
    # Once for the whole index, the closest name first, although two packages are asked for at once.
    assert calls == [[*mode, service, *([user] if user else [])] for service in services]
    refused = [request for request in private.requests if request.status == 401]
    assert {request.path for request in refused} <= {"/simple/demo/", "/simple/lib/"}
    assert statuses(private) == {401, 200, 206}


def test_a_keyring_is_not_asked_before_a_server_wants_a_password(
    keyring_log: Path, private: IndexServer, demo: Path, freeze: Run
) -> None:
    with_password = private.url_with_password
    private.auth = None
    assert freeze(indexes=(private.url,)).status == 0
    private.auth = (USER, "pa$$w0rd")
    assert freeze(indexes=(with_password,)).status == 0
    private.faults["/simple/"] = Fault("status", status=403)
    assert freeze("--json", "--refresh", indexes=(private.url,)).json["error"] == "not-allowed"
    assert not keyring_log.exists()


def test_a_keyring_with_a_wrong_password_is_asked_once(
    keyring_log: Path, private: IndexServer, demo: Path, freeze: Run
) -> None:
    private.auth = (USER, "changed since")
    done = freeze("--json", "-v", indexes=(private.url,))
    assert (done.status, done.codes) == (3, {"demo": "not-allowed", "lib": "not-allowed"})
    assert_not_told({"out": done.out.encode(), "err": done.err.encode()})
    assert len(keyring_log.read_text().splitlines()) == 3
    # Each page at most twice: without the password, and with it.
    assert all(private.paths().count(path) <= 2 for path in private.paths())


def test_a_keyring_that_knows_nothing_of_it(
    keyring_log: Path, private: IndexServer, other_index: IndexServer, demo: Path, freeze: Run
) -> None:
    other_index.auth = ("somebody", "else")
    done = freeze("--json", indexes=(other_index.url,))
    assert (done.status, done.json["error"]) == (3, "not-allowed")
    assert len(keyring_log.read_text().splitlines()) == 3
    assert not any("authorization" in request.headers for request in other_index.requests)
