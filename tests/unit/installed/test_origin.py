from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micropip_lock.formats.core_metadata import CoreMetadata, WheelMetadata
from micropip_lock.formats.direct_url import DirectUrl
from micropip_lock.installed.distribution import InstalledDistribution
from micropip_lock.installed.origin import Claim, Origin, origin
from micropip_lock.installed.site_packages import scan

from ...support.index_server import IndexServer
from ...support.installed import installer_target, pip_target, uv_target
from ...support.wheels import build_wheel, sha256

URL = "https://files.example/demo-1.0-py3-none-any.whl"
HASH = "ab" * 32
MICROPIP = {"PYODIDE_SOURCE": URL, "PYODIDE_URL": URL, "PYODIDE_SHA256": HASH}


def distribution(installer: str = "", **files: object) -> InstalledDistribution:
    given_files = {name.replace("__", "."): value for name, value in files.items()}
    raw = {
        name: _bytes(value)
        for name, value in {"INSTALLER": installer, **given_files}.items()
        if value != ""
    }
    metadata, wheel = CoreMetadata("Demo", "1.0"), WheelMetadata(frozenset())
    return InstalledDistribution(Path("site"), "demo-1.0.dist-info", raw, metadata, wheel, ())


def _bytes(value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    return (value if isinstance(value, str) else json.dumps(value)).encode()


def archive(url: str = URL, **info: Any) -> dict[str, Any]:
    return {"url": url, "archive_info": info}


def code(found: Origin) -> str:
    (problem,) = found.problems
    assert found.claims == () and problem.package == "demo" and problem.version == "1.0"
    assert "{" not in problem.hint + problem.message
    return problem.code


# -- real installs


def test_installs_from_an_index_claim_nothing(index: IndexServer, tmp_path: Path) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    for number, install in enumerate((pip_target, uv_target)):
        (item,), _ = scan([install(tmp_path / str(number), "demo", index_url=index.url)])
        assert origin(item) == Origin()
    (item,), _ = scan([installer_target(tmp_path / "installer", wheel)])
    assert origin(item) == Origin()


def test_installs_from_a_url_claim_it(index: IndexServer, tmp_path: Path) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    url = index.file_url(wheel.name)
    for install, hash_ in ((pip_target, sha256(wheel)), (uv_target, None)):
        (item,), _ = scan([install(tmp_path / install.__name__, url)])
        assert origin(item) == Origin(claims=(Claim("direct-url", url, hash_, "direct_url.json"),))


def test_installs_from_a_file_are_local(tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path, "demo", "1.0")
    for install in (pip_target, uv_target):
        (item,), _ = scan([install(tmp_path / install.__name__, str(wheel))])
        found = origin(item)
        assert code(found) == "local-file"
        assert (
            wheel.name in found.problems[0].message
            and str(tmp_path) not in found.problems[0].message
        )


# -- rule 1: the base


@pytest.mark.parametrize(
    ("installer", "loaded", "is_base"),
    [
        ("pyodide.loadPackage", {"demo": "default channel"}, True),
        ("pyodide.loadPackage\n", {"demo": "default channel"}, True),
        ("pyodide.loadPackage", {"demo": URL}, False),
        ("pyodide.loadPackage", {}, False),
        ("pyodide.loadPackage", None, False),
        ("pip", {"demo": "default channel"}, False),
        ("micropip", {"demo": "default channel"}, False),
        ("", {"demo": "default channel"}, False),
    ],
)
def test_only_the_runtime_itself_says_what_is_of_the_base(
    installer: str, loaded: Any, is_base: bool
) -> None:
    assert (
        origin(distribution(installer, PYODIDE_SOURCE="pyodide"), loaded=loaded).is_base is is_base
    )


# -- rule 2: micropip in a live runtime


@pytest.mark.parametrize(
    ("installer", "loaded", "witnessed"),
    [
        ("micropip", {"demo": "pypi"}, True),
        ("micropip", {}, False),
        ("micropip", None, False),
        ("Micropip", {"demo": "pypi"}, False),
        ("micropip 1", {"demo": "pypi"}, False),
        ("pip", {"demo": "pypi"}, False),
        ("", {"demo": "pypi"}, False),
    ],
)
def test_only_the_runtime_s_own_installs_are_witnessed(
    installer: str, loaded: Any, witnessed: bool
) -> None:
    found = origin(distribution(installer, **MICROPIP), loaded=loaded)
    assert found == Origin(claims=(Claim("micropip", URL, HASH, "PYODIDE_URL", witnessed),))


@pytest.mark.parametrize("hash_", ["", "short", "x" * 64, HASH + "00"])
def test_a_witness_without_a_hash_is_only_a_claim(hash_: str) -> None:
    found = origin(
        distribution("micropip", PYODIDE_URL=URL, PYODIDE_SHA256=hash_), loaded={"demo": "pypi"}
    )
    assert found == Origin(claims=(Claim("micropip", URL, None, "PYODIDE_URL"),))


def test_hashes_become_lower_case() -> None:
    (claim,) = origin(
        distribution("micropip", PYODIDE_URL=URL, PYODIDE_SHA256=HASH.upper() + "\n")
    ).claims
    assert claim.sha256 == HASH


@pytest.mark.parametrize("loaded", [None, {"demo": "x"}])
@pytest.mark.parametrize(
    "url",
    [
        "emfs:/tmp/demo.whl",
        "file:///tmp/demo.whl",
        "demo.whl",
        "./demo.whl",
        "/demo.whl",
        "//host/demo.whl",
        "http://[/a.whl",
    ],
)
def test_urls_that_only_this_machine_has_are_local_files(url: str, loaded: Any) -> None:
    assert (
        code(origin(distribution("micropip", PYODIDE_URL=url, PYODIDE_SHA256=HASH), loaded=loaded))
        == "local-file"
    )
    assert code(origin(distribution("pip", direct_url__json=archive(url)), loaded=loaded)) in (
        "local-file",
        "broken-metadata",
    )


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("file:///home/me/demo-1.0%2Bx-py3-none-any.whl", "(demo-1.0+x-py3-none-any.whl)"),
        ("ftp://me:secret@host", "(host)"),
        ("ftp://me:secret@host/secret/demo.whl?secret#secret", "(demo.whl)"),
        ("file:///demo%1b%5b31m%0a.whl", "(demo?[31m?.whl)"),
        ("data:application/zip;base64,c2VjcmV0", "(data:...)"),
    ],
)
def test_messages_about_local_files_show_a_name_and_nothing_else(url: str, name: str) -> None:
    (problem,) = origin(distribution("uv", direct_url__json=archive(url))).problems
    assert (
        name in problem.message
        and "secret" not in problem.message
        and problem.message.isprintable()
    )


