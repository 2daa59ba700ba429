"""The names of files in a zip archive: which ones all readers and file systems keep distinct."""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from operator import itemgetter
from struct import Struct

from ..errors import IntegrityError

#: The flag of a name in UTF-8 (APPNOTE.TXT, 4.4.4, bit 11).
UTF8 = 0x800
#: What stands before the name in a Unicode Path field (APPNOTE.TXT, 4.6.9): version, CRC-32 of the
#: other name.
_UNICODE_PATH = Struct("<BL")
#: The most characters of one name in a folder.
_LONGEST = 255
_NO_NAMES = frozenset({"", ".", ".."})
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def decode_name(raw: bytes, flags: int) -> str:
    """The name of a file, from its bytes and the flags of its entry in the central directory.

    Raises `IntegrityError` for a name that readers decode in two ways, or put in two places.
    """
    if not flags & UTF8 and not raw.isascii():
        # zipfile takes it for code page 437, others for UTF-8.
        names = f"{raw[:200].decode('cp437')!r} and {raw[:200].decode(errors='replace')!r}"
        raise IntegrityError(
            f"two readers read two names, {names}: the archive does not say that it is UTF-8"
        )
    try:
        name = raw.decode()
    except UnicodeDecodeError as error:
        raise IntegrityError("a file name is not UTF-8") from error
    _check_name(name)
    return name


def _check_name(name: str) -> None:
    """Refuse what one reader takes, and another one changes, leaves out or refuses."""
    if _CONTROL.search(name):
        if "\0" in name:
            raise IntegrityError("a file name holds a NUL, where many readers end it")
        raise IntegrityError(
            f"the file name {name[:200]!r} holds a control character, which uv refuses"
        )
    parts = name.removesuffix("/").split("/")
    if "\\" in name or name[1:2] == ":" or not _NO_NAMES.isdisjoint(parts):
        raise IntegrityError(
            f"{name[:200]!r} is no name of a file below the folder where it is unpacked"
        )
    if ".." in name:
        raise IntegrityError(
            f"{name[:200]!r} holds «..»: Pyodide leaves out such a file, pip and uv install it"
        )
    if len(name) > _LONGEST and max(map(len, parts)) > _LONGEST:
        raise IntegrityError(
            f"{name[:200]!r} is longer than {_LONGEST} characters, which most file systems refuse"
        )


def check_unicode_path(name: str, raw: bytes, field: bytes | None) -> None:
    """Refuse a Unicode Path field (0x7075) that gives another name than ``name``, which is ``raw``
    decoded.

    `zipfile` takes that name from Python 3.12 on, and not in 3.11. Raises `IntegrityError`.
    """
    if field is None:
        return
    if len(field) < _UNICODE_PATH.size:
        raise IntegrityError(f"{name} has a Unicode Path field that is cut short")
    version, crc = _UNICODE_PATH.unpack_from(field)
    other = field[_UNICODE_PATH.size :].decode(errors="replace")
    # APPNOTE.TXT, 4.6.9: a field that was made for another name is to be ignored. All readers do.
    if version == 1 and crc == zlib.crc32(raw) and other not in ("", name):
        raise IntegrityError(
            f"two readers read two names, {name!r} and {other!r} (in a Unicode Path field)"
        )


def check_names(names: Sequence[str]) -> None:
    """Refuse names that are one file's for some readers or file systems, and two for others.

    ``names`` are those of `decode_name`; those of folders end in a slash. Raises `IntegrityError`.
    """
    if len(set(names)) != len(names):
        ((name, _),) = Counter(names).most_common(1)
        raise IntegrityError(f"two files have one name, {name}")
    # With NUL in the place of a slash, what lies below a file follows it in order.
    keys = [key.replace("/", "\0") for key in _folded(names)]
    ordered = sorted(zip(keys, names, strict=True), key=itemgetter(0))
    for (key, name), (following, other) in pairwise(ordered):
        if key.endswith("\0"):
            continue
        if following == key:
            where = "where neither case nor the composition of accents counts"
            raise IntegrityError(f"{name} and {other} would be one file {where}")
        if following.startswith(f"{key}\0"):
            raise IntegrityError(f"{name} is a file and a folder at once")


def _folded(names: Sequence[str]) -> Sequence[str]:
    """The names as a file system has them that ignores case and composition (Unicode, 3.13,
    D145).
    """
    if all(map(str.isascii, names)):
        return [name.lower() for name in names]
    from unicodedata import normalize  # large, and hardly any wheel needs it

    return [normalize("NFD", normalize("NFD", name).casefold()) for name in names]
