"""Record real metadata from the machine's default index: ``python -m tests.resolve.record``.

Three families of projects, cut down to the versions that their own requirements can choose among.
The sets of sets.py count on what was recorded, so after a renewal their expectations may have to
follow.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from micropip_lock.errors import IntegrityError
from micropip_lock.formats.core_metadata import CoreMetadata
from micropip_lock.formats.project_page import IndexFile
from micropip_lock.index.client import Indexes
from micropip_lock.index.wheel_metadata import BrokenMetadataError, Publications
from micropip_lock.network.httpx_fetcher import HttpxFetcher
from micropip_lock.storage import NoFacts
from tests.support.foreign_python import markers
from tests.support.index_proxy import default_index_url

from .data import RECORDED, ResolveIndex
from .sets import AIRFLOW_CONSTRAINTS
from .tools import Asked, Uv

AIRFLOW = "apache-airflow==3.3.2"
#: What the sets ask for. Every version that one of these, or of what they need, allows may be
#: chosen.
ROOTS = (
    "boto3",
    "boto3==1.28.0",
    "s3transfer<0.7",
    "requests[socks]",
    "requests==2.20.0",
    AIRFLOW,
    "apache-airflow",
    "celery[redis]",
    "celery==5.2.7",
    "django-celery-beat",
    "django-celery-results",
    "django<4",
    "django<5",
)
#: Projects of which all versions from one on are taken; of boto3 and botocore there are thousands.
WHOLE = {
    "urllib3": "1.21",
    "requests": "2.20",
    "s3transfer": "0.1.10",
    "jmespath": "0.7.1",
    "idna": "2.5",
    "fastapi": "0.129",
    "cadwyn": "6",
}
SAMPLED = {"boto3": "1.9", "botocore": "1.12"}
PATCHES_BETWEEN = 30
#: Versions of other projects: so many of each specifier, and of all.
NEWEST_OF_EACH, NEWEST = 3, 3


class _Recorder:
    def __init__(self, fetcher: HttpxFetcher) -> None:
        self._fetcher = fetcher
        self._indexes = Indexes([default_index_url()])
        self._publications = Publications(fetcher, NoFacts())
        self._files: dict[str, dict[Version, list[IndexFile]]] = {}
        self._asked: dict[str, set[str]] = defaultdict(set)
        self._extras: dict[str, set[str]] = defaultdict(set)
        self._environment = markers("3.14")
        self.metadata: dict[tuple[str, Version], CoreMetadata] = {}

    async def follow(self) -> None:
        """Read whatever can be chosen, until nothing new turns up."""
        for root in ROOTS:
            self._ask(Requirement(root))
        while True:
            missing = [name for name in self._asked if name not in self._files]
            for name, files in zip(
                missing, await self._fetcher.gather(map(self._page, missing)), strict=True
            ):
                self._files[name] = files
            wanted = [(name, version) for name in self._asked for version in self._chosen(name)]
            new = [item for item in wanted if item not in self.metadata]
            read = await self._fetcher.gather(self._read(*item) for item in new)
            self.metadata.update(
                (item, found) for item, found in zip(new, read, strict=True) if found is not None
            )
            known = sum(map(len, self._asked.values())) + sum(map(len, self._extras.values()))
            for (name, _), found in self.metadata.items():
                for requirement in found.requires:
                    if any(self._holds(requirement, extra) for extra in ("", *self._extras[name])):
                        self._ask(requirement)
            if known == sum(map(len, self._asked.values())) + sum(map(len, self._extras.values())):
                return

    def _ask(self, requirement: Requirement) -> None:
        name = canonicalize_name(requirement.name)
        self._asked[name].add(str(requirement.specifier))
        self._extras[name] |= set(map(canonicalize_name, requirement.extras))

    def _holds(self, requirement: Requirement, extra: str) -> bool:
        return requirement.marker is None or requirement.marker.evaluate(
            {**self._environment, "extra": extra}
        )

    async def _page(self, name: str) -> dict[Version, list[IndexFile]]:
        listing = await self._indexes.preferred(name, self._fetcher)
        print(name, flush=True)
        found: dict[Version, list[IndexFile]] = {}
        for _, page in listing.pages:
            for version, cut in page.versions(name).items():
                found[version] = list(cut.files(name, {version}))
        return found

    def _chosen(self, name: str) -> set[Version]:
        versions = sorted(version for version in self._files[name] if self._wheel(name, version))
        if name in WHOLE:
            return {version for version in versions if version >= Version(WHOLE[name])}
        if name in SAMPLED:
            return set(self._sample(versions, Version(SAMPLED[name]))) | self._matching(
                name, versions
            )
        return self._matching(name, versions) | set(versions[-NEWEST:])

    def _matching(self, name: str, versions: list[Version]) -> set[Version]:
        found: set[Version] = set()
        for text in self._asked[name]:
            found |= set(sorted(SpecifierSet(text).filter(versions))[-NEWEST_OF_EACH:])
        return found

    def _sample(self, versions: list[Version], first: Version) -> Iterable[Version]:
        for version, after in zip(versions, [*versions[1:], None], strict=True):
            is_last = after is None or after.release[:2] != version.release[:2]
            if version >= first and (is_last or version.micro % PATCHES_BETWEEN == 0):
                yield version

    def _wheel(self, name: str, version: Version) -> IndexFile | None:
        return next((file for file in self._files[name][version] if file.kind == "wheel"), None)

    def is_native(self, name: str, version: Version) -> bool:
        """Whether no wheel of the version runs everywhere."""
        tags = {
            tag for file in self._files[name][version] if file.kind == "wheel" for tag in file.tags
        }
        return not any(tag.platform == "any" and tag.interpreter.startswith("py3") for tag in tags)

    def yanked(self, name: str, version: Version) -> str | None:
        """Why the version was yanked, or None."""
        reasons = [file.yanked for file in self._files[name][version] if file.yanked is not None]
        return re.sub(r"https?://\S+", "...", reasons[0]) if reasons else None

    async def _read(self, name: str, version: Version) -> CoreMetadata | None:
        file = self._wheel(name, version)
        assert file is not None
        try:
            return await self._publications.metadata(file, name)
        except (BrokenMetadataError, IntegrityError):
            return None  # a few old wheels are called otherwise than they say

    def releases(self, name: str) -> list[dict[str, Any]]:
        """What the file holds of a project: versions with equal metadata share one item."""
        groups: dict[str, dict[str, Any]] = {}
        for version in sorted(version for other, version in self.metadata if other == name):
            release = self._release(name, version)
            group = groups.setdefault(json.dumps(release), {"versions": [], **release})
            group["versions"].append(str(version))
        return list(groups.values())

    def _release(self, name: str, version: Version) -> dict[str, Any]:
        metadata = self.metadata[name, version]
        kept = [item for item in metadata.requires if self._may_hold(item, self._extras[name])]
        extras = [
            extra for extra in self._extras[name] if any(extra in str(item.marker) for item in kept)
        ]
        yanked, native = self.yanked(name, version), self.is_native(name, version)
        return {
            "requires": [str(item) for item in kept],
            **({"extras": sorted(extras)} if extras else {}),
            **({"python": metadata.requires_python} if metadata.requires_python else {}),
            **({"yanked": yanked} if yanked is not None else {}),
            **({"native": True} if native else {}),
        }

    def _may_hold(self, requirement: Requirement, extras: set[str]) -> bool:
        """Whether one of these extras, or none, asks for it on any machine."""
        if requirement.marker is None or "extra" not in str(requirement.marker):
            return True
        return any(self._holds(requirement, extra) for extra in extras)

    def names(self) -> list[str]:
        """Every project of which something was read."""
        return sorted({name for name, _ in self.metadata})


async def main() -> None:
    """Write the file anew."""
    fetcher = HttpxFetcher()
    try:
        recorder = _Recorder(fetcher)
        await recorder.follow()
    finally:
        await fetcher.aclose()
    lines = []
    for name in recorder.names():
        groups = ",\n  ".join(
            json.dumps(group, ensure_ascii=False) for group in recorder.releases(name)
        )
        lines.append(f" {json.dumps(name)}: [\n  {groups}\n ]")
    RECORDED.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(
        f"{len(lines)} projects, {len(recorder.metadata)} releases, {RECORDED.stat().st_size} bytes"
    )
    constrain()


def constrain() -> None:
    """Write the constraints anew: the oldest recorded versions that go together."""
    with TemporaryDirectory() as folder:
        places = [Path(folder, name) for name in ("wheels", "uv", "question")]
        for place in places:
            place.mkdir()
        with ResolveIndex(places[0]) as index:
            answer = Uv(places[1]).start(
                Asked([AIRFLOW], [], index.url), places[2], "--resolution", "lowest"
            )()
    assert answer.versions, answer.said
    AIRFLOW_CONSTRAINTS.write_text(
        "".join(f"{name}=={version}\n" for name, version in sorted(answer.versions.items()))
    )


if __name__ == "__main__":
    asyncio.run(main())
