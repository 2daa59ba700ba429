"""Sites with a frozen lock in Chromium, where nothing but loopback can be reached."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support import runtimes
from tests.support.index_server import IndexServer
from tests.support.installed import PYODIDE_314
from tests.support.lite import LiteSite, comm_wheel, run_in_repl, run_notebook
from tests.support.site_server import SiteServer
from tests.support.wheels import build_wheel, sha256

from .conftest import BUNDLE

#: A namespace package, one without top_level.txt, a native one, and one with an extra.
WANTED = ("jaraco.functools", "rich", "cbor2", "extended[more]")
USE = """
import jaraco.functools
import rich.text
import cbor2
import extended
print(rich.text.Text('seen').plain, cbor2.loads(cbor2.dumps(7)), extended.more, jaraco.functools.__file__)
"""


@pytest.fixture(scope="module")
def index() -> Any:
    """An index with what the notebooks import."""
    with IndexServer() as server:
        server.add_folder(runtimes.real_wheels("jaraco.functools", "rich"))
        server.add_folder(runtimes.real_wheels("cbor2", platform=PYODIDE_314))
        code = "import lib\nmore = lib.answer\n"
        build_wheel(server.folder, "extended", "1.0", files={"extended.py": code}, extras={"more": ["lib"]})
        build_wheel(server.folder, "lib", "1.0", files={"lib.py": "answer = 42\n"})
        yield server


def test_freeze_in_one_site_and_boot_another_from_it(
    chromium: Any, index: IndexServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    first = LiteSite(tmp_path_factory.mktemp("first"))
    first.build()
    install = f"import micropip\nmicropip.set_index_urls({[index.url]!r})\n%pip install -q {' '.join(WANTED)}"
    second = LiteSite(tmp_path_factory.mktemp("second"), comm=False)
    with SiteServer({"/one/": first.output}) as origin, SiteServer({"/deep/two/": second.output}) as site:
        get = f'import packaging, sys, pyodide.http\nreply = await pyodide.http.pyfetch("{origin.root}/project.zip")'
        unpack = 'await reply.unpack_archive(format="zip", extract_dir="/project")\nsys.path.append("/project")'
        freeze = "import micropip_lock\nresult = await micropip_lock.freeze()"
        first.add_notebook("freeze.ipynb", [install, f"{get}\n{unpack}", freeze, "print(result.to_json())"])
        *_, text = run_notebook(chromium, f"{origin.root}/one", "freeze.ipynb")
        lock = json.loads(text)
        # The kernel's own parts are in it, with addresses of the site that it was frozen in.
        assert lock["packages"]["comm"]["file_name"].startswith(f"{origin.root}/one/pypi/")
        assert lock["packages"]["ipykernel"]["file_name"].startswith(f"{origin.root}/one/extensions/")
        assert {"jaraco-functools", "more-itertools", "rich", "cbor2", "extended", "lib"} <= lock["packages"].keys()

        (second.folder / "lock.json").write_text(text)
        second.build(*BUNDLE)
        second.add_notebook("use.ipynb", [USE, "%pip install nothing-of-that-name"])
        origin.reset()
        index.reset()
        used, tried = run_notebook(chromium, f"{site.root}/deep/two", "use.ipynb")
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


def test_the_example(chromium: Any, index: IndexServer, tmp_path: Path) -> None:
    lite = LiteSite(tmp_path, comm=False)
    shutil.copytree(runtimes.PROJECT / "examples" / "jupyterlite", lite.folder, dirs_exist_ok=True)
    index.add(comm_wheel())
    built = lite.python("build.py", "--index-url", index.url, "--output-dir", str(lite.output))
    assert built.returncode == 0, built.stdout
    index.reset()
    with SiteServer({"/": lite.output}) as site:
        assert run_in_repl(chromium, site.root, "import rich.text; rich.text.Text('seen').plain") == "'seen'"
    assert index.requests == []
    # The lock is made once.
    lock = (lite.folder / "pyodide-lock.json").read_bytes()
    assert lite.python("build.py", "--output-dir", str(lite.output)).returncode == 0
    assert (lite.folder / "pyodide-lock.json").read_bytes() == lock and index.requests == []
