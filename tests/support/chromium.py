"""A real Pyodide in real Chromium, in the main thread of a page or in a module web worker.

For what pytest-pyodide cannot do, see runner_session.py: boots from other locks, and pages of
JupyterLite and other hosts.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from typing import Any

from selenium.common.exceptions import TimeoutException, WebDriverException
from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.support.ui import WebDriverWait

from . import runtimes
from .session import PROJECT_PATH, PyodideDied, PyodideError, PyodideSession
from .site_server import SiteServer

FLAGS = (
    "--headless=new",
    "--no-sandbox",  # root, as in a container, cannot have it
    "--disable-gpu",
    "--disable-dev-shm-usage",  # containers give /dev/shm 64 MB
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",  # nothing but loopback
)


def find_chromium() -> tuple[str, str]:
    """The paths of Chromium and of its driver. Raises SetupError with what to install."""
    names = ("chromium", "chromium-browser", "google-chrome")
    browser = next(filter(None, map(shutil.which, names)), None)
    driver = shutil.which("chromedriver")
    if not browser or not driver:
        raise runtimes.SetupError(
            "Chromium or chromedriver is missing. On Debian: apt-get install chromium "
            "chromium-driver"
        )
    return browser, driver


def start_chromium(*flags: str) -> Chrome:
    """Debian's Chromium, headless, with these flags too. Raises SetupError with what to install."""
    browser, driver = find_chromium()
    options = ChromeOptions()
    options.binary_location = browser
    for flag in (*FLAGS, *flags):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    # no proxy of the machine between Selenium and its driver
    environment = {
        name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")
    }
    return Chrome(options=options, service=ChromeService(driver, env=environment))


class ChromiumPyodide(PyodideSession):
    """A running Pyodide in a tab of its own.

    site: from pyodide_site(). worker: in a module web worker. lock_url: relative to the site, or
      absolute;
    lock: contents instead, with package_base_url for its relative names. timeout: seconds for the
      boot and each call.
    """

    version = runtimes.VERSIONS[-1]

    def __init__(
        self,
        driver: Chrome,
        site: SiteServer,
        *,
        worker: bool = False,
        lock_url: str = "/base/pyodide-lock.json",
        lock: Mapping[str, Any] | None = None,
        package_base_url: str | None = None,
        timeout: float = 120,
    ) -> None:
        self.driver = driver
        self.site = site
        self.timeout = timeout
        options: dict[str, Any] = {"module": f"{site.root}/pyodide/pyodide.mjs"}
        if lock is not None:
            options["lockFileContents"] = dict(lock)
        else:
            options["lockFileURL"] = lock_url if "://" in lock_url else site.root + lock_url
        if package_base_url:
            options["packageBaseUrl"] = package_base_url
        driver.switch_to.new_window("tab")
        self._handle = driver.current_window_handle
        try:
            driver.get(f"{site.root}/session/browser_page.html{'?worker' if worker else ''}")
            started = WebDriverWait(driver, timeout, poll_frequency=0.1)
            started.until(lambda it: it.execute_script("return !!globalThis.perform"))
            self.call("boot", options=options)
            self.remember()
        except BaseException:
            self.close()
            raise

    def call(self, command: str, timeout: float | None = None, **values: Any) -> Any:
        """Pass one message to the page."""
        script = "const done = arguments[1]; perform(arguments[0]).then(done)"
        self.driver.set_script_timeout(timeout or self.timeout)
        try:
            self.driver.switch_to.window(self._handle)
            answer = self.driver.execute_async_script(script, {"command": command, **values})
        except TimeoutException:
            self.alive = False
            raise PyodideDied(f"no answer to {command} after {timeout or self.timeout} s") from None
        except WebDriverException as error:
            self.alive = False
            raise PyodideDied(f"the page is gone: {error.msg}") from None
        if "error" in answer:
            raise PyodideError(answer["error"]["type"], answer["error"]["message"])
        return answer["value"]

    def script(self, code: str, *arguments: Any) -> Any:
        """Run JavaScript in the page and return what it returns."""
        self.driver.switch_to.window(self._handle)
        return self.driver.execute_script(code, *arguments)

    @property
    def output(self) -> list[str]:
        """What Python printed, line by line."""
        lines: list[str] = self.script("return output")
        return lines

    def show_project(self) -> None:
        """Fetch the sources from the site and unpack them."""
        self.call("unpack", url=f"{self.site.root}/project.zip", path=PROJECT_PATH)

    def close(self) -> None:
        """Close the tab; the first one stays, for without any Chromium would end."""
        self.alive = False
        try:
            self.driver.switch_to.window(self._handle)
            self.driver.close()
            self.driver.switch_to.window(self.driver.window_handles[0])
        except WebDriverException:
            pass  # crashed before: nothing left to close
