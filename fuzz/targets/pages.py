"""Project pages of an index, JSON and HTML, and the pages that a cache remembers."""

from __future__ import annotations

import json
from itertools import islice
from urllib.parse import urlsplit

from packaging.utils import canonicalize_name

from micropip_lock._util.url import shown
from micropip_lock.errors import FetchError
from micropip_lock.formats.project_page import ProjectPage, single_file_page
from micropip_lock.formats.project_page_parser import parse_page
from micropip_lock.formats.release_document import parse_document
from micropip_lock.index.client import Listing

from ..target import Target, only, promise

URL = "https://index.example/simple/demo/"
SHA256 = "0123456789abcdef" * 4


def _json_page(data: bytes) -> None:
    with only(FetchError):
        _look(parse_page(data, "application/vnd.pypi.simple.v1+json", URL))


def _html_page(data: bytes) -> None:
    """The first line is the content type."""
    first, _, body = data.partition(b"\n")
    with only(FetchError):
        _look(parse_page(body, f"text/html{first.decode('latin-1')}", URL))
    if not first.startswith(b";"):
        with only(FetchError):
            _look(parse_page(body, first.decode("latin-1"), URL))


def _release(data: bytes) -> None:
    page = parse_document(data, "https://index.example/pypi/demo/1.0/json")
    if page is not None:
        _look(page)


def _look(page: ProjectPage) -> None:
    """All that is ever asked of a page; its parts say the same as the whole."""
    for project in sorted(
        {canonicalize_name(name.partition("-")[0]) for name in islice(page.filenames, 50)}
    )[:4]:
        for version, part in islice(page.versions(project).items(), 8):
            files = page.files(project, {version})
            promise(
                part.files(project, {version}) == files,
                "a part of a page lists other files than the page",
            )
            kept = ProjectPage.from_json(json.loads(json.dumps(part.to_json())))
            promise(
                kept.files(project, {version}) == files, "a page that was kept lists other files"
            )
            for file in files[:20]:
                promise(bool(shown(file.metadata_url)), "a sidecar without URL")
                promise(file.sha256 is None or len(file.sha256) == 64, "a hash that is none")
                if file.sha256 is not None and urlsplit(file.url).path.endswith(
                    f"/{file.filename}"
                ):
                    promise(page.hashes_of(file.url), "a page does not list its own file")
            _listing(
                Listing(
                    (("https://index.example/simple", part),), ("https://index.example/simple",)
                ),
                project,
            )
    promise(page.url in page.urls, "a page without its own URL")


def _listing(listing: Listing, project: str) -> None:
    for _, page in listing.pages[:10]:
        for version in islice(page.versions(project), 3):
            offers = listing.offers(project, {version})
            kept = listing.to_bytes(project, version)
            if kept is not None:
                again = Listing.from_bytes(kept)
                same = [
                    (offer.file.filename, offer.index) for offer in again.offers(project, {version})
                ]
                promise(
                    same == [(offer.file.filename, offer.index) for offer in offers],
                    "offers that were lost",
                )


def _kept(data: bytes) -> None:
    """What a cache has kept of pages, whoever wrote into it."""
    with only(ValueError):
        listing = Listing.from_bytes(data)
        _use_kept(listing)


def _use_kept(listing: Listing) -> None:
    try:
        names = {
            canonicalize_name(name.partition("-")[0])
            for _, page in listing.pages
            for name in page.filenames
        }
        for project in sorted(names)[:3]:
            _listing(listing, project)
        for _, page in listing.pages[:10]:
            listing.hashes_of(next(iter(page.urls)))
    except ValueError as error:
        raise AssertionError(f"what was read cannot be used: {error!r}") from error


def _file(name: str, **more: object) -> dict[str, object]:
    return {"filename": name, "url": f"../../files/{name}", "hashes": {"sha256": SHA256}, **more}


