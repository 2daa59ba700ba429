"""The edges of the lock: extras, markers of the target, and cycles."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from micropip_lock.dependencies.edges import Dependencies, Edges, break_cycles
from micropip_lock.dependencies.package import Package
from micropip_lock.formats.lockfile import LockInfo
from micropip_lock.formats.target import Target
from micropip_lock.installed.distribution import InstalledDistribution
from micropip_lock.installed.site_packages import scan

from ...support.freezing import INFO
from ...support.installed import installer_target
from ...support.wheels import build_wheel

TARGET = Target.from_info(LockInfo.from_dict(INFO, "info"))


class Site:
    """Distributions that a test installs, and what they depend on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "site").mkdir()

    def install(
        self,
        name: str,
        version: str = "1.0",
        *,
        marks: Mapping[str, str] | None = None,
        **options: Any,
    ) -> None:
        """Install a wheel; ``marks`` are files that an installer writes into .dist-info."""
        wheel = build_wheel(self.folder, name, version, **options)
        installer_target(self.folder / "site", wheel)
        for file, text in (marks or {}).items():
            (
                self.folder / "site" / wheel.name.replace("-py3-none-any.whl", ".dist-info") / file
            ).write_text(text)

    def distributions(self) -> dict[str, InstalledDistribution]:
        found, problems = scan([self.folder / "site"])
        assert problems == []
        return {item.key: item for item in found}

    def packages(self) -> dict[str, Package]:
        return {key: Package.installed(item) for key, item in self.distributions().items()}

    def edges(
        self,
        *requested: str,
        others: Mapping[str, str] | None = None,
        other_edges: Mapping[str, Sequence[str]] | None = None,
        exclude: Sequence[str] = (),
        allow_broken: bool = False,
    ) -> Edges:
        dependencies = Dependencies(
            self.packages(),
            others or {},
            TARGET,
            requested=[Requirement(text) for text in requested],
            exclude=exclude,
        )
        return dependencies.edges(allow_broken=allow_broken, other_edges=other_edges)

    def depends(self, name: str, *requested: str, **options: Any) -> list[str]:
        """What ``name`` depends on, when nothing is wrong or guessed."""
        edges = self.edges(*requested, **options)
        assert (edges.problems, edges.warnings) == ([], [])
        return sorted(edges.depends[name])


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


PIP = {"INSTALLER": "pip\n", "REQUESTED": ""}


def test_requirements_become_edges_to_canonical_names(site: Site) -> None:
    site.install("app", requires=["Other.Name>=1", "third_one"])
    site.install("other-name")
    site.install("third-one")
    assert site.depends("app") == ["other-name", "third-one"]


@pytest.mark.parametrize(
    ("marker", "holds"),
    [
        ('sys_platform == "emscripten"', True),
        ('sys_platform != "emscripten"', False),
        ('sys_platform == "linux"', False),
        ('sys_platform == "win32" or platform_system == "Emscripten"', True),
        ('platform_machine == "wasm32"', True),
        ('python_version == "3.14"', True),
        ('python_version < "3.12"', False),
        ('python_full_version >= "3.14.2"', True),
        ('python_full_version > "3.14.2"', False),
        ('os_name == "posix"', True),
        ('implementation_name == "cpython"', True),
        ('extra == ""', True),
        ('"" == extra', True),
        ('extra == "x" or extra == ""', True),
        ('platform_python_implementation == "CPython" and sys_platform != "emscripten"', False),
    ],
)
def test_markers_are_those_of_the_target(marker: str, holds: bool, site: Site) -> None:
    site.install("app", requires=[f"other ; {marker}"])
    site.install("other")
    assert site.depends("app") == (["other"] if holds else [])


def test_what_a_marker_rules_out_need_not_be_installed(site: Site) -> None:
    site.install("app", requires=['colorama ; sys_platform == "win32"'])
    assert site.depends("app") == []


def test_a_marker_that_compares_what_cannot_be_compared_is_a_problem(site: Site) -> None:
    site.install("app", requires=["other ; sys_platform ~= 'linux'"])
    site.install("other")
    (problem,) = site.edges().problems
    assert (problem.package, problem.code) == ("app", "broken-metadata")
    assert "sys_platform" in problem.message


# -- extras


def test_an_extra_that_nobody_asks_for_is_not_active(site: Site) -> None:
    site.install("app", extras={"more": ["other"]})
    assert site.depends("app") == []


def test_an_extra_that_was_requested(site: Site) -> None:
    site.install(
        "app",
        extras={
            "More_Things": ["other ; sys_platform == 'emscripten'", "x ; sys_platform == 'win32'"]
        },
    )
    site.install("other")
    assert site.depends("app", "App[more.things]") == ["other"]


def test_an_extra_that_another_package_asks_for(site: Site) -> None:
    site.install("app", requires=["middle[more]"])
    site.install("middle", extras={"more": ["other[deep]"]})
    site.install("other", extras={"deep": ["last"]})
    site.install("last")
    assert site.depends("middle") == ["other"]
    assert site.depends("other") == ["last"]


