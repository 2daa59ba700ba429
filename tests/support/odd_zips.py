"""Wheels that are unusual as zip archives: those that all readers read in one way, and those that
they do not.

The readers are those that bring a wheel's files into site-packages: pip and others with `zipfile`,
uv, and Pyodide. What makes an archive odd is in its name here; the message is what micropip_lock
says of it.
"""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from micropip_lock.formats.wheel import WheelDescription
from micropip_lock.index.remote_wheel import read_wheel
from micropip_lock.network import drive

from .memory_index import MemoryIndex
from .raw_zip import DIST_INFO, Entry, local_member, raw_zip, unicode_path, wheel_entries

WHEEL = "demo-1.0-py3-none-any.whl"
#: What an installer writes or changes.
_WRITTEN = (
    "RECORD",
    "INSTALLER",
    "REQUESTED",
    "direct_url.json",
    "uv_cache.json",
    "PYODIDE_SOURCE",
)
_INSTALLERS = {f"{DIST_INFO}/{name}" for name in _WRITTEN}


@dataclass(frozen=True)
class Odd:
    """An archive that is refused, and why."""

    make: Callable[[], bytes]
    message: str
    #: The central directory does not show it, only the whole archive. Readers refuse it, or read
    #: what is listed.
    hidden: bool = False


def wheel(*more: Entry) -> bytes:
    """The wheel demo 1.0 with these members more, and one so large that range requests do not read
    it whole.
    """
    return raw_zip(wheel_entries(*more, Entry("large.bin", bytes(4000), method=0)))


def _field(kind: int, body: bytes) -> bytes:
    return struct.pack("<HH", kind, len(body)) + body


def _deflated(content: bytes) -> bytes:
    deflate = zlib.compressobj(9, wbits=-15)
    return deflate.compress(content) + deflate.flush()


def _unfinished(content: bytes) -> bytes:
    """Packed content without the block that ends it."""
    deflate = zlib.compressobj(9, wbits=-15)
    return deflate.compress(content) + deflate.flush(zlib.Z_SYNC_FLUSH)


def _descriptor(content: bytes, packed: bytes, form: str = "<4s3L") -> bytes:
    numbers = (zlib.crc32(content), len(packed), len(content))
    return struct.pack(form, *((b"PK\7\x08", *numbers) if "s" in form else numbers))


CONTENT = b"y = 2\n" * 20
PACKED = _deflated(CONTENT)
HIDDEN = local_member("hidden.py", b"evil = 1\n")


def _described(form: str, extra: bytes = b"") -> bytes:
    behind = _descriptor(CONTENT, PACKED, form)
    entry = Entry(
        "more.py", CONTENT, flags=0x808, local_numbers=(0, 0, 0), extra=extra, behind=behind
    )
    return wheel(entry)


def _in_content() -> bytes:
    """A file between the end of the packed content and that which the directory gives."""
    packed = PACKED + _descriptor(CONTENT, PACKED) + HIDDEN
    behind = _descriptor(CONTENT, packed)
    return wheel(
        Entry(
            "more.py", CONTENT, packed=packed, flags=0x808, local_numbers=(0, 0, 0), behind=behind
        )
    )


def _of_two_names(**changes: bytes) -> bytes:
    return wheel(replace(Entry("more.py", CONTENT), **changes))  # type: ignore[arg-type]  # each names its field


def _end64(data: bytes, position: int, value: bytes) -> bytes:
    """The archive with other bytes at this place of its zip64 end record."""
    at = data.rindex(b"PK\6\6") + position
    return data[:at] + value + data[at + len(value) :]


def _end64_again(count: int) -> bytes:
    return _end64(raw_zip(wheel_entries(), zip64=True), 24, struct.pack("<Q", count))


