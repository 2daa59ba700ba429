"""``micropip-lock diff``: exit statuses, documents, and what people read."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from micropip_lock.cli.diff import diff_command
from micropip_lock.cli.main import micropip_lock

from ...support import runtimes
from ...support.freezing import base_document, entry
from .conftest import Done, Run

#: What would steer a terminal, or end a cell, a code span, a line or a table.
EVIL = "1.0\x1b]0;title\x07\x9b2J\r\n|`<script>@everyone #1 [bold]x[/] \\| www.evil.example \u202e"


def write(path: Path, *entries: dict[str, Any], **extra: Any) -> Path:
    """Write a lock."""
    path.write_text(json.dumps(base_document(*entries, **extra)))
    return path


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return write(tmp_path / "old.json", entry("demo"), entry("gone"), entry("same"))


@pytest.fixture
def new(tmp_path: Path) -> Path:
    return write(tmp_path / "new.json", entry("demo", "2.0"), entry("same"))


def test_every_flag_exists(run: Run) -> None:
    names = {name for parameter in diff_command.params for name in parameter.opts}
    assert {"--markdown", "--json", "--quiet", "--color"} <= names
    assert "diff" in run("--help").out


def test_exit_status(run: Run, old: Path, new: Path, tmp_path: Path) -> None:
    assert run("diff", old, new).status == 1
    done = run("diff", old, old)
    assert (done.status, done.out, done.err) == (0, "No difference: 3 packages.\n", "")
    assert run("diff", old).status == 2
    assert run("diff", old, new, "--json", "--markdown").status == 2
    assert run("diff", "-", "-").status == 2
    absent = run("diff", old, tmp_path / "absent.json")
    assert absent.status == 2 and "absent.json" in absent.err
    (tmp_path / "odd.json").write_text("[]")
    assert run("diff", tmp_path / "odd.json", new).status == 2
    assert run("diff", tmp_path / "odd.json", new, "--json").json["error"] == "input"


def test_text_is_the_result(run: Run, old: Path, new: Path) -> None:
    done = run("diff", old, new)
    assert done.err == ""
    assert done.out.splitlines() == [
        "1 package: removed",
        "  - gone 1.0",
        "1 package: other version",
        "  ~ demo 1.0 -> 2.0  the same bytes",
        "1 removed, 1 with another version, 1 unchanged.",
    ]
    quiet = run("diff", old, new, "--quiet")
    assert (quiet.status, quiet.out, quiet.err) == (1, "", "")


def test_only_the_base_differs(run: Run, old: Path, tmp_path: Path) -> None:
    document = json.loads(old.read_bytes())
    document["info"]["abi_version"] = "2025_0"
    (tmp_path / "other.json").write_text(json.dumps({**document, "tool": {"who": 1}}))
    done = run("diff", old, tmp_path / "other.json")
    assert (done.status, done.out.splitlines()) == (
        1,
        ["base abi_version  2026_0 -> 2025_0", "also  tool.who", "No package differs."],
    )


def test_colours(run: Run, old: Path, new: Path) -> None:
    assert "\x1b[31m" in run("diff", old, new, "--color", "always").out
    assert "\x1b" not in run("diff", old, new).out + run("diff", old, new, "--color", "never").out


def test_json(run: Run, old: Path, new: Path) -> None:
    done = run("diff", old, new, "--json")
    assert (done.status, done.err) == (1, "")
    assert done.json.keys() == {"equal", "base", "other", "packages", "totals"}
    demo = done.json["packages"][0]
    assert demo.keys() == {"package", "kind", "old", "new", "depends", "imports", "keys"}
    assert (demo["package"], demo["kind"], demo["old"]["version"]) == ("demo", "version", "1.0")
    assert run("diff", old, old, "--json").json["equal"] is True


def test_other_bytes_are_loud(run: Run, old: Path, tmp_path: Path) -> None:
    forged = write(
        tmp_path / "forged.json", entry("demo", sha256="a" * 64), entry("gone"), entry("same")
    )
    assert (
        "OTHER BYTES" in run("diff", old, forged).out
        and "find out why" in run("diff", old, forged).out
    )
    assert "[!CAUTION]" in run("diff", old, forged, "--markdown").out
    # Pyodide packs its own anew for each release, but an index never does.
    moved = json.loads(forged.read_bytes())
    moved["info"]["abi_version"] = "2025_0"
    forged.write_text(json.dumps(moved))
    assert "find out why" not in run("diff", old, forged).out
    assert "[!CAUTION]" not in run("diff", old, forged, "--markdown").out
    moved["packages"]["demo"]["file_name"] = "https://files.example/demo-1.0-py3-none-any.whl"
    forged.write_text(json.dumps(moved))
    assert "find out why" in run("diff", old, forged).out
    assert "[!CAUTION]" in run("diff", old, forged, "--markdown").out


def test_long_groups_are_paragraphs_that_break_between_packages(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    full = write(tmp_path / "full.json", *(entry(f"package-{number:02}") for number in range(30)))
    text = run("diff", full, write(tmp_path / "empty.json")).out
    lines = text.splitlines()
    assert lines[0] == "30 packages: removed"
    assert all(len(line) <= 40 for line in lines) and len(lines) == 17
    assert re.findall(r"package-\d\d 1\.0", text) == [
        f"package-{number:02} 1.0" for number in range(30)
    ]


def test_what_changed_beside_is_not_lost_in_a_paragraph(run: Run, tmp_path: Path) -> None:
    names = [f"package-{number:02}" for number in range(30)]
    first = write(tmp_path / "first.json", *(entry(name) for name in names))
    changed = [
        entry(name, sha256="f" * 64, depends=names[:1] if name == names[7] else [])
        for name in names
    ]
    second = json.loads(write(tmp_path / "second.json", *changed).read_bytes())
    second["info"]["abi_version"] = "2025_0"
    (tmp_path / "second.json").write_text(json.dumps(second))
    text = run("diff", first, tmp_path / "second.json").out
    assert "\n  ! package-07 1.0  sha256" in text and "depends +package-00" in text
    assert text.count("package-07") == 1 and "package-29 1.0\n" in text


def test_stdin(old: Path, new: Path) -> None:
    result = CliRunner().invoke(micropip_lock, ["diff", "-", str(new)], input=old.read_bytes())
    assert result.exit_code == 1 and "- gone 1.0" in result.stdout
    result = CliRunner().invoke(micropip_lock, ["diff", str(new), "-"], input=b"nothing")
    assert result.exit_code == 2 and "stdin" in result.stderr


def hostile(tmp_path: Path) -> tuple[Path, Path]:
    """Two locks that try what they can."""
    first = write(
        tmp_path / "first.json",
        entry("changed", EVIL, depends=[EVIL], imports=[EVIL], **{EVIL: 1}),
        entry("gone", EVIL),
        entry("moved", file_name=f"https://files.example/{EVIL}.whl"),
        **{EVIL: 1},
    )
    second = write(
        tmp_path / "second.json",
        entry("changed", EVIL[::-1]),
        entry("new", EVIL),
        entry("moved", file_name=f"https://files.example/other/{EVIL}.whl"),
    )
    document = json.loads(second.read_bytes())
    document["info"]["python"] = EVIL
    second.write_text(json.dumps(document))
    return first, second


def printable(done: Done) -> bool:
    """Whether nothing but lines came out."""
    return all(letter.isprintable() or letter == "\n" for letter in done.out + done.err)


def test_nothing_steers_the_terminal(run: Run, tmp_path: Path) -> None:
    first, second = hostile(tmp_path)
    for one, other in ((first, second), (second, first)):
        for flags in ((), ("--markdown",), ("--json",)):
            done = run("diff", one, other, *flags)
            assert done.status == 1 and printable(done)
        assert len(run("diff", one, other).out.splitlines()) < 20
        assert "[bold]x[/]" in run("diff", one, other).out


def test_nothing_breaks_out_of_the_markdown(run: Run, tmp_path: Path) -> None:
    text = run("diff", *hostile(tmp_path), "--markdown").out
    for line in text.splitlines():
        # Outside of code spans there is nothing that a lock says.
        rest = re.sub(r"`[^`]*`", "", line)
        assert not re.search(r"script|@|evil|bold|\\", rest), line
        assert line.count("`") % 2 == 0
        if line.startswith("|"):
            assert line.count("|") == 4, line
            assert not any("|" in span for span in re.findall(r"`([^`]*)`", line)), line


def test_long_tables_are_folded(run: Run) -> None:
    locks = [runtimes.runtime(version) / "pyodide-lock.json" for version in ("0.29.5", "314.0.7")]
    done = run("diff", *locks, "--markdown")
    assert done.status == 1
    assert done.out.count("<details>") == done.out.count("</details>") >= 4
    assert len(done.out) < 65_536  # what a comment may have
    assert "| `numpy` | `2.2.5` →" in done.out


def test_any_encoding(tmp_path: Path) -> None:
    first = write(tmp_path / "first.json", entry("demo", imports=["naïve", "\ud800"]))
    second = write(tmp_path / "second.json", entry("demo", imports=[]))
    for flags in ([], ["--markdown"], ["--json"]):
        command = [sys.executable, "-m", "micropip_lock", "diff", str(first), str(second), *flags]
        done = subprocess.run(
            command, env={"PYTHONIOENCODING": "ascii"}, capture_output=True, check=False
        )
        assert (done.returncode, done.stderr) == (1, b"")
        # Text for people is what the terminal takes; a document is UTF-8 wherever it goes.
        text = done.stdout.decode("utf-8" if flags else "ascii")
        assert "na" in text and "ve" in text


def test_secrets_are_not_printed(run: Run, tmp_path: Path) -> None:
    url = "https://me:hunter2@files.example/demo-1.0-py3-none-any.whl?token=hunter2#hunter2"
    first = write(tmp_path / "first.json", entry("demo", file_name=url))
    second = write(
        tmp_path / "second.json", entry("demo", file_name=url.replace("hunter2", "other"))
    )
    for flags in ((), ("--markdown",), ("--json",)):
        done = run("diff", first, second, *flags)
        assert (
            done.status == 1
            and "hunter2" not in done.out + done.err
            and "files.example" in done.out
        )
    assert "other credentials, query or fragment" in run("diff", first, second).out


def test_a_reader_that_leaves(old: Path, new: Path) -> None:
    command = f"{sys.executable} -m micropip_lock diff {old} {new} | true"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
