"""pylock.toml: what is written validates, and what cannot be read is said in one sentence."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from packaging.pylock import Pylock
from packaging.version import Version

from micropip_lock import Export, InputError
from micropip_lock.formats.exported import ExportedWheel
from micropip_lock.formats.pylock import parse_pylock, read_pylock, to_pylock
from micropip_lock.formats.target import Target

TARGET = Target("3.14.2", "2026_0", "emscripten_5_0_3")
HASH = "ab" * 32
WHEEL = ExportedWheel(
    "demo",
    Version("1.0"),
    "demo-1.0-py3-none-any.whl",
    HASH,
    url="https://host.example/demo-1.0-py3-none-any.whl",
)
VALID = f"""
lock-version = "1.0"
created-by = "test"

[[packages]]
name = "demo"
version = "1.0"
wheels = [{{ url = "https://host.example/demo-1.0-py3-none-any.whl", hashes = {{ sha256 = "{HASH}" }} }}]
"""


def written(*wheels: ExportedWheel, target: Target = TARGET, **options: Any) -> Mapping[str, Any]:
    """The document, as `tomllib` reads it; `packaging` has to take it as well."""
    text = to_pylock(Export(target, wheels), **options)
    assert parse_pylock(text.encode()).created_by == "micropip-lock"
    return tomllib.loads(text)


def refused(text: str | bytes) -> str:
    """What is said of a file that is no pylock;

    always in one line that names it, without what it may hide.
    """
    with pytest.raises(InputError) as caught:
        parse_pylock(text if isinstance(text, bytes) else text.encode(), "pylock.toml")
    said = str(caught.value)
    assert said.startswith("pylock.toml") and len(said) < 500 and "hunter2" not in said
    return said


# -- written


def test_everything_that_is_known_is_written() -> None:
    known = replace(WHEEL, size=123, index="https://index.example/simple")
    beside = ExportedWheel(
        "lib", Version("2.0+local"), "lib-2.0+local-py3-none-any.whl", HASH, path="wheels/lib.whl"
    )
    assert written(known, beside, lock_folder="../site") == {
        "lock-version": "1.0",
        "environments": [
            'implementation_name == "cpython" and python_version == "3.14" and sys_platform == '
            '"emscripten" '
            'and platform_machine == "wasm32"'
        ],
        "requires-python": "==3.14.*",
        "created-by": "micropip-lock",
        "packages": [
            {
                "name": "demo",
                "version": "1.0",
                "index": "https://index.example/simple",
                "wheels": [
                    {
                        "name": "demo-1.0-py3-none-any.whl",
                        "url": "https://host.example/demo-1.0-py3-none-any.whl",
                        "size": 123,
                        "hashes": {"sha256": HASH},
                    }
                ],
            },
            {
                "name": "lib",
                "version": "2.0+local",
                "wheels": [
                    {
                        "name": "lib-2.0+local-py3-none-any.whl",
                        "path": "../site/wheels/lib.whl",
                        "hashes": {"sha256": HASH},
                    }
                ],
            },
        ],
    }


def test_no_package_is_a_pylock_too() -> None:
    assert written()["packages"] == []


@pytest.mark.parametrize("python", ["3.14.2", "3.14.2+", "3.15.0a3", "3.12.7"])
def test_for_the_target_and_no_other(python: str) -> None:
    target = replace(TARGET, python=python)
    lock = parse_pylock(to_pylock(Export(target, (WHEEL,))).encode())
    (selected,) = lock.select(environment=target.environment, tags=target.tags)  # type: ignore[arg-type]
    assert selected[0].name == "demo"
    assert lock.requires_python is not None and not lock.requires_python.contains("3.13.1")
    assert lock.environments is not None
    assert not lock.environments[0].evaluate({**target.environment, "sys_platform": "linux"})


def test_hostile_architecture() -> None:
    with pytest.raises(InputError, match=r"info\.arch"):
        to_pylock(Export(replace(TARGET, arch='x" or os_name == "'), (WHEEL,)))


# -- read


def test_valid() -> None:
    found = parse_pylock(VALID.encode())
    assert [package.name for package in found.packages] == ["demo"]


@pytest.mark.parametrize("cut", range(20, len(VALID) - 3, 29))
def test_truncated(cut: int) -> None:
    assert "TOML" in refused(VALID[:cut]) or "PEP 751" in refused(VALID[:cut])


@pytest.mark.parametrize(
    "change",
    [
        ('"1.0"\ncreated', "1\ncreated"),
        ('"1.0"\ncreated', '"one"\ncreated'),
        ('"1.0"\ncreated', '"2.0"\ncreated'),
        ("created-by", "created"),
        ('"demo"', "[]"),
        ('"demo"', '"De_mo"'),
        ('"demo"', '"other"'),
        ('"demo"', '"' + "x" * 10_000 + '"'),
        ('version = "1.0"\nwheels', 'version = "9"\nwheels'),
        ('version = "1.0"\nwheels', "version = 1.0\nwheels"),
        ("wheels = [{", "wheels = [1, {"),
        ("wheels", "sdists"),
        (f'sha256 = "{HASH}"', ""),
        (f'"{HASH}"', "7"),
        ('url = "', 'size = -1.5, url = "'),
        (
            'url = "https://host.example/demo-1.0-py3-none-any.whl"',
            'url = "https://user:hunter2@host.example"',
        ),
        ("demo-1.0-py3", "https://user:hunter2@x/demo"),
        ('"1.0"\nwheels', '"1.0"\nmarker = "nonsense == 1"\nwheels'),
        (
            '"1.0"\nwheels',
            '"1.0"\nvcs = { type = "git", url = "https://u:hunter2@h", commit-id = "1" }\nwheels',
        ),
        ('"test"', '"test"\nenvironments = ["x //user:hunter2@"]'),
        ('"test"', '"test"\nrequires-python = "three"'),
    ],
)
def test_wrong_values(change: tuple[str, str]) -> None:
    assert VALID.count(change[0]) >= 1
    refused(VALID.replace(*change))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"\0",
        b"[" * 100_000,
        b"a = " + b"[" * 100_000,
        b"lock-version = '1.0'\n" * 2,
        b"x = 1e999999",
    ],
    ids=["nothing", "no-utf8", "nul", "brackets", "deep", "twice", "huge-number"],
)
def test_no_pylock_at_all(data: bytes) -> None:
    refused(data)


def test_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("micropip_lock._util.reading.LARGEST", 2**20)
    path = tmp_path / "pylock.toml"
    path.write_text(VALID + "#" * 2**20)
    with pytest.raises(InputError, match="it is larger than 1 MiB"):
        read_pylock(path)


def test_file_that_is_not_there() -> None:
    with pytest.raises(InputError, match=r"Cannot read gone\.toml"):
        read_pylock("gone.toml")


# -- older libraries


def test_packaging_without_pylock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pyodide 0.27 brings packaging 24.2."""
    monkeypatch.setitem(sys.modules, "packaging.pylock", None)
    monkeypatch.delattr("packaging.pylock", raising=False)
    for action in (lambda: parse_pylock(VALID.encode()), lambda: to_pylock(Export(TARGET, ()))):
        with pytest.raises(InputError, match=r"needs packaging 26\.1 or newer"):
            action()


def test_packaging_with_half_a_pylock(monkeypatch: pytest.MonkeyPatch) -> None:
    """26.0 has the module, but does not look at file names."""
    monkeypatch.delattr("packaging.pylock.PylockSelectError")
    with pytest.raises(InputError, match=r"needs packaging 26\.1 or newer"):
        parse_pylock(VALID.encode())


def test_no_tomli_w(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tomli_w", None)
    with pytest.raises(InputError, match="pip install tomli-w"):
        to_pylock(Export(TARGET, ()))
    assert isinstance(parse_pylock(VALID.encode()), Pylock)
