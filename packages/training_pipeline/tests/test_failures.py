import errno
import os
from pathlib import Path

import pytest
from mlyard_shared.errors import TableError
from mlyard_training_pipeline.failures import sentence


def test_our_own_errors_say_it_themselves() -> None:
    assert sentence(TableError("column price: not a number")) == "column price: not a number"


def test_a_full_disk_and_a_lack_of_memory_are_sentences() -> None:
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/data/table")
    assert sentence(full) == "cannot write into /data/table (its disk is full): free space there"
    assert "not enough memory" in (sentence(MemoryError()) or "")


def test_a_file_that_has_gone_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        (tmp_path / "spec.toml").read_bytes()
    assert (sentence(caught.value) or "").startswith(f"cannot use {tmp_path}/spec.toml (there is no such file")


@pytest.mark.parametrize("error", [ZeroDivisionError(), ConnectionResetError(errno.ECONNRESET, "reset")])
def test_what_nobody_foresaw_and_what_may_pass_has_none(error: Exception) -> None:
    assert sentence(error) is None
