"""The names of files in a zip archive: which of them every reader and every file system tells apart."""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from struct import Struct

from .errors import IntegrityError

#: The flag of a name in UTF-8 (APPNOTE.TXT, 4.4.4, bit 11).
UTF8 = 0x800
#: What stands before the name in a Unicode Path field (APPNOTE.TXT, 4.6.9): version, CRC-32 of the other name.
_UNICODE_PATH = Struct("<BL")
#: Names that one reader takes and another one changes, leaves out or refuses.
_ODD = re.compile(r"[\x00-\x1f\x7f-\x9f\\]|\.\.|^(?:/|$)|//|^.:|(?:^|/)\.(?:/|$)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def decode_name(raw: bytes, flags: int) -> str:
    """The name of a file, from its bytes and the flags of its entry in the central directory.

    Raises `IntegrityError` for a name that readers decode in two ways, or put in two places.
    """
    if not flags & UTF8 and not raw.isascii():
        # zipfile takes it for code page 437, others for UTF-8.
        names = f"{raw.decode('cp437')!r} and {raw.decode(errors='replace')!r}"
        raise IntegrityError(f"two readers read two names, {names}: the archive does not say that it is UTF-8")
    try:
        name = raw.decode()
    except UnicodeDecodeError as error:
        raise IntegrityError("a file name is not UTF-8") from error
    if _ODD.search(name):
        raise IntegrityError(_why_odd(name))
    return name


def _why_odd(name: str) -> str:
    shown = repr(name[:200])
    if "\0" in name:
        return "a file name holds a NUL, where many readers end it"
    if _CONTROL.search(name):
        return f"the file name {shown} holds a control character, which uv refuses"
    parts = name.removesuffix("/").split("/")
    if "\\" in name or name[1:2] == ":" or not {"", ".", ".."}.isdisjoint(parts):
        return f"{shown} is no name of a file below the folder where it is unpacked"
    return f"{shown} holds «..»: Pyodide leaves out such a file, pip and uv install it"


def check_unicode_path(name: str, raw: bytes, field: bytes | None) -> None:
    """Refuse a Unicode Path field (0x7075) that gives another name than ``name``, which is ``raw`` decoded.

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
        raise IntegrityError(f"two readers read two names, {name!r} and {other!r} (in a Unicode Path field)")


def check_names(names: Sequence[str]) -> None:
    """Refuse names that are one file's for some readers or file systems, and two for others.

    ``names`` are those of `decode_name`; those of folders end in a slash. Raises `IntegrityError`.
    """
    if len(set(names)) != len(names):
        ((name, _),) = Counter(names).most_common(1)
        raise IntegrityError(f"two files have one name, {name}")
    folded = _folded(names)
    folders = _folders(folded)
    seen: dict[str, str] = {}
    for name, key in zip(names, folded, strict=True):
        if key.endswith("/"):
            continue
        if key in folders:
            raise IntegrityError(f"{name} is a file and a folder at once")
        if key in seen:
            where = "where neither case nor the composition of accents counts"
            raise IntegrityError(f"{seen[key]} and {name} would be one file {where}")
        seen[key] = name


def _folded(names: Sequence[str]) -> Sequence[str]:
    """The names as a file system has them that ignores case and composition (Unicode, 3.13, D145)."""
    if all(map(str.isascii, names)):
        return [name.lower() for name in names]
    from unicodedata import normalize  # large, and hardly any wheel needs it

    return [normalize("NFD", normalize("NFD", name).casefold()) for name in names]


def _folders(names: Iterable[str]) -> set[str]:
    """All folders in which these lie."""
    found: set[str] = set()
    above = {name.rpartition("/")[0] for name in names}
    while above:
        found |= above
        above = {name.rpartition("/")[0] for name in above} - found
    return found - {""}
