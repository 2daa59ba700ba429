"""Many processes on one cache, and large and deep locks:

a small part of ``python -m benchmarks.load``.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from benchmarks.load import Crowd
from benchmarks.load_inputs import chain, lock, packages
from micropip_lock.cli.main import micropip_lock
from micropip_lock.formats.core_metadata import CoreMetadata, parse_metadata
from micropip_lock.formats.target import Target
from micropip_lock.operations.check.conflicts import Packages
from micropip_lock.operations.verify.depends import check_depends
from micropip_lock.operations.verify.entry import Entry
from micropip_lock.operations.verify.online import EntryReport

COUNT = 1000
_UNKNOWN = f"What {COUNT} of them need is not known."

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command in this process, in a folder with lock.json and chain.json, and wants exit
    status 0.
    """
    monkeypatch.chdir(tmp_path)
    Path("lock.json").write_text(json.dumps(lock(packages(COUNT))))
    Path("chain.json").write_text(json.dumps(lock(chain(COUNT))))

    def run(*arguments: str, status: int = 0) -> Result:
        result = CliRunner().invoke(micropip_lock, [*arguments, "--no-cache"])
        assert result.exit_code == status, result.output
        return result

    return run


def test_processes_share_a_cache(tmp_path: Path) -> None:
    crowd = Crowd(tmp_path, processes=8, shared=30)
    with crowd.index:
        crowd.prepare(2)
        crowd.mixed(
            "mixed"
        )  # each lock is compared with that of a process alone, and the cache is looked through


@pytest.mark.parametrize("name", ["lock.json", "chain.json"])
def test_large_lock(run: Run, name: str) -> None:
    old = json.loads(Path(name).read_bytes())["packages"]
    keys = sorted(old)
    assert json.loads(run("verify", "--offline", "--json", name).stdout) == {
        "problems": [],
        "totals": {"packages": COUNT, "requests": 0, "bytes": 0},
    }
    drawn = run("tree", name).stdout.splitlines()
    assert drawn[-1] == f"{COUNT} packages."
    assert json.loads(run("tree", "--json", name).stdout)["totals"]["packages"] == COUNT
    said = run("check", "--offline", name).stderr
    assert said.split() == f"{COUNT} packages checked. No conflict was found. {_UNKNOWN}".split()
    lines = run("export", name, "--format", "requirements").stdout.splitlines()
    assert [line.partition("==")[0] for line in lines] == keys
    wheels = tomllib.loads(run("export", name, "--format", "pylock").stdout)["packages"]
    assert [item["wheels"][0]["url"] for item in wheels] == [old[key]["file_name"] for key in keys]


def test_every_change_is_seen(run: Run) -> None:
    document = json.loads(Path("lock.json").read_bytes())
    entries = document["packages"]
    keys = sorted(entries)
    expected = {
        "bytes": 50,
        "removed": 100,
        "added": 10,
        "version": 200,
        "file": 0,
        "url": 30,
        "details": 40,
    }
    for key in keys[:50]:
        entries[key]["sha256"] = "ab" * 32
    for key in keys[50:250]:
        entries[key]["version"] += ".1"
    for key in keys[250:280]:
        entries[key]["file_name"] = entries[key]["file_name"].replace("files.", "mirror.")
    for key in keys[280:320]:
        entries[key]["imports"] = ["other"]
    for key in keys[320:420]:
        del entries[key]
    for number in range(10):
        entries[f"more-{number}"] = {**entries[keys[500]], "name": f"more-{number}"}
    Path("new.json").write_text(json.dumps(document))
    found = json.loads(run("diff", "--json", "lock.json", "new.json", status=1).stdout)
    assert found["totals"] == {**expected, "unchanged": COUNT - 420}
    assert run("diff", "lock.json", "lock.json").stdout == f"No difference: {COUNT} packages.\n"


def test_conflicts_about_one_popular_package() -> None:
    """Each of them says who else needs the package, and is content with it."""
    known: dict[str, CoreMetadata] = {"popular": _metadata("popular")}
    for number in range(COUNT):
        known[f"user-{number:04}"] = _metadata(
            f"user-{number:04}", "popular>=1" if number < 3 else "popular>=2"
        )
    versions: dict[str, str | None] = dict.fromkeys(known, "1.0")
    found = list(Packages(versions, known, {}, _target(), "installed").conflicts())
    assert [item.problem.package for item in found] == [
        f"user-{number:04}" for number in range(3, COUNT)
    ]
    assert {tuple(chain[0].package for chain in item.brought) for item in found} == {
        ("user-0000", "user-0001", "user-0002")
    }


def test_depends_of_a_deep_lock() -> None:
    """What is needed many steps further down is loaded, too; what is beside the chain is not."""
    names = [f"link-{number}" for number in range(COUNT)]
    entries = {name: Entry(name, "1.0") for name in (names[0], "aside")}
    entries |= {name: Entry(name, "1.0", depends=(before,)) for before, name in pairwise(names)}
    reports = [
        EntryReport(entry, metadata=_metadata(name, *entry.depends))
        for name, entry in entries.items()
    ]
    assert list(check_depends(reports, entries, _target())) == []
    look = next(look for look in reports if look.entry.key == "link-500")
    look.metadata = _metadata("link-500", "link-499", "link-3", "aside")
    (problem,) = check_depends(reports, entries, _target())
    assert (problem.code, problem.package) == ("lost-dependency", "link-500")
    assert "aside" in problem.message


def _metadata(name: str, *requires: str) -> CoreMetadata:
    lines = [f"Name: {name}", "Version: 1.0", *(f"Requires-Dist: {text}" for text in requires)]
    return parse_metadata(("Metadata-Version: 2.1\n" + "\n".join(lines) + "\n\n").encode())


def _target() -> Target:
    from micropip_lock.formats.lockfile import Lockfile

    document: dict[str, Any] = lock([])
    return Target.from_info(Lockfile.from_json(document).info)
