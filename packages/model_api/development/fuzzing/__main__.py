"""Read random bodies in every way there is: `hatch run model-api:fuzz --bodies 1000000`.

Of JSON the fast way and the strict way must say the same: the same values to the last bit, or the same refusal with
the same code, row and column. Whatever the body, it is read or refused, in a bounded time, without a word of its cells.
"""

import argparse
import resource
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
from fuzzing import documents, scoring, tables, tensors
from fuzzing.schemas import MANIFESTS
from mlyard_model_api.errors import InputRefused, RequestRefused
from mlyard_model_api.protocols import arrow, columnar, delimited, mlflow, native, rows, typed, v2, v2_quick
from mlyard_model_api.protocols import documents as strict
from mlyard_shared.columns import GRAMMARS

SECONDS = 2.0
"""Longer than any body here takes, even on a busy machine."""
GROWTH_MB = 100
"""More memory than all of it may take in the end."""

Outcome = tuple[Any, ...]


class Found(Exception):
    """A body is not read as it should be."""


def strictly(body: bytes, manifest: Any) -> Any:
    """Read as the strict reader does, which takes no short cuts."""
    schema = manifest.input_schema
    document = strict.parse_strictly(body, rows=documents.MAX_ROWS, columns=len(schema.columns))
    return rows.read(document, schema, GRAMMARS[manifest.grammar], max_rows=documents.MAX_ROWS)


def outcome(read: Callable[[], Any]) -> Outcome:
    """What came of it, in a form that compares by every bit."""
    started = time.process_time()
    try:
        columns = read()
    except InputRefused as error:
        found: Outcome = (type(error).__name__, *((p.code, p.row, p.column) for p in error.problems))
        _check_silent(*(problem.message for problem in error.problems))
    except RequestRefused as error:
        found = (type(error).__name__,)
        _check_silent(str(error))
    else:
        found = tuple((name, *_bits(columns[name])) for name in columns)
    if time.process_time() - started > SECONDS:
        raise Found(f"took {time.process_time() - started:.1f} s")
    return found


def _bits(array: Any) -> tuple[str, Any]:
    return str(array.dtype), tuple(array.tolist()) if array.dtype == object else np.ascontiguousarray(array).tobytes()


def _check_silent(*messages: str) -> None:
    if any(documents.SECRET in message for message in messages):
        raise Found("a refusal holds a cell")


def json_body(draw: Random) -> str:
    """Read a body in JSON in both ways; return what kind of outcome that was."""
    manifest = draw.choice(MANIFESTS)
    columns = manifest.input_schema.columns
    body = documents.nested(draw) if draw.random() < 0.002 else documents.body(draw, columns)
    slow = outcome(lambda: strictly(body, manifest))
    fast = outcome(lambda: native.decode(body, manifest, max_rows=documents.MAX_ROWS))
    if fast != slow:
        raise Found(f"{body[:2000]!r} for {[c.name for c in columns]}: {fast!r} where the strict way says {slow!r}")
    # A shorter body is not read so, whatever it is.
    by_column = outcome(lambda: columnar.reader(manifest).read(body, max_rows=documents.MAX_ROWS) or {})
    if by_column and by_column != slow:
        raise Found(f"{body[:2000]!r} for {[c.name for c in columns]}: {by_column!r} by column, strictly {slow!r}")
    if by_column:
        return f"JSON {'read' if isinstance(slow[0], tuple) else 'refused'} fast by column"
    quick = typed.reader(manifest).read(body, max_rows=documents.MAX_ROWS) is not None
    return f"JSON {'read fast' if quick else 'read' if isinstance(slow[0], tuple) else slow[0]}"


