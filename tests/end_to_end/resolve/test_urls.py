"""resolve: wheels that are named by their URL."""

from __future__ import annotations

from typing import Any

import pytest

from ...support.freezing import NATIVE, base_lock, entry, told
from ...support.index_server import Fault, IndexServer
from ...support.resolving import (
    BIG,
    LINUX,
    asked_twice,
    codes,
    no_solution,
    resolved,
    unlockable,
    versions,
    wheels,
)
from ...support.wheels import build_wheel, sha256


def test_a_wheel_named_by_its_url(index: IndexServer, other_index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0", requires=["lib"], files=BIG)
    wheels(other_index, "lib", "1.0")
    wheels(other_index, "demo", "3.0")
    url = index.file_url(wheel.name)
    result = resolved(f"demo @ {url}#sha256={sha256(wheel)}", index_urls=other_index.url)
    evidence = result.evidence[0]
    assert (evidence.claim, evidence.proof, evidence.url, evidence.sha256) == (
        "direct-url",
        "metadata",
        url,
        sha256(wheel),
    )
    assert versions(result) == {"demo": "1.0", "lib": "1.0"}
    assert index.wheel_downloads == 0
    assert "/files/demo-3.0-py3-none-any.whl" not in other_index.paths()


@pytest.mark.parametrize(
    "way", ["fragment", "option", "both", "upper case", "bare URL", "constraint"]
)
def test_the_hash_of_a_url(way: str, index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0", files=BIG)
    url, digest = index.file_url(wheel.name), sha256(wheel)
    requirement = {
        "fragment": f"demo @ {url}#sha256={digest}",
        "option": f"demo @ {url} --hash=sha256:{digest}",
        "both": f"demo @ {url}#sha256={digest} --hash=sha256:{'0' * 64}",
        "upper case": f"demo @ {url}#sha256={digest.upper()}",
        "bare URL": f"{url}#sha256={digest}",
        "constraint": f"demo @ {url}",
    }[way]
    constraints = [f"demo==1.0 --hash=sha256:{digest}"] if way == "constraint" else []
    result = resolved(requirement, constraints=constraints)
    assert result.lockfile.packages["demo"].sha256 == digest
    assert index.wheel_downloads == (way == "both")


@pytest.mark.parametrize("way", ["#sha256=", " --hash=sha256:"])
@pytest.mark.parametrize("right", [True, False])
def test_a_hash_that_only_the_requirement_gives_is_told(
    right: bool, way: str, index: IndexServer, other_index: IndexServer
) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0", files=BIG)
    wheels(other_index, "demo", "1.0")
    digest = sha256(wheel) if right else "ab" * 32
    requirement = f"demo @ {index.file_url(wheel.name)}{way}{digest}"
    for index_urls in ((), other_index.url):
        result = resolved(requirement, index_urls=index_urls)
        assert codes(result) == [("demo", "claimed-hash")]
        assert [(item.sha256, item.hash_from) for item in result.evidence] == [(digest, "claim")]
    (warning,) = (item for item in result.warnings if item.code == "claimed-hash")
    assert "nothing but the requirement gives the sha256" in warning.message
    assert "verify --deep" in warning.hint


def test_the_evidence_says_who_gave_the_hash(index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0", files=BIG)
    url, digest = index.file_url(wheel.name), sha256(wheel)
    base = base_lock(entry("demo", file_name=url, sha256=digest))

    def sources(requirement: str, **options: Any) -> list[tuple[str, str, list[tuple[str, str]]]]:
        result = resolved(requirement, **options)
        return [(item.claim, item.hash_from, codes(result)) for item in result.evidence]

    assert sources("demo", index_urls=index.url) == [("index", "index", [])]
    assert sources("demo", base=base) == [("base", "base", [])]
    for given in ("", f"#sha256={digest}"):
        assert sources(f"demo @ {url}{given}", index_urls=index.url) == [
            ("direct-url", "index", [])
        ]
        assert sources(f"demo @ {url}{given}", base=base) == [("direct-url", "base", [])]
    assert sources(f"demo @ {url}") == [("direct-url", "download", [])]


def test_a_url_without_hash_is_hashed_by_one_download(index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0", files=BIG)
    result = resolved(f"demo @ {index.file_url(wheel.name)}")
    (evidence,) = result.evidence
    assert (evidence.proof, evidence.sha256, evidence.size) == (
        "download",
        sha256(wheel),
        wheel.stat().st_size,
    )
    assert index.wheel_downloads == 1
    assert result.lockfile.packages["demo"].sha256 == sha256(wheel)


def test_a_url_without_hash_that_the_index_lists_is_not_downloaded(index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0", files=BIG)
    result = resolved(f"demo @ {index.file_url(wheel.name)}", index_urls=index.url)
    assert (result.evidence[0].proof, result.evidence[0].sha256) == ("metadata", sha256(wheel))
    assert index.wheel_downloads == 0
    assert asked_twice(index) == []


@pytest.mark.parametrize("where", ["page", "download"])
def test_a_hash_that_is_not_that_of_the_url(where: str, index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0", files=BIG)
    wrong = [f"--hash=sha256:{digit * 64}" for digit in "01"]
    several = wrong if where == "download" else wrong[:1]
    requirement = f"demo @ {index.file_url(wheel.name)} {' '.join(several)}"
    problems = unlockable(requirement, index_urls=index.url if where == "page" else ())
    assert told(problems) == [("demo", "hash-conflict")]
    assert sha256(wheel) in problems[0].message
    assert index.wheel_downloads == (where == "download")


@pytest.mark.parametrize("order", [1, -1])
def test_a_page_that_gives_two_hashes_for_the_url(order: int, index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0", files=BIG)
    url, wrong = index.file_url(wheel.name), "ab" * 32
    index.list_hashes(url, *[sha256(wheel), wrong][::order])
    for fragment in ("", f"#sha256={sha256(wheel)}", f"#sha256={wrong}"):
        assert told(unlockable(f"demo @ {url}{fragment}", index_urls=index.url)) == [
            ("demo", "hash-conflict")
        ]
    assert index.wheel_downloads == 0


@pytest.mark.parametrize("given", ["fragment", "nothing"])
def test_the_base_knows_the_url_by_another_hash(
    given: str, index: IndexServer, other_index: IndexServer
) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    url, digest = index.file_url(wheel.name), sha256(wheel)
    base = base_lock(entry("demo", "1.0", file_name=url, sha256="ab" * 32))
    requirement = f"demo @ {url}#sha256={digest}" if given == "fragment" else f"demo @ {url}"
    assert told(unlockable(requirement, base=base, index_urls=index.url)) == [
        ("demo", "hash-conflict")
    ]
    if given == "fragment":
        assert told(unlockable(requirement, base=base, index_urls=other_index.url)) == [
            ("demo", "hash-conflict")
        ]
    agreed = base_lock(entry("demo", "1.0", file_name=url, sha256=digest))
    assert versions(resolved(requirement, base=agreed, index_urls=other_index.url)) == {
        "demo": "1.0"
    }


def test_hashes_of_one_url_that_exclude_each_other(index: IndexServer) -> None:
    url = index.file_url(build_wheel(index.folder, "demo", "1.0").name)
    text = no_solution(*(f"demo @ {url}#sha256={digit * 64}" for digit in "01"))
    assert "exclude each other" in text
    assert "--hash=sha256:11111111..." in text


def test_hashes_of_one_version_that_exclude_each_other(index: IndexServer) -> None:
    hashes = [
        sha256(build_wheel(index.folder, "demo", "1.0", tag=tag))
        for tag in ("py3-none-any", NATIVE)
    ]
    text = no_solution(*(f"demo --hash=sha256:{digest}" for digest in hashes), index_urls=index.url)
    assert "1.0: the hashes that you gave exclude each other" in text


def test_a_silent_index_is_no_objection_to_a_url(
    index: IndexServer, other_index: IndexServer
) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    other_index.faults["/simple/"] = Fault("status", status=500)
    result = resolved(
        f"demo @ {index.file_url(wheel.name)}#sha256={sha256(wheel)}", index_urls=other_index.url
    )
    assert versions(result) == {"demo": "1.0"}


def test_a_url_wins_over_base_and_index_and_has_to_fit_the_others(index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "2.0")
    wheels(index, "demo", "3.0")
    wheels(index, "app", "1.0", requires=["demo>=1"])
    base = base_lock(entry("demo", "2.0"), entry("based", depends=["demo"]))
    url = f"demo @ {index.file_url(wheel.name)}"
    result = resolved(url, "app", "based", base=base, index_urls=index.url)
    assert {item.package: item.claim for item in result.evidence}["demo"] == "direct-url"
    assert "the URL names 2.0: not demo>=3" in no_solution(
        url, "demo>=3", base=base, index_urls=index.url
    )


def test_a_package_may_need_a_url(index: IndexServer, other_index: IndexServer) -> None:
    wheel = build_wheel(other_index.folder, "lib", "1.0")
    wheels(
        index,
        "demo",
        "1.0",
        requires=[f"lib @ {other_index.file_url(wheel.name)}#sha256={sha256(wheel)}"],
    )
    result = resolved("demo", index_urls=index.url)
    assert result.lockfile.packages["lib"].file_name == other_index.file_url(wheel.name)


@pytest.mark.parametrize(
    "url",
    [
        "git+https://host.example/lib",
        "https://host.example/lib-1.0.tar.gz",
        "https://host.example/other-1.0-py3-none-any.whl",
        f"https://host.example/lib-1.0-{LINUX}.whl",
        "file:///somewhere/lib-1.0-py3-none-any.whl",
        "http://[",
        "http://host.example:99999999/lib-1.0-py3-none-any.whl",
        "lib.whl",
    ],
)
def test_a_package_that_needs_a_url_of_no_use(url: str, index: IndexServer) -> None:
    wheels(index, "demo", "1.0", requires=[f"lib @ {url}"])
    text = no_solution("demo", index_urls=index.url)
    assert "names no wheel of it that fits this Pyodide" in text
    assert "Find a version of demo" in text


def test_a_url_whose_wheel_needs_another_python(index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0", requires_python="<3.10")
    assert "it needs Python <3.10" in no_solution(f"demo @ {index.file_url(wheel.name)}")


def test_two_urls_of_one_project(index: IndexServer) -> None:
    urls = [
        index.file_url(build_wheel(index.folder, "demo", number).name) for number in ("1.0", "2.0")
    ]
    assert "of which only one can be locked" in no_solution(*(f"demo @ {url}" for url in urls))


def test_a_url_that_is_written_in_another_way(index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    url = index.file_url(wheel.name).replace("http:", "HTTP:")
    result = resolved(f"demo @ {url}#sha256={sha256(wheel)}")
    assert versions(result) == {"demo": "1.0"}
