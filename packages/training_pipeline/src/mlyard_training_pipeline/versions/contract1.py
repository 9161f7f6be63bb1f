"""A version of contract 1, for an API that is not upgraded yet: the same model, over texts in place of codes.

Contract 1 has no codes, no rounding and no rule of decision: scikit-learn's pipeline takes a matrix of objects, the
twin one input a column, and the label is the engine's own. So a step that makes codes of texts comes before the
pipeline, and before the twin; both are kept only where they answer as the pipeline did that was judged.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import numpy as np
from mlyard_shared import features
from mlyard_shared.columns import MISSING
from mlyard_shared.errors import TrainingError
from mlyard_shared.features import Array
from mlyard_shared.manifest import MODEL_FILE, ONNX_FILE, Manifest, OnnxParity
from mlyard_shared.manifest.contract1 import MetricName1
from mlyard_shared.metrics import Task
from mlyard_shared.pipelines import load_pipeline
from mlyard_shared.schema import InputForm, Schema
from mlyard_shared.spec import ModelSpec

from mlyard_training_pipeline.candidates import origins
from mlyard_training_pipeline.candidates.predictions import Predictions, predict
from mlyard_training_pipeline.settings import PREFIX
from mlyard_training_pipeline.versions import skops_file
from mlyard_training_pipeline.versions.onnx import comparison, session, texts

FORM = InputForm(encoding="text", precision="float64")
SETTING = f"{PREFIX}MODEL_VERSION_CONTRACT"
_OTHERS, _UNSEEN = 100, "\uffff"
_WAY_OUT = f"leave it out, or set {SETTING} to 2, for which the API has to be 0.3.0 or newer"


def problems(spec: ModelSpec) -> Iterator[str]:
    """What a spec asks of a version that contract 1 cannot say: one sentence each, with its key and the way out."""
    asked: dict[str, bool] = {
        "decision": spec.decision.is_given,
        "conformal": "conformal" in spec.model_fields_set and bool(spec.conformal),
        "metric": spec.metric not in get_args(MetricName1),
        **{
            f"candidates.{candidate.name}.estimator": origins.package(candidate.estimator) != "sklearn"
            for candidate in spec.candidates
        },
    }
    for key, is_asked in asked.items():
        if is_asked:
            yield f"{key}: contract 1 of a model version, which {SETTING} asks for, cannot say it; {_WAY_OUT}"


def rewrite(
    folder: Path, schema: Schema, real: dict[str, Array], *, task: Task, scale: float, form: InputForm
) -> OnnxParity | None:
    """Put the model and its twin in a folder before texts; return how the twin answers, None where there is none now.

    Args:
        folder: of the version; a twin that does not hold is taken away.
        schema: of the version.
        real: the columns of real rows to compare on; others are made of them.
        task: what the pipeline answers.
        scale: the standard deviation of a regression's target.
        form: of the inputs that both take so far.

    Raises:
        TrainingError: the pipeline answers otherwise then.
    """
    pipeline = load_pipeline(folder / MODEL_FILE)
    columns = _with_others(real, schema)
    expected = predict(pipeline, features.matrix(columns, schema, form), task=task)
    matrix = features.matrix(columns, schema, FORM)
    found = over_texts(pipeline, schema, matrix)
    answers = predict(found, matrix, task=task, rule=None)
    if not comparison.compare(answers, expected, scale=scale or 1.0).holds:
        raise TrainingError(
            "contract 1 of a model version has the label and the inputs of the estimator itself, by which this one "
            f"answers otherwise than it was judged: {_WAY_OUT.partition(', or ')[2]}"
        )
    if untrusted := skops_file.write(found, folder / MODEL_FILE):
        raise TrainingError(f"the pipeline over texts holds types that the API does not load: {', '.join(untrusted)}")
    twin = folder / ONNX_FILE
    if not twin.is_file():
        return None
    texts.put_before(twin, schema, form)
    told = session.predict(twin, features.twin_inputs(columns, schema, FORM), task=task, rule=None)
    return _kept(twin, told, answers, scale)


def over_texts(pipeline: Any, schema: Schema, matrix: Array) -> Any:
    """The fitted pipeline with a step before it that makes codes of the texts in a matrix of contract 1."""
    categories = {column.name: column.categories for column in schema.columns if column.type == "category"}
    if not categories:
        return pipeline
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OrdinalEncoder, StandardScaler

    steps: list[Any] = []
    for position, name in enumerate(schema.input_names):
        if name in categories:
            encoder = OrdinalEncoder(
                categories=[[*categories[name], MISSING]], handle_unknown="use_encoded_value", unknown_value=-1
            )
            steps.append((f"codes_{position}", encoder, [position]))
        elif steps and steps[-1][0].startswith("numbers"):
            steps[-1][2].append(position)
        else:
            # It scales nothing: the numbers among texts are objects, and become float64 here, nulls included.
            steps.append((f"numbers_{position}", StandardScaler(with_mean=False, with_std=False), [position]))
    codes = ColumnTransformer(steps, sparse_threshold=0.0).fit(matrix)
    return Pipeline([("codes", codes), *pipeline.steps])


def lowered(manifest: Manifest, parity: OnnxParity | None) -> Manifest:
    """A manifest without the facts that contract 1 has no place for, and which serving does without."""
    schema = manifest.input_schema
    columns = tuple(column.model_copy(update={"rounded": False}) for column in schema.columns)
    names = ("target_transform", "output_reference", "budgets", "conformal", "background", "card", "decision")
    return manifest.model_copy(
        update={
            **dict.fromkeys(names),
            **dict.fromkeys(("score_references", "latency", "segments"), ()),
            "contract": 1,
            "grammar": 1,
            "inputs": FORM,
            "input_schema": schema.model_copy(update={"columns": columns}),
            "onnx": parity or manifest.onnx,
        }
    )


def _with_others(real: dict[str, Array], schema: Schema) -> dict[str, Array]:
    """Real rows, and some of them once more with texts that were not in training, and without texts."""
    categories = {column.name for column in schema.columns if column.type == "category"}
    if not categories:
        return real

    def others(name: str, text: str | None) -> Array:
        some = real[name][:_OTHERS]
        return np.full(len(some), text, dtype=object) if name in categories else some

    return {name: np.concatenate([real[name], others(name, _UNSEEN), others(name, None)]) for name in real}


def _kept(twin: Path, found: Predictions, expected: Predictions, scale: float) -> OnnxParity:
    parity = comparison.compare(found, expected, scale=scale or 1.0)
    if not parity.holds:
        twin.unlink()
    return parity
