"""What users and other tools write down of what they want:

requirements, pip's report, pylock.toml.
"""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

from micropip_lock.errors import InputError
from micropip_lock.formats import requirements_file as requirements_txt
from micropip_lock.formats.core_metadata import WheelMetadata, parse_requirement
from micropip_lock.formats.install_report import read_report
from micropip_lock.formats.lockfile import Lockfile
from micropip_lock.formats.pylock import parse_pylock
from micropip_lock.formats.requirement import parse_wanted
from micropip_lock.formats.requirements_file import read_requirement_files
from micropip_lock.operations.base import Base
from micropip_lock.operations.exchange.selection import select

from ..target import Target, folder, only, promise
from .installed import PYODIDE
from .locks import DOCUMENT, SHA256

_URL = "https://files.example/demo-1.0-py3-none-any.whl"


def _wanted(data: bytes) -> None:
    """One requirement, as a user writes it; messages do not show a password."""
    text = data.decode("utf-8", "surrogateescape")
    for line in (text, f"demo @ https://u:p4ssw0rd@{text}", f"https://u:p4ssw0rd@{text}"):
        try:
            with only(InputError):
                wanted = parse_wanted(line, "here")
                promise(all(len(digest) == 64 for digest in wanted.hashes), "a hash that is none")
                again = parse_requirement(str(wanted.requirement))
                promise(
                    again == wanted.requirement and bool(wanted.name),
                    "a requirement that is read as another one",
                )
        except InputError as error:
            promise("p4ssw0rd" in text or "p4ssw0rd" not in str(error), "a message with a password")
    with only(ValueError):
        parse_requirement(text)


def _files(data: bytes) -> None:
    """A requirements file that may name itself, and nothing outside of its folder."""
    with folder() as place:
        (place / "requirements.txt").write_bytes(data)
        (place / "other.txt").write_bytes(b"other==1\n-r requirements.txt\n")
        (place / "constraints.txt").write_bytes(b"demo<2\n")
        read = requirements_txt.read_text

        def inside(file: Path) -> str:
            if file.is_absolute() and not file.is_relative_to(place):
                raise InputError("not in the folder")
            return read(file)

        # No other file of this machine, and no input that never comes.
        with (
            mock.patch.object(requirements_txt, "read_text", inside),
            mock.patch.object(sys, "stdin", _stdin()),
        ):
            for requirements, constraints in (
                ((place / "requirements.txt",), ()),
                ((), (place / "requirements.txt",)),
            ):
                # Every line may have a problem, and each is told.
                with only(InputError, most=4096 + 300 * len(data)):
                    found = read_requirement_files(requirements, constraints)
                    promise(
                        not (found.no_index and (found.index_url or found.extra_index_urls)),
                        "an index all the same",
                    )


def _stdin() -> object:
    return SimpleNamespace(buffer=io.BytesIO(b"stdin==1\n"))


_REPORT = {
    "version": "1",
    "pip_version": "26.1",
    "install": [
        {
            "download_info": {
                "url": _URL,
                "archive_info": {"hash": f"sha256={SHA256}", "hashes": {"sha256": SHA256}},
            },
            "is_direct": False,
            "requested": True,
            "requested_extras": ["x"],
            "metadata": {"name": "demo", "version": "1.0", "metadata_version": "2.1"},
        },
        {
            "download_info": {"url": "file:///x", "dir_info": {}},
            "metadata": {"name": "Other", "version": "2"},
        },
    ],
    "environment": {},
}
_PYLOCK = f"""lock-version = "1.0"
environments = ["sys_platform == 'emscripten'", "python_version >= '3'"]
requires-python = ">=3.8"
extras = ["x"]
dependency-groups = ["dev"]
default-groups = ["dev"]
created-by = "me"

[[packages]]
name = "demo"
version = "1.0"
marker = "'x' in extras or os_name == 'posix'"
requires-python = ">=3.10"
dependencies = [{{ name = "other" }}]
index = "https://index.example/simple"
sdist = {{ name = "demo-1.0.tar.gz", url = "https://files.example/demo-1.0.tar.gz", hashes = {{ sha256 = "0" }} }}
[[packages.wheels]]
name = "demo-1.0-py3-none-any.whl"
url = "{_URL}"
upload-time = 2026-01-01T00:00:00Z
size = 1000
hashes = {{ sha256 = "{SHA256}" }}

[[packages]]
name = "other"
vcs = {{ type = "git", url = "https://git.example/x", commit-id = "{"1" * 40}" }}

[[packages]]
name = "local"
directory = {{ path = ".", editable = true }}
[packages.tool.me]
x = [1, 2.5, 1979-05-27]

[[packages]]
name = "archived"
version = "1"
archive = {{ url = "https://files.example/archived-1-py3-none-any.whl", hashes = {{ sha256 = "{SHA256}" }} }}
""".encode()
_BASE = Base(Lockfile.from_json(DOCUMENT), "https://files.example/")


