"""What fuzzing has found, each in as few bytes as do it:

nothing but our own errors comes of it, and soon.
"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from fuzz.targets import TARGETS
from fuzz.targets.installed import METADATA, RECORD, WHEEL
from fuzz.targets.locks import DOCUMENT, LITE
from fuzz.targets.requirements import SHA256
from fuzz.targets.wheels import WHEEL as ARCHIVE
from micropip_lock.formats.project_page_parser import parse_page
from tests.support.raw_zip import DIST_INFO, Entry, raw_zip, wheel_entries

LOCK = json.dumps(DOCUMENT).encode()
DIST_INFO_FILES = b"=== METADATA\n%b\n=== WHEEL\n%b\n=== RECORD\n%b\n" % (METADATA, WHEEL, RECORD)
*BEFORE_RECORD, _ = wheel_entries()
DIGITS = b"9" * 4301  # more than Python converts
PAGE = b'[[["i", ["https://h/", "active", "", [["demo-1.0-py3-none-any.whl", %b]]]]], []]'


def tags(count: int) -> bytes:
    """A compressed tag set of ``count`` cubed tags."""
    return b"-".join([b".".join(b"a%d" % number for number in range(count))] * 3)


#: Errors that were not ours, and promises that were not kept.
RAISED = {
    "listing-url-of-no-text": ("listing", PAGE % b'{"url": ["a"]}'),
    "listing-url-of-none": (
        "listing",
        b'[[["i", ["http://[", "active", "", [["demo-1.0-py3-none-any.whl", ""]]]]], []]',
    ),
    "listing-nested": ("listing", b"[" * 5000),
    "facts-null": ("facts", b"[1, 2, 3, 4, 5, null, null]\n"),
    "facts-fraction": ("facts", b"[1, 2, 3, 4, 0.5, 0.5, null]\na"),
    "facts-nested": ("facts", b"[" * 5000),
    "page-json-hash-of-the-second": (
        "page-json",
        b'{"files": [{"filename": "demo-1.0.zip", "url": "demo-1.0.zip"}, {"filename": '
        b'"demo-1.0.zip", '
        b'"url": "demo-1.0.zip", "hashes": {"sha256": "%b"}}]}' % SHA256.encode(),
    ),
    "headers-content-length": ("headers", b"Content-Length: " + DIGITS),
    "headers-content-range": ("headers", b"Content-Range: bytes 0-" + DIGITS + b"/*"),
    "headers-total": ("headers", b"Content-Range: bytes 0-1/" + DIGITS),
    "remote-wheel-length": ("remote-wheel", b"\xff\x04" + bytes(14) + ARCHIVE),
    "direct-url-half-a-letter": ("direct-url", b'{"micropip-lock": {"requested": ["\\udcff"]}}'),
    "jupyterlite-metadata": ("jupyterlite", b'{"metadata": ""}'),
    "jupyterlite-long-folder": ("jupyterlite", b'{"piplite": {"wheelDir": "%b"}}' % (b"9" * 300)),
    "jupyterlite-packages": (
        "jupyterlite",
        json.dumps(LITE).replace('"demo"', "[]").encode(),
    ),
    "lock-use-no-url": ("lock-use", LOCK.replace(b"lib-x-1.1.1w.zip", b"http://[")),
    "metadata-python-of-many-digits": (
        "metadata",
        b"Name: a\nVersion: 1\nRequires-Python: >=3." + DIGITS,
    ),
    "pyvenv-cfg-nul": ("pyvenv-cfg", b"home=\0"),
    "pyvenv-cfg-long-home": ("pyvenv-cfg", b"home=" + b"a" * 300),
    "dist-info-password-with-a-slash": (
        "dist-info",
        DIST_INFO_FILES + b"=== PYODIDE_SOURCE\nhttps://u:/p4ssw0rd@h.example/x.tar.gz\n",
    ),
    "url-half-a-letter": ("url", b"\xc3@x"),
    "url-of-two-hosts": ("url", b"http://[::ffff:11.0.0.1%\n[@0\x0e25eth0]%ff"),
    "whole-wheel-long-field": (
        "whole-wheel",
        raw_zip([*BEFORE_RECORD, Entry(f"{DIST_INFO}/RECORD", b'"' * 300_000)]),
    ),
    "whole-wheel-beyond-the-end": (
        "whole-wheel",
        raw_zip(
            [
                replace(entry, method=0, size=100_000, compressed_size=100_000)
                if str(entry.name).endswith("/WHEEL")
                else entry
                for entry in wheel_entries()
            ]
        ),
    ),
    "whole-wheel-encrypted": (
        "whole-wheel",
        raw_zip([replace(entry, flags=0x801) for entry in wheel_entries()]),
    ),
    "uv-config-nested": ("uv-config", b"x = " + b"[" * 5000),
    "uv-config-tables": ("uv-config", b"x = " + b"{a = " * 5000),
}

#: Inputs that took minutes, or gigabytes.
SLOW = {
    "lock-use-tags": ("lock-use", LOCK.replace(b"py3-none-any", tags(400))),
    "report-tags": (
        "report",
        b'lock-version = "1.0"\n[[packages]]\nname = "demo"\nversion = "1"\n[[packages.wheels]]\n'
        b'url = "https://h/demo-1-%b.whl"\nhashes = {sha256 = "%b"}\n'
        % (tags(400), SHA256.encode()),
    ),
    "metadata-linked-extras": (
        "metadata",
        b"Name: demo\nVersion: 1\nRequires-Dist: demo[e0]\n"
        + b"".join(
            b'Provides-Extra: e%d\nRequires-Dist: demo[e%d]; extra == "e%d"\n' % (n, n + 1, n)
            for n in range(700)
        ),
    ),
    "record-deep-path": ("record", b"a/" * 40_000 + b"b.py,,\n"),
    "record-one-name": (
        "record",
        b"".join(b"p%d/same,,\n" % number for number in range(8_000))
        + b"\n"
        + b"".join(b"demo-1.0.data/data/x%d/same,,\n" % number for number in range(8_000)),
    ),
    "pylock-dotted-key": ("pylock", b"a." * 30_000 + b"b = 1"),
    "uv-config-dotted-key": ("uv-config", b"'a'. \"b\" ." * 10_000 + b"b = 1"),
    "report-dotted-key": ("report", b"[x]\n" + b"a." * 30_000 + b"b = 1"),
    "pip-config-blanks": ("pip-config", b"[global]\na" + b" " * 200_000 + b"b\n"),
    "dist-info-blanks": (
        "dist-info",
        DIST_INFO_FILES + b"=== entry_points.txt\n[console_scripts]\na" + b" \t" * 100_000 + b"b\n",
    ),
    "whole-wheel-blanks": (
        "whole-wheel",
        raw_zip(
            wheel_entries(
                Entry(
                    f"{DIST_INFO}/entry_points.txt",
                    b"[console_scripts]\na" + b" " * 200_000 + b"b\n",
                )
            )
        ),
    ),
    "url-colons": ("url", b":" * 400_000),
}


@pytest.mark.parametrize("name", RAISED)
def test_raises_nothing_but_our_errors(name: str) -> None:
    target, data = RAISED[name]
    TARGETS[target].run(data)


@pytest.mark.parametrize("name", SLOW)
def test_ends_soon(name: str) -> None:
    target, data = SLOW[name]
    TARGETS[target].run(data)


def test_a_page_of_one_version_is_read_once() -> None:
    rows = [
        {"filename": f"demo-1.0-{number}-py3-none-any.whl", "url": f"{number}"}
        for number in range(40_000)
    ]
    page = parse_page(
        json.dumps({"files": rows}).encode(),
        "application/json",
        "https://index.example/simple/demo/",
    )
    assert len(page.urls) == 40_001
