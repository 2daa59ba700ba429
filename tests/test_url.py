from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micropip_lock.url import is_http, is_portable, origin, shown, without_credentials


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
        ("git+https://user:secret@index.example/a.git@main", "git+https://index.example/a.git@main"),
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
    for function in (shown, without_credentials, is_http, is_portable, origin):
        function(text)
        function("https://" + text)


@given(st.text(alphabet=st.characters(exclude_characters="/?#@:"), min_size=8))
def test_shown_has_no_password(password: str) -> None:
    assert f":{password}" not in shown(f"https://user:{password}@index.example/a?q={password}#{password}")


def test_without_credentials_keeps_the_query() -> None:
    assert without_credentials("https://u:p@index.example/a?b=c#d") == "https://index.example/a?b=c"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://INDEX.example:443/a", "https://index.example"),
        ("http://index.example:8080/a", "http://index.example:8080"),
        ("http://[::1]:80/a", "http://[::1]"),
        ("https://index.example:port/", None),
        ("/a", None),
        ("file:///a", None),
    ],
)
def test_origin(url: str, expected: str | None) -> None:
    assert origin(url) == expected


def test_is_http() -> None:
    assert is_http("HTTPS://index.example/") and is_http("http://localhost/")
    assert not any(map(is_http, ["", "//index.example/", "file:///a", "https://", "httpx://a/", "https://a:b/"]))


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


@pytest.mark.parametrize("url", ["https://index.example/a", "http://8.8.8.8/a", "https://page.example:8443/a"])
def test_portable(url: str) -> None:
    assert is_portable(url, "https://page.example")
    assert is_portable(url, None)
    assert is_portable(url, "null")
