"""resolve: bad input, from its caller, from wheels and from indexes."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from packaging.specifiers import SpecifierSet

from micropip_lock import FetchError, InputError, IntegrityError, Lockfile, ResolutionError, resolve
from micropip_lock.formats import project_page as simple

from ...support.freezing import base_lock, told
from ...support.index_server import Fault, IndexServer
from ...support.memory_index import MemoryIndex
from ...support.resolving import finished, no_solution, resolved, unlockable, versions, wheels
from ...support.wheels import build_wheel, sha256


def test_nothing_to_resolve() -> None:
    for nothing in ((), [], ""):
        with pytest.raises(InputError):
            finished(resolve(nothing, base=base_lock(), fetcher=MemoryIndex()))


@pytest.mark.parametrize(
    "requirement",
    [
        "",
        "!",
        "demo ==",
        "-e .",
        "./demo-1.0-py3-none-any.whl",
        "git+https://host.example/demo",
        "x" * 5000,
        "a\x00b",
    ],
    ids=lambda text: ascii(text)[:20],
)
def test_what_is_no_requirement(requirement: str) -> None:
    with pytest.raises(InputError):
        resolved(requirement)
    with pytest.raises(InputError):
        resolved("demo", constraints=[requirement])


@pytest.mark.parametrize("base", ["missing.json", "99.99", "."])
def test_a_base_that_is_none(base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError):
        resolved("demo", base=base)


def test_a_base_of_no_pyodide() -> None:
    base = Lockfile.from_json(
        {"info": {"python": "3.14.2", "platform": "linux", "arch": "x86_64"}, "packages": {}}
    )
    with pytest.raises(InputError, match=r"info\.platform"):
        resolved("demo", base=base)


@pytest.mark.parametrize("requirement", ["demo===any text", "demo===1.*", "demo===1.0-final"])
def test_a_version_that_is_none(requirement: str, index: IndexServer) -> None:
    wheels(index, "demo", "1.0")
    try:
        text = no_solution(requirement, index_urls=index.url)
    except InputError as error:
        text = str(error)
    assert requirement.partition(" ")[0] in text


def test_a_sidecar_that_is_not_the_announced_one(index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    index.sidecars[wheel.name] = (
        b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nRequires-Dist: evil\n\n"
    )
    index.overrides[wheel.name] = {"core-metadata": {"sha256": "ab" * 32}}
    with pytest.raises(IntegrityError) as caught:
        resolved("demo", index_urls=index.url)
    for part in (f"{index.file_url(wheel.name)}.metadata", "ab" * 32, "has the sha256"):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    "said", ["Name: other\nVersion: 1.0", "Name: demo\nVersion: 1.1"], ids=repr
)
@pytest.mark.parametrize("core_metadata", ["true", "off"])
def test_metadata_of_another_project_or_version(
    core_metadata: str, said: str, index: IndexServer
) -> None:
    metadata = f"Metadata-Version: 2.1\n{said}\n\n"
    wheels(index, "demo", "1.0", dist_info_files={"METADATA": metadata})
    index.core_metadata = core_metadata
    with pytest.raises(IntegrityError, match=r"should be demo 1\.0, but its METADATA says"):
        resolved("demo", index_urls=index.url)


@pytest.mark.parametrize(
    "said", ["Name: Demo\nVersion: 1.0.0", "Name: demo\nVersion: v1.0+local"], ids=repr
)
def test_metadata_may_spell_name_and_version_otherwise(said: str, index: IndexServer) -> None:
    wheels(index, "demo", "1.0", dist_info_files={"METADATA": f"Metadata-Version: 2.1\n{said}\n\n"})
    assert list(versions(resolved("demo", index_urls=index.url))) == ["demo"]


BROKEN_METADATA = {
    "Requires-Dist": b"Name: demo\nVersion: 2.0\nRequires-Dist: lib ~=> 1\n\n",
    "endless requirement": b"Name: demo\nVersion: 2.0\nRequires-Dist: " + b"x" * 10_000 + b"\n\n",
    "no version": b"Name: demo\n\n",
    "version": b"Name: demo\nVersion: two\n\n",
    "nothing": b"",
    "no UTF-8": b"Name: demo\nVersion: 2.0\xff\n\n",
    "nested markers": b"Name: demo\nVersion: 2.0\nRequires-Dist: lib; " + b"(" * 2000 + b"\n\n",
}


@pytest.mark.parametrize("damage", BROKEN_METADATA)
def test_a_version_with_broken_metadata_is_passed_over_and_named_when_it_matters(
    damage: str, index: IndexServer
) -> None:
    wheels(index, "demo", "2.0", dist_info_files={"METADATA": BROKEN_METADATA[damage]})
    wheels(index, "demo", "1.0")
    assert versions(resolved("demo", index_urls=index.url)) == {"demo": "1.0"}
    text = no_solution("demo>=2", index_urls=index.url)
    assert "2.0: its METADATA cannot be used: " in text
    assert max(map(len, text.splitlines())) < 300


def test_a_url_with_broken_metadata(index: IndexServer) -> None:
    wheel = build_wheel(
        index.folder, "demo", "2.0", dist_info_files={"METADATA": BROKEN_METADATA["Requires-Dist"]}
    )
    assert told(unlockable(f"demo @ {index.file_url(wheel.name)}")) == [("demo", "broken-metadata")]


@pytest.mark.parametrize("place", ["/simple/demo/", "/files/"])
@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", status=500),
        Fault("truncate"),
        Fault("reset"),
        Fault("redirect-loop"),
        Fault("hang"),
    ],
    ids=lambda fault: fault.kind,
)
def test_a_server_that_misbehaves(fault: Fault, place: str, index: IndexServer) -> None:
    wheels(index, "demo", "1.0")
    index.faults[place] = fault
    with pytest.raises(FetchError) as caught:
        resolved("demo", index_urls=index.url, fetching={"delays": (), "idle": 0.2})
    assert place in str(caught.value)


def test_a_wheel_that_is_none(index: IndexServer) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    index.faults[f"/files/{wheel.name}"] = Fault("body", body=b"no zip archive")
    with pytest.raises((IntegrityError, FetchError), match=wheel.name):
        resolved("demo", index_urls=index.url)


def test_a_path_in_record_that_leads_elsewhere_is_imported_from_nowhere(index: IndexServer) -> None:
    wheels(
        index,
        "demo",
        "1.0",
        record=lambda rows: [*rows, ("../../evil.py", "", ""), ("/abs.py", "", "")],
    )
    assert resolved("demo", index_urls=index.url).lockfile.packages["demo"].imports == ("demo",)


def test_hostile_names_on_a_page(index: IndexServer) -> None:
    wheels(index, "demo", "1.0")
    names = [
        "../demo-9.0-py3-none-any.whl",
        "demo-9.0-py3-none-any.whl" + "x" * 5000,
        "demo-9\n.0-py3-none-any.whl",
    ]
    names += [
        "demo-" + "9" * 5000 + "-py3-none-any.whl",
        "demo-9.0-" + ".".join(["py3"] * 90) + "-none-any.whl/",
    ]
    odd = [{"filename": name, "url": index.file_url("x.whl"), "hashes": {}} for name in names]
    odd.append({"filename": "demo-9.0-py3-none-any.whl", "url": "http://[", "hashes": {}})
    odd.append(
        {
            "filename": "demo-9.1-py3-none-any.whl",
            "url": "javascript:alert(1)//demo-9.1-py3-none-any.whl",
        }
    )
    page = {"meta": {"api-version": "1.0"}, "files": odd}
    index.faults["/simple/demo/"] = Fault("body", body=json.dumps(page).encode())
    assert "demo has no version that fits" in no_solution("demo", index_urls=index.url)
    good = {
        "filename": "demo-1.0-py3-none-any.whl",
        "url": index.file_url("demo-1.0-py3-none-any.whl"),
    }
    page["files"] = [*odd, good | {"hashes": {"sha256": sha256(index.folder / good["filename"])}}]
    index.faults["/simple/demo/"] = Fault("body", body=json.dumps(page).encode())
    assert versions(resolved("demo", index_urls=index.url)) == {"demo": "1.0"}


class Fat(MemoryIndex):
    """An index whose page of «fat» lists 20 000 versions."""

    def _page(self, project: str) -> bytes:
        if project != "fat":
            return super()._page(project)
        names = [f"fat-{number // 100}.{number % 100}-py3-none-any.whl" for number in range(20_000)]
        url = self.file_url("")
        files = [
            {"filename": name, "url": url + name, "hashes": {"sha256": f"{place:064x}"}}
            for place, name in enumerate(names)
        ]
        return json.dumps({"files": files}).encode()


def test_a_page_of_20_000_versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten packages have something to say about it:

    names are read once, rows hardly ever, specifiers compared once.
    """
    made = [
        build_wheel(
            tmp_path,
            f"p{number}",
            "1.0",
            requires=[f"fat<{number + 3}", f"p{number + 1}"][: 2 - number // 9],
        )
        for number in range(10)
    ]
    counted: Counter[str] = Counter()

    def count(owner: Any, name: str) -> None:
        original = getattr(owner, name)

        def counting(*given: Any, **options: Any) -> Any:
            counted[name] += 1
            return original(*given, **options)

        monkeypatch.setattr(owner, name, counting)

    count(SpecifierSet, "contains")
    count(simple, "object_of")
    count(simple, "version_of")
    index = Fat(wheels=[*made, build_wheel(tmp_path, "fat", "2.99")])
    result = finished(resolve("p0", base=base_lock(), index_urls=index.url, fetcher=index))
    assert versions(result)["fat"] == "2.99"
    assert counted["contains"] < 11 * 20_000 + 2_000
    assert counted["version_of"] < 20_100
    assert counted["object_of"] < 200
    counted.clear()
    with pytest.raises(ResolutionError) as caught:
        finished(resolve(["p0", "fat>=100"], base=base_lock(), index_urls=index.url, fetcher=index))
    assert "and 9997 more: not fat<3 (p0)" in str(caught.value)
    assert counted["contains"] < 14 * 20_000
    assert counted["version_of"] < 20_100