#: Archives that every reader takes, and reads in one way.
ORDINARY: dict[str, Callable[[], bytes]] = {
    "plain": wheel,
    "stored": lambda: wheel(Entry("more.py", CONTENT, method=0)),
    "zip64 end record": lambda: raw_zip(wheel_entries(), zip64=True),
    "zip64 field in the local header, as zipfile writes it": lambda: wheel(
        Entry("more.py", CONTENT, extra=_field(1, struct.pack("<2Q", len(CONTENT), len(PACKED))))
    ),
    "data descriptor": lambda: wheel(Entry("more.py", CONTENT, descriptor=True)),
    "data descriptor without signature": lambda: _described("<3L"),
    "data descriptor of zip64": lambda: _described("<4sL2Q", _field(1, bytes(16))),
    "name in UTF-8": lambda: wheel(Entry("ünï😀.py", CONTENT)),
    "name in ASCII, not said to be UTF-8": lambda: wheel(Entry("more.py", CONTENT, flags=0)),
    "folders": lambda: wheel(Entry("pkg/", method=0, mode=0o40755), Entry("pkg/more.py", CONTENT)),
    "names that begin alike": lambda: wheel(
        Entry("more", CONTENT), Entry("more-x/a.py", CONTENT), Entry("more.py", CONTENT)
    ),
    "empty folder, packed": lambda: wheel(Entry("pkg/")),
    "empty file, packed": lambda: wheel(Entry("pkg/__init__.py")),
    "executable": lambda: wheel(Entry("more.py", CONTENT, mode=0o100755)),
    "extra fields of Info-ZIP": lambda: wheel(
        Entry(
            "more.py",
            CONTENT,
            extra=_field(0x5455, bytes(9)) + _field(0x7875, bytes(11)),
            central_extra=_field(0x5455, bytes(5)) + _field(0x7875, bytes(11)),
        )
    ),
    "the name a second time, in Unicode": lambda: _of_two_names(
        central_extra=unicode_path("more.py", b"more.py")
    ),
    "a Unicode Path field for another name": lambda: _of_two_names(
        central_extra=unicode_path("evil.py", b"old.py")
    ),
    "a Unicode Path field of another version": lambda: _of_two_names(
        central_extra=unicode_path("evil.py", b"more.py", version=2)
    ),
    "padding in the local header": lambda: wheel(
        Entry("more.py", CONTENT, extra=_field(0xD935, bytes(3000)))
    ),
    "comment": lambda: raw_zip(wheel_entries(), comment=b"a comment"),
    "members in another order": lambda: raw_zip(wheel_entries(Entry("more.py", CONTENT))[::-1]),
    "folders that differ in case": lambda: wheel(
        Entry("pkg/a.py", CONTENT), Entry("PKG/b.py", CONTENT)
    ),
}

#: Archives that some reader refuses, and all others read in one way.
ACCEPTED: dict[str, Callable[[], bytes]] = {
    "a data descriptor of zip64 without a zip64 field": lambda: _described("<4sL2Q"),
    "a stored file with a data descriptor": lambda: wheel(
        Entry("more.py", CONTENT, method=0, descriptor=True)
    ),
    "a name with a format character": lambda: wheel(Entry("mo\u200dre.py", CONTENT)),
    "a dot or a blank at the end": lambda: wheel(
        Entry("pkg./more.py", CONTENT), Entry("more.py ", CONTENT)
    ),
    "a device, by its mode": lambda: wheel(Entry("more.py", CONTENT, mode=0o20644)),
    "a folder, by its mode": lambda: wheel(Entry("more", mode=0o40755)),
    "names that Windows does not have": lambda: wheel(
        Entry("a<b>:c.py", CONTENT), Entry("aux.py", CONTENT)
    ),
    "trailing bytes that are no extra field": lambda: _of_two_names(
        extra=b"\0\0\0", central_extra=b"\0"
    ),
}

