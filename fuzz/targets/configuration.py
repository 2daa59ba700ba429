"""The configuration of pip and of uv."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

from micropip_lock.environment import pip_config as _pip_config
from micropip_lock.environment import uv_config as _uv_config
from micropip_lock.environment.settings import IndexSettings
from micropip_lock.errors import InputError

from ..target import Target, folder, only, promise


def _pip(data: bytes) -> None:
    with folder() as place, mock.patch.object(_pip_config, "SYSTEM_FOLDER", place / "etc"):
        (place / "pip.conf").write_bytes(data)
        environ = {"PIP_CONFIG_FILE": "pip.conf", "HOME": str(place), "XDG_CONFIG_DIRS": str(place)}
        with only(InputError):
            _usable(_pip_config.pip_settings(None, environ, place), place)
        text = data.decode("utf-8", "surrogateescape").replace("\0", "")
        with only(InputError):
            environ = {
                "PIP_CONFIG_FILE": "/dev/null",
                "PIP_INDEX_URL": text,
                "PIP_FIND_LINKS": text,
                "PIP_NO_INDEX": text[:3],
            }
            _usable(_pip_config.pip_settings(None, environ, place), place)


def _uv(data: bytes) -> None:
    with folder() as place, mock.patch.object(_uv_config, "SYSTEM_FOLDER", place / "etc"):
        (place / "uv.toml").write_bytes(data)
        (place / "project").mkdir()
        (place / "project" / "pyproject.toml").write_bytes(data)
        environ = {
            "UV_INDEX_PRIVATE_USERNAME": "me",
            "UV_INDEX_PRIVATE_PASSWORD": "p4ssw0rd",
            "HOME": str(place),
        }
        for told in ({"UV_CONFIG_FILE": "uv.toml"}, {"XDG_CONFIG_HOME": str(place)}):
            with only(InputError):
                where = place if "UV_CONFIG_FILE" in told else place / "project"
                _usable(_uv_config.uv_settings({**environ, **told}, where), place)
        text = data.decode("utf-8", "surrogateescape").replace("\0", "")
        with only(InputError):
            named = {
                "UV_INDEX": text,
                "UV_FIND_LINKS": text,
                "UV_DEFAULT_INDEX": text,
                "UV_NO_CONFIG": "1",
            }
            _usable(_uv_config.uv_settings({**environ, **named}, place), place)


def _usable(found: IndexSettings, place: Path) -> None:
    urls = (*([found.default] if found.default else ()), *found.extra, *found.find_links)
    promise(all(":" in url for url in urls), "a URL without a scheme")


_PIP = b"""[global]
index-url = https://user:password@index.example/simple
extra-index-url = https://a.example/simple
    https://b.example/simple
find-links = ~/wheels ./more
no_index = false
; a comment
[install]
index-url: /folder
[freeze]
timeout = 10
"""
_UV = b"""index-url = "https://index.example/simple"
extra-index-url = ["https://a.example/simple", "./x"]
find-links = ["./wheels"]
no-index = false
[[index]]
name = "private"
url = "https://user@private.example/simple"
default = true
[[index]]
url = "./flat"
format = "flat"
explicit = false
[pip]
index-url = "https://b.example/simple"
no-index = true
[tool.uv]
find-links = []
"""
_PIP_WORDS = [
    "[global]",
    "[install]",
    "[DEFAULT]",
    "index-url",
    "find-links",
    " = ",
    ": ",
    "\n ",
    "no-index",
    "yes",
    "%(x)s",
    "~",
]
_UV_WORDS = [
    "[[index]]",
    "url",
    "name",
    "default",
    "explicit",
    "format",
    "flat",
    "[pip]",
    "[tool.uv]",
    "private",
    "http://[",
    " = ",
]

TARGETS = (
    Target(
        "pip-config",
        "pip.conf, PIP_*",
        _pip,
        ("surroundings/_pip_config", "surroundings/_settings"),
        "text",
        [_PIP],
        _PIP_WORDS,
        lambda size: {
            "lines": b"[global]\n"
            + b"".join(b"a%d = b\n" % number for number in range(size // 10)),
            "continued": b"[global]\nfind-links = a\n" + b" b\n" * (size // 3),
            "blank": b"[global]\nfind-links = a\n" + b"\n" * size,
            "sections": b"".join(b"[s%d]\n" % number for number in range(size // 8)),
            "brackets": b"[" * size,
            "spaces": b"[global]\na" + b" " * size + b"b\n",
            "spaces and colons": b"[global]\n" + b"a : " * (size // 4),
            "links": b"[global]\nfind-links = " + b"../" * (size // 3),
        },
    ),
    Target(
        "uv-config",
        "uv.toml, pyproject.toml, UV_*",
        _uv,
        ("surroundings/_uv_config", "surroundings/_settings"),
        "toml",
        [_UV],
        _UV_WORDS,
        lambda size: {
            "deep arrays": b"x = " + b"[" * size,
            "deep tables": b"x = " + b"{a = " * (size // 5),
            "dotted": b"a." * (size // 2) + b"b = 1",
            "digits": b"x = " + b"9" * size,
            "indexes": b'[[index]]\nurl = "a"\n' * (size // 20),
            "names": b"".join(
                b'[[index]]\nname = "n%d"\nurl = "a"\n' % number for number in range(size // 35)
            ),
            "environment": b"a=b " * (size // 4),
        },
    ),
)
