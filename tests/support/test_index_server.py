"""The loopback index says what it is told to say, and counts."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from .index_server import Fault, IndexServer
from .wheels import build_wheel, wheel_member

JSON = {"Accept": "application/vnd.pypi.simple.v1+json"}


def get(url: str, **headers: str) -> tuple[int, bytes]:
    request = urllib.request.Request(url, headers=headers)
    with urllib.request.urlopen(request, timeout=20) as response:
        return response.status, response.read()


def test_json_page_sidecar_and_ranges(tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path, "demo", "1.0", requires_python=">=3.8")
    with IndexServer(tmp_path) as index:
        page = json.loads(get(f"{index.url}/demo/", **JSON)[1])
        (entry,) = page["files"]
        assert entry["requires-python"] == ">=3.8"
        assert get(entry["url"] + ".metadata")[1] == wheel_member(wheel, "METADATA")
        assert get(entry["url"], Range="bytes=-22") == (206, wheel.read_bytes()[-22:])
        index.ranges = "ignored"
        assert get(entry["url"], Range="bytes=0-1")[0] == 200
        assert index.wheel_downloads == 1
        assert [request.status for request in index.requests] == [200, 200, 206, 200]
        index.reset()
        assert index.bytes == 0


def test_poor_html_page(tmp_path: Path) -> None:
    build_wheel(tmp_path, "demo", "1.0")
    with IndexServer(
        tmp_path, json=False, core_metadata="off", hashes="none", relative=True
    ) as index:
        page = get(f"{index.url}/demo/", **JSON)[1].decode()
        assert '<a href="../../files/demo-1.0-py3-none-any.whl">' in page
        with pytest.raises(urllib.error.HTTPError, match="404"):
            get(f"{index.root}/files/demo-1.0-py3-none-any.whl.metadata")


def test_fault_heals_after_its_times(tmp_path: Path) -> None:
    build_wheel(tmp_path, "demo", "1.0")
    with IndexServer(tmp_path) as index:
        index.faults["/simple/demo"] = Fault("status", status=503, times=2)
        for _ in range(2):
            with pytest.raises(urllib.error.HTTPError, match="503"):
                get(f"{index.url}/demo/")
        assert get(f"{index.url}/demo/")[0] == 200


@pytest.mark.parametrize("kind", ["truncate", "reset", "redirect-loop"])
def test_fault_breaks_the_transfer(tmp_path: Path, kind: str) -> None:
    wheel = build_wheel(tmp_path, "demo", "1.0")
    with IndexServer() as index:
        url = index.add(wheel)
        index.faults["/files/"] = Fault(kind)
        with pytest.raises(Exception):  # noqa: B017 - urllib has another exception for each of them
            get(url)
        assert index.wheel_downloads == 0


def test_password(tmp_path: Path) -> None:
    build_wheel(tmp_path, "demo", "1.0")
    with IndexServer(tmp_path, auth=("me", "secret")) as index:
        with pytest.raises(urllib.error.HTTPError, match="401"):
            get(f"{index.url}/demo/")
        assert "me:secret@" in index.url_with_password


def test_command_line(tmp_path: Path) -> None:
    build_wheel(tmp_path, "demo", "1.0")
    command = [sys.executable, "-m", "tests.support.index_server", str(tmp_path)]
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert b"demo-1.0" in get(f"{url}/demo/")[1]
        process.terminate()
