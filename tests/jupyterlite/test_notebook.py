"""The example notebook in a JupyterLite site, as its user sees it: table, link, file browser, zip, problems."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.support.ui import WebDriverWait

from micropip_lock import Lockfile
from tests.support import runtimes
from tests.support.index_server import IndexServer
from tests.support.installed import PYODIDE_314
from tests.support.lite import LiteSite, Tab, run_cells
from tests.support.own_wheel import build_own_wheel
from tests.support.site_server import SiteServer
from tests.support.wheels import build_wheel

#: Where pictures of what was seen are kept.
PICTURES = runtimes.PROJECT / ".cache" / "pictures"
EXAMPLE = runtimes.PROJECT / "examples" / "notebook.ipynb"
#: What is done before the example, and after it.
BEFORE = "import micropip\nmicropip.set_index_urls([{index!r}])\n%pip install -q cbor2 extended[more]"
AFTER = (
    "print(result)",
    "print(micropip.freeze())",
    "micropip.add_mock_package('mocked', '1.0')\nawait micropip_lock.freeze()",
)


@pytest.fixture(scope="module")
def index() -> Iterator[IndexServer]:
    """An index with what the notebook installs."""
    with IndexServer() as server:
        server.add_folder(runtimes.real_wheels("jaraco.functools", "rich"))
        server.add_folder(runtimes.real_wheels("cbor2", platform=PYODIDE_314))
        build_own_wheel(server.folder)
        code = "import lib\nmore = lib.answer\n"
        build_wheel(server.folder, "extended", "1.0", files={"extended.py": code}, extras={"more": ["lib"]})
        build_wheel(server.folder, "lib", "1.0", files={"lib.py": "answer = 42\n"})
        yield server


@pytest.fixture(scope="module")
def downloads(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where links save their files."""
    folder = tmp_path_factory.mktemp("downloads")
    chromium.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(folder)})
    return folder


@pytest.fixture(scope="module")
def seen(chromium: Any, index: IndexServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    """The notebook, run to its last cell."""
    lite = LiteSite(tmp_path_factory.mktemp("notebook"))
    lite.build()
    cells = [cell for cell in json.loads(EXAMPLE.read_text())["cells"] if cell["cell_type"] == "code"]
    example = ["".join(cell["source"]) for cell in cells]
    assert len(example) == 5
    lite.add_notebook("freeze.ipynb", [BEFORE.format(index=index.url), *example, *AFTER])
    with SiteServer({"/": lite.output}) as site, run_cells(chromium, site.root, "freeze.ipynb") as tab:
        yield tab


def cell(tab: Tab, number: int) -> str:
    """The HTML that a cell shows."""
    html: str = tab.driver.execute_script(
        "return document.querySelectorAll('.jp-CodeCell')[arguments[0]].querySelector('.jp-OutputArea').innerHTML",
        number,
    )
    return html


def stored(tab: Tab, path: str) -> Any:
    """A file, as the file browser of JupyterLite has it."""
    return tab.driver.execute_async_script(
        "const done = arguments[1];"
        "jupyterapp.serviceManager.contents.get(arguments[0], {content: true, format: 'text', type: 'file'})"
        ".then((file) => done(file.content), (error) => done(String(error)))",
        path,
    )


def linked(tab: Tab, name: str, folder: Path) -> bytes:
    """What a link saves into a folder when it is clicked."""
    link = tab.driver.find_element("css selector", f"a[download='{name}']")
    tab.driver.execute_script("arguments[0].click()", link)
    WebDriverWait(tab.driver, 30).until(lambda _: (folder / name).exists())
    return (folder / name).read_bytes()


def test_the_table(seen: Tab) -> None:
    rows = seen.driver.execute_script("""
        const table = document.querySelector('.jp-OutputArea .micropip-lock table');
        return Array.from(table.rows).map((row) => Array.from(row.cells).map((cell) => cell.textContent));
    """)
    assert rows[0] == ["package", "version", "size", "proof", "origin"]
    found = {name: proof for name, _, _, proof, _ in rows[1:]}
    installed = ["jaraco-functools", "more-itertools", "rich", "cbor2", "extended", "lib"]
    assert {found[name] for name in installed} == {"installer"}
    assert {found[name] for name in ("ipython", "micropip", "packaging")} == {"base"}
    assert all(size for _, _, size, _, _ in rows[1:])
    html = cell(seen, 2)
    assert "left out: micropip-lock" in html and "packages locked: no request." in html and "<svg" in html
    # The themes of JupyterLab align cells to the right.
    aligned = "return getComputedStyle(document.querySelector('.micropip-lock tbody td')).textAlign"
    assert seen.driver.execute_script(aligned) == "left"


def test_pictures(seen: Tab) -> None:
    """They are for people; that both themes can be read is asserted by their colours."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    seen.driver.set_window_size(1200, 2400)
    colours = set()
    for theme in ("Light", "Dark"):
        seen.driver.execute_async_script(
            "jupyterapp.commands.execute('apputils:change-theme', {theme: arguments[0]}).then(arguments[1])",
            f"JupyterLab {theme}",
        )
        seen.wait(f"return document.body.dataset.jpThemeLight === '{str(theme == 'Light').lower()}'")
        seen.driver.save_screenshot(str(PICTURES / f"notebook-{theme.lower()}.png"))
        colours.add(
            seen.driver.execute_script("return getComputedStyle(document.querySelector('.micropip-lock text')).fill")
        )
    assert len(colours) == 2


def test_the_file_and_the_link(seen: Tab, downloads: Path) -> None:
    text = stored(seen, "pyodide-lock.json")
    lock = Lockfile.from_json(json.loads(text))
    assert {"rich", "cbor2", "extended", "lib", "comm", "ipykernel"} <= lock.packages.keys()
    assert linked(seen, "pyodide-lock.json", downloads).decode() == text
    assert not [
        entry.file_name for entry in lock.packages.values() if "/./" in entry.file_name or "?" in entry.file_name
    ]


def test_plain_text(seen: Tab) -> None:
    assert any(line.split()[:3] == ["rich", "15.0.0", "installer"] for line in seen.outputs[6].splitlines())


def test_micropip_freeze(seen: Tab) -> None:
    assert seen.outputs[4].endswith("['jaraco-functools', 'rich']")
    text = seen.outputs[7]
    whole = json.loads(text[text.index("{") :])
    frozen = json.loads(stored(seen, "pyodide-lock.json"))
    assert whole["packages"].items() >= frozen["packages"].items()
    assert whole["info"] == frozen["info"]


def test_a_zip_from_memory(seen: Tab, downloads: Path) -> None:
    assert "wrote /tmp/bundle.zip" in seen.outputs[5]
    # It is too large to be put into the page: the link names what the worker holds.
    with zipfile.ZipFile(io.BytesIO(linked(seen, "bundle.zip", downloads))) as archive:
        lock = Lockfile.from_json(json.loads(archive.read("pyodide-lock.json")))
        assert {"rich", "cbor2", "extended", "lib", "ipython"} <= lock.packages.keys()
        assert set(archive.namelist()) == {"pyodide-lock.json", *(item.file_name for item in lock.packages.values())}


def test_problems(seen: Tab) -> None:
    html = cell(seen, 8)
    assert "Remove the mock with micropip.remove_mock_package" in html
    assert "UnlockableError: 1 package cannot be locked; nothing was written." in html
    assert "Traceback" not in html
