"""A static web site on loopback: folders of this machine below URL prefixes."""

from __future__ import annotations

import io
import mimetypes
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import runtimes
from .loopback import LoopbackServer
from .replies import Reply

_TYPES = {".mjs": "text/javascript", ".js": "text/javascript", ".wasm": "application/wasm"}


class SiteServer(LoopbackServer):
    """Serves ``folders``: prefix ("/site/") -> folder, changeable while it runs;

    the longest prefix counts.
    """

    def __init__(self, folders: Mapping[str, Path] | None = None, *, port: int = 0) -> None:
        super().__init__(port=port)
        self.folders: dict[str, Path] = dict(folders or {})

    def respond(self, method: str, path: str, headers: Mapping[str, str]) -> Reply:
        """A file, index.html for a folder, or the project's sources as /project.zip."""
        if path == "/project.zip":
            return Reply(200, project_zip(), "application/zip")
        fitting = [prefix for prefix in self.folders if path.startswith(prefix)]
        if not fitting:
            return Reply(404, b"not found\n")
        prefix = max(fitting, key=len)
        folder = self.folders[prefix].resolve()
        file = (folder / path.removeprefix(prefix)).resolve()
        if file.is_dir():
            file /= "index.html"
        if not file.is_relative_to(folder) or not file.is_file():
            return Reply(404, b"not found\n")
        kind = (
            _TYPES.get(file.suffix)
            or mimetypes.guess_type(file.name)[0]
            or "application/octet-stream"
        )
        return Reply(200, file.read_bytes(), kind, ranges=True)


def pyodide_site(version: str = runtimes.VERSIONS[-1], **options: Any) -> SiteServer:
    """A site with the runtime at /pyodide/, its emptied base at /base/ and the pages of the tests
    at /session/.
    """
    folders = {
        "/pyodide/": runtimes.runtime(version),
        "/base/": runtimes.emptied_base(version),
        "/session/": Path(__file__).parent,
    }
    return SiteServer(folders, **options)


def project_zip() -> bytes:
    """The sources of micropip_lock as they are now."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted((runtimes.PROJECT / "micropip_lock").rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                archive.write(path, path.relative_to(runtimes.PROJECT).as_posix())
    return buffer.getvalue()
