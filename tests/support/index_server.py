"""A package index on loopback over a folder of wheels, as rich or as poor as a test wants it.

``python -m tests.support.index_server FOLDER --port N`` serves a folder by hand.
"""

from __future__ import annotations

import argparse
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import index_pages
from .index_pages import IndexFile, PageOptions
from .loopback import LoopbackServer, Request
from .replies import JSON_TYPE, Fault, Reply

__all__ = ["Fault", "IndexServer", "Request"]


class IndexServer(LoopbackServer):
    """An index over ``folder`` (also read anew at every page, so files may come and go).

    Attributes beside LoopbackServer's, all changeable while it runs:
    json, html: which page formats exist (at least one); core_metadata: "hash" | "true" | "off";
    hashes: "sha256" | "md5" | "none"; size: PEP 700 keys; relative: relative file URLs; files_root:
      another
    scheme://host:port for the files; release_json: the per-release document at
    /pypi/<name>/<version>/json;
    yanked: file name or "name==version" -> True or reason; overrides: file name -> keys of its page
      entry to replace;
    sidecars: file name -> bytes to serve as its METADATA; statuses: project -> PEP 792's status and
      its reason
    (of a quarantined project no file is listed).
    """

    def __init__(self, folder: Path | None = None, *, port: int = 0, **options: Any) -> None:
        super().__init__(port=port)
        self._own_folder = None if folder else tempfile.TemporaryDirectory(prefix="index-")
        self.folder = folder or Path(self._own_folder.name)  # type: ignore[union-attr]
        self.folder.mkdir(parents=True, exist_ok=True)
        self._links: dict[str, Path] = {}
        self.json = True
        self.html = True
        self.core_metadata = "hash"
        self.hashes = "sha256"
        self.size = True
        self.relative = False
        self.files_root: str | None = None
        self.release_json = False
        self.yanked: dict[str, bool | str] = {}
        self.overrides: dict[str, Mapping[str, Any]] = {}
        self.sidecars: dict[str, bytes] = {}
        self.statuses: dict[str, tuple[str, str]] = {}
        for name, value in options.items():
            if not hasattr(self, name):
                raise TypeError(f"IndexServer has no option {name!r}")
            setattr(self, name, value)

    @property
    def url(self) -> str:
        """The simple root, as --index-url wants it;

        no slash at the end, for micropip adds one without looking.
        """
        return f"{self.root}/simple"

    @property
    def url_with_password(self) -> str:
        """The simple root with the user and password of ``auth``."""
        user, password = self.auth or ("", "")
        return self.url.replace("//", f"//{user}:{password}@", 1)

    def add(self, *wheels: Path) -> str:
        """List more distributions, wherever they lie; returns the URL of the last one."""
        for wheel in wheels:
            self._links[wheel.name] = wheel
        return self.file_url(wheels[-1].name)

    def list_hashes(self, url: str, *hashes: str) -> None:
        """From now on its project's page lists the file at ``url`` once for each sha256, and
        nothing else.
        """
        filename = url.partition("?")[0].rpartition("/")[2]
        project = index_pages.canonical(filename.split("-")[0])
        rows = [
            {"filename": filename, "url": url, "hashes": {"sha256": digest}} for digest in hashes
        ]
        body = index_pages.json_from_entries(project, rows)
        self.faults[f"/simple/{project}/"] = Fault("body", body=body)

    def add_folder(self, folder: Path) -> None:
        """List every distribution of a folder, as ``pip download`` leaves one."""
        self.add(*(path for path in sorted(folder.iterdir()) if index_pages.is_distribution(path)))

    def remove(self, filename: str) -> None:
        """Stop listing and serving a distribution."""
        self._links.pop(filename, None)
        (self.folder / filename).unlink(missing_ok=True)

    def file_url(self, filename: str) -> str:
        """The absolute URL of a file."""
        return f"{self.files_root or self.root}/files/{filename}"

    def files(self) -> dict[str, IndexFile]:
        """File name -> file of everything listed."""
        found = {name: index_pages.read_file(path) for name, path in self._links.items()}
        return dict(sorted((index_pages.read_folders([self.folder]) | found).items()))

    def close(self) -> None:
        """Stop, and remove the folder if it was made here."""
        super().close()
        if self._own_folder is not None:
            self._own_folder.cleanup()

    def respond(self, method: str, path: str, headers: Mapping[str, str]) -> Reply:
        """Route a request."""
        if match := re.fullmatch(r"/simple/(?:([^/]+)(/?))?", path):
            return self._page(match[1], bool(match[2]), headers.get("accept", ""))
        if match := re.fullmatch(r"/files/([^/]+)", path):
            return self._file(match[1])
        if self.release_json and (match := re.fullmatch(r"/pypi/([^/]+)/([^/]+)/json", path)):
            return self._release(match[1], match[2])
        return Reply(404, b"not found\n")

    def _options(self) -> PageOptions:
        files_url = "../../files/" if self.relative else self.file_url("")
        return PageOptions(
            self.core_metadata,
            self.hashes,
            self.size,
            files_url,
            self.yanked,
            self.overrides,
            self.statuses,
        )

    def _page(self, project: str | None, slash: bool, accept: str) -> Reply:
        as_json = self.json and (not self.html or index_pages.wants_json(accept))
        kind = JSON_TYPE if as_json else "text/html; charset=utf-8"
        files = self.files()
        if project is None:
            names = {file.project for file in files.values()}
            return Reply(200, index_pages.list_page(names, as_json=as_json), kind, compress=True)
        name = index_pages.canonical(project)
        if name != project or not slash:
            return Reply(301, headers={"Location": f"/simple/{name}/"})
        listed = [file for file in files.values() if file.project == name]
        if not listed:
            return Reply(404, b"no such project\n")
        if self.statuses.get(name, ("", ""))[0] == "quarantined":
            listed = []
        write = index_pages.json_page if as_json else index_pages.html_page
        return Reply(200, write(name, listed, self._options()), kind, compress=True)

    def _file(self, filename: str) -> Reply:
        if path := self._path(filename):
            return Reply(200, path.read_bytes(), "application/octet-stream", ranges=True)
        wheel = filename.removesuffix(".metadata")
        if self.core_metadata != "off" and wheel != filename and (path := self._path(wheel)):
            metadata = self.sidecars.get(wheel, index_pages.read_file(path).metadata)
            if metadata is not None:
                return Reply(200, metadata, "application/octet-stream", ranges=True)
        return Reply(404, b"no such file\n")

    def _path(self, filename: str) -> Path | None:
        path = self._links.get(filename, self.folder / filename)
        return path if index_pages.is_distribution(path) else None

    def _release(self, project: str, version: str) -> Reply:
        name = index_pages.canonical(project)
        listed = [file for file in self.files().values() if file.project == name]
        body = index_pages.release_page(name, version, listed, self._options())
        if body is None:
            return Reply(404, b"{}", "application/json")
        return Reply(200, body, "application/json", compress=True)


def main() -> None:
    """Serve a folder until Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument(
        "--html-only", action="store_true", help="no JSON and no core metadata, as poor mirrors are"
    )
    arguments = parser.parse_args()
    with IndexServer(arguments.folder, port=arguments.port) as server:
        if arguments.html_only:
            server.json, server.core_metadata = False, "off"
        print(server.url, flush=True)
        try:
            server.closing.wait()
        except KeyboardInterrupt:
            print(
                f"{len(server.requests)} requests, {server.bytes} bytes, {server.wheel_downloads} "
                "wheels"
            )


if __name__ == "__main__":
    main()
