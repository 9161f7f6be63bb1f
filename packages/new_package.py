"""Make a new package that passes every check: `hatch run new-package NAME`, such as `drift_monitor`.

It has a command, a test, pins, an image and an environment of its own, and stands in the root's `pyproject.toml`.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from string import Template

PACKAGES = Path(__file__).parent
ROOT = PACKAGES.parent
NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
PATTERN = PACKAGES / "model_api"
"""The Dockerfile of the new package is this one's, but for the names and what is special about it."""

FILES = {
    "pyproject.toml": """\
[build-system]
requires = ["hatchling>=1.27"]
build-backend = "hatchling.build"

[project]
name = "$distribution"
version = "0.1.0"
description = "What it is for, in a line"
readme = "README.md"
license = "Apache-2.0"
requires-python = ">=3.11,<3.14" # the range of the stack
authors = [{ name = "The mlyard developers" }]
keywords = ["machine-learning", "mlops"]
classifiers = [
  "Development Status :: 3 - Alpha",
  "Intended Audience :: Developers",
  "Operating System :: POSIX :: Linux",
  "Programming Language :: Python :: 3",
  "Programming Language :: Python :: 3 :: Only",
  "Programming Language :: Python :: 3.11",
  "Programming Language :: Python :: 3.12",
  "Programming Language :: Python :: 3.13",
  "Topic :: Scientific/Engineering :: Artificial Intelligence",
  "Typing :: Typed",
]
dependencies = ["click>=8.2", "mlyard-shared>=$shared"]

[project.scripts]
$distribution = "$package.__main__:main"

[project.urls]
Source = "https://github.com/mlyard/mlyard/tree/main/packages/$name"
Changelog = "https://github.com/mlyard/mlyard/blob/main/packages/$name/CHANGELOG.md"
Issues = "https://github.com/mlyard/mlyard/issues"

[tool.hatch.build.targets.sdist]
only-include = ["CHANGELOG.md", "src"]

[tool.hatch.build.targets.wheel]
packages = ["src/$package"]
""",
    "README.md": """\
# $distribution

What it is for, in a line.

```
$distribution about
```

Its tests and types: `hatch run $environment:test`, `hatch run $environment:types`.
""",
    "CHANGELOG.md": """\
# Changelog of $distribution

## 0.1.0

- The first version.
""",
    "src/$package/__init__.py": '"""What it is for, in a line. Read `cli` first."""\n',
    "src/$package/py.typed": "",
    "src/$package/__main__.py": '''\
"""`$distribution`, also as `python -m $package`."""

from $package.cli import main

if __name__ == "__main__":
    main()
''',
    "src/$package/cli.py": '''\
"""The command `$distribution`."""

import sys
from importlib import metadata

import click
from mlyard_shared.errors import MlyardError


@click.group()
def cli() -> None:
    """What it is for, in a line."""


@cli.command()
def about() -> None:
    """Say which version this is."""
    click.echo(f"$distribution {metadata.version('$distribution')}")


def main() -> None:
    """Run the command: a mistake of the user's is one sentence and exit code 1."""
    try:
        cli(prog_name="$distribution")
    except MlyardError as error:
        click.echo(f"$distribution: {error}", err=True)
        sys.exit(1)
''',
    "tests/test_cli.py": """\
from importlib import metadata

from click.testing import CliRunner
from $package.cli import cli


def test_it_says_which_version_it_is() -> None:
    answer = CliRunner().invoke(cli, ["about"])
    assert answer.exit_code == 0
    assert answer.output == f"$distribution {metadata.version('$distribution')}\\n"
""",
}
ENVIRONMENT = """\
[tool.hatch.envs.$environment]
template = "tested"
workspace.members = ["packages/shared", "packages/$name"]
env-vars = { PYTHONDONTWRITEBYTECODE = "", UV_CONSTRAINT = "{root}/packages/$name/requirements.txt {root}/packages/$name/requirements-test.txt", UV_BUILD_CONSTRAINT = "{root}/packages/shared/requirements-build.txt" }

[tool.hatch.envs.$environment.scripts]
test = "pytest {root}/packages/$name/tests {root}/tests/environment {args}"
types = "mypy --cache-dir {root}/.mypy_cache/{env_name} {root}/packages/$name/src {root}/packages/$name/tests"

"""  # noqa: E501 - lines of a TOML file
LAYERS = """
[[tool.importlinter.contracts]]
name = "Layers of $name"
type = "layers"
containers = ["$package"]
exhaustive = true
layers = ["__main__", "cli"]
"""
DOCKERFILE = (
    (r"^# The prediction API\.", "# $distribution."),
    (r"^# What is never loaded .*\n", "# Test files are never loaded.\n"),
    (r"^    && rm /opt/venv\S+onnxruntime\S+ \\\n", ""),
    (r"^# With PyArrow.*\n", ""),
    (r"^ARG EXTRAS=.*\n", ""),
    (r"^    --mount=\S+/pins/requirements-arrow.txt \\\n", ""),
    (r"^    set -- .*\n.*for extra.*\n    && uv pip sync", "    uv pip sync"),
    (r'"\$@"', "/pins/requirements.txt"),
    (r"packages/model_api", "packages/$name"),
    (r"mlyard-model-api", "$distribution"),
    (r'description="[^"]*"', 'description="What it is for, in a line"'),
    (r"ARG VERSION=\S+", "ARG VERSION=0.1.0"),
    (r" \\\n    MLYARD_MODEL_API_HOST.*\n", "\n"),
    (r"^VOLUME .*\nEXPOSE .*\nHEALTHCHECK .*\n.*CMD .*\n", ""),
    (r'CMD \["serve"\]', 'CMD ["about"]'),
)