# -- rule 3: claims


@pytest.mark.parametrize("installer", ["micropip mock package", "micropip in-memory mock package"])
def test_mocks(installer: str) -> None:
    assert code(origin(distribution(installer), loaded={"demo": "x"})) == "mock"
    assert code(origin(distribution(installer))) == "mock"


def test_conda_is_a_foreign_installer_and_others_are_not() -> None:
    assert code(origin(distribution("conda", direct_url__json=archive()))) == "foreign-installer"
    for installer in ("", "poetry 1.8", "pdm", "rye", "conda-pypi"):
        assert origin(distribution(installer)) == Origin()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"url": "file:///src", "dir_info": {}}, "local-directory"),
        ({"url": "file:///src", "dir_info": {"editable": True}}, "editable"),
        ({"url": "https://git.example/demo", "vcs_info": {"vcs": "git"}}, "vcs"),
        (archive("https://files.example/demo-1.0.tar.gz"), "sdist"),
        (archive("https://files.example/demo-1.0.zip?x=.whl#.whl"), "sdist"),
        (archive("file:///demo-1.0.tar.gz"), "local-file"),
        ({"url": URL}, "broken-metadata"),
        ("{", "broken-metadata"),
        (b"\xff", "broken-metadata"),
        (archive(hash="sha256=short"), "broken-metadata"),
    ],
)
def test_direct_urls_that_cannot_be_locked(value: object, expected: str) -> None:
    found = origin(distribution("pip", direct_url__json=value))
    assert code(found) == expected


