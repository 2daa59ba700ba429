from __future__ import annotations

from html import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micropip_lock.formats.project_page_html import anchor, read_html

HASH = "ab" * 32
HTML = "text/html"


def names(body: str, content_type: str = HTML) -> list[str]:
    return [name for name, _ in read_html(body.encode(), content_type).anchors]


@pytest.mark.parametrize(
    "tag",
    [
        '<a href="/f/demo-1.0.tar.gz">',
        "<a href='/f/demo-1.0.tar.gz'>",
        "<a href=/f/demo-1.0.tar.gz>",
        '<A HREF="/f/demo-1.0.tar.gz" >',
        '<a\n  class="x"\n\thref = "/f/demo-1.0.tar.gz"\r\n>',
        '<a title="a > b" href="/f/demo-1.0.tar.gz">',
        '<a title=\'it"s\' href="/f/demo-1.0.tar.gz">',
        '<a href="/f/demo%2D1.0.tar.gz#sha256=00">',
        '<a href="/f/demo-1.0.tar.gz?a=/b&amp;c#d/e">',
        '<a href="&#47;f&#x2F;demo-1.0.tar.gz">',
        '<a data-requires-python=">=3.8,<4" href="/f/demo-1.0.tar.gz">',
    ],
)
def test_anchors_are_named_by_the_last_part_of_their_path(tag: str) -> None:
    assert names(f"<p>{tag}demo-1.0.tar.gz</a>") == ["demo-1.0.tar.gz"]
    assert "demo" in anchor(tag)["url"]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "a href=x",
        "<abbr href=x>",
        "<a>",
        "<a name=x>",
        "<a href=x",
        '<a href="x>',
        "<!-- <a href=x> -->",
        "<!-- <a href=x>",
        "<!----><!-- --><!-- <a href=x>-->",
        "<link href=x>",
    ],
)
def test_what_is_no_anchor(body: str) -> None:
    assert names(body) == []


def test_comments_end_where_html_ends_them() -> None:
    assert names("<a href=1><!-- <a href=2> --><a href=3><!--><a href=4><!---><a href=5>") == [
        "1",
        "3",
        "4",
        "5",
    ]


def test_a_broken_anchor_does_not_hide_its_neighbours() -> None:
    assert names('<a href="1">1</a> <a href="2>2</a> <a href="3">3</a> <a <a href=4>') == [
        "1",
        "3",
        "4",
    ]


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ("", {}),
        ("data-yanked", {"yanked": True}),
        ('data-yanked=""', {"yanked": True}),
        ('data-yanked="a &amp; b"', {"yanked": "a & b"}),
        ("data-core-metadata", {"core-metadata": True}),
        ('data-core-metadata="true"', {"core-metadata": True}),
        ('data-core-metadata="False"', {"core-metadata": False}),
        (f'data-core-metadata="sha256={HASH}"', {"core-metadata": {"sha256": HASH}}),
        (f'data-dist-info-metadata="sha256={HASH}"', {"core-metadata": {"sha256": HASH}}),
        ('data-dist-info-metadata="sha256=00" data-core-metadata="true"', {"core-metadata": True}),
        ('data-gpg-sig="true" rel="internal"', {}),
    ],
)
def test_attributes_become_keys_of_pep_691(attributes: str, expected: dict[str, object]) -> None:
    assert anchor(f'<a href="x.whl" {attributes}>') == {"url": "x.whl", **expected}


@pytest.mark.parametrize(
    ("fragment", "hashes"),
    [
        (f"sha256={HASH}", {"sha256": HASH}),
        ("md5=00ff", {"md5": "00ff"}),
        (f"egg=x&sha256={HASH}", {"sha256": HASH}),
        ("egg=demo", None),
        ("", None),
    ],
)
def test_the_hash_is_in_the_fragment(fragment: str, hashes: dict[str, str] | None) -> None:
    found = anchor(f'<a href="x.whl#{escape(fragment)}">')
    assert found.get("hashes") == hashes


@pytest.mark.parametrize(
    ("head", "base", "api_version"),
    [
        ("<base href='/a/'><base href='/b/'>", "/a/", None),
        ("<base target=x>", None, None),
        ("<meta name='pypi:repository-version' content='1.4'>", None, "1.4"),
        ("<meta name='pypi:repository-version'>", None, "1.0"),
        ("<meta name='generator' content='2.0'>", None, None),
        ("<!-- <meta name='pypi:repository-version' content='2.0'> -->", None, None),
        ("<![broken", None, None),
    ],
)
def test_what_a_page_says_of_itself(head: str, base: str | None, api_version: str | None) -> None:
    page = read_html(f"{head}<a href=x><base href='/late/'>".encode(), HTML)
    assert (page.base, page.api_version) == (base, api_version)


@pytest.mark.parametrize(
    ("content_type", "encoding"),
    [
        ("text/html", "utf-8"),
        ("text/html; charset=utf-8", "utf-8-sig"),
        ("text/html; charset=iso-8859-1", "latin-1"),
        ("text/html; charset='windows-1252'", "cp1252"),
        ('text/html; Charset="ISO-8859-15"', "iso-8859-15"),
    ],
)
def test_charsets(content_type: str, encoding: str) -> None:
    body = "<a href='dém\u00f6-1.0.zip'>".encode(encoding)
    assert [name for name, _ in read_html(body, content_type).anchors] == ["démö-1.0.zip"]


@pytest.mark.parametrize(
    "charset",
    [
        "none",
        "idna",
        "punycode",
        "undefined",
        "hex",
        "unicode_escape",
        "utf-7",
        "iso-8859-99",
        "mbcs",
        "../x",
    ],
)
def test_odd_charsets_are_read_as_utf_8(charset: str) -> None:
    body = b"<a href='demo-1.0.zip'>\xff" + b"-x" * 500_000
    assert [name for name, _ in read_html(body, f"text/html; charset={charset}").anchors] == [
        "demo-1.0.zip"
    ]


@pytest.mark.parametrize(
    "unit",
    [
        "<a ",
        "<a '",
        '<a "',
        "<a \"'\"'",
        "<a href=",
        "<a href='x",
        " href='",
        "<!--",
        "<!",
        "<![",
        "</",
        "<",
        "<title>",
        "<?",
    ],
)
def test_long_stretches_of_broken_markup_are_read_through(unit: str) -> None:
    page = read_html((unit * (2**19 // len(unit))).encode(), HTML)
    assert len(page.anchors) <= 2**19 // len(unit)
    assert len(read_html(f"<a href=first>{unit * 5000}".encode(), HTML).anchors) >= 1


def test_a_long_tag_is_given_up_and_the_next_is_read() -> None:
    assert names(f"<a title='{'x' * 100_000}' href=1><a href=2>") == ["2"]


@given(
    st.lists(
        st.text(
            st.characters(exclude_characters="\0/?#%\r\n", exclude_categories=["Cs"]), min_size=1
        ),
        max_size=4,
    )
)
def test_escaped_names_come_back(filenames: list[str]) -> None:
    body = "".join(f'<a href="/f/{escape(name)}">{escape(name)}</a>\n' for name in filenames)
    page = read_html(body.encode(), HTML)
    assert [name for name, _ in page.anchors] == filenames
    assert [anchor(tag)["url"] for _, tag in page.anchors] == [f"/f/{name}" for name in filenames]


@given(st.text(alphabet="<a href='\">=!-/#&;x\n\0", max_size=60) | st.text(max_size=60))
def test_nothing_raises(text: str) -> None:
    for _, tag in read_html(text.encode("utf-8", "surrogatepass"), HTML).anchors:
        anchor(tag)
    anchor(text)
