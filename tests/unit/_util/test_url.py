from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from micropip_lock._util.url import (
    bare_url,
    before_query,
    filename,
    is_http,
    is_portable,
    join,
    normalized,
    origin,
    shown,
    shown_filename,
    shown_within,
    site,
    split,
    without_credentials,
    without_query,
    writable,
)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://index.example/simple/", "https://index.example/simple/"),
        ("https://user:secret@index.example/a?token=secret#sha256=0", "https://index.example/a"),
        ("https://secret@index.example:8443/a", "https://index.example:8443/a"),
        ("https://user:se@cret@index.example/a", "https://index.example/a"),
        ("https://user:se/cret@index.example/a", "https://..."),
        ("https://user:se?cret@index.example/a", "https://..."),
        ("https://user:se#cret@index.example/a", "https://..."),
        ("//user:secret@index.example/a", "//index.example/a"),
        ("user:secret@index.example/a", "index.example/a"),
        ("https:user:secret@index.example/a", "index.example/a"),
        ("https://index.example/npm/pkg@1.0/a", "https://index.example/npm/pkg@1.0/a"),
        ("https://[::1]:80/a", "https://[::1]:80/a"),
        ("https://[bad/a", "https://[bad/a"),
        (
            "git+https://user:secret@index.example/a.git@main",
            "git+https://index.example/a.git@main",
        ),
        ("https://index.example/a\nb\x1b[31m", "https://index.example/a?b?[31m"),
        ("data:text/plain;base64,c2VjcmV0", "data:..."),
        ("file:///folder/a.whl", "file:///folder/a.whl"),
        ("a/b@c.whl", "a/b@c.whl"),
        ("", ""),
    ],
)
def test_shown(url: str, expected: str) -> None:
    assert shown(url) == expected


@given(st.text())
def test_nothing_raises(text: str) -> None:
    for function in (
        shown,
        shown_within,
        without_credentials,
        writable,
        is_http,
        is_portable,
        origin,
        without_query,
        before_query,
        filename,
        shown_filename,
        site,
        bare_url,
    ):
        function(text)
        function("https://" + text)
        function("https://us:\ud800@" + text)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("https://user:secret@index.example/a.whl?b=c#d", "https://index.example/a.whl?b=c"),
        ("//user:secret@index.example/a.whl", "//index.example/a.whl"),
        ("//secret@index.example/a.whl", "//index.example/a.whl"),
        ("///user:secret@index.example/a.whl", "///index.example/a.whl"),
        (r"\\user:secret@index.example\a.whl", r"\\index.example\a.whl"),
        ("user:secret@index.example/a.whl", "index.example/a.whl"),
        ("./user:secret@index.example/a.whl", "./index.example/a.whl"),
        ("//user%3asecret%2540index.example/a.whl", "//index.example/a.whl"),
        ("http:/user:secret@index.example/a.whl", "http:/index.example/a.whl"),
        ("ftp://user:secret@index.example/a.whl", "ftp://index.example/a.whl"),
        # What is no userinfo stays.
        ("https://index.example/a:b@c/a.whl", "https://index.example/a:b@c/a.whl"),
        ("pkg@1.0/a.whl", "pkg@1.0/a.whl"),
        ("/folder/a.whl", "/folder/a.whl"),
        ("C:/a.whl", "C:/a.whl"),
    ],
)
def test_writable(name: str, expected: str) -> None:
    assert writable(name) == expected == writable(expected)


