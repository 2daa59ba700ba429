from __future__ import annotations

import codecs
import io
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from packaging.requirements import Requirement

from micropip_lock.errors import InputError
from micropip_lock.formats.requirement import Wanted, parse_wanted
from micropip_lock.formats.requirements_file import RequirementFiles, read_requirement_files

HASH = "ab" * 32
URL = "https://files.example/demo-1.0-py3-none-any.whl"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that tests stand in, and write their files to."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(**files: str | bytes) -> None:
    """``a="..."`` is a.txt, and ``sub_a="..."`` sub/a.txt."""
    for name, content in files.items():
        path = Path(name.replace("_", "/") + ".txt")
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def read(content: str | bytes) -> RequirementFiles:
    write(a=content)
    return read_requirement_files(["a.txt"])


def told(items: Sequence[Wanted]) -> list[tuple[str, str | None]]:
    return [(str(item.requirement), item.origin) for item in items]


def names(content: str | bytes) -> list[str]:
    return [str(item.requirement) for item in read(content).requirements]


def refusal(
    requirements: Sequence[str | Path], constraints: Sequence[str | Path] = ()
) -> list[str]:
    with pytest.raises(InputError) as caught:
        read_requirement_files(requirements, constraints)
    return str(caught.value).split("\n")


# -- lines


def test_an_ordinary_file() -> None:
    content = f"""\
# what we need
--index-url https://index.example/simple
demo==1.0 \\
    --hash=sha256:{HASH} \\
    # via
    # something

  other[x] >= 2 ; python_version > "3"   # why
{URL}#sha256={HASH}
"""
    found = read(content)
    assert found == RequirementFiles(
        requirements=(
            parse_wanted(f"demo==1.0 --hash=sha256:{HASH}", "a.txt, line 3"),
            parse_wanted("other[x]>=2;python_version>'3'", "a.txt, line 8"),
            parse_wanted(f"{URL} --hash=sha256:{HASH}", "a.txt, line 9"),
        ),
        constraints=(),
        index_url="https://index.example/simple",
        extra_index_urls=(),
        find_links=(),
        no_index=False,
        pre=False,
    )
    assert found.requirements[0].hashes == {HASH}


@pytest.mark.parametrize(
    "content", ["", "\n\n", "# only this", " \t# and this\\\n", "\\", "\\\n", "\ufeff"]
)
def test_files_that_say_nothing(content: str) -> None:
    assert read(content) == RequirementFiles((), (), None, (), (), False, False)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("demo#no-comment", None),
        ("demo #comment", ["demo"]),
        (f"demo @ {URL}#egg=x # comment", [f"demo @ {URL}"]),
        ("demo\\\n==1.0", ["demo==1.0"]),
        ("demo\\\n", ["demo"]),
        ("demo\\\n\\\n==1\\", ["demo==1"]),
        ("demo \\\n# ends here \\\nother", ["demo", "other"]),
        ("# no continuation \\\ndemo", ["demo"]),
        ("demo # no continuation, but joined \\\nother", ["demo"]),
        ("demo\\\n# ends here", ["demo"]),
        ("\\demo\\\n==1", ["demo==1"]),
        ("demo \\ \nother", None),
        ("demo\r\nother\rthird", ["demo", "other", "third"]),
    ],
)
def test_comments_and_continuations(content: str, expected: list[str] | None) -> None:
    if expected is None:
        write(a=content)
        refusal(["a.txt"])
    else:
        assert names(content) == [str(Requirement(text)) for text in expected]


def test_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAME_1", "demo")
    monkeypatch.setenv("EMPTY", "")
    monkeypatch.setenv("lower", "x")
    monkeypatch.setenv("MARK", "# kept")
    assert names("${NAME_1}>=1 # ${NAME_1}") == ["demo>=1"]
    found = read("-i https://${NAME_1}:${EMPTY}${UNSET}${lower}$NAME_1@h.example/${NAME_1}")
    assert found.index_url == "https://demo:${EMPTY}${UNSET}${lower}$NAME_1@h.example/demo"


def test_variables_after_comments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARK", "demo # kept")
    write(a="${MARK}")
    assert "'${MARK}' is no requirement" in refusal(["a.txt"])[0]