ODD: dict[str, Odd] = {
    # names
    "a Unicode Path field": Odd(
        lambda: _of_two_names(central_extra=unicode_path("evil.py", b"more.py")),
        "two names, 'more.py' and 'evil.py'",
    ),
    "a Unicode Path field in the local header": Odd(
        lambda: _of_two_names(extra=unicode_path("evil.py", b"more.py")),
        "two names, 'more.py' and 'evil.py'",
        True,
    ),
    "two Unicode Path fields": Odd(
        lambda: _of_two_names(
            central_extra=unicode_path("more.py", b"more.py") + unicode_path("evil.py", b"more.py")
        ),
        "two extra fields 0x7075",
    ),
    "a Unicode Path field that is cut short": Odd(
        lambda: _of_two_names(central_extra=_field(0x7075, b"\1abc")),
        "Unicode Path field that is cut short",
    ),
    "a Unicode Path field that is not UTF-8": Odd(
        lambda: _of_two_names(
            central_extra=_field(0x7075, struct.pack("<BL", 1, zlib.crc32(b"more.py")) + b"\xff")
        ),
        "two names",
    ),
    "an extra field that is cut short": Odd(
        lambda: _of_two_names(central_extra=struct.pack("<HH", 0x5455, 99)),
        "extra field is cut short",
    ),
    "UTF-8 that is not said to be": Odd(
        lambda: wheel(Entry("é.py", CONTENT, flags=0)), "two names, '├⌐.py' and 'é.py'"
    ),
    "code page 437": Odd(lambda: wheel(Entry(b"\x82.py", CONTENT, flags=0)), "two names, 'é.py'"),
    "no UTF-8, though said to be": Odd(lambda: wheel(Entry(b"\x82.py", CONTENT)), "not UTF-8"),
    "not said to be UTF-8 in the local header": Odd(
        lambda: wheel(Entry("é.py", CONTENT, local_flags=0)), "another name in its own header", True
    ),
    "another name in the local header": Odd(
        lambda: wheel(Entry("more.py", CONTENT, local_name="evil.py")),
        "another name in its own header, 'evil.py'",
        True,
    ),
    "one name twice": Odd(
        lambda: wheel(Entry("more.py", CONTENT), Entry("more.py", b"evil")), "one name, more.py"
    ),
    "names that differ in case": Odd(
        lambda: wheel(Entry("pkg/more.py", CONTENT), Entry("pkg/More.py", b"evil")),
        "pkg/more.py and pkg/More.py would be one file",
    ),
    "folders that differ in case": Odd(
        lambda: wheel(Entry("pkg/more.py", CONTENT), Entry("Pkg/more.py", b"evil")),
        "would be one file",
    ),
    "names that are composed and not": Odd(
        lambda: wheel(Entry("caf\u00e9.py", CONTENT), Entry("cafe\u0301.py", b"evil")),
        "would be one file",
    ),
    "names that are equal when folded": Odd(
        lambda: wheel(Entry("STRASSE.py", CONTENT), Entry("straße.py", b"evil")),
        "would be one file",
    ),
    "a file and a folder": Odd(
        lambda: wheel(Entry("more", CONTENT), Entry("more/x.py", CONTENT)),
        "more is a file and a folder",
    ),
    "a name of 256 letters": Odd(
        lambda: wheel(Entry("a" * 256, CONTENT)), "longer than 255 characters"
    ),
    "a file and an empty folder": Odd(
        lambda: wheel(Entry("more", CONTENT), Entry("more/", method=0)),
        "more is a file and a folder",
    ),
    "a file and a folder that differ in case": Odd(
        lambda: wheel(Entry("More", CONTENT), Entry("more/x/y.py", CONTENT)),
        "More is a file and a folder",
    ),
    "two dots within a name": Odd(
        lambda: wheel(Entry("a..b.py", CONTENT)), "Pyodide leaves out such a file"
    ),
    "NUL": Odd(lambda: wheel(Entry("more.py\0.txt", CONTENT)), "NUL"),
    "a line feed": Odd(lambda: wheel(Entry("mo\nre.py", CONTENT)), "control character"),
    "a control character": Odd(lambda: wheel(Entry("more.py\x7f", CONTENT)), "control character"),
    "a backslash": Odd(lambda: wheel(Entry("pkg\\more.py", CONTENT)), "no name of a file below"),
    "a drive": Odd(lambda: wheel(Entry("c:more.py", CONTENT)), "no name of a file below"),
    "an absolute name": Odd(lambda: wheel(Entry("/more.py", CONTENT)), "no name of a file below"),
    "a dot as a folder": Odd(lambda: wheel(Entry("./more.py", CONTENT)), "no name of a file below"),
    "no name": Odd(lambda: wheel(Entry("", CONTENT)), "no name of a file below"),
    # what is behind a name
    "a symbolic link": Odd(
        lambda: wheel(Entry("more.py", b"/etc/passwd", mode=0o120777)), "symbolic link"
    ),
    "a folder with content": Odd(
        lambda: wheel(Entry("pkg/", CONTENT)), "is a folder, and has content"
    ),
    "encryption": Odd(lambda: wheel(Entry("more.py", CONTENT, flags=0x801)), "is encrypted"),
    "a patch": Odd(lambda: wheel(Entry("more.py", CONTENT, flags=0x820)), "is a patch"),
    "bzip2": Odd(lambda: wheel(Entry("more.py", CONTENT, method=12)), "compression method 12"),
    "lzma": Odd(lambda: wheel(Entry("more.py", CONTENT, method=14)), "compression method 14"),
    "zstd": Odd(lambda: wheel(Entry("more.py", CONTENT, method=93)), "compression method 93"),
    "a newer version of the format": Odd(
        lambda: wheel(Entry("more.py", CONTENT, version=64)), "a newer reader"
    ),
    # sizes
    "stored, of two sizes": Odd(
        lambda: wheel(Entry("more.py", CONTENT, method=0, compressed_size=len(CONTENT) - 1)),
        "of two sizes",
    ),
    "another method in the local header": Odd(
        lambda: wheel(Entry("more.py", CONTENT, local_method=0)),
        "its own header has another compression",
        True,
    ),
    "another CRC-32 in the local header": Odd(
        lambda: wheel(Entry("more.py", CONTENT, local_numbers=(1, len(PACKED), len(CONTENT)))),
        "another size",
        True,
    ),
    "another size in the local header": Odd(
        lambda: wheel(
            Entry("more.py", CONTENT, local_numbers=(zlib.crc32(CONTENT), len(PACKED), 5))
        ),
        "another size",
        True,
    ),
    "another size in the zip64 field of the local header": Odd(
        lambda: wheel(Entry("more.py", CONTENT, extra=_field(1, struct.pack("<2Q", 5, 5)))),
        "another size",
        True,
    ),
    "two zip64 fields": Odd(
        lambda: _of_two_names(central_extra=_field(1, bytes(8)) + _field(1, bytes(8))),
        "two extra fields 0x0001",
    ),
    "another CRC-32 in the data descriptor": Odd(
        lambda: wheel(
            Entry(
                "more.py",
                CONTENT,
                flags=0x808,
                local_numbers=(0, 0, 0),
                behind=_descriptor(b"evil", PACKED),
            )
        ),
        "are not its data descriptor",
        True,
    ),
    "no data descriptor": Odd(
        lambda: wheel(Entry("more.py", CONTENT, flags=0x808)), "are not its data descriptor", True
    ),
    "a data descriptor that only the local header announces": Odd(
        lambda: wheel(
            Entry("more.py", CONTENT, local_flags=0x808, behind=_descriptor(CONTENT, PACKED))
        ),
        "other flags",
        True,
    ),
    "packed content that has no end": Odd(
        lambda: wheel(Entry("more.py", CONTENT, packed=_unfinished(CONTENT))),
        "its content is cut short",
        True,
    ),
    "bytes behind the packed content": Odd(
        lambda: wheel(Entry("more.py", CONTENT, packed=PACKED + b"evil")),
        "4 bytes behind more.py belong to no file",
        True,
    ),
    "a file within the packed size": Odd(
        _in_content, "bytes behind more.py belong to no file", True
    ),
    # places
    "a file that the directory does not name": Odd(
        lambda: wheel(Entry("more.py", CONTENT, behind=HIDDEN)),
        "bytes behind more.py belong to no file",
    ),
    "the same behind the last file": Odd(
        lambda: raw_zip([*(items := wheel_entries())[:-1], replace(items[-1], behind=HIDDEN)]),
        "bytes behind demo-1.0.dist-info/RECORD belong to no file",
    ),
    "a large file that the directory does not name": Odd(
        lambda: wheel(Entry("more.py", CONTENT, behind=local_member("hidden.py", bytes(70_000)))),
        "bytes behind more.py belong to no file",
    ),
    "bytes between two files": Odd(
        lambda: wheel(Entry("more.py", CONTENT, behind=b"evil")),
        "4 bytes behind more.py belong to no file",
        True,
    ),
    "bytes in front": Odd(
        lambda: raw_zip(wheel_entries(), prefix=b"#!python\n"), "not where the end record says"
    ),
    "bytes in front, counted": Odd(
        lambda: raw_zip(wheel_entries(), prefix=b"#!python\n", shift=9),
        "bytes before the first file",
    ),
    "bytes at the end": Odd(lambda: wheel() + b"\0\0", "no zip archive"),
    "another end record in the comment": Odd(
        lambda: raw_zip(wheel_entries(), comment=raw_zip([]) + b"!"), "another end record"
    ),
    "another archive in the comment": Odd(
        lambda: raw_zip(wheel_entries(), comment=raw_zip(wheel_entries(module=b"evil"))),
        "not where the end record",
    ),
    "bytes between directory and end": Odd(
        lambda: raw_zip(wheel_entries(), gap=b"evil"), "not where the end record"
    ),
    "too small a count": Odd(
        lambda: raw_zip(wheel_entries(), count=3), "more than its files|cannot be true"
    ),
    "too large a count": Odd(lambda: raw_zip(wheel_entries(), count=5), "is broken"),
    "another count in the zip64 end record": Odd(
        lambda: _end64_again(3), "split over several files"
    ),
    "a zip64 end record of another size": Odd(
        lambda: _end64(raw_zip(wheel_entries(), zip64=True), 4, struct.pack("<Q", 60)),
        "another size than it says",
    ),
    "several disks": Odd(lambda: raw_zip(wheel_entries(), disk=1), "split over several files"),
    "a file on another disk": Odd(
        lambda: wheel(Entry("more.py", CONTENT, disk=1)), "split over several files"
    ),
}

