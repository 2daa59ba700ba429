"""Text of locks, packages and servers in everything that is printed:

no line of its own, nothing for the terminal.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ...support.freezing import base_document, entry
from ...support.index_server import IndexServer
from ...support.installed import installer_target
from ...support.replies import Fault
from ...support.wheels import build_wheel
from .conftest import Done, Run

#: Each would begin a line with «EVIL» somewhere, or steer a terminal.
TEXTS = {
    "newline": "1.0\nEVIL",
    "return": "1.0\r\nEVIL\r",
    "separators": "1.0\u2028EVIL\u2029EVIL\x85EVIL\x0bEVIL",
    "escapes": "1.0\x1b]0;EVIL\x07\x9b31mEVIL\x7f\b",
    "marks": "1.0\u202eEVIL\u2066\u200f",
    "surrogate": "1.0\ud800EVIL\udcff",
    "nul": "1.0\0EVIL",
    "markup": "1.0[/bold][red]EVIL</script>`|",
}
#: Everything that is no line end and cannot be seen, and lone surrogates.
UNSEEN = re.compile(
    "[\0-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def harmless(done: Done) -> None:
    """It ended as it should, and what it printed is what it says."""
    assert done.status in (0, 1, 2, 3)
    assert UNSEEN.search(done.out + done.err) is None
    assert not re.search(r"^\s*EVIL", done.out + done.err, re.MULTILINE)
    if done.out.startswith("{"):
        json.loads(done.out)


@pytest.fixture(params=TEXTS.values(), ids=TEXTS.keys())
def text(request: pytest.FixtureRequest) -> str:
    value: str = request.param
    return value


def locks(text: str) -> Iterator[dict[str, Any]]:
    """A lock for each place that may hold any text; the first has all of them in one."""
    fields = {
        "version": text,
        "file_name": f"https://files.example/{text}/demo-1.0-py3-none-any.whl",
        "sha256": text,
    }
    yield base_document(
        entry(
            "demo",
            **fields,
            depends=["lib", text],
            imports=[text],
            install_dir=text,
            package_type=text,
        ),
        entry("lib", depends=["demo"]),
        **{
            text: text,
            "tool": {"micropip-lock": {"requested": [text], "indexes": [text], "proof": text}},
        },
    )
    for key, value in fields.items():
        yield base_document(entry("demo", **{key: value}))
    yield base_document(entry("demo", depends=[text], imports=[text]), **{text: text})
    yield {
        **base_document(),
        "packages": {re.sub("[\\[\0\ud800-\udfff]", "(", text): {**entry("demo"), "name": text}},
    }
    yield {
        **base_document(entry("demo")),
        "info": {**base_document()["info"], "python": text, "arch": text},
    }


def commands(lock: Path, base: Path, folder: Path) -> Iterator[list[str | Path]]:
    yield ["verify", lock, "--offline"]
    yield ["diff", lock, base]
    yield ["diff", base, lock]
    yield ["tree", lock]
    yield ["tree", lock, "--invert", "demo"]
    yield ["check", lock, "--offline"]
    yield ["outdated", lock, "--offline", "--index-url", "https://index.example/simple"]
    yield [
        "retarget",
        lock,
        "--base",
        base,
        "--offline",
        "--index-url",
        "https://index.example/simple",
    ]
    yield ["export", lock, "--format", "pylock"]
    yield ["export", lock, "--format", "requirements", "--urls"]
    yield ["export", lock, "--format", "requirements", "--base-url", "https://files.example/"]
    yield ["bundle", lock, folder / "bundle", "--offline"]
    yield ["sync", lock, "--path", folder, "--offline", "--no-cache"]
    yield [
        "resolve",
        "demo",
        "--base",
        lock,
        "--offline",
        "--index-url",
        "https://index.example/simple",
    ]


def test_a_lock(text: str, run: Run, base: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    lock = tmp_path / "lock.json"
    for number, document in enumerate(locks(text)):
        lock.write_text(json.dumps(document))
        for arguments in commands(lock, base, tmp_path / "empty"):
            harmless(run(*arguments))
            if number == 0:
                harmless(run(*arguments, "--json"))
        if number == 0:
            harmless(run("diff", base, lock, "--markdown"))
            harmless(run("tree", lock, "--svg", "-"))


def test_metadata(text: str, run: Run, base: Path, index: IndexServer, site: Path) -> None:
    info = site / "demo-1.0.dist-info"
    whole = info.joinpath("METADATA").read_bytes()
    evil = text.encode(errors="surrogatepass")
    fields = (
        b"Name",
        b"Version",
        b"Requires-Dist",
        b"Requires-Python",
        b"Import-Name",
        b"Provides-Extra",
    )
    files = {
        f"METADATA {key.decode()}": ("METADATA", key + b": " + evil + b"\n" + whole)
        for key in fields
    }
    files |= {
        name: (name, evil) for name in ("RECORD", "WHEEL", "INSTALLER", "direct_url.json", "INDEX")
    }
    files["row"] = (
        "RECORD",
        info.joinpath("RECORD").read_bytes() + b'"demo/' + evil + b'.py",sha256=x,5\r\n',
    )
    files["URL"] = (
        "direct_url.json",
        json.dumps({"url": f"https://x.example/{text}", "dir_info": {}}).encode(),
    )
    for name, content in files.values():
        before = info.joinpath(name).read_bytes() if info.joinpath(name).exists() else None
        info.joinpath(name).write_bytes(content)
        for flags in ((), ("--json",)):
            harmless(
                run("freeze", "--path", site, "--base", base, "--index-url", index.url, *flags)
            )
            harmless(run("check", "--path", site, "--base", base, *flags))
            harmless(run("verify", base, "--path", site, "--offline", *flags))
        if before is None:
            info.joinpath(name).unlink()
        else:
            info.joinpath(name).write_bytes(before)


@pytest.mark.parametrize(
    "name", [b"odd\xff-1.0.dist-info", b"odd\n EVIL-1.0.dist-info", b"odd\xe2\x80\xae.egg-info"]
)
def test_file_names(name: bytes, run: Run, base: Path, index: IndexServer, site: Path) -> None:
    Path(site.as_posix(), name.decode(errors="surrogateescape")).mkdir()
    for flags in ((), ("--json",)):
        for command in (
            ["freeze", "--index-url", index.url, "--base", base],
            ["check", "--base", base],
        ):
            done = run(*command, "--path", site, *flags)
            harmless(done)
            assert done.status == 1 and "odd" in done.out + done.err
        harmless(run("verify", base, "--path", site, "--offline", *flags))


@pytest.mark.parametrize("key", ["yanked", "requires-python", "url", "reason"])
def test_a_project_page(
    key: str, text: str, run: Run, base: Path, index: IndexServer, tmp_path: Path
) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    site = installer_target(tmp_path / "one", wheel)
    lock = tmp_path / "lock.json"
    url = index.file_url(wheel.name)
    lock.write_text(json.dumps(base_document(entry("demo", file_name=url))))
    row = {"filename": wheel.name, "url": url, "hashes": {}, key: text}
    status = {"status": "archived", "reason": text} if key == "reason" else {"status": "active"}
    page = {
        "meta": {"api-version": "1.4"},
        "name": "demo",
        "files": [row],
        "project-status": status,
    }
    index.faults["/simple/demo/"] = Fault("body", body=json.dumps(page).encode())
    options = ["--index-url", index.url]
    for flags in ((), ("--json",)):
        harmless(run("freeze", "--path", site, "--base", base, *options, *flags))
        harmless(run("resolve", "demo", "--base", base, *options, *flags))
        harmless(run("outdated", lock, *options, *flags))
        harmless(run("verify", lock, *options, *flags))


def test_no_line_is_added_to_what_is_exported(text: str, run: Run, tmp_path: Path) -> None:
    lock = tmp_path / "lock.json"
    for key, value in {
        "version": f"1.0{text}",
        "file_name": f"https://x.example/demo-1.0-py3-none-any.whl?{text}",
    }.items():
        lock.write_text(json.dumps(base_document(entry("demo", **{key: value}))))
        for options in (["requirements"], ["requirements", "--urls"], ["pylock"]):
            done = run("export", lock, "--format", *options)
            assert "EVIL" not in done.out and (done.status == 1 or done.out.count("demo") >= 1)
