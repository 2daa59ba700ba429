"""Importable names from the files of a distribution, as its wheel has them and as they are
installed.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from micropip_lock.errors import Problem
from micropip_lock.formats.wheel import WheelDescription
from micropip_lock.formats.wheel_archive import inspect_wheel
from micropip_lock.formats.wheel_modules import WheelModules
from micropip_lock.installed.distribution import InstalledDistribution
from micropip_lock.installed.import_names import imports, wheel_names
from micropip_lock.installed.modules import describe_installed
from micropip_lock.installed.site_packages import scan

from ...support.installed import installer_target, pip_target, uv_target
from ...support.wheels import build_wheel, sha256

Files = Sequence[str] | Mapping[str, str]

PKGUTIL = "__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n"


def found(
    folder: Path,
    *,
    taken: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    **projects: Files,
) -> tuple[dict[str, tuple[str, ...]], list[Problem]]:
    """The imports of projects with these files:

    of their wheels, and of what was installed of these.
    """
    distributions: list[InstalledDistribution] = []
    wheels: dict[str, WheelDescription] = {}
    for name, files in projects.items():
        contents = files if isinstance(files, Mapping) else dict.fromkeys(files, "")
        options: dict[str, Any] = {"metadata_extra": (headers or {}).get(name, "")}
        wheel = build_wheel(folder / "wheels", name, "1.0", files=contents, **options)
        with zipfile.ZipFile(wheel) as archive:  # as micropip and Pyodide install
            archive.extractall(folder / name)
        installed, problems = scan([folder / name])
        assert problems == []
        distributions += installed
        wheels[name] = described(wheel, name)
    result = imports({item.key: describe_installed(item) for item in distributions}, taken or {})
    assert imports(wheels, taken or {}) == result
    return result


def described(wheel: Path, name: str) -> WheelDescription:
    with wheel.open("rb") as file:
        return inspect_wheel(file, wheel.stat().st_size, sha256(wheel), name)


def of_installed(site: Path) -> InstalledDistribution:
    (distribution,), problems = scan([site])
    assert problems == []
    return distribution


def installed_names(site: Path) -> tuple[str, ...]:
    return imports({"demo": describe_installed(of_installed(site))}, {})[0]["demo"]


def names(folder: Path, *files: str, header: str = "") -> tuple[str, ...]:
    """The imports of one project, of which nothing is to be warned."""
    result, warnings = found(folder, headers={"demo": header}, demo=files)
    assert warnings == []
    return result["demo"]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ([], ()),
        (["demo.py"], ("demo",)),
        (["_private.py"], ("_private",)),
        (["naïve.py"], ("naïve",)),
        (["one.py", "two.py"], ("one", "two")),
        (["demo/__init__.py", "demo/sub.py", "demo/sub/__init__.py"], ("demo",)),
        # extension modules, as Pyodide and as others name them
        (["fast.cpython-314-wasm32-emscripten.so"], ("fast",)),
        (["fast.abi3.so"], ("fast",)),
        (["fast.so"], ("fast",)),
        (["demo/__init__.py", "demo/_fast.cpython-314-wasm32-emscripten.so"], ("demo",)),
        (["demo/__init__.so"], ("demo",)),
        # compiled away
        (["demo.pyc"], ("demo",)),
        (["demo/__init__.pyc", "demo/sub.pyc"], ("demo",)),
        (["__pycache__/demo.cpython-314.pyc"], ()),
        (["demo/__pycache__/x.py"], ()),
        # PEP 420
        (["ns/demo.py"], ("ns", "ns.demo")),
        (["ns/demo/__init__.py", "ns/demo/sub.py"], ("ns", "ns.demo")),
        (
            ["ns/inner/demo.py", "ns/inner/more/__init__.py"],
            ("ns", "ns.inner", "ns.inner.demo", "ns.inner.more"),
        ),
        (["ns/one.py", "ns/two.so"], ("ns", "ns.one", "ns.two")),
        (["ns/demo/__init__.pyc"], ("ns", "ns.demo")),
        # a module beside a folder of its name: the module is what is imported
        (["demo.py", "demo/data.py"], ("demo",)),
        # what is no module
        (["data/table.csv"], ()),
        (["demo.py", "docs/index.txt", "share/man/demo.1"], ("demo",)),
        (["demo.pyi", "typed.pyi", "demo.py"], ("demo",)),
        (["some-script.py", "2nd.py", "a.b.py"], ()),
        (["not-a-package/x.py", "demo.libs/libx.so"], ()),
        (["__init__.py"], ()),
        (["demo.pth", "demo.txt"], ()),
    ],
)
def test_files_and_the_names_they_make(
    files: list[str], expected: tuple[str, ...], tmp_path: Path
) -> None:
    assert names(tmp_path, *files) == expected


def test_top_level_txt_is_no_source(tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path, "demo", "1.0", dist_info_files={"top_level.txt": "wrong\n"})
    assert installed_names(installer_target(tmp_path / "site", wheel)) == ("demo",)
    assert imports({"demo": described(wheel, "demo")}, {})[0] == {"demo": ("demo",)}


def test_purelib_is_where_it_was_spread(tmp_path: Path) -> None:
    wheel = build_wheel(
        tmp_path,
        "demo",
        "1.0",
        files={},
        data={"purelib/pure.py": "", "platlib/pkg/__init__.py": ""},
    )
    assert imports({"demo": described(wheel, "demo")}, {})[0] == {"demo": ("pkg", "pure")}
    assert installed_names(installer_target(tmp_path / "site", wheel)) == ("pkg", "pure")
    with zipfile.ZipFile(wheel) as archive:  # as Pyodide leaves it
        archive.extractall(tmp_path / "unspread")
    assert installed_names(tmp_path / "unspread") == ()


# -- what is no module


@pytest.mark.parametrize("install", [pip_target, uv_target, installer_target])
def test_scripts_data_and_headers_are_no_modules(
    install: Callable[..., Path], tmp_path: Path
) -> None:
    data = {
        "scripts/run.py": "#!python\n",
        "data/share/demo/x.py": "",
        "data/etc/demo.py": "",
        "headers/h.py": "",
    }
    wheel = build_wheel(tmp_path, "demo", "1.0", data=data)
    site = install(tmp_path / "site", wheel if install is installer_target else str(wheel))
    assert installed_names(site) == ("demo",)
    assert imports({"demo": described(wheel, "demo")}, {})[0] == {"demo": ("demo",)}


def test_what_a_wheel_has_at_its_root_is_a_module_whatever_its_name(tmp_path: Path) -> None:
    files = {"bin/tool.py": "", "share.py": "", "include/__init__.py": ""}
    expected = ("bin", "bin.tool", "include", "share")
    wheel = build_wheel(
        tmp_path, "demo", "1.0", files=files, dist_info_files={"INSTALLER": "micropip"}
    )
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    assert imports({"demo": described(wheel, "demo")}, {})[0] == {"demo": expected}
    assert installed_names(tmp_path / "site") == expected, (
        "micropip and Pyodide do not spread anything"
    )
    spread = installer_target(tmp_path / "spread", wheel)
    (spread / "demo-1.0.dist-info/INSTALLER").unlink()
    assert installed_names(spread) == ("include", "share"), (
        "nothing tells that bin/tool.py is no script"
    )


def test_rows_of_record_without_a_file_are_no_modules(tmp_path: Path) -> None:
    rows = "phantom.py,,\nghost/__init__.py,,\nspace/x.py,,\n/demo.py,,\nfolder.py,,\n"
    site = installer_target(tmp_path / "site", build_wheel(tmp_path, "demo", "1.0"))
    with (site / "demo-1.0.dist-info/RECORD").open("a") as file:
        file.write(rows)
    (site / "folder.py").mkdir()
    assert installed_names(site) == ("demo",)


def test_every_name_that_a_wheel_has(tmp_path: Path) -> None:
    files = {
        "demo/__init__.py": "",
        "demo/sub/x.py": "",
        "space/data/x.txt": "",
        "one.py": "",
        "no-name/x.py": "",
    }
    data = {"purelib/more/y.so": "", "scripts/run.py": ""}
    wheel = build_wheel(tmp_path, "demo", "1.0", files=files, data=data)
    found = wheel_names(described(wheel, "demo"))
    assert found == {
        "demo",
        "demo.sub",
        "demo.sub.x",
        "space",
        "space.data",
        "one",
        "more",
        "more.y",
    }


# -- namespaces that several share


def test_a_bare_namespace_goes_to_the_first_by_name(tmp_path: Path) -> None:
    result, warnings = found(
        tmp_path, functools=["jaraco/functools.py"], context=["jaraco/context/__init__.py"]
    )
    assert result == {"context": ("jaraco", "jaraco.context"), "functools": ("jaraco.functools",)}
    assert warnings == []


def test_nested_namespaces_have_one_owner_each(tmp_path: Path) -> None:
    result, warnings = found(tmp_path, bbb=["ns/deep/b.py"], aaa=["ns/a.py"], ccc=["ns/deep/c.py"])
    assert result == {
        "aaa": ("ns", "ns.a"),
        "bbb": ("ns.deep", "ns.deep.b"),
        "ccc": ("ns.deep.c",),
    }
    assert warnings == []


def test_a_namespace_that_the_base_has_stays_there(tmp_path: Path) -> None:
    result, warnings = found(tmp_path, taken={"ns": "of-the-base"}, demo=["ns/demo.py"])
    assert result == {"demo": ("ns.demo",)}
    assert warnings == []


def test_the_old_way_to_make_a_namespace_counts_as_one(tmp_path: Path) -> None:
    result, warnings = found(
        tmp_path,
        one={"ns/__init__.py": PKGUTIL, "ns/one/__init__.py": ""},
        two={"ns/__init__.py": PKGUTIL, "ns/two.py": ""},
    )
    assert result == {"one": ("ns", "ns.one"), "two": ("ns.two",)}
    assert warnings == []


def test_a_shared_package_with_different_files_is_a_collision(tmp_path: Path) -> None:
    result, warnings = found(
        tmp_path,
        one={"ns/__init__.py": "x = 1\n", "ns/one.py": ""},
        two={"ns/__init__.py": PKGUTIL, "ns/two.py": ""},
    )
    assert result == {"one": ("ns", "ns.one"), "two": ("ns.two",)}
    assert [(item.code, item.package) for item in warnings] == [("import-collision", "one")]
    assert "one and to two" in warnings[0].message


def test_an_installed_file_and_a_member_of_a_wheel_are_compared_by_their_bytes(
    tmp_path: Path,
) -> None:
    site = installer_target(
        tmp_path / "site", build_wheel(tmp_path, "one", "1.0", files={"ns/__init__.py": PKGUTIL})
    )
    one = describe_installed(of_installed(site))
    for text, lost in ((PKGUTIL, []), ("x = 1\n", ["import-collision"])):
        modules = WheelModules({"ns/__init__.py": zlib.crc32(text.encode())})
        two = WheelDescription.of(one.metadata, modules)
        assert [item.code for item in imports({"one": one, "two": two}, {})[1]] == lost
    (site / "ns/__init__.py").unlink()
    assert dict(one.modules.files) == {"ns/__init__.py": None}


def test_a_regular_package_owns_its_name_though_others_put_files_beside_it(tmp_path: Path) -> None:
    """Else «import ns» would load the one without the package's own code."""
    result, warnings = found(
        tmp_path, zzz={"ns/__init__.py": "", "ns/own.py": ""}, aaa=["ns/plugin.py"]
    )
    assert result == {"aaa": ("ns.plugin",), "zzz": ("ns",)}
    assert warnings == []