def _report(data: bytes) -> None:
    """pip's report, from a file; a pylock in its place."""
    with folder() as place:
        for name in ("report.json", "pylock.toml"):
            (place / name).write_bytes(data)
            with only(InputError):
                _claims(place / name)


def _claims(path: Path) -> None:
    reported = read_report(path)
    for key, item in reported.items():
        promise(bool(key and item.name), "a package without a name")
        try:
            item.file(WheelMetadata(PYODIDE_TAGS))
        except InputError as error:
            raise AssertionError(f"what was read cannot be used: {error!r}") from error


PYODIDE_TAGS = frozenset(PYODIDE.tags[:1])


def _pylock(data: bytes) -> None:
    """pylock.toml, and what of it is for a Pyodide."""
    with only(InputError):
        found = parse_pylock(data, "pylock.toml")
        selected, problems = select(found, _BASE, PYODIDE)
        promise(all(item.name for item in selected), "a package without a name")
        json.dumps([problem.to_json() for problem in problems])


_FILE = b"""# coding: utf-8
--index-url https://user:password@index.example/simple
--extra-index-url https://other.example/simple --pre
-f ./wheels
-r other.txt
-c constraints.txt
demo[x] >= 1.0, < 2 ; python_version >= "3" \\
    --hash=sha256:%b
other @ https://files.example/other-1.0-py3-none-any.whl  # why
https://files.example/third-1.0-py3-none-any.whl#sha256=%b
${HOME}==1
--only-binary=:all:
""" % (SHA256.encode(), SHA256.encode())
_OPTIONS = [
    *(
        "-r ",
        "-c ",
        "-e ",
        "-i ",
        "-f ",
        "--hash=sha256:",
        "--hash",
        "--index-url",
        "--pypi-url=",
        "--extra-index-url ",
        "--pre",
    ),
    *(
        "--no-index",
        "--no-binary :all:",
        "--only-final",
        "--all-releases=:all:",
        "--require-hashes",
        "--use-feature x",
        "-C a=b",
    ),
    *(
        "requirements.txt",
        "other.txt",
        "./",
        "file:",
        "git+https://",
        "demo",
        "[x]",
        " @ ",
        "; ",
        " #",
        "\\\n",
        "'",
        '"',
        "==",
    ),
    *(
        "# coding: utf-16",
        "# coding: punycode",
        "# coding: idna",
        "# coding: unicode_escape",
        "# coding: utf-7",
        "${PATH}",
        SHA256,
    ),
]