def v2_body(draw: Random) -> str:
    """Read a request of the Open Inference Protocol V2 in both ways; return what kind of outcome that was."""
    manifest = draw.choice(MANIFESTS)
    body, length = tensors.body(draw, manifest.input_schema.columns)
    call = v2.V2Call(length)
    fast = outcome(lambda: call.decode(body, manifest, max_rows=documents.MAX_ROWS))
    # As the call does it: bytes may be any NaN.
    with np.errstate(invalid="ignore"):
        slow = outcome(lambda: v2.decode_strictly(*v2.parted(body, length), manifest, max_rows=documents.MAX_ROWS)[1])
    if fast != slow:
        raise Found(f"{body[:2000]!r} of {length}: {fast!r} where the strict way says {slow!r}")
    if not isinstance(fast[0], tuple):
        return f"V2 {fast[0]}"
    with np.errstate(invalid="ignore"):
        quick = v2_quick.reader(manifest).read(*v2.parted(body, length), max_rows=documents.MAX_ROWS)
    return "V2 read fast" if quick is not None else "V2 read"


def mlflow_body(draw: Random) -> str:
    """Read a request of MLflow's scoring protocol; return what kind of outcome that was."""
    manifest = draw.choice(MANIFESTS)
    body = scoring.body(draw, manifest.input_schema.columns)
    call = mlflow.PROTOCOL.open([(b"content-type", b"application/json")], b"")
    found = outcome(lambda: call.decode(body, manifest, max_rows=documents.MAX_ROWS))
    return f"MLflow {'read' if isinstance(found[0], tuple) else found[0]}"


def csv_body(draw: Random) -> str:
    """Read a body in CSV; return what kind of outcome that was."""
    manifest = draw.choice(MANIFESTS)
    schema, grammar = manifest.input_schema, GRAMMARS[manifest.grammar]
    body = tables.delimited(draw, schema.columns)
    return _kind("CSV", outcome(lambda: delimited.read(body, schema, grammar, max_rows=documents.MAX_ROWS)))


def arrow_body(draw: Random) -> str:
    """Read a body in Arrow's stream format; return what kind of outcome that was."""
    manifest = draw.choice(MANIFESTS)
    body = tables.arrow(draw, manifest.input_schema.columns)
    return _kind("Arrow", outcome(lambda: arrow.read_stream(body, manifest, max_rows=documents.MAX_ROWS)))


def parquet_body(draw: Random) -> str:
    """Read a body in Parquet; return what kind of outcome that was."""
    manifest = draw.choice(MANIFESTS)
    body = tables.parquet(draw, manifest.input_schema.columns)
    return _kind("Parquet", outcome(lambda: arrow.read_parquet(body, manifest, max_rows=documents.MAX_ROWS)))


def _kind(form: str, found: Outcome) -> str:
    return f"{form} {'read' if isinstance(found[0], tuple) else found[0]}"


KINDS: dict[str, Callable[[Random], str]] = {
    "json": json_body,
    "v2": v2_body,
    "mlflow": mlflow_body,
    "csv": csv_body,
    "arrow": arrow_body,
    "parquet": parquet_body,
}


def main() -> int:
    """Fuzz, and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bodies", type=int, default=100_000, help="how many of each kind")
    parser.add_argument("--seed", default="mlyard", help="another seed makes other bodies")
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    given = parser.parse_args()
    outcomes: Counter[str] = Counter()
    memory = 0
    for kind in given.kinds:
        for number in range(given.bodies):
            draw = Random(zlib.crc32(f"{given.seed} {kind} {number}".encode()))
            try:
                outcomes[KINDS[kind](draw)] += 1
            # Whatever it is, it is not what a reader may raise.
            except Exception as error:  # noqa: BLE001
                print(
                    f"{kind} body {number} of the seed {given.seed}: {type(error).__name__}: {error}", file=sys.stderr
                )
                return 1
            if number == given.bodies // 10:
                memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        growth = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) // 1024
        print(f"{given.bodies} bodies of {kind}: all alike; {growth} MB more memory after the first tenth")
        if growth > GROWTH_MB:
            return 1
    for what, count in sorted(outcomes.items()):
        print(f"{count:>9}  {what}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
