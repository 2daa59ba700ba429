from __future__ import annotations

import contextlib
import re
from email.parser import HeaderParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.tags import parse_tag

from micropip_lock.formats.core_metadata import (
    parse_metadata,
    parse_requirement,
    parse_wheel_metadata,
)

from ...support.ids import short
from ...support.wheels import build_wheel, wheel_member

HEAD = b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"


def test_metadata_of_a_real_wheel(tmp_path: Path) -> None:
    wheel = build_wheel(
        tmp_path,
        "Demo.Pkg",
        "1.0",
        requires=["a>=1", "b ; sys_platform == 'emscripten'"],
        extras={"Extra_One": ["c[x]; python_version > '3'"], "two": []},
    )
    metadata = parse_metadata(wheel_member(wheel, "METADATA"))
    assert (metadata.name, metadata.version) == ("Demo.Pkg", "1.0")
    assert [requirement.name for requirement in metadata.requires] == ["a", "b", "c"]
    assert metadata.extras == {"extra-one", "two"}
    assert metadata.import_names is None and metadata.import_namespaces is None


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_byte_order_marks(line_end: bytes, start: bytes) -> None:
    text = HEAD + b"Requires-Dist: a\n\nRequires-Dist: b\n"
    metadata = parse_metadata(start + text.replace(b"\n", line_end))
    assert (metadata.name, metadata.version, [str(item) for item in metadata.requires]) == (
        "demo",
        "1.0",
        ["a"],
    )


def test_the_description_is_not_read() -> None:
    assert (
        parse_metadata(HEAD + b"\nName: other\nRequires-Dist: (\nProvides-Extra: x\n").extras
        == frozenset()
    )


@pytest.mark.parametrize(
    ("lines", "requires"),
    [
        ("Requires-Dist: a (>=1.0)", ["a>=1.0"]),
        ("Requires-Dist: a\n  >=1.0 ;\n\tos_name == 'posix'", ['a>=1.0; os_name == "posix"']),
        ("Requires-Dist:", []),
        ("requires-dist: a", ["a"]),
        ("Requires-Dist: a @ https://index.example/a.whl", ["a@ https://index.example/a.whl"]),
        ("Requires-Dist: a\nUnknown: x\nRequires-Dist: b", ["a", "b"]),
        ("Requires: old_style", []),
    ],
)
def test_requirements(lines: str, requires: list[str]) -> None:
    found = [
        str(item).replace(" @ ", "@ ") for item in parse_metadata(HEAD + lines.encode()).requires
    ]
    assert found == requires


