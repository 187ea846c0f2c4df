"""The texts that Python source passes on, made whole without running it: f-strings, formats, joins, names, imports.

A function is read twice, as if every condition in it held and as if none did, so a text that is put together under
conditions is found in its fullest and in its barest form. What cannot be known stands as ``⟦expression⟧``.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

Value = str | list[str] | None
Names = dict[str, Value]

_TRANSPARENT = frozenset({"gql", "dedent"})
"""Functions that return the text they are given."""


def texts(package: Path, module: Path) -> Iterator[str]:
    """Yield every text that a module of ``package`` holds in a name, passes to a call or returns."""
    tree = ast.parse(module.read_text())
    imported = _imported(package, module, tree)
    for world in (True, False):
        found: list[str] = []
        reader = _Reader(tree, world=world, found=found)
        yield from reader.constants(tree.body, dict(imported))
        yield from found


class _Reader:
    """Reads one module in one world, in which every condition holds (``world``) or none does."""

    def __init__(self, tree: ast.Module, *, world: bool, found: list[str]) -> None:
        self._calls: defaultdict[str, list[ast.Call]] = defaultdict(list)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                self._calls[_called(node)].append(node)
        self._world = world
        self._found = found

    def constants(self, body: list[ast.stmt], names: Names) -> list[str]:
        """Read a module or a class; return the texts that its names hold afterwards."""
        self.block(body, names)
        return [value for value in names.values() if isinstance(value, str)]

    def block(self, body: list[ast.stmt], names: Names) -> None:
        """Read statements in their order, keeping in ``names`` what they assign."""
        for statement in body:
            self._statement(statement, names)

    def _statement(self, statement: ast.stmt, names: Names) -> None:
        match statement:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self.block(statement.body, {**names, **self._parameters(statement, names)})
            case ast.ClassDef():
                self._found += self.constants(statement.body, dict(names))
            case ast.If():
                self._passed(statement.test, names)
                for each in statement.body if self._world else statement.orelse:
                    self._statement(each, names)
            case ast.With() | ast.For() | ast.While() | ast.Try():
                for each in ast.iter_child_nodes(statement):
                    if isinstance(each, ast.stmt):
                        self._statement(each, names)
                    elif isinstance(each, ast.ExceptHandler):
                        self.block(each.body, names)
                    else:
                        self._passed(each, names)
            case _:
                self._passed(statement, names)
                self._assign(statement, names)

    def _assign(self, statement: ast.stmt, names: Names) -> None:
        match statement:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
            ):
                names[name] = self._fold(value, names)
            case ast.AugAssign(target=ast.Name(id=name), op=ast.Add(), value=value):
                names[name] = _added(names.get(name), self._fold(value, names))
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attr), args=[value])):
                more = self._fold(value, names)
                if attr == "append" and isinstance(more, str):
                    names[name] = _added(names.get(name), [more])
                elif attr == "extend":
                    names[name] = _added(names.get(name), more)
            case _:
                pass

    def _passed(self, root: ast.AST, names: Names) -> None:
        for node in ast.walk(root):
            given: list[ast.expr] = []
            if isinstance(node, ast.Call):
                given = [*node.args, *(keyword.value for keyword in node.keywords)]
            elif isinstance(node, ast.Return) and node.value is not None:
                given = [node.value]
            self._found += [text for each in given if isinstance(text := self._fold(each, names), str)]

    def _parameters(self, function: ast.FunctionDef | ast.AsyncFunctionDef, names: Names) -> Names:
        """Return what the module's own calls pass to a function: those of the first such call, or of the last."""
        parameters = [each.arg for each in function.args.args if each.arg not in {"self", "cls"}]
        calls = self._calls[function.name]
        if not calls:
            return {}
        call = calls[0 if self._world else -1]
        chosen = dict(zip(parameters, call.args, strict=False)) | {
            key.arg: key.value for key in call.keywords if key.arg
        }
        return {name: self._fold(value, names) for name, value in chosen.items()}

    def _fold(self, node: ast.expr, names: Names) -> Value:  # noqa: PLR0911 - one for each kind of expression
        match node:
            case ast.Constant(value=str(text)):
                return text
            case ast.Name(id=name) | ast.Attribute(attr=name):
                return names.get(name)
            case ast.JoinedStr(values=parts):
                return "".join(self._part(part, names) for part in parts)
            case ast.IfExp(body=body, orelse=orelse):
                return self._fold(body if self._world else orelse, names)
            case ast.BinOp(op=ast.Add(), left=left, right=right):
                return _added(self._fold(left, names), self._fold(right, names))
            case ast.List(elts=parts) | ast.Tuple(elts=parts):
                return [self._part(part, names) for part in parts]
            case ast.Call():
                return self._call(node, names)
            case _:
                return None

    def _part(self, node: ast.expr, names: Names) -> str:
        inner = node.value if isinstance(node, ast.FormattedValue) else node
        text = self._fold(inner, names)
        return text if isinstance(text, str) else f"⟦{ast.unparse(inner)}⟧"

    def _call(self, node: ast.Call, names: Names) -> Value:  # noqa: PLR0911 - one for each method of text
        if _called(node) in _TRANSPARENT and node.args:
            return self._fold(node.args[0], names)
        if not isinstance(node.func, ast.Attribute):
            return None
        text = self._fold(node.func.value, names)
        if not isinstance(text, str):
            return None
        given = [self._part(each, names) for each in node.args]
        match node.func.attr:
            case "format":
                named = {each.arg: self._part(each.value, names) for each in node.keywords if each.arg}
                with suppress(LookupError):
                    return text.format(*given, **named)
                return None
            case "replace" if len(given) > 1:
                return text.replace(given[0], given[1])
            case "join":
                parts = self._fold(node.args[0], names) if node.args else None
                return text.join(parts) if isinstance(parts, list) else None
            case _:
                return None


def _called(node: ast.Call) -> str:
    match node.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def _added(left: Value, right: Value) -> Value:
    if isinstance(left, str) and isinstance(right, str):
        return left + right
    if isinstance(left, list) and isinstance(right, list):
        return left + right
    return None


def _imported(package: Path, module: Path, tree: ast.Module) -> Names:
    """Return the constants that a module imports from others of its package."""
    names: Names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            source = _file(package, module, node)
            constants = _constants(source) if source is not None and source != module else {}
            names |= {alias.asname or alias.name: constants.get(alias.name) for alias in node.names}
    return names


def _file(package: Path, module: Path, node: ast.ImportFrom) -> Path | None:
    parts = (node.module or "").split(".")
    place = module.parents[node.level - 1] if node.level else package.parent
    found = place.joinpath(*filter(None, parts))
    return next((file for file in (found.with_suffix(".py"), found / "__init__.py") if file.is_file()), None)


@cache
def _constants(module: Path) -> Names:
    """Return the texts that a module assigns, or that a package takes from its own modules."""
    tree = ast.parse(module.read_text())
    names: Names = {}
    if module.name == "__init__.py":
        for node in tree.body:
            if isinstance(node, ast.ImportFrom) and node.level == 1 and node.module:
                inner = module.with_name(f"{node.module}.py")
                names |= _constants(inner) if inner.is_file() else {}
    reader = _Reader(tree, world=True, found=[])
    reader.block([node for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign)], names)
    return names
