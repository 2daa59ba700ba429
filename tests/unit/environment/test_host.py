from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from micropip_lock.environment import Surroundings, default_index_urls
from micropip_lock.environment import host as _host
from micropip_lock.errors import InputError

from .conftest import CDN, Machine


def detect(machine: Machine, venv: Path | None = None, *, base: bool = True) -> Surroundings:
    return _host.detect(venv=venv, base=base, environ=machine.environ, cwd=machine.cwd)


def site_packages_of(venv: Path) -> Path:
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    python = venv / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    return Path(
        subprocess.run(
            [python, "-c", code], check=True, capture_output=True, text=True
        ).stdout.strip()
    )


def test_a_plain_venv_has_no_base(machine: Machine) -> None:
    venv = machine.venv("v")
    found = detect(machine, venv)
    assert found.paths == (site_packages_of(venv),)
    assert (found.base, found.base_url, found.base_dir, found.loaded) == (None, None, None, None)


def test_a_pyodide_venv_knows_its_base(machine: Machine) -> None:
    dist = machine.distribution()
    found = detect(machine, machine.venv("v", dist))
    assert found.base is not None
    assert found.base.info.abi_version == "2026_0"
    assert found.base_dir == dist
    assert found.base_url == CDN


def test_the_base_is_not_read_when_the_caller_has_one(machine: Machine) -> None:
    dist = machine.distribution()
    (dist / "pyodide-lock.json").write_text("broken")
    venv = machine.venv("v", dist)
    found = detect(machine, venv, base=False)
    assert (found.base, found.base_url, found.base_dir) == (None, None, None)
    with pytest.raises(InputError, match=r"pyodide-lock\.json is not valid JSON"):
        detect(machine, venv)


@pytest.mark.parametrize("place", ["", "bin"])
def test_home_may_lie_beside_or_below_the_lock(machine: Machine, place: str) -> None:
    dist = machine.distribution()
    home = dist.parent if place == "" else dist / place
    assert detect(machine, machine.venv("v", home)).base_dir == dist


def test_home_may_be_a_folder_of_links(machine: Machine) -> None:
    """As `uv venv` writes it for an interpreter that is a link on PATH, or that of another venv."""
    dist = machine.distribution()
    machine.write("xbuildenv/dist/python", "#!/bin/sh\n")
    links = machine.root / "links"
    links.mkdir()
    (links / "pyodide").symlink_to(dist / "python")
    venv = machine.venv("v", links)
    (venv / "bin/python").unlink()
    (venv / "bin/python").symlink_to(links / "pyodide")
    assert detect(machine, venv).base_dir == dist
    # The venv does not work any more, and what its links lead to is somebody else's.
    shutil.rmtree(links)
    assert detect(machine, venv).base is None


def test_an_interpreter_that_is_a_link_to_itself(machine: Machine) -> None:
    venv = machine.venv("v")
    (venv / "bin/python").unlink()
    (venv / "bin/python").symlink_to(venv / "bin/python")
    assert detect(machine, venv).base is None


def test_of_two_locks_none_is_taken_unless_they_are_equal(machine: Machine) -> None:
    dist = machine.distribution()
    venv = machine.venv("v", dist.parent)
    other = dist.parent / "pyodide-lock.json"
    shutil.copy(dist / "pyodide-lock.json", other)
    assert detect(machine, venv).base is not None
    other.write_text(other.read_text().replace("3.14.2", "3.14.1"))
    found = detect(machine, venv)
    assert (found.base, found.base_url, found.base_dir) == (None, None, None)


