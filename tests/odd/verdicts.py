"""What freeze must refuse, and what an installer cannot install:

each time it is the publisher's fault.
"""

from __future__ import annotations

from collections.abc import Mapping

#: Name -> the codes of freeze without --download.
REFUSED: Mapping[str, tuple[str, ...]] = {
    "celery": ("broken-metadata",),
    "fmpy": ("weak-record",),
    "selenium": ("weak-record",),
}

#: Refused with --download as well: METADATA cannot be read.
UNLOCKABLE = frozenset({"celery"})

#: Name -> the code of resolve, a warning of freeze: Pyodide leaves .data/purelib as it is, where
#: pip spread it.
NOT_RESOLVED: Mapping[str, str] = {"semgrep": "layout"}

#: Name -> the installers that refuse it.
NOT_INSTALLED_BY: Mapping[str, tuple[str, ...]] = {
    "celery": ("pip",),  # Requires-Dist is no requirement
    "fmpy": ("installer",),  # members that RECORD does not have
    "selenium": ("installer",),
    "testpath": ("installer",),
}
