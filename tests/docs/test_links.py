import re
from pathlib import Path

from .documents import CODE, ROOT, find

HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def anchors(file: Path) -> set[str]:
    """The anchors that GitHub makes of a document's headings."""
    text = CODE.sub(lambda match: match[0].strip("`") if "\n" not in match[0] else "", file.read_text())
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in HEADING.findall(text)}


def test_every_relative_link_leads_somewhere() -> None:
    broken = []
    for mention in find(r"\]\(([^)\s]+)\)"):
        target, _, anchor = mention.text.partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        file = (mention.file.parent / target).resolve() if target else mention.file
        if not file.exists() or not file.is_relative_to(ROOT):
            broken.append(str(mention))
        elif anchor and anchor not in anchors(file):
            broken.append(f"{mention} (no such heading)")
    assert not broken, "links that lead nowhere:\n" + "\n".join(broken)
