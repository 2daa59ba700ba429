"""The older Pyodides that are supported: layout of their venvs, wheel tags, and what their runtimes
want of a lock.

The newest one has test_pyodide_venv.py.
"""

from __future__ import annotations

import pytest

from ...support import runtimes
from ...support.installed import PLATFORMS
from ...support.wheels import build_wheel, sha256
from .conftest import Workplaces

#: Which tool makes the venv. pip then installs into it, and uv, too, where it made it: it boots the
#: Pyodide once more.
LINES = [("0.27.7", "virtualenv"), ("0.28.3", "uv"), ("0.29.5", "virtualenv")]


@pytest.mark.parametrize(("version", "tool"), LINES)
def test_lines(version: str, tool: str, workplaces: Workplaces) -> None:
    place = workplaces(version)
    platform, base = PLATFORMS[version], runtimes.base_lock(version)
    python, emscripten = (
        f"cp{platform.python.replace('.', '')}",
        f"{base['info']['platform']}_wasm32",
    )
    tags = {
        "by-pyemscripten": f"{python}-{python}-pyemscripten_{platform.year}_0_wasm32",
        "by-pyodide": f"{python}-{python}-pyodide_{platform.year}_0_wasm32",
        "by-emscripten": f"{python}-{python}-{emscripten}",
        "by-abi3": f"cp311-abi3-pyodide_{platform.year}_0_wasm32",
    }
    chosen = {
        name: build_wheel(place.index.folder, name, "1.0", tag=tag) for name, tag in tags.items()
    }
    # The same version for every machine, with other contents, and for the Pyodide of another year.
    for tag in ("py3-none-any", "cp314-cp314-pyemscripten_2026_0_wasm32"):
        build_wheel(
            place.index.folder,
            "by-pyodide",
            "1.0",
            tag=tag,
            files={"by_pyodide.py": f"tag = {tag!r}"},
        )
    place.install_pyodide()
    venv = place.venv(".venv", tool)
    assert venv.site.is_dir()
    by_uv = ["by-pyemscripten", "by-abi3"] if tool == "uv" else []
    by_pip = sorted(chosen.keys() - set(by_uv))
    venv.pip(*by_pip, "micropip", "packaging", platforms=(emscripten,))
    if by_uv:
        venv.uv(*by_uv, index_url=place.index.url)

    done = place.run("freeze", "--json")  # the nearest venv
    assert done.status == 0, done.err + done.out
    lock = done.json["lockfile"]
    packages = lock["packages"]
    assert {name: packages[name]["sha256"] for name in chosen} == {
        name: sha256(chosen[name]) for name in chosen
    }
    assert {claim for name, (claim, _) in done.evidence.items() if name in chosen} == {"index"}
    assert packages.keys() - chosen.keys() == {"micropip", "packaging"}
    # pip takes either micropip where version and tags are the same; the lock names the one that it
    # took.
    own = b"# as Pyodide builds it" in (venv.site / "micropip" / "__init__.py").read_bytes()
    assert done.evidence["micropip"] == ("base" if own else "index", "content")
    assert packages["micropip"]["sha256"] == sha256(
        (place.cdn if own else place.index).folder / place.base["micropip"].name
    )
    assert done.evidence["packaging"] == ("base", "content")

    # What the runtimes of this line look at when they boot: version up to 0.27, the ABI from 0.28
    # on.
    assert lock["info"] == base["info"]
    assert lock["info"].get("version") == version or version != runtimes.VERSIONS[0]
    assert ("tool" in lock) is ("tool" in base)
    found = place.boots(lock)
    assert {name: found[name] for name in (*chosen, "micropip")} == {
        **dict.fromkeys(chosen, "1.0"),
        "micropip": base["packages"]["micropip"]["version"],
    }