@pytest.mark.parametrize(
    "line", ["demo==${TOKEN}", "demo @ http://127.0.0.1/${TOKEN}?t=${TOKEN}", "-f missing/${TOKEN}"]
)
def test_errors_show_variables_as_they_are_written(
    line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "hunter2")
    write(a=line)
    (said,) = refusal(["a.txt"])
    assert said.startswith("a.txt, line 1: ") and "${TOKEN}" in said and "hunter2" not in said


# -- encodings


@pytest.mark.parametrize(
    ("before", "encoding"),
    [
        (b"", "utf-8"),
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
        (b"# -*- coding: latin-1 -*-\n", "latin-1"),
        (b"#!/usr/bin/env pip\r\n# vim: set fileencoding=cp1252 :\r\n", "cp1252"),
        (codecs.BOM_UTF8 + b"# coding: ascii\n", "utf-8"),
    ],
)
def test_encodings(before: bytes, encoding: str) -> None:
    text = "demo ; 'é' == 'é'"
    assert names(before + text.encode(encoding)) == ['demo; "é" == "é"']


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("demo\n# é".encode("latin-1"), "a.txt is not UTF-8 (byte 7)"),
        ("# one\n# two\n# coding: latin-1\n# é".encode("latin-1"), "a.txt is not UTF-8"),
        ("demo # coding: latin-1 é".encode("latin-1"), "a.txt is not UTF-8"),
        (b"# coding: ascii\n\xff", "a.txt is not ASCII"),
        (codecs.BOM_UTF16_LE + b"d", "a.txt is not UTF-16-LE"),
        (b"# coding: klingon\ndemo", "'klingon'"),
        (b"# coding: zlib\ndemo", "'zlib'"),
        (b"# coding: undefined\ndemo", "a.txt is not UNDEFINED"),
    ],
)
def test_what_cannot_be_decoded(content: bytes, message: str) -> None:
    write(a=content)
    [line] = refusal(["a.txt"])
    assert message in line and "UTF-8" in line


# -- files that name files


@pytest.mark.parametrize(
    "spelling",
    ["-r sub/b.txt", "-rsub/b.txt", "--requirement sub/b.txt", "--requirement=sub/b.txt"],
)
def test_nested_requirements(spelling: str, folder: Path) -> None:
    write(
        a=f"demo\n{spelling} # more\nlast",
        sub_b="other\n-r c.txt\n-c ../d.txt",
        sub_c="third",
        d="fourth<4",
    )
    found = read_requirement_files([Path("a.txt")])
    assert told(found.requirements) == [
        ("demo", "a.txt, line 1"),
        ("other", f"{Path('sub/b.txt')}, line 1"),
        ("third", f"{Path('sub/c.txt')}, line 1"),
        ("last", "a.txt, line 3"),
    ]
    assert told(found.constraints) == [("fourth<4", "d.txt, line 1")]
    assert told(read_requirement_files([folder / "a.txt"]).constraints) == [
        ("fourth<4", f"{folder / 'd.txt'}, line 1")
    ]


@pytest.mark.parametrize(
    "spelling", ["-c b.txt", "-cb.txt", "--constraint b.txt", "--constraint=b.txt", "-c 'b.txt'"]
)
def test_nested_constraints(spelling: str) -> None:
    write(b="demo<2", c="demo>1")
    write(a=f"{spelling}\ndemo")
    found = read_requirement_files(["a.txt"], ["c.txt"])
    assert told(found.requirements) == [("demo", "a.txt, line 2")]
    assert told(found.constraints) == [("demo>1", "c.txt, line 1"), ("demo<2", "b.txt, line 1")]


def test_requirements_of_a_constraints_file_are_requirements() -> None:
    write(a="demo<2\n-r b.txt", b="demo[x]")
    found = read_requirement_files([], ["a.txt"])
    assert told(found.constraints) == [("demo<2", "a.txt, line 1")]
    assert told(found.requirements) == [("demo[x]", "b.txt, line 1")]


def test_a_file_can_be_both() -> None:
    write(a="demo<2", b="-r a.txt\n-c ./a.txt")
    found = read_requirement_files(["b.txt"])
    assert told(found.requirements) == told(found.constraints) == [("demo<2", "a.txt, line 1")]


