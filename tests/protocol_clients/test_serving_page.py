"""Every example of docs/serving.md, as someone pastes it, and what it says is answered."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from .conftest import KEY, Api

PAGE = Path(__file__).parents[2] / "docs" / "serving.md"
SECONDS = 60


@dataclass(frozen=True)
class Example:
    """A command or a program, and the answer that is shown below it, if one is."""

    line: int
    language: str
    text: str
    answer: str | None


def examples() -> list[Example]:
    page = PAGE.read_text()
    blocks = list(re.finditer(r"^```(sh|python|json)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL))
    found = []
    for block, after in zip(blocks, [*blocks[1:], None], strict=True):
        if block[1] != "json":
            shown = after[2] if after is not None and after[1] == "json" else None
            found.append(Example(page.count("\n", 0, block.start()) + 1, block[1], block[2], shown))
    return found


def same(found: Any, shown: Any) -> bool:
    """Whether an answer is the one that is shown, but for ids of predictions; numbers to the digits that are shown."""
    if isinstance(shown, dict):
        return found.keys() == shown.keys() and all(
            (key == "id" and len(found[key]) == 36) or same(found[key], value) for key, value in shown.items()
        )
    if isinstance(shown, list):
        return len(found) == len(shown) and all(map(same, found, shown))
    if isinstance(shown, float):
        return bool(found == pytest.approx(shown, rel=1e-3))
    return bool(found == shown)


@pytest.mark.parametrize("example", examples(), ids=lambda example: f"line {example.line}")
def test_an_example_is_answered_as_the_page_shows(api: Api, tmp_path: Path, example: Example) -> None:
    key = tmp_path / ".mlyard" / "development" / "model_api" / ".api_key"
    key.parent.mkdir(parents=True)
    key.write_text(f"{KEY}\n")
    text = re.sub(r"(127\.0\.0\.1(?:\"\, |:))8000", rf"\g<1>{api.port}", example.text)
    interpreter = [sys.executable, "-W", "ignore", "-c"] if example.language == "python" else ["bash", "-euc"]
    ended = subprocess.run(
        [*interpreter, text],
        cwd=tmp_path,
        env=os.environ | {"KEY": KEY},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout
    if example.answer is not None:
        assert same(json.loads(ended.stdout), json.loads(example.answer)), ended.stdout


def test_the_page_has_examples_of_every_protocol() -> None:
    text = "".join(example.text for example in examples())
    assert len(examples()) >= 10
    for address in ("/models/prices/predict", "/invocations", "/v2/models/prices/infer"):
        assert address in text
