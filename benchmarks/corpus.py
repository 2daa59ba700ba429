"""The inputs: about 100 real distributions, and an index page of each as fat as the real one.

``python -m benchmarks.corpus`` builds ``.cache/bench/index``, once; what is there is kept. pip
resolves REQUIREMENTS for Pyodide 314 and downloads the wheels from the machine's own index. The
project pages are that index's, with every file of every version. A mirror that speaks HTML alone
leaves out sizes, times, core metadata and provenance; those are made up, the same ones each time
and of the usual length, so that a page has the bytes of a real one.

    index/files/<project>/<wheel>            and <wheel>.metadata, its sidecar (PEP 658)
    index/fat/<project>.json                 the PEP 691 page; each url is the path
                                             /packages/aa/bb/.../<file>
    index/pins.txt, index/requirements.txt   name==version of all, and what was asked for
"""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import ssl
import subprocess
import sys
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

from packaging.specifiers import SpecifierSet
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from micropip_lock.formats.project_page_html import anchor, read_html
from micropip_lock.formats.target import Target
from tests.support import foreign_python
from tests.support.index_proxy import default_index_url
from tests.support.installed import PYODIDE_314
from tests.support.runtimes import CACHE, MACHINE_ENVIRON, real_wheels

FOLDER = CACHE / "bench" / "index"

# Nothing here makes a resolver go back to an older version: the index has the files of the chosen
# versions alone. fmt: off
REQUIREMENTS = (
    "httpx[http2]",
    "rich",
    "boto3",
    "pydantic",
    "ruamel.yaml",
    "openai",
    "textual",
    "fastapi",
    "ipython",
    "tox",
    "pytest",
    "jaraco.functools",
    "jaraco.context",
    "networkx",
    "msgspec",
    "cbor2",
    "requests",
    "sympy",
    "tqdm",
    "beautifulsoup4",
    "typer",
    "plotly",
    "babel",
    "faker",
    "django",
    "python-dotenv",
    "tenacity",
    "pytz",
    "protobuf",
    "black",
    "isort",
    "humanize",
    "arrow",
    "pyparsing",
    "cachetools",
)
# fmt: on

_TARGET = Target("3.14.2", "2026_0", "emscripten_5_0_3")
_TIMEOUT = 120  # seconds
_NOW = datetime.datetime(2026, 11, 1, tzinfo=datetime.UTC)
#: Attestations exist since the end of 2024, and not everybody makes them.
_PROVENANCE_FROM = datetime.datetime(2024, 11, 1, tzinfo=datetime.UTC)


def build(folder: Path = FOLDER) -> Path:
    """Build what is missing; returns the folder."""
    ready = folder / ".ready"
    if ready.exists():
        return folder
    wheels = sorted(real_wheels(*REQUIREMENTS, platform=PYODIDE_314).glob("*.whl"))
    found = {str(canonicalize_name(parse_wheel_filename(wheel.name)[0])): wheel for wheel in wheels}
    for project, wheel in found.items():
        keep_wheel(folder / "files" / project, wheel)
    (folder / "fat").mkdir(exist_ok=True)
    with ThreadPoolExecutor(8) as pool:  # a page takes the mirror longer than the line
        list(pool.map(lambda project: _keep_page(folder, project, found[project]), found))
    _keep_newest(folder, found)
    pins = [
        f"{project}=={parse_wheel_filename(wheel.name)[1]}\n"
        for project, wheel in sorted(found.items())
    ]
    (folder / "pins.txt").write_text("".join(pins))
    (folder / "requirements.txt").write_text(
        "".join(f"{requirement}\n" for requirement in REQUIREMENTS)
    )
    ready.touch()
    return folder


def pins(folder: Path = FOLDER) -> dict[str, str]:
    """Version by canonical name."""
    return dict(line.split("==") for line in (folder / "pins.txt").read_text().split())


def keep_wheel(folder: Path, wheel: Path) -> None:
    """Put a wheel and its sidecar into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / wheel.name).exists():
        os.link(wheel, folder / wheel.name)
    with zipfile.ZipFile(wheel) as archive:
        (member,) = (
            name
            for name in archive.namelist()
            if name.count("/") == 1 and name.endswith(".dist-info/METADATA")
        )
        (folder / f"{wheel.name}.metadata").write_bytes(archive.read(member))


def _keep_page(folder: Path, project: str, wheel: Path) -> None:
    kept = folder / "fat" / f"{project}.json"
    if kept.exists():
        return
    files = list(_complete(_upstream(project)))
    _announce(files, wheel, folder / "files" / project)
    write_page(kept, project, files)


def _announce(files: Iterable[dict[str, Any]], wheel: Path, folder: Path) -> None:
    """Let the page's entry of a wheel say what is true of it."""
    sidecar = (folder / f"{wheel.name}.metadata").read_bytes()
    own = next(file for file in files if file["filename"] == wheel.name)
    own["size"] = wheel.stat().st_size
    own["core-metadata"] = own["data-dist-info-metadata"] = {
        "sha256": hashlib.sha256(sidecar).hexdigest()
    }
    if own["hashes"]["sha256"] != hashlib.sha256(wheel.read_bytes()).hexdigest():
        raise SystemExit(
            f"{wheel.name} is not what its page announces; remove it from .cache/wheels and start "
            "again."
        )


