"""The command `score`: what it was asked in words, and its progress on a terminal."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeVar

from mlyard_shared.spec import Sink, Source
from mlyard_shared.spec.problems import problems
from mlyard_shared.spec.sink import input_place, output_place
from pydantic import ValidationError

from mlyard_training_pipeline.batch.request import Request, ScoringError
from mlyard_training_pipeline.batch.scoring import score
from mlyard_training_pipeline.interruption import Interrupted, sigterm_as_interrupt
from mlyard_training_pipeline.progress import Progress
from mlyard_training_pipeline.settings import Settings
from mlyard_training_pipeline.tracking.context import Context

Existing = Literal["refuse", "append", "replace"]
P = TypeVar("P", Source, Sink)


def request_of(
    model: str,
    *,
    table: str,
    output: str,
    existing: Existing,
    ids: tuple[str, ...],
    probabilities: bool,
    rejects: Path | None,
    read: tuple[str, ...] = (),
) -> Request:
    """What the words of a command ask for; paths start at the working folder, and `read` are keys of a source.

    Raises:
        ScoringError: there is no such table, or the output is not one that can be written as it was asked.
    """
    if url := next((text for text in (table, output) if "://" in text.partition(" ")[0]), None):
        raise ScoringError(f"{url} is a URL: give a path, or the name of a connection whose URL the settings hold")
    # What is there is meant, also where its name could be that of a table.
    source = {"path": table} if Path(table).exists() else input_place(table)
    sink = {"path": output} if Path(output).exists() else output_place(output)
    if "path" in source and not Path(table).exists():
        raise ScoringError(
            f"{table} does not exist: give a file or a folder, or a connection as in warehouse.customers or "
            '"warehouse: SELECT ..."'
        )
    if "path" in sink and not sink["path"].lower().endswith(".parquet") and Path(sink["path"]).suffix in _OTHERS:
        raise ScoringError(f"{output} is not Parquet: give a path that ends with .parquet, a folder, or a table")
    for place in (source, sink):
        if "path" in place:
            place["path"] = str(Path(place["path"]).absolute())
    if source.get("path") is not None and source.get("path") == sink.get("path"):
        raise ScoringError(f"{table} is the input and the output: give another path for the predictions")
    return Request(
        model=model,
        source=_made(Source, {**dict(map(_key, read)), **source}, option=" ".join(("--read", *read))),
        sink=_made(Sink, {**sink, "existing": existing}, option=f"--output {output}"),
        ids=ids,
        probabilities=probabilities,
        rejects=str(rejects.absolute()) if rejects else None,
    )


def _key(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name.strip().removeprefix("source."), value


def _made(kind: type[P], keys: Mapping[str, str], *, option: str) -> P:
    try:
        return kind.model_validate(keys)
    except ValidationError as error:
        said = problems(error, kind)[0]
        raise ScoringError(f"{option}: {said}") from None


_OTHERS = (".csv", ".tsv", ".json", ".jsonl", ".xlsx", ".gz", ".zst", ".feather", ".arrow", ".txt")


def run(request: Request, settings: Settings) -> None:
    """Score a table, and tell how that goes on.

    Raises:
        MlyardError: what went wrong; what is there of the job is kept, and the same command goes on with it.
    """
    with Progress() as shown, sigterm_as_interrupt():
        try:
            scored = score(Context.from_settings(settings), request, listener=shown)
        except KeyboardInterrupt:
            raise Interrupted(f"stopped: nothing is in {request.sink.shown} yet; the same command goes on") from None
        refused = f", {scored.refused} refused ones in {request.rejects}" if scored.refused else ""
        if scored.rows is not None:
            shown.say(f"{scored.rows} rows by version {scored.version} of {request.model} in {scored.output}{refused}")