def test_circular_references_name_the_chain() -> None:
    write(
        a="-r b.txt",
        b="demo\n-r ./a.txt\nfoo bar",
        c="-c ../c.txt",
        sub_d="-r ../sub/e.txt",
        sub_e="-c d.txt",
    )
    message = "b.txt, line 2: a.txt leads back to itself: a.txt -> b.txt -> a.txt. "
    found = refusal(["a.txt"])
    assert len(found) == 2
    assert found[0].startswith(message) and found[1].startswith("b.txt, line 3: 'foo bar'")
    d, e = Path("sub/d.txt"), Path("sub/e.txt")
    assert f"{d} -> {e} -> {d}." in refusal([d])[0]
    write(c="-c c.txt")
    assert "c.txt -> c.txt" in refusal(["c.txt"])[0]
    write(c=f"-r {Path('c.txt').absolute()}")
    assert "c.txt, line 1: " in refusal(["c.txt"])[0]


def test_many_routes_to_one_file() -> None:
    for number in range(60):
        Path(f"{number}.txt").write_text(
            f"demo{number}\n" + f"-r {number + 1}.txt\n-c {number + 1}.txt\n" * 20
        )
    write(**{"60": "last\n"})
    found = read_requirement_files(["0.txt", "./0.txt"], ["0.txt"])
    assert len(found.requirements) == len(found.constraints) == 61


def test_the_last_index_counts_whatever_the_route() -> None:
    write(a="-i https://a.example", b="-i https://b.example\n-r c.txt", c="demo")
    for order, last in [
        ("aba", "a"),
        ("abab", "b"),
        ("abc", "b"),
        ("bac", "a"),
        ("bc", "b"),
        ("acac", "a"),
    ]:
        write(d="".join(f"-r {name}.txt\n" for name in order))
        assert read_requirement_files(["d.txt"]).index_url == f"https://{last}.example"
        assert (
            read_requirement_files([f"{name}.txt" for name in order]).index_url
            == f"https://{last}.example"
        )


def test_a_long_chain_is_no_recursion_error() -> None:
    for number in range(150):
        Path(f"{number}.txt").write_text(f"demo\n-r {number + 1}.txt\n")
    assert any("More than 100 files name one another" in line for line in refusal(["0.txt"]))


@pytest.mark.skipif(sys.platform == "win32", reason="symbolic links need rights there")
def test_loops_of_symbolic_links_end() -> None:
    Path("x").symlink_to(".")
    Path("y").symlink_to(".")
    write(a="-r x/a.txt\n-r y/a.txt\ndemo")
    assert any("1000 files name still more" in line for line in refusal(["a.txt"]))


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("missing.txt", "Cannot read missing.txt: No such file"),
        ("sub", "sub is a folder"),
        (".", "is a folder"),
        ("nul\0.txt", "Cannot read 'nul\\x00.txt'"),
        ("x" * 5000, "Cannot read xxx"),
        ("https://me:s3cret@h.example/a.txt?token=s3cret", "https://h.example/a.txt is a URL"),
        ("HTTP://h.example/a.txt", "Download it first"),
        ("git+ssh://h.example/a.txt", "Download it first"),
        ("file:///srv/a.txt", "Name it as a path"),
    ],
)
def test_files_that_cannot_be_read(place: str, message: str) -> None:
    Path("sub").mkdir()
    for found in (refusal([place]), refusal([], [place])):
        assert message in found[0]
    for option in ("-r", "--constraint"):
        write(a=f"demo\n{option} {place}\n-r gone.txt")
        found = refusal(["a.txt"])
        assert found[0].startswith("a.txt, line 2: ") and message in found[0]
        assert found[1].startswith("a.txt, line 3: Cannot read gone.txt")
        assert "s3cret" not in "".join(found)


def test_an_empty_name() -> None:
    assert "empty name" in refusal([""])[0]


# -- standard input


class Stdin(SimpleNamespace):
    """What sys.stdin is when something is piped in."""


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    write(b="other", sub_c="third")
    monkeypatch.setattr(
        sys, "stdin", Stdin(buffer=io.BytesIO("demo # é\n-r b.txt\n-c sub/c.txt\n".encode()))
    )
    found = read_requirement_files(["-"])
    assert told(found.requirements) == [
        ("demo", "standard input, line 1"),
        ("other", "b.txt, line 1"),
    ]
    assert told(found.constraints) == [("third", f"{Path('sub/c.txt')}, line 1")]


def test_standard_input_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    write(sub_a="-r -")
    monkeypatch.setattr(sys, "stdin", Stdin(buffer=io.BytesIO(b"demo\n")))
    found = read_requirement_files(["-", "sub/a.txt", "-"], ["-"])
    assert (
        told(found.requirements) == told(found.constraints) == [("demo", "standard input, line 1")]
    )


