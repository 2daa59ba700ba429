"""Random small distributions, as hypothesis draws them, built as real wheels.

`distributions()` is the strategy; `build_all` names what it drew, so that many of them fit into one
folder, and gives their requirements a meaning: an offset in the list is the distribution that is
needed.
"""

from __future__ import annotations

import csv
import io
import random
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hypothesis import strategies as st

from .freezing import NATIVE
from .wheels import build_wheel, record_row, write_zip

#: What the contract leaves out: these are written, or written anew, by installers.
WRITTEN = re.compile(
    r"RECORD.*|INSTALLER|REQUESTED|direct_url\.json|provenance_url\.json|uv_.*\.json|INDEX|PYODIDE_.*"
)

_WORDS = ("demo", "Foo", "x2", "h.a-u_s", "a_b", "Zope.Interface", "py-tool", "Q")
_MODULES = ("demo", "foo", "x2", "häus", "a_b", "zope", "tool", "_private")
_VERSIONS = ("1.0", "0.0.1", "2024.11.3", "1.2rc1", "3.0.post2", "1.0.dev4", "1!2.0", "1.5+local.7")
_MARKERS = (
    "",
    "sys_platform == 'emscripten'",
    "sys_platform == 'win32'",
    "python_version >= '3.9'",
    "os_name == 'nt'",
)
_FILE_NAMES = st.just("same.txt") | st.text(
    "abcXYZ019 ,;'\"()[]{}#%&+=@~_-.éß中😀", min_size=1, max_size=12
).filter(
    # Pyodide leaves out what has two dots in its name, so that such a wheel is refused.
    lambda name: (
        ".." not in name
        and not name.startswith(("~", ".", " "))
        and not name.endswith((".", " ", ".py", ".pyc", ".pyo"))
    )
)
_BYTES = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([b"", b"\n", b"x = 1\n" * 200, b"\r\n\x1a\0"]),
    # incompressible, so that the wheel is larger than its tail
    st.builds(
        lambda seed, size: random.Random(seed).randbytes(size),
        st.integers(0, 999),
        st.integers(1, 30_000),
    ),
)


@dataclass(frozen=True)
class Need:
    """A requirement: ``offset`` distributions further on in the list, round about."""

    offset: int
    extra: bool
    marker: str
    pinned: bool


@dataclass(frozen=True)
class Distribution:
    """What hypothesis draws; names get their place in the list, so that no two are equal."""

    word: int
    version: str
    layout: str  # "module" | "package" | "namespace"
    modules: tuple[str, ...]
    files: Mapping[str, bytes]
    data: Mapping[str, bytes]  # scheme/name -> content
    license: bytes
    shipped: Mapping[str, bytes]  # files that installers write, in the wheel all the same
    scripts: tuple[str, ...]
    needs: tuple[Need, ...]
    extra_needs: tuple[Need, ...]
    bytecode: bool
    native: bool
    build: str
    stored: bool


def distributions() -> st.SearchStrategy[Distribution]:
    """Small distributions of every shape that wheels have."""
    needs = st.builds(
        Need, st.integers(1, 6), st.booleans(), st.sampled_from(_MARKERS), st.booleans()
    )
    schemes = st.sampled_from(["scripts", "data", "headers", "purelib", "platlib"])
    return st.builds(
        Distribution,
        word=st.integers(0, len(_WORDS) - 1),
        version=st.sampled_from(_VERSIONS),
        layout=st.sampled_from(["module", "package", "namespace"]),
        modules=st.lists(
            st.sampled_from(["core", "_impl", "sub.deep", "sub.other", "ünï"]), unique=True
        ).map(tuple),
        files=st.dictionaries(_FILE_NAMES, _BYTES, max_size=3),
        data=st.dictionaries(st.builds("{}/{}".format, schemes, _FILE_NAMES), _BYTES, max_size=3),
        license=_BYTES,
        shipped=st.dictionaries(
            st.sampled_from(["INSTALLER", "REQUESTED", "RECORD.jws"]), _BYTES, max_size=1
        ),
        scripts=st.lists(
            st.sampled_from(["run", "run.me", "do-it", "Main_2"]), unique=True, max_size=2
        ).map(tuple),
        needs=st.lists(needs, max_size=3).map(tuple),
        extra_needs=st.lists(needs, max_size=2).map(tuple),
        bytecode=st.booleans(),
        native=st.integers(0, 5).map(lambda number: number == 0),
        build=st.sampled_from(["", "", "1", "2b"]),
        stored=st.booleans(),
    )