@pytest.mark.parametrize(
    ("lines", "names", "namespaces"),
    [
        ("", None, None),
        ("Import-Name:", (), None),
        ("Import-Name: a\nImport-Name: a.b ; private", ("a", "a.b"), None),
        ("Import-Name: ;private\nImport-Namespace: n", (), ("n",)),
        ("Import-Name: a;private", ("a",), None),
    ],
)
def test_import_names(lines: str, names: object, namespaces: object) -> None:
    metadata = parse_metadata(HEAD + lines.encode())
    assert (metadata.import_names, metadata.import_namespaces) == (names, namespaces)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no Name or no Version"),
        (b"Name: demo\n", "no Name or no Version"),
        (b"Name: demo\nVersion:  \n", "no Name or no Version"),
        (b"Name: demo\n\nVersion: 1\n", "no Name or no Version"),
        (b"Name: d\xe9mo\nVersion: 1.0\n", "not UTF-8"),
        (b"Name: demo\nVersion: " + b"9" * 5000, "longer than"),
        (HEAD + b"Requires-Dist: a>>1\n", "'a>>1' is no requirement"),
        (HEAD + b"Requires-Dist: ../a\n", "is no requirement"),
        (
            HEAD + b"Requires-Dist: a; " + b"(" * 2000 + b"os_name == 'x'" + b")" * 2000,
            "is no requirement",
        ),
        (HEAD + b"Requires-Dist: a; " + b"(" * 90_000, "too long"),
        (HEAD + b"Requires-Dist: a>" + b"9" * 5000, "too long"),
    ],
    ids=short,
)
def test_what_cannot_be_read_is_a_value_error(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        parse_metadata(data)
    assert len(str(caught.value)) < 5000


@pytest.mark.parametrize("unit", [b" x\n", b"\r", b"Name: a\n", b"x\n", b"\0"])
def test_long_headers_are_read_through(unit: bytes) -> None:
    assert parse_metadata(HEAD + b"Summary: x\n" + unit * (2**18 // len(unit))).name == "demo"


def test_wheel_of_a_real_wheel(tmp_path: Path) -> None:
    wheel = build_wheel(
        tmp_path, "demo", "1.0", tag="cp311.cp312-abi3-pyemscripten_2026_0_wasm32", build="2b"
    )
    metadata = parse_wheel_metadata(wheel_member(wheel, "WHEEL"))
    assert metadata.tags == parse_tag("cp311.cp312-abi3-pyemscripten_2026_0_wasm32")
    assert metadata.build == (2, "b")


@pytest.mark.parametrize(
    ("data", "build"),
    [
        (b"Tag: py3-none-any\r\n", ()),
        (b"Tag: py2.py3-none-any\nBuild: 3\n", (3, "")),
        (b"Tag: py3-none-any\nBuild: x\n", ()),
        (b"Tag: py3-none-any\nBuild: 20200202020202", (20200202020202, "")),
    ],
    ids=short,
)
def test_wheel_files(data: bytes, build: object) -> None:
    metadata = parse_wheel_metadata(data)
    assert parse_tag("py3-none-any") <= metadata.tags and metadata.build == build


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"Wheel-Version: 1.0\n",
        b"Tag: py3\n",
        b"Tag: py3-none-any-more-than-that\n",
        b"Tag: " + b"-".join([b".".join(b"a%d" % number for number in range(500))] * 3),
        b"Tag: \xff-none-any\n",
        b"Tag: py3-none-any\nBuild: " + b"9" * 5000,
    ],
    ids=short,
)
def test_wheel_files_without_usable_tags_are_value_errors(data: bytes) -> None:
    with pytest.raises(ValueError):
        parse_wheel_metadata(data)


lines = st.sampled_from(
    [b"Name: demo", b"Version: 1", b"Tag: py3-none-any", b"Requires-Dist: ", b"Build: ", b" ", b""]
)
foreign = st.lists(lines | st.binary(max_size=12), max_size=8).map(b"\n".join) | st.binary(
    max_size=60
)


#: What the standard library's parser treats in some way of its own.
ODD_LINES = (
    "From x y",
    "From : z",
    ":",
    ": x",
    "no field",
    "Bad name: x",
    "é: x",
    "\x7f: x",
    "\x0b",
    "\x85",
    "\0",
)
FIELDS = (
    "Name: a",
    "name:b",
    "Version: 1",
    "Requires-Dist: b",
    "Requires-Dist:\n c\n\t>1",
    "Import-Name: a; private",
)
texts = st.lists(
    st.sampled_from([*FIELDS, *FIELDS, *ODD_LINES, " folded", "\t"]), max_size=8
).flatmap(
    lambda lines: st.lists(
        st.sampled_from(["\n", "\r\n", "\r", "\n", "\n\n"]),
        min_size=len(lines),
        max_size=len(lines),
    ).map(lambda ends: "".join(line + end for line, end in zip(lines, ends, strict=True)))
)


@given(texts, st.sampled_from(["", "Name: first\nVersion: 0\n"]))
def test_fields_are_those_that_the_standard_library_finds(text: str, start: str) -> None:
    """Up to the first blank line, and but for white space:

    what is folded or ends a line counts as one space.
    """
    head = re.split(r"\r?\n\r?\n", start + text, maxsplit=1)[0]
    message = HeaderParser().parsestr(head)
    values = {
        name: [" ".join(value.split()) for value in message.get_all(name, [])] for name in message
    }
    found = {name.lower(): list(filter(None, values[name])) for name in values}
    try:
        metadata = parse_metadata((start + text).encode())
    except ValueError:
        assert not (found.get("name") and found.get("version"))
        return
    assert [metadata.name, metadata.version] == [found["name"][0], found["version"][0]]
    assert list(metadata.requires) == [
        parse_requirement(value) for value in found.get("requires-dist", [])
    ]
    assert (metadata.import_names is None) == ("import-name" not in found)


@given(foreign)
def test_foreign_bytes_are_read_or_a_value_error(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        metadata = parse_metadata(data)
        assert metadata.name and metadata.version
    with contextlib.suppress(ValueError):
        assert parse_wheel_metadata(data).tags


def test_a_requirement_is_one_that_can_be_written() -> None:
    """Some versions of `packaging` parse both kinds of quotation marks, and cannot write them."""
    try:
        text = str(parse_requirement(r'a; os_name == "\x22\x27"'))
    except ValueError as error:
        text = str(error)
    assert text.startswith(("a; os_name", "'a; os_name"))


@given(st.text(max_size=40) | st.text(alphabet="a[](),;<>=~!@'\" andorextra", max_size=40))
def test_any_text_is_a_requirement_or_a_value_error(text: str) -> None:
    try:
        assert parse_requirement(text).name
    except ValueError as error:
        assert repr(text)[:20] in str(error)
