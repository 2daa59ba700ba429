from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from packaging.requirements import Requirement

from micropip_lock.errors import InputError
from micropip_lock.formats.requirement import Wanted, parse_wanted

from ...support.ids import short

HASH, OTHER = "ab" * 32, "0c" * 32
URL = "https://files.example/dir/demo-1.0-py3-none-any.whl"


def refusal(text: str, origin: str | None = None) -> str:
    with pytest.raises(InputError) as caught:
        parse_wanted(text, origin)
    # What -v would show of the cause could hold a password.
    assert caught.value.__cause__ is None and caught.value.__suppress_context__
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "requirement"),
    [
        ("demo", "demo"),
        (
            "  Demo.Pkg[b, a] >= 1.0, < 2 ; python_version > '3'  ",
            "Demo.Pkg[a,b]>=1.0,<2; python_version > '3'",
        ),
        (f"demo @ {URL}", f"demo @ {URL}"),
        (f"demo[x]@{URL}", f"demo[x] @ {URL}"),
        (f"demo @ {URL} ; os_name == 'a\"b'", f"demo @ {URL} ; os_name == 'a\"b'"),
        (URL, f"demo @ {URL}"),
        (f"{URL}; python_version < '4'", f"demo @ {URL} ; python_version < '4'"),
        (f"{URL} ; python_version < '4'", f"demo @ {URL} ; python_version < '4'"),
        (f"{URL}?a;b", f"demo @ {URL}?a;b"),
        (f"{URL}#egg=other[extra]", f"demo @ {URL}"),
        (f"demo @ {URL}#egg=other&subdirectory=x", f"demo @ {URL}"),
        ("http://me:secret@h/My_Pkg-1%2Bl-2-py2.py3-none-any.whl?t=1", None),
        ("demo --config-settings a=b -C c=d -Ce=f --config-settings=g=h", "demo"),
    ],
)
def test_what_is_read(text: str, requirement: str | None) -> None:
    if requirement is None:
        requirement = f"my-pkg @ {text}"
    assert parse_wanted(text) == Wanted(Requirement(requirement))
    assert parse_wanted(text, "a.txt, line 3") == Wanted(
        Requirement(requirement), frozenset(), "a.txt, line 3"
    )


def test_the_name_is_canonical() -> None:
    assert parse_wanted("My__Demo.Pkg>1").name == "my-demo-pkg"
    assert parse_wanted("https://h.example/My.Demo_Pkg-1.0-py3-none-any.whl").name == "my-demo-pkg"


@pytest.mark.parametrize(
    ("text", "hashes"),
    [
        (f"demo --hash=sha256:{HASH}", {HASH}),
        (f"demo --hash sha256:{HASH.upper()}", {HASH}),
        (f"demo\t --hash='sha256:{HASH}'   --hash=sha256:{OTHER}", {HASH, OTHER}),
        (f"demo;os_name=='x' --hash=sha512:{'a' * 128} --hash=sha256:{HASH}", {HASH}),
        (f"{URL}#sha256={HASH}", {HASH}),
        (
            f"demo @ {URL}#egg=demo&sha256={HASH}&md5=00 ; os_name == 'x' --hash=sha256:{OTHER}",
            {HASH, OTHER},
        ),
        (f"{URL}#md5=00 --hash=sha256:{OTHER}", {OTHER}),
        (f"{URL}#", set()),
        (f"{URL}#section", set()),
    ],
)
def test_hashes(text: str, hashes: set[str]) -> None:
    wanted = parse_wanted(text)
    assert wanted.hashes == hashes
    assert wanted.name == "demo" and wanted.requirement.url in (None, URL)


