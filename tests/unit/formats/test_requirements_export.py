"""requirements.txt as `export` writes it."""

from __future__ import annotations

from pathlib import Path

import pytest
from packaging.version import Version

from micropip_lock import Export, UnlockableError, export
from micropip_lock.formats.exported import ExportedWheel
from micropip_lock.formats.requirements_export import to_requirements
from micropip_lock.formats.requirements_file import read_requirement_files
from micropip_lock.formats.target import Target

from ...support.freezing import base_lock, entry

TARGET = Target("3.14.2", "2026_0", "emscripten_5_0_3")


def wheel(name: str, version: str, letter: str, *, path: str | None = None) -> ExportedWheel:
    filename = f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    url = None if path else f"https://host.example/{filename}"
    return ExportedWheel(name, Version(version), filename, letter * 64, url=url, path=path)


ALPHA, BETA = wheel("alpha", "1.0+local.1", "a"), wheel("be-ta", "2.0rc1", "b")


def test_index_style() -> None:
    assert to_requirements(Export(TARGET, (ALPHA, BETA))) == (
        f"alpha==1.0+local.1 --hash=sha256:{'a' * 64}\nbe-ta==2.0rc1 --hash=sha256:{'b' * 64}\n"
    )


def test_urls() -> None:
    assert to_requirements(Export(TARGET, (ALPHA, BETA)), urls=True) == (
        "alpha @ https://host.example/alpha-1.0+local.1-py3-none-any.whl "
        f"--hash=sha256:{'a' * 64}\n"
        f"be-ta @ https://host.example/be_ta-2.0rc1-py3-none-any.whl --hash=sha256:{'b' * 64}\n"
    )


def test_no_package() -> None:
    assert to_requirements(Export(TARGET, ())) == ""


def test_every_file_that_has_no_url_is_told() -> None:
    beside = [
        wheel(name, "1.0", "c", path=f"{name}-1.0-py3-none-any.whl") for name in ("one", "two")
    ]
    exported = Export(TARGET, (ALPHA, *beside))
    with pytest.raises(
        UnlockableError, match=r"^2 packages cannot be exported; nothing was written"
    ) as caught:
        to_requirements(exported, urls=True)
    assert [(problem.package, problem.code) for problem in caught.value.problems] == [
        ("one", "local-file"),
        ("two", "local-file"),
    ]
    assert to_requirements(exported).count("--hash=") == 3


def test_nothing_that_pip_gives_a_meaning(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Variables, line ends and comments within a URL stay what they are."""
    monkeypatch.setenv("SECRET", "hunter2")
    name = "https://host.example/${SECRET}/x\\/demo-1.0-py3-none-any.whl#egg=other"
    text = to_requirements(export(base_lock(entry("demo", file_name=name))), urls=True)
    assert text.startswith(
        "demo @ https://host.example/%24%7BSECRET%7D/x%5C/demo-1.0-py3-none-any.whl --hash="
    )
    path = tmp_path / "requirements.txt"
    path.write_text(text)
    (said,) = read_requirement_files([path], []).requirements
    assert "hunter2" not in str(said.requirement)