def build_all(folder: Path, items: Sequence[Distribution], *, first: int = 0) -> list[Path]:
    """Build them all; wheel number n is that of item number n, whose name ends in ``first + n``."""
    names = [f"{_WORDS[item.word]}{first + number}" for number, item in enumerate(items)]
    return [_build(folder, items, names, number) for number in range(len(items))]


def _build(folder: Path, items: Sequence[Distribution], names: Sequence[str], place: int) -> Path:
    item = items[place]
    # The module is named unlike the project, and may not even be ASCII.
    module = f"{_MODULES[item.word]}_{names[place].lower().replace('-', '_').replace('.', '_')}"

    def written(need: Need) -> str:
        other = (place + need.offset) % len(items)
        pin = f"=={items[other].version}" if need.pinned else ""
        return (
            f"{names[other]}{'[more]' * need.extra}{pin}{f' ; {need.marker}' * bool(need.marker)}"
        )

    root = {"module": f"{module}_data", "package": module, "namespace": f"shared/{module}"}[
        item.layout
    ]
    files: dict[str, bytes] = {f"{module}.py": b"x = 1\n"} if item.layout == "module" else {}
    if item.layout == "package":
        files[f"{root}/__init__.py"] = b""
    for dotted in item.modules if item.layout != "module" else ():
        files[f"{root}/{dotted.replace('.', '/')}.py"] = f"name = {dotted!r}\n".encode()
    files.update((f"{root}/files/{name}", content) for name, content in item.files.items())
    if item.bytecode and item.layout != "module":
        files[f"{root}/code.py"] = b"x = 1\n"
        files[f"{root}/__pycache__/code.cpython-314.pyc"] = b"compiled long ago"
        files[f"{root}/sourceless.pyc"] = b"no source"
    if item.native:
        files[f"{root}/_speed.cpython-314-wasm32-emscripten.so"] = b"\0asm"
    return build_wheel(
        folder,
        names[place],
        item.version,
        files=files,
        data={_data_path(path, module): content for path, content in item.data.items()},
        requires=[written(need) for need in item.needs],
        extras={"more": [written(need) for need in item.extra_needs]},
        entry_points_txt=_entry_points(item, module),
        dist_info_files={"licenses/LICENSE.txt": item.license, **item.shipped},
        tag=NATIVE if item.native else "py3-none-any",
        build=item.build,
        stored=item.stored,
    )


def _data_path(path: str, module: str) -> str:
    """Under a name of its own: schemes are shared by all distributions."""
    scheme, _, name = path.partition("/")
    folder = {"scripts": "", "data": f"share/{module}/", "headers": f"{module}/"}.get(
        scheme, f"{module}_{scheme}/"
    )
    return (
        f"{scheme}/{folder}{module}-{name}" if scheme == "scripts" else f"{scheme}/{folder}{name}"
    )


def _entry_points(item: Distribution, module: str) -> str:
    groups = ("console_scripts", "gui_scripts")
    lines = [
        f"[{groups[n % 2]}]\n{script}-{module} = {module}:main\n"
        for n, script in enumerate(item.scripts)
    ]
    return "".join(lines) + ("[demo.plugins]\nplugin = demo\n" if lines else "")


# -- changing a wheel


@dataclass(frozen=True)
class Change:
    """What happens to one member of a wheel:

    ``number`` and ``position`` are taken modulo what there is.
    """

    kind: str  # "flip" | "grow" | "shrink" | "add" | "remove" | "rename"
    number: int
    position: int
    difference: int


#: The kinds after which some member has another size, or that the wheel has other members.
RESIZING = ("grow", "shrink", "add", "remove", "rename")
_NEED_BYTES = ("flip", "shrink")


