"""The prover by itself: findings, evidence, and what outweighs what."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from micropip_lock.formats.lockfile import LockedPackage, LockInfo
from micropip_lock.formats.target import Target
from micropip_lock.index.client import Indexes
from micropip_lock.installed.distribution import InstalledDistribution
from micropip_lock.installed.origin import Claim, Origin, origin
from micropip_lock.installed.site_packages import scan
from micropip_lock.network import drive
from micropip_lock.proof.case import MOST_CANDIDATES
from micropip_lock.proof.evidence import BaseWheel, Evidence, Finding, Rules
from micropip_lock.proof.prover import Prover

from ...support.freezing import INFO, NATIVE, forget_machine, quick_fetcher
from ...support.index_server import Fault, IndexServer
from ...support.installed import installer_target
from ...support.memory_index import MemoryIndex
from ...support.runtimes import lock_entry
from ...support.wheels import build_wheel, repack, sha256

TARGET = Target.from_info(LockInfo.from_dict(INFO, "info"))
DATA = os.urandom(50_000)


@pytest.fixture(autouse=True)
def clean_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    forget_machine(monkeypatch, tmp_path_factory.mktemp("empty"))


@pytest.fixture
def wheel(index: IndexServer) -> Path:
    return build_wheel(index.folder, "demo", "1.0", files={"demo.py": "x = 1\n", "demo.dat": DATA})


@pytest.fixture
def demo(wheel: Path, tmp_path: Path) -> InstalledDistribution:
    (distribution,), problems = scan([installer_target(tmp_path / "site", wheel)])
    assert problems == []
    return distribution


def prove(
    distribution: InstalledDistribution,
    *index_urls: str,
    where: Origin | None = None,
    base: BaseWheel | None = None,
    rules: Rules | None = None,
) -> Finding:
    async def main() -> Finding:
        fetcher = quick_fetcher()
        try:
            prover = Prover(fetcher, Indexes(index_urls), TARGET, rules or Rules())
            return await prover.prove(distribution, where or origin(distribution), base)
        finally:
            await fetcher.aclose()

    return asyncio.run(main())


def code(finding: Finding) -> str:
    assert finding.evidence is None
    (problem,) = finding.problems
    return problem.code


def test_evidence_as_json_has_the_keys_of_the_contract(
    demo: InstalledDistribution, index: IndexServer
) -> None:
    evidence = prove(demo, index.url).evidence
    assert evidence is not None
    assert list(evidence.to_json()) == [
        "package",
        "version",
        "claim",
        "proof",
        "url",
        "sha256",
        "size",
        "index",
        "requests",
        "bytes",
        "hash_from",
    ]
    assert evidence.to_json()["package"] == "demo"


def test_a_witnessed_claim_costs_nothing(demo: InstalledDistribution) -> None:
    claim = Claim(
        "micropip", "https://files.example/demo-1.0-py3-none-any.whl", "a" * 64, "PYODIDE_URL", True
    )
    evidence = prove(demo, where=Origin(claims=(claim,))).evidence
    assert evidence == Evidence(
        "demo", "1.0", "micropip", "installer", claim.url, "a" * 64, hash_from="installer"
    )


def test_a_witnessed_claim_with_a_query_is_proved_by_content(
    demo: InstalledDistribution, wheel: Path, index: IndexServer
) -> None:
    url = index.file_url(wheel.name)
    claim = Claim("micropip", url + "?token=hunter2", sha256(wheel), "PYODIDE_URL", True)
    # The hash that came with the query is not that of the URL without it.
    assert code(prove(demo, where=Origin(claims=(claim,)))) == "query-needed"
    evidence = prove(demo, where=Origin(claims=(claim,)), rules=Rules(download=True)).evidence
    assert evidence is not None
    assert (evidence.url, evidence.proof, evidence.hash_from) == (url, "download", "download")
    evidence = prove(demo, index.url, where=Origin(claims=(claim,))).evidence
    assert evidence is not None
    assert (evidence.url, evidence.proof, evidence.claim) == (url, "content", "micropip")
    assert (evidence.hash_from, evidence.index, evidence.sha256) == (
        "index",
        index.url,
        sha256(wheel),
    )
    index.faults["/files/"] = Fault("status", status=404)
    assert code(prove(demo, where=Origin(claims=(claim,)))) == "query-needed"


def test_a_witnessed_claim_with_piplites_query_needs_no_request(
    demo: InstalledDistribution,
) -> None:
    url = "https://files.example/demo-1.0-py3-none-any.whl"
    claim = Claim("micropip", f"{url}?sha256={'a' * 64}", "a" * 64, "PYODIDE_URL", True)
    evidence = prove(demo, where=Origin(claims=(claim,))).evidence
    assert evidence is not None
    assert (evidence.url, evidence.proof, evidence.requests) == (url, "installer", 0)


def test_a_claim_wins_over_base_and_index(
    demo: InstalledDistribution, wheel: Path, index: IndexServer, tmp_path: Path
) -> None:
    again = repack(wheel, tmp_path / "base")
    base = BaseWheel(locked(again), again.as_uri(), local=True)
    claim = Claim("direct-url", index.file_url(wheel.name), sha256(wheel), "direct_url.json")
    evidence = prove(demo, where=Origin(claims=(claim,)), base=base).evidence
    assert evidence is not None
    assert evidence.claim == "direct-url"


def locked(wheel: Path, file_name: str = "") -> LockedPackage:
    return LockedPackage.from_dict(lock_entry(wheel, file_name), "the test")


def test_the_base_is_read_where_it_lies(
    demo: InstalledDistribution, wheel: Path, index: IndexServer, tmp_path: Path
) -> None:
    again = repack(wheel, tmp_path / "base")
    base = BaseWheel(locked(again), again.as_uri(), local=True)
    finding = prove(demo, index.url, base=base)
    assert finding.is_base
    assert finding.evidence is not None
    assert (finding.evidence.proof, finding.evidence.url) == ("content", again.name)
    assert index.requests == []


def test_what_is_told_is_what_says_most(demo: InstalledDistribution, index: IndexServer) -> None:
    """One wheel differs for certain, the other one has no answer:

    it cannot be said that none fits.
    """
    index.remove("demo-1.0-py3-none-any.whl")
    build_wheel(index.folder, "demo", "1.0", files={"demo.py": "other"})
    native = build_wheel(index.folder, "demo", "1.0", tag=NATIVE)
    assert code(prove(demo, index.url)) == "content-mismatch"
    index.faults[f"/files/{native.name}"] = Fault("status", status=500)
    assert code(prove(demo, index.url)) == "unreachable"
    index.faults[f"/files/{native.name}"] = Fault("status", status=403)
    assert code(prove(demo, index.url)) == "not-allowed"


def test_a_wheel_that_fits_needs_no_answer_from_the_others(
    demo: InstalledDistribution, index: IndexServer
) -> None:
    native = build_wheel(index.folder, "demo", "1.0", tag=NATIVE)
    index.faults[f"/files/{native.name}"] = Fault("status", status=500)
    evidence = prove(demo, index.url).evidence
    assert evidence is not None
    assert evidence.url.endswith("py3-none-any.whl")


def test_metadata_on_the_page_spares_requests(
    demo: InstalledDistribution, index: IndexServer
) -> None:
    build_wheel(index.folder, "demo", "1.0", tag=NATIVE, requires=["other"])
    evidence = prove(demo, index.url).evidence
    assert evidence is not None
    assert evidence.requests == 2
    index.core_metadata = "off"
    evidence = prove(demo, index.url).evidence
    assert evidence is not None
    assert evidence.requests == 3


def test_all_metadata_differ_and_the_message_says_what(
    demo: InstalledDistribution, index: IndexServer
) -> None:
    index.remove("demo-1.0-py3-none-any.whl")
    build_wheel(index.folder, "demo", "1.0", requires=["other"])
    (problem,) = prove(demo, index.url).problems
    assert problem.code == "content-mismatch"
    assert "METADATA" in problem.message


def test_waiving_needs_an_answer_of_the_page(
    demo: InstalledDistribution, wheel: Path, index: IndexServer
) -> None:
    rules = Rules(accept_unproved=frozenset({"demo"}))
    index.ranges = "no"
    evidence = prove(demo, index.url, rules=rules).evidence
    assert evidence is not None
    assert (evidence.proof, evidence.sha256, evidence.size) == (
        "accepted",
        sha256(wheel),
        wheel.stat().st_size,
    )
    index.hashes = "none"
    assert code(prove(demo, index.url, rules=rules)) == "no-ranges"


def test_an_accepted_base_is_the_bases_entry(
    demo: InstalledDistribution, wheel: Path, index: IndexServer
) -> None:
    rules = Rules(accept_unproved=frozenset({"demo"}))
    index.faults["/base/"] = Fault("status", status=500)
    entry = locked(wheel, f"{index.root}/base/{wheel.name}")
    finding = prove(demo, base=BaseWheel(entry, entry.file_name, local=False), rules=rules)
    assert finding.is_base
    assert finding.evidence is not None
    assert (finding.evidence.claim, finding.evidence.proof) == ("base", "accepted")


# -- hashes of claims, pages and base


def direct_url(url: str, sha: str | None) -> Origin:
    return Origin(claims=(Claim("direct-url", url, sha, "direct_url.json"),))


def test_who_gave_the_hash(
    demo: InstalledDistribution, wheel: Path, index: IndexServer, tmp_path: Path
) -> None:
    claim = direct_url(index.file_url(wheel.name), sha256(wheel))
    finding = prove(demo, where=claim)
    assert finding.evidence is not None
    assert (finding.evidence.hash_from, finding.evidence.index) == ("claim", None)
    assert [warning.code for warning in finding.warnings] == ["claimed-hash"]
    finding = prove(demo, index.url, where=claim)
    assert finding.evidence is not None
    assert (finding.evidence.hash_from, finding.evidence.index) == ("index", index.url)
    assert finding.warnings == ()
    index.reset()
    finding = prove(demo, where=claim, rules=Rules(download=True))
    assert finding.evidence is not None
    assert (finding.evidence.hash_from, finding.evidence.proof) == ("download", "download")
    assert (finding.warnings, index.wheel_downloads) == ((), 1)


@pytest.mark.parametrize("order", [1, -1])
def test_one_url_with_two_hashes_is_a_conflict_whoever_comes_first(
    order: int,
    demo: InstalledDistribution,
    wheel: Path,
    index: IndexServer,
    other_index: IndexServer,
    tmp_path: Path,
) -> None:
    other_index.add(wheel)
    other_index.overrides[wheel.name] = {
        "url": index.file_url(wheel.name),
        "hashes": {"sha256": "ab" * 32},
    }
    urls = [index.url, other_index.url][::order]
    for where in (
        Origin(),
        direct_url(index.file_url(wheel.name), sha256(wheel)),
        Origin(index=other_index.url),
    ):
        assert code(prove(demo, *urls, where=where)) == "hash-conflict"
    entry = locked(wheel, index.file_url(wheel.name))
    base = BaseWheel(entry, entry.file_name, local=False)
    assert prove(demo, index.url, base=base).is_base
    assert (
        code(prove(demo, other_index.url, where=direct_url(entry.file_name, None), base=base))
        == "hash-conflict"
    )


@pytest.mark.parametrize(
    "spelled", ["HTTP://LOCALHOST:{port}/files/{name}", "http://localhost:{port}/x/../files/{name}"]
)
def test_one_url_spelled_in_two_ways_is_one(
    spelled: str, demo: InstalledDistribution, wheel: Path, index: IndexServer
) -> None:
    url = index.file_url(wheel.name).replace("127.0.0.1", "localhost")
    index.overrides[wheel.name] = {"url": url}
    claimed = spelled.format(port=urlsplit(url).port, name=wheel.name)
    assert code(prove(demo, index.url, where=direct_url(claimed, "ab" * 32))) == "hash-conflict"


@pytest.mark.parametrize(
    "filename", ["demo-2.0-py3-none-any.whl", "demo-1.0.post1-py3-none-any.whl"]
)
def test_a_page_may_list_a_url_under_any_name(
    filename: str, demo: InstalledDistribution, wheel: Path, index: IndexServer, tmp_path: Path
) -> None:
    build_wheel(tmp_path, "demo", "2.0").rename(index.folder / filename)
    index.overrides[filename] = {"url": index.file_url(wheel.name), "hashes": {"sha256": "ab" * 32}}
    assert code(prove(demo, index.url)) == "hash-conflict"


def test_no_file_that_gives_the_hash_may_be_shipped(
    demo: InstalledDistribution, index: IndexServer, other_index: IndexServer
) -> None:
    files = {"demo.py": "x = 1\n", "demo.dat": DATA}
    wheel = build_wheel(
        other_index.folder,
        "demo",
        "1.0",
        files=files,
        dist_info_files={"provenance_url.json": "{}"},
    )
    url = other_index.file_url(wheel.name)
    claims = (
        Claim("direct-url", url, None, "direct_url.json"),
        Claim("provenance-url", url, "ab" * 32, "provenance_url.json"),
    )
    assert code(prove(demo, index.url, where=Origin(claims=claims))) == "forged-claim"


@pytest.mark.parametrize(
    "filename", ["demo-1.0-cp311-abi3-manylinux_2_17_x86_64.whl", "demo-1.0+local-py3-none-any.whl"]
)
def test_no_file_name_hides_a_wheel_that_forges_a_claim(
    filename: str,
    demo: InstalledDistribution,
    wheel: Path,
    index: IndexServer,
    other_index: IndexServer,
) -> None:
    claim = direct_url(_elsewhere(other_index, wheel), "ab" * 32)
    _forging(index.folder).rename(index.folder / filename)
    index.remove(wheel.name)
    assert code(prove(demo, index.url, where=claim)) == "forged-claim"


def test_no_query_hides_a_wheel_that_forges_a_claim(
    demo: InstalledDistribution, wheel: Path, tmp_path: Path
) -> None:
    class QueryIndex(MemoryIndex):
        """Lists what has a query, under its name without."""

        def _page(self, project: str) -> bytes:
            listed = QueryIndex({name: data for name, data in self.files.items() if "?" in name})
            return MemoryIndex._page(listed, project)

        def _entry(self, filename: str, content: bytes) -> dict[str, Any]:
            return {**super()._entry(filename, content), "filename": filename.partition("?")[0]}

    forging = _forging(tmp_path / "forging")
    server = QueryIndex({wheel.name: wheel.read_bytes(), f"{wheel.name}?v=1": forging.read_bytes()})
    prover = Prover(server, Indexes([server.url]), TARGET, Rules())
    finding = drive(prover.prove(demo, direct_url(server.file_url(wheel.name), "ab" * 32)))
    assert code(finding) == "forged-claim"


def test_a_claim_needs_an_answer_of_every_wheel_that_may_forge_it(
    demo: InstalledDistribution, wheel: Path, index: IndexServer, other_index: IndexServer
) -> None:
    url = _elsewhere(other_index, wheel)
    index.faults[f"/files/{wheel.name}"] = Fault("status", 404)
    assert code(prove(demo, index.url, where=direct_url(url, "ab" * 32))) == "gone"
    index.remove(wheel.name)
    for number in range(MOST_CANDIDATES + 1):
        build_wheel(
            index.folder, "demo", "1.0", build=str(number), files={"demo.py": f"x = {number}\n"}
        )
    assert code(prove(demo, index.url, where=direct_url(url, "ab" * 32))) == "ambiguous-index"


def _elsewhere(server: IndexServer, wheel: Path) -> str:
    """The URL of a copy of ``wheel`` on another server."""
    copy = server.folder / wheel.name
    copy.write_bytes(wheel.read_bytes())
    return server.file_url(wheel.name)


def _forging(folder: Path) -> Path:
    """A wheel that holds what ``demo`` holds, and a claim."""
    files = {"demo.py": "x = 1\n", "demo.dat": DATA}
    return build_wheel(
        folder, "demo", "1.0", files=files, dist_info_files={"direct_url.json": "{}"}
    )


def test_an_index_wheel_that_cannot_be_read_leaves_a_claim_open(
    demo: InstalledDistribution, wheel: Path, index: IndexServer, other_index: IndexServer
) -> None:
    """It could be what was installed, and ship the claim."""
    big = {"demo.py": "x = 1\n", "demo.dat": DATA}
    build_wheel(
        other_index.folder, "demo", "1.0", files=big, dist_info_files={"direct_url.json": "{}"}
    )
    claim = direct_url(index.file_url(wheel.name), sha256(wheel))
    other_index.ranges = "no"
    assert code(prove(demo, other_index.url, where=claim)) == "no-ranges"
    accepted = prove(
        demo, other_index.url, where=claim, rules=Rules(accept_unproved=frozenset({"demo"}))
    ).evidence
    assert accepted is not None
    assert accepted.proof == "accepted"
    for rules in (Rules(download=True), Rules(download=True, accept_unproved=frozenset({"demo"}))):
        assert code(prove(demo, other_index.url, where=claim, rules=rules)) == "forged-claim"


def test_other_wheels_of_the_version_say_nothing_against_a_claim(
    demo: InstalledDistribution, wheel: Path, index: IndexServer, other_index: IndexServer
) -> None:
    build_wheel(other_index.folder, "demo", "1.0", dist_info_files={"direct_url.json": "{}"})
    claim = direct_url(index.file_url(wheel.name), sha256(wheel))
    assert prove(demo, other_index.url, index.url, where=claim).evidence is not None


# -- candidates


def test_wheels_that_the_page_excludes_by_metadata_are_examined_before_anything_is_refused(
    demo: InstalledDistribution, wheel: Path, index: IndexServer
) -> None:
    build_wheel(index.folder, "demo", "1.0", tag=NATIVE, files={"demo.py": "other\n"})
    index.overrides[wheel.name] = {"core-metadata": {"sha256": "0" * 64}}
    evidence = prove(demo, index.url).evidence
    assert evidence is not None
    assert evidence.url.endswith(wheel.name)


def test_of_one_version_64_wheels_are_examined(
    demo: InstalledDistribution, wheel: Path, index: IndexServer
) -> None:
    index.remove(wheel.name)
    for number in range(MOST_CANDIDATES + 6):
        build_wheel(
            index.folder, "demo", "1.0", build=str(number), files={"demo.py": f"x = {number}\n"}
        )
    (problem,) = prove(demo, index.url).problems
    assert problem.code == "content-mismatch"
    assert f"none of {MOST_CANDIDATES} wheels" in problem.message
    assert (
        len({request.path for request in index.requests if "/files/" in request.path})
        == MOST_CANDIDATES
    )
    for rules in (Rules(), Rules(download=True)):
        index.reset()
        prove(
            demo,
            index.url,
            where=direct_url(f"{index.root}/gone/{wheel.name}", "0" * 64),
            rules=rules,
        )
        assert (
            len({request.path for request in index.requests if "/files/" in request.path})
            <= MOST_CANDIDATES
        )