def test_errors_in_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Stdin(buffer=io.BytesIO(b"foo bar\n-r -\n")))
    found = refusal(["-"])
    assert found[0].startswith("standard input, line 1: 'foo bar'")
    assert "standard input -> standard input" in found[1]
    monkeypatch.setattr(sys, "stdin", None)
    assert "no standard input" in refusal(["-"])[0]


# -- options


def test_indexes_and_links(folder: Path) -> None:
    write(
        sub_a=(
            "--extra-index-url https://x.example\n-i https://a.example\n-f "
            "links\n--find-links=../here.html"
        )
    )
    write(
        a="--index-url=https://b.example --extra-index-url=https://y.example --pre\n-r sub/a.txt\n"
    )
    write(
        b="--pypi-url https://c.example\n--extra-index https://x.example\n"
        "-f https://links.example/p\n-f links\n-f links\n"
    )
    for name in ("sub/links", "links", "index"):
        Path(name).mkdir()
    Path("here.html").touch()
    found = read_requirement_files(["a.txt", "b.txt"])
    # pip would have forgotten the extra indexes at each -i
    assert found.extra_index_urls == ("https://y.example", "https://x.example")
    assert found.index_url == "https://c.example"
    assert found.find_links == (
        (folder / "sub" / "links").as_uri(),
        (folder / "here.html").as_uri(),
        "https://links.example/p",
        (folder / "links").as_uri(),
    )
    assert found.pre and not found.no_index
    assert read_requirement_files(["b.txt", "a.txt"]).index_url == "https://a.example"
    assert read_requirement_files(["b.txt"], ["a.txt"]) == read_requirement_files(
        ["a.txt", "b.txt"]
    )


def test_relative_places(folder: Path) -> None:
    for name in ("sub/index", "index", "only", "sub"):
        Path(name).mkdir(parents=True, exist_ok=True)
    write(sub_a="-i index\n--extra-index-url=./only\n-f only\n-f index\n-f file:///x\n")
    found = read_requirement_files(["sub/a.txt"])
    # as in pip, indexes count from where we stand, and links from the file first
    assert found.index_url == (folder / "index").as_uri()
    assert found.extra_index_urls == ((folder / "only").as_uri(),)
    assert found.find_links == (
        (folder / "only").as_uri(),
        (folder / "sub" / "index").as_uri(),
        "file:///x",
    )


def test_credentials_are_kept_for_those_who_ask_the_index() -> None:
    assert read("-i https://me:s3cret@h.example/").index_url == "https://me:s3cret@h.example/"


def test_no_index() -> None:
    Path("links").mkdir()
    lines = [
        "--no-index",
        "-i https://a.example",
        "--extra-index-url https://b.example",
        "-f links",
        "demo",
    ]
    for content in ("\n".join(lines), "\n".join(reversed(lines))):
        found = read(content)
        assert (found.no_index, found.index_url, found.extra_index_urls) == (True, None, ())
        assert len(found.find_links) == len(found.requirements) == 1


@pytest.mark.parametrize(
    "option",
    [
        "--only-binary :all:",
        "--only-binary=demo,other",
        "--no-binary :none:",
        "--prefer-binary",
        "--trusted-host h.example",
        "--no-require-hashes",
        "--use-feature=fast-deps",
        "--no-cache-dir",
        "--only-final=:none:",
        "--all-releases=:none:",
        "--config-settings a=b",
        "--prefer-b --trusted-host=x --trusted-host y",
    ],
)
def test_options_that_change_nothing(option: str) -> None:
    wanted = (parse_wanted("demo", "a.txt, line 2"),)
    assert read(f"{option}\ndemo") == RequirementFiles(wanted, (), None, (), (), False, False)


def test_hashes_can_be_demanded() -> None:
    assert read("--require-hashes\ndemo").require_hashes
    assert not read("demo").require_hashes
    write(b="--require-hashes")
    assert read("-c b.txt").require_hashes