def changes(*kinds: str) -> st.SearchStrategy[Change]:
    """One change of one of the kinds."""
    return st.builds(
        Change,
        st.sampled_from(kinds),
        st.integers(0, 999),
        st.integers(0, 99_999),
        st.integers(1, 255),
    )


def change_bytes(content: bytes, change: Change) -> bytes:
    """Another content: one byte changed, added or removed."""
    at = change.position % len(content) if content else 0
    if change.kind == "grow" or not content:
        return content[:at] + bytes([change.difference]) + content[at:]
    if change.kind == "shrink":
        return content[:at] + content[at + 1 :]
    return content[:at] + bytes([content[at] ^ change.difference]) + content[at + 1 :]


def change_wheel(
    wheel: Path,
    change: Change,
    *,
    rewrite_record: bool,
    folder: Path,
    installed: Path | None = None,
) -> str:
    """Write the wheel with one change into ``folder``; returns what was changed.

    Only members that the contract compares: no RECORD, script, bytecode, or file that installers
    write; nor, where ``installed`` is given, files that pip says are outside of that folder, which
    are compared by RECORD alone.
    """
    with zipfile.ZipFile(wheel) as archive:
        members = {item.filename: archive.read(item) for item in archive.infolist()}
        stored = archive.infolist()[0].compress_type == zipfile.ZIP_STORED
    record = next(name for name in members if name.endswith(".dist-info/RECORD"))
    suitable = [
        name
        for name in members
        if comparable(name) and (members[name] or change.kind not in _NEED_BYTES)
    ]
    if (
        not rewrite_record
        and installed
        and any(path.startswith("../") for path in _listed(installed, wheel))
    ):
        suitable = [name for name in suitable if not re.search(r"\.data/(data|headers)/", name)]
    name = suitable[change.number % len(suitable)]
    match change.kind:
        case "add":
            members[name + "_"] = members[name]
        case "remove":
            del members[name]
        case "rename":
            members[name + "_"] = members.pop(name)
        case _:
            members[name] = change_bytes(members[name], change)
    rows = members.pop(record)
    if rewrite_record:
        text = io.StringIO(newline="")
        rewritten = [record_row(path, content) for path, content in members.items()]
        csv.writer(text, lineterminator="\n").writerows([*rewritten, (record, "", "")])
        rows = text.getvalue().encode()
    folder.mkdir(parents=True, exist_ok=True)
    write_zip(folder / wheel.name, {**members, record: rows}, stored=stored)
    return f"{change.kind} {name}"


def comparable(member: str) -> bool:
    """Whether the contract compares this member of a wheel with what is installed."""
    first, _, rest = member.partition("/")
    if first.endswith(".dist-info") and WRITTEN.fullmatch(rest):
        return False
    return not re.search(r"\.data/scripts/|\.py[co]$", member)


@contextmanager
def changed_file(folder: Path, wheel: Path, change: Change) -> Iterator[str]:
    """One byte of one installed file of the wheel is another one meanwhile; the file's path.

    Only files that the contract compares: inside of the folder, no bytecode, no scripts, none that
    installers write, and not empty.
    """
    paths = _listed(folder, wheel)
    suitable = sorted(
        path
        for path in paths
        if comparable(path)
        and not path.startswith(("../", "bin/"))
        and (folder / path).stat().st_size
    )
    path = suitable[change.number % len(suitable)]
    content = (folder / path).read_bytes()
    (folder / path).write_bytes(change_bytes(content, change))
    try:
        yield path
    finally:
        (folder / path).write_bytes(content)


def _listed(folder: Path, wheel: Path) -> list[str]:
    """The paths of the installed RECORD."""
    with (folder / dist_info_of(wheel) / "RECORD").open(newline="", encoding="utf-8") as file:
        return [row[0] for row in csv.reader(file)]


def dist_info_of(wheel: Path) -> str:
    """The name of the .dist-info folder that the wheel has."""
    return "-".join(wheel.name.split("-")[:2]) + ".dist-info"
