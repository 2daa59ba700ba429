"""A Pyodide that a runner of pytest-pyodide has booted, with what our tests do in any Pyodide.

pytest-pyodide's runners run JavaScript in Node (--runtime node), in a page or in a module worker
(--runtime chrome). So the commands of pyodide_commands.mjs are sent to it, and answer from there.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from pytest_pyodide import get_global_config
from pytest_pyodide.fixture import selenium_common
from pytest_pyodide.runner import JavascriptException
from pytest_pyodide.runner import _BrowserBaseRunner as Runner

from . import runtimes
from .chromium import FLAGS, find_chromium
from .session import PROJECT_PATH, PyodideDied, PyodideError, PyodideSession
from .site_server import SiteServer

#: Seconds for the boot and for each call; pytest-pyodide's 20 are few for a machine with two cores.
TIMEOUT = 120

_COMMANDS = (
    Path(__file__)
    .with_name("pyodide_commands.mjs")
    .read_text()
    .replace("export function", "function")
)


@contextlib.contextmanager
def booted(request: pytest.FixtureRequest, runtime: str, *, worker: bool) -> Iterator[Runner]:
    """What pytest-pyodide's fixtures do, with Chromium and its driver as all tests have them."""
    config = get_global_config()
    config.set_flags("chrome", ["--js-flags=--expose-gc", *FLAGS])
    if "atob" not in config.get_node_extra_globals():
        config.add_node_extra_globals(["atob", "btoa"])
    Runner.script_timeout = TIMEOUT
    server = request.getfixturevalue("web_server_main")
    booting = selenium_common(request, runtime, server, worker=worker)
    environment = _environment() if runtime == "chrome" else dict(os.environ)
    with contextlib.ExitStack() as stack:
        with mock.patch.dict(os.environ, environment, clear=True):
            runner = stack.enter_context(booting)
        yield runner


def _environment() -> dict[str, str]:
    """Selenium takes the driver of this machine, downloads none, and uses no proxy."""
    driver = {"SE_CHROMEDRIVER": find_chromium()[1], "SE_OFFLINE": "true", "SE_AVOID_STATS": "true"}
    unproxied = {
        name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")
    }
    return unproxied | driver


class RunnerSession(PyodideSession):
    """A runner of pytest-pyodide, ``runner``, which is what @run_in_pyodide takes.

    runtime: one of --runtime. worker: in a module worker of the page. site: has the sources.
    """

    version = runtimes.NEWEST

    def __init__(
        self, request: pytest.FixtureRequest, site: SiteServer, runtime: str, worker: bool
    ) -> None:
        self.runtime, self.worker = runtime, worker
        self._site = site
        self._stack = contextlib.ExitStack()
        self.runner = self._stack.enter_context(booted(request, runtime, worker=worker))
        self.runner.run_js(f"{_COMMANDS}\nself.perform = attached(pyodide);")
        self.remember()

    @property
    def base_url(self) -> str:
        """Where a page has the runtime and its lock from, without a slash at the end."""
        url: str = self.runner.base_url
        return url

    def served(self) -> list[str]:
        """The request lines that the server of the page has logged."""
        return [line for line in self.runner.server_log.read_text().splitlines() if '"' in line]

    def call(self, command: str, timeout: float | None = None, **values: Any) -> Any:
        """Send one command as JavaScript."""
        message = json.dumps({"command": command, **values})
        self.runner.set_script_timeout(timeout or TIMEOUT)
        try:
            answer = self.runner.run_js(f"return await self.perform({message});")
        except Exception as error:  # of Selenium or pexpect, by where it runs
            if isinstance(error, JavascriptException):
                raise
            self.alive = False
            raise PyodideDied(f"{command}: {error}") from None
        if "error" in answer:
            raise PyodideError(answer["error"]["type"], answer["error"]["message"])
        return answer["value"]

    def show_project(self) -> None:
        """Fetch the sources from a site and unpack them."""
        self.call("unpack", url=f"{self._site.root}/project.zip", path=PROJECT_PATH)

    def close(self) -> None:
        """End the runner."""
        self.alive = False
        self._stack.close()
