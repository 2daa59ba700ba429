"""The imports of docs/architecture.md, read from the sources."""

from __future__ import annotations

import subprocess
import sys
from graphlib import TopologicalSorter

import pytest

import micropip_lock
from tools.imports import FRONT, LAYERS, PACKAGE, SEAM, folder_of, read_imports, sources

#: The folders that may name the seam.
SEAM_USERS = {"operations", "cli", "integrations"}
#: What the layers below may know of the seam: its protocols, and what counts.
PROTOCOL = {
    ("network", "ByteRange"),
    ("network", "Fetcher"),
    ("network", "Response"),
    ("network.meter", "Meter"),
    ("storage", "Facts"),
}


def may_import(own: str, other: str) -> bool:
    """Whether a folder may import another one."""
    if own in FRONT:
        return True
    if own in ("errors", "_util"):  # the error tree shows URLs and texts
        return other in ("errors", "_util")
    if own in SEAM:
        # The HTTP cache keeps its pages in the store of facts.
        pages = own == "network" and other == "storage"
        return pages or other in ("errors", "_util", "formats")
    if other in SEAM:
        return own in SEAM_USERS
    return other in LAYERS and LAYERS.index(other) < LAYERS.index(own)


#: Modules that only some rooms may import.
HOST_ROOMS = {"network", "environment", "storage", "integrations"}
FOREIGN = {
    **dict.fromkeys(
        ["js", "pyodide", "pyodide_js", "_pyodide", "httpx", "platformdirs"], HOST_ROOMS
    ),
    **{name: {"network"} for name in ("asyncio", "certifi", "keyring")},
    "micropip": {"environment", "integrations"},
    "IPython": {"environment", "integrations"},
    **{name: {"integrations"} for name in ("jupyterlite_core", "doit", "traitlets")},
    "click": {"cli", "integrations"},
    "rich": {"cli", "integrations"},
    "packaging": {*LAYERS, *SEAM, *FRONT},
    "resolvelib": {"operations"},
    "installer": {"operations"},
    "tomli_w": {"formats"},
}


ARROWS = read_imports()


def test_every_folder_is_on_the_plan() -> None:
    rooms = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in sources()}
    assert rooms == {*LAYERS, *SEAM, *FRONT}


def test_the_folder_is_the_border() -> None:
    inside = [path.relative_to(PACKAGE) for path in sources() if path.parent != PACKAGE]
    assert [path for path in inside if path.stem.startswith("_") and path.stem != "__init__"] == []


def test_the_imports_are_found() -> None:
    assert ("proof.prover", ".network.meter", "Meter") in ARROWS
    assert ("cli.freeze", ".environment", None) in ARROWS
    assert ("network.exchange", "httpx", None) in ARROWS
    assert ("network.__init__", "platformdirs", "user_cache_path") in ARROWS
    assert len(ARROWS) > 200


def test_imports_point_downwards() -> None:
    wrong = []
    for source, module, name in ARROWS:
        if not module.startswith("."):
            continue
        own, other = folder_of(source), folder_of(module[1:])
        is_version = (other, name) == ("__init__", "__version__")
        if (
            own != other
            and not may_import(own, other)
            and (module[1:], name) not in PROTOCOL
            and not is_version
        ):
            wrong.append(f"{source} imports {module} {name or ''}")
    assert wrong == []


def test_no_module_imports_itself_by_way_of_others() -> None:
    sorter = TopologicalSorter[str]()
    for source, module, _ in ARROWS:
        if module.startswith(".") and module[1:] != source:
            sorter.add(source.removesuffix(".__init__"), module[1:].removesuffix(".__init__"))
    sorter.prepare()  # raises CycleError


def test_only_the_seam_knows_where_it_runs() -> None:
    wrong = [
        f"{source} imports {module}"
        for source, module, _ in ARROWS
        if folder_of(module) in FOREIGN and folder_of(source) not in FOREIGN[folder_of(module)]
    ]
    assert wrong == []


