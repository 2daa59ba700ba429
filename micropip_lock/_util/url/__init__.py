"""URLs: what they may show, where they belong, and whether others can use them.

What each function removes:

====================== ======== ===== ======== =====================================
function               userinfo query fragment meant for
====================== ======== ===== ======== =====================================
`shown`                yes      yes   yes      messages; takes any text, hides doubts
`shown_within`         yes      yes   yes      messages that have URLs anywhere
`shown_filename`       yes      yes   yes      messages; the last segment only
`without_credentials`  yes      no    yes      requests: a server may need the query
`without_query`        yes      yes   yes      files of a lock, keys of an index
`before_query`         no       yes   yes      what a name ends in
`writable`             yes      no    of URLs  ``file_name`` of a lock's entry
`normalized`           yes      no    yes      comparisons: one spelling (RFC 3986)
`bare_url`             yes      yes   yes      comparisons of files
`origin`               yes      yes   yes      comparisons: scheme, host and port
`site`                 yes      yes   yes      the same, the host as it is spelt
====================== ======== ===== ======== =====================================

Strings in, strings out: no function uses the network, and none raises for any input.
"""

from __future__ import annotations

from .parts import (
    bare_url,
    before_query,
    filename,
    is_http,
    is_portable,
    join,
    normalized,
    origin,
    site,
    split,
    without_credentials,
    without_query,
    writable,
)
from .redaction import shown, shown_filename, shown_within

__all__ = [
    "bare_url",
    "before_query",
    "filename",
    "is_http",
    "is_portable",
    "join",
    "normalized",
    "origin",
    "shown",
    "shown_filename",
    "shown_within",
    "site",
    "split",
    "without_credentials",
    "without_query",
    "writable",
]
