"""The projects of this folder as wheels, served by an index on loopback.

projects.toml has what was made up for the sets; recorded.json has what real projects say of
themselves, see record.py.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from tests.support.freezing import NATIVE
from tests.support.index_pages import IndexFile
from tests.support.index_server import IndexServer
from tests.support.wheels import build_sdist, build_wheel

MADE_UP = Path(__file__).with_name("projects.toml")
RECORDED = Path(__file__).with_name("recorded.json")


@dataclass(frozen=True)
class Release:
    """One version of a project; the fields are those of projects.toml."""

    name: str
    version: str
    requires: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    python: str = ""
    page_python: str | None = None
    yanked: str | None = None
    tags: tuple[str, ...] = ("py3-none-any",)
    builds: tuple[str, ...] = ("",)
    sdist: bool = False

    def build(self, folder: Path, root: str) -> None:
        """Write its wheels and its sdist; INDEX in a requirement is ``root``."""
        requires = [item.replace("INDEX", root) for item in self.requires]
        extra_lines = "".join(f"Provides-Extra: {extra}\n" for extra in self.extras)
        for tag in self.tags:
            for build in self.builds:
                build_wheel(
                    folder,
                    self.name,
                    self.version,
                    requires=requires,
                    metadata_extra=extra_lines,
                    requires_python=self.python,
                    tag=tag,
                    build=build,
                    stored=True,
                )
        if self.sdist:
            build_sdist(folder, self.name, self.version, requires=requires)


def releases() -> Iterator[Release]:
    """Every release of both files."""
    recorded = json.loads(RECORDED.read_bytes())
    made_up = tomllib.loads(MADE_UP.read_text())
    for name, groups in {
        **recorded,
        **{name: item["releases"] for name, item in made_up.items()},
    }.items():
        for group in groups:
            yield from _releases(name, dict(group))


def _releases(name: str, said: dict[str, Any]) -> Iterator[Release]:
    versions = said.pop("versions")
    if said.pop("native", False):
        # As if somebody had built it for Pyodide: what is recorded is about requirements.
        said["tags"] = [NATIVE]
    values = {
        key: tuple(value) if isinstance(value, list) else value for key, value in said.items()
    }
    for version in versions:
        yield Release(name, version, **values)


class ResolveIndex(IndexServer):
    """All of it; the files stay as they are, so they are read once."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        for release in releases():
            release.build(folder, self.root)
            key = f"{canonicalize_name(release.name)}=={release.version}"
            if release.yanked is not None:
                self.yanked[key] = release.yanked or True
            if release.page_python is not None:
                (wheel,) = folder.glob(f"{release.name}-{release.version}-*.whl")
                self.overrides[wheel.name] = {"requires-python": release.page_python or None}
        self._files = super().files()

    def files(self) -> dict[str, IndexFile]:
        """File name -> file of everything listed."""
        return self._files
