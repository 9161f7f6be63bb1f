"""A small repository: `shared` is released as 0.1.0, `service` requires it, and each has a suite that Hatch runs."""

import subprocess
from pathlib import Path

from mlyard_release.packages import ROOT, Package

PROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "mlyard-{name}"
version = "{version}"
requires-python = ">=3.11"
dependencies = {dependencies}

[tool.hatch.build.targets.wheel]
packages = ["src/mlyard_{name}"]

[tool.towncrier]
name = "mlyard-{name}"
directory = "changes"
filename = "CHANGELOG.md"
template = "../../release/changelog.md.jinja"
start_string = "<!-- releases -->\\n"
title_format = "## {{version}}"
underlines = ["", "", ""]
type = [
  {{ directory = "breaking", name = "Breaking", showcontent = true }},
  {{ directory = "feature", name = "New", showcontent = true }},
  {{ directory = "fix", name = "Mended", showcontent = true }},
]
"""
SUITES = """\
[dependency-groups]
test = ["pytest"]

[tool.hatch.envs.default]
installer = "uv"
skip-install = true

[tool.hatch.envs.shared]
template = "default"
[tool.hatch.envs.shared.scripts]
test = "cat {root}/packages/shared/verdict"

[tool.hatch.envs.service]
template = "default"
[tool.hatch.envs.service.scripts]
test = "cat {root}/packages/service/verdict"
"""


def make(root: Path) -> Path:
    (root / "pyproject.toml").write_text(SUITES)
    (root / "release").mkdir()
    (root / "release/releases.toml").touch()
    (root / "release/changelog.md.jinja").write_bytes((ROOT / "release/changelog.md.jinja").read_bytes())
    (root / ".gitignore").write_text("dist/\n.mlyard/\n__pycache__/\n.pytest_cache/\n")
    write(root, "shared", "0.1.0", source="OLD = 1\n")
    git(root, "init", "--quiet", "--initial-branch", "main")
    git(root, "config", "user.name", "A tester")
    git(root, "config", "user.email", "tester@example.com")
    commit(root)
    git(root, "tag", "shared-v0.1.0")
    write_service(root, "1.0.0", requires="mlyard-shared>=0.1.0", uses="OLD")
    (root / "compose").mkdir()
    (root / "compose/service.yaml").write_text("image: mlyard-service:${MLYARD_SERVICE_TAG:-1.0.0}\n")
    (root / "compose/.env.example").write_text("# which\nMLYARD_SERVICE_TAG=1.0.0\nMLYARD_SHARED_TAGS=1.0.0\n")
    commit(root)
    git(root, "tag", "service-v1.0.0")
    return root


def write(root: Path, name: str, version: str, *, source: str, dependencies: tuple[str, ...] = ()) -> Path:
    """Write a package, and return its folder."""
    folder = root / "packages" / name
    (folder / f"src/mlyard_{name}").mkdir(parents=True, exist_ok=True)
    project = PROJECT.format(name=name, version=version, dependencies=list(dependencies))
    (folder / "pyproject.toml").write_text(project.replace("'", '"'))
    (folder / f"src/mlyard_{name}/__init__.py").write_text(source)
    (folder / "verdict").write_text("passed\n")
    changelog = folder / "CHANGELOG.md"
    if not changelog.exists():
        changelog.write_text(f"# Changelog of mlyard-{name}\n\n<!-- releases -->\n\n## {version}\n\n- First release.\n")
    return folder


def write_service(root: Path, version: str, *, requires: str, uses: str) -> Path:
    folder = write(root, "service", version, source=f"from mlyard_shared import {uses}\n", dependencies=(requires,))
    tests = root / "packages/service/tests"
    tests.mkdir(exist_ok=True)
    (tests / "test_service.py").write_text(
        f"import mlyard_service\n\ndef test_it():\n    assert mlyard_service.{uses}\n"
    )
    return folder


def change(root: Path, name: str, *, kind: str = "fix", says: str = "Mends a thing.") -> str:
    """Commit a change of a package with its fragment."""
    folder = root / "packages" / name / "changes"
    folder.mkdir(exist_ok=True)
    (folder / f"+thing.{kind}.md").write_text(f"{says}\n")
    return commit(root)


def commit(root: Path) -> str:
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--allow-empty", "--message", "a commit")
    return git(root, "rev-parse", "HEAD").strip()


def git(root: Path, *words: str) -> str:
    return subprocess.run(["git", "-C", str(root), *words], check=True, stdout=subprocess.PIPE, text=True).stdout


def version(root: Path, name: str) -> str:
    return str(Package(root, name).project["version"])


def state(root: Path) -> dict[str, object]:
    """Everything that a release may change: commits, tags, files, what was built."""
    built = {str(file.relative_to(root)): file.read_bytes() for file in sorted(root.glob("dist/*/*"))}
    return {
        "log": git(root, "log", "--format=%H %s"),
        "tags": git(root, "show-ref", "--tags"),
        "status": git(root, "status", "--porcelain"),
        "built": built,
    }
