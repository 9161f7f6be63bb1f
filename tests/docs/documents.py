"""The Markdown files of the repository, and what stands in them as code."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PLACES = ("*.md", "docs/*.md", "docs/decisions/*.md", "packages/*/README.md", "compose/*.md", "examples/*.md")
SETTINGS_PAGE = ROOT / "docs" / "settings.md"

CODE = re.compile(r"^```.*?^```|`[^`\n]+`", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Mention:
    """Something that a document says, and where."""

    text: str
    file: Path
    line: int

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.line}: {self.text}"


def documents() -> list[Path]:
    return sorted({file for place in PLACES for file in ROOT.glob(place)})


def find(pattern: str, *, in_code: bool = False) -> list[Mention]:
    """Every match of the pattern in every document; its first group is the text, if it has one."""
    return [mention for file in documents() for mention in _find(re.compile(pattern), file, in_code=in_code)]


def _find(pattern: re.Pattern[str], file: Path, *, in_code: bool) -> list[Mention]:
    text = file.read_text()
    parts = [(match.start(), match[0]) for match in CODE.finditer(text)] if in_code else [(0, text)]
    return [
        Mention(match[match.lastindex or 0], file, text.count("\n", 0, start + match.start()) + 1)
        for start, part in parts
        for match in pattern.finditer(part)
    ]
