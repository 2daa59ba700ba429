"""A secret in each place that one can come from is in nothing that a command prints, writes or
remembers.
"""

from __future__ import annotations

import json
import logging
import shutil
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from micropip_lock.cli.main import micropip_lock

from ...support.freezing import archive, base_document, claim, entry
from ...support.index_server import IndexServer
from ...support.installed import installer_target
from ...support.replies import Fault
from ...support.wheels import build_wheel, sha256

SECRET = "S3CR3T-of-the-user"
FORMS: list[tuple[str, ...]] = [(), ("--json",)]
CODED = b64encode(f"us:{SECRET}".encode()).decode()
WHEEL = "demo-1.0-py3-none-any.whl"

#: How the URL of an index is written; {place} is host, port and path.
SPELLINGS = [
    "http://us:{secret}@{place}",
    "http://{secret}@{place}",
    " \thttp://us:{secret}@{place} ",
    "'http://us:{secret}@{place}'",
    '"http://us:{secret}@{place}"',
    "http:/us:{secret}@{place}",
    "http:us:{secret}@{place}",
    "http:///us:{secret}@{place}",
    "http:\\\\us:{secret}@{place}",
    "http://us:{secret}\\@{place}",
    "http://us:\t{secret}\n@{place}",
    "http://[us:{secret}@{place}",
    "http://us:{secret}@[{place}",
    "http://us:1/{secret}@{place}",
    "http://us:{secret}/@{place}",
    "us:{secret}@{place}",
    "//us:{secret}@{place}",
    "http%3A//us%3A{secret}%40{place}",
    "http://us%3A{secret}%40{place}",
    "http://{place}?token={secret}",
    "http://{place}#{secret}",
    "ftp://us:{secret}@{place}",
    "private=http://us:{secret}@{place}",
]


@dataclass
class Scene:
    """A folder with one package, a base, and an index that has its wheel."""

    folder: Path
    site: Path
    base: Path
    index: IndexServer
    sha256: str
    log: Callable[[], str]
    planted: tuple[Path, ...] = ()
    #: Whether commands run for people and for programs each time.
    both: bool = False
    for_programs: bool = False

    @property
    def place(self) -> str:
        """Host, port and path of the index."""
        return self.index.url.removeprefix("http://")

    def url(self, spelling: str) -> str:
        return spelling.format(secret=SECRET, place=self.place)

    def lock(self, file_name: str, **more: object) -> Path:
        """A lock of demo."""
        path = self.folder / "given" / "pyodide-lock.json"
        path.parent.mkdir(exist_ok=True)
        document = base_document(entry("demo", file_name=file_name, sha256=self.sha256), **more)
        path.write_text(json.dumps(document))
        return path

    def told(self, *words: str | Path, expected: set[int] | None = None) -> bytes:
        """Run a command for people or, each second time, for programs;

        all that it leaves, with no secret in it.
        """
        left = b""
        self.for_programs = not self.for_programs
        for form in FORMS if self.both else [FORMS[self.for_programs]]:
            out = self.folder / "out"
            shutil.rmtree(out, ignore_errors=True)
            out.mkdir()
            line = [*words, "-v", "--cache-dir", self.folder / "cache", *form]
            done = CliRunner().invoke(
                micropip_lock, [str(word).replace("{out}", str(out)) for word in line]
            )
            if done.exception is not None and not isinstance(done.exception, SystemExit):
                raise done.exception
            assert expected is None or done.exit_code in expected, done.output
            files = [
                path
                for name in ("out", "cache", "site")
                for path in sorted((self.folder / name).rglob("*"))
            ]
            left += f"{done.stdout}{done.stderr}{self.log()}".encode()
            left += b"".join(
                path.read_bytes() for path in files if path.is_file() and path not in self.planted
            )
        for word in (SECRET, CODED):
            assert word.encode() not in left, (
                words,
                left[max(0, left.index(word.encode()) - 200) :][:400],
            )
        return left

    def freeze(self, *words: str | Path, expected: set[int] | None = None) -> bytes:
        told = ("freeze", "--path", self.site, "--base", self.base, "-o", "{out}/lock.json")
        return self.told(*told, "--evidence", "{out}/evidence.json", *words, expected=expected)


