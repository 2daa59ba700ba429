"""What lies in site-packages and in a virtual environment:

the files of .dist-info, and pyvenv.cfg.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from packaging.version import Version

from micropip_lock._util.url import shown
from micropip_lock.dependencies.edges import Dependencies
from micropip_lock.dependencies.inferred_extras import extras_that_explain
from micropip_lock.dependencies.markers import MarkerEvaluator
from micropip_lock.dependencies.package import Package
from micropip_lock.environment.venv import (
    distributions,
    find_venv,
    python_of,
    site_packages,
    without_distribution,
)
from micropip_lock.errors import InputError
from micropip_lock.formats.core_metadata import (
    CoreMetadata,
    WheelMetadata,
    parse_metadata,
    parse_wheel_metadata,
)
from micropip_lock.formats.direct_url import (
    InstallNote,
    parse_direct_url,
    parse_index,
    parse_install_note,
    parse_provenance_url,
    provenance_url,
)
from micropip_lock.formats.lockfile import LockInfo
from micropip_lock.formats.record import RecordRow, bytecode_source, parse_record
from micropip_lock.formats.target import Target as Pyodide
from micropip_lock.formats.wheel import WheelDescription
from micropip_lock.formats.zip_directory import Member
from micropip_lock.installed.distribution import InstalledDistribution
from micropip_lock.installed.import_names import (
    imports,
    wheel_names,
)
from micropip_lock.installed.installation import Installation
from micropip_lock.installed.modules import describe_installed
from micropip_lock.installed.origin import origin
from micropip_lock.installed.site_files import SiteFiles
from micropip_lock.installed.site_packages import scan
from micropip_lock.operations.resolve.project import fits_python
from micropip_lock.proof.comparison import compare

from ..target import Target, folder, only, promise
from .locks import INFO, SHA256

PYODIDE = Pyodide.from_info(LockInfo.from_dict(INFO, "info"))
METADATA = b"""Metadata-Version: 2.4
Name: Demo.Pkg
Version: 1.0+local
Requires-Python: >=3.8
Provides-Extra: http2
Provides-Extra: All_Of
Requires-Dist: other[x,y]>=1,<2
Requires-Dist: h2 (>=3); extra == "http2"
Requires-Dist: demo-pkg[http2]; extra == "all-of"
Requires-Dist: win; sys_platform == "win32" and python_version < "3.9" or platform_machine in "wasm32"
Requires-Dist: url @ https://files.example/url-1.0-py3-none-any.whl ; extra == 'http2'
Import-Name: demo ; private
Import-Name: ns.demo
Import-Namespace: ns
Summary: folded
  over lines

