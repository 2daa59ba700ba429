"""The arrows of ARCHITECTURE, "Direction of imports", read from the sources."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import micropip_lock

PACKAGE = Path(micropip_lock.__file__).parent

FORMATS = {"lockfile", "target", "simple", "simple_html", "metadata", "record", "direct_url", "zip_tail", "report"}
FORMATS |= {"errors", "files", "requirements", "toml", "url", "progress", "reading", "text", "zip_member", "zip_names"}
INSTALLED = {"installed", "compare", "hints", "origin", "imports", "depends"}
INDEX = {
    "candidate",
    "index",
    "remote_wheel",
    "published",
    "download",
    "evidence",
    "examine",
    "hashes",
    "prove",
    "proved",
    "release",
}
SEAM = {"fetch", "surroundings", "store"}
FACES = {"cli", "hosts", "interop", "__main__"}

#: What a room may import, apart from itself.
ALLOWED = {
    **dict.fromkeys(FORMATS, FORMATS),
    **dict.fromkeys(INSTALLED, FORMATS | INSTALLED),
    **dict.fromkeys(INDEX, FORMATS | INSTALLED | INDEX),
    "display": FORMATS | INDEX,
    "operations": FORMATS | INSTALLED | INDEX | SEAM | {"display"},
    "fetch": {"errors", "files", "reading", "text", "url"},
    "surroundings": FORMATS,
    "store": FORMATS,
    **dict.fromkeys(FACES, FORMATS | INSTALLED | INDEX | SEAM | FACES | {"operations", "display"}),
    "__init__": {"operations", "hosts", "evidence", *FORMATS},
}
#: Of the seam the index side may know the protocol, and what counts; never a place that knows where it runs.
PROTOCOL = {
    ("fetch", "ByteRange"),
    ("fetch", "Fetcher"),
    ("fetch", "Response"),
    ("fetch._meter", "Meter"),
    ("store", "Facts"),
}

#: Modules that only some rooms may import.
HOST_ROOMS = {"fetch", "surroundings", "store", "hosts"}
FOREIGN = {
    **dict.fromkeys(["js", "pyodide", "pyodide_js", "_pyodide", "httpx", "hishel", "platformdirs"], HOST_ROOMS),
    **{name: {"fetch"} for name in ("asyncio", "certifi", "keyring")},
    "micropip": {"surroundings", "hosts"},
    "IPython": {"surroundings", "hosts"},
    **{name: {"hosts"} for name in ("jupyterlite_core", "doit", "traitlets")},
    "click": {"cli", "hosts"},
    "rich": {"cli", "hosts"},
    "packaging": set(ALLOWED),
    "resolvelib": {"operations"},
    "installer": {"operations"},
}


def sources() -> Iterator[Path]:
    return (path for path in sorted(PACKAGE.rglob("*.py")) if "__pycache__" not in path.parts)


def room(module: str) -> str:
    return module.partition(".")[0]


def only_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


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
    """Every import of a file: (module, name). Our own modules come without ``micropip_lock``, with a leading dot."""
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
                found.append((f"{module}.{alias.name}", None) if is_module else (module, alias.name))
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            text = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else ""
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


def test_every_room_is_on_the_plan() -> None:
    rooms = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in sources()}
    assert rooms - set(ALLOWED) == set(), "say in ALLOWED (and in ARCHITECTURE.md) what the new room may import"


def test_the_imports_are_found() -> None:
    assert ("prove", ".fetch._meter", "Meter") in ARROWS
    assert ("cli._freeze", ".surroundings", None) in ARROWS
    assert ("fetch._exchange", "httpx", None) in ARROWS
    assert ("fetch.__init__", "platformdirs", "user_cache_path") in ARROWS
    assert len(ARROWS) > 200


def test_imports_point_towards_the_formats() -> None:
    wrong = []
    for source, module, name in ARROWS:
        if not module.startswith("."):
            continue
        own, other = room(source), room(module[1:])
        protocol = own in INDEX and (module[1:], name) in PROTOCOL
        version = (other, name) == ("__init__", "__version__")
        if own != other and other not in ALLOWED[own] and not protocol and not version:
            wrong.append(f"{source} imports {module} {name or ''}")
    assert wrong == []


def test_no_room_reaches_into_a_private_module_of_a_lower_one() -> None:
    reached = {
        (room(source), module)
        for source, module, _ in ARROWS
        if module.startswith(".") and "._" in module[1:] and room(source) != room(module[1:])
    }
    # Faces and the front door use the operations where they lie; the meter is part of the protocol.
    assert {(own, module) for own, module in reached if room(module[1:]) != "operations"} <= {
        (own, ".fetch._meter") for own in [*INDEX, "operations"]
    }


def test_only_the_seam_knows_where_it_runs() -> None:
    wrong = [
        f"{source} imports {module}"
        for source, module, _ in ARROWS
        if room(module) in FOREIGN and room(source) not in FOREIGN[room(module)]
    ]
    assert wrong == []


def test_nothing_else_is_imported() -> None:
    known = {*FOREIGN, *sys.stdlib_module_names}
    faces = {"hosts", "cli", "interop"}
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
    modules = [".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts) for path in sources()]
    modules = [name.removesuffix(".__init__") for name in modules if not name.endswith("__main__")]
    here = [name for name in modules if not name.endswith(("_pyfetch", "_xhr"))]  # these import Pyodide's own modules
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
for name in ("operations._freeze", "operations._result", "prove", "lockfile", "errors", "cli"):
    importlib.import_module("micropip_lock." + name)
from micropip_lock import freeze, freeze_sync
assert inspect.iscoroutinefunction(freeze) and inspect.isfunction(freeze_sync)
assert micropip_lock.freeze is freeze and micropip_lock.freeze is freeze
""")


HOST_ONLY = {"httpx", "hishel", "click", "rich", "platformdirs", "micropip", "asyncio", "js", "pyodide"}


@pytest.mark.parametrize(
    "statement",
    [
        "import micropip_lock",
        "import micropip_lock; micropip_lock.Lockfile, micropip_lock.UnlockableError",
        "import micropip_lock; micropip_lock.freeze, micropip_lock.freeze_sync, micropip_lock.FreezeResult",
    ],
)
def test_importing_brings_no_host_library_and_no_event_loop(statement: str) -> None:
    loaded = run(f"import sys; before = set(sys.modules)\n{statement}\nprint(*set(sys.modules) - before)").split()
    assert {room(name) for name in loaded} & HOST_ONLY == set()
    if statement == "import micropip_lock":
        assert {name for name in loaded if name.startswith("micropip_lock")} == {"micropip_lock"}
