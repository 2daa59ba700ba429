"""enable() in Chromium:

micropip.freeze() where the proof needs the network, and the zip that a worker hands out.
"""

from __future__ import annotations

import json

import pytest

from tests.support.index_server import IndexServer
from tests.support.inside import freeze
from tests.support.runner_session import RunnerSession
from tests.support.session import PyodideError, PyodideSession
from tests.support.wheels import build_wheel

ENABLED = """
import micropip, micropip_lock
micropip.set_index_urls([{index!r}])
micropip_lock.enable()
micropip.freeze()
"""


@pytest.fixture
def loaded(browser: RunnerSession, index: IndexServer) -> PyodideSession:
    """A package of which the runtime knows the URL, but not the hash."""
    wheel = build_wheel(index.folder, "demo", "1.0")
    browser.load_packages(["micropip", index.file_url(wheel.name)])
    return browser


def test_from_where_it_may_wait(loaded: PyodideSession, index: IndexServer) -> None:
    """In a worker by synchronous requests, in a page by switching stacks."""
    text = loaded.run(ENABLED.format(index=index.url))
    assert text == freeze(loaded, index_urls=index.url, include="distribution").text
    assert "demo" in json.loads(text)["packages"]


def test_from_where_only_a_worker_may_wait(loaded: PyodideSession, index: IndexServer) -> None:
    code = ENABLED.format(index=index.url)
    if loaded.run("import js; hasattr(js, 'document')"):
        with pytest.raises(PyodideError, match=r"await micropip_lock\.freeze\(\)") as caught:
            loaded.run(code, sync=True)
        assert caught.value.kind == "SuspensionError"
    else:
        assert "demo" in json.loads(loaded.run(code, sync=True))["packages"]


def test_a_large_zip_is_handed_out_by_an_object_url(
    browser: RunnerSession, index: IndexServer
) -> None:
    noise = bytes(number * 7919 % 251 for number in range(1_500_000)).decode("latin-1")
    build_wheel(index.folder, "large", "1.0", files={"large/data.txt": noise}, stored=True)
    browser.install("large", index_url=index.url)
    size, fetched, link = browser.run("""
        import micropip_lock, re, pyodide.http
        lock = (await micropip_lock.freeze()).lockfile.to_dict()
        lock["packages"] = {"large": lock["packages"]["large"]}
        result = await micropip_lock.bundle(lock, "/tmp/large", zip=True)
        link = re.search('href="([^"]*)"', result._repr_html_())[1]
        fetched = await (await pyodide.http.pyfetch(link)).bytes()
        [result.zip.stat().st_size, len(fetched), link]
    """)
    assert size == fetched > 1_500_000
    assert link.startswith("blob:http://127.0.0.1")
