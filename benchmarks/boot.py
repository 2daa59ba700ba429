"""From page load to the first import in Chromium: booting from a frozen lock, beside
micropip.install at boot.

The same packages on the same page from the same server; the two take turns, each in a tab of its
own with an empty cache. The lock is what freeze() gives after the first install.
"""

from __future__ import annotations

import json
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from selenium.webdriver import Chrome

from tests.support import runtimes
from tests.support.chromium import ChromiumPyodide, start_chromium
from tests.support.index_server import IndexServer
from tests.support.installed import PYODIDE_314
from tests.support.lite import Tab
from tests.support.site_server import SiteServer, pyodide_site

ROUNDS = 5
PACKAGES = ("rich", "jaraco.functools", "httpx", "pydantic", "cbor2", "jsonschema")
IMPORTS = "import rich.table, jaraco.functools, httpx, pydantic, cbor2, jsonschema"
_PAGE = """<!doctype html><title>boot</title><script type="module">
import {{ loadPyodide }} from "/pyodide/pyodide.mjs";
const imports = {imports};
try {{
  const pyodide = await loadPyodide({{ lockFileURL: location.origin + {lock} }});
  {install}
  await pyodide.loadPackagesFromImports(imports);
  pyodide.runPython(imports);
  document.title = String(Math.round(performance.now()));
}} catch (error) {{ document.title = String(error); }}
</script>"""


def write_pages(folder: Path, index_url: str) -> None:
    """One page that boots from lock.json, and one that installs."""
    code = f"import micropip\nawait micropip.install({list(PACKAGES)!r}, index_urls={index_url!r})"
    install = (
        f'await pyodide.loadPackage("micropip"); await pyodide.runPythonAsync({json.dumps(code)});'
    )
    for name, lock, step in (
        ("lock", "/boot/lock.json", ""),
        ("install", "/base/pyodide-lock.json", install),
    ):
        page = _PAGE.format(imports=json.dumps(IMPORTS), lock=json.dumps(lock), install=step)
        (folder / f"{name}.html").write_text(page)


def freeze(driver: Chrome, site: SiteServer, index: IndexServer) -> str:
    """What freeze() gives after an install in the same browser."""
    with ChromiumPyodide(driver, site) as session:
        session.load_packages(["packaging"])
        session.install(*PACKAGES, index_url=index.url)
        session.use_project()
        text: str = session.run("import micropip_lock; (await micropip_lock.freeze()).to_json()")
    return text


def main() -> None:
    """Measure, and print the ratio."""
    with TemporaryDirectory() as temporary, IndexServer() as index, pyodide_site() as site:
        folder = Path(temporary)
        index.add_folder(runtimes.real_wheels(*PACKAGES, platform=PYODIDE_314))
        site.folders["/boot/"] = folder
        write_pages(folder, index.url)
        driver = start_chromium()
        try:
            (folder / "lock.json").write_text(freeze(driver, site, index))
            taken: dict[str, list[int]] = {"install": [], "lock": []}
            requests: dict[str, int] = {}
            for _ in range(ROUNDS):
                for name, times in taken.items():
                    driver.execute_cdp_cmd("Network.clearBrowserCache", {})
                    index.reset()
                    site.reset()
                    with Tab(driver, f"{site.root}/boot/{name}.html") as tab:
                        said = tab.wait("return document.title !== 'boot' && document.title")
                    if not str(said).isdigit():
                        raise SystemExit(f"The page did not boot ({name}): {said}")
                    times.append(int(said))
                    requests[name] = len(index.requests) + len(site.requests)
        finally:
            driver.quit()
    print(
        f"From page load to the first import of {len(PACKAGES)} packages, Chromium, Pyodide "
        f"{runtimes.VERSIONS[-1]}"
    )
    unit = median(taken["install"])
    for name, what in (
        ("install", "micropip.install at boot"),
        ("lock", "boot from the frozen lock"),
    ):
        middle = median(taken[name])
        print(
            f"  {what:26} {middle:6.0f} ms   {middle / unit:5.2f} times   {requests[name]} requests"
        )


if __name__ == "__main__":
    main()