def test_nothing_else_is_imported() -> None:
    known = {*FOREIGN, *sys.stdlib_module_names}
    faces = {"integrations", "cli"}
    wrong = {
        (source, module)
        for source, module, _ in ARROWS
        if not module.startswith(".")
        and folder_of(module) not in known
        and folder_of(source) not in faces
    }
    assert wrong == set()


# -- the front door

PUBLIC = [
    "BundleResult",
    "Checked",
    "Diff",
    "Evidence",
    "Export",
    "FetchError",
    "FreezeResult",
    "InputError",
    "IntegrityError",
    "LockInfo",
    "LockedPackage",
    "Lockfile",
    "MicropipLockError",
    "Outdated",
    "Plan",
    "Problem",
    "ResolutionError",
    "ResolveResult",
    "RetargetResult",
    "SuspensionError",
    "Tree",
    "UnlockableError",
    "bundle",
    "check",
    "diff",
    "disable",
    "enable",
    "export",
    "freeze",
    "freeze_sync",
    "import_pylock",
    "outdated",
    "resolve",
    "retarget",
    "sync",
    "tree",
    "verify",
]


def test_the_public_names_are_pinned() -> None:
    assert micropip_lock.__all__ == PUBLIC
    assert set(PUBLIC) <= set(dir(micropip_lock))
    assert all(getattr(micropip_lock, name).__name__ == name for name in PUBLIC)
    with pytest.raises(AttributeError, match="nothing"):
        _ = micropip_lock.nothing


def run(code: str) -> str:
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, cwd=PACKAGE.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_names_stay_what_they_are_after_every_module_was_imported() -> None:
    modules = [
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts) for path in sources()
    ]
    modules = [name.removesuffix(".__init__") for name in modules if not name.endswith("__main__")]
    here = [
        name for name in modules if not name.endswith((".pyfetch_fetcher", ".xhr_fetcher"))
    ]  # these import Pyodide's own modules
    run(f"""
import importlib, micropip_lock
first = {{name: getattr(micropip_lock, name) for name in micropip_lock.__all__}}
for name in {here!r}:
    importlib.import_module(name)
for name, value in first.items():
    assert getattr(micropip_lock, name) is value, name
    assert not isinstance(value, type(importlib)), name
for attempt in range(2):
    for name in ("freeze", "freeze_sync", "verify"):
        try:
            coroutine = getattr(micropip_lock, name)(nonsense=1)
        except TypeError as error:
            assert "nonsense" in str(error)
        else:
            raise AssertionError(name)
""")


def test_names_are_right_when_every_module_was_imported_before() -> None:
    run("""
import importlib, inspect, micropip_lock
for name in ("operations.freeze.run", "operations.results", "proof.prover", "formats.lockfile", "errors", "cli"):
    importlib.import_module("micropip_lock." + name)
from micropip_lock import freeze, freeze_sync
assert inspect.iscoroutinefunction(freeze) and inspect.isfunction(freeze_sync)
assert micropip_lock.freeze is freeze and micropip_lock.freeze is freeze
""")


HOST_ONLY = {
    "httpx",
    "click",
    "rich",
    "platformdirs",
    "micropip",
    "asyncio",
    "js",
    "pyodide",
}


@pytest.mark.parametrize(
    "statement",
    [
        "import micropip_lock",
        "import micropip_lock; micropip_lock.Lockfile, micropip_lock.UnlockableError",
        "import micropip_lock; micropip_lock.freeze, micropip_lock.freeze_sync, "
        "micropip_lock.FreezeResult",
    ],
)
def test_importing_brings_no_host_library_and_no_event_loop(statement: str) -> None:
    loaded = run(
        f"import sys; before = set(sys.modules)\n{statement}\nprint(*set(sys.modules) - before)"
    ).split()
    assert {folder_of(name) for name in loaded} & HOST_ONLY == set()
    if statement == "import micropip_lock":
        assert {name for name in loaded if name.startswith("micropip_lock")} == {"micropip_lock"}
