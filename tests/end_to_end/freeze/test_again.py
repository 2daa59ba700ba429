"""Freezing again: what was proved is not proved anew, unless what it was proved from has
changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from micropip_lock import FreezeResult
from micropip_lock.storage.facts import FactStore

from ...support.freezing import base_lock, freeze_folder, problems_of, proofs, rewrite_record, told
from ...support.index_server import Fault, IndexServer
from ...support.installed import installer_target
from ...support.runtimes import lock_entry
from ...support.wheels import build_wheel, repack


@pytest.fixture
def facts(tmp_path: Path) -> Iterator[FactStore]:
    store = FactStore(tmp_path / "facts")
    yield store
    store.close()


@pytest.fixture
def frozen(index: IndexServer, site: Path, facts: FactStore) -> FreezeResult:
    """Two packages, frozen once."""
    installer_target(site, build_wheel(index.folder, "app", "1.0", requires=["lib"]))
    installer_target(site, build_wheel(index.folder, "lib", "1.0"))
    result = freeze_folder(site, index_urls=index.url, facts=facts)
    index.reset()
    return result


def test_what_is_as_it_was_needs_nobody(
    frozen: FreezeResult, index: IndexServer, site: Path, facts: FactStore
) -> None:
    for options in ({}, {"offline": True}, {"fetching": {"offline": True}}):
        again = freeze_folder(site, index_urls=index.url, facts=facts, **options)
        assert again.to_json() == frozen.to_json()
        assert again.warnings == frozen.warnings
        assert proofs(again) == proofs(frozen)
        assert [(item.requests, item.bytes) for item in again.evidence] == [(0, 0), (0, 0)]
        assert again.requests == 0
    assert index.requests == []


def test_only_what_is_new_is_asked_for(
    frozen: FreezeResult, index: IndexServer, site: Path, facts: FactStore
) -> None:
    installer_target(site, build_wheel(index.folder, "new", "1.0"))
    assert list(proofs(freeze_folder(site, index_urls=index.url, facts=facts))) == [
        "app",
        "lib",
        "new",
    ]
    assert {path.partition("-")[0] for path in index.paths()} == {"/simple/new/", "/files/new"}


def test_refresh_asks_and_sees_what_was_yanked(
    frozen: FreezeResult, index: IndexServer, site: Path, facts: FactStore
) -> None:
    index.yanked["lib==1.0"] = "broken"
    assert told(freeze_folder(site, index_urls=index.url, facts=facts).warnings) == []
    fresh = freeze_folder(site, index_urls=index.url, facts=facts, refresh=True)
    assert told(fresh.warnings) == [("lib", "yanked")]
    # What refresh found is what is known from then on.
    again = freeze_folder(site, index_urls=index.url, facts=facts, offline=True)
    assert again.warnings == fresh.warnings


@pytest.mark.parametrize("edited", ["lib.py", "added.py", "lib-1.0.dist-info/METADATA"])
def test_an_edited_installation_is_found_out(
    edited: str, frozen: FreezeResult, index: IndexServer, site: Path, facts: FactStore
) -> None:
    with (site / edited).open("ab") as file:
        file.write(b"\nx = 1\n")
    if edited == "added.py":
        with (site / "lib-1.0.dist-info" / "RECORD").open("a") as file:
            file.write("added.py,,\n")
    assert [name for name, _ in told(problems_of(site, index_urls=index.url, facts=facts))] == [
        "lib"
    ]


def test_another_row_in_record_is_compared_anew(
    frozen: FreezeResult, index: IndexServer, site: Path, facts: FactStore
) -> None:
    rewrite_record(site, "lib-1.0.dist-info", "lib.py,sha256=", "lib.py,sha256=A")
    assert told(problems_of(site, index_urls=index.url, facts=facts)) == [
        ("lib", "content-mismatch")
    ]


@pytest.mark.parametrize(
    "options",
    [{"proof": "metadata"}, {"check_files": "off"}, {"download": True}, {"trust_index_file": True}],
)
def test_under_other_rules_it_is_proved_anew(
    options: dict[str, Any], frozen: FreezeResult, index: IndexServer, site: Path, facts: FactStore
) -> None:
    freeze_folder(site, index_urls=index.url, facts=facts, **options)
    assert index.requests
    index.reset()
    freeze_folder(site, index_urls=index.url, facts=facts, **options)
    assert index.requests == []


def test_other_indexes_are_asked(
    frozen: FreezeResult, index: IndexServer, other_index: IndexServer, site: Path, facts: FactStore
) -> None:
    freeze_folder(site, index_urls=[index.url, other_index.url], facts=facts)
    assert other_index.requests


def test_for_another_target_it_is_proved_anew(
    frozen: FreezeResult, index: IndexServer, site: Path, facts: FactStore
) -> None:
    other = base_lock()
    info = other.to_dict()["info"] | {
        "python": "3.13.2",
        "abi_version": "2025_0",
        "platform": "emscripten_4_0_9",
    }
    freeze_folder(
        site,
        base=type(other).from_json({"info": info, "packages": {}}),
        index_urls=index.url,
        facts=facts,
    )
    assert index.requests


def test_what_the_files_on_disk_decided_is_looked_at_each_time(
    index: IndexServer, site: Path, facts: FactStore
) -> None:
    installer_target(site, build_wheel(index.folder, "demo", "1.0", files={"demo.py": "x = 1\n"}))
    freeze_folder(site, index_urls=index.url, facts=facts, check_files="hash")
    (site / "demo.py").write_text("x = 2\n")
    assert told(problems_of(site, index_urls=index.url, facts=facts, check_files="hash")) == [
        ("demo", "files-changed")
    ]


def test_a_row_of_another_algorithm_is_compared_with_the_file_each_time(
    index: IndexServer, site: Path, facts: FactStore
) -> None:
    """«python -m installer» may hash anew: then the file itself is the evidence, not its row."""
    import hashlib
    from base64 import urlsafe_b64encode

    content = b"x = 1\n"
    installer_target(
        site, build_wheel(index.folder, "demo", "1.0", files={"demo.py": content.decode()})
    )
    record = site / "demo-1.0.dist-info" / "RECORD"
    digest = urlsafe_b64encode(hashlib.sha512(content).digest()).rstrip(b"=").decode()
    rows = [
        f"demo.py,sha512={digest},6" if row.startswith("demo.py,") else row
        for row in record.read_text().split()
    ]
    record.write_text("\n".join(rows) + "\n")
    freeze_folder(site, index_urls=index.url, facts=facts)
    (site / "demo.py").write_text("x = 2\n")
    assert told(problems_of(site, index_urls=index.url, facts=facts)) == [
        ("demo", "content-mismatch")
    ]


def test_what_was_only_accepted_is_not_known(
    index: IndexServer, site: Path, facts: FactStore
) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    installer_target(site, wheel)
    index.faults["/files/"] = Fault("status", status=500)
    options: dict[str, Any] = {"index_urls": index.url, "facts": facts, "accept_unproved": ["demo"]}
    assert proofs(freeze_folder(site, **options)) == {"demo": ("index", "accepted")}
    index.faults.clear()
    assert proofs(freeze_folder(site, **options)) == {"demo": ("index", "content")}


def test_while_the_base_is_down_nothing_is_learnt(
    index: IndexServer, other_index: IndexServer, site: Path, facts: FactStore
) -> None:
    wheel = build_wheel(index.folder, "demo", "1.0")
    installer_target(site, wheel)
    base = base_lock(lock_entry(repack(wheel, other_index.folder)))
    other_index.faults["/"] = Fault("reset")
    options: dict[str, Any] = {
        "base": base,
        "base_url": f"{other_index.root}/files/",
        "index_urls": index.url,
    }
    assert proofs(freeze_folder(site, facts=facts, **options)) == {"demo": ("index", "content")}
    other_index.faults.clear()
    assert proofs(freeze_folder(site, facts=facts, **options)) == {"demo": ("base", "content")}


# -- release documents


@pytest.fixture
def three(index: IndexServer, site: Path) -> list[str]:
    """Three packages, each with older versions that only the page lists."""
    names = ["aaa", "bbb", "ccc"]
    for name in names:
        build_wheel(index.folder, name, "0.9")
        installer_target(site, build_wheel(index.folder, name, "1.0"))
    index.reset()
    return names


def asked(index: IndexServer, place: str) -> list[str]:
    return sorted(path for path in index.paths() if path.startswith(place))


def test_documents_are_read_instead_of_pages_once_one_of_them_is_right(
    three: list[str], index: IndexServer, site: Path, facts: FactStore
) -> None:
    by_pages = freeze_folder(site, index_urls=index.url)
    index.release_json = True
    index.reset()
    result = freeze_folder(site, index_urls=index.url, facts=facts)
    assert result.to_json() == by_pages.to_json()
    assert proofs(result) == proofs(by_pages)
    assert asked(index, "/pypi/") == [
        f"/pypi/{name}/1.0/json" for name in ("aaa", "aaa", "bbb", "ccc")
    ]
    assert asked(index, "/simple/") == ["/simple/aaa/"]
    # What was found out of the index holds for the next environment as well.
    installer_target(site, build_wheel(index.folder, "ddd", "1.0"))
    index.reset()
    freeze_folder(site, index_urls=index.url, facts=facts)
    assert (asked(index, "/pypi/"), asked(index, "/simple/")) == (["/pypi/ddd/1.0/json"], [])


def test_an_index_without_documents_is_asked_for_one(
    three: list[str], index: IndexServer, site: Path
) -> None:
    freeze_folder(site, index_urls=index.url)
    assert asked(index, "/pypi/") == ["/pypi/aaa/1.0/json"]
    assert asked(index, "/simple/") == [f"/simple/{name}/" for name in three]


@pytest.mark.parametrize(
    "fault",
    [
        Fault("body", body=b'{"urls": []}'),
        Fault(
            "body",
            body=(
                b'{"urls": [{"filename": "aaa-1.0-py3-none-any.whl", "url": '
                b'"https://files.example/x.whl"}]}'
            ),
        ),
        Fault("html"),
        Fault("broken-json"),
        Fault("status", status=500),
        Fault("status", status=403),
        Fault("redirect-loop"),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.status}-{len(fault.body)}",
)
def test_documents_that_are_not_what_the_pages_say_are_left_alone(
    fault: Fault, three: list[str], index: IndexServer, site: Path
) -> None:
    by_pages = freeze_folder(site, index_urls=index.url)
    index.release_json = True
    index.faults["/pypi/"] = fault
    index.reset()
    assert freeze_folder(site, index_urls=index.url).to_json() == by_pages.to_json()
    assert {path.partition("?")[0] for path in asked(index, "/pypi/")} == {"/pypi/aaa/1.0/json"}
    assert asked(index, "/simple/") == [f"/simple/{name}/" for name in three]


@pytest.mark.parametrize(
    "fault", [Fault("status", status=500), Fault("status", status=404), Fault("html")]
)
def test_where_a_document_fails_later_the_page_is_asked(
    fault: Fault, three: list[str], index: IndexServer, site: Path
) -> None:
    index.release_json = True
    index.faults["/pypi/bbb/"] = fault
    assert list(proofs(freeze_folder(site, index_urls=index.url))) == three
    assert "/simple/bbb/" in index.paths()


def test_a_document_that_does_not_decide_leaves_the_last_word_to_the_page(
    three: list[str], index: IndexServer, site: Path
) -> None:
    index.release_json = True
    index.remove("bbb-1.0-py3-none-any.whl")
    assert told(problems_of(site, index_urls=index.url)) == [("bbb", "no-such-version")]
    assert "/simple/bbb/" in index.paths()


def test_a_document_tells_what_was_yanked(three: list[str], index: IndexServer, site: Path) -> None:
    index.release_json = True
    index.yanked["ccc==1.0"] = "a mistake"
    result = freeze_folder(site, index_urls=index.url)
    (warning,) = [item for item in result.warnings if item.code == "yanked"]
    assert (warning.package, "a mistake" in warning.message) == ("ccc", True)
    assert "/simple/ccc/" not in index.paths()


def test_metadata_as_proof_needs_the_pages(
    three: list[str], index: IndexServer, site: Path
) -> None:
    index.release_json = True
    freeze_folder(site, index_urls=index.url, proof="metadata")
    assert asked(index, "/pypi/") == []


def test_an_index_that_does_not_answer_is_asked_once(three: list[str], site: Path) -> None:
    with IndexServer() as gone:
        gone.faults["/"] = Fault("reset")
        found = problems_of(site, index_urls=gone.url, fetching={"jobs": 1, "delays": ()})
        assert told(found) == [(name, "unreachable") for name in three]
        assert len(gone.requests) <= 2