_FILES = [
    _file(
        "demo-1.0-py3-none-any.whl",
        size=1000,
        yanked=False,
        **{"core-metadata": {"sha256": SHA256}},
    ),
    _file("Demo-1.0.tar.gz", **{"requires-python": ">=3.8", "dist-info-metadata": True}),
    _file(
        "demo-2.0-1build-cp314-cp314-pyemscripten_2026_0_wasm32.whl",
        yanked="broken",
        **{"upload-time": "2026-01-01"},
    ),
    _file(
        "demo-2.0.zip",
        url="https://files.example/demo-2.0.zip?x=1#sha256=1",
        **{"data-dist-info-metadata": {}},
    ),
    _file("demo-3.0rc1-py2.py3-none-any.whl", url="file:///demo-3.0rc1-py2.py3-none-any.whl"),
]
_PAGE = {
    "meta": {"api-version": "1.4"},
    "name": "demo",
    "files": _FILES,
    "versions": ["1.0", "2.0"],
    "project-status": {"status": "archived", "reason": "old"},
}
_RELEASE = {
    "info": {"name": "demo", "version": "1.0"},
    "urls": [
        {
            "filename": file["filename"],
            "url": f"https://files.example/{file['filename']}",
            "digests": file["hashes"],
            "size": 1000,
            "yanked": bool(file.get("yanked")),
            "yanked_reason": file.get("yanked"),
            "requires_python": ">=3.8",
        }
        for file in _FILES
    ],
}
_HTML = f"""; charset=utf-8
<!DOCTYPE html><html><head><meta name="pypi:repository-version" content="1.1">
<meta name="pypi:project-status" content="archived"><base href="https://files.example/a/"><title>Links for demo</title>
</head><body><!-- <a href="no-1.0.whl">no</a> -->
<a href="demo-1.0-py3-none-any.whl#sha256={SHA256}" data-requires-python="&gt;=3.8"
 data-core-metadata="sha256={SHA256}">
demo-1.0-py3-none-any.whl</a><br>
<A HREF='/x/demo-1.0.tar.gz?x=1#md5=1' data-yanked="bad">demo-1.0.tar.gz</A>
<a data-dist-info-metadata=true data-yanked href=demo%2d2.0-py3-none-any.whl>x</a></body></html>""".encode()
_KEPT = Listing(
    (
        (
            "https://index.example/simple",
            parse_page(json.dumps(_PAGE).encode(), "application/json", URL),
        ),
    ),
    ("https://index.example/simple",),
)
_LISTING = [["https://index.example/simple", page.to_json()] for _, page in _KEPT.pages]
_SINGLE = [
    [
        "https://h.example/",
        single_file_page("https://h.example/demo-1.0-py3-none-any.whl").to_json(),
    ]
]
_HTML_PAGE = parse_page(_HTML.partition(b"\n")[2], "text/html", URL).to_json()

WORDS = [
    *(
        '"files"',
        '"filename"',
        '"url"',
        '"hashes"',
        '"sha256"',
        '"meta"',
        '"api-version"',
        '"yanked"',
        '"size"',
    ),
    *(
        '"core-metadata"',
        '"dist-info-metadata"',
        '"requires-python"',
        '"project-status"',
        '"status"',
        '"reason"',
    ),
    *(
        "demo-1.0-py3-none-any.whl",
        "demo-1!2.0+x.1-py3-none-any.whl",
        "demo-1.0.tar.bz2",
        "demo-1.0.tgz",
        "demo-.whl",
    ),
    *(
        "https://user:password@h.example/",
        "http://[",
        "//h.example/x",
        "file:///x",
        "a" * 260 + "-1-py3-none-any.whl",
    ),
]
_TAGS = [
    *(
        "<a ",
        "<A\t",
        'href="',
        "href='",
        "href=",
        " HREF = ",
        "</a>",
        ">",
        "<!--",
        "-->",
        "<base href=",
        "<meta name=",
    ),
    *(
        '"pypi:repository-version" content="2.0"',
        "data-yanked",
        "data-core-metadata=",
        "data-requires-python=",
        "#sha256=",
    ),
    *(
        "&amp;",
        "&#x110000;",
        "&#0;",
        "&lt",
        "%2F",
        "%23",
        "charset=windows-1252",
        "charset=iso-8859-99",
        "<![CDATA[",
        "<![",
    ),
    *(
        "<?",
        "<!DOCTYPE",
        "<script>",
        "<style>",
        "<textarea>",
        "links for",
        "; charset=utf-16",
        "application/json",
        '"',
        "'",
    ),
    *WORDS[18:],
]


