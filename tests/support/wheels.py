"""Real wheels and sdists, built in memory and byte-identical from run to run.

A wheel built here installs with pip, uv, installer, micropip and ``pyodide.loadPackage`` alike. The
arguments that break rules (``record``, ``dist_info_files``) exist so that forgeries and damaged
wheels can be built too.
"""

from __future__ import annotations

import base64
import csv
import gzip
import hashlib
import io
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

Content = bytes | str
Row = tuple[str, str, str]  # path, "sha256=...", size: one line of RECORD
TamperRecord = Callable[[list[Row]], "list[Row] | bytes"]

_EPOCH = (2020, 2, 2, 0, 0, 0)  # zip time stamps; any fixed date after 1980 will do


def escaped(name: str) -> str:
    """The project name as it stands in wheel file names (binary distribution format, "Escaping and
    Unicode").
    """
    return re.sub(r"[-_.]+", "_", name).lower()


def build_wheel(
    folder: Path,
    name: str,
    version: str,
    *,
    files: Mapping[str, Content] | None = None,
    requires: Sequence[str] = (),
    extras: Mapping[str, Sequence[str]] | None = None,
    requires_python: str = "",
    tag: str = "py3-none-any",
    build: str = "",
    metadata_version: str = "2.1",
    metadata_extra: str = "",
    data: Mapping[str, Content] | None = None,
    entry_points: Mapping[str, str] | None = None,
    entry_points_txt: str = "",
    dist_info_files: Mapping[str, Content] | None = None,
    record: TamperRecord | None = None,
    stored: bool = False,
) -> Path:
    """Write a wheel into ``folder`` and return its path.

    files: archive path -> content; default: one module named after the project with
      ``__version__``.
    requires: Requires-Dist lines; extras: extra -> requirement strings (the ``extra == ...`` marker
      is added here).
    tag: compressed tag set, "py2.py3-none-any" gives two ``Tag:`` lines. build: build number, e.g.
      "1".
    metadata_extra: further METADATA header lines. data: "scripts/x", "purelib/y" ... below
      ``<name>.data/``.
    entry_points: console scripts; entry_points_txt: the whole file instead.
    dist_info_files: files the wheel itself ships in .dist-info; they replace ours of the same name,
      RECORD excepted.
    record: gets the rows of RECORD without its own, returns other rows, or the whole file as bytes.
    stored: no compression, so that the size of the wheel follows that of its files.
    """
    stem = f"{escaped(name)}-{version}"
    info = f"{stem}.dist-info"
    if files is None:
        files = {f"{escaped(name)}.py": f'__version__ = "{version}"\n'}
    members: dict[str, bytes] = {path: _bytes(content) for path, content in files.items()}
    for path, content in (data or {}).items():
        members[f"{stem}.data/{path}"] = _bytes(content)
    if entry_points:
        lines = "".join(f"{script} = {target}\n" for script, target in sorted(entry_points.items()))
        entry_points_txt = f"[console_scripts]\n{lines}"
    if entry_points_txt:
        members[f"{info}/entry_points.txt"] = _bytes(entry_points_txt)
    members[f"{info}/METADATA"] = _metadata(
        name, version, requires, extras or {}, requires_python, metadata_version, metadata_extra
    )
    members[f"{info}/WHEEL"] = _wheel_file(tag, build)
    for path, content in (dist_info_files or {}).items():
        members[f"{info}/{path}"] = _bytes(content)
    members[f"{info}/RECORD"] = _record(members, f"{info}/RECORD", record)
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"{stem}{f'-{build}' if build else ''}-{tag}.whl"
    write_zip(wheel, members, stored=stored)
    return wheel


def forged(folder: Path, text: str, *, says: str) -> Path:
    """A wheel whose demo.py holds ``text``, and has ``says`` in RECORD."""
    honest = record_row("demo.py", says.encode())
    return build_wheel(
        folder,
        "demo",
        "1.0",
        files={"demo.py": text},
        record=lambda rows: [honest if row[0] == "demo.py" else row for row in rows],
    )


def repack(wheel: Path, folder: Path, *, stored: bool = True) -> Path:
    """The same wheel with the same RECORD in other zip bytes, as Pyodide repacks what it takes from
    an index.
    """
    with zipfile.ZipFile(wheel) as archive:
        members = {item.filename: archive.read(item) for item in archive.infolist()}
    folder.mkdir(parents=True, exist_ok=True)
    write_zip(folder / wheel.name, members, stored=stored)
    return folder / wheel.name


def with_unicode_path(wheel: Path, folder: Path, name: str, other: str) -> Path:
    """The same wheel, whose file ``name`` is called ``other`` in Info-ZIP's extra field of a name
    in Unicode.
    """
    body = struct.pack("<BL", 1, zlib.crc32(name.encode())) + other.encode()
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel) as archive, zipfile.ZipFile(folder / wheel.name, "w") as changed:
        for item in archive.infolist():
            if item.filename == name:
                item.extra = struct.pack("<HH", 0x7075, len(body)) + body
            changed.writestr(item, archive.read(item.filename))
    return folder / wheel.name