def test_many_hashes_do_not_make_a_line_too_long() -> None:
    digests = {f"{number:064x}" for number in range(200)}
    assert (
        parse_wanted("demo==1 " + " ".join(f"--hash=sha256:{digest}" for digest in digests)).hashes
        == digests
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        (" \t", "is empty"),
        ("foo bar", "'foo bar' is no requirement: "),
        ("demo=1.0", "is no requirement: "),
        ("demo >= banana", "is no requirement: "),
        ("demo:1.0", "is no requirement: "),
        ("demo @ ", "is no requirement: "),
        ("demo\nother", r"'demo\nother' is no requirement"),
        ("demo # why", "is no requirement"),
        ("demo ; python_version", "is no requirement: "),
        (f"demo @ {URL}; os_name == 'x'", "is no requirement: "),
        (f"{URL} ; nonsense", "is no requirement: "),
        ("x" * 5000, "too long"),
        (f"https://me:secret@h.example/{'x' * 5000}", "'https'... is too long"),
        ("demo --hash=sha256:zz", "'zz', which is not 64"),
        (f"demo --hash=sha256:{HASH}0", "not 64"),
        (f"{URL}#sha256={HASH[:-1]}g", "not 64"),
        (f"{URL}#sha256=", "not 64"),
        (f"demo --hash=sha384:{'a' * 96}", "none of sha256, which a lock needs"),
        (f"demo --hash=sha512:{'a' * 128}", "none of sha256, which a lock needs"),
        (f"{URL}#md5={'a' * 32}", "none of sha256, which a lock needs"),
        (f"demo --hash=md5:{'a' * 32} --hash=sha256:{HASH}", "'md5' is none that pip takes"),
        ("demo --hash", "'' is none that pip takes"),
        ("demo --hash sha256=00", "'sha256=00' is none that pip takes"),
        ("demo --hash='sha256:00", "quotation mark"),
        (f"demo --hash=sha256:{HASH} ; os_name == 'x'", "';' stands after the options"),
        ("demo --pre", "'--pre' cannot follow"),
        ("demo -r other.txt", "'-r' cannot follow"),
        ("--pre", "'--pre' is an option"),
        ("--hash=sha256:00", "'--hash' is an option"),
        ("https://h.example/demo-1.0.whl", "is not that of a wheel"),
        ("https://h.example/d%2Fo-1.0-py3-none-any.whl", "is not that of a wheel"),
        ("https://h.example/demo-x-py3-none-any.whl", "is not that of a wheel"),
        (f"https://h.example/demo-1.0-{'a.' * 300}-b-c.whl", "is not that of a wheel"),
        ("https://h.example/", "does not end in .whl"),
        ("demo @ https://h.example/get?file=demo-1.0-py3-none-any.whl", "does not end in .whl"),
        ("https://h.example/demo 1-1.0-py3-none-any.whl", "white space"),
        ("https://h.example/demo\u200b-1.0-py3-none-any.whl", "control characters"),
        (f"other @ {URL}", "names a wheel of demo"),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    assert message in refusal(text)
    told = refusal(text, "reqs/a.txt, line 3")
    assert told == f"reqs/a.txt, line 3: {refusal(text)}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (".", "local"),
        ("..", "local"),
        ("./demo", "local"),
        (".[extra]", "local"),
        ("../demo-1.0-py3-none-any.whl", "local"),
        ("/srv/demo", "local"),
        ("~/demo", "local"),
        ("sub/dir", "local"),
        (r"C:\demo", "local"),
        (r".\demo", "local"),
        (r"sub\demo ; os_name == 'nt'", "local"),
        # PEP 508 has these as names; pip has them as files.
        ("demo-1.0-py3-none-any.whl", "local"),
        ("demo-1.0.tar.gz", "local"),
        ("demo.ZIP[extra] ; os_name == 'x'", "local"),
        ("file:///srv/demo-1.0-py3-none-any.whl", "local"),
        ("file:demo-1.0-py3-none-any.whl", "local"),
        ("demo @ FILE:///srv/demo-1.0-py3-none-any.whl", "local"),
        ("demo @ ./demo-1.0-py3-none-any.whl", "local"),
        ("demo @ C:/demo-1.0-py3-none-any.whl", "local"),
        ("-e .", "editable"),
        ("-e git+https://h.example/demo.git#egg=demo", "editable"),
        ("--editable=./demo", "editable"),
        ("git+https://h.example/demo.git@main#egg=demo", "version control"),
        ("demo @ git+ssh://git@h.example/demo.git", "version control"),
        ("hg+https://h.example/demo", "version control"),
        ("svn://h.example/demo", "version control"),
        ("https://h.example/demo-1.0.tar.gz", "source distribution"),
        ("demo @ https://h.example/archive/main.zip#sha256=00", "source distribution"),
        ("ftp://h.example/demo-1.0-py3-none-any.whl", "http(s) URL"),
        ("demo @ s3://h.example/demo-1.0-py3-none-any.whl", "http(s) URL"),
        ("https:///demo-1.0-py3-none-any.whl", "http(s) URL"),
        ("demo @ https://h.example:port/demo-1.0-py3-none-any.whl", "http(s) URL"),
    ],
)
def test_only_wheels_at_http_urls(text: str, message: str) -> None:
    told = refusal(text)
    assert message in told.partition("A lock can")[0]
    assert told.endswith("build the wheel, put it on a web server and give its URL here.")