def test_messages_about_version_control_hold_no_secret() -> None:
    value = {"url": "https://me:secret@git.example/demo?secret", "vcs_info": {"vcs": "git"}}
    (problem,) = origin(distribution("pip", direct_url__json=value)).problems
    assert "https://git.example/demo" in problem.message and "secret" not in str(problem)


def test_provenance_urls_are_claims() -> None:
    found = origin(distribution("pip", provenance_url__json=archive(hashes={"sha256": HASH})))
    assert found.claims == (Claim("provenance-url", URL, HASH, "provenance_url.json"),)
    assert code(origin(distribution("pip", provenance_url__json={"url": URL}))) == "broken-metadata"


@pytest.mark.parametrize("files", [{}, {"direct_url__json": archive()}, {"PYODIDE_URL": URL}])
def test_what_uv_built_is_an_sdist(files: dict[str, object]) -> None:
    assert code(origin(distribution("uv", uv_build__json={}, **files))) == "sdist"


@pytest.mark.parametrize(
    "url", [URL, URL + "?token=1", URL.replace(".whl", "%2Ewhl"), "http://HOST/a.whl#sha256=0"]
)
def test_wheels_are_known_by_their_path(url: str) -> None:
    assert origin(distribution("uv", direct_url__json=archive(url))).claims == (
        Claim("direct-url", url, None, "direct_url.json"),
    )


def test_the_report_comes_first_and_has_no_file() -> None:
    item = distribution("pip", direct_url__json=archive(hashes={"sha256": "cd" * 32}))
    found = origin(
        item, report={"demo": DirectUrl(URL, "archive", HASH), "other": DirectUrl("x", "vcs")}
    )
    assert [(claim.kind, claim.sha256, claim.file) for claim in found.claims] == [
        ("report", HASH, None),
        ("direct-url", "cd" * 32, "direct_url.json"),
    ]


@pytest.mark.parametrize(
    ("source", "claimed"),
    [(URL, True), ("pyodide", False), ("pypi", False), ("default channel", False), ("", False)],
)
def test_pyodide_source_is_a_claim_when_it_is_a_url(source: str, claimed: bool) -> None:
    found = origin(distribution("pyodide.loadPackage", PYODIDE_SOURCE=source))
    assert found == Origin(
        claims=(Claim("pyodide-source", URL, None, "PYODIDE_SOURCE"),) if claimed else ()
    )


def test_pyodide_url_says_more_than_pyodide_source_and_less_than_direct_url() -> None:
    assert [claim.kind for claim in origin(distribution("micropip", **MICROPIP)).claims] == [
        "micropip"
    ]
    both = origin(distribution("pip", direct_url__json=archive(), **MICROPIP))
    assert [claim.kind for claim in both.claims] == ["direct-url"]


@pytest.mark.parametrize(
    ("content", "index"),
    [
        ("https://index.example/simple\n", "https://index.example/simple"),
        ("nonsense", None),
        (b"\xff", None),
    ],
)
def test_index_orders_and_is_no_claim(content: object, index: str | None) -> None:
    assert origin(distribution("pip", INDEX=content)) == Origin(index=index)


NAMES = [
    "direct_url__json",
    "provenance_url__json",
    "uv_build__json",
    "INDEX",
    "PYODIDE_URL",
    "PYODIDE_SHA256",
]
NAMES += ["PYODIDE_SOURCE"]
contents = st.sampled_from(
    [URL, HASH, json.dumps(archive()), "micropip", "https://[", "x://y.whl"]
) | st.binary(max_size=20)


@given(
    st.sampled_from(["pip", "uv", "micropip", "pyodide.loadPackage", ""]) | st.text(max_size=10),
    st.dictionaries(st.sampled_from(NAMES), contents),
    st.none() | st.just({"demo": "default channel"}),
)
def test_any_files_are_problems_or_remote_wheels(
    installer: str, files: dict[str, Any], loaded: Any
) -> None:
    found = origin(distribution(installer, **files), loaded=loaded)
    assert not (found.problems and found.claims)
    assert all(claim.url.lower().startswith(("http://", "https://")) for claim in found.claims)
    assert all(str(problem).replace("\n", "").isprintable() for problem in found.problems)