#: A password where parsers, browsers or people take it for one, and what is a query or a fragment.
SPELLINGS = [
    "https://us:{}@index.example/simple",
    "https://{}@index.example/simple",
    "https://{}:@index.example/simple",
    "https://us:{}@index.example:8443/simple",
    "https://us:{}@[::1]:8443/simple",
    " \t https://us:{}@index.example/simple ",
    "'https://us:{}@index.example/simple'",
    '"https://us:{}@index.example/simple"',
    " 'https://us:{}@index.example/simple' ",
    "<https://us:{}@index.example/simple>",
    "http:/us:{}@index.example/simple",
    "http:us:{}@index.example/simple",
    "http:///us:{}@index.example/simple",
    "https//us:{}@index.example/simple",
    "https:://us:{}@index.example/simple",
    "https ://us:{}@index.example/simple",
    "://us:{}@index.example/simple",
    "//us:{}@index.example/simple",
    "us:{}@index.example/simple",
    "{}@index.example/simple",
    "HTTPS://us:{}@INDEX.example/simple",
    "http:\\\\us:{}@index.example\\simple",
    "http:/\\us:{}@index.example/simple",
    "\\\\us:{}@index.example\\simple",
    "https://us:{}\\@index.example/simple",
    "https://\tus:{}\n@index.example/simple",
    "ht\ntps://us:{}@index.example/simple",
    "https://us:{}@[bad/simple",
    "https://us:{}@bad]/simple",
    "https://[us:{}@index.example/simple",
    "https://[us:{}]@index.example/simple",
    "https://us:{}@index.example:port/simple",
    "https://us:pa/{}@index.example/simple",
    "https://us:1/{}@index.example/simple",
    "https://us:pa?{}@index.example/simple",
    "https://us:1?{}@index.example/simple",
    "https://us:pa#{}@index.example/simple",
    "https://us:{}/word@index.example/simple",
    "https://us:{}?word@index.example/simple",
    "https://us:{}#word@index.example/simple",
    "https://us:p@ss{}@index.example/simple",
    "https://us:{}@ss@index.example/simple",
    "https://us:{}@index.example/npm/demo@1.0",
    "https%3A%2F%2Fus%3A{}%40index.example%2Fsimple",
    "https%253A%252F%252Fus%253A{}%2540index.example%252Fsimple",
    "https://us%3A{}%40index.example/simple",
    "https://us:{}%40index.example/simple",
    "https://us\uff1a{}\uff20index.example/simple",
    "private=https://us:{}@index.example/simple",
    "--index-url=https://us:{}@index.example/simple",
    "demo @ https://us:{}@index.example/demo.whl",
    "git+https://us:{}@index.example/demo.git@main",
    "ssh://us:{}@index.example/demo.git",
    "s3://us:{}@bucket/simple",
    "https://proxy.example/https://us:{}@index.example/simple",
    "https://proxy.example/https%3A%2F%2Fus%3A{}%40index.example/simple",
    "file:///folder/'https%3A/us%3A{}%40index.example/simple'",
    "file:///folder/https:/us:{}@index.example/simple",
    "/folder/https:/us:{}@index.example/simple",
    "https://index.example/simple?{}",
    "https://index.example/simple?token={}",
    "https://index.example/simple?a=b@c&token={}",
    "https://index.example?{}",
    "https://index.example/simple#{}",
    "https://us:pw@index.example/simple?token={}#fragment",
    "https:/index.example/simple?{}",
    "demo-1.0-py3-none-any.whl?token={}",
    "/folder/demo.whl?token={}",
    "file:///folder/demo.whl#{}",
    "data:text/plain,{}",
]


#: What only the one who knows that it is a URL can tell from other text.
NOT_IN_TEXT = {
    "{}@index.example/simple",
    "https://\tus:{}\n@index.example/simple",
    "data:text/plain,{}",
}


