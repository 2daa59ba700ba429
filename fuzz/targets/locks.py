"""Locks, whoever wrote them, and what JupyterLite keeps in a site."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from micropip_lock.errors import InputError, UnlockableError
from micropip_lock.formats.lockfile import Lockfile
from micropip_lock.formats.pylock import parse_pylock, to_pylock
from micropip_lock.formats.requirements_export import to_requirements
from micropip_lock.formats.target import Target as Pyodide
from micropip_lock.integrations.jupyterlite.site import KERNEL, Choice, Site
from micropip_lock.network import NoNetwork, drive, offline_error
from micropip_lock.operations.diff import diff
from micropip_lock.operations.exchange.export import export
from micropip_lock.operations.tree.run import tree
from micropip_lock.operations.verify.run import verify

from ..target import Target, folder, only, promise

INFO = {
    "python": "3.14.2",
    "platform": "emscripten_5_0_3",
    "arch": "wasm32",
    "abi_version": "2026_0",
}
SHA256 = "0123456789abcdef" * 4


def entry(name: str, version: str = "1.0", **changes: Any) -> dict[str, Any]:
    """An entry of a lock."""
    return {
        "name": name,
        "version": version,
        "file_name": f"https://files.example/{name}-{version}-py3-none-any.whl",
        "install_dir": "site",
        "sha256": SHA256,
        "package_type": "package",
        "imports": [name],
        "depends": [],
        "unvendored_tests": False,
        **changes,
    }


DOCUMENT = {
    "info": INFO,
    "packages": {
        "demo": entry("demo", depends=["other", "lib-x"], imports=["demo", "ns.demo"]),
        "other": entry(
            "Other", "2.0.post1", file_name="other-2.0.post1-py3-none-any.whl", depends=["demo"]
        ),
        "lib-x": entry(
            "lib-x",
            "1.1.1w",
            file_name="lib-x-1.1.1w.zip",
            package_type="shared_library",
            imports=[],
        ),
        "tests": entry(
            "tests",
            file_name="demo-tests.tar",
            install_dir="dynlib",
            imports=[],
            extra={"x": [1, 2.5]},
        ),
    },
    "tool": {
        "micropip-lock": {
            "requested": ["demo[x]>=1"],
            "indexes": ["https://index.example"],
            "proof": "content",
        }
    },
}
OLD = {
    "info": {
        "arch": "wasm32",
        "platform": "emscripten_3_1_58",
        "python": "3.12.7",
        "version": "0.27.7",
    },
    "packages": {"demo": entry("demo", "0.1", sha256=None), "gone": entry("gone", "0")},
}
BASE = Lockfile.from_json(OLD)
SEEDS = [
    json.dumps(value, indent=indent).encode() for value in (DOCUMENT, OLD) for indent in (None, 1)
]
WORDS = [
    *(
        f'"{key}"'
        for key in ("info", "packages", *INFO, *entry("x"), "version", "tool", "extra", "api")
    ),
    *(
        "demo",
        "Demo",
        "de_mo",
        "other",
        "static_library",
        "cpython_module",
        "null",
        "true",
        "3.14.2+",
        "3.13.0rc1",
    ),
    *(
        "emscripten_5_0_3",
        "demo-1.0-py3-none-any.whl",
        "https://user:password@files.example/demo-1.0-py3-none-any.whl",
    ),
    *(
        "demo-1.0-cp314-cp314-pyemscripten_2026_0_wasm32.whl",
        "demo-1.0.tar.gz",
        "file:///demo-1.0-py3-none-any.whl",
    ),
    *(
        "https://h.example/a-1-py2.py3-none-any.whl?sha256=1#x",
        "data:,x",
        "../../demo-1.0-py3-none-any.whl",
        "C:\\x.whl",
    ),
]


def _read(data: bytes) -> None:
    """Whatever is read is written, and read again as the same."""
    with only(InputError):
        lock = Lockfile.from_json(data, "lock.json")
        text = lock.to_json()
        _same(lock, text)
        with suppress(InputError):
            pyodide = Pyodide.from_info(lock.info)
            promise(pyodide.rank(pyodide.tags) == 0 and bool(str(pyodide)), "a target without tags")
            promise(
                pyodide.environment["python_version"].count(".") == 1, "a target without a version"
            )
        return
    return


def _same(lock: Lockfile, text: str) -> None:
    try:
        again = Lockfile.from_json(text)
        compact = Lockfile.from_json(lock.to_json(compact=True).encode())
    except InputError as error:
        promise(False, f"what was written cannot be read: {error}")
        return
    promise(again == lock and again.to_json() == text, "what was written is read as something else")
    promise(compact.to_json() == text, "the compact form says something else")


def _judge(data: bytes) -> None:
    """`verify` has an answer for every lock."""
    with only(InputError):
        found = drive(
            verify(
                "{" + data.decode("utf-8", "replace").lstrip().removeprefix("{"),
                online=False,
                fetcher=OFFLINE,
            )
        )
        promise(
            all(problem.code and problem.message and problem.hint for problem in found),
            "an empty problem",
        )
        json.dumps([problem.to_json() for problem in found])


OFFLINE = NoNetwork(offline_error)


def _use(data: bytes) -> None:
    """Whatever is read can be compared, drawn and exported."""
    try:
        lock = Lockfile.from_json(data)
    except InputError:
        return
    promise(not diff(lock, lock).changes, "a lock differs from itself")
    json.dumps([diff(BASE, lock).to_json(), diff(lock, BASE).to_json()])
    drawn = drive(tree(lock, fetcher=OFFLINE))
    json.dumps(drawn.to_json())
    with only(InputError, UnlockableError, most=(1 << 20) + 8 * len(data)):
        exported = export(lock, base_url="https://files.example/")
        to_requirements(exported)
        to_requirements(exported, urls=True)
        parse_pylock(to_pylock(exported).encode())


def _big(size: int) -> dict[str, bytes]:
    name = b"n" * size
    many = {
        f"p{number}": entry(f"p{number}", depends=[f"p{number + 1}"])
        for number in range(size // 300)
    }
    hub = {
        f"p{number}": entry(f"p{number}", depends=["p0"], imports=["same"])
        for number in range(size // 300)
    }
    half = b"[" * (size // 2)
    return {
        "deep arrays": b"[" * size,
        "deep objects": b'{"a":' * (size // 5),
        "deep extra": b'{"info": {}, "packages": {}, "x": ' + half + b"]" * (size // 2) + b"}",
        "deep but read": json.dumps(DOCUMENT).encode()[:-1]
        + b', "x": '
        + b"[" * 900
        + b"]" * 900
        + b"}",
        "long name": json.dumps(DOCUMENT).encode().replace(b"demo", name),
        "dashes": json.dumps(DOCUMENT).encode().replace(b"demo", b"-" * size),
        "long version": json.dumps(DOCUMENT)
        .encode()
        .replace(b'"1.0"', b'"' + b"1." * (size // 2) + b'1"'),
        "long python": json.dumps(DOCUMENT).encode().replace(b"3.14.2", b"3." + b"1" * size),
        "long digits": json.dumps(DOCUMENT).encode().replace(b"2.5", b"9" * size),
        "a chain": json.dumps({"info": INFO, "packages": many}).encode(),
        "a star": json.dumps({"info": INFO, "packages": hub}).encode(),
        "one key": b'{"packages": {' + b",".join([b'"a": 1'] * (size // 7)) + b"}}",
        "many parts": json.dumps(DOCUMENT).encode().replace(b"demo", b"a." * (size // 2)),
        "many tags": json.dumps(DOCUMENT)
        .encode()
        .replace(b"py3-none-any", b"-".join([b".".join([b"a"] * 80)] * 3)),
    }


# -- JupyterLite


_PLUGIN = f"{KERNEL}:kernel"
_SETTINGS = {
    "pyodideUrl": "./static/pyodide/pyodide.mjs",
    "disablePyPIFallback": True,
    "pipliteWheelUrl": "",
    "loadPyodideOptions": {
        "lockFileURL": "./static/micropip-lock/pyodide-lock.json?sha256=1",
        "packages": ["demo", "./x.whl"],
    },
}
LITE: Any = {
    "jupyter-config-data": {"litePluginSettings": {_PLUGIN: _SETTINGS}},
    "jupyter-lite-schema-version": 0,
}


def _site(data: bytes) -> None:
    """The configuration of a site, that of its owner, and the package.json of its kernel:

    one JSON text for all.
    """
    with folder() as place:
        site = Site(place / "out", place / "in")
        extension = site.output / "extensions" / KERNEL
        extension.mkdir(parents=True)
        site.source.mkdir()
        for path in (site.root.path, site.root.origin, extension / "package.json"):
            path.write_bytes(data)
        (site.output / "jupyter-lite.ipynb").write_bytes(data)
        (site.output / "repl").mkdir()
        (site.output / "repl" / "jupyter-lite.json").write_bytes(json.dumps(LITE).encode())
        for look in (
            site.own_packages,
            site.piplite_is_elsewhere,
            site.check_settings,
            site.runtime_lock,
        ):
            with only(InputError):
                look()
        for wheels in (site.kernel_wheels, site.other_wheels, site.chosen):
            with only(InputError):
                wheels()
        with only(InputError):
            site.choose(
                Choice("./static/micropip-lock/pyodide-lock.json?sha256=2", ("demo",), True)
            )
            promise(len(site.chosen()) > 0, "the site does not name the lock that was put into it")
            site.choose(None)
            # What its owner wrote may name a lock of ours itself.
            promise(
                site.root.settings() == site.root.settings(), "settings that differ from themselves"
            )


_SITES = [
    json.dumps(LITE).encode(),
    json.dumps({"metadata": {"jupyter-lite": LITE}, "cells": []}).encode(),
    json.dumps({"piplite": {"wheelDir": "static/pypi"}, **LITE}).encode(),
]
_SITE_WORDS = [
    *(
        "jupyter-config-data",
        "litePluginSettings",
        _PLUGIN,
        "metadata",
        "jupyter-lite",
        "loadPyodideOptions",
    ),
    *(
        "lockFileURL",
        "packages",
        "disablePyPIFallback",
        "lockFileContents",
        "packageBaseUrl",
        "indexURL",
        "pyodideUrl",
    ),
    *(
        "./static/micropip-lock/pyodide-lock.json",
        "pipliteWheelUrl",
        "piplite",
        "wheelDir",
        "https://cdn.example/x.mjs",
    ),
]


def _big_site(size: int) -> dict[str, bytes]:
    text = json.dumps(LITE).encode()
    return {
        "deep arrays": b"[" * size,
        "deep objects": b'{"jupyter-config-data":' * (size // 23),
        "long url": text.replace(b"./static/pyodide/pyodide.mjs", b"./" + b"../" * (size // 3)),
        "many packages": text.replace(
            b'"demo"', b",".join(b'"p%d"' % number for number in range(size // 8))
        ),
    }


TARGETS = (
    Target(
        "lock",
        "pyodide-lock.json, read and written",
        _read,
        ("lockfile", "target"),
        "json",
        SEEDS,
        WORDS,
        _big,
    ),
    Target(
        "verify",
        "pyodide-lock.json, judged",
        _judge,
        ("operations/_verify_schema", "operations/_verify_entry", "operations/_verify_static"),
        "json",
        SEEDS,
        WORDS,
        _big,
    ),
    Target(
        "lock-use",
        "pyodide-lock.json, compared, drawn, exported",
        _use,
        ("operations/_diff", "operations/_tree", "operations/_export", "interop/requirements_out"),
        "json",
        SEEDS,
        WORDS,
        _big,
    ),
    Target(
        "jupyterlite",
        "jupyter-lite.json, .ipynb, package.json",
        _site,
        ("hosts/_site",),
        "json",
        _SITES,
        _SITE_WORDS,
        _big_site,
    ),
)
