from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from mlyard_shared.errors import TableError
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.preview import describe
from mlyard_training_pipeline.screening.identifiers import is_named
from mlyard_training_pipeline.settings import Settings

Mixed = Callable[..., dict[str, list[str | None]]]
Written = Callable[..., Path]


def warnings(file: Path) -> list[str]:
    lines = list(describe(file, Settings(state=file.parent / "state")))
    return [line for line in lines if line.startswith(("warning", "to leave"))]


def test_everything_that_a_model_should_not_learn_is_told_at_once(
    spec: Callable[..., ModelSpec], written: Written, mixed: Mixed, tmp_path: Path
) -> None:
    columns = mixed()
    kinds, draw = np.array(columns["kind"]), np.random.default_rng(1)
    columns["code"] = [{"small": "s", "middle": "m", "large": "l"}[kind] for kind in kinds]
    columns["hint"] = [f"{value:.3f}" for value in (kinds == "small") * 5 + (kinds == "large") * 9 + draw.random(240)]
    columns["row"] = [str(row) for row in draw.permutation(240)]
    columns["again"] = columns["size"]
    columns["kind"] = ["tiny" if row % 17 == 0 else str(kind) for row, kind in enumerate(kinds)]
    columns["code"] = ["t" if row % 17 == 0 else code for row, code in enumerate(columns["code"])]
    columns["id"] = [str(row // 2) for row in range(240)]
    columns["hint"] = ["-9" if row % 17 == 0 else hint for row, hint in enumerate(columns["hint"])]
    found = warnings(written(tmp_path, spec(), columns))
    assert [line.partition(":")[2].split(":")[0].strip() for line in found[:-1]] == [
        "column 'code' is a copy of the target 'kind'",
        "column 'hint' alone tells 100.0% of the rows, by class, of the target 'kind'",
        "column 'row' tells rows apart and says nothing of new ones",
        "column 'again' has the values of 'size' in every row",
        "120 rows repeat the key 'id' of an earlier row, so they are on one side of the holdout",
        "few rows of class tiny (15)",
    ]
    assert found[-1] == ('to leave them out, say features.leave_out = ["amount", "code", "hint", "row", "again"]')


def test_a_column_that_is_refused_does_not_hide_what_else_there_is_to_tell(
    spec: Callable[..., ModelSpec], written: Written, mixed: Mixed, tmp_path: Path
) -> None:
    columns = mixed() | {"always": ["x"] * 240}
    columns["code"] = [f"of {kind}" for kind in columns["kind"]]
    with pytest.raises(TableError) as raised:
        warnings(written(tmp_path, spec(), columns))
    lines = str(raised.value).splitlines()
    assert lines[0].startswith("column 'always' has one value in every row")
    assert lines[1].startswith("warning: column 'code' is a copy of the target")
    assert lines[2] == 'to leave it out, say features.leave_out = ["amount", "always", "code"]'


def test_an_ordinary_table_is_told_nothing(spec: Callable[..., ModelSpec], written: Written, tmp_path: Path) -> None:
    assert not warnings(written(tmp_path, spec()))


def test_a_name_says_that_a_column_is_an_id() -> None:
    assert all(map(is_named, ["id", "ID", "customer_id", "orderId", "order id", "uuid", "Key"]))
    assert not any(map(is_named, ["paid", "width", "idea", "monkey", "humid", "fluid", "Madrid"]))