def test_an_extra_of_an_inactive_requirement_is_not_active(site: Site) -> None:
    site.install("app", requires=['middle[more] ; sys_platform == "win32"'])
    site.install("middle", extras={"more": ["other"]})
    assert site.depends("middle") == []


def test_extras_that_name_their_own_project(site: Site) -> None:
    site.install(
        "app",
        extras={
            "all": ["app[one,two]"],
            "one": ["first"],
            "two": ["App[three]"],
            "three": ["second"],
        },
    )
    site.install("first")
    site.install("second")
    assert site.depends("app", "app[all]") == ["first", "second"]


def test_extras_that_name_each_other_in_a_circle(site: Site) -> None:
    site.install("app", extras={"a": ["app[b]", "first"], "b": ["app[a]"]})
    site.install("first")
    assert site.depends("app", "app[b]") == ["first"]


def test_a_package_never_depends_on_itself(site: Site) -> None:
    site.install("app", requires=["App", "app>=0", "app[more]"], extras={"more": ["app"]})
    assert site.depends("app") == []


def test_a_wrong_requirement_on_itself_is_not_in_the_way(site: Site) -> None:
    site.install("app", requires=["app>=5"])
    assert site.depends("app") == []


def test_an_extra_that_micropip_used(site: Site) -> None:
    requires = {"INSTALLER": "micropip", "PYODIDE_REQUIRES": json.dumps(["base", "other"])}
    site.install(
        "app", requires=["base"], extras={"more": ["other"], "rest": ["absent"]}, marks=requires
    )
    site.install("base")
    site.install("other")
    assert site.depends("app") == ["base", "other"]


@pytest.mark.parametrize("text", ["", "[", "{}", '"other"', "[1, null]", "[" * 5000])
def test_a_pyodide_requires_that_is_none_is_no_obstacle(text: str, site: Site) -> None:
    site.install(
        "app", requires=["base"], extras={"more": ["base>0"]}, marks={"PYODIDE_REQUIRES": text}
    )
    site.install("base")
    assert site.depends("app") == ["base"]


def test_micropip_without_extras_activates_none(site: Site) -> None:
    site.install(
        "app",
        requires=["base"],
        extras={"more": ["base>0"]},
        marks={"PYODIDE_REQUIRES": '["base"]'},
    )
    site.install("base")
    assert site.depends("app") == ["base"]


# -- guessed extras


def test_an_extra_is_guessed_for_a_package_that_nobody_else_asks_for(site: Site) -> None:
    site.install("app", extras={"more": ["other"], "rest": ["absent"]})
    site.install("other")
    edges = site.edges()
    assert edges.depends["app"] == {"other"}
    (warning,) = edges.warnings
    assert (warning.package, warning.code) == ("app", "extra-guessed")
    assert "other" in warning.message and "'more'" in warning.message
    assert "app[more]" in warning.hint and "--requested other" in warning.hint


@pytest.mark.parametrize("requested", ["other", "app[more]"])
def test_what_was_requested_is_not_guessed(requested: str, site: Site) -> None:
    site.install("app", extras={"more": ["other"]})
    site.install("other")
    assert site.depends("app", requested) == (["other"] if "more" in requested else [])


def test_what_pip_was_asked_for_is_not_guessed(site: Site) -> None:
    site.install("app", extras={"more": ["other"]}, marks=PIP)
    site.install("other", marks=PIP)
    assert site.depends("app") == []


def test_uvs_requested_says_nothing(site: Site) -> None:
    """uv writes it for every package."""
    site.install("app", extras={"more": ["other"]}, marks={"INSTALLER": "uv", "REQUESTED": ""})
    site.install("other", marks={"INSTALLER": "uv", "REQUESTED": ""})
    assert [warning.code for warning in site.edges().warnings] == ["extra-guessed"]


def test_what_another_package_needs_is_not_guessed(site: Site) -> None:
    site.install("app", extras={"more": ["other"]})
    site.install("second", requires=["other"])
    site.install("other")
    assert site.depends("app") == []


def test_what_the_base_needs_is_not_guessed(site: Site) -> None:
    site.install("app", extras={"more": ["other"]})
    site.install("other")
    assert site.depends("app", others={"numpy": "2"}, other_edges={"numpy": ["other"]}) == []


def test_an_extra_that_is_not_met_is_not_guessed(site: Site) -> None:
    site.install("app", extras={"more": ["other>=2"], "full": ["other", "absent"]})
    site.install("other")
    assert site.depends("app") == []


def test_the_extra_that_explains_most_is_guessed(site: Site) -> None:
    site.install("app", extras={"one": ["first"], "both": ["first", "second"]})
    site.install("first")
    site.install("second")
    edges = site.edges()
    assert edges.depends["app"] == {"first", "second"}
    assert all("'both'" in warning.message for warning in edges.warnings)