def _keep_newest(folder: Path, found: Mapping[str, Path]) -> None:
    """Keep the newest wheel that fits as well, where another one was chosen:

    resolvers look at it before they know.
    """
    newer = []
    for project, wheel in found.items():
        page = json.loads((folder / "fat" / f"{project}.json").read_bytes())
        newest = max(version for file in page["files"] if (version := _fitting(file)) is not None)
        if newest != parse_wheel_filename(wheel.name)[1]:
            newer.append(f"{project}=={newest}")
    if not newer:
        return
    newest_wheels = folder.parent / "newest"
    command = [
        sys.executable,
        foreign_python.__file__,
        "pip",
        json.dumps(foreign_python.markers(PYODIDE_314.python)),
    ]
    command += [
        "download",
        "-q",
        "--no-deps",
        "--dest",
        str(newest_wheels),
        *PYODIDE_314.pip_flags,
        *newer,
    ]
    subprocess.run(command, env=MACHINE_ENVIRON, check=True, stderr=subprocess.DEVNULL)
    for wheel in newest_wheels.glob("*.whl"):
        project = canonicalize_name(parse_wheel_filename(wheel.name)[0])
        keep_wheel(folder / "files" / project, wheel)
        path = folder / "fat" / f"{project}.json"
        files = json.loads(path.read_bytes())["files"]
        _announce(files, wheel, folder / "files" / project)
        write_page(path, project, files)


def _fitting(file: Mapping[str, Any]) -> Version | None:
    """The version of a wheel that Pyodide 314 can use and that is no pre-release; else None."""
    version = version_of(file["filename"])
    if (
        not file["filename"].endswith(".whl")
        or version is None
        or version.is_prerelease
        or file["yanked"]
    ):
        return None
    fits = _TARGET.rank(parse_wheel_filename(file["filename"])[3]) is not None
    return (
        version if fits and _TARGET.python in SpecifierSet(file["requires-python"] or "") else None
    )


def write_page(path: Path, project: str, files: Iterable[Mapping[str, Any]]) -> None:
    """Write a PEP 691 page, in one step."""
    rows = list(files)
    versions = sorted(
        {str(version) for row in rows if (version := version_of(row["filename"]))}, key=Version
    )
    page = {
        "alternate-locations": [],
        "files": rows,
        "meta": {"_last-serial": 30_000_000 + len(rows), "api-version": "1.4"},
        "name": project,
        "project-status": {"status": "active"},
        "versions": versions,
    }
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(page, separators=(",", ":")))
    draft.replace(path)


def _upstream(project: str) -> list[dict[str, Any]]:
    """The files of the project page of the machine's own index."""
    url = f"{default_index_url()}{project}/"
    request = urllib.request.Request(
        url, headers={"Accept": "text/html", "Accept-Encoding": "identity"}
    )
    context = ssl.create_default_context()
    with urllib.request.urlopen(request, timeout=_TIMEOUT, context=context) as response:
        page = read_html(response.read(), response.headers["Content-Type"])
        return [{**anchor(tag), "filename": name} for name, tag in page.anchors]


def version_of(filename: str) -> Version | None:
    """The version of a wheel or an sdist; None for older kinds of files."""
    try:
        return (
            parse_wheel_filename(filename)[1]
            if filename.endswith(".whl")
            else parse_sdist_filename(filename)[1]
        )
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        return None


def _complete(files: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Files as the JSON page of a full index has them, oldest first."""
    ordered = sorted(
        files, key=lambda file: (version_of(file["filename"]) or Version("0"), file["filename"])
    )
    for place, file in enumerate(ordered):
        yield _entry(file, place / len(ordered))


def _entry(file: Mapping[str, Any], age: float) -> dict[str, Any]:
    """age: 0 for the oldest file of a project, nearly 1 for its newest."""
    filename = file["filename"]
    chance = Random(filename)  # a fixed seed: the page is the same each time
    uploaded = _NOW - datetime.timedelta(days=(1 - age) * 3000, seconds=chance.randrange(80_000))
    uploaded = uploaded.replace(microsecond=chance.randrange(1_000_000))
    is_wheel = filename.endswith(".whl")
    metadata = {"sha256": chance.randbytes(32).hex()} if is_wheel else False
    version = version_of(filename)
    provenance = None
    if uploaded > _PROVENANCE_FROM and chance.random() < 0.5:
        project = canonicalize_name(filename.split("-")[0])
        provenance = f"https://index.example/integrity/{project}/{version}/{filename}/provenance"
    return {
        "core-metadata": metadata,
        "data-dist-info-metadata": metadata,
        "filename": filename,
        "hashes": file["hashes"],
        "provenance": provenance,
        "requires-python": file.get("requires-python"),
        "size": int(chance.lognormvariate(12, 1.5)),
        "upload-time": uploaded.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "url": _path(file),
        "yanked": file.get("yanked", False),
    }


def _path(file: Mapping[str, Any]) -> str:
    """Where the file lies below /packages/;

    as the upstream has it, or by a digest of as many digits.
    """
    url: str = file["url"].partition("#")[0]
    _, found, rest = url.partition("/packages/")
    if found:
        return f"/packages/{urllib.parse.unquote(rest)}"
    digest = hashlib.blake2b(file["filename"].encode(), digest_size=32).hexdigest()
    return f"/packages/{digest[:2]}/{digest[2:4]}/{digest[4:]}/{file['filename']}"


def main() -> None:
    """Build, and say how large it is."""
    folder = build()
    pages = [path.stat().st_size for path in (folder / "fat").glob("*.json")]
    wheels = [path.stat().st_size for path in (folder / "files").glob("*/*.whl")]
    print(
        f"{len(wheels)} wheels of {sum(wheels) / 1e6:.1f} MB, {len(pages)} pages of "
        f"{sum(pages) / 1e6:.1f} MB"
    )


if __name__ == "__main__":
    main()