def main(arguments: list[str]) -> int:
    """Make the package; nothing is written where the name cannot be used."""
    if len(arguments) != 1 or not NAME.fullmatch(arguments[0]):
        print("give one name of lower-case letters, digits and _, such as drift_monitor", file=sys.stderr)
        return 2
    name = arguments[0]
    folder = PACKAGES / name
    if folder.exists():
        print(f"{folder.relative_to(ROOT)} exists already: give another name, or remove it first", file=sys.stderr)
        return 1
    version = re.search(r'^version = "(.+)"', (PACKAGES / "shared/pyproject.toml").read_text(), re.MULTILINE)
    assert version is not None  # it is a package
    values = {
        "name": name,
        "environment": name.replace("_", "-"),
        "distribution": f"mlyard-{name.replace('_', '-')}",
        "package": f"mlyard_{name}",
        "shared": version[1],
    }

    def fill(text: str) -> str:
        return Template(text).substitute(values)

    for file, text in FILES.items():
        place = folder / fill(file)
        place.parent.mkdir(parents=True, exist_ok=True)
        # The braces of Python and TOML stay: only $names are filled in.
        place.write_text(fill(text))
    shutil.copy(ROOT / "LICENSE", folder)
    ignored = (PATTERN / ".dockerignore").read_text()
    (folder / ".dockerignore").write_text(ignored.replace("!requirements-arrow.txt\n", ""))
    dockerfile = (PATTERN / "Dockerfile").read_text()
    for pattern, new in DOCKERFILE:
        dockerfile, count = re.subn(pattern, lambda _, new=new: fill(new), dockerfile, flags=re.MULTILINE)  # type: ignore[misc]
        assert count, pattern
    (folder / "Dockerfile").write_text(dockerfile)
    project = ROOT / "pyproject.toml"
    project.write_text(_with_package(project.read_text(), fill))
    subprocess.run([sys.executable, PACKAGES / "pins.py"], check=True)
    print(f"packages/{name} is there: hatch run {values['environment']}:test, then hatch run check")
    return 0


def _with_package(text: str, fill: Callable[[str], str]) -> str:
    """The root's project with the environment of a package, its place in the checks and its layers."""
    changes = (
        (r"(?=^\[tool\.hatch\.envs\.contract\])", ENVIRONMENT),
        (r'(?<=^  "hatch run lint:all",\n)', '  "hatch run $environment:types",\n'),
        (r"(?<=\{root\}/packages/training_pipeline/src)(?=:)", ":{root}/packages/$name/src"),
        (r"(?<=_DIR/packages/training_pipeline/src)(?=:)", ":$$MYPY_CONFIG_FILE_DIR/packages/$name/src"),
        (r'(?<=, "mlyard_training_pipeline")(?=[,\]])', ', "$package"'),
    )
    for pattern, new in changes:
        text, count = re.subn(pattern, lambda _, new=new: fill(new), text, flags=re.MULTILINE)  # type: ignore[misc]
        assert count, pattern
    return text.rstrip("\n") + "\n" + fill(LAYERS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
