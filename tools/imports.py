"""The imports of the package, read from its sources, and the layers of docs/architecture.md."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PACKAGE = Path(__file__).parents[1] / "micropip_lock"

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
#: Handed in from outside: these import formats, and what stands before them.
SEAM = ("storage", "network", "environment")
#: The public API and its command.
FRONT = ("__init__", "__main__")


class Import(NamedTuple):
    """An import: ``source`` and ``module`` are dotted names below ``micropip_lock``.

    A module of ours begins with a dot. ``name`` is None where the module itself is imported.
    """

    source: str
    module: str
    name: str | None


def sources() -> list[Path]:
    """The files of the package, sorted."""
    return [path for path in sorted(PACKAGE.rglob("*.py")) if "__pycache__" not in path.parts]


def folder_of(module: str) -> str:
    """The folder of a dotted name, or the module where it lies in none."""
    return module.partition(".")[0]


def read_imports() -> list[Import]:
    """Every import of every file, but for those that are for type checkers alone."""
    found = []
    for path in sources():
        source = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        for module, name in _imports(path):
            if module == "micropip_lock" or module.startswith("micropip_lock."):
                module = module.removeprefix("micropip_lock") or ".__init__"
            if module:
                found.append(Import(source, module, name))
    return found


def _imports(path: Path) -> Iterator[tuple[str, str | None]]:
    package = ["micropip_lock", *path.relative_to(PACKAGE).parent.parts]
    for node in _nodes(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from _from_import(node, package)
        elif isinstance(node, ast.Call) and _imports_by_name(node):
            yield _first_text(node), None


def _from_import(node: ast.ImportFrom, package: list[str]) -> Iterator[tuple[str, str | None]]:
    base = package[: len(package) - node.level + 1] if node.level else []
    module = ".".join([*base, *([node.module] if node.module else [])])
    for alias in node.names:
        below = PACKAGE.parent.joinpath(*module.split("."), alias.name)
        if below.is_dir() or below.with_suffix(".py").exists():
            yield f"{module}.{alias.name}", None
        else:
            yield module, alias.name


def _imports_by_name(node: ast.Call) -> bool:
    return ast.unparse(node.func).endswith(("import_module", "__import__"))


def _first_text(node: ast.Call) -> str:
    first = node.args[0] if node.args else None
    return str(first.value) if isinstance(first, ast.Constant) else ""


def _nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes below ``tree``, without the blocks that only type checkers read."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and _is_for_types(node):
            for other in node.orelse:
                yield other
                yield from _nodes(other)
            continue
        yield node
        yield from _nodes(node)


def _is_for_types(node: ast.If) -> bool:
    return ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")