A description.
"""
WHEEL = (
    b"Wheel-Version: 1.0\nGenerator: demo\nRoot-Is-Purelib: true\nTag: py2.py3-none-any\nBuild: "
    b"1abc\n"
)
_DIGEST = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
RECORD = f"""demo/__init__.py,sha256={_DIGEST},0
"de,mo/""x"".py",sha512=abc,12
demo/__pycache__/a.cpython-314.opt-1.pyc,,
../../bin/demo,sha256={_DIGEST},0
ns\\part\\mod.cpython-314-wasm32-emscripten.so,md5=abc,3
demo-1.0.data/scripts/run,sha256={_DIGEST},0
demo-1.0.dist-info/RECORD,,
""".encode()
_URL = "https://files.example/demo-1.0-py3-none-any.whl"
_DIRECT_URLS = [
    {"url": _URL, "archive_info": {"hash": f"sha256={SHA256}", "hashes": {"sha256": SHA256}}},
    {"url": "file:///demo", "dir_info": {"editable": True}, "subdirectory": "x"},
    {
        "url": "https://user:password@git.example/x",
        "vcs_info": {"vcs": "git", "commit_id": "1" * 40},
    },
    {
        "url": _URL,
        "archive_info": {"hashes": {"sha256": SHA256}},
        "micropip-lock": {"requested": ["demo[x]"], "extras": ["x"], "indexes": []},
    },
]


def _metadata(data: bytes) -> None:
    """METADATA, and the edges that come of it."""
    with only(ValueError):
        metadata = parse_metadata(data)
        _follow(metadata)


def _follow(metadata: CoreMetadata) -> None:
    try:
        own = InstalledDistribution(
            Path(), "demo-1.0.dist-info", {}, metadata, WheelMetadata(frozenset()), ()
        )
        fits_python(metadata.requires_python, PYODIDE)
        for version in own.versions:
            str(version)
        others = {"other": "1.5", "h2": "not a version", "": "1"}
        packages = {own.key: Package.installed(own)}
        for requested in ((), metadata.requires[:1]):
            finder = Dependencies(packages, others, PYODIDE, requested=requested, exclude={"win"})
            edges = finder.edges(allow_broken=not requested)
            promise(own.key not in edges.depends[own.key], "a distribution that needs itself")
            promise(
                all(problem.message for problem in (*edges.problems, *edges.warnings)),
                "an empty problem",
            )
            extras_that_explain(metadata, {"h2", "other"}, MarkerEvaluator.of(PYODIDE))
        imports({own.key: describe_installed(own)}, {})
    except ValueError as error:
        raise AssertionError(f"what was read cannot be used: {error!r}") from error


def _wheel(data: bytes) -> None:
    with only(ValueError):
        found = parse_wheel_metadata(data)
        PYODIDE.rank(found.tags)
        promise(
            all(str(tag).count("-") >= 2 for tag in found.tags), "a tag of fewer than three parts"
        )


#: A folder without a file.
_NO_FILES = SiteFiles(Path("no-such-folder"))


def _record(data: bytes) -> None:
    """A blank line parts what is installed from what is shipped."""
    first, found, second = data.partition(b"\n\n")
    with only(ValueError):
        rows = parse_record(first)
        shipped = parse_record(second) if found else rows
        _compare(rows, shipped)


def _compare(rows: tuple[RecordRow, ...], shipped: tuple[RecordRow, ...]) -> None:
    info, wheel = CoreMetadata("demo", "1.0"), WheelMetadata(frozenset())
    own = InstalledDistribution(Path(), "demo-1.0.dist-info", {}, info, wheel, rows)
    whole = WheelDescription(tuple(_members(shipped)), shipped, own.dist_info, known_metadata=info)
    for source in (describe_installed(own), whole):
        names, _problems = imports({own.key: source}, {"demo": "other"})
        promise("" not in names["demo"], "an import name that is empty")
    known = wheel_names(whole)
    promise(known.issuperset(names["demo"]), "an import name that the wheel does not hold")
    for row in rows:
        source = bytecode_source(row.path)
        promise(
            source is None or source.endswith((".py", "/")) or "." in source,
            "bytecode of no source",
        )
    for members in (_members(shipped), _members(rows)):
        side = Installation(rows, _NO_FILES, frozenset({"demo"}), check_crc=True)
        compare(side, WheelDescription(tuple(members), shipped, "demo-1.0.dist-info", 1))
        # What has one strong hash for each plain path, and nothing else, equals itself.
        itself = WheelDescription(tuple(_members(rows)), rows, "another-1.0.dist-info", 1)
        result = compare(Installation(rows, _NO_FILES), itself)
        paths = [row.path for row in rows]
        strange = len(set(paths)) < len(paths) or any(
            path.startswith("another-1.0.") for path in paths
        )
        if not strange and all(row.strong for row in rows):
            promise(not result.differing and not result.weak, "a RECORD that differs from itself")


def _members(rows: tuple[RecordRow, ...]) -> list[Member]:
    return [Member(row.path, row.size or 0, 0, row.size or 0, 8, 0) for row in rows]


def _direct_url(data: bytes) -> None:
    for parse in (parse_direct_url, parse_provenance_url):
        with only(ValueError):
            found = parse(data)
            shown(found.url)
            promise(found.sha256 is None or len(found.sha256) == 64, "a hash that is none")
    index = parse_index(data)
    promise(index is None or index == shown(index), "an INDEX with a secret")
    note = parse_install_note(data)
    if note != InstallNote():
        promise(
            parse_install_note(provenance_url(_URL, SHA256, note)) == note, "a note that was lost"
        )


#: Parts a file from the next.
_PART = re.compile(rb"(?:^|\n)=== ([A-Za-z_.0-9]{1,40})\n")


def _dist_info(data: bytes) -> None:
    """A whole .dist-info: the files, each after a line ``=== NAME``."""
    texts = _PART.split(data)
    files = dict(zip(texts[1::2], texts[2::2], strict=True))
    with folder() as site:
        own = site / "demo_pkg-1.0.dist-info"
        own.mkdir()
        for name, content in files.items():
            if name.strip(b"."):
                (own / name.decode()).write_bytes(content)
        (site / "demo").mkdir()
        (site / "demo" / "__init__.py").write_bytes(b"")
        found, _ = scan([site])
        for distribution in found:
            for loaded in (None, {distribution.key: "default channel"}, {distribution.key: _URL}):
                known = origin(distribution, loaded=loaded)
                promise(
                    all(problem.message and problem.hint for problem in known.problems),
                    "an empty problem",
                )
                json.dumps([problem.to_json() for problem in known.problems])
                for problem in known.problems:
                    promise(
                        "p4ssw0rd" not in problem.message + problem.hint,
                        "a message with a password",
                    )
            for check in ("size", "hash", "off"):
                distribution.changed_files(check, compiled=check == "hash")  # type: ignore[arg-type]  # a literal of three
            promise("" not in distribution.entry_points, "an entry point without a name")
            promise(
                all(isinstance(version, Version) for version in distribution.versions),
                "a version that is none",
            )
            members, rows = tuple(_members(distribution.rows)), distribution.rows
            for true_rows in (None, rows):
                wheel = WheelDescription(
                    members, rows, distribution.dist_info, 1, true_rows=true_rows
                )
                compare(distribution.installation("hash"), wheel)
            packages = {distribution.key: Package.installed(distribution)}
            Dependencies(packages, {}, PYODIDE).edges(allow_broken=True)
            imports({distribution.key: describe_installed(distribution)}, {})


def _parts(**files: bytes | str) -> bytes:
    parts = {name.replace("__", "."): content for name, content in files.items()}
    return b"".join(
        b"=== %b\n%b\n" % (name.encode(), text.encode() if isinstance(text, str) else text)
        for name, text in parts.items()
    )


_HEAD = {"METADATA": METADATA, "WHEEL": WHEEL, "RECORD": RECORD}
_DIST_INFOS = [
    _parts(**_HEAD, INSTALLER="pip\n", REQUESTED="", direct_url__json=json.dumps(_DIRECT_URLS[0])),
    _parts(
        **_HEAD,
        INSTALLER="micropip",
        PYODIDE_URL=_URL,
        PYODIDE_SHA256=SHA256,
        PYODIDE_SOURCE="pypi",
        PYODIDE_REQUIRES='["h2", "other"]',
    ),
    _parts(
        **_HEAD,
        INSTALLER="micropip-lock",
        provenance_url__json=json.dumps(_DIRECT_URLS[3]),
        entry_points__txt="[console_scripts]\ndemo = demo:main [x]\n[gui_scripts]\nother= a.b:c\n",
    ),
    _parts(**_HEAD, INSTALLER="uv", INDEX="https://index.example/simple\n", uv_build__json="{}"),
    _parts(
        **_HEAD,
        INSTALLER="micropip mock package",
        PYODIDE_SOURCE="https://u:p4ssw0rd@h.example/x.tar.gz",
    ),
]


def _venv(data: bytes) -> None:
    with folder() as place:
        venv = place / ".venv"
        (venv / "lib" / "python3.14" / "site-packages").mkdir(parents=True)
        (venv / "pyvenv.cfg").write_bytes(data)
        (place / "dist").mkdir()
        (place / "dist" / "pyodide-lock.json").write_bytes(b"{}")
        for told, environ in ((None, {}), (venv, {}), (None, {"VIRTUAL_ENV": str(venv)})):
            with only(InputError):
                found = find_venv(told, environ, place)
                promise(found == venv, "another venv")
        known = distributions(venv)
        promise(bool(without_distribution(venv, known)), "no reason")
        promise(python_of(site_packages(venv)) == "3.14", "another Python")


def _big_metadata(size: int) -> dict[str, bytes]:
    head = b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"
    extras = b"".join(
        b'Provides-Extra: e%d\nRequires-Dist: p%d; extra == "e%d"\n' % (n, n, n)
        for n in range(size // 60)
    )
    linked = b"".join(
        b'Provides-Extra: e%d\nRequires-Dist: demo[e%d]; extra == "e%d"\n' % (n, n + 1, n)
        for n in range(size // 60)
    )
    return {
        "many requirements": head
        + b"".join(b"Requires-Dist: p%d>=1\n" % n for n in range(size // 24)),
        "one requirement": head + b"Requires-Dist: a>=1\n" * (size // 20),
        "many extras": head + extras,
        "linked extras": head + linked + b"Requires-Dist: demo[e0]\n",
        "folded": head + b"Requires-Dist: a" + b"\n >=1," * (size // 6) + b"\n",
        "long requirement": head + b"Requires-Dist: a" + b",>=1" * (size // 4) + b"\n",
        "deep marker": head + b"Requires-Dist: a; " + b"(" * size + b"\n",
        "deep marker that fits": head
        + b"Requires-Dist: a; "
        + b"(" * 2000
        + b"os_name=='x'"
        + b")" * 2000
        + b"\n",
        "long marker": head
        + b"Requires-Dist: a; "
        + b"os_name == 'x' or " * 220
        + b"os_name == 'y'\n",
        "dashes": head + b"Provides-Extra: " + b"-" * size + b"\n",
        "long name": head.replace(b"demo", b"d" * size),
        "digits": head.replace(b"1.0", b"1" * size),
        "no name": b"X: y\n" * (size // 5),
        "one line": b"x" * size,
        "spaces": head + b"Requires-Python: " + b" " * size + b"\n",
        "import names": head + b"".join(b"Import-Name: a%d.b\n" % n for n in range(size // 18)),
        "deep import name": head + b"Import-Name: " + b"a." * (size // 2) + b"b\n",
        "comments": head + b"Requires-Dist: a" + b"(" * size + b"\n",
        "encoded words": head + b"Requires-Python: " + b"=?utf-8?q?" * (size // 10) + b"\n",
        "returns": b"\r" * size,
        "python": head + b"Requires-Python: " + b">=3," * (size // 4) + b"\n",
    }


def _big_record(size: int) -> dict[str, bytes]:
    row = f"pkg/f%d.py,sha256={_DIGEST},0\n"
    same = f"p%d/same,sha256={_DIGEST},0\n"
    data = b"".join((same % number).encode() for number in range(size // 60))
    shipped = b"".join(
        f"demo-1.0.data/data/x{number}/same,sha256={_DIGEST},0\n".encode()
        for number in range(size // 80)
    )
    return {
        "many rows": b"".join((row % number).encode() for number in range(size // 66)),
        "one row": (row % 1).encode() * (size // 66),
        "one name": data + b"\n" + shipped,
        "one data file": data + b"\n" + shipped[:80],
        "deep path": b"a/" * (size // 2) + b"b.py,,\n",
        "dots": b"../" * (size // 3) + b"b.py,,\n",
        "digits": b"a.py,sha256=x," + b"9" * size + b"\n",
        "long hash": b"a.py,sha256=" + b"=" * size + b",1\n",
        "fields": b"," * size,
        "quotes": b'"' * size,
        "open quote": b'"' + b"a\n" * (size // 2),
        "rows": b"a\n" * (size // 2),
        "scripts": b"bin/x" + b".1" * (size // 2) + b",,\n",
        "deep modules": b"".join(
            b"%b/m%d.py,,\n" % (b"/".join([b"a"] * 50), number) for number in range(size // 110)
        ),
        "pycache": b"__pycache__/" * (size // 12) + b"x.pyc,,\n",
    }


def _big_urls(size: int) -> dict[str, bytes]:
    return {
        "deep arrays": b"[" * size,
        "long url": json.dumps(
            {"url": "https://h.example/" + "a/" * (size // 2), "archive_info": {}}
        ).encode(),
        "long user": json.dumps(
            {"url": "https://" + "a:" * (size // 2) + "@h", "vcs_info": {}}
        ).encode(),
        "long index": b"https://h.example/" + b"a" * size,
        "ats": b"https://" + b"@" * size,
        "digits": b'{"url": ' + b"9" * size + b"}",
        "spaces": b"https://h.example/" + b"\n" * size,
    }


def _big_dist_info(size: int) -> dict[str, bytes]:
    return {
        "entry points": _parts(
            **_HEAD, entry_points__txt="[console_scripts]\n" + "a=b\n" * (size // 4)
        ),
        "sections": _parts(**_HEAD, entry_points__txt="[a]\n" * (size // 4)),
        "continued": _parts(
            **_HEAD, entry_points__txt="[console_scripts]\na=b\n" + " c\n" * (size // 3)
        ),
        "installer": _parts(**_HEAD, INSTALLER="micropip " * (size // 9)),
        "requires": _parts(**_HEAD, INSTALLER="micropip", PYODIDE_REQUIRES="[" * size),
        "source": _parts(**_HEAD, PYODIDE_SOURCE="/" * size),
        "rows": _parts(METADATA=METADATA, WHEEL=WHEEL, RECORD=_big_record(size)["many rows"]),
    }


_MARKER_WORDS = [
    *(
        "Requires-Dist: ",
        "Provides-Extra: ",
        "Name: ",
        "Version: ",
        "Requires-Python: ",
        "Import-Name: ",
        "Import-Namespace: ",
    ),
    *(
        "; extra == 'x'",
        "python_version",
        "platform_release",
        "in",
        "not in",
        "~=",
        "===",
        "==1.*",
        "and",
        "or",
        "(",
        ")",
    ),
    *(
        "platform_version >= '#1'",
        "implementation_name",
        "os_name",
        "@ https://h.example/x.whl",
        "[a,b]",
        ">=1.0",
        "'",
        '"',
    ),
    *(
        "python_full_version < '3.14.2.dev0'",
        "extras",
        "dependency_groups",
        "'x' in extras",
        "1!2.0.post1.dev3+local",
        "Tag: ",
    ),
    *("cp314-cp314-pyemscripten_2026_0_wasm32", "py2.py3-none-any", "Build: ", "Tag: a.b-c.d-e.f"),
]
_RECORD_WORDS = [
    *(
        ",sha256=",
        ",,",
        '"',
        '""',
        "__pycache__/",
        ".cpython-314.pyc",
        ".opt-2.pyc",
        ".dist-info/",
        ".data/purelib/",
        "bin/",
    ),
    *(
        "demo-1.0.data/scripts/",
        "demo-1.0.data/headers/",
        "demo-1.0.data/data/",
        "demo-1.0.dist-info/INSTALLER",
        "../",
        "C:",
    ),
    *(
        "__init__.py",
        ".so",
        "-script.pyw",
        ".exe",
        "\\",
        _DIGEST,
        "sha512=",
        "md5=",
        "blake2b=",
        "٣",
        "²",
    ),
]
_URL_WORDS = [
    *(
        '"url"',
        '"archive_info"',
        '"dir_info"',
        '"vcs_info"',
        '"hashes"',
        '"sha256"',
        '"editable"',
        '"micropip-lock"',
        '"hash"',
    ),
    *(
        "https://",
        "file:///",
        "git+https://",
        "http://[::1]:80",
        "@",
        "?",
        "#",
        ":99999",
        SHA256,
        "sha256=" + SHA256,
        '"extras"',
    ),
]

TARGETS = (
    Target(
        "metadata",
        "METADATA, and the edges of it",
        _metadata,
        ("metadata", "depends"),
        "text",
        [METADATA, b"Metadata-Version: 1.0\nName: a\nVersion: 1\n"],
        _MARKER_WORDS,
        _big_metadata,
    ),
    Target(
        "wheel-file",
        "WHEEL",
        _wheel,
        ("metadata",),
        "text",
        [WHEEL, b"Tag: cp314-abi3-any\nTag: a-b-c.d\n"],
        _MARKER_WORDS,
        lambda size: {
            "many tags": b"Tag: "
            + b"-".join([b".".join(b"a%d" % number for number in range(20))] * 3)
            + b"\n",
            "dots": b"Tag: " + b"." * 120 + b"-" + b"." * 120 + b"-a\n",
            "long tag": b"Tag: " + b"a." * (size // 2) + b"-b-c\n",
            "lines": b"Tag: a-b-c\n" * (size // 11),
            "dashes": b"Tag: " + b"-" * size + b"\n",
            "build": b"Tag: a-b-c\nBuild: " + b"9" * size + b"\n",
        },
    ),
    Target(
        "record",
        "RECORD, and its comparison with a wheel",
        _record,
        ("record", "imports"),
        "text",
        [RECORD, RECORD + b"\n" + RECORD, b"a.py,sha256=%b,1\n" % _DIGEST.encode()],
        _RECORD_WORDS,
        _big_record,
    ),
    Target(
        "direct-url",
        "direct_url.json, provenance_url.json, INDEX",
        _direct_url,
        ("direct_url",),
        "json",
        [
            *(json.dumps(value).encode() for value in _DIRECT_URLS),
            b"https://index.example/simple\n",
        ],
        _URL_WORDS,
        _big_urls,
    ),
    Target(
        "dist-info",
        "a whole .dist-info folder",
        _dist_info,
        ("installed", "origin", "imports", "depends"),
        "text",
        _DIST_INFOS,
        [
            *(
                f"=== {name}\n"
                for name in (
                    "INSTALLER",
                    "direct_url.json",
                    "PYODIDE_URL",
                    "PYODIDE_SOURCE",
                    "RECORD",
                    "entry_points.txt",
                    "PYODIDE_REQUIRES",
                    "provenance_url.json",
                    "INDEX",
                    "METADATA",
                    "WHEEL",
                    "REQUESTED",
                    "uv_build.json",
                    "PYODIDE_SHA256",
                )
            ),
            "micropip",
            "conda",
            "pyodide.loadPackage",
            *_URL_WORDS,
            *_RECORD_WORDS,
            *_MARKER_WORDS,
        ],
        _big_dist_info,
    ),
    Target(
        "pyvenv-cfg",
        "pyvenv.cfg",
        _venv,
        ("surroundings/_venv",),
        "text",
        [
            b"home = /usr/bin\ninclude-system-site-packages = false\nversion = 3.14.2\n",
            b"home = ../dist\n",
            b"HOME=dist\r\nx\n",
        ],
        ["home = ", "home=../dist", "version = ", "~", "..", "\0", "../", "/dev/null"],
        lambda size: {
            "long home": b"home = " + b"a" * size,
            "dots": b"home = " + b"../" * (size // 3),
            "lines": b"home = x\n" * (size // 9),
            "equals": b"=" * size,
        },
    ),
)