def test_a_module_owns_its_name_though_others_have_a_folder_of_it(tmp_path: Path) -> None:
    result, _ = found(tmp_path, zzz=["name.py"], aaa=["name/data.py"])
    assert "name" in result["zzz"]
    assert "name" not in result["aaa"]


# -- collisions


def test_two_modules_of_one_name(tmp_path: Path) -> None:
    result, warnings = found(tmp_path, two=["common.py"], one=["common.py", "own.py"])
    assert result == {"one": ("common", "own"), "two": ("common",)}
    (warning,) = warnings
    assert (warning.code, warning.package) == ("import-collision", "one")
    assert "common" in warning.message and "one and to two" in warning.message
    assert warning.hint


def test_a_collision_with_the_base(tmp_path: Path) -> None:
    _, warnings = found(tmp_path, taken={"common": "of-the-base"}, demo=["common.py"])
    assert [item.code for item in warnings] == ["import-collision"]
    assert "demo and to of-the-base" in warnings[0].message


def test_a_collision_of_three_is_told_once(tmp_path: Path) -> None:
    _, warnings = found(tmp_path, one=["c.py"], two=["c.py"], three=["c.py"])
    assert len(warnings) == 1
    assert "one and to three and to two" in warnings[0].message


def test_tests_that_two_projects_ship_by_mistake_are_no_loss(tmp_path: Path) -> None:
    result, warnings = found(
        tmp_path,
        one=["one.py", "tests/__init__.py", "tests/test_one.py"],
        two=["two.py", "tests/__init__.py"],
    )
    assert result == {"one": ("one", "tests", "tests.test_one"), "two": ("two",)}
    assert warnings == []


