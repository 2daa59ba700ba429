"""Text for people: sizes, the evidence table, problems, the bar."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from micropip_lock import Evidence, FreezeResult, Problem, UnlockableError
from micropip_lock._util.html import whence
from micropip_lock._util.progress import size
from micropip_lock.cli.console import Output
from micropip_lock.errors import FetchError, InputError

from ...support.freezing import base_lock, entry
from ...support.index_server import IndexServer
from ...support.installed import installer_target
from ...support.wheels import build_wheel
from .conftest import Run

SHA = "a" * 64


def evidence(name: str = "demo", *, proof: str = "content", **changes: object) -> Evidence:
    url = f"https://files.example/a/{name}-1.0-py3-none-any.whl"
    known = {
        "index": "https://index.example/simple",
        "size": 1_500_000,
        "requests": 2,
        "bytes": 30_000,
    }
    return Evidence(name, "1.0", "index", proof, url, SHA, **{**known, **changes})  # type: ignore[arg-type]


def result(*items: Evidence, requests: int = 0, received: int = 0, **more: object) -> FreezeResult:
    lock = base_lock(*(entry(item.package) for item in items))
    return FreezeResult(lock, items, requests=requests, bytes=received, **more)  # type: ignore[arg-type]


def output(**options: object) -> Output:
    return Output(**{"quiet": False, "color": "never", **options})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (None, ""),
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (27_400, "27.4 kB"),
        (450_000, "450 kB"),
        (45_400_000, "45.4 MB"),
        (999_000_000, "999 MB"),
        (1_500_000_000, "1.5 GB"),
        (7_000_000_000_000, "7000.0 GB"),
    ],
)
def test_sizes(number: int | None, text: str) -> None:
    assert size(number) == text


@pytest.mark.parametrize(
    ("item", "text"),
    [
        (evidence(), "index index.example"),
        (evidence(index=None), "index files.example"),
        (Evidence("demo", "1.0", "base", "base", "demo-1.0-py3-none-any.whl", SHA), "base"),
        (
            Evidence("demo", "1.0", "direct-url", "content", "http://127.0.0.1:80/x.whl", SHA),
            "direct-url 127.0.0.1:80",
        ),
    ],
)
def test_from_where(item: Evidence, text: str) -> None:
    assert whence(item) == text


def test_totals_say_what_was_spared() -> None:
    assert result().summary == "0 packages locked: no request."
    text = result(evidence("one"), evidence("two"), requests=4, received=60_000).summary
    assert text == "2 packages locked: 4 requests, 60.0 kB read instead of 3.0 MB of wheels."
    downloaded = result(evidence(proof="download"), requests=2, received=2_000_000).summary
    assert "instead" not in downloaded


def test_the_evidence_is_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    items = (evidence("alpha"), evidence("beta", proof="accepted", size=None))
    output().result(result(*items, left_out=(("pip", "26.0", "a tool"), ("odd", None, "[why]"))))
    shown = capsys.readouterr()
    assert shown.out == ""
    lines = [line.split() for line in shown.err.splitlines()]
    assert lines[0] == ["package", "version", "from", "proof", "size"]
    assert lines[1] == ["alpha", "1.0", "index", "index.example", "content", "1.5", "MB"]
    assert lines[2] == ["beta", "1.0", "index", "index.example", "accepted"]
    assert "left out: pip 26.0: a tool" in shown.err
    assert "[why]" in shown.err


def test_a_narrow_terminal_keeps_names_and_proofs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    output().result(
        result(
            evidence(
                "a-package-name", index="https://a-very-long-host-name.index.example.example/x"
            )
        )
    )
    err = capsys.readouterr().err
    assert "a-package-name" in err and "content" in err and "1.5 MB" in err
    assert "…" in err


def test_problems_are_shown_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    problems = [
        Problem(
            "sdist",
            "demo",
            "1.0",
            "a [bold]message[/bold] of demo[extra]",
            "pip install 'demo[extra]'",
        ),
        Problem("missing-dependency", "absent", None, "x" * 300, "do this"),
    ]
    output(quiet=True).error(UnlockableError(problems))
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("missing-dependency  absent  xxx") and lines[0].endswith("x" * 300)
    assert lines[1] == "    do this"
    assert lines[2] == "sdist  demo 1.0  a [bold]message[/bold] of demo[extra]"
    assert lines[3] == "    pip install 'demo[extra]'"
    assert lines[4] == "2 packages cannot be locked; nothing was written."


def test_nothing_steers_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    evil = "\x1b]0;title\x07\x9b2J\r"
    told = output()
    told.error(UnlockableError([Problem("sdist", evil, evil, evil, evil)]))
    told.error(InputError(evil))
    told.say(evil)
    told.result(result(Evidence("demo", evil, "index", "content", "https://f.example/", SHA)))
    assert not set("\x1b\x07\x9b\r") & set(capsys.readouterr().err)


def test_other_errors_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    output().error(InputError("the file [/tmp] is odd"))
    assert capsys.readouterr().err == "error: the file [/tmp] is odd\n"


def test_causes_are_shown_one_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        try:
            raise OSError("the [disk]")
        except OSError as cause:
            raise FetchError("no answer", url="") from cause
    except FetchError as error:
        output().causes(error)
    assert capsys.readouterr().err == "  caused by OSError: the [disk]\n"


def test_quiet_keeps_warnings_back(capsys: pytest.CaptureFixture[str]) -> None:
    warning = Problem("yanked", "demo", "1.0", "message", "hint")
    for quiet in (True, False):
        told = output(quiet=quiet)
        told.warnings([warning])
        told.say("text")
        told.result(result(evidence()))
        assert bool(capsys.readouterr().err) is not quiet


def test_there_is_no_bar_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with output().progress("proving") as progress:
        assert progress is None
    assert capsys.readouterr().err == ""


def test_a_bar_on_a_terminal_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with output(color="always").progress("proving") as progress:
        assert progress is not None
        progress(1, 2, "[demo]")
        progress(1, 2, "[/bold]\x1b]0;title\nother")
        progress(2, 2, "other")
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "proving" in shown.err and "2/2" in shown.err
    assert "\x1b]0" not in shown.err


def test_names_of_downloads_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    with output(color="always").transfers() as transfers:
        assert transfers is not None
        transfers.begin("[/bold]\x1b]0;title\n.whl").end(True)
    assert "\x1b]0" not in capsys.readouterr().err


def test_every_text_of_the_command_can_be_printed_in_ascii(
    run: Run, base: Path, index: IndexServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A terminal without UTF-8 must not turn a finished lock into a traceback."""
    files = {"naïve.py": ""}
    site = installer_target(
        tmp_path / "utf8", build_wheel(index.folder, "demo", "1.0", files=files)
    )
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    import subprocess

    command = [
        sys.executable,
        "-m",
        "micropip_lock",
        "freeze",
        "--path",
        str(site),
        "--base",
        str(base),
    ]
    for flags in ([], ["--json"], ["--evidence", str(tmp_path / "evidence.json")]):
        done = subprocess.run(
            [*command, "--index-url", index.url, *flags],
            capture_output=True,
            check=False,
            cwd=Path(__file__).parents[3],
        )
        assert b"Traceback" not in done.stderr
        assert done.returncode == 0
