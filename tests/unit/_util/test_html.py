"""HTML of results: well-formed, escaped, readable without colours."""

from __future__ import annotations

import base64
import json
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from micropip_lock import Evidence, FreezeResult, Problem
from micropip_lock._util import html as display
from micropip_lock._util.progress import Tally
from micropip_lock.operations.sync.plan import Plan, Step

from ...support.freezing import base_lock, entry

HOSTILE = "<script>alert('x')</script>\"&"


def parsed(html: str) -> ElementTree.Element:
    """The elements; HTML of ours is XML as well."""
    return ElementTree.fromstring(f"<root>{html}</root>")


def texts(html: str, tag: str) -> list[str]:
    return ["".join(element.itertext()) for element in parsed(html).iter(tag)]


def evidence(name: str, **changes: Any) -> Evidence:
    known = Evidence(
        name,
        "1.0",
        "index",
        "content",
        f"https://files.example/{name}-1.0-py3-none-any.whl",
        "0" * 64,
    )
    return replace(known, **{"size": 1000, "index": "https://index.example/simple", **changes})


def result(*items: Evidence, **more: Any) -> FreezeResult:
    return FreezeResult(base_lock(*(entry(item.package) for item in items)), items, **more)


def test_a_result() -> None:
    warning = Problem("yanked", "old", "1.0", "it was yanked.", "Take a newer one.")
    left_out = (("pip", "26.0", "a tool"),)
    it = result(
        evidence("big", size=5_000_000), evidence("old"), warnings=(warning,), left_out=left_out
    )
    html = it._repr_html_()
    assert texts(html, "caption") == ["2 packages"]
    rows = [["".join(cell.itertext()) for cell in row] for row in parsed(html).iter("tr")]
    assert rows == [
        ["package", "version", "size", "proof", "origin"],
        ["big", "1.0", "5.0 MB", "content", "index index.example"],
        ["old", "1.0", "1.0 kB", "content", "index index.example"],
    ]
    assert {cell.get("scope") for cell in parsed(html).iter("th")} == {"col", "row"}
    assert texts(html, "p")[:2] == ["left out: pip 26.0: a tool", it.summary]
    assert texts(html, "summary") == ["Sizes", "1 warning"]
    assert "old 1.0: it was yanked. yanked" in texts(html, "li")[0]
    (picture,) = parsed(html).iter("svg")
    assert picture.get("aria-label") == "Sizes: big 5.0 MB, old 1.0 kB"
    assert [bar.get("width") for bar in picture.iter("rect")] == ["260", "1"]


def test_the_link_has_the_lock_in_it() -> None:
    it = result(evidence("one"))
    (link,) = parsed(it._repr_html_()).iter("a")
    assert link.get("download") == "pyodide-lock.json"
    kind, _, data = (link.get("href") or "").partition(",")
    assert kind == "data:application/json;base64"
    assert json.loads(base64.b64decode(data)) == it.lockfile.to_dict()


def test_sizes_of_what_is_installed_where_those_of_wheels_are_unknown() -> None:
    it = result(
        evidence("one", size=None, installed_size=2_000_000),
        evidence("two", size=None, installed_size=None),
    )
    assert [row for row in texts(it._repr_html_(), "td") if row in ("2.0 MB", "")] == ["2.0 MB", ""]
    assert not list(parsed(it._repr_html_()).iter("svg"))  # one bar is no picture


def test_many_packages() -> None:
    it = result(*(evidence(f"p{number:03}", size=number * 1000) for number in range(1, 101)))
    html = it._repr_html_()
    assert texts(html, "summary") == ["40 more packages", "Sizes"]
    assert len(list(parsed(html).iter("tr"))) == 102
    (picture,) = parsed(html).iter("svg")
    words = ["".join(element.itertext()) for element in picture.iter("text")]
    assert words[0] == "p100" and words[-2] == "88 others"


def test_hostile_words_stay_words() -> None:
    it = FreezeResult(
        base_lock(entry("x", HOSTILE)),  # no key of a lock can be hostile
        (
            evidence(
                HOSTILE,
                version=HOSTILE,
                claim=HOSTILE,
                url=f"https://h{HOSTILE}.example/x",
                index=None,
            ),
        ),
        warnings=(Problem(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE),),
        left_out=((HOSTILE, HOSTILE, HOSTILE),),
    )
    assert not list(parsed(it._repr_html_()).iter("script"))
    tally = Tally(lambda it: None)
    tally.begin(HOSTILE).expect(3)
    link = display.download(HOSTILE, b"", "x", url=HOSTILE)
    for html in (
        display.transfers(tally),
        display.bar(1, 2, HOSTILE),
        link,
    ):
        assert not list(parsed(html).iter("script"))
        assert "<script" not in html


def test_no_colours_and_no_scripts() -> None:
    """What is there fits a light and a dark page."""
    html = result(evidence("one"), evidence("two"))._repr_html_()
    assert not re.search(
        r"#[0-9a-f]{3}|rgb|white|black|<script|onclick|javascript:", html, re.IGNORECASE
    )


def test_bars_of_transfers() -> None:
    tally = Tally(lambda it: None)
    for number in range(15):
        item = tally.begin(f"file-{number}.whl")
        item.expect(100)
        item.advance(number)
    html = display.transfers(tally)
    bars = list(parsed(html).iter("progress"))
    assert len(bars) == 13
    assert (bars[0].get("value"), bars[0].get("max")) == ("105", "1500")
    assert texts(html, "div")[-1] == "and 3 more files"
    tally.begin("unknown").advance(3)
    assert "and 4 more files" in display.transfers(tally)


def test_a_bar_of_packages() -> None:
    html = display.bar(3, 7, "demo")
    (bar,) = parsed(html).iter("progress")
    assert (bar.get("value"), bar.get("max")) == ("3", "7")
    assert "3 of 7 demo" in "".join(parsed(html).itertext())


def test_plain_text() -> None:
    it = result(evidence("one"), evidence("longer"), left_out=(("pip", None, "a tool"),))
    assert repr(it) == "<FreezeResult: 2 packages locked: no request instead of 2.0 kB of wheels.>"
    assert str(it).splitlines() == [
        "one     1.0  content  index index.example",
        "longer  1.0  content  index index.example",
        "left out: pip: a tool",
        it.summary,
    ]


@pytest.mark.parametrize("html", ["_repr_html_", "__str__"])
def test_a_plan(html: str) -> None:
    steps = (
        Step("install", "a", None, "1.0"),
        Step("replace", "b", "1.0", "2.0"),
        Step("keep", "c", "1.0", "1.0"),
    )
    said = getattr(Plan(steps, imported=("b",)), html)()
    summary = "2 changes of 3 packages. Start anew to use the new b: the old is in memory."
    for line in (
        "+ a 1.0",
        "~ b 1.0 -> 2.0",
        summary,
    ):
        assert (line if html == "__str__" else display.paragraph(line)) in said
    assert repr(Plan(())) == "<Plan: The environment is what the lock says.>"


def test_a_result_is_written_as_it_is_shown(tmp_path: Path) -> None:
    it = result(evidence("one"))
    it.write(tmp_path / "pyodide-lock.json")
    assert (tmp_path / "pyodide-lock.json").read_text() == it.to_json()
