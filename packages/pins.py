"""Write the pinned requirements of every environment: `hatch run pins` (add `--upgrade` for newer versions)."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
CONTRACT = ("shared", "mlflow_server", "model_api", "training_pipeline")
"""The packages in the environment of the contract tests."""
OPTIONAL = ("arrow", "boosters", "optuna")
"""Extras that an image has where its build is told so: each has a file of its own beside the image's."""
SIBLING = re.compile(r"mlyard-shared(\[[\w,]+\])?")
TOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
PROJECTS = {
    file.parent.name: tomllib.loads(file.read_text())["project"] for file in ROOT.glob("packages/*/pyproject.toml")
}
"""The package of each folder."""


def tools(group: str) -> str:
    """The tools of the root's dependency group, one a line."""
    return "".join(f"{tool}\n" for tool in TOOLS[group])


def compile_pins(output: Path, *sources: str, requirements: str = "", extra: list[str]) -> None:
    command = ["uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.11", "--generate-hashes"]
    command += ["--no-header", "--output-file", str(output), *sources, *extra]
    # The pins of the environment that this runs in bind nobody else.
    environment = {name: value for name, value in os.environ.items() if name != "UV_CONSTRAINT"}
    subprocess.run(command, check=True, text=True, input=requirements, cwd=ROOT, env=environment)


def main() -> None:
    upgrade = sys.argv[1:]
    for package, project in PROJECTS.items():
        folder = ROOT / "packages" / package
        offered = project.get("optional-dependencies", {})
        extras = [word for name in offered if name not in OPTIONAL for word in ("--extra", name)]
        sources = [f"packages/{package}/pyproject.toml"]
        sibling = next((SIBLING.match(name) for name in project["dependencies"] if SIBLING.match(name)), None)
        if sibling is not None:
            # The sibling is no pin: images and environments install it from its folder.
            extras += ["--no-emit-package", "mlyard-shared"]
            sources.append("-")
        where = f"{sibling[0]} @ {(ROOT / 'packages/shared').as_uri()}\n" if sibling is not None else ""
        compile_pins(folder / "requirements.txt", *sources, requirements=where, extra=[*extras, *upgrade])
        constraint = ["--constraint", f"packages/{package}/requirements.txt", *upgrade]
        for name in set(offered) & set(OPTIONAL):
            wanted = "".join(f"{line}\n" for line in offered[name])
            compile_pins(folder / f"requirements-{name}.txt", "-", requirements=wanted, extra=constraint)
        compile_pins(folder / "requirements-test.txt", "-", requirements=tools("test"), extra=constraint)
    build = ROOT / "packages/shared/requirements-build.txt"
    compile_pins(build, "-", requirements="editables\nhatchling\nuv\n", extra=upgrade)
    compile_pins(ROOT / "tests/requirements-lint.txt", "-", requirements=tools("lint"), extra=upgrade)
    shared = f"mlyard-shared[mlflow,models] @ {(ROOT / 'packages/shared').as_uri()}\n"
    compile_pins(
        ROOT / "tests/contract/requirements.txt",
        *(f"packages/{package}/pyproject.toml" for package in CONTRACT),
        "-",
        requirements=shared + tools("test"),
        extra=["--no-emit-package", "mlyard-shared", *upgrade],
    )
    compile_pins(
        ROOT / "tests/protocol_clients/requirements.txt",
        "packages/shared/pyproject.toml",
        "packages/model_api/pyproject.toml",
        "-",
        requirements=shared + tools("protocol-clients") + tools("test"),
        extra=["--no-emit-package", "mlyard-shared", *upgrade],
    )
    compile_pins(ROOT / "compose/local/requirements.txt", "-", requirements=tools("stack"), extra=upgrade)
    constraint = ["--constraint", "compose/local/requirements.txt", *upgrade]
    compile_pins(ROOT / "compose/local/requirements-test.txt", "-", requirements=tools("test"), extra=constraint)


if __name__ == "__main__":
    main()
