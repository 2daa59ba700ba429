"""Commands in a running Pyodide that meet a server which fails, or which the browser does not let
them ask.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..support.installed import installer_target
from ..support.session import PyodideSession
from ..support.wheels import sha256
from .matrix import DONE, NOTHING, OTHER, RETRIED
from .network import NETWORK_FAULTS, NetworkFault
from .scene import HOST, Scene, build_wheels
from .server import FaultyIndex

#: What runs where: in Node, in the main thread of a page, and by synchronous requests in a web
#: worker.
PLACES = ("node-freeze", "node-bundle", "page-freeze", "worker-freeze")

#: Seconds without an answer that are too many.
_SILENCE = 0.15

_NAMES = (
    "time-out reset-once reset-always truncated-always 429 429-hour 500-once 500-always wrong-type "
    "wrong-hash dns"
)


@contextmanager
def _blocked(scene: Scene, where: str) -> Iterator[None]:
    scene.index.cors = False
    yield
    scene.index.cors = True


CORS = NetworkFault(
    "cors", "it does not let other origins read its answers", scope="all", around=_blocked
)
INSIDE_FAULTS = (*(fault for fault in NETWORK_FAULTS if fault.name in _NAMES.split()), CORS)


@dataclass
class Inside:
    """A runtime with an installed folder, and the index that has its wheels."""

    session: PyodideSession
    scene: Scene
    place: str
    lock: dict[str, Any]
    whole: dict[str, Any] = field(default_factory=dict)
    stages: list[str] = field(default_factory=list)
    requests: int = 0

    def outcome(self, fault: NetworkFault) -> str:
        """What becomes of a command that meets a fault."""
        if fault is CORS and self.place.startswith("node"):
            return NOTHING
        self.scene.heal()
        if not self.whole:
            self.whole = self.run(fresh=True)
            assert self.whole["status"] == 0, self.whole
            self.stages, self.requests = self.scene.index.stages(), len(self.scene.index.requests)
        found: dict[str, str] = {}
        for where in self._stages(fault):
            if fault.name == "reset-once" and self.place.startswith("page"):
                self._open_connections()
            self.scene.heal()
            with fault.applied(self.scene, where):
                found[where] = word = self._judge(self.run(fault, fresh=True))
                if word == DONE and fault.wastes:
                    assert len(self.scene.index.requests) > self.requests
                    found[where] = RETRIED
            self.scene.heal()
        after = self.run(fresh=False)
        assert (after["status"], after["files"]) == (0, self.whole["files"])
        return " / ".join(dict.fromkeys(found.values())) or NOTHING

    def _open_connections(self) -> None:
        """Have the browser open connections that it keeps.

        It repeats a request by itself if a connection is reset that was used before, and not if it
        is a new one.
        """
        self.session.run(_CONNECT.format(index=self.scene.index.url))

    def run(self, fault: NetworkFault | None = None, *, fresh: bool) -> dict[str, Any]:
        """Run the command inside;

        ``fresh``: nothing is left of an earlier one, and an older lock is in the way.
        """
        index, lock = self.scene.index.url, json.dumps(self.lock)
        if fault is not None and fault.name == "dns":
            index, lock = (text.replace("127.0.0.1", HOST) for text in (index, lock))
        settings = {
            "operation": self.place.partition("-")[2],
            "index": index,
            "lock": lock,
            "idle": _SILENCE if fault is not None and fault.name == "time-out" else 10.0,
            "blocking": self.place.startswith("worker"),
            "fresh": fresh,
        }
        answer: dict[str, Any] = self.session.run(f"settings = {settings!r}\n{_CODE}", fresh=True)
        assert "Traceback" not in answer["said"]
        return answer

    def _stages(self, fault: NetworkFault) -> list[str]:
        if fault.scope != "each":
            return [""]
        return [
            where
            for where in self.stages
            if fault.name != "wrong-hash" or where not in ("page", "release")
        ]

    def _judge(self, told: dict[str, Any]) -> str:
        files = told["files"]
        if told["status"] == 0:
            return DONE if files == self.whole["files"] else OTHER
        assert files.pop("out.json") == told["old"]
        for name, digest in files.items():
            # Without a cache the next run goes on with what has come.
            assert name.endswith(".part") or digest == self.whole["files"].get(name), (
                f"{name} is not whole"
            )
        assert len(told["said"]) > 20
        return str(told["status"])


def inside(session: PyodideSession, place: str, root: Path, index: FaultyIndex) -> Inside:
    """Bring the folder into a runtime."""
    session.load_packages(["packaging"])
    wheels = build_wheels(index.folder, root / "evil")
    site = root / "site"
    if not site.exists():
        installer_target(site, wheels["demo"], wheels["lib"])
    session.put_folder(site, "/faults/site")
    lock = {
        name: [index.file_url(wheels[name].name), sha256(wheels[name])] for name in ("demo", "lib")
    }
    return Inside(session, Scene(root, index), place, lock)


#: As many connections as Chromium has to one server. The queries keep its cache out.
_CONNECT = """
import asyncio
from pyodide.http import pyfetch
await asyncio.gather(*(pyfetch("{index}/?connection=" + str(number)) for number in range(6)))
None
"""

_CODE = """
import hashlib, json, os, shutil
import micropip_lock
from micropip_lock.network import drive
from micropip_lock.network.pyfetch_fetcher import PyfetchFetcher
from micropip_lock.network.xhr_fetcher import XhrFetcher

async def sleep(seconds):
    pass

def files():
    found = {}
    for place, _, names in os.walk("/faults/out"):
        for name in names:
            path = os.path.join(place, name)
            with open(path, "rb") as file:
                found[os.path.relpath(path, "/faults/out")] = hashlib.sha256(file.read()).hexdigest()
    return found

if settings["fresh"]:
    shutil.rmtree("/faults/out", ignore_errors=True)
    os.makedirs("/faults/out")
    with open("/faults/out/out.json", "w") as file:
        file.write("an older one")
old = files()["out.json"]
if settings["blocking"]:
    fetcher = XhrFetcher(delays=(0.0, 0.0), total=settings["idle"])
else:
    fetcher = PyfetchFetcher(delays=(0.0, 0.0), sleep=sleep, idle=settings["idle"])
if settings["operation"] == "freeze":
    work = micropip_lock.freeze(path=["/faults/site"], index_urls=settings["index"], fetcher=fetcher)
else:
    packages = {
        name: {
            "name": name, "version": "1.0" if name == "demo" else "2.0", "file_name": url, "install_dir": "site",
            "sha256": sha256, "package_type": "package", "imports": [name], "depends": [], "unvendored_tests": False,
        }
        for name, (url, sha256) in json.loads(settings["lock"]).items()
    }
    info = {"python": "3.14.2", "platform": "emscripten_5_0_3", "arch": "wasm32", "abi_version": "2026_0"}
    lock = {"info": info, "packages": packages}
    work = micropip_lock.bundle(lock, "/faults/out/bundle", fetcher=fetcher)
told = {"status": 0, "said": ""}
try:
    result = drive(work) if settings["blocking"] else await work
    if settings["operation"] != "bundle":
        result.write("/faults/out/out.json")
except micropip_lock.UnlockableError as error:
    told = {"status": 3 if error.unanswered else 1, "said": str(error)}
except micropip_lock.FetchError as error:
    told = {"status": 3, "said": str(error)}
except micropip_lock.IntegrityError as error:
    told = {"status": 1, "said": str(error)}
await fetcher.aclose()
{**told, "files": files(), "old": old}
"""