SECRET = "s3cret"
PLACES = [
    f"https://{SECRET}@h.example/x",
    f"https://me:{SECRET}@h.example/x",
    f"https://me:{SECRET}/{SECRET}@h.example/x",
    f"https://me:{SECRET} {SECRET}@h.example/x",
    f"https://h.example/x?token={SECRET}",
    f"https://h.example/x#{SECRET}",
    f"git+https://{SECRET}@h.example/x.git",
    f"https://h.example/a https://me:{SECRET}@h.example/x",
    f"https://h.example/{'a' * 110}https:// https://{SECRET}{'y' * 50}@h.example/x",
    f"https:/me:{SECRET}@h.example/x",
    f"me:{SECRET}@h.example/x.whl",
    f"https://me:{SECRET}@h.example/{'x' * 4096}",
    f"https://{'me' * 2048}:{SECRET}@h.example/{'x' * 4096}",
]


FORMS = [
    "{}",
    "demo @ {}",
    "demo[x]@{}",
    "demo @ {} ; nonsense",
    "demo=={}",
    "a b {}",
    "--pre{}",
    "demo --hash={}",
]
FORMS += [
    "demo --hash sha256:00 {}",
    "demo --pre={}",
    "demo --extra-index-url{}",
    "-e {}",
    "({},)",
    "demo '{}'",
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("place", PLACES)
def test_messages_show_no_credentials(form: str, place: str) -> None:
    assert SECRET not in refusal(form.format(place))


def test_messages_stay_short() -> None:
    assert len(refusal("foo " + "x" * 4000)) < 400


def test_a_fragment_is_cut_without_touching_what_others_hold() -> None:
    with_fragment = parse_wanted(f"demo @ {URL}#sha256={HASH}")
    without = parse_wanted(f"demo @ {URL}")
    assert with_fragment.requirement == without.requirement
    assert parse_wanted(f"demo @ {URL}#sha256={HASH}") == with_fragment


TAGS = ".".join(f"t{number}" for number in range(250))
LONG = [
    "a" * 200_000,
    "-" * 200_000,
    "demo " + ":" * 200_000,
    "demo --hash=@" + ":" * 200_000,
    " -\t" * 60_000,
]
LONG += ["demo " + "--hash=sha256: " * 20_000, f"https://h.example/demo-1-{TAGS}-{TAGS}-{TAGS}.whl"]


@pytest.mark.parametrize("text", LONG, ids=short)
def test_long_lines_are_refused(text: str) -> None:
    assert refusal(text)  # with a search that goes back and forth this would not end


@pytest.mark.parametrize(
    "text",
    [
        "demo",
        "Demo[a,b]>=1;python_version>'3'",
        URL,
        f"{URL}; os_name == 'x'",
        f"demo[x] @ {URL}#sha256={HASH}",
    ],
)
def test_pip_reads_the_same(text: str) -> None:
    constructors: Any = pytest.importorskip("pip._internal.req.constructors")
    by_pip, by_us = constructors.install_req_from_line(text), parse_wanted(text).requirement
    assert by_pip.name.lower() == by_us.name.lower()
    assert {*by_pip.extras} == by_us.extras
    assert str(by_pip.markers or "") == str(by_us.marker or "")
    assert (by_pip.link and by_pip.link.url_without_fragment) == by_us.url


PIECES = [
    "demo",
    "[x]",
    ">=1",
    " @ ",
    "https://",
    "h.example/",
    "demo-1.0-py3-none-any.whl",
    ".tar.gz",
    "git+",
    "file:",
]
PIECES += [
    "#",
    "sha256=",
    HASH,
    "&",
    " --hash=",
    "sha256:",
    "sha512:",
    "md5=",
    " ; ",
    "os_name",
    "=='x'",
    "(",
    ")",
    "[",
]
PIECES += [
    "-",
    "-e ",
    "@",
    ":",
    "/",
    "\\",
    "'",
    '"',
    "\n",
    "\t",
    "\0",
    "\ud800",
    "\u2028",
    "é",
    "%2F",
    "%ff",
    "?",
    "1" * 300,
]


@given(
    st.one_of(st.text(), st.lists(st.sampled_from(PIECES), max_size=12).map("".join)),
    st.none() | st.just("a.txt, line 1"),
)
@example("demo ; " + "(" * 1500, None)
@example("demo ; " + "(" * 1500 + "os_name == 'x'" + ")" * 1500, None)
@example("demo==" + "9" * 4080, None)
@example("https://[/demo-1.0-py3-none-any.whl", None)
@example("https://h.example/é-1.0-py3-none-any.whl", None)
@example("demo --hash='\\", None)
def test_any_text_is_read_or_refused(text: str, origin: str | None) -> None:
    try:
        wanted = parse_wanted(text, origin)
    except InputError as error:
        assert str(error).isprintable()
    else:
        assert wanted.origin == origin
        assert (
            Requirement(str(wanted.requirement).replace(";", " ;")).name == wanted.requirement.name
        )
        assert all(len(digest) == 64 and digest == digest.lower() for digest in wanted.hashes)
        assert wanted.requirement.url is None or wanted.requirement.url.lower().startswith(
            ("http://", "https://")
        )
