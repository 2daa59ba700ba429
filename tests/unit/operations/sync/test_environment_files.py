"""The files of an environment: whose they are, and what is in the way of new ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from micropip_lock.operations.sync.environment_files import (
    WORK,
    EnvironmentFiles,
    ResolvedPrefix,
    files_below,
    is_environment,
    move,
    move_tree,
)

SITE = "lib/python3.14/site-packages"


@pytest.fixture
def files(tmp_path: Path) -> EnvironmentFiles:
    prefix = tmp_path / "venv"
    (prefix / SITE).mkdir(parents=True)
    return EnvironmentFiles(prefix, prefix / SITE)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("pyvenv.cfg", True),
        ("bin/python", True),
        ("bin/python3.14", True),
        ("bin/python3.14-host-link", True),
        ("bin/python-host", True),
        ("pip.conf", True),
        ("pip.ini", True),
        ("share/pip.conf", False),
        ("bin/activate", True),
        ("bin/activate.fish", True),
        ("bin/Activate.ps1", True),
        (f"{SITE}/{WORK}/journal.json", True),
        (f"{WORK}/lock", True),
        ("bin/activate-global-python-argcomplete", False),
        ("bin/python-config-of-mine", False),
        (f"{SITE}/pyvenv.cfg", False),
        (f"{SITE}/bin/python", False),
        (f"{SITE}/demo.micropip-lock/x", False),
        ("lib/python3.14", False),
    ],
)
def test_what_belongs_to_the_environment(name: str, expected: bool) -> None:
    assert is_environment(name) is expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (f"{SITE}/demo-1.dist-info/RECORD", True),
        (f"{SITE}/demo-1.dist-info/METADATA", False),
        (f"{SITE}/demo-1.dist-info/licenses/RECORD", False),
        (f"{SITE}/demo/RECORD", False),
        ("demo-1.dist-info/RECORD", False),
    ],
)
def test_records(name: str, expected: bool, files: EnvironmentFiles) -> None:
    assert files.is_record(name) is expected


def test_what_is_in_the_way(files: EnvironmentFiles, tmp_path: Path) -> None:
    """A file, and a link that leads out of the environment, but no link that stays inside."""
    site = files.prefix / SITE
    (site / "file").write_text("")
    (tmp_path / "elsewhere").mkdir()
    (site / "out").symlink_to(tmp_path / "elsewhere")
    (site / "folder").mkdir()
    (site / "inside").symlink_to("folder")
    names = [f"{SITE}/{name}/x.py" for name in ("file", "file/deep", "out", "inside", "new")]
    assert sorted(files.barriers(names)) == [f"{SITE}/file", f"{SITE}/out"]
    (files.prefix / "share").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="leads out of the environment"):
        files.barriers(["share/x"])


def test_links_are_resolved(files: EnvironmentFiles, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (files.prefix / "out").symlink_to(tmp_path / "elsewhere")
    (files.prefix / "scripts").symlink_to("bin")
    (files.prefix / "bin").mkdir()
    prefix = ResolvedPrefix(files.prefix)
    assert prefix.contains(f"{SITE}/demo.py")
    assert prefix.contains("scripts/demo")
    assert not prefix.contains("scripts/python")
    assert not prefix.contains("out/demo")


def test_empty_folders(files: EnvironmentFiles) -> None:
    site = files.prefix / SITE
    (site / "a" / "b").mkdir(parents=True)
    (site / "kept").mkdir()
    (site / "kept" / "notes.txt").write_text("")
    files.remove_emptied_folders([f"{SITE}/a/b/x.py", f"{SITE}/kept/x.py", f"{SITE}/x.py"])
    assert sorted(files_below(str(files.prefix))) == [f"{SITE}/kept/notes.txt"]
    assert [path.name for path in site.iterdir()] == ["kept"]
    (site / "demo").mkdir()
    files.remove_folders_at([f"{SITE}/demo"])
    assert not (site / "demo").exists()
    with pytest.raises(OSError, match="no package has"):
        files.remove_folders_at([f"{SITE}/kept"])


def test_moving(tmp_path: Path) -> None:
    for name in ("staged/demo/a.py", "staged/demo/sub/b.py", "old/demo/kept.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    move(str(tmp_path / "missing"), str(tmp_path / "nowhere"))
    move(str(tmp_path / "old/demo/kept.py"), str(tmp_path / "new/deep/kept.py"))
    (tmp_path / "new/demo").mkdir()
    move_tree(str(tmp_path / "staged"), str(tmp_path / "new"))
    move_tree(str(tmp_path / "nothing"), str(tmp_path / "new"))
    assert sorted(files_below(str(tmp_path))) == [
        "new/deep/kept.py",
        "new/demo/a.py",
        "new/demo/sub/b.py",
    ]