def test_the_extra_of_what_the_user_asked_for_is_guessed(site: Site) -> None:
    site.install("aaa", extras={"more": ["other"]})
    site.install("zzz", extras={"more": ["other"]}, requires=["aaa"], marks=PIP)
    site.install("other", marks={"INSTALLER": "pip"})
    edges = site.edges()
    assert edges.depends["zzz"] == {"aaa", "other"}
    assert edges.depends["aaa"] == set()


def test_no_extra_is_guessed_that_would_make_a_cycle(site: Site) -> None:
    site.install("app", extras={"dev": ["plugin"]})
    site.install("plugin", requires=["app"])
    assert site.depends("app") == []


def test_guesses_do_not_depend_on_the_order_of_the_folder(site: Site) -> None:
    for name in ("one", "two", "three"):
        site.install(name, extras={"x": ["other"], "y": ["other"]})
    site.install("other")
    packages = site.packages()
    found = []
    for names in (sorted(packages), sorted(packages, reverse=True)):
        ordered = {name: packages[name] for name in names}
        found.append(Dependencies(ordered, {}, TARGET).edges())
    assert found[0].depends == found[1].depends
    assert found[0].warnings == found[1].warnings


# -- what is not met


def test_missing_and_conflicting_are_told_with_what_was_wanted(site: Site) -> None:
    site.install("app", requires=["absent>=2,<3", "other[x]!=1.0"])
    site.install("other")
    edges = site.edges()
    assert [(item.code, item.package, item.version) for item in edges.problems] == [
        ("missing-dependency", "app", "1.0"),
        ("conflicting-dependency", "app", "1.0"),
    ]
    assert "absent<3,>=2" in edges.problems[0].message
    assert "other 1.0 is installed" in edges.problems[1].message
    broken = site.edges(allow_broken=True)
    assert broken.problems == []
    assert [item.code for item in broken.warnings] == [
        "missing-dependency",
        "conflicting-dependency",
    ]
    assert broken.depends["app"] == {"other"}


@pytest.mark.parametrize(
    ("wanted", "version", "met"),
    [
        ("other>=1", "2.0a1", True),  # it is installed: pip took it on purpose
        ("other==1.0", "1.0+local", True),
        ("other<2", "2.0", False),
        ("other @ https://files.example/other-9.whl", "1.0", True),
        ("other", "not a version", True),
    ],
)
def test_versions(wanted: str, version: str, met: bool, site: Site) -> None:
    site.install("app", requires=[wanted])
    edges = site.edges(others={"other": version})
    assert [item.code for item in edges.problems] == ([] if met else ["conflicting-dependency"])
    assert edges.depends["app"] == {"other"}


def test_a_version_that_is_none_does_not_meet_a_bound(site: Site) -> None:
    site.install("app", requires=["other>=1"])
    assert [item.code for item in site.edges(others={"other": "not a version"}).problems] == [
        "conflicting-dependency"
    ]


def test_an_excluded_name_is_no_edge(site: Site) -> None:
    site.install("app", requires=["other>=5", "absent"])
    site.install("other")
    edges = site.edges(exclude=["other", "absent"])
    assert edges.depends["app"] == set()
    assert edges.problems == []
    assert [item.code for item in edges.warnings] == ["excluded-dependency"] * 2


def test_a_request_with_a_marker_for_elsewhere_is_no_request(site: Site) -> None:
    site.install("app")
    assert site.depends("app", 'absent ; sys_platform == "win32"') == []


# -- cycles


def test_a_broken_cycle_is_a_warning() -> None:
    graph, warnings = break_cycles({"a": {"b"}, "b": {"a"}})
    assert graph == {"a": {"b"}, "b": set()}
    (warning,) = warnings
    assert (warning.code, warning.package) == ("cycle", "a")
    assert "a, b" in warning.message and "no longer loads the rest" in warning.hint


# -- what sync wrote down


def synced(**told: list[str]) -> dict[str, str]:
    """The files of a distribution that sync installed."""
    provenance = {"url": "https://files.example/x.whl", "archive_info": {}, "micropip-lock": told}
    return {"INSTALLER": "micropip-lock\n", "provenance_url.json": json.dumps(provenance)}


def test_extras_that_sync_wrote_down(site: Site) -> None:
    site.install(
        "app", extras={"more": ["other"], "rest": ["other", "third"]}, marks=synced(extras=["more"])
    )
    site.install("other")
    assert site.depends("app") == ["other"]


def test_what_sync_installed_needs_no_other_reason(site: Site) -> None:
    """Nothing asks for it but an extra:

    what pip installed has that extra, what sync installed has not.
    """
    site.install("app", extras={"more": ["other"]}, marks=synced())
    site.install("other", marks=synced())
    assert site.depends("app") == []


def test_a_note_of_another_installer_is_not_believed(site: Site) -> None:
    site.install("app", extras={"more": ["other"]}, marks={**synced(extras=["more"]), **PIP})
    site.install("other", marks=PIP)
    assert site.depends("app") == []
