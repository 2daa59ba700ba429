"""The imports of docs/architecture.md, read from the sources."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import micropip_lock

PACKAGE = Path(micropip_lock.__file__).parent

#: From the bottom: a folder imports what stands before it, and itself.
LAYERS = (
    "errors",
    "_util",
    "formats",
    "installed",
    "index",
    "dependencies",
    "proof",
    "operations",
    "cli",
    "integrations",
)
#: Handed in from outside. They import formats, and network storage; who may name them says SEAM_USERS.
SEAM = ("network", "storage", "environment")
SEAM_USERS = {"operations", "cli", "integrations"}
#: What the layers below may know of the seam: its protocols, and what counts.
PROTOCOL = {
    ("network", "ByteRange"),
    ("network", "Fetcher"),
    ("network", "Response"),
    ("network.meter", "Meter"),
    ("storage", "Facts"),
}
#: The public API and its command.
FRONT = {"__init__", "__main__"}


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


def sources() -> Iterator[Path]:
    return (path for path in sorted(PACKAGE.rglob("*.py")) if "__pycache__" not in path.parts)


def room(module: str) -> str:
    return module.partition(".")[0]


def only_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in (
        "TYPE_CHECKING",
        "typing.TYPE_CHECKING",
    )


def nodes(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        if only_for_types(node):
            assert isinstance(node, ast.If)
            for other in node.orelse:
                yield other
                yield from nodes(other)
            continue
        yield node
        yield from nodes(node)


def imports(path: Path) -> Iterator[tuple[str, str | None]]:
    """Every import of a file:

    (module, name). Our own modules come without ``micropip_lock``, with a leading dot.
    """
    package = ["micropip_lock", *path.relative_to(PACKAGE).parent.parts]
    for node in nodes(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found = [(alias.name, None) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            found = []
            for alias in node.names:
                below = PACKAGE.parent.joinpath(*module.split("."), alias.name)
                is_module = below.is_dir() or below.with_suffix(".py").exists()
                found.append(
                    (f"{module}.{alias.name}", None) if is_module else (module, alias.name)
                )
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(
            ("import_module", "__import__")
        ):
            text = (
                node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else ""
            )
            found = [(str(text), None)]
        else:
            continue
        for module, name in found:
            if module == "micropip_lock" or module.startswith("micropip_lock."):
                yield module.removeprefix("micropip_lock") or ".__init__", name
            elif module:
                yield module, name


def arrows() -> list[tuple[str, str, str | None]]:
    found = []
    for path in sources():
        source = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        found += [(source, module, name) for module, name in imports(path)]
    return found


ARROWS = arrows()


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
        own, other = room(source), room(module[1:])
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
        if room(module) in FOREIGN and room(source) not in FOREIGN[room(module)]
    ]
    assert wrong == []


def test_nothing_else_is_imported() -> None:
    known = {*FOREIGN, *sys.stdlib_module_names}
    faces = {"integrations", "cli"}
    wrong = {
        (source, module)
        for source, module, _ in ARROWS
        if not module.startswith(".") and room(module) not in known and room(source) not in faces
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
    assert {room(name) for name in loaded} & HOST_ONLY == set()
    if statement == "import micropip_lock":
        assert {name for name in loaded if name.startswith("micropip_lock")} == {"micropip_lock"}
