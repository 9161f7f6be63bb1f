"""The subcommands of our commands, read from their click decorators."""

import ast
from pathlib import Path

from .documents import ROOT

Tree = dict[str, dict[str, "Tree"]]
SUFFIXES = ("_command", "_cmd", "_group", "_grp")
"""What click takes off a function's name."""


def command_tree(command: str) -> Tree | None:
    """The subcommands of `mlyard-...`, None if its package has no command line."""
    package = command.replace("-", "_")
    source = ROOT / "packages" / package.removeprefix("mlyard_") / "src" / package
    files = sorted(source.rglob("*.py"))
    if not any(file.name == "cli.py" for file in files):
        return None
    return _tree(files)


def _tree(files: list[Path]) -> Tree:
    trees: dict[str, Tree] = {}
    children: list[tuple[str, str, str]] = []
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.FunctionDef):
                for decorator in node.decorator_list:
                    if (owner := _owner(decorator)) is not None:
                        trees.setdefault(node.name, {})
                        children.append((owner, _name(node, decorator), node.name))
    roots: Tree = {}
    for owner, name, function in children:
        (roots if owner == "click" else trees[owner])[name] = trees[function]
    # A group may import commands of its own only when they are called: click then sees them as roots of their own.
    return roots.pop("cli", {}) | roots


def _owner(decorator: ast.expr) -> str | None:
    """`click` or the group's function for `@owner.command(...)` and `@owner.group(...)`."""
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    if isinstance(called, ast.Attribute) and called.attr in ("command", "group") and isinstance(called.value, ast.Name):
        return called.value.id
    return None


def _name(node: ast.FunctionDef, decorator: ast.expr) -> str:
    if isinstance(decorator, ast.Call):
        given = [*decorator.args[:1], *(keyword.value for keyword in decorator.keywords if keyword.arg == "name")]
        for value in given:
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                return value.value
    suffix = next((suffix for suffix in SUFFIXES if node.name.endswith(suffix)), "")
    return node.name.removesuffix(suffix).replace("_", "-")