def write_zip(path: Path, members: Mapping[str, bytes], *, stored: bool = False) -> None:
    """Write a zip file whose bytes depend on nothing but its members."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            item = zipfile.ZipInfo(name, date_time=_EPOCH)
            item.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
            item.create_system = 3  # else the host's, which would change the bytes
            is_script = ".data/scripts/" in name
            item.external_attr = (0o100755 if is_script else 0o100644) << 16
            archive.writestr(item, content)


def wrong_size(rows: list[Row]) -> list[Row]:
    """Rows of a RECORD, the first of which gives its file another size."""
    (path, hash_, _), *rest = rows
    return [(path, hash_, "1"), *rest]


def record_row(path: str, content: bytes) -> Row:
    """One row of RECORD: url-safe base64 without padding, as PEP 376 and PEP 427 want it."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return path, f"sha256={digest}", str(len(content))


def sha256(path: Path) -> str:
    """The hexadecimal sha256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def wheel_member(wheel: Path, name: str) -> bytes:
    """The bytes of ``<dist-info>/<name>`` of a wheel, e.g. "METADATA"."""
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.namelist():
            if member.count("/") == 1 and member.endswith(f".dist-info/{name}"):
                return archive.read(member)
    raise KeyError(f"{wheel.name} has no .dist-info/{name}")


def build_sdist(folder: Path, name: str, version: str, *, requires: Sequence[str] = ()) -> Path:
    """Write a real sdist into ``folder``; it builds offline, for its backend lies in its own tree.

    The backend hands out a wheel that the sdist carries, so nothing has to be fetched for the
    build.
    """
    stem = f"{escaped(name)}-{version}"
    built = build_wheel(folder / ".build", name, version, requires=requires)
    wheel = built.read_bytes()
    built.unlink()
    built.parent.rmdir()
    members = {
        "PKG-INFO": _metadata(name, version, requires, {}, "", "2.1", ""),
        "pyproject.toml": (
            b'[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        ),
        "backend.py": _BACKEND.encode(),
        f"prebuilt/{stem}-py3-none-any.whl": wheel,
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, content in members.items():
            item = tarfile.TarInfo(f"{stem}/{path}")
            item.size = len(content)
            item.mode = 0o644
            item.mtime = 1580601600
            archive.addfile(item, io.BytesIO(content))
    folder.mkdir(parents=True, exist_ok=True)
    sdist = folder / f"{stem}.tar.gz"
    sdist.write_bytes(gzip.compress(buffer.getvalue(), mtime=0))
    return sdist


_BACKEND = '''\
"""A PEP 517 backend that hands out the wheel lying beside it."""
import pathlib
import shutil


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    (wheel,) = pathlib.Path("prebuilt").glob("*.whl")
    shutil.copy(wheel, wheel_directory)
    return wheel.name
'''


def _bytes(content: Content) -> bytes:
    return content.encode() if isinstance(content, str) else content


def _metadata(
    name: str,
    version: str,
    requires: Iterable[str],
    extras: Mapping[str, Sequence[str]],
    requires_python: str,
    metadata_version: str,
    extra_lines: str,
) -> bytes:
    lines = [f"Metadata-Version: {metadata_version}", f"Name: {name}", f"Version: {version}"]
    if requires_python:
        lines.append(f"Requires-Python: {requires_python}")
    lines += [f"Requires-Dist: {requirement}" for requirement in requires]
    for extra, requirements in extras.items():
        lines.append(f"Provides-Extra: {extra}")
        for requirement in requirements:
            bare, _, marker = (part.strip() for part in requirement.partition(";"))
            condition = f"({marker}) and extra == '{extra}'" if marker else f"extra == '{extra}'"
            lines.append(f"Requires-Dist: {bare} ; {condition}")
    if extra_lines:
        lines.append(extra_lines.strip("\n"))
    return ("\n".join(lines) + "\n\nA wheel for the tests.\n").encode()


def _wheel_file(tag: str, build: str) -> bytes:
    python, abi, platform = tag.split("-")
    lines = ["Wheel-Version: 1.0", "Generator: micropip-lock tests"]
    lines.append(f"Root-Is-Purelib: {'true' if platform == 'any' else 'false'}")
    lines += [
        f"Tag: {p}-{a}-{f}"
        for p in python.split(".")
        for a in abi.split(".")
        for f in platform.split(".")
    ]
    if build:
        lines.append(f"Build: {build}")
    return ("\n".join(lines) + "\n").encode()


def _record(members: Mapping[str, bytes], own_path: str, tamper: TamperRecord | None) -> bytes:
    rows: list[Row] | bytes = [record_row(path, content) for path, content in members.items()]
    if tamper is not None:
        rows = tamper(rows)  # type: ignore[arg-type]
    if isinstance(rows, bytes):
        return rows
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([*rows, (own_path, "", "")])
    return text.getvalue().encode()
