"""docs/own-table.md as somebody follows it, as far as it needs no stack; tests/e2e follows it to the answer."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner
from mlyard_shared.spec import read_spec
from mlyard_training_pipeline.cli import NAME, cli

PAGE = Path(__file__).parents[4] / "docs" / "own-table.md"
BLOCK = re.compile(r"^```(sh|text|toml)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def test_the_page_leads_to_a_spec_that_is_taken(
    examples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(examples, tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    spec, output, ran = tmp_path / "models/birds/birds.toml", "", []
    for kind, text in BLOCK.findall(PAGE.read_text()):
        if kind == "toml":
            spec.write_text(spec.read_text() + "\n" + text)
        elif kind == "text":
            assert output == text
        elif "hatch run up" in text:
            break
        elif NAME in text:
            command = shlex.split(text.partition(NAME)[2])
            output = CliRunner().invoke(cli, command, catch_exceptions=False).output
            ran.append(command[0])
        else:
            subprocess.run(["sh", "-ec", text], check=True)
    assert ran == ["init", "validate", "validate"]
    assert "not seen by the model: id, year" in output
    assert "warning" not in output
    assert read_spec(spec).gate.minimum == 0.9