#: Every archive with its name. Those come first that every reader takes, then those that are taken
#: at least in ranges.
CORPUS: list[tuple[str, Callable[[], bytes]]] = [
    *ORDINARY.items(),
    *ACCEPTED.items(),
    *((name, odd.make) for name, odd in ODD.items() if odd.hidden),
    *((name, odd.make) for name, odd in ODD.items() if not odd.hidden),
]
#: So many are taken, by range requests at least.
TAKEN = len(ORDINARY) + len(ACCEPTED) + sum(odd.hidden for odd in ODD.values())


def write_corpus(folder: Path, count: int = len(CORPUS)) -> Path:
    """Write the first ``count`` archives, each as <number>/demo-1.0-py3-none-any.whl."""
    for number, (_, make) in enumerate(CORPUS[:count]):
        place = folder / f"{number:03}"
        place.mkdir()
        (place / WHEEL).write_bytes(make())
    return folder


def number_of(kind: str) -> str:
    """The number of an archive, as `write_corpus` has it."""
    return f"{[name for name, _ in CORPUS].index(kind):03}"


def by_range(wheel: bytes, tail: int) -> WheelDescription:
    """What range requests read of a wheel, the first of which asks for the last ``tail`` bytes."""
    index = MemoryIndex({WHEEL: wheel})
    return drive(read_wheel(index, index.file_url(WHEEL), "demo", size=None, tail=tail))


def check_reader(trees: Mapping[str, Mapping[str, str] | None]) -> None:
    """Compare what a reader unpacked, by number, with what micropip_lock reads in the archives that
    it takes.

    So all readers read those in one way: two that differ cannot both be equal to it.
    """
    for number, (name, make) in enumerate(CORPUS[:TAKEN]):
        found = trees[f"{number:03}"]
        assert found is not None or name not in ORDINARY, name
        if found is not None:
            expected = {
                row.path: decoded(row.digest) for row in by_range(make(), 22).record if row.digest
            }
            assert {
                path: digest for path, digest in found.items() if path not in _INSTALLERS
            } == expected, name


def decoded(digest: str) -> str:
    """The hash of a row of RECORD, in hex."""
    return base64.urlsafe_b64decode(digest + "=" * (-len(digest) % 4)).hex()
