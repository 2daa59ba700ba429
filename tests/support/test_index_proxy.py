"""The poor mirror keeps the links of the page behind it and little else."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

import pytest

from .index_proxy import IndexProxy
from .index_server import IndexServer
from .wheels import build_wheel


@pytest.mark.parametrize("upstream_json", [True, False])
def test_page_is_poorer(tmp_path: Path, upstream_json: bool) -> None:
    wheel = build_wheel(tmp_path, "demo", "1.0")
    with (
        IndexServer(tmp_path, json=upstream_json, relative=True) as index,
        IndexProxy(index.url) as mirror,
    ):
        with urllib.request.urlopen(f"{mirror.url}/demo/", timeout=20) as response:
            page = response.read().decode()
        assert f'href="{index.root}/files/{wheel.name}#sha256=' in page
        assert "metadata" not in page
        mirror.html_only, mirror.core_metadata = False, True
        request = urllib.request.Request(
            f"{mirror.url}/demo/", headers={"Accept": "application/vnd.pypi.simple.v1+json"}
        )
        with urllib.request.urlopen(request, timeout=20) as response:
            (entry,) = json.load(response)["files"]
        assert entry["core-metadata"]["sha256"]