# -- PEP 794


@pytest.mark.parametrize(
    ("header", "files", "expected"),
    [
        ("Import-Name: demo", ["demo/__init__.py", "helper.py"], ("demo",)),
        (
            "Import-Name: demo\nImport-Name: _demo ; private",
            ["demo.py", "_demo.so"],
            ("_demo", "demo"),
        ),
        ("Import-Name: demo\nImport-Name: gone", ["demo.py"], ("demo",)),
        ("Import-Name: gone", ["demo.py"], ("demo",)),
        ("Import-Name:", ["demo.py"], ("demo",)),
        ("Import-Name: ns.demo\nImport-Namespace: ns", ["ns/demo.py"], ("ns", "ns.demo")),
        ("Import-Name: ns.demo", ["ns/demo/__init__.py", "ns/other.py"], ("ns", "ns.demo")),
        ("Import-Name: demo.sub", ["demo/__init__.py", "demo/sub.py"], ("demo", "demo.sub")),
        ("Import-Namespace: ns", ["ns/demo.py"], ("ns", "ns.demo")),
        ("Import-Namespace: gone\nImport-Name: demo", ["demo.py"], ("demo",)),
        ("Import-Name: ..\nImport-Name: demo", ["demo.py"], ("demo",)),
    ],
)
def test_announced_names_count_as_far_as_the_files_bear_them_out(
    header: str, files: list[str], expected: tuple[str, ...], tmp_path: Path
) -> None:
    assert names(tmp_path, *files, header=header) == expected


