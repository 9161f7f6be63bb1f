"""What 0.2.0 trained and answered, and the specs and the table that it did so with."""

import json
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "packages/shared/tests/golden"
MODELS = ("mixed", "amount", "again")


def recorded(model: str) -> list[dict[str, Any]]:
    """Requests for a model, and what 0.2.0 answered."""
    answers: list[dict[str, Any]] = json.loads((FOLDER / "contract1" / f"{model}.answers.json").read_text())["answers"]
    return answers


def write_spec(folder: Path, model: str, name: str | None = None) -> Path:
    """Write a model's table and spec, under another name where one is given."""
    maker = _maker()
    columns = maker.table()
    lines = [",".join(columns), *(",".join(row) for row in zip(*columns.values(), strict=True))]
    (folder / "table.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    text = maker.SPECS[model].format(common=maker.COMMON).strip() + "\n"
    file = folder / "spec.toml"
    file.write_text(text.replace(f'name = "{model}"', f'name = "{name or model}"', 1), encoding="utf-8")
    return file


def _maker() -> Any:
    """The module that made the golden versions."""
    spec = spec_from_file_location("make_contract1", FOLDER / "make_contract1.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
