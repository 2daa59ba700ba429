"""What is remembered of a finding, and what is not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from micropip_lock.errors import Problem
from micropip_lock.formats.lockfile import LockInfo
from micropip_lock.formats.target import Target
from micropip_lock.formats.wheel_modules import WheelModules
from micropip_lock.installed.distribution import InstalledDistribution
from micropip_lock.installed.origin import Claim, Origin
from micropip_lock.installed.site_packages import scan
from micropip_lock.proof.earlier_findings import Proved
from micropip_lock.proof.evidence import BaseWheel, Evidence, Finding, Rules
from micropip_lock.storage.facts import FactStore

from ...support.freezing import INFO, base_lock, entry
from ...support.installed import installer_target
from ...support.wheels import build_wheel

URL = "https://files.example/demo-1.0-py3-none-any.whl"
EVIDENCE = Evidence(
    "demo", "1.0", "index", "content", URL, "a" * 64, 10, "https://index.example/simple", 2, 300
)
WARNING = Problem(
    "yanked", "demo", "1.0", "this release was yanked by its authors.", "Install another version."
)


@pytest.fixture
def proved(tmp_path: Path) -> Proved:
    target = Target.from_info(LockInfo.from_dict(INFO, "info"))
    return Proved(FactStore(tmp_path / "facts"), "https://index.example/simple", target, Rules())


@pytest.fixture
def demo(tmp_path: Path) -> InstalledDistribution:
    (found,), _ = scan(
        [installer_target(tmp_path / "site", build_wheel(tmp_path / "wheels", "demo", "1.0"))]
    )
    return found


def test_a_finding_comes_back_whole_and_for_nothing(
    proved: Proved, demo: InstalledDistribution
) -> None:
    assert proved.find(demo, Origin(), None) is None
    proved.keep(demo, Origin(), None, Finding(EVIDENCE, warnings=(WARNING,)))
    assert proved.find(demo, Origin(), None) == Finding(
        replace(EVIDENCE, requests=0, bytes=0), warnings=(WARNING,)
    )


@pytest.mark.parametrize(
    "finding",
    [
        Finding(problems=(WARNING,)),
        Finding(replace(EVIDENCE, proof="accepted")),
        Finding(replace(EVIDENCE, proof="download")),
        Finding(replace(EVIDENCE, url=URL + "?token=hunter2")),
        Finding(replace(EVIDENCE, url="https://u:p@files.example/demo-1.0-py3-none-any.whl")),
    ],
)
def test_what_may_come_out_otherwise_or_hold_a_secret_is_not_kept(
    finding: Finding, proved: Proved, demo: InstalledDistribution
) -> None:
    proved.keep(demo, Origin(), None, finding)
    assert proved.find(demo, Origin(), None) is None


def test_it_belongs_to_all_it_was_made_from(proved: Proved, demo: InstalledDistribution) -> None:
    proved.keep(demo, Origin(), None, Finding(EVIDENCE))
    wheel = BaseWheel(base_lock(entry("demo")).packages["demo"], URL, local=False)
    others = [
        proved.find(
            replace(demo, files={**demo.files, "RECORD": demo.files["RECORD"] + b"\n"}),
            Origin(),
            None,
        ),
        proved.find(
            replace(demo, files={**demo.files, "INDEX": b"https://other.example"}), Origin(), None
        ),
        proved.find(replace(demo, dist_info="Demo-1.0.dist-info"), Origin(), None),
        proved.find(demo, Origin(index="https://other.example/simple"), None),
        proved.find(
            demo, Origin(claims=(Claim("direct-url", URL, None, "direct_url.json"),)), None
        ),
        proved.find(demo, Origin(), wheel),
        replace(proved, index_key="https://other.example/simple").find(demo, Origin(), None),
        replace(proved, rules=Rules(proof="metadata")).find(demo, Origin(), None),
        replace(proved, rules=Rules(accept_unproved=frozenset({"demo"}))).find(
            demo, Origin(), None
        ),
        replace(proved, target=replace(proved.target, abi="2025_0")).find(demo, Origin(), None),
    ]
    assert others == [None] * len(others)
    assert (
        replace(proved, rules=Rules(accept_unproved=frozenset({"other"}))).find(
            demo, Origin(), None
        )
        is not None
    )


@pytest.mark.parametrize(
    "modules", [None, WheelModules({}), WheelModules({"demo.py": 7}, unspread=True)]
)
def test_the_modules_of_the_wheel_come_back(
    modules: WheelModules | None, proved: Proved, demo: InstalledDistribution
) -> None:
    proved.keep(demo, Origin(), None, Finding(EVIDENCE, modules=modules))
    found = proved.find(demo, Origin(), None)
    assert found is not None and found.modules == modules


_WHOLE = {**EVIDENCE.to_json(), "requests": 0}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b"[{}, [], false]",
        json.dumps([{"package": "demo"}, [], 0, None]).encode(),
        json.dumps([_WHOLE, [], False]).encode(),
        json.dumps([_WHOLE, [], False, 7]).encode(),
    ],
)
def test_what_is_stored_otherwise_is_not_known(
    data: bytes, proved: Proved, demo: InstalledDistribution
) -> None:
    proved.facts.put("proved", proved._key(demo, Origin(), None), data)
    assert proved.find(demo, Origin(), None) is None
