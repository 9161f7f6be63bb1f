"""Write the pinned requirements of every environment: `hatch run pins` (add `--upgrade` for newer versions)."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
TOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
CONTRACT = [
    f"packages/{package}/pyproject.toml" for package in ("shared", "mlflow_server", "model_api", "training_pipeline")
]
EXTRAS = {"shared": ["mlflow", "models"], "training_pipeline": ["airflow"]}
SHARED_EXTRAS = {"mlflow_server": "", "model_api": "[mlflow,models]", "training_pipeline": "[mlflow,models]"}


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
    for package in ("shared", "mlflow_server", "model_api", "training_pipeline"):
        folder = ROOT / "packages" / package
        extras = [word for name in EXTRAS.get(package, []) for word in ("--extra", name)]
        sources = [f"packages/{package}/pyproject.toml"]
        if package in SHARED_EXTRAS:
            # The sibling is no pin: images and environments install it from its folder.
            extras += ["--no-emit-package", "mlyard-shared"]
            sources.append("-")
        sibling = f"mlyard-shared{SHARED_EXTRAS.get(package, '')} @ {(ROOT / 'packages/shared').as_uri()}\n"
        compile_pins(folder / "requirements.txt", *sources, requirements=sibling, extra=[*extras, *upgrade])
        constraint = ["--constraint", f"packages/{package}/requirements.txt", *upgrade]
        compile_pins(folder / "requirements-test.txt", "-", requirements=tools("test"), extra=constraint)
    build = ROOT / "packages/shared/requirements-build.txt"
    compile_pins(build, "-", requirements="editables\nhatchling\nuv\n", extra=upgrade)
    compile_pins(ROOT / "tests/requirements-lint.txt", "-", requirements=tools("lint"), extra=upgrade)
    shared = f"mlyard-shared[mlflow,models] @ {(ROOT / 'packages/shared').as_uri()}\n"
    compile_pins(
        ROOT / "tests/contract/requirements.txt",
        *CONTRACT,
        "-",
        requirements=shared + tools("test"),
        extra=["--no-emit-package", "mlyard-shared", *upgrade],
    )
    compile_pins(ROOT / "compose/local/requirements.txt", "-", requirements=tools("stack"), extra=upgrade)
    constraint = ["--constraint", "compose/local/requirements.txt", *upgrade]
    compile_pins(ROOT / "compose/local/requirements-test.txt", "-", requirements=tools("test"), extra=constraint)


if __name__ == "__main__":
    main()