@pytest.fixture
def scene(tmp_path: Path, index: IndexServer, caplog: pytest.LogCaptureFixture) -> Scene:
    caplog.set_level(logging.INFO)
    base = tmp_path / "base.json"
    base.write_text(json.dumps(base_document(tool={})))
    wheel = build_wheel(index.folder, "demo", "1.0")
    installer_target(tmp_path / "site", wheel)
    return Scene(tmp_path, tmp_path / "site", base, index, sha256(wheel), lambda: caplog.text)


# -- indexes


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_an_index_url_as_an_option(spelling: str, scene: Scene) -> None:
    scene.index.auth = ("us", "another")
    scene.freeze("--index-url", scene.url(spelling), expected={0, 1, 2, 3})
    scene.told(
        "resolve",
        "demo",
        "--base",
        scene.base,
        "--index-url",
        scene.url(spelling),
        expected={0, 1, 2, 3},
    )


VARIABLES = [
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS",
    "PIP_NO_INDEX",
    "UV_INDEX_URL",
    "UV_DEFAULT_INDEX",
]
VARIABLES += [
    "UV_INDEX",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_CONFIG_FILE",
    "PIP_CONFIG_FILE",
]


@pytest.mark.parametrize("variable", VARIABLES)
def test_an_index_url_in_the_environment(
    variable: str, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.index.auth = ("us", "another")
    monkeypatch.setenv("PIP_INDEX_URL", scene.index.url)  # nor is the default index asked
    for spelling in SPELLINGS:
        monkeypatch.setenv(variable, scene.url(spelling))
        scene.freeze(expected={0, 1, 2, 3})


PIP = [
    "index-url = {}",
    "extra-index-url = {}",
    "find-links = {}",
    "no-index = {}",
    "index-url {}",
    "{}",
    "x = 1\n{}",
]
UV = [
    'index-url = "{}"',
    'extra-index-url = ["{}"]',
    'find-links = ["{}"]',
    '[[index]]\nurl = "{}"',
    "index-url = {}",
]
UV += [
    'index-url = ["{}"]',
    '[[index]]\nurl = ["{}"]',
    '"{}"',
    "{}",
    'no-index = "{}"',
    '[[index]]\nname="{}"',
]


@pytest.mark.parametrize("line", PIP)
def test_an_index_url_in_the_configuration_of_pip(
    line: str, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.index.auth = ("us", "another")
    monkeypatch.setenv("UV_DEFAULT_INDEX", scene.index.url)
    file = scene.folder / "pip.conf"
    monkeypatch.setenv("PIP_CONFIG_FILE", str(file))
    for spelling in SPELLINGS:
        file.write_text(f"[global]\n{line.format(scene.url(spelling).strip())}\n")
        scene.freeze(expected={0, 1, 2, 3})


@pytest.mark.parametrize("line", UV)
def test_an_index_url_in_the_configuration_of_uv(
    line: str, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.index.auth = ("us", "another")
    monkeypatch.setenv("PIP_INDEX_URL", scene.index.url)
    file = scene.folder / "uv.toml"
    monkeypatch.setenv("UV_CONFIG_FILE", str(file))
    for spelling in SPELLINGS:
        file.write_text(line.format(json.dumps(scene.url(spelling))[1:-1]))
        scene.freeze(expected={0, 1, 2, 3})


@pytest.mark.parametrize(
    "answer", ["good", "401", "403", "404", "500", "no page", "cut", "away", "refused"]
)
def test_what_a_server_answers(answer: str, scene: Scene) -> None:
    scene.both = True
    scene.index.auth = ("us", SECRET)
    url = scene.url("http://us:{secret}@{place}")
    match answer:
        case "401":
            scene.index.auth = ("us", "another")
        case "403" | "500":
            scene.index.faults["/"] = Fault(
                "status", status=int(answer), body=f"{url}?{SECRET}".encode()
            )
        case "404":
            scene.index.faults["/"] = Fault("status", status=404)
        case "no page":
            scene.index.faults["/simple/"] = Fault("html")
        case "cut":
            scene.index.faults["/simple/"] = Fault("truncate")
        case "away":
            scene.index.overrides[WHEEL] = {"url": f"{scene.index.url}/{WHEEL}?token={SECRET}"}
        case "refused":
            scene.index.close()
    good = {0} if answer == "good" else {1, 3}
    scene.freeze("--index-url", url, expected=good)
    scene.freeze("--index-url", url, "--download", expected=good)
    scene.told(
        "resolve",
        "demo",
        "--base",
        scene.base,
        "--index-url",
        url,
        "-o",
        "{out}/lock.json",
        expected=good,
    )
    lock = scene.lock(
        scene.index.file_url(WHEEL).replace("http://", f"http://us:{SECRET}@"), tool={}
    )
    for words in (
        ("verify", lock),
        ("outdated", lock, "--index-url", url),
        ("retarget", lock, "--base", scene.base, "--index-url", url, "-o", "{out}/lock.json"),
    ):
        scene.told(*words)


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_proxy(variable: str, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    for spelling in [*SPELLINGS, "socks5://us:{secret}@{place}"]:
        monkeypatch.setenv(variable, scene.url(spelling))
        scene.freeze("--index-url", scene.index.url, expected={0, 1, 2, 3})


def test_netrc(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = scene.folder / "netrc"
    monkeypatch.setenv("NETRC", str(netrc))
    for text in (
        f"machine 127.0.0.1 login us password {SECRET}\n",
        f"machine 127.0.0.1 {SECRET}\n",
        SECRET,
    ):
        netrc.write_text(text)
        scene.index.auth = ("us", SECRET)
        scene.freeze("--index-url", scene.index.url)
        scene.index.auth = ("us", "another")
        scene.freeze("--refresh", "--index-url", scene.index.url, expected={3})


@pytest.fixture
def other(scene: Scene) -> Iterator[IndexServer]:
    """Another port of the host that netrc names, with the wheel of the index."""
    with IndexServer() as server:
        shutil.copy(scene.index.folder / WHEEL, server.folder)
        yield server


@pytest.fixture
def by_netrc(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = scene.folder / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login us password {SECRET}\n")
    monkeypatch.setenv("NETRC", str(netrc))
    scene.index.auth = ("us", SECRET)


def was_told(server: IndexServer) -> bool:
    """Whether a server was asked, and each time with a password; never with one is False."""
    sent = {"authorization" in request.headers for request in server.requests}
    server.reset()
    assert len(sent) == 1, sent
    return sent.pop()


@pytest.mark.usefixtures("by_netrc")
def test_netrc_is_not_for_the_ports_that_pages_claims_and_locks_name(
    scene: Scene, other: IndexServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = other.file_url(WHEEL)
    indexes = ("--index-url", scene.index.url, "--no-cache")
    scene.freeze(*indexes, expected={0})
    assert was_told(scene.index)
    claim(scene.site, direct_url_json=archive(url, scene.sha256))
    scene.freeze(*indexes)
    assert not was_told(other)
    (scene.site / "demo-1.0.dist-info" / "direct_url.json").unlink()
    scene.index.overrides[WHEEL] = {"url": url}
    scene.freeze(*indexes, expected={0})
    assert not was_told(other)
    report = scene.folder / "report.json"
    item = {
        "metadata": {"name": "demo", "version": "1.0"},
        "download_info": json.loads(archive(url, scene.sha256)),
    }
    report.write_text(json.dumps({"version": "1", "install": [{**item, "requested": True}]}))
    scene.freeze(*indexes, "--report", report)
    assert not was_told(other)
    scene.told("resolve", "demo", "--base", scene.base, *indexes, expected={0})
    assert not was_told(other)
    scene.index.reset()
    # A lock names any host; only what the user configured says which one is his.
    lock = scene.lock(url)
    for configured in (scene.index.url, other.url):
        monkeypatch.setenv("PIP_INDEX_URL", configured)
        scene.told("bundle", lock, "{out}/bundle", "--no-cache", expected={0})
        assert was_told(other) is (configured == other.url)
    assert not scene.index.requests


@pytest.mark.usefixtures("by_netrc")
def test_netrc_is_for_find_links_that_the_user_names(
    scene: Scene, other: IndexServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    other.auth = ("us", SECRET)
    monkeypatch.setenv("PIP_FIND_LINKS", other.file_url(WHEEL))
    monkeypatch.setenv("PIP_INDEX_URL", scene.index.url)
    scene.freeze("--no-cache", expected={0})
    assert was_told(other)


@pytest.mark.usefixtures("by_netrc")
def test_netrc_is_for_no_base_over_plain_http(
    scene: Scene, other: IndexServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless an index that the user configured is on the same origin."""
    shutil.copy(scene.base, other.folder / "pyodide-lock.json")
    base = other.file_url("pyodide-lock.json")
    lock = scene.lock(scene.index.file_url(WHEEL))
    folders = ("--path", scene.site, "--no-cache")
    for configured in (scene.index.url, other.url):
        monkeypatch.setenv("PIP_INDEX_URL", configured)
        for words in (
            ("freeze", *folders, "--base", base),
            ("check", *folders, "--base", base),
            ("resolve", "demo", "--base", base, "--no-cache"),
            ("retarget", lock, "--base", base, "--no-cache"),
            (
                "resolve",
                "demo",
                "--base",
                scene.base,
                "--base-url",
                f"{other.root}/files/",
                "--no-cache",
            ),
        ):
            scene.told(*words)
            if "--base-url" not in words:
                assert was_told(other) is (configured == other.url), words
            assert configured == other.url or not any(
                "authorization" in it.headers for it in other.requests
            )
            other.reset()


# -- requirements

REQUIREMENTS = [
    "demo @ {url}",
    "demo@{url}",
    "demo[x] @ {url} ; os_name == 'x'",
    "{url}",
    "{url} ; nonsense",
    "demo @ {url} nonsense",
    "demo @ '{url}'",
    "-e {url}",
    "demo --{url}",
    "demo --hash={url}",
    "demo --hash=sha256:{url}",
    "demo; {url}",
    "demo=={url}",
]
LINES = [
    *REQUIREMENTS,
    "-r {url}",
    "-c {url}",
    "--index-url {url}",
    "--index-url{url}",
    "-i{url}",
    "--index-url={url}",
]
LINES += [
    "--extra-index-url {url}",
    "-f {url}",
    "--{url}",
    "-x{url}",
    "--index {url}",
    "--no-index={url}",
    "-i '{url}",
]
WHEEL_SPELLINGS = [
    spelling.replace("{place}", f"{{host}}/files/{WHEEL}")
    for spelling in SPELLINGS
    if "us:1/" not in spelling and "private=" not in spelling and "\n" not in spelling
]


def wheel_urls(scene: Scene) -> list[str]:
    """The wheel by the same spellings, but for those that are good URLs with other paths, or no
    line of a file.
    """
    host = scene.place.partition("/")[0]
    return [spelling.format(secret=SECRET, host=host) for spelling in WHEEL_SPELLINGS]


@pytest.mark.parametrize("requirement", REQUIREMENTS)
def test_a_requirement_on_the_command_line(requirement: str, scene: Scene) -> None:
    lock = scene.lock(scene.index.file_url(WHEEL), tool={})
    for url in wheel_urls(scene):
        text = requirement.format(url=url)
        scene.freeze("--index-url", scene.index.url, f"--requested={text}")
        common = ("--base", scene.base, "--index-url", scene.index.url, "-o", "{out}/lock.json")
        scene.told("resolve", *common, "--", text)
        scene.told("retarget", lock, *common, f"--requested={text}")


@pytest.mark.parametrize("line", LINES)
def test_a_line_of_a_requirements_file(line: str, scene: Scene) -> None:
    file = scene.folder / "requirements.txt"
    for url in wheel_urls(scene):
        file.write_text(f"{line.format(url=url.strip())}\n")
        common = (
            "resolve",
            "--base",
            scene.base,
            "--index-url",
            scene.index.url,
            "-o",
            "{out}/lock.json",
        )
        scene.told(*common, "-r", file)
        scene.told(*common, "demo", "-c", file)


def test_what_was_asked_for_is_written_bare_wherever_it_goes(scene: Scene) -> None:
    scene.both = True
    bare = scene.index.file_url(WHEEL)
    url = bare.replace("http://", f"http://us:{SECRET}@") + f"?token={SECRET}#sha256={SECRET}"
    requested = json.dumps([f"demo @ {bare}"]).encode()
    asked = ("--index-url", scene.index.url, f"--requested=demo @ {url}")
    assert b'"demo @ ' + bare.encode() + b'"' in scene.freeze(*asked, expected={0})
    # A lock of an earlier version, or one that was written by hand.
    own = {
        "micropip-lock": {
            "requested": [f"demo @ {url}", f"{SECRET} is none"],
            "indexes": [],
            "proof": "content",
        }
    }
    lock = scene.lock(bare, tool=own)
    scene.told("bundle", lock, "{out}/bundle", expected={0})
    bundled = json.loads((scene.folder / "out" / "bundle" / "pyodide-lock.json").read_text())
    assert bundled["tool"]["micropip-lock"]["requested"] == [f"demo @ {bare}"]
    common = ("--base", scene.base, "--index-url", scene.index.url, "-o", "{out}/lock.json")
    assert bare.encode() in scene.told("retarget", lock, *common, expected={0})
    for words in (
        ("diff", scene.base, lock),
        ("tree", lock),
        ("verify", lock),
        ("outdated", lock),
        ("check", lock),
    ):
        scene.told(*words)
    for form in ("pylock", "requirements"):
        scene.told("export", lock, "--format", form, "-o", "{out}/exported.toml")
    shutil.rmtree(scene.site)
    scene.site.mkdir()
    scene.told("sync", lock, "--path", scene.site, expected={0})
    [note] = scene.site.glob("*.dist-info/provenance_url.json")
    assert requested in note.read_bytes()
    # And what an earlier sync left is no better than its lock.
    note.write_text(note.read_text().replace(f"demo @ {bare}", f"demo @ {url}"))
    scene.planted = (note,)
    assert bare.encode() in scene.freeze("--index-url", scene.index.url, expected={0})


# -- claims, locks, bases


@pytest.mark.parametrize(
    "name", ["direct_url_json", "provenance_url_json", "PYODIDE_URL", "PYODIDE_SOURCE", "INDEX"]
)
def test_a_claim(name: str, scene: Scene) -> None:
    for url in wheel_urls(scene):
        claim(scene.site, **{name: archive(url, scene.sha256) if name.endswith("json") else url})
        scene.planted = tuple(path for path in scene.site.rglob("*") if path.is_file())
        scene.freeze("--index-url", scene.index.url, "--trust-index-file")


def test_a_report(scene: Scene) -> None:
    report, pylock = scene.folder / "report.json", scene.folder / "pylock.toml"
    for url in wheel_urls(scene):
        item = {
            "metadata": {"name": "demo", "version": "1.0"},
            "download_info": json.loads(archive(url)),
            "requested": True,
        }
        report.write_text(json.dumps({"version": "1", "install": [item]}))
        file = {"url": url, "hashes": {"sha256": "0" * 64}}
        pylock.write_text(
            'lock-version = "1.0"\ncreated-by = "x"\n[[packages]]\nname = "demo"\nversion = "1.0"\n'
            f"wheels = [{{url = {json.dumps(file['url'])}, hashes = {{sha256 = {'0' * 64!r}}}}}]\n"
        )
        for given in (report, pylock):
            scene.freeze("--index-url", scene.index.url, "--report", given)
        scene.told(
            "import",
            pylock,
            "--base",
            scene.base,
            "--index-url",
            scene.index.url,
            "-o",
            "{out}/lock.json",
        )


def test_a_file_name_of_a_lock(scene: Scene) -> None:
    for url in wheel_urls(scene):
        lock = scene.lock(url)
        for words in (
            ("verify", lock),
            ("check", lock),
            ("tree", lock),
            ("diff", scene.base, lock),
            ("outdated", lock),
        ):
            scene.told(*words)
        scene.told("diff", scene.base, lock, "--markdown")
        scene.told(
            "export", lock, "--format", "requirements", "--urls", "-o", "{out}/requirements.txt"
        )
        scene.told(
            "retarget",
            lock,
            "--base",
            scene.base,
            "--index-url",
            scene.index.url,
            "-o",
            "{out}/lock.json",
        )
        scene.told("bundle", lock, "{out}/bundle")
        scene.told("sync", lock, "--path", scene.site, "--dry-run")


#: A file name of a lock that is no http URL, with a password; {file} is the wheel at the end.
RELATIVE = [
    "//us:{secret}@h/{file}",
    "//{secret}@h/{file}",
    "///us:{secret}@h/{file}",
    "\\\\us:{secret}@h\\{file}",
    "us:{secret}@h/{file}",
    "./us:{secret}@h/{file}",
    "/us:{secret}@h/{file}",
    "a/us:{secret}@h/{file}",
    "//us%3A{secret}%40h/{file}",
    "us%3A{secret}%40h/{file}",
    "http:us:{secret}@h/{file}",
    "http:/us:{secret}@h/{file}",
    "file://us:{secret}@h/{file}",
    "ftp://us:{secret}@h/{file}",
]


@pytest.mark.parametrize("spelling", RELATIVE)
def test_a_file_name_that_is_no_http_url(spelling: str, scene: Scene) -> None:
    """Of a base, and of each lock that a command reads: what is shown and what is written."""
    scene.both = True
    index = ("--index-url", scene.index.url)
    good = scene.lock(scene.index.file_url(WHEEL), tool={}).rename(scene.folder / "good.json")
    pylock = scene.folder / "pylock.toml"
    scene.told("export", good, "--format", "pylock", "-o", "{out}/pylock.toml", expected={0})
    shutil.copy(scene.folder / "out" / "pylock.toml", pylock)
    lock = scene.lock(spelling.format(secret=SECRET, file=WHEEL), tool={})
    target = ("-o", "{out}/lock.json")
    for words in (
        (
            "freeze",
            "--path",
            scene.site,
            "--base",
            lock,
            *index,
            "--include",
            "distribution",
            *target,
        ),
        (
            "freeze",
            "--path",
            scene.site,
            "--base",
            lock,
            *index,
            "--base-url",
            "https://h.example/full",
            *target,
        ),
        ("resolve", "demo", "--base", lock, *index),
        ("resolve", "demo", "--base", lock, *index, *target),
        ("resolve", "demo", "--base", scene.base, *index, "-o", lock, "--check"),
        ("retarget", good, "--base", lock, *index, *target),
        ("retarget", lock, "--base", lock, *index, *target),
        ("import", pylock, "--base", lock, *index, *target),
        ("verify", lock),
        ("verify", lock, "--deep"),
        ("check", lock),
        ("check", "--path", scene.site, "--base", lock),
        ("tree", lock),
        ("tree", lock, "--svg", "{out}/tree.svg"),
        ("diff", good, lock),
        ("diff", lock, good, "--markdown"),
        ("outdated", lock, *index),
        ("export", lock, "--format", "requirements", "-o", "{out}/requirements.txt"),
        ("export", lock, "--format", "pylock", "-o", "{out}/pylock.toml"),
        ("bundle", lock, "{out}/bundle", "--base-dir", scene.index.folder),
        ("sync", lock, "--path", scene.site, "--dry-run"),
        ("sync", lock, "--path", scene.site),
    ):
        scene.told(*words)


def test_the_base(scene: Scene) -> None:
    for url in [scene.url(spelling) for spelling in SPELLINGS]:
        given = (
            "freeze",
            "--path",
            scene.site,
            "--index-url",
            scene.index.url,
            "-o",
            "{out}/lock.json",
        )
        scene.told(*given, "--base", url)
        scene.told(*given, "--base", scene.base, "--base-url", url)
        scene.told(*given, "--base", scene.base, "--base-dir", url)
        scene.told("verify", url)
        scene.told("verify", scene.base, url)
        scene.told(url)


@pytest.mark.parametrize("place", ["https://cdn.example/full/", ""])
def test_a_query_of_the_base(place: str, scene: Scene) -> None:
    """No command writes it into a lock:

    who has another wheel of demo takes that, and the others refuse the base.
    """
    base = scene.lock(f"{place}{WHEEL}?key={SECRET}", tool={})
    scene.both = True
    pylock = scene.folder / "pylock.toml"
    pylock.write_text(
        'lock-version = "1.0"\ncreated-by = "a test"\n[[packages]]\nname = "demo"\nversion = '
        '"1.0"\n'
        f'[[packages.wheels]]\nurl = "{scene.index.file_url(WHEEL)}"\nhashes = {{ sha256 = '
        f'"{scene.sha256}" }}\n'
    )
    empty = installer_target(
        scene.folder / "empty", build_wheel(scene.folder / "tools", "pip", "26.0")
    )
    common = ("--base", base, "--index-url", scene.index.url, "-o", "{out}/lock.json")
    scene.told("freeze", "--path", scene.site, *common, expected={0})
    for words in (
        ("freeze", "--path", empty, "--include", "distribution"),
        ("resolve", "demo"),
        ("retarget", base, "--requested", "demo"),
        ("import", pylock),
    ):
        assert b"query-needed" in scene.told(*words, *common, expected={1})
