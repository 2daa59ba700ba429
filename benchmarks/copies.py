"""1000 distributions to see how cost grows: copies of ten real ones under other names.

Every size is the same ten, copied as often as it takes, so only the number differs. A copy has the
files of its
original with the import package renamed, a page as long as the original's with other hashes, and
needs others of its
ten: a tree of three levels, whose root is what is asked for. Nothing is downloaded for it.

    grown/index/...                          as benchmarks.corpus has it
    grown/<number>/site, requirements.txt    the first so many of them, installed as pip does it,
                                             and their roots
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import itertools
import json
import os
import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from random import Random

from .corpus import build, keep_wheel, pins, write_page

SIZES = (10, 30, 100, 300, 1000)
#: The root first; sizes and numbers of files around the middle of what the corpus has.
ORIGINALS = (
    "rich",
    "anyio",
    "urllib3",
    "starlette",
    "requests",
    "sqlparse",
    "pluggy",
    "jmespath",
    "six",
    "tomli-w",
)
_NEEDS = {0: (1, 2, 3), 1: (4, 5, 6), 2: (7, 8, 9)}
_EPOCH = (2020, 2, 2, 0, 0, 0)


def grow(folder: Path, corpus: Path | None = None) -> Path:
    """Build what is missing; returns the folder. corpus: that of benchmarks.corpus."""
    ready = folder / ".ready"
    if ready.exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    corpus = corpus or build()
    versions = pins(corpus)
    for place, number in enumerate(range(max(SIZES))):
        _copy(corpus, folder, place % len(ORIGINALS), number // len(ORIGINALS), versions)
    for size in SIZES:
        _install(folder, size)
    ready.touch()
    return folder


def copy_name(place: int, turn: int) -> str:
    """The name of a copy: «rich-007»."""
    return f"{ORIGINALS[place]}-{turn:03}"


def _copy(corpus: Path, folder: Path, place: int, turn: int, versions: dict[str, str]) -> None:
    original, name = ORIGINALS[place], copy_name(place, turn)
    version = versions[original]
    stem = name.replace("-", "_")
    (wheel,) = (corpus / "files" / original).glob(f"*-{version}-py*.whl")
    draft = folder / "wheels" / f"{stem}-{version}-py3-none-any.whl"
    draft.parent.mkdir(parents=True, exist_ok=True)
    _write_wheel(
        wheel, draft, name, version, [copy_name(other, turn) for other in _NEEDS.get(place, ())]
    )
    project = folder / "index" / "files" / name
    keep_wheel(project, draft)
    rows = []
    page = json.loads((corpus / "fat" / f"{original}.json").read_bytes())
    for row in page["files"]:
        filename = re.sub(r"^[^-]+", stem, row["filename"])
        chance = Random(filename)
        digest = chance.randbytes(32).hex()
        metadata = {"sha256": chance.randbytes(32).hex()} if row["core-metadata"] else False
        new = {**row, "filename": filename, "hashes": {"sha256": digest}, "core-metadata": metadata}
        new |= {
            "data-dist-info-metadata": metadata,
            "url": f"/packages/{digest[:2]}/{digest[2:4]}/{digest[4:]}/{filename}",
        }
        if row["filename"] == wheel.name:
            new |= {"filename": draft.name, "size": draft.stat().st_size}
            new["url"] = new["url"].rpartition("/")[0] + f"/{draft.name}"
            new["hashes"] = {"sha256": hashlib.sha256(draft.read_bytes()).hexdigest()}
            sidecar = (project / f"{draft.name}.metadata").read_bytes()
            new["core-metadata"] = new["data-dist-info-metadata"] = {
                "sha256": hashlib.sha256(sidecar).hexdigest()
            }
        rows.append(new)
    (folder / "index" / "fat").mkdir(exist_ok=True)
    write_page(folder / "index" / "fat" / f"{name}.json", name, rows)


def _write_wheel(original: Path, copy: Path, name: str, version: str, needs: list[str]) -> None:
    stem = name.replace("-", "_")
    info = f"{stem}-{version}.dist-info"
    rows = []
    with (
        zipfile.ZipFile(original) as source,
        zipfile.ZipFile(copy, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for member in source.infolist():
            top, slash, rest = member.filename.partition("/")
            if member.is_dir() or rest == "RECORD":
                continue
            content = source.read(member)
            if top.endswith(".dist-info"):
                path = f"{info}/{rest}"
                if rest == "METADATA":
                    content = _metadata(content, name, needs)
            else:
                path = f"{stem}_{top}{slash}{rest}"
            target.writestr(zipfile.ZipInfo(path, _EPOCH), content, zipfile.ZIP_DEFLATED)
            digest = (
                base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            )
            rows.append((path, f"sha256={digest}", str(len(content))))
        target.writestr(
            zipfile.ZipInfo(f"{info}/RECORD", _EPOCH),
            _record([*rows, (f"{info}/RECORD", "", "")], "\n"),
        )


def _metadata(content: bytes, name: str, needs: list[str]) -> bytes:
    head, blank, description = content.replace(b"\r\n", b"\n").partition(b"\n\n")
    lines = [
        line
        for line in head.decode().split("\n")
        if not line.startswith(("Requires-Dist:", "Provides-Extra:"))
    ]
    lines = [f"Name: {name}" if line.startswith("Name:") else line for line in lines]
    lines += [f"Requires-Dist: {other}" for other in needs]
    return "\n".join(lines).encode() + blank + description


def _record(rows: list[tuple[str, str, str]], end: str) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=end).writerows(rows)
    return text.getvalue()


def _install(folder: Path, size: int) -> None:
    """What pip leaves behind; larger sites share the files of the smaller ones."""
    site = folder / str(size) / "site"
    smaller = max((other for other in SIZES if other < size), default=0)
    if smaller:
        shutil.copytree(folder / str(smaller) / "site", site, copy_function=os.link)
    site.mkdir(parents=True, exist_ok=True)
    for number in range(smaller, size):
        name = copy_name(number % len(ORIGINALS), number // len(ORIGINALS))
        (wheel,) = (folder / "index" / "files" / name).glob("*.whl")
        _unpack(wheel, site)
    roots = [copy_name(0, turn) for turn in range(size // len(ORIGINALS))]
    (folder / str(size) / "requirements.txt").write_text("".join(f"{root}\n" for root in roots))


def _unpack(wheel: Path, site: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
        record = next(name for name in archive.namelist() if name.endswith(".dist-info/RECORD"))
    info = record.removesuffix("/RECORD")
    (site / info / "INSTALLER").write_text("pip\n")
    rows: Iterator[list[str]] = csv.reader((site / record).read_text().splitlines())
    digest = base64.urlsafe_b64encode(hashlib.sha256(b"pip\n").digest()).rstrip(b"=").decode()
    added = [f"{info}/INSTALLER", f"sha256={digest}", "4"]
    (site / record).write_text(
        _record(sorted((a, b, c) for a, b, c in itertools.chain(rows, [added])), "\r\n"), newline=""
    )