def test_announced_namespaces_have_one_owner_too(tmp_path: Path) -> None:
    header = "Import-Name: ns.{0}\nImport-Namespace: ns"
    result, warnings = found(
        tmp_path,
        headers={"one": header.format("one"), "two": header.format("two")},
        one=["ns/one.py"],
        two=["ns/two.py"],
    )
    assert result == {"one": ("ns", "ns.one"), "two": ("ns.two",)}
    assert warnings == []


# -- whatever the order


def test_the_order_of_the_distributions_decides_nothing(tmp_path: Path) -> None:
    projects: dict[str, Any] = {
        "one": ["ns/one.py", "c.py"],
        "two": ["ns/two.py", "c.py"],
        "three": ["ns/three/__init__.py"],
    }
    forwards = found(tmp_path / "a", **projects)
    backwards = found(tmp_path / "b", **dict(reversed(projects.items())))
    assert forwards[0] == backwards[0]
    assert forwards[1] == backwards[1]


def test_files_outside_of_the_folder_are_not_imported(tmp_path: Path) -> None:
    site = installer_target(tmp_path / "site", build_wheel(tmp_path, "demo", "1.0"))
    record = site / "demo-1.0.dist-info" / "RECORD"
    record.write_bytes(record.read_bytes() + b"../../bin/tool.py,,\r\n/opt/tool.py,,\r\n")
    assert installed_names(site) == ("demo",)
