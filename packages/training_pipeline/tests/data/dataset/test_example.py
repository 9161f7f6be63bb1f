"""The example of the Dataset's contract, over a snapshot that 0.2.0 wrote: see `tests/golden/make_dataset.py`."""

from pathlib import Path

import numpy as np
from mlyard_shared.spec import read_spec
from mlyard_training_pipeline.data.dataset import Dataset, store
from mlyard_training_pipeline.data.dataset.layout import FILE, FORMAT, Layout

GOLDEN = Path(__file__).parents[2] / "golden/dataset"
SNAPSHOT, SPEC, MADE = GOLDEN / "snapshot.parquet", GOLDEN / "spec.toml", GOLDEN / str(FORMAT)


def test_the_same_snapshot_and_spec_give_the_same_bytes(tmp_path: Path) -> None:
    store.make(SNAPSHOT, tmp_path, read_spec(SPEC))
    made = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    changed = [file.name for file in MADE.iterdir() if made.pop(file.name, b"") != file.read_bytes()]
    assert (changed, list(made)) == ([], []), "raise FORMAT, so that Datasets on disk are made anew"


def test_the_example_is_read_as_the_table_was() -> None:
    layout = Layout.model_validate_json((MADE / FILE).read_bytes(), strict=True)
    found = Dataset(MADE, layout, read_spec(SPEC), lambda: SNAPSHOT)
    columns = found.columns()
    assert columns["colour"].tolist()[:5] == [None, "red", "grün", "blue", None]
    assert columns["code"].tolist()[:4] == ["000", "001", "002", "000"]
    assert columns["seen"][1] == np.datetime64("2024-01-01T05:00:00", "us")
    assert np.isnan(columns["size"][[0, 7]]).all()
    assert columns["new"].tolist()[1:4] == [0.0, 1.0, 0.0]
    assert found.classes == ("large", "small")
    assert found.target.tolist()[:3] == [0, 1, 1]
    assert found.rule.hash_name == "siphash24"
    assert found.held_out.sum() == 13