def _big_wanted(size: int) -> dict[str, bytes]:
    return {
        "long name": b"a" * size,
        "brackets": b"[" * size,
        "parentheses": b"demo; " + b"(" * 4000,
        "commas": b"demo " + b">=1," * (size // 4),
        "spaces": b" " * size + b"x",
        "hashes": b"demo==1 " + f"--hash=sha256:{SHA256} ".encode() * (size // 80),
        "dashes": b"-" * size,
        "quotes": b"demo --hash '" + b"'" * size,
        "backslashes": b"demo --hash " + b"\\" * size,
        "at": b"demo @ " + b"@" * size,
        "urls": b"demo @ " + b"http://" * (size // 7),
        "fragments": _URL.encode() + b"#" + b"a=b&" * (size // 4),
        "slashes": b"/" * size,
        "words": b"x " * (size // 2),
        "extras": b"demo" + b"[a]" * (size // 3),
        "semicolons": b"; " * (size // 2),
        "a:b@": b"a:b@" * (size // 4),
        "=://": b"=://" * (size // 4),
        "a=b://": b",a://" * (size // 5),
        "markers": b"demo; " + b"os_name == 'a' or " * 220 + b"os_name == 'b'",
    }


def _big_files(size: int) -> dict[str, bytes]:
    return {
        "many lines": b"".join(b"p%d==1\n" % number for number in range(size // 10)),
        "continued": b"a\\\n" * (size // 3),
        "comments": b"#\n" * (size // 2),
        "nested": b"-r other.txt\n" * (size // 13),
        "itself": b"-r requirements.txt\n" * (size // 20),
        "one line": b"-" * size,
        "spaces": b" " * size,
        "spaces and a mark": b" " * size + b"x",
        "variables": b"${A" * (size // 3),
        "punycode": b"# coding: punycode\n" + b"a" * (size // 2) + b"-" + b"9" * (size // 2),
        "idna": b"# coding: idna\nxn--" + b"a" * size,
        "dotted idna": b"# coding: idna\n" + b"xn--a." * (size // 6),
        "utf-7": b"# coding: utf-7\n" + b"+AGE-" * (size // 5),
        "escapes": b"# coding: unicode_escape\n" + b"\\x41" * (size // 4),
        "names": b"# coding: unicode_escape\n" + b"\\N{BULLET}" * (size // 10),
        "coding": b"#" + b"coding" * (size // 6),
        "options": b"--pre " * (size // 6),
        "links": b"-f . " * (size // 5),
        "hashes": b"demo==1 " + f"--hash=sha256:{SHA256} ".encode() * (size // 80),
        "utf-16": "demo==1\n".encode("utf-16") * (size // 18),
        "quotes": b"-r '" + b'"' * size,
        **{f"line: {name}": text for name, text in _big_wanted(size).items()},
    }


def _big_report(size: int) -> dict[str, bytes]:
    text = json.dumps(_REPORT).encode()
    tags = b"-".join([b".".join(b"a%d" % number for number in range(300))] * 3)
    package = (
        '[[packages]]\nname = "demo"\nversion = "1"\n[[packages.wheels]]\nurl = '
        f'"https://h/demo-1-{tags.decode()}.whl"\n'
    )
    return {
        "deep arrays": b"[" * size,
        "deep metadata": text.replace(b'"2.1"', b"[" * (size // 2) + b"]" * (size // 2)),
        "deep download": text.replace(
            b'"dir_info": {}', b'"dir_info": ' + b'{"a":' * 900 + b"1" + b"}" * 900
        ),
        "long name": text.replace(b"demo", b"d" * size),
        "many extras": text.replace(b'["x"]', json.dumps(["x"] * (size // 5)).encode()),
        "many items": json.dumps(
            {"version": "1", "install": _REPORT["install"] * (size // 400)}
        ).encode(),
        "many tags": b'lock-version = "1.0"\n'
        + package.encode()
        + f'hashes = {{ sha256 = "{SHA256}" }}\n'.encode(),
        "digits": text.replace(b"true", b"9" * size),
        "toml arrays": b"x = " + b"[" * size,
        "toml tables": b"x = " + b"{a=" * (size // 3),
        "toml digits": b"x = " + b"9" * size,
    }


def _big_toml(size: int) -> dict[str, bytes]:
    names = b"\n".join(
        b'[[packages]]\nname = "p%d"\ndirectory = { path = "." }' % number
        for number in range(size // 50)
    )
    wheels = b'[[packages]]\nname = "demo"\nversion = "1"\n' + b"".join(
        b'[[packages.wheels]]\nurl = "https://h/demo-1-%d-py3-none-any.whl"\nhashes = { sha256 = '
        b'"%b" }\n' % (number, SHA256.encode())
        for number in range(size // 150)
    )
    head = b'lock-version = "1.0"\ncreated-by = "x"\n'
    return {
        "deep arrays": b"x = " + b"[" * size,
        "deep tables": b"x = " + b"{a = " * (size // 5),
        "dotted": b"a." * (size // 2) + b"b = 1",
        "many dotted": b"".join(b"a%d.b.c.d = 1\n" % number for number in range(size // 20)),
        "deep header": b"[" + b"a." * (size // 2) + b"b]",
        "digits": b"x = " + b"9" * size,
        "float": b"x = 1." + b"9" * size,
        "exponent": b"x = 1e" + b"9" * size,
        "underscores": b"x = 1" + b"_1" * (size // 2),
        "hexadecimal": b"x = 0x" + b"f" * size,
        "string": b'x = "' + b"\\" * size,
        "quotes": b'x = """' + b'"' * size,
        "spaces": b"x = " + b" " * size,
        "comments": b"#\n" * (size // 2),
        "many packages": head + names,
        "many wheels": head + wheels,
        "deep marker": head + b'environments = ["' + b"(" * size + b'"]\npackages = []',
        "long marker": head
        + b'environments = ["'
        + b"os_name == 'a' or " * (size // 18)
        + b"os_name == 'b'\"]\npackages = []",
        "specifier": head + b'requires-python = "' + b">=3," * (size // 4) + b'"\npackages = []',
        "version": b'lock-version = "' + b"1." * (size // 2) + b'0"\npackages = []',
        "version digits": b'lock-version = "1.' + b"1" * size + b'"\npackages = []',
    }


_PYLOCK_WORDS = [
    *(
        "lock-version",
        "environments",
        "requires-python",
        "extras",
        "default-groups",
        "packages",
        "name",
        "version",
        "marker",
    ),
    *(
        "wheels",
        "sdist",
        "url",
        "path",
        "size",
        "hashes",
        "sha256",
        "vcs",
        "directory",
        "archive",
        "index",
        "[[packages]]",
        " = ",
    ),
    *(
        "1979-05-27T07:32:00Z",
        "'''",
        '"""',
        "inf",
        "nan",
        "0x",
        "py3-none-any.whl",
        "'x' in extras",
        "demo-1.0-py3-none-any.whl",
    ),
]

TARGETS = (
    Target(
        "requirement",
        "one requirement, as users write it",
        _wanted,
        ("requirements", "metadata"),
        "text",
        [
            b"demo[x,y]>=1.0,<2; python_version >= '3'",
            _URL.encode() + b"#sha256=" + SHA256.encode(),
            b"files.example/demo-1.0-py3-none-any.whl ; os_name == 'posix' --hash=sha256:"
            + SHA256.encode(),
            b"-e .",
            b"./x.whl",
            b"demo @ https://files.example/demo-1.0-py3-none-any.whl",
            b"git+https://git.example/x@main#egg=demo",
        ],
        _OPTIONS,
        _big_wanted,
        4096,
    ),
    Target(
        "requirements-txt",
        "requirements and constraints files",
        _files,
        ("interop/requirements_txt", "requirements"),
        "text",
        [_FILE, "demo==1\n".encode("utf-16"), b"# coding: latin-1\nd\xe9mo\n", b"a\\\nb\n"],
        _OPTIONS,
        _big_files,
    ),
    Target(
        "report",
        "pip's installation report",
        _report,
        ("report",),
        "json",
        [json.dumps(_REPORT).encode(), _PYLOCK],
        [
            *(f'"{key}"' for key in ("install", "metadata", "download_info", "requested_extras")),
            *_PYLOCK_WORDS,
        ],
        _big_report,
    ),
    Target(
        "pylock",
        "pylock.toml (PEP 751)",
        _pylock,
        ("interop/pylock", "operations/_select", "report"),
        "toml",
        [_PYLOCK, b'lock-version = "1.0"\ncreated-by = "x"\npackages = []\n'],
        _PYLOCK_WORDS,
        _big_toml,
    ),
)
