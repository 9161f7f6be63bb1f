from mlyard_training_pipeline.settings import Settings


def test_everything_that_is_imported_ahead_exists(airflow_here: Settings) -> None:
    from mlyard_training_pipeline.orchestration.executor import LIBRARIES, warm_up

    assert len(warm_up()) == len(LIBRARIES)
