"""The example notebook in a JupyterLite site, as its user sees it: table, link, file browser, zip,
problems.

And another site with the lock that it froze, in Chromium, where nothing but loopback can be
reached.
"""

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
from tests.support.lite import LiteSite, Tab, run_cells, run_notebook
from tests.support.site_server import SiteServer
from tests.support.wheels import sha256

from .conftest import BUNDLE

#: Where pictures of what was seen are kept.
PICTURES = runtimes.PROJECT / ".cache" / "pictures"
EXAMPLE = runtimes.PROJECT / "examples" / "notebook.ipynb"
#: What is done before the example, and after it.
BEFORE = (
    "import micropip\nmicropip.set_index_urls([{index!r}])\n%pip install -q cbor2 extended[more]"
)
AFTER = (
    "print(result)",
    "print(micropip.freeze())",
    "micropip.add_mock_package('mocked', '1.0')\nawait micropip_lock.freeze()",
)

USE = """
import jaraco.functools
import rich.text
import cbor2
import extended
print(rich.text.Text('seen').plain, cbor2.loads(cbor2.dumps(7)), extended.more, jaraco.functools.__file__)
"""


@pytest.fixture(scope="module")
def downloads(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where links save their files."""
    folder = tmp_path_factory.mktemp("downloads")
    chromium.execute_cdp_cmd(
        "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(folder)}
    )
    return folder


@pytest.fixture(scope="module")
def origin() -> Iterator[SiteServer]:
    """The server of the site with the notebook, which is at /one/."""
    with SiteServer() as server:
        yield server


@pytest.fixture(scope="module")
def seen(
    chromium: Any, index: IndexServer, origin: SiteServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Tab]:
    """The notebook, run to its last cell."""
    lite = LiteSite(tmp_path_factory.mktemp("notebook"))
    lite.build()
    origin.folders["/one/"] = lite.output
    cells = [
        cell for cell in json.loads(EXAMPLE.read_text())["cells"] if cell["cell_type"] == "code"
    ]
    example = ["".join(cell["source"]) for cell in cells]
    assert len(example) == 5
    lite.add_notebook("freeze.ipynb", [BEFORE.format(index=index.url), *example, *AFTER])
    with run_cells(chromium, f"{origin.root}/one", "freeze.ipynb") as tab:
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
        "jupyterapp.serviceManager.contents.get(arguments[0], {content: true, format: 'text', "
        "type: 'file'})"
        ".then((file) => done(file.content), (error) => done(String(error)))",
        path,
    )


def linked(tab: Tab, name: str, folder: Path) -> bytes:
    """What a link saves into a folder when it is clicked."""
    link = tab.driver.find_element("css selector", f"a[download='{name}']")
    tab.driver.execute_script("arguments[0].click()", link)
    WebDriverWait(tab.driver, 30, poll_frequency=0.1).until(lambda _: (folder / name).exists())
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
    assert (
        "left out: micropip-lock" in html
        and "packages locked: no request." in html
        and "<svg" in html
    )
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
            "jupyterapp.commands.execute('apputils:change-theme', {theme: "
            "arguments[0]}).then(arguments[1])",
            f"JupyterLab {theme}",
        )
        seen.wait(
            f"return document.body.dataset.jpThemeLight === '{str(theme == 'Light').lower()}'"
        )
        seen.driver.save_screenshot(str(PICTURES / f"notebook-{theme.lower()}.png"))
        colours.add(
            seen.driver.execute_script(
                "return getComputedStyle(document.querySelector('.micropip-lock text')).fill"
            )
        )
    assert len(colours) == 2


def test_the_file_and_the_link(seen: Tab, downloads: Path) -> None:
    text = stored(seen, "pyodide-lock.json")
    lock = Lockfile.from_json(json.loads(text))
    assert {"rich", "cbor2", "extended", "lib", "comm", "ipykernel"} <= lock.packages.keys()
    assert linked(seen, "pyodide-lock.json", downloads).decode() == text
    assert not [
        entry.file_name
        for entry in lock.packages.values()
        if "/./" in entry.file_name or "?" in entry.file_name
    ]


def test_plain_text(seen: Tab) -> None:
    assert any(
        line.split()[:3] == ["rich", "15.0.0", "installer"] for line in seen.outputs[6].splitlines()
    )


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
        assert set(archive.namelist()) == {
            "pyodide-lock.json",
            *(item.file_name for item in lock.packages.values()),
        }


def test_problems(seen: Tab) -> None:
    html = cell(seen, 8)
    assert "Remove the mock with micropip.remove_mock_package" in html
    assert "UnlockableError: 1 package cannot be locked; nothing was written." in html
    assert "Traceback" not in html


def test_freeze_in_one_site_and_boot_another_from_it(
    seen: Tab, index: IndexServer, origin: SiteServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The last test, for it opens a tab of its own."""
    text = stored(seen, "pyodide-lock.json")
    lock = json.loads(text)
    # The kernel's own parts are in it, with addresses of the site that it was frozen in.
    assert lock["packages"]["comm"]["file_name"].startswith(f"{origin.root}/one/pypi/")
    assert lock["packages"]["ipykernel"]["file_name"].startswith(f"{origin.root}/one/extensions/")
    assert {"jaraco-functools", "more-itertools", "rich", "cbor2", "extended", "lib"} <= lock[
        "packages"
    ].keys()

    second = LiteSite(tmp_path_factory.mktemp("second"), comm=False)
    (second.folder / "lock.json").write_text(text)
    second.build(*BUNDLE)
    second.add_notebook("use.ipynb", [USE, "%pip install nothing-of-that-name"])
    origin.reset()
    index.reset()
    with SiteServer({"/deep/two/": second.output}) as site:
        used, tried = run_notebook(seen.driver, f"{site.root}/deep/two", "use.ipynb")
    assert used.startswith("seen 7 42 /lib/python3.14/site-packages/jaraco/functools")
    assert "PyPI fallback is disabled" in tried
    # Chromium can reach nothing but loopback, and of that only the site was asked.
    assert origin.requests == index.requests == []
    asked = {path.partition("?")[0] for path in site.paths()}
    for name, entry in second.packages.items():
        file = (second.lock_file.parent / entry["file_name"]).resolve()
        assert sha256(file) == entry["sha256"]
        if name in ("extended", "lib", "cbor2", "ipython", "comm", "ipykernel"):
            assert f"/deep/two/{file.relative_to(second.output).as_posix()}" in asked