@pytest.mark.parametrize("option", ["--pre", "--all-releases :all:", "--all-releases=:all: --pre"])
def test_prereleases(option: str) -> None:
    assert read(option).pre
    write(b=option)
    assert read("-c b.txt").pre


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--no-binary :all:", "--no-binary cannot be obeyed"),
        ("--no-binary=demo", "--no-binary cannot be obeyed"),
        ("--all-releases demo", "Use --pre"),
        ("--only-final :all:", "--only-final cannot be obeyed"),
        ("-e .", "editable"),
        ("-e git+https://me:s3cret@h.example/x", "editable"),
        ("--editable=./demo", "editable"),
        ("--frobnicate", "no such option: --frobnicate"),
        ("--frobnicate=s3cret", "no such option: --frobnicate"),
        ("--extra-index-urlhttps://me:s3cret@h.example/", "no such option: --extra-index-url"),
        ("-x", "no such option: -x"),
        ("--process-dependency-links", "no such option"),
        ("--re a.txt", "ambiguous option: --re"),
        ("-r", "-r"),
        ("--index-url", "--index-url"),
        ("--index-url=", "-i has an empty value"),
        ("--requirement ''", "-r has an empty value"),
        ("--no-index=yes", "--no-index"),
        ("-i 'https://me:s3cret@h.example/", "quotation mark"),
        ("-i https://me:s3cret@h.example/ s3cret", "more than the options"),
        ("-r my file.txt", "more than the options"),
        ("-", "more than the options"),
        ("-- demo", "more than the options"),
        ("-r b.txt -r c.txt", "a line of its own"),
        ("-r b.txt -c c.txt", "a line of its own"),
        ("-c b.txt --pre", "a line of its own"),
        (f"--hash=sha256:{HASH}", "--hash without a requirement"),
        ("-f missing", "missing is neither a URL nor"),
        ("-i ./missing", "./missing is neither a URL nor"),
        ("-i nul\0", "neither a URL nor"),
        ("-f me:s3cret@h.example/x", "neither a URL nor"),
        ("demo --no-binary demo", "'--no-binary' cannot follow"),
    ],
)
def test_lines_that_cannot_be_used(line: str, message: str) -> None:
    write(a=f"demo\n\n{line}\n", b="", c="")
    [found] = refusal(["a.txt"])
    assert found.startswith("a.txt, line 3: ")
    assert message in found and "s3cret" not in found


def test_a_constraint_has_no_extras() -> None:
    write(a=f"demo[x,b]<2\nother\ndemo[y] @ {URL}\n{URL}\ndemo --hash=sha256:{HASH}")
    found = refusal([], ["a.txt"])
    assert [line.partition(":")[0] for line in found] == ["a.txt, line 1", "a.txt, line 3"]
    assert "without [b,x]" in found[0]
    write(a=f"{URL}\ndemo --hash=sha256:{HASH}")
    constraints = read_requirement_files([], ["a.txt"]).constraints
    assert [(item.requirement.url, item.hashes) for item in constraints] == [
        (URL, frozenset()),
        (None, frozenset({HASH})),
    ]


def test_all_problems_are_told_at_once() -> None:
    write(
        a="demo\nfoo bar\n-r b.txt\n-r b.txt\n--nope\n",
        b="\n./local\ndemo @ git+https://me:s3cret@h.example/x\n",
    )
    write(c="demo[x]\n-r missing.txt")
    found = refusal(["a.txt", "gone.txt"], ["c.txt"])
    assert [re.split(r": |\.txt: ", line)[0] for line in found] == [
        "c.txt, line 1",
        "c.txt, line 2",
        "a.txt, line 2",
        "b.txt, line 2",
        "b.txt, line 3",
        "a.txt, line 5",
        "Cannot read gone",
    ]
    assert "s3cret" not in "".join(found)


def test_a_problem_on_two_routes_is_told_once() -> None:
    write(a="foo bar", b="-r a.txt\n-c a.txt")
    assert len(refusal(["b.txt"], ["a.txt"])) == 1


# -- beside pip itself


def by_pip(place: str, constraint: bool = False) -> list[tuple[str, int, bool, dict[str, Any]]]:
    """pip's own reading: text, number of the line, whether it is a constraint, hashes."""
    req_file: Any = pytest.importorskip("pip._internal.req.req_file")
    found = req_file.parse_requirements(place, session=None, constraint=constraint)
    return [
        (
            item.requirement,
            int(re.search(r"\(line (\d+)\)$", item.comes_from)[1]),  # type: ignore[index]
            item.constraint,
            (item.options or {}).get("hashes", {}),
        )
        for item in found
    ]


