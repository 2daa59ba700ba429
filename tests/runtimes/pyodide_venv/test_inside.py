"""The Python of a Pyodide venv locks what lies on its disk as the host does, and believes no file
there.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ...support.inside import freeze, problems
from ...support.node_pyodide import NodePyodide
from ...support.pyodide_interpreter import Venv
from ...support.runtimes import lock_entry
from ...support.wheels import build_wheel, sha256
from .conftest import Workplace, Workplaces

#: The supported Pyodides, and the tools that make their venvs.
LINES = {"0.27.7": "virtualenv", "0.28.3": "uv", "0.29.5": "virtualenv", "314.0.7": "uv"}
#: What was only unzipped.
FORGED = ["based", "evil"]


def unzip(wheel: Path, folder: Path) -> None:
    """Install as little as can be."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)


@pytest.fixture(scope="module", params=LINES)
def place(request: pytest.FixtureRequest, workplaces: Workplaces) -> Workplace:
    """A machine whose Pyodide has a package of its own, and an index."""
    made = workplaces(request.param)
    made.base["based"] = build_wheel(made.cdn.folder, "based", "1.0")
    build_wheel(made.index.folder, "app", "1.0", requires=["lib", "packaging"])
    build_wheel(made.index.folder, "lib", "2.0")
    build_wheel(made.index.folder, "later", "1.0")
    made.install_pyodide()
    return made


@pytest.fixture(scope="module")
def venv(place: Workplace) -> Venv:
    """Filled by pip, and with two wheels that were unzipped;

    their marks are those of what they pretend to be.
    """
    made = place.venv(".venv", LINES[place.version])
    made.pip("app", "micropip")
    honest = build_wheel(place.index.folder, "evil", "1.0")
    url = place.index.file_url(honest.name)
    marks = {
        "INSTALLER": "micropip",
        "PYODIDE_SOURCE": "pypi",
        "PYODIDE_URL": url,
        "PYODIDE_SHA256": sha256(honest),
    }
    other = {"evil.py": "evil = 1\n"}
    unzip(
        build_wheel(place.root / "forged", "evil", "1.0", files=other, dist_info_files=marks),
        made.site,
    )
    marks = {"INSTALLER": "pyodide.loadPackage", "PYODIDE_SOURCE": "pyodide"}
    other = {"based.py": "evil = 1\n"}
    unzip(
        build_wheel(place.root / "forged", "based", "1.0", files=other, dist_info_files=marks),
        made.site,
    )
    return made


@pytest.fixture(scope="module")
def inside(place: Workplace, venv: Venv) -> Iterator[NodePyodide]:
    """The Python of the venv, with micropip_lock importable."""
    program, lock = venv.prefix / "bin" / "python", place.distribution.folder / "pyodide-lock.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(place.root))
        session = NodePyodide(place.version, lock=lock, program=program, cwd=place.root)
    with session:
        session.use_project()
        yield session


def loaded(session: NodePyodide) -> dict[str, str]:
    """What the runtime says that it loaded."""
    found: dict[str, str] = session.run(
        "import pyodide_js; pyodide_js.loadedPackages.to_py()", fresh=True
    )
    return found


def test_the_runtime_believes_the_files(inside: NodePyodide) -> None:
    """This is why its list alone proves nothing."""
    assert loaded(inside) == {
        **dict.fromkeys(("app", "lib", "packaging", "micropip"), "pip (index unknown)"),
        **({"pip": "pip (index unknown)"} if "pip" in loaded(inside) else {}),
        "evil": "pypi",
        "based": "default channel",
    }


def test_files_that_lay_there_before_are_no_witness(inside: NodePyodide) -> None:
    assert problems(inside) == dict.fromkeys(FORGED, "content-mismatch")


def test_sync_keeps_what_the_wheels_prove(place: Workplace, inside: NodePyodide) -> None:
    """Neither PYODIDE_SHA256 nor the runtime's list tells of what lay there before;

    the base's wheels are compared.
    """
    honest = place.index.folder / "evil-1.0-py3-none-any.whl"
    lock = freeze(inside, exclude=FORGED).lock
    lock["packages"]["evil"] = lock_entry(honest, place.index.file_url(honest.name))
    lock["packages"]["based"] = lock_entry(
        place.base["based"], place.cdn.file_url(place.base["based"].name)
    )
    inside.write("/lock.json", json.dumps(lock).encode())
    steps = inside.run(
        """
        import micropip_lock
        plan = await micropip_lock.sync("/lock.json", dry_run=True)
        {step.package: step.action for step in plan.steps if step.new is not None}
        """,
        fresh=True,
    )
    assert steps == {**dict.fromkeys(lock["packages"], "keep"), **dict.fromkeys(FORGED, "replace")}
    assert steps["packaging"] == steps["micropip"] == "keep"


def test_the_lock_is_the_hosts(place: Workplace, venv: Venv, inside: NodePyodide) -> None:
    done = place.run(
        "freeze",
        "--venv",
        venv.prefix,
        "--exclude",
        "based",
        "--exclude",
        "evil",
        "-o",
        "host.json",
    )
    assert done.status == 0, done.err
    frozen = freeze(inside, exclude=FORGED)
    assert frozen.text.encode() == (place.root / "host.json").read_bytes()
    told = place.run(
        "freeze",
        "--venv",
        venv.prefix,
        "--exclude",
        "based",
        "--exclude",
        "evil",
        "--json",
        "--refresh",
    )
    assert frozen.proofs == told.evidence
    # The base's wheels are where the distribution's own index says.
    assert frozen.entry("packaging")["file_name"] == place.cdn.file_url(
        place.base["packaging"].name
    )


def test_what_is_installed_since_the_start_is_witnessed(
    place: Workplace, venv: Venv, inside: NodePyodide
) -> None:
    inside.install("later", index_url=place.index.url)
    assert loaded(inside)["later"] == "pypi"
    place.index.reset()
    frozen = freeze(inside, exclude=FORGED)
    assert frozen.proofs["later"] == ("micropip", "installer")
    assert frozen.proofs["app"] == ("index", "content")
    assert not any("later" in request.path for request in place.index.requests)
    # What replaces a forged one is witnessed, too.
    inside.run("import micropip; micropip.uninstall('evil')", fresh=True)
    inside.install("evil", index_url=place.index.url)
    frozen = freeze(inside, exclude=["based"])
    assert frozen.proofs["evil"] == ("micropip", "installer")
    assert frozen.entry("evil")["sha256"] == sha256(
        place.index.folder / "evil-1.0-py3-none-any.whl"
    )
    # For the host they lie in a folder.
    done = place.run("freeze", "--venv", venv.prefix, "--exclude", "based", "--json")
    assert json.dumps(done.json["lockfile"], sort_keys=True) == json.dumps(
        frozen.lock, sort_keys=True
    )
    assert done.evidence["evil"] == ("micropip", "content")


def test_what_the_runtime_loads_since_the_start_is_the_bases(
    place: Workplace, venv: Venv, inside: NodePyodide
) -> None:
    wheel = place.base["based"]
    for file in place.base.values():
        (place.distribution.folder / file.name).write_bytes(file.read_bytes())
    inside.run("import micropip; micropip.uninstall('based')", fresh=True)
    inside.load_packages(["based"])
    place.cdn.reset()
    frozen = freeze(inside)
    assert frozen.proofs["based"] == ("base", "base")
    assert frozen.entry("based")["sha256"] == sha256(wheel)
    # The wheels beside the lock are as good as those of the CDN, as on the host.
    assert frozen.proofs["packaging"] == ("base", "content")
    assert place.cdn.requests == []