class TestBaseUrl:
    def test_it_comes_from_the_index_that_the_venvs_pip_conf_names(self, machine: Machine) -> None:
        dist = machine.distribution()
        shutil.move(dist.parent / "package_index", machine.root / "else where")
        venv = machine.venv("v", dist)
        assert detect(machine, venv).base_url is None
        machine.write(
            "v/pip.conf", f"[global]\nextra-index-url={(machine.root / 'else where').as_uri()}\n"
        )
        assert "%20" in (venv / "pip.conf").read_text()
        assert detect(machine, venv).base_url == CDN

    def test_a_page_with_another_hash_is_not_believed(self, machine: Machine) -> None:
        dist = machine.distribution()
        for page in (dist.parent / "package_index").glob("*/index.html"):
            page.write_text(page.read_text().replace("#sha256=", "#sha256=" + "0" * 64 + "&was="))
        assert detect(machine, machine.venv("v", dist)).base_url is None

    def test_a_page_with_another_file_is_not_believed(self, machine: Machine) -> None:
        dist = machine.distribution()
        for page in (dist.parent / "package_index").glob("*/index.html"):
            page.write_text(page.read_text().replace("-py3-none-any.whl", "-cp314-none-any.whl"))
        assert detect(machine, machine.venv("v", dist)).base_url is None

    def test_an_unrelated_index_with_pages_of_the_same_names_does_not_mislead(
        self, machine: Machine
    ) -> None:
        dist = machine.distribution()
        page = '<title>Links for attrs</title><a href="https://else.example/attrs-25.4.0-py3-none-any.whl#sha256=00">x</a>'
        machine.write("other/attrs/index.html", page)
        machine.environ["PIP_INDEX_URL"] = (machine.root / "other").as_uri()
        assert detect(machine, machine.venv("v", dist)).base_url == CDN

    def test_local_wheels_give_none(self, machine: Machine) -> None:
        dist = machine.distribution(cdn=(machine.root / "xbuildenv/dist").as_uri() + "/")
        assert detect(machine, machine.venv("v", dist)).base_url is None

    def test_a_page_that_is_no_page_gives_none(self, machine: Machine) -> None:
        dist = machine.distribution()
        for page in (dist.parent / "package_index").glob("*/index.html"):
            page.write_bytes(b"\xff\x00")
        assert detect(machine, machine.venv("v", dist)).base_url is None

    def test_a_lock_of_absolute_urls_needs_none(self, machine: Machine) -> None:
        dist = machine.distribution()
        lock = json.loads((dist / "pyodide-lock.json").read_text())
        for entry in lock["packages"].values():
            entry["file_name"] = CDN + entry["file_name"]
        (dist / "pyodide-lock.json").write_text(json.dumps(lock))
        assert detect(machine, machine.venv("v", dist)).base_url is None


class TestWhichVenv:
    def test_the_given_one_beats_the_active_one(self, machine: Machine) -> None:
        given, active = machine.venv("given"), machine.venv("active")
        machine.environ["VIRTUAL_ENV"] = str(active)
        assert detect(machine, given).paths == (site_packages_of(given),)
        assert detect(machine).paths == (site_packages_of(active),)

    def test_a_relative_path_counts_from_the_working_folder(self, machine: Machine) -> None:
        venv = machine.venv("work/v")
        assert detect(machine, Path("v")).paths == (site_packages_of(venv),)

    def test_the_active_one_beats_the_nearest(self, machine: Machine) -> None:
        active = machine.venv("active")
        machine.venv("work/.venv")
        machine.environ["VIRTUAL_ENV"] = str(active)
        assert detect(machine).paths == (site_packages_of(active),)

    def test_the_nearest_above(self, machine: Machine) -> None:
        far, near = machine.venv(".venv"), machine.venv("work/.venv-x")
        (machine.cwd / "deep/er").mkdir(parents=True)
        found = _host.detect(environ=machine.environ, cwd=machine.cwd / "deep/er")
        assert found.paths == (site_packages_of(near),)
        shutil.rmtree(near)
        assert detect(machine).paths == (site_packages_of(far),)

    def test_a_pyodide_one_is_preferred_even_when_farther(self, machine: Machine) -> None:
        dist = machine.distribution()
        machine.venv("work/.venv")
        beside = machine.venv(".venv-pyodide", dist)
        assert detect(machine).paths[0].is_relative_to(beside)

    def test_one_of_pyodide_beats_an_active_one_of_another_python(self, machine: Machine) -> None:
        """That is the one of the tools: `micropip-lock` itself, the `pyodide` command."""
        dist = machine.distribution()
        tools, near = machine.venv("tools"), machine.venv("work/.venv-pyodide", dist)
        machine.environ["VIRTUAL_ENV"] = str(tools)
        assert detect(machine).paths[0].is_relative_to(near)
        assert detect(machine, tools).paths[0].is_relative_to(tools)
        active = machine.venv("other", dist)
        machine.environ["VIRTUAL_ENV"] = str(active)
        assert detect(machine).paths[0].is_relative_to(active)
        shutil.rmtree(active)
        with pytest.raises(InputError, match=r"VIRTUAL_ENV names .*does not exist"):
            detect(machine)

    def test_several_are_named(self, machine: Machine) -> None:
        one, two = machine.venv("work/.venv"), machine.venv("work/.venv2")
        with pytest.raises(InputError, match="Several venvs") as caught:
            detect(machine)
        assert str(one) in str(caught.value)
        assert str(two) in str(caught.value)
        assert "--venv" in str(caught.value)

    def test_a_folder_without_pyvenv_cfg_does_not_count(self, machine: Machine) -> None:
        (machine.cwd / ".venv").mkdir()
        with pytest.raises(InputError, match=r"No virtual environment.*--venv.*--path"):
            detect(machine)

    def test_what_is_no_venv_is_refused(self, machine: Machine) -> None:
        with pytest.raises(InputError, match=r"--venv names .*does not exist"):
            detect(machine, machine.root / "missing")
        machine.environ["VIRTUAL_ENV"] = str(machine.cwd)
        with pytest.raises(InputError, match=r"VIRTUAL_ENV names .*has no pyvenv\.cfg"):
            detect(machine)