def expected_by_pip(place: str, constraint: bool = False) -> tuple[list[Any], list[Any]]:
    both: tuple[list[Any], list[Any]] = ([], [])
    for text, line, is_constraint, hashes in by_pip(place, constraint):
        wanted = parse_wanted(text)
        item = (wanted.requirement, line, wanted.hashes | {*hashes.get("sha256", ())})
        if item not in both[is_constraint]:
            both[is_constraint].append(item)
    return both


def by_us(files: RequirementFiles) -> tuple[list[Any], list[Any]]:
    both: Any = tuple(
        [
            (item.requirement, int((item.origin or "").rpartition(" ")[2]), item.hashes)
            for item in items
        ]
        for items in (files.requirements, files.constraints)
    )
    return (both[0], both[1])


@pytest.mark.parametrize("constraint", [False, True])
def test_pip_reads_a_tree_of_files_alike(constraint: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERSION", "7")
    write(
        a=(
            f"# top\ndemo==1 \\\n  --hash=sha256:{HASH} \\\n  --hash sha256:{'01' * 32}\n-r "
            "sub/b.txt\n-c sub/c.txt\n"
        ),
        sub_b=(
            "-c c.txt\n--pre\nother>=${VERSION},<8 ; os_name=='x' # why\n\\\nthird\\\n!=3\n-r "
            "../d.txt\n"
        ),
        sub_c=f"fourth<4\n-r ../d.txt\n-c ../e.txt\n{URL}#sha256={HASH}\n",
        d="\ufefffifth\n--requirement=e.txt\n",
        e="# -*- coding: latin-1 -*-\nsixth ; 'é' != 'x'\n".encode("latin-1"),
    )
    ours = (
        read_requirement_files([], ["a.txt"]) if constraint else read_requirement_files(["a.txt"])
    )
    assert by_us(ours) == expected_by_pip("a.txt", constraint)
    assert len(ours.requirements) >= 2 and len(ours.constraints) >= 3


PIECES = [
    "demo",
    "==1",
    ">0",
    "[x]",
    ";os_name=='x'",
    " ",
    "  ",
    "\t",
    "\\",
    "\\\n",
    "\n",
    "\n",
    "\n",
    "\r\n",
    "#",
    " # note",
]
PIECES += [
    "# note \\",
    "other",
    "${SET}",
    "${UNSET}",
    "$SET",
    "${SET",
    "\x0b",
    "\x1c",
    "\u2028",
    "\xa0",
    "é",
]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=16).map("".join))
@example("demo \\\n# note \\\nother\\\n")
@example("demo${SET}\\\n${UNSET}#\n#\\\ndemo")
def test_pip_sees_the_same_lines(content: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SET", ">=2")
        Path("a.txt").write_text(content, encoding="utf-8", newline="")
        lines = by_pip("a.txt")
        problems: list[str] = []
        wanted: list[Any] = []
        for text, line, _, _ in lines:
            try:
                wanted.append((parse_wanted(text).requirement, line, frozenset()))
            except InputError:
                problems.append(f"a.txt, line {line}")
        try:
            found = by_us(read_requirement_files(["a.txt"]))[0]
        except InputError as error:
            assert [text.partition(":")[0] for text in str(error).split("\n")] == problems
        else:
            assert found == wanted and not problems


HOSTILE = [
    "-r ",
    "-c ",
    "a.txt",
    "b.txt",
    "\n",
    "\\\n",
    "-i",
    "--",
    "=",
    "'",
    '"',
    "#",
    "${HOME}",
    "$",
    "\0",
    "é",
    "\ud800",
]
HOSTILE += [
    "--hash=sha256:",
    "-e ",
    "--pre",
    "https://",
    "h.example",
    "@",
    "demo",
    " ",
    "..",
    "/",
    "-f",
    ":all:",
    "\u2028",
]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.one_of(
        st.binary(),
        st.text().map(str.encode),
        st.lists(st.sampled_from(HOSTILE), max_size=12).map("".join),
    )
)
def test_any_file_is_read_or_refused(content: str | bytes) -> None:
    write(
        a=content if isinstance(content, bytes) else content.encode(errors="surrogatepass"),
        b="-r a.txt\ndemo",
    )
    try:
        found = read_requirement_files(["a.txt"], ["b.txt"])
    except InputError as error:
        assert str(error)
    else:
        assert all(item.origin for item in (*found.requirements, *found.constraints))