def _big_json(size: int) -> dict[str, bytes]:
    text = json.dumps(_PAGE).encode()
    wheels = [_file(f"demo-1.{number}-py3-none-any.whl") for number in range(size // 140)]
    same = [_file("demo-1.0-py3-none-any.whl")] * (size // 140)
    builds = [_file(f"demo-1.0-{number}-py3-none-any.whl") for number in range(size // 140)]
    sdists = [_file(f"demo-{'1' * 200}.{number}.tar.gz") for number in range(size // 500)]
    tags = "-".join([".".join(f"a{number}" for number in range(60))] * 3)
    return {
        "deep arrays": b"[" * size,
        "deep file": b'{"files": [' + b"[" * (size // 2) + b"]" * (size // 2) + b"]}",
        "deep metadata": text.replace(
            b'"broken"', b'{"a":' * (size // 6) + b"1" + b"}" * (size // 6)
        ),
        "fat page": json.dumps({"files": wheels}).encode(),
        "one version": json.dumps({"files": builds}).encode(),
        "one file": json.dumps({"files": same}).encode(),
        "sdists": json.dumps({"files": sdists}).encode(),
        "long filename": text.replace(b"demo-1.0-py3", b"demo-1.0-" + b"p" * size),
        "dashes": text.replace(b"demo-1.0-py3", b"-" * size),
        "many tags": json.dumps(
            {"files": [_file(f"demo-1.{n}-{tags}.whl") for n in range(size // 2000)]}
        ).encode(),
        "long version": text.replace(b"demo-1.0-", b"demo-" + b"1." * (size // 2) + b"1-"),
        "digits": text.replace(b"1000", b"9" * size),
        "long version digits": text.replace(b"demo-1.0-", b"demo-" + b"1" * size + b"-"),
        "long reason": text.replace(b'"broken"', b'"' + b" x" * (size // 2) + b'"'),
        "dots in url": text.replace(b"../../files", b"../" * (size // 3)),
    }


def _big_html(size: int) -> dict[str, bytes]:
    row = (
        b'<a href="demo-1.%d-py3-none-any.whl#sha256='
        + SHA256.encode()
        + b'" data-core-metadata=true>x</a>\n'
    )
    fat = b"".join(row % number for number in range(size // 130))
    return {
        "fat page": b"\n" + fat,
        "never closed": b"\n" + b"<a href=" * (size // 8),
        "one tag": b"\n<a " + b"x" * size,
        "one tag closed": b"\n<a " + b"x " * (size // 2) + b"href=demo-1.0-py3-none-any.whl>",
        "quotes": b"\n<a " + b"\"'" * (size // 2) + b">",
        "attributes": b"\n<a href=demo-1.0-py3-none-any.whl " + b"x=1 " * (size // 4) + b">",
        "spaces": b"\n<a" + b" " * size + b">",
        "spaces and href": b"\n<a " + b" href" * (size // 5) + b">",
        "many spaces and href": b"\n"
        + b"".join([b"<a " + b" href " * 2000 + b">\n"] * (size // 12000)),
        "comments": b"\n" + b"<!--" * (size // 4),
        "closed comments": b"\n" + b"<!---->" * (size // 7) + fat[:200],
        "entities": b"\n<a href=" + b"&#1234567890;" * (size // 13) + b">",
        "percents": b"\n<a href=" + b"%ff" * 5000 + b"-1.0-py3-none-any.whl>",
        "declarations": b"\n" + b"<![" * (size // 3),
        "doctypes": b"\n" + b"<!DOCTYPE [" * (size // 11),
        "open tags": b"\n" + b"<" * size,
        "open ends": b"\n" + b"</" * (size // 2),
        "instructions": b"\n" + b"<?" * (size // 2),
        "scripts": b"\n<script>" + b"</scrip" * (size // 7),
        "lines": b"\n" + b"<a\n" * (size // 3),
    }


TARGETS = (
    Target(
        "page-json",
        "project page, JSON (PEP 691)",
        _json_page,
        ("simple", "index"),
        "json",
        [json.dumps(_PAGE).encode(), json.dumps({"files": [_FILES[0]]}).encode()],
        WORDS,
        _big_json,
    ),
    Target(
        "page-html",
        "project page, HTML (PEP 503)",
        _html_page,
        ("simple_html", "simple"),
        "text",
        [
            _HTML,
            b"text/plain\n<html>links for demo",
            b"application/json\n" + json.dumps(_PAGE).encode(),
        ],
        _TAGS,
        _big_html,
    ),
    Target(
        "release",
        "document of a release",
        _release,
        ("release", "simple"),
        "json",
        [json.dumps(_RELEASE).encode()],
        [*WORDS, '"urls"', '"digests"', '"yanked_reason"', '"requires_python"'],
        lambda size: {
            "deep": b'{"urls":' * (size // 8),
            "fat": json.dumps({"urls": _RELEASE["urls"] * (size // 400)}).encode(),
        },
    ),
    Target(
        "listing",
        "pages that the cache keeps",
        _kept,
        ("index", "simple"),
        "json",
        [
            json.dumps([rows, ["https://index.example/simple"]]).encode()
            for rows in (_LISTING, _SINGLE)
        ]
        + [json.dumps([[["https://index.example/simple", _HTML_PAGE]], []]).encode()],
        [*WORDS, *_TAGS[:6]],
        lambda size: {
            "deep arrays": b"[" * size,
            "fat": json.dumps([_LISTING * (size // 2500), []]).encode(),
        },
    ),
)
