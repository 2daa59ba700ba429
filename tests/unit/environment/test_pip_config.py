from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from micropip_lock.environment.pip_config import pip_settings
from micropip_lock.environment.settings import IndexSettings, as_url
from micropip_lock.errors import InputError

from .conftest import Machine


def settings(machine: Machine, venv: Path | None = None) -> IndexSettings:
    return pip_settings(venv, machine.environ, machine.cwd)


def test_nothing_is_configured(machine: Machine) -> None:
    assert settings(machine) == IndexSettings()


def test_the_places_override_one_another_in_pips_order(machine: Machine) -> None:
    """Each step adds a stronger place, which replaces the weaker ones' value."""
    venv = machine.venv("v")
    config_file = machine.root / "told.conf"
    places = [
        "etc/xdg/pip/pip.conf",
        "etc/pip.conf",
        "home/.pip/pip.conf",
        "home/.config/pip/pip.conf",
        "v/pip.conf",
    ]
    for number, place in enumerate(places):
        machine.write(place, f"[global]\nindex-url = https://{number}.example/simple\n")
        assert settings(machine, venv).default == f"https://{number}.example/simple"
    machine.write("told.conf", "[global]\nindex_url = https://told.example/simple\n")
    machine.environ["PIP_CONFIG_FILE"] = str(config_file)
    assert settings(machine, venv).default == "https://told.example/simple"
    machine.environ["PIP_INDEX_URL"] = "https://variable.example/simple"
    assert settings(machine, venv).default == "https://variable.example/simple"


def test_the_venvs_file_counts_only_for_that_venv(machine: Machine) -> None:
    venv = machine.venv("v")
    machine.write("v/pip.conf", "[global]\nextra-index-url = https://site.example/simple\n")
    assert settings(machine, venv).extra == ("https://site.example/simple",)
    assert settings(machine).extra == ()


def test_xdg_variables_move_the_folders(machine: Machine) -> None:
    machine.write("x1/pip/pip.conf", "[global]\nextra-index-url = https://one.example/simple\n")
    machine.write("x2/pip/pip.conf", "[global]\nindex-url = https://two.example/simple\n")
    machine.environ["XDG_CONFIG_DIRS"] = str(machine.root / "x1")
    machine.environ["XDG_CONFIG_HOME"] = str(machine.root / "x2")
    found = settings(machine)
    assert (found.default, found.extra) == (
        "https://two.example/simple",
        ("https://one.example/simple",),
    )


def test_install_section_beats_global_of_a_stronger_file(machine: Machine) -> None:
    machine.write("etc/pip.conf", "[install]\nindex-url = https://install.example/simple\n")
    machine.write(
        "home/.pip/pip.conf",
        "[global]\nindex-url = https://global.example/simple\n[download]\nno-index=1\n",
    )
    found = settings(machine)
    assert found.default == "https://install.example/simple"
    assert not found.no_index


def test_lists_are_split_and_replaced_not_added(machine: Machine) -> None:
    machine.write(
        "etc/pip.conf", "[global]\nextra-index-url = https://a.example/s\n  https://b.example/s\n"
    )
    assert settings(machine).extra == ("https://a.example/s", "https://b.example/s")
    machine.environ["PIP_EXTRA_INDEX_URL"] = "https://c.example/s https://d.example/s"
    assert settings(machine).extra == ("https://c.example/s", "https://d.example/s")


def test_an_empty_variable_hides_nothing(machine: Machine) -> None:
    machine.write("etc/pip.conf", "[global]\nindex-url = https://a.example/s\n")
    machine.environ["PIP_INDEX_URL"] = ""
    assert settings(machine).default == "https://a.example/s"


