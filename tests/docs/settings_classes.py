"""The variables that settings classes and compose files read, found in their source: nothing is imported here."""

import ast
import re
from collections.abc import Iterator

from .documents import ROOT

SOURCES = [*sorted(ROOT.glob("packages/*/src")), ROOT / "compose" / "local"]
COMPOSE_FILES = sorted(ROOT.glob("compose/*.yaml"))


def variables() -> dict[str, str]:
    """Each variable and what reads it: the class as `path:Class`, or the path of a compose file."""
    found = {}
    for file in COMPOSE_FILES:
        names = re.findall(r"\$\{(\w+)", file.read_text())
        found.update(dict.fromkeys(names, str(file.relative_to(ROOT))))
    for source in SOURCES:
        files = [file for file in sorted(source.rglob("*.py")) if "tests" not in file.relative_to(source).parts]
        trees = {file: ast.parse(file.read_text()) for file in files}
        constants = {name: value for tree in trees.values() for name, value in _constants(tree)}
        for file, tree in trees.items():
            for node in ast.walk(tree):
                if isinstance(node, ast.ClassDef):
                    place = f"{file.relative_to(ROOT)}:{node.name}"
                    found.update(dict.fromkeys(_variables(node, constants), place))
    return found


def _constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            value = node.value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield node.targets[0].id, value.value


def _variables(node: ast.ClassDef, constants: dict[str, str]) -> Iterator[str]:
    configured, prefix = _prefix(node, constants)
    if not configured:
        return
    if prefix:
        yield f"{prefix}SECRETS_DIR"
    for statement in node.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            aliases = _aliases(statement, constants)
            yield from aliases or [f"{prefix}{statement.target.id}".upper()]


def _prefix(node: ast.ClassDef, constants: dict[str, str]) -> tuple[bool, str]:
    """Whether the class is one of settings with fields, and the prefix of its variables."""
    for statement in node.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Call):
            called = statement.value.func
            if isinstance(called, ast.Name) and called.id == "SettingsConfigDict":
                given = [keyword.value for keyword in statement.value.keywords if keyword.arg == "env_prefix"]
                return True, _text(given[0], constants) if given else ""
    return False, ""


def _aliases(field: ast.AnnAssign, constants: dict[str, str]) -> list[str]:
    if not isinstance(field.value, ast.Call):
        return []
    given = [keyword.value for keyword in field.value.keywords if keyword.arg == "validation_alias"]
    choices = [choice for alias in given for choice in (alias.args if isinstance(alias, ast.Call) else [alias])]
    return [_text(choice, constants) for choice in choices]


def _text(node: ast.expr, constants: dict[str, str]) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    assert isinstance(node, ast.Name), f"write it as a text or as a constant: {ast.unparse(node)}"
    return constants[node.id]


def is_setting(name: str, known: dict[str, str]) -> bool:
    """Whether a setting has this name. A setting that is a table takes `NAME__KEY`."""
    return name in known or name.partition("__")[0] in known
