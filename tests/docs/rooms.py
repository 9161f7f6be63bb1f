"""The rooms of each package and what they import of one another, drawn from the code by `hatch run lint:rooms`.

A room is a module or folder directly below the package. An arrow leads from a room to one that it imports, where no
other arrows lead there anyway.
"""

import re
from collections.abc import Iterator

import grimp

from .documents import ROOT

PAGE = ROOT / "docs" / "architecture.md"
PACKAGES = ("mlyard_shared", "mlyard_mlflow_server", "mlyard_training_pipeline", "mlyard_model_api")
BEGIN, END = "<!-- rooms of {package} -->\n", "<!-- end -->"


def diagram(package: str) -> str:
    """The rooms of a package, as Mermaid draws them."""
    graph = grimp.build_graph(package, include_external_packages=False, cache_dir=None)
    rooms = sorted(graph.find_children(package))
    imports = {
        room: {
            other
            for other in rooms
            if other != room and graph.direct_import_exists(importer=room, imported=other, as_packages=True)
        }
        for room in rooms
    }
    arrows = [f"    {_name(room)} --> {_name(other)}" for room in rooms for other in sorted(_needed(room, imports))]
    alone = [f"    {_name(room)}" for room in rooms if not imports[room] and room not in set().union(*imports.values())]
    return "\n".join(["```mermaid", "flowchart TD", *arrows, *alone, "```", ""])


def _needed(room: str, imports: dict[str, set[str]]) -> Iterator[str]:
    """The arrows of a room but for those to where its other arrows lead as well."""
    for other in imports[room]:
        if not any(other in _reached(between, imports) for between in imports[room] - {other}):
            yield other


def _reached(room: str, imports: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    left = [room]
    while left:
        for other in imports[left.pop()] - found:
            found.add(other)
            left.append(other)
    return found


def _name(room: str) -> str:
    return room.rpartition(".")[2]


def drawn(page: str) -> str:
    """The page with every diagram as the code is now."""
    for package in PACKAGES:
        begin = BEGIN.format(package=package)
        page = re.sub(
            f"({re.escape(begin)}).*?({re.escape(END)})", rf"\g<1>{diagram(package)}\g<2>", page, flags=re.DOTALL
        )
    return page


if __name__ == "__main__":
    PAGE.write_text(drawn(PAGE.read_text()))
