"""The main job on real input: install into Pyodide, freeze, boot again from the lock. Run it with
``make demo``.

Three things need arranging, since Node is no browser: it cannot load wheels by absolute URL, does
not compare hashes, and Pyodide's npm package holds no wheels. So the first runtime boots from a
base with micropip and packaging alone, and the second one from a copy of the lock whose wheels were
fetched by the lock's URLs and compared with its hashes.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from micropip_lock import Evidence, FreezeResult, Lockfile, Problem
from micropip_lock._util.url import is_http
from micropip_lock.cli.console import Output
from micropip_lock.network import Fetcher, default_fetcher
from tests.support.index_proxy import default_index_url
from tests.support.node_pyodide import NodePyodide
from tests.support.runtimes import CACHE, emptied_base

VERSION = "314.0.7"
FOLDER = CACHE / "demo"

_REPORT = """
import json
json.dumps({
    "lock": result.to_json(),
    "evidence": [item.to_json() for item in result.evidence],
    "warnings": [item.to_json() for item in result.warnings],
    "left_out": result.left_out,
    "requests": result.requests,
    "bytes": result.bytes,
})
"""


def main() -> None:
    """Install, freeze, fetch, boot, import."""
    output = Output(quiet=False, color="auto")
    output.say(f"Booting Pyodide {VERSION} in Node, and installing with micropip ...")
    result = freeze_in_pyodide()
    output.result(result)
    FOLDER.mkdir(parents=True, exist_ok=True)
    result.write(FOLDER / "pyodide-lock.json")
    output.say(f"Wrote {(FOLDER / 'pyodide-lock.json').relative_to(HERE.parent)}.")
    local = asyncio.run(fetch_wheels(result.lockfile, FOLDER / "offline"))
    output.say(
        f"Fetched {len(local.packages)} wheels by the lock's URLs: every sha256 is as the lock "
        "says."
    )
    imported = boot_and_import(FOLDER / "offline" / "pyodide-lock.json", local)
    output.say(f"A second Pyodide booted from the lock imported {imported} names.")
    with ThreadPoolExecutor(2) as pool:
        names = list(pool.map(lambda name: import_alone(name, local), local.packages))
    output.say(
        f"{len(names)} fresh runtimes loaded each package by its import alone: {', '.join(names)}."
    )


def freeze_in_pyodide() -> FreezeResult:
    """Run examples/notebook.py in a first runtime; the lock and its evidence."""
    with NodePyodide(VERSION) as pyodide:
        pyodide.use_project()
        pyodide.load_packages(["micropip", "packaging"])
        # micropip puts a slash behind the index's URL without looking.
        pyodide.run(
            f"import micropip; micropip.set_index_urls([{default_index_url().rstrip('/')!r}])"
        )
        pyodide.run((HERE / "notebook.py").read_text())
        told = json.loads(pyodide.run(_REPORT))
    return FreezeResult(
        Lockfile.from_json(told["lock"]),
        tuple(Evidence(**item) for item in told["evidence"]),
        tuple(Problem(**item) for item in told["warnings"]),
        told["requests"],
        told["bytes"],
        tuple(tuple(item) for item in told["left_out"]),
    )


async def fetch_wheels(lockfile: Lockfile, folder: Path) -> Lockfile:
    """Fetch every wheel by its URL into ``folder``, compare it with its sha256, and write the lock
    beside them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    fetcher = default_fetcher()
    try:
        names = await fetcher.gather(
            fetch_wheel(fetcher, entry.file_name, entry.sha256, folder)
            for entry in lockfile.packages.values()
        )
    finally:
        await fetcher.aclose()
    renamed = zip(lockfile.packages.items(), names, strict=True)
    local = replace(
        lockfile, packages={key: replace(entry, file_name=name) for (key, entry), name in renamed}
    )
    local.write(folder / "pyodide-lock.json")
    return local


async def fetch_wheel(fetcher: Fetcher, url: str, sha256: str, folder: Path) -> str:
    """Fetch one wheel; entries of the base are files beside the lock it was booted from."""
    if is_http(url):
        async with fetcher.stream(url) as pieces:
            wheel = b"".join([piece async for piece in pieces])
    else:
        wheel = (emptied_base(VERSION) / url).read_bytes()
    found = hashlib.sha256(wheel).hexdigest()
    if found != sha256:
        raise SystemExit(f"{url} has the sha256 {found}; the lock says {sha256}.")
    name = url.rpartition("/")[2]
    (folder / name).write_bytes(wheel)
    return name


def boot_and_import(lock: Path, lockfile: Lockfile) -> int:
    """Boot from the lock, load everything, import every name of every entry."""
    names = [name for entry in lockfile.packages.values() for name in entry.imports]
    with NodePyodide(VERSION, lock=lock) as pyodide:
        pyodide.load_packages(list(lockfile.packages))
        pyodide.run(f"import importlib\nfor name in {names!r}: importlib.import_module(name)")
    return len(names)


def import_alone(key: str, lockfile: Lockfile) -> str:
    """Import the names of one entry in a fresh runtime, which loads what they need by itself."""
    code = "\n".join(f"import {name}" for name in lockfile.packages[key].imports)
    with NodePyodide(VERSION, lock=FOLDER / "offline" / "pyodide-lock.json") as pyodide:
        pyodide.load_packages_from_imports(code)
        pyodide.run(code)
    return key


if __name__ == "__main__":
    main()
