"""A pipeline in a process of its own."""

import gc
import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlyard_model_api.errors import ModelFailed
from mlyard_model_api.serving import answers, apart
from mlyard_model_api.serving.apart import EngineApart, EngineFailed
from mlyard_model_api.serving.version import Reference, verify
from mlyard_shared.engines import SkopsEngine
from mlyard_shared.errors import ModelVersionRefused
from mlyard_shared.manifest import MODEL_FILE, Manifest
from mlyard_shared.schema import InputForm

from ..versions import CODES, TEXT, classifier, penguin_columns, write_version

pytestmark = pytest.mark.apart


def made(folder: Path, pipeline: Any, form: InputForm = CODES) -> Manifest:
    digest = write_version(folder, pipeline, form=form)
    return verify(folder, Reference(name="penguins", version=1, digest=digest))


def pid(engine: EngineApart) -> int:
    process = engine._process._process
    assert process is not None
    return process.pid


def is_alive(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("form", [CODES, pytest.param(TEXT, marks=pytest.mark.long)], ids=["codes", "text"])
def test_it_answers_to_the_last_bit_as_in_this_process_and_ends_with_its_engine(
    tmp_path: Path, form: InputForm
) -> None:
    manifest = made(tmp_path / "v", classifier(form), form)
    file = tmp_path / "v" / MODEL_FILE
    here, there = SkopsEngine(file, manifest, no_twin="none"), EngineApart(file, manifest, no_twin="none")
    assert here.reason == there.reason
    for rows in (1, 7, 300):
        columns = penguin_columns(rows, seed=rows)
        expected, found = here.predict(columns), there.predict(columns)
        assert expected.probabilities is not None
        assert found.probabilities is not None
        assert np.array_equal(expected.predictions, found.predictions)
        assert np.array_equal(expected.probabilities, found.probabilities)
    number = pid(there)
    del there
    gc.collect()
    deadline = time.monotonic() + 5
    while is_alive(number):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_an_error_is_the_models_fault_and_a_process_that_ended_is_started_again(tmp_path: Path, fitted: Any) -> None:
    manifest = made(tmp_path / "v", fitted)
    engine = EngineApart(tmp_path / "v" / MODEL_FILE, manifest, no_twin="none")
    wrong = {name: values[:0] for name, values in penguin_columns(1).items()}
    with pytest.raises(EngineFailed, match="ValueError"):
        engine.predict(wrong)
    assert engine.predict(penguin_columns(2)).predictions.shape == (2,)
    before = pid(engine)
    os.kill(before, signal.SIGKILL)
    with pytest.raises(ModelFailed, match="its process ended"):
        answers.predict(engine, manifest, penguin_columns(2))
    assert answers.predict(engine, manifest, penguin_columns(2)).predictions.shape == (2,)
    assert pid(engine) != before


def test_a_file_that_is_no_pipeline_is_refused_with_the_reason(tmp_path: Path, fitted: Any) -> None:
    manifest = made(tmp_path / "v", fitted)
    (tmp_path / "v" / MODEL_FILE).write_bytes(b"no archive")
    with pytest.raises(ModelVersionRefused, match="cannot be loaded"):
        apart.start(tmp_path / "v" / MODEL_FILE, manifest, no_twin="none")