def test_devnull_switches_files_off_but_not_variables(machine: Machine) -> None:
    machine.write(
        "etc/pip.conf",
        "[global]\nindex-url = https://a.example/s\nextra-index-url = https://b.example/s\n",
    )
    machine.environ |= {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": "https://c.example/s"}
    assert settings(machine) == IndexSettings(default="https://c.example/s")


def test_a_named_file_replaces_the_users_files_only_when_it_exists(machine: Machine) -> None:
    machine.write("home/.pip/pip.conf", "[global]\nextra-index-url = https://user.example/s\n")
    machine.environ["PIP_CONFIG_FILE"] = str(machine.root / "missing.conf")
    assert settings(machine).extra == ("https://user.example/s",)
    machine.write("missing.conf", "[global]\n")
    assert settings(machine).extra == ()


def test_find_links_become_urls(machine: Machine) -> None:
    machine.environ["PIP_FIND_LINKS"] = (
        "wheels ../more ~/mine https://links.example/page.html file:///abs"
    )
    assert settings(machine).find_links == (
        (machine.cwd / "wheels").as_uri(),
        (machine.root / "more").as_uri(),
        (machine.root / "home/mine").as_uri(),
        "https://links.example/page.html",
        "file:///abs",
    )


def test_a_folder_as_index_becomes_a_url(machine: Machine) -> None:
    machine.environ["PIP_INDEX_URL"] = "mirror/simple"
    assert settings(machine).default == (machine.cwd / "mirror/simple").as_uri()


def test_url_without_its_scheme_is_no_path() -> None:
    """As the path of a `file:` URL, a password in it would be shown."""
    place = "user:hunter2@index.example/simple"
    assert as_url(place, Path.cwd()) == place


def test_a_drive_letter_is_no_scheme() -> None:
    assert not as_url("C:wheels", Path.cwd()).startswith("C:")
    assert as_url("git+https://x.example/y", Path.cwd()) == "git+https://x.example/y"


def test_credentials_stay_and_percent_signs_are_no_interpolation(machine: Machine) -> None:
    machine.write("etc/pip.conf", "[global]\nindex-url = https://u:p%40ss@a.example/s\n")
    assert settings(machine).default == "https://u:p%40ss@a.example/s"


@pytest.mark.parametrize(
    ("word", "expected"), [("1", True), ("True", True), ("on", True), ("no", False), ("", False)]
)
def test_no_index(machine: Machine, word: str, expected: bool) -> None:
    machine.environ["PIP_NO_INDEX"] = word
    assert settings(machine).no_index is expected


def test_no_index_of_another_word_is_refused(machine: Machine) -> None:
    machine.environ["PIP_NO_INDEX"] = "maybe"
    with pytest.raises(InputError, match=r"no-index.*'maybe'.*yes/no"):
        settings(machine)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("index-url = https://u:secret@a.example/s\n", 1),
        ("[global]\n\nsecret words\n", 3),
        (
            "[global]\nindex-url = https://u:secret@a.example\nindex_url = https://u:secret@b.example\n",
            3,
        ),
    ],
)
def test_a_malformed_file_is_named_with_its_line_and_not_quoted(
    machine: Machine, text: str, line: int
) -> None:
    path = machine.write("home/.config/pip/pip.conf", text)
    with pytest.raises(InputError) as caught:
        settings(machine)
    assert f"{path}, line {line}," in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "--index-url" in str(caught.value)


def test_a_file_that_is_not_utf8_is_named_with_its_line(machine: Machine) -> None:
    path = machine.write("etc/pip.conf", "")
    path.write_bytes(b"[global]\n# caf\xe9\n")
    with pytest.raises(InputError, match=r"pip\.conf, line 2, is not UTF-8"):
        settings(machine)


def test_pip_itself_looks_in_the_same_places(machine: Machine) -> None:
    """Two sections, two files and the environment;

    all indexes are folders, so nothing is asked over the network.
    """
    here = machine.root.as_uri()
    machine.write(
        "home/.pip/pip.conf",
        f"[global]\nindex-url = {here}/a\nextra-index-url = {here}/b\n  {here}/c\n",
    )
    machine.write(
        "home/.config/pip/pip.conf",
        f"[install]\nextra-index-url = {here}/d\n[global]\nfind-links = ~/links w\n",
    )
    machine.environ |= {
        "PIP_INDEX_URL": f"{here}/e",
        "PIP_EXTRA_INDEX_URL": "",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    for folder in ("home/links", "work/w"):
        (machine.root / folder).mkdir(parents=True)
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "no-such-project"]
    ran = subprocess.run(
        command,
        env=machine.environ,
        cwd=machine.cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    said = dict(
        line.split(": ", 1) for line in ran.stdout.splitlines() if line.startswith("Looking in ")
    )
    found = settings(machine, Path(sys.prefix))
    assert [found.default, *found.extra] == said["Looking in indexes"].split(", ")
    assert list(found.find_links) == [
        as_url(place, machine.cwd) for place in said["Looking in links"].split(", ")
    ]
