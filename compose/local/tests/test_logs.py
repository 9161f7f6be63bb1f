import threading
from pathlib import Path

from mlyard_local.logs import follow, last_lines, last_words


def test_the_last_words_are_the_line_that_tells_the_cause(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("ok\nValueError: the port is in use\nbye\n")
    assert last_words(log) == "ValueError: the port is in use"


def test_the_last_words_of_this_start_are_not_those_of_the_one_before(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("Error: old\n")
    before = log.stat().st_size
    assert last_words(log, since=before) == "it wrote nothing"


def test_a_followed_log_is_read_on_after_it_was_rotated(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("old old old\n")
    rotation = threading.Timer(0.5, log.write_text, ["new\n"])
    rotation.start()
    assert next(follow({"a": log})) == ("a", "new")
    rotation.join()


def test_the_last_lines_are_counted_from_the_end(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"1\n2\n\xff3\n")
    assert last_lines(log, 2) == ["2", "\ufffd3"]
    assert last_lines(log, 0) == []
