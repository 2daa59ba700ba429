"""Following docs/hosts.md: its commands and files, real releases of the hosts it names, and what a
browser asks for.

Nothing here knows a host's configuration: that stands in the page alone, and a test that follows it
fails when it is wrong.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Self
from urllib.parse import urlsplit

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.support.ui import WebDriverWait

from . import chromium, installed, runtimes

_FENCE = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
#: What was fetched before (npm_package() and environment() do it once for all runs), and what would
#: not end.
_LEFT_OUT = ("npm install", "pip install", "python -m http.server")

#: What Chromium asks on its own account, on any page; not the fonts that pages take from
#: there.
_CHROMIUMS_OWN = re.compile(r"^(?!fonts\.)([\w-]+\.)*(google|googleapis|gvt1)\.com$")


@dataclass(frozen=True)
class HowTo:
    """The code blocks of a page, or of one section of it, in order, as (language, text)."""

    blocks: tuple[tuple[str, str], ...]

    @classmethod
    def read(cls, heading: str | None = None, page: str = "docs/hosts.md") -> HowTo:
        """A page of the project, or what stands below ``## heading`` there."""
        text = (runtimes.PROJECT / page).read_text()
        if heading is not None:
            (text,) = [
                part
                for part in re.split(r"^## ", text, flags=re.M)
                if part.startswith(f"{heading}\n")
            ]
        return cls(tuple((match[1], match[2]) for match in _FENCE.finditer(text)))

    def block(self, language: str) -> str:
        """The only block of a language."""
        (text,) = [text for kind, text in self.blocks if kind == language]
        return text

    def release(self, package: str) -> str:
        """The version of a package that its commands fetch."""
        pin = re.compile(rf"(?<!\S){re.escape(package)}(?:@|==)(\S+)")
        (version,) = {match[1] for _, text in self.blocks for match in pin.finditer(text)}
        return version

    def run(
        self,
        folder: Path,
        instead: Mapping[str, str] | None = None,
        *,
        scripts: Path | None = None,
        **environment: str,
    ) -> str:
        """Run all its commands in a folder, but those that fetch or serve; what they said.

        ``instead``: what this machine cannot reach -> what it has; ``scripts``: from environment().
        """
        script = "".join(text for kind, text in self.blocks if kind == "console").replace(
            "\\\n", ""
        )
        commands = [
            line.removeprefix("$ ") for line in script.splitlines() if line.startswith("$ ")
        ]
        script = "\n".join(line for line in commands if not line.startswith(_LEFT_OUT))
        for theirs, ours in (instead or {}).items():
            assert theirs in script
            script = script.replace(theirs, ours)
        return shell(script, folder, *filter(None, [scripts]), **environment)


def shell(script: str, folder: Path, *scripts: Path, **environment: str) -> str:
    """Run commands as a user of this environment would, and of these;

    no setting and no proxy of the machine.
    """
    kept = {
        name: value
        for name, value in installed.clean_environment().items()
        if not name.lower().endswith("_proxy")
    }
    home = folder / "home"
    home.mkdir(exist_ok=True)
    places = [*map(str, scripts), str(Path(sys.executable).parent), kept["PATH"]]
    own = {"PATH": os.pathsep.join(places), "PYTHONWARNINGS": "ignore"}
    own |= dict.fromkeys(
        ("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "SSL_CERT_DIR"), str(home)
    )
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=kept | own | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


# -- real releases, fetched once


def npm_package(name: str, version: str) -> Path:
    """The folder of a package of npm, kept in .cache."""
    place = runtimes.CACHE / "hosts" / f"{name.strip('@').replace('/', '-')}-{version}"
    with runtimes._locked(place):
        if not (place / "installed").exists():
            command = [
                "npm",
                "install",
                "--prefix",
                str(place),
                "--no-audit",
                "--no-fund",
                f"{name}@{version}",
            ]
            cache = str(runtimes.CACHE / "npm")
            runtimes._run(command, npm_config_cache=cache, npm_config_update_notifier="false")
            (place / "installed").touch()
    return place / "node_modules" / name


def environment(name: str, version: str) -> Path:
    """The folder of scripts of a virtual environment, kept in .cache:

    it has what this one has, and this project.
    """
    place = runtimes.CACHE / "hosts" / f"{name}-{version}"
    scripts = place / "bin"
    ours = Path(pytest.__file__).parents[1]
    with runtimes._locked(place):
        # Its scripts name the folder that they were made in, and a cache may be moved.
        marker, told = place / "installed", f"{place}\n{ours}\n"
        if not marker.exists() or marker.read_text() != told:
            runtimes._run([sys.executable, "-m", "venv", "--without-pip", "--clear", str(place)])
            (site,) = place.glob("lib/python*/site-packages")
            # addsitedir, so that its .pth files count: micropip_lock is one of them.
            (site / "shared.pth").write_text(f"import site; site.addsitedir({str(ours)!r})\n")
            pip = [
                str(scripts / "python"),
                "-m",
                "pip",
                "install",
                "-q",
                "--cache-dir",
                str(runtimes.CACHE / "pip"),
            ]
            runtimes._run([*pip, f"{name}=={version}"])
            marker.write_text(told)
    return scripts


# -- a browser whose every request is known


class Outside(ThreadingHTTPServer):
    """The proxy to all of the world but loopback:

    it lets no request through, and remembers what was asked for.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Nobody)
        #: URLs; of an https URL only host and port, which is all that a proxy sees.
        self.asked: list[str] = []

    @property
    def root(self) -> str:
        """Scheme, host and port, without a slash at the end."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def __enter__(self) -> Self:
        Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.shutdown()
        self.server_close()


class _Nobody(BaseHTTPRequestHandler):
    server: Outside

    def do_GET(self) -> None:
        host = urlsplit(self.path if "://" in self.path else f"//{self.path}").hostname or ""
        if not _CHROMIUMS_OWN.search(host):
            self.server.asked.append(self.path)
        with contextlib.suppress(ConnectionError):  # it did not wait for the answer
            self.send_error(502, "There is no world")

    do_CONNECT = do_POST = do_HEAD = do_OPTIONS = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing; ``asked`` has it."""


@contextlib.contextmanager
def watched_chromium(outside: Outside) -> Iterator[Chrome]:
    """Chromium, with a proxy for all that is not on loopback."""
    driver = chromium.start_chromium(f"--proxy-server={outside.root}")
    try:
        yield driver
    finally:
        driver.quit()


def wait_for(driver: Chrome, script: str, *, timeout: float = 60) -> Any:
    """What a script returns, as soon as that is anything;

    else an error with what the page says by then.
    """
    try:
        return WebDriverWait(driver, timeout, poll_frequency=0.1).until(
            lambda it: it.execute_script(script)
        )
    except Exception as error:
        said = driver.execute_script("return document.documentElement.innerText")
        console = "\n".join(
            re.sub(r"^data:\S+", "data:", entry["message"]) for entry in driver.get_log("browser")
        )
        raise AssertionError(f"{type(error).__name__}: {said}\n{console}") from None