@given(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._~!$&'()*+,;=-]{6,30}[A-Za-z0-9]", fullmatch=True))
def test_no_spelling_shows_a_secret(secret: str) -> None:
    for spelling in SPELLINGS:
        if secret in spelling:
            continue
        url = spelling.format(secret)
        assert secret not in shown(url)
        if spelling not in NOT_IN_TEXT:
            assert secret not in shown_within(f"Cannot read {url!s}: is it there?")
            assert secret not in shown_within(f"(cannot read {url!r})")


@given(st.text(min_size=4))
def test_a_password_of_any_letters_is_not_shown(password: str) -> None:
    url = "https://us:{}@index.example/simple"
    assume(password not in url and password not in "https://...")
    assert password not in shown(url.format(password))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Look at https://us:pw@index.example/a?b, or not.",
            "Look at https://index.example/a, or not.",
        ),
        ("Is it https://index.example/a?", "Is it https://index.example/a?"),
        ("(https://index.example/a#b): no", "(https://index.example/a): no"),
        (
            "pip install 'demo @ https://us:pw@index.example/a'",
            "pip install 'demo @ https://index.example/a'",
        ),
        ("demo[x]@https://us:pw@index.example/a", "demo[x]@https://index.example/a"),
        ("no\n  us:pw@index.example:\n  that", "no\n  index.example:\n  that"),
        ("/home/me@work/a.json, line 3: no TOML", "/home/me@work/a.json, line 3: no TOML"),
        (r"C:\Users\me@work\a.json: no", r"C:\Users\me@work\a.json: no"),
        (
            "demo 1.0: <demo@index.example> wrote it at 12:30",
            "demo 1.0: <demo@index.example> wrote it at 12:30",
        ),
        ("", ""),
    ],
)
def test_shown_within(text: str, expected: str) -> None:
    assert shown_within(text) == expected


@given(
    st.lists(
        st.sampled_from(
            ["https://index.example/a", "http://127.0.0.1:80/b/", "see", "a/b@c.whl", "«x»", "\n"]
        )
    )
)
def test_what_tells_nothing_stays(words: list[str]) -> None:
    assert shown_within(" ".join(words)) == " ".join(words)


@given(st.text(alphabet=st.characters(exclude_characters="/?#@:"), min_size=8))
def test_shown_has_no_password(password: str) -> None:
    assert f":{password}" not in shown(
        f"https://user:{password}@index.example/a?q={password}#{password}"
    )


def test_without_credentials_keeps_the_query() -> None:
    assert without_credentials("https://u:p@index.example/a?b=c#d") == "https://index.example/a?b=c"


@given(
    st.from_regex(r"[\x00-\x20]{0,3}", fullmatch=True), st.sampled_from(["ht\ntp", "http", "HTTPS"])
)
def test_what_is_asked_has_no_userinfo_however_the_url_is_padded(blanks: str, scheme: str) -> None:
    url = f"{blanks}{scheme}://us:\tpw@index.example/a{blanks}"
    assert is_http(url)
    assert without_credentials(url) == f"{scheme}://index.example/a".replace("\n", "")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://INDEX.example:443/a", "https://index.example"),
        ("http://index.example:8080/a", "http://index.example:8080"),
        ("http://[::1]:80/a", "http://[::1]"),
        ("https://index.example:port/", None),
        ("https://us%3Apw%40index.example/", None),
        ("/a", None),
        ("file:///a", None),
    ],
)
def test_origin(url: str, expected: str | None) -> None:
    assert origin(url) == expected


def test_is_http() -> None:
    assert is_http("HTTPS://index.example/") and is_http("http://localhost/")
    assert not any(
        map(
            is_http, ["", "//index.example/", "file:///a", "https://", "httpx://a/", "https://a:b/"]
        )
    )


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/a",
        "http://127.1/a",
        "http://2130706433/a",
        "http://0x7f.1/a",
        "http://[::1]/a",
        "http://[::ffff:127.0.0.1]/a",
        "http://[fe80::1]/a",
        "http://10.0.0.1/a",
        "http://192.168.1.1:8000/a",
        "http://169.254.0.1/a",
        "http://0.0.0.0/a",
        "http://localhost/a",
        "http://localhost./a",
        "http://app.localhost/a",
        "http://printer.local/a",
        "http://index.corp.internal/a",
        "http://intranet/a",
        "relative/a.whl",
        "/a.whl",
        "//index.example/a.whl",
        "file:///a.whl",
        "emfs:/a.whl",
        "https://page.example/a.whl",
        "https://PAGE.example:443/a.whl",
    ],
)
def test_not_portable(url: str) -> None:
    assert not is_portable(url, "https://page.example")


