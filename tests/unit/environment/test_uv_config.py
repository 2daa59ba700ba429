from __future__ import annotations

import pytest

from micropip_lock.environment.settings import IndexSettings
from micropip_lock.environment.uv_config import uv_settings
from micropip_lock.errors import InputError

from .conftest import Machine


def settings(machine: Machine) -> IndexSettings:
    return uv_settings(machine.environ, machine.cwd)


def test_nothing_is_configured(machine: Machine) -> None:
    assert settings(machine) == IndexSettings()


def test_variables(machine: Machine) -> None:
    machine.environ |= {
        "UV_DEFAULT_INDEX": "main=https://main.example/s",
        "UV_INDEX_URL": "https://old.example/s",
        "UV_INDEX": "one=https://one.example/s https://two.example/s?a=b",
        "UV_EXTRA_INDEX_URL": "https://three.example/s",
        "UV_FIND_LINKS": "with space,https://links.example/",
    }
    assert settings(machine) == IndexSettings(
        default="https://main.example/s",
        extra=("https://one.example/s", "https://two.example/s?a=b", "https://three.example/s"),
        find_links=((machine.cwd / "with space").as_uri(), "https://links.example/"),
    )


def test_the_old_variable_names_the_default_as_well(machine: Machine) -> None:
    machine.environ["UV_INDEX_URL"] = "https://old.example/s"
    assert settings(machine).default == "https://old.example/s"


def test_files_add_up_the_nearest_first(machine: Machine) -> None:
    """The order that ``uv pip install --show-settings`` of uv 0.13.8 shows for the same files."""
    machine.write(
        "pyproject.toml",
        """
        [tool.uv]
        extra-index-url = ["https://project-extra.example/s"]
        find-links = ["links"]
        [[tool.uv.index]]
        name = "one"
        url = "https://one.example/s"
        [[tool.uv.index]]
        url = "https://default.example/s"
        default = true
        [[tool.uv.index]]
        url = "./flat"
        format = "flat"
        [[tool.uv.index]]
        name = "pinned"
        url = "https://explicit.example/s"
        explicit = true
        [tool.uv.pip]
        extra-index-url = ["https://pip-extra.example/s"]
        """,
    )
    machine.write(
        "home/.config/uv/uv.toml",
        """
        index-url = "https://user-default.example/s"
        [[index]]
        name = "one"
        url = "https://hidden-by-its-name.example/s"
        """,
    )
    machine.write("etc/xdg/uv/uv.toml", 'extra-index-url = ["https://system-extra.example/s"]')
    machine.write("etc/uv/uv.toml", 'extra-index-url = ["https://not-read.example/s"]')
    assert settings(machine) == IndexSettings(
        default="https://default.example/s",
        extra=(
            "https://one.example/s",
            "https://pip-extra.example/s",
            "https://project-extra.example/s",
            "https://system-extra.example/s",
        ),
        find_links=((machine.root / "flat").as_uri(), (machine.root / "links").as_uri()),
    )


def test_the_pip_table_wins(machine: Machine) -> None:
    machine.write("work/uv.toml", 'index-url = "https://top.example/s"\nno-index = false\n')
    machine.write(
        "home/.config/uv/uv.toml", '[pip]\nindex-url = "https://pip.example/s"\nno-index = true\n'
    )
    assert settings(machine).default == "https://pip.example/s"


def test_the_nearest_file_decides_no_index(machine: Machine) -> None:
    machine.write("home/.config/uv/uv.toml", "no-index = true")
    assert settings(machine).no_index
    machine.write("work/uv.toml", "no-index = false")
    assert not settings(machine).no_index


def test_a_pyproject_without_uv_is_passed_over(machine: Machine) -> None:
    machine.write("work/pyproject.toml", "[project]\nname = 'x'\n")
    machine.write("uv.toml", 'extra-index-url = ["https://above.example/s"]')
    assert settings(machine).extra == ("https://above.example/s",)


def test_uv_toml_hides_the_pyproject_beside_it(machine: Machine) -> None:
    machine.write(
        "work/pyproject.toml", '[tool.uv]\nextra-index-url = ["https://hidden.example/s"]'
    )
    machine.write("work/uv.toml", 'extra-index-url = ["https://seen.example/s"]')
    assert settings(machine).extra == ("https://seen.example/s",)


def test_a_named_file_replaces_all_others(machine: Machine) -> None:
    machine.write("work/uv.toml", 'index-url = "https://project.example/s"')
    machine.write("conf/told.toml", 'index-url = "mirror"')
    machine.environ["UV_CONFIG_FILE"] = "../conf/told.toml"
    # normalised: relative to the folder of the file, not to the working folder
    assert settings(machine).default == (machine.root / "conf/mirror").as_uri()
    machine.environ["UV_CONFIG_FILE"] = "missing.toml"
    with pytest.raises(InputError, match=r"UV_CONFIG_FILE names missing\.toml"):
        settings(machine)


def test_files_can_be_switched_off(machine: Machine) -> None:
    machine.write("work/uv.toml", 'index-url = "https://project.example/s"')
    machine.environ["UV_NO_CONFIG"] = "1"
    assert settings(machine) == IndexSettings()


def test_credentials_of_a_named_index_come_from_variables(machine: Machine) -> None:
    machine.write(
        "work/uv.toml", '[[index]]\nname = "my-own.idx"\nurl = "https://private.example:8443/s"'
    )
    machine.environ |= {
        "UV_INDEX_MY_OWN_IDX_USERNAME": "me",
        "UV_INDEX_MY_OWN_IDX_PASSWORD": "p@ss/word",
    }
    assert settings(machine).extra == ("https://me:p%40ss%2Fword@private.example:8443/s",)


@pytest.mark.parametrize("name", ["uv.toml", "pyproject.toml"])
def test_malformed_toml_is_named_with_its_line(machine: Machine, name: str) -> None:
    path = machine.write(f"work/{name}", "\n[tool.uv\n")
    with pytest.raises(InputError) as caught:
        settings(machine)
    assert str(path) in str(caught.value)
    assert "line 2" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("index-url = 3", "index-url must be a string"),
        ('extra-index-url = "https://a.example"', "extra-index-url must be a list"),
        ("find-links = [1]", "find-links must be a list"),
        ("index = 3", "index must be a list of tables"),
        ('[[index]]\nname = "x"', r"index\.url must be a string"),
        ('no-index = "yes"', "no-index must be true or false"),
        ("pip = 3", "pip must be a table"),
    ],
)
def test_a_wrong_type_is_named_with_file_and_key(machine: Machine, text: str, key: str) -> None:
    machine.write("work/uv.toml", text)
    with pytest.raises(InputError, match=rf"uv\.toml: {key}"):
        settings(machine)
