"""Rows of the installed RECORD that are no members of the wheel: which of them are a change."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from ..formats.record import WRITTEN_BY_INSTALLERS, Record, bytecode_source
from ..installed.installation import InstalledFiles

#: Where installers put scripts: ../../../bin of a venv, ../../bin (pip --target), bin (uv
#: --target), an absolute path where the prefix lies on another drive; «Scripts» on Windows.
_SCRIPT_FOLDER = re.compile(r"((\.\./)*|(/|[A-Za-z]:/)(.*/)?)(bin|Scripts)")
#: What installers on Windows add to the name of a script.
_SCRIPT_SUFFIX = re.compile(r"(-script\.pyw?|\.exe(\.manifest)?)$")
#: pip installs these two under a versioned name as well («pip3.14»).
_VERSIONED_SCRIPT = re.compile(r"(pip|easy_install)-?\d{1,3}(\.\d{1,3})?")


def is_written_by_installers(path: str, dist_info: str) -> bool:
    """Whether an installer writes the file at ``path`` into the .dist-info folder itself."""
    folder, _, name = path.rpartition("/")
    return folder == dist_info and WRITTEN_BY_INSTALLERS.fullmatch(name) is not None


@dataclass(frozen=True, slots=True)
class ExtraRows:
    """Tells rows that an installer adds from those that were added later.

    ``installed`` is the installed RECORD, ``shipped`` the wheel's own, ``scripts`` are the names of
    scripts and entry points.
    """

    installed: Record
    shipped: Record
    files: InstalledFiles
    dist_info: str
    scripts: Collection[str]

    def changes(self, paths: Iterable[str]) -> list[str]:
        """Those of ``paths`` that nothing accounts for."""
        rest = [path for path in paths if not self._is_accounted(path)]
        scripts = self._scripts(rest)
        return [path for path in rest if path not in scripts]

    def _is_accounted(self, path: str) -> bool:
        if is_written_by_installers(path, self.dist_info):
            return True
        if bytecode_source(path) in self.installed.entries:
            return True
        return self._is_without_member(path)

    def _is_without_member(self, path: str) -> bool:
        """Whether the row is one that the wheel's own RECORD has without a member, and pip kept.

        Published wheels have such: of folders (`wheel tags`), with a leading slash, of files that
        were left out.
        """
        listed = self.shipped.entries.get(path)
        if listed is None or listed != self.installed.entries[path]:
            return False
        return self.installed.row(path).leaves_folder or not self.files.is_file(path)

    def _scripts(self, paths: Iterable[str]) -> set[str]:
        scripts = {path for path in paths if self._is_script(path)}
        folders = {path.rpartition("/")[0] for path in scripts}
        # An installer puts all scripts into one folder. Others inside of site-packages were added
        # by hand.
        if len(folders) > 1:
            return {path for path in scripts if _leaves_folder(path)}
        return scripts

    def _is_script(self, path: str) -> bool:
        folder, _, name = path.rpartition("/")
        if not _SCRIPT_FOLDER.fullmatch(folder):
            return False
        stem = _SCRIPT_SUFFIX.sub("", name)
        versioned = _VERSIONED_SCRIPT.fullmatch(stem)
        names = {name, stem, versioned[1] if versioned else stem}
        return not names.isdisjoint(self.scripts)


def _leaves_folder(path: str) -> bool:
    return path.startswith(("../", "/")) or path[1:2] == ":"
