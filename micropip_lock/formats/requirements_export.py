"""requirements.txt, written: one line a package, with its hash.

Format: https://pip.pypa.io/en/stable/reference/requirements-file-format/; pip's hash-checking mode.
"""

from __future__ import annotations

from ..errors import UnlockableError
from .exported import Export, without_url


def to_requirements(exported: Export, *, urls: bool = False) -> str:
    """The wheels as a requirements file, sorted by name, without markers.

    ``name==version --hash=sha256:...``, for an index to find the file by; with ``urls`` ``name @
    URL --hash=...``, which raises `UnlockableError` with every wheel that has no URL.
    """
    problems = list(without_url(exported)) if urls else []
    if problems:
        raise UnlockableError(problems, "cannot be exported; nothing was written")
    lines = []
    for wheel in exported.wheels:
        subject = f"{wheel.name} @ {wheel.url}" if urls else f"{wheel.name}=={wheel.version}"
        lines.append(f"{subject} --hash=sha256:{wheel.sha256}\n")
    return "".join(lines)