class TestSitePackages:
    def test_none(self, machine: Machine) -> None:
        machine.write("v/pyvenv.cfg", "home = /nowhere\n")
        with pytest.raises(InputError, match=r"no site-packages folder.*--path"):
            detect(machine, machine.root / "v")

    def test_windows_layout(self, machine: Machine) -> None:
        machine.write("v/pyvenv.cfg", "")
        (machine.root / "v/Lib/site-packages").mkdir(parents=True)
        assert detect(machine, machine.root / "v").paths == (machine.root / "v/Lib/site-packages",)

    def test_several(self, machine: Machine) -> None:
        machine.write("v/pyvenv.cfg", "")
        for version in ("3.13", "3.14"):
            (machine.root / f"v/lib/python{version}/site-packages").mkdir(parents=True)
        with pytest.raises(
            InputError, match=r"several site-packages.*python3\.13.*python3\.14.*--path"
        ):
            detect(machine, machine.root / "v")

    def test_a_link_to_the_other_is_not_several(self, machine: Machine) -> None:
        machine.write("v/pyvenv.cfg", "")
        (machine.root / "v/Lib/site-packages").mkdir(parents=True)
        (machine.root / "v/lib/python3.14").mkdir(parents=True)
        (machine.root / "v/lib/python3.14/site-packages").symlink_to(
            machine.root / "v/Lib/site-packages"
        )
        assert len(detect(machine, machine.root / "v").paths) == 1


class TestIndexes:
    def indexes(self, machine: Machine) -> tuple[str, ...]:
        return _host.configured_indexes(None, machine.environ, machine.cwd)[0]

    def test_micropips_default_when_nothing_is_configured(self, machine: Machine) -> None:
        assert self.indexes(machine) == default_index_urls() != ()

    def test_the_default_stays_first_before_extra_ones(self, machine: Machine) -> None:
        machine.environ |= {
            "PIP_EXTRA_INDEX_URL": "https://p.example/s",
            "UV_INDEX": "https://u.example/s",
        }
        assert self.indexes(machine) == (
            *default_index_urls(),
            "https://p.example/s",
            "https://u.example/s",
        )

    def test_pip_before_uv(self, machine: Machine) -> None:
        machine.environ |= {
            "PIP_INDEX_URL": "https://pip.example/s",
            "PIP_EXTRA_INDEX_URL": "https://p.example/s",
            "UV_DEFAULT_INDEX": "https://uv.example/s",
            "UV_INDEX": "https://u.example/s",
        }
        assert self.indexes(machine) == (
            "https://pip.example/s",
            "https://p.example/s",
            "https://u.example/s",
            "https://uv.example/s",
        )

    def test_uvs_default_when_pip_names_none(self, machine: Machine) -> None:
        machine.environ |= {
            "PIP_EXTRA_INDEX_URL": "https://p.example/s",
            "UV_DEFAULT_INDEX": "https://uv.example/s",
        }
        assert self.indexes(machine) == ("https://uv.example/s", "https://p.example/s")

    def test_repeats_are_dropped_whatever_their_slash(self, machine: Machine) -> None:
        machine.environ |= {
            "PIP_INDEX_URL": "https://a.example/s/",
            "PIP_EXTRA_INDEX_URL": "https://b.example/s https://a.example/s",
            "UV_DEFAULT_INDEX": "https://a.example/s",
            "UV_INDEX": "https://b.example/s/",
        }
        assert self.indexes(machine) == ("https://a.example/s/", "https://b.example/s")

    def test_no_index_leaves_none_of_pips_and_no_default(self, machine: Machine) -> None:
        machine.environ |= {
            "PIP_NO_INDEX": "1",
            "PIP_INDEX_URL": "https://a.example/s",
            "PIP_EXTRA_INDEX_URL": "https://b.example/s",
        }
        assert self.indexes(machine) == ()
        machine.environ["UV_INDEX"] = "https://u.example/s"
        assert self.indexes(machine) == ("https://u.example/s",)

    def test_find_links_of_both(self, machine: Machine) -> None:
        machine.environ |= {"PIP_FIND_LINKS": "a", "UV_FIND_LINKS": "a,b"}
        _, links = _host.configured_indexes(None, machine.environ, machine.cwd)
        assert links == ((machine.cwd / "a").as_uri(), (machine.cwd / "b").as_uri())

    def test_the_venvs_pip_conf_counts_in_look(self, machine: Machine) -> None:
        dist = machine.distribution()
        venv = machine.venv("v", dist)
        url = (dist.parent / "package_index").as_uri()
        machine.write("v/pip.conf", f"\n[global]\nonly-binary=:all:\nextra-index-url={url}\n")
        assert detect(machine, venv).index_urls == (*default_index_urls(), url)
