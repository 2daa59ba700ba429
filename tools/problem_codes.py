"""The codes of problems, found in the sources: every text that can become ``Problem.code``.

The search starts at the parameters named ``code``, of `Problem` and of all functions and classes,
and follows what is passed to them: constants, local variables, results of functions, members of
enumerations, and parameters of other names, whose callers are then followed as well. It raises
`Unfollowed` for an expression that it does not understand, rather than to miss a code.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from .imports import PACKAGE, sources

_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


class Unfollowed(Exception):
    """An expression for a code that this module cannot follow."""


class Module(NamedTuple):
    """A file: its syntax tree, and the function around each node."""

    path: Path
    tree: ast.Module
    around: dict[ast.AST, ast.AST]


class Sink(NamedTuple):
    """A parameter that becomes a code: its name, and its position (None: by keyword only)."""

    parameter: str
    position: int | None


def problem_codes() -> dict[str, set[str]]:
    """The modules that use each code, as paths below the package."""
    return _Search([_read(path) for path in sources()]).run()


def _read(path: Path) -> Module:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    around: dict[ast.AST, ast.AST] = {}

    def walk(node: ast.AST, scope: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            around[child] = scope
            inner = isinstance(child, _Function | ast.ClassDef)
            walk(child, child if inner else scope)

    walk(tree, tree)
    return Module(path, tree, around)


class _Search:
    def __init__(self, modules: list[Module]) -> None:
        self._modules = modules
        self._found: dict[str, set[str]] = defaultdict(set)
        #: By the name that callers use, and the file; a file's own definitions come first.
        self._sinks: dict[str, dict[Path, Sink]] = defaultdict(dict)
        self._defined: dict[str, set[Path]] = defaultdict(set)
        self._enums = {
            node.name: node
            for module in modules
            for node in ast.walk(module.tree)
            if isinstance(node, ast.ClassDef) and "Enum" in map(ast.unparse, node.bases)
        }
        #: Sinks that were found on the way, and have not been followed yet.
        self._is_new = True

    def run(self) -> dict[str, set[str]]:
        for module in self._modules:
            for node in ast.walk(module.tree):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                    self._defined[node.name].add(module.path)
                    self._add_sink(module, node, "code")
        while self._is_new:
            self._is_new = False
            for module in self._modules:
                self._follow(module)
        return dict(self._found)

    def _add_sink(self, module: Module, node: ast.AST, parameter: str) -> None:
        if isinstance(node, ast.ClassDef):
            names, keywords = _fields(node), []
            default = None
        else:
            assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            names = [item.arg for item in [*node.args.posonlyargs, *node.args.args]]
            if isinstance(module.around[node], ast.ClassDef):
                names = names[1:]
            keywords = [item.arg for item in node.args.kwonlyargs]
            default = _default(node, parameter)
        if parameter not in [*names, *keywords]:
            return
        # ``__init__`` is called by the name of its class.
        owner = module.around[node]
        name = owner.name if _is_init(node) and isinstance(owner, ast.ClassDef) else node.name
        sink = Sink(parameter, names.index(parameter) if parameter in names else None)
        if self._sinks[name].get(module.path) != sink:
            self._sinks[name][module.path] = sink
            self._is_new = True
        if default is not None:
            self._evaluate(default, module, node)

    def _follow(self, module: Module) -> None:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call):
                for sink in self._sinks_of(node, module):
                    value = _argument(node, sink)
                    if value is not None:
                        self._evaluate(value, module, module.around[node])
            elif isinstance(node, ast.Assign):
                for target in node.targets:
                    if isinstance(target, ast.Attribute) and target.attr == "code":
                        self._evaluate(node.value, module, module.around[node])

    def _sinks_of(self, call: ast.Call, module: Module) -> list[Sink]:
        name = call.func.attr if isinstance(call.func, ast.Attribute) else ast.unparse(call.func)
        if name == "replace":
            return [Sink("code", None)]
        if module.path in self._defined[name]:
            own = self._sinks[name].get(module.path)
            return [own] if own is not None else []
        return list(set(self._sinks[name].values()))

    def _evaluate(self, value: ast.expr, module: Module, scope: ast.AST) -> None:
        where = module.path.relative_to(PACKAGE).as_posix()
        for constant in self._constants(value, module, scope):
            self._found[constant].add(where)

    def _constants(self, value: ast.expr, module: Module, scope: ast.AST) -> Iterator[str]:
        """The texts that an expression may be."""
        if isinstance(value, ast.Constant):
            if isinstance(value.value, str):
                yield value.value
        elif isinstance(value, ast.IfExp):
            yield from self._constants(value.body, module, scope)
            yield from self._constants(value.orelse, module, scope)
        elif isinstance(value, ast.BoolOp):
            for part in value.values:
                yield from self._constants(part, module, scope)
        elif isinstance(value, ast.Attribute):
            yield from self._attribute(value, module, scope)
        elif isinstance(value, ast.Name):
            yield from self._variable(value.id, module, scope)
        elif isinstance(value, ast.Call):
            yield from self._result(value, module, scope)
        elif isinstance(value, ast.Subscript):
            yield from self._items(value.value, module, scope)
        else:
            raise Unfollowed(f"{module.path.name}:{value.lineno}: {ast.unparse(value)}")

    def _attribute(self, value: ast.Attribute, module: Module, scope: ast.AST) -> Iterator[str]:
        """``x.code`` was given to a sink before; ``x.value`` is any member of an enumeration.

        Any other attribute has to be compared with the keys of a table first: ``x.y in _TABLE``.
        """
        if value.attr == "code":
            return
        if value.attr == "value":
            for enum in self._enums.values():
                yield from _members(enum)
            return
        table = _table_of(value, scope)
        keys = self._resolved(table, module, scope) if table is not None else None
        if not isinstance(keys, ast.Dict):
            raise Unfollowed(f"{module.path.name}:{value.lineno}: {ast.unparse(value)}")
        for key in keys.keys:
            assert key is not None
            yield from self._constants(key, module, scope)

    def _variable(self, name: str, module: Module, scope: ast.AST) -> Iterator[str]:
        if name in _parameters(scope):
            self._add_sink(module, scope, name)
            return
        bound = list(_bindings(name, scope))
        if bound:
            for value, position in bound:
                if position is None:
                    yield from self._constants(value, module, scope)
                else:
                    yield from self._column(value, position, module, scope)
        elif scope is not module.tree:
            yield from self._variable(name, module, module.around[scope])
        elif name != "code":  # unpacked from keys: the ``.code`` of something before
            raise Unfollowed(f"{module.path.name}: {name}")

    def _result(self, call: ast.Call, module: Module, scope: ast.AST) -> Iterator[str]:
        name = ast.unparse(call.func)
        if name == "next":
            generator = call.args[0]
            assert isinstance(generator, ast.GeneratorExp)
            yield from self._generated(generator, module, scope)
            for default in call.args[1:]:
                yield from self._constants(default, module, scope)
            return
        # A function of another module is imported by its name.
        for place in (module, *self._modules):
            functions = [
                node
                for node in ast.walk(place.tree)
                if isinstance(node, ast.FunctionDef) and node.name == name
            ]
            for function in functions:
                for node in ast.walk(function):
                    if isinstance(node, ast.Return) and node.value is not None:
                        yield from self._constants(node.value, place, function)
            if functions:
                return
        raise Unfollowed(f"{module.path.name}:{call.lineno}: {name}()")

    def _generated(
        self, generator: ast.GeneratorExp, module: Module, scope: ast.AST
    ) -> Iterator[str]:
        loop = generator.generators[0]
        position = _position(loop.target, ast.unparse(generator.elt))
        if position is None:
            raise Unfollowed(f"{module.path.name}:{generator.lineno}: {ast.unparse(generator)}")
        yield from self._column(loop.iter, position, module, scope)

    def _column(
        self, rows: ast.expr, position: int, module: Module, scope: ast.AST
    ) -> Iterator[str]:
        """The texts at a position of every row of a table, or of a single row."""
        table = self._resolved(rows, module, scope)
        items = [table] if position < 0 else getattr(table, "elts", [])
        for row in items:
            if isinstance(row, ast.Tuple):
                yield from self._constants(row.elts[position], module, scope)
            else:
                raise Unfollowed(f"{module.path.name}:{rows.lineno}: {ast.unparse(rows)}")

    def _items(self, table: ast.expr, module: Module, scope: ast.AST) -> Iterator[str]:
        found = self._resolved(table, module, scope)
        if not isinstance(found, ast.Dict):
            raise Unfollowed(f"{module.path.name}:{table.lineno}: {ast.unparse(table)}")
        for value in found.values:
            yield from self._constants(value, module, scope)

    def _resolved(self, value: ast.expr, module: Module, scope: ast.AST) -> ast.expr:
        """The expression that a name stands for."""
        if not isinstance(value, ast.Name):
            return value
        for place in (scope, module.tree):
            for found, position in _bindings(value.id, place):
                if position is None:
                    return found
        raise Unfollowed(f"{module.path.name}:{value.lineno}: {value.id}")


def _is_init(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef) and node.name == "__init__"


def _fields(node: ast.ClassDef) -> list[str]:
    return [
        item.target.id
        for item in node.body
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
    ]


def _members(enum: ast.ClassDef) -> Iterator[str]:
    for item in enum.body:
        if isinstance(item, ast.Assign) and isinstance(item.value, ast.Constant):
            yield str(item.value.value)


def _parameters(scope: ast.AST) -> list[str]:
    if not isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef):
        return []
    found = scope.args
    return [item.arg for item in [*found.posonlyargs, *found.args, *found.kwonlyargs]]


def _default(function: ast.FunctionDef | ast.AsyncFunctionDef, parameter: str) -> ast.expr | None:
    found = function.args
    positional = [*found.posonlyargs, *found.args]
    pairs = [
        *zip(positional[::-1], found.defaults[::-1], strict=False),
        *zip(found.kwonlyargs, found.kw_defaults, strict=True),
    ]
    return next((value for item, value in pairs if item.arg == parameter), None)


def _argument(call: ast.Call, sink: Sink) -> ast.expr | None:
    for keyword in call.keywords:
        if keyword.arg == sink.parameter:
            return keyword.value
    if sink.position is None or sink.position >= len(call.args):
        return None
    before = call.args[: sink.position + 1]
    return None if any(isinstance(item, ast.Starred) for item in before) else before[-1]


def _bindings(name: str, scope: ast.AST) -> Iterator[tuple[ast.expr, int | None]]:
    """What a variable is bound to: an expression, or a position in its rows.

    A position below zero is one in the expression itself, from its end.
    """
    for node in ast.walk(scope):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name) and target.id == name:
                    yield node.value, None
                elif (position := _position(target, name)) is not None:
                    assert isinstance(target, ast.Tuple)
                    yield node.value, position - len(target.elts)
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            if ast.unparse(node.target) == name:
                yield node.value, None
        elif isinstance(node, ast.For | ast.comprehension):
            position = _position(node.target, name)
            if position is not None:
                yield node.iter, position


def _table_of(value: ast.expr, scope: ast.AST) -> ast.expr | None:
    """The table that an expression is looked up in, by ``value in table``."""
    text = ast.unparse(value)
    for node in ast.walk(scope):
        if not isinstance(node, ast.Compare) or not isinstance(node.ops[0], ast.In):
            continue
        if ast.unparse(node.left) == text:
            return node.comparators[0]
    return None


def _position(target: ast.expr, name: str) -> int | None:
    if not isinstance(target, ast.Tuple):
        return None
    names = [ast.unparse(item) for item in target.elts]
    return names.index(name) if name in names else None
