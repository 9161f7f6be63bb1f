"""The cells that a model does not take, as a CSV file beside the predictions."""

import csv
import io
import shutil
from pathlib import Path

from mlyard_training_pipeline.batch import folder as folders
from mlyard_training_pipeline.batch.rows import Refusal


def keep(refusals: list[Refusal], number: int, folder: Path) -> None:
    """Keep those of a chunk in the job's folder."""
    if refusals:
        text = io.StringIO(newline="")
        csv.writer(text).writerows(refusals)
        with folders.written(folder):
            folders.replace_whole(_part(folder, number), text.getvalue().encode("utf-8", "replace"))


def publish(output: Path, chunks: int, folder: Path) -> int:
    """Write those of all chunks into their file, and return how many rows they are of."""
    draft, rows = folder / "rejects.draft", 0
    with folders.written(output.parent):
        with draft.open("w", encoding="utf-8", newline="") as whole:
            csv.writer(whole).writerow(Refusal._fields)
            for number in range(chunks):
                if _part(folder, number).is_file():
                    text = _part(folder, number).read_bytes().decode()
                    rows += len({row[0] for row in csv.reader(io.StringIO(text, newline=""))})
                    whole.write(text)
        output.parent.mkdir(parents=True, exist_ok=True)
        # The folder may be on another disk.
        near = output.with_name(f".{output.name}.draft")
        shutil.copyfile(draft, near)
        near.replace(output)
    return rows


def _part(folder: Path, number: int) -> Path:
    return folder / f"rejects-{number:06}.csv"
