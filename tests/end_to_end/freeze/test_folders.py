"""Loud failure: installed files and folders that are not what an installer left."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from micropip_lock import InputError
from micropip_lock.environment import Surroundings

from ...support.freezing import (
    DIST_INFO,
    NATIVE,
    base_lock,
    claim,
    entry,
    freeze_folder,
    live,
    not_utf_8,
    problems_of,
    proofs,
    rewrite_record,
    told,
)
from ...support.index_server import IndexServer
from ...support.installed import installer_target, pip_target, uv_target
from ...support.wheels import build_wheel

# -- the installed files


@pytest.mark.parametrize("check", ["size", "hash"])
def test_a_missing_file(check: str, demo: Path, index: IndexServer, site: Path) -> None:
    (site / "demo.txt").unlink()
    problems = problems_of(site, index_urls=index.url, check_files=check)
    assert ("demo", "files-changed") in told(problems)
    assert any("demo.txt" in problem.message for problem in problems)


def test_a_file_of_another_size(demo: Path, index: IndexServer, site: Path) -> None:
    (site / "demo.txt").write_text("other text")
    assert told(problems_of(site, index_urls=index.url)) == [("demo", "files-changed")]


def test_an_edit_of_equal_size_needs_hashes(demo: Path, index: IndexServer, site: Path) -> None:
    (site / "demo.txt").write_text("TEXT")
    freeze_folder(site, index_urls=index.url)
    assert ("demo", "files-changed") in told(
        problems_of(site, index_urls=index.url, check_files="hash")
    )


@pytest.mark.parametrize("name", ["entry_points.txt", "METADATA", "WHEEL"])
def test_an_edit_of_what_decides_is_always_found(name: str, index: IndexServer, site: Path) -> None:
    installer_target(
        site, build_wheel(index.folder, "demo", "1.0", entry_points={"demo": "demo:main"})
    )
    path = site / DIST_INFO / name
    data = path.read_bytes()
    path.write_bytes(data[:-2] + bytes([data[-2] ^ 1]) + data[-1:])
    assert ("demo", "files-changed") in told(
        problems_of(site, index_urls=index.url, check_files="off")
    )


def test_an_extra_row_of_record(demo: Path, index: IndexServer, site: Path) -> None:
    (site / "more.py").write_text("")
    rewrite_record(site, DIST_INFO, "demo.txt,", "more.py,,0\ndemo.txt,")
    (problem,) = problems_of(site, index_urls=index.url)
    assert problem.code == "files-changed"
    assert "more.py" in problem.message


def test_a_missing_row_of_record(demo: Path, index: IndexServer, site: Path) -> None:
    record = site / DIST_INFO / "RECORD"
    lines = record.read_bytes().splitlines(keepends=True)
    record.write_bytes(b"".join(line for line in lines if not line.startswith(b"demo.txt")))
    assert told(problems_of(site, index_urls=index.url)) == [("demo", "content-mismatch")]


# -- the folders


def test_duplicate(demo: Path, index: IndexServer, site: Path) -> None:
    installer_target(site, build_wheel(index.folder, "demo", "2.0", files={}))
    problems = problems_of(site, index_urls=index.url)
    assert told(problems) == [("demo", "duplicate")]
    assert DIST_INFO in problems[0].message and "demo-2.0.dist-info" in problems[0].message


def test_legacy_metadata(site: Path, demo: Path, index: IndexServer) -> None:
    (site / "old-1.0-py3.14.egg-info").mkdir()
    (site / "older-2.0-py3.14.egg-info").write_text("Metadata-Version: 1.0\n")
    problems = problems_of(site, index_urls=index.url)
    assert told(problems) == [("old", "legacy-metadata"), ("older", "legacy-metadata")]


# -- folders that are no environment


def test_a_folder_without_a_distribution_is_no_environment(site: Path, tmp_path: Path) -> None:
    site.mkdir(exist_ok=True)
    (site / "module.py").touch()
    (site / "~emo-1.0.dist-info").mkdir()
    for include in ("installed", "distribution"):
        with pytest.raises(
            InputError, match=rf"^no \.dist-info in {site}: install packages there first"
        ):
            freeze_folder(site, include=include)
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(InputError) as caught:
        freeze_folder([site, other])
    assert [line.partition(":")[0] for line in str(caught.value).splitlines()] == [
        f"no .dist-info in {site}",
        f"no .dist-info in {other}",
    ]
    with pytest.raises(InputError, match=r"^no \.dist-info in"):
        freeze_folder(None, surroundings=Surroundings(paths=(site,), base=base_lock()))


@pytest.mark.parametrize("below", ["lib/python3.14/site-packages", "Lib/site-packages"])
def test_the_folder_of_a_venv_is_not_its_site_packages(
    below: str, index: IndexServer, tmp_path: Path
) -> None:
    venv = tmp_path / "venv"
    site = installer_target(venv / below, build_wheel(index.folder, "demo", "1.0"))
    with pytest.raises(InputError) as caught:
        freeze_folder(venv, index_urls=index.url)
    assert str(caught.value) == f"no .dist-info in {venv}; did you mean {site}?"
    assert freeze_folder([venv, site], index_urls=index.url).lockfile.packages.keys() == {"demo"}


def test_a_new_pyodide_may_have_nothing(site: Path) -> None:
    site.mkdir(exist_ok=True)
    around = live(site, entry("numpy"))
    assert freeze_folder(None, surroundings=around).lockfile.packages.keys() == set()
    whole = freeze_folder(None, surroundings=around, include="distribution")
    assert whole.lockfile.packages.keys() == {"numpy"}
    with pytest.raises(InputError, match=r"^no \.dist-info in"):
        freeze_folder(site, surroundings=around)


def test_names_that_begin_with_a_tilde_are_ignored(
    demo: Path, index: IndexServer, site: Path
) -> None:
    (site / "~emo-1.0.dist-info").mkdir()
    assert told(freeze_folder(site, index_urls=index.url).warnings) == []


def _without(name: str) -> Callable[[Path], None]:
    def remove(folder: Path) -> None:
        (folder / name).unlink()

    return remove


def _written(name: str, text: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / name).write_text(text)

    return write


def _emptied(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()


def _folder_for_metadata(folder: Path) -> None:
    (folder / "METADATA").unlink()
    (folder / "METADATA").mkdir()


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (not_utf_8, "METADATA: its Name or its Version is not UTF-8"),
        (_without("METADATA"), "METADATA"),
        (_without("WHEEL"), "WHEEL"),
        (_without("RECORD"), "RECORD: it is missing"),
        (_emptied, "METADATA"),
        (_folder_for_metadata, "METADATA"),
        (_written("METADATA", ""), "no Name"),
        (_written("METADATA", "Name: demo\n"), "Version"),
        (_written("METADATA", "Name: other\nVersion: 1.0\n"), "another project"),
        (
            _written("METADATA", "Name: demo\nVersion: 1.0\nRequires-Dist: no requirement!\n"),
            "no requirement!",
        ),
        (_written("WHEEL", "Wheel-Version: 1.0\n"), "no Tag"),
        (_written("RECORD", 'demo.py,"sha256=\n'), "RECORD"),
        (_written("RECORD", "demo.py,,many\n"), "many"),
    ],
)
def test_broken_metadata(
    damage: Callable[[Path], None], says: str, demo: Path, index: IndexServer, site: Path
) -> None:
    damage(site / DIST_INFO)
    index.reset()
    (problem,) = problems_of(site, index_urls=index.url)
    assert (problem.package, problem.code) == ("demo", "broken-metadata")
    assert says in problem.message
    assert index.requests == []


@pytest.mark.parametrize(
    "name", ["broken.dist-info", "-1.0.dist-info", ".dist-info", "demo-1.0-1-2.dist-info"]
)
def test_an_odd_dist_info_folder_is_a_clear_problem(name: str, site: Path) -> None:
    (site / name).mkdir(parents=True)
    (problem,) = problems_of(site)
    assert problem.code == "broken-metadata"
    assert name in problem.message


def test_a_dist_info_that_is_a_file_is_a_clear_problem(site: Path) -> None:
    site.mkdir()
    (site / DIST_INFO).write_text("")
    assert told(problems_of(site)) == [("demo", "broken-metadata")]


@pytest.mark.parametrize(
    "tag", ["cp314-cp314-manylinux_2_17_x86_64", "cp313-cp313-pyodide_2025_0_wasm32"]
)
def test_wrong_platform(tag: str, index: IndexServer, site: Path) -> None:
    installer_target(site, build_wheel(index.folder, "demo", "1.0", tag=tag))
    (problem,) = problems_of(site, index_urls=index.url)
    assert problem.code == "wrong-platform"
    assert tag in problem.message


def test_a_native_wheel_is_for_this_platform(index: IndexServer, site: Path) -> None:
    for name, tag in (
        ("one", NATIVE),
        ("two", "cp314-cp314-pyodide_2026_0_wasm32"),
        ("three", "cp312-abi3-any"),
    ):
        tag = tag.replace("abi3-any", "abi3-emscripten_5_0_3_wasm32")
        installer_target(site, build_wheel(index.folder, name, "1.0", tag=tag))
    assert told(freeze_folder(site, index_urls=index.url).warnings) == []


@pytest.mark.parametrize("scheme", ["purelib", "platlib"])
def test_layout(scheme: str, index: IndexServer, site: Path) -> None:
    """Pyodide unpacks wheels as they are."""
    wheel = build_wheel(
        index.folder, "demo", "1.0", files={}, data={f"{scheme}/demo.py": "x = 1\n"}
    )
    with zipfile.ZipFile(wheel) as unpacked:
        unpacked.extractall(site)
    assert ("demo", "layout") in told(problems_of(site, index_urls=index.url))


@pytest.mark.parametrize("install", [pip_target, uv_target])
def test_wheel_that_an_installer_spreads_and_pyodide_does_not(
    install: Callable[..., Path], index: IndexServer, site: Path
) -> None:
    build_wheel(index.folder, "demo", "1.0", files={}, data={"purelib/demo.py": "x = 1\n"})
    install(site, "demo", index_url=index.url)
    for _ in range(2):  # as it is proved, and as that is remembered
        assert ("demo", "layout") in told(freeze_folder(site, index_urls=index.url).warnings)


def test_modules_in_data_that_uv_puts_among_packages(index: IndexServer, site: Path) -> None:
    """pip's RECORD tells them from the modules of the wheel, uv's does not."""
    data = {"data/demo/extra.txt": "e", "data/setup.py": "s"}
    build_wheel(index.folder, "demo", "1.0", files={"demo/__init__.py": ""}, data=data)
    uv_target(site, "demo", index_url=index.url)
    (problem,) = problems_of(site, index_urls=index.url)
    assert problem.code == "layout"
    assert "demo-1.0.data/data/setup.py: uv puts it among packages" in problem.message
    by_pip = pip_target(site / "new", "demo", index_url=index.url)  # as the hint says
    assert proofs(freeze_folder(by_pip, index_urls=index.url)) == {"demo": ("index", "content")}


def test_foreign_installer(demo: Path, index: IndexServer, site: Path) -> None:
    claim(site, INSTALLER="conda\n")
    assert told(problems_of(site, index_urls=index.url)) == [("demo", "foreign-installer")]


@pytest.mark.parametrize(
    "installer", ["poetry", "pdm", "pip", "uv", "", "micropip", "pyodide.loadPackage"]
)
def test_any_other_installer_is_proved_by_contents(
    installer: str, demo: Path, index: IndexServer, site: Path
) -> None:
    claim(site, INSTALLER=installer)
    assert proofs(freeze_folder(site, index_urls=index.url)) == {"demo": ("index", "content")}


@pytest.mark.parametrize("installer", ["micropip mock package", "micropip in-memory mock package"])
def test_mock(installer: str, demo: Path, index: IndexServer, site: Path) -> None:
    claim(site, INSTALLER=installer)
    assert told(problems_of(site, index_urls=index.url)) == [("demo", "mock")]


def test_a_mock_in_memory_is_seen(site: Path) -> None:
    site.mkdir()
    problems = problems_of(
        None, index_urls=None, surroundings=live(site, in_memory={"ghost": "1.0"})
    )
    assert told(problems) == [("ghost", "mock")]
    freeze_folder(
        None,
        index_urls=None,
        surroundings=live(site, in_memory={"ghost": "1.0"}),
        exclude=["ghost"],
    )


def test_a_loaded_name_without_a_trace_is_broken_metadata(site: Path) -> None:
    site.mkdir()
    loaded = {"ghost": "https://files.example/ghost.whl", "gone": "default channel"}
    problems = problems_of(None, index_urls=None, surroundings=live(site, loaded=loaded))
    assert told(problems) == [("ghost", "broken-metadata"), ("gone", "broken-metadata")]


@pytest.mark.parametrize("entries", [(entry("demo", "2.0"),), ()])
def test_base_mismatch(entries: tuple[dict[str, Any], ...], demo: Path, site: Path) -> None:
    claim(site, INSTALLER="pyodide.loadPackage", PYODIDE_SOURCE="pyodide")
    around = live(site, *entries, loaded={"demo": "default channel"})
    assert told(problems_of(None, index_urls=None, surroundings=around)) == [
        ("demo", "base-mismatch")
    ]