@pytest.mark.parametrize(
    "url", ["https://index.example/a", "http://8.8.8.8/a", "https://page.example:8443/a"]
)
def test_portable(url: str) -> None:
    assert is_portable(url, "https://page.example")
    assert is_portable(url, None)
    assert is_portable(url, "null")


def test_splitting_and_joining_never_raise() -> None:
    assert split("https://host/a?b#c") == urlsplit("https://host/a?b#c")
    assert join("https://host/a/", "b") == "https://host/a/b"
    for odd in ("http://[", "http://[x]/simple", "http://a\u2100b/", "//]"):
        assert split(odd).path == odd and not split(odd).scheme
        assert join("https://host/a/", odd) == odd


@pytest.mark.parametrize(
    ("url", "other"),
    [
        ("https://index.example/a/b.whl", "HTTPS://Index.Example:443/a/b.whl"),
        ("https://index.example/a/b.whl", "https://user:password@index.example/a/b.whl#sha256=1"),
        ("https://index.example/a/b.whl", "https://index.example/a/./x/../b.whl"),
        ("https://index.example/a-1.whl", "https://index.example/a%2D1.whl"),
        ("https://index.example/a.whl?v=1", "https://index.example/./a.whl?v=1"),
    ],
)
def test_spellings_of_one_url_are_normalized_to_one(url: str, other: str) -> None:
    assert normalized(url) == normalized(other) == url


@pytest.mark.parametrize(
    "other",
    [
        "http://h.example/a",
        "https://h.example:8443/a",
        "https://h.example/A",
        "https://h.example//a",
        "/a",
        "[",
    ],
)
def test_urls_of_different_files_stay_different(other: str) -> None:
    assert normalized(other) != normalized("https://h.example/a")
    assert normalized("https://h.example/a%2fb") == normalized("https://h.example/a%2Fb")
    assert normalized("https://h.example/a%2Fb") != normalized("https://h.example/a/b")
    assert normalized("https://h.example/a%2523") != normalized("https://h.example/a%23")
    assert normalized("https://h.example/a?v=1") != normalized("https://h.example/a")


URL = "https://user:secret@Index.example:443/a%20b/./c%2Bd.whl?token=secret#sha256=0"


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (shown, "https://Index.example:443/a%20b/./c%2Bd.whl"),
        (shown_filename, "c%2Bd.whl"),
        (without_credentials, "https://Index.example:443/a%20b/./c%2Bd.whl?token=secret"),
        (without_query, "https://Index.example:443/a%20b/./c%2Bd.whl"),
        (before_query, "https://user:secret@Index.example:443/a%20b/./c%2Bd.whl"),
        (writable, "https://Index.example:443/a%20b/./c%2Bd.whl?token=secret"),
        (normalized, "https://index.example/a%20b/c%2Bd.whl?token=secret"),
        (bare_url, "https://index.example/a%20b/c%2Bd.whl"),
        (origin, "https://index.example"),
        (site, "https://Index.example:443"),
        (filename, "c+d.whl"),
    ],
    ids=lambda item: getattr(item, "__name__", "url"),
)
def test_what_each_function_removes(function: Callable[[str], str], expected: str) -> None:
    assert function(URL) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a/b%20c.whl", "b c.whl"),
        ("a.whl#x?y", "a.whl"),
        ("https://[bad/a.whl?x", "a.whl"),
        ("folder/", ""),
        ("", ""),
    ],
)
def test_filename(name: str, expected: str) -> None:
    assert filename(name) == expected


def test_files_are_compared_without_current_folders() -> None:
    assert bare_url("file:///a/././b.whl") == bare_url("file:///a/b.whl")
    assert bare_url("https://index.example/a/./b.whl?x") == bare_url(
        "HTTPS://index.example/a/b.whl"
    )
