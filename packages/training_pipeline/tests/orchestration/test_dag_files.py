from pathlib import Path

from mlyard_training_pipeline.orchestration.dag_files import dag_file

MODELS = Path("/models")


def test_a_dag_file_is_called_as_its_spec() -> None:
    assert dag_file(MODELS / "houses/houses.toml", models=MODELS) == Path("houses/houses.toml.py")


def test_a_long_name_is_cut_and_still_tells_two_specs_apart() -> None:
    first, second = (dag_file(MODELS / f"{'h' * 240}{end}.toml", models=MODELS) for end in "ab")
    assert len(first.name) < 100
    assert first != second
