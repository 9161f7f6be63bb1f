"""No file of any size or shape costs much more than a good spec. Most of these took gigabytes or minutes before."""

import resource
import time
from pathlib import Path

import pytest
from mlyard_shared.errors import SpecError
from mlyard_shared.spec import read_spec

from .conftest import CANDIDATE, HEAD, SOURCE, SPEC, write


def many(count: int, line: str) -> str:
    return "\n".join(line.format(number) for number in range(count)) + "\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param(many(300_000, "key_{0} = {0}") + SPEC, "is larger than 256 KB", id="300 000 keys"),
        pytest.param(
            f"{SPEC}[candidates.parameters]\n{many(300_000, 'p{0} = {0}')}", "is larger than 256 KB", id="parameters"
        ),
        pytest.param(SPEC + "#" + "x" * 10**8, "is larger than 256 KB", id="100 MB"),
        pytest.param(f"leave_out = [{'1,' * 25_000}]\n{SPEC}", "more than 20000 keys and list items", id="list"),
        pytest.param(many(16_000, "k{} = 1") + SPEC, "and 15980 more", id="unknown keys"),
        pytest.param(
            f"{SPEC}[candidates.grid]\n{many(15_000, 'g{} = []')}", "g0: give at least 1", id="empty lists in a grid"
        ),
        pytest.param(f"{'a.' * 30_000}a = 1\n{SPEC}", "line 1: a key has more than 20 parts", id="60 KB of dotted key"),
        pytest.param(
            f"{SPEC}[{'a.' * 40_000}a]\n{many(15_000, 'k{}=1')}",
            "line 12: a key has more than 20 parts",
            id="header",
        ),
        pytest.param(
            f"x = '''\n\n'''\n{'.'.join(['a'] * 19 + [chr(34) * 2, 'b' * 300]) * 600} = 1\n{SPEC}",
            "line 4: a key has more than 20 parts",
            id="quoted and long parts",
        ),
        pytest.param(f"{SPEC}parameters = {{a = {'[' * 30}{']' * 30}}}\n", "nested more than 20 levels", id="lists"),
        pytest.param(f"{SPEC}parameters = {'{a=' * 300}1{'}' * 300}\n", "nested more than 20 levels", id="tables"),
        pytest.param('"' * 250_000, "is not TOML", id="quotes"),
        pytest.param("x = '''" + '\\"""' * 60_000, "is not TOML", id="a text that never ends"),
        pytest.param(
            HEAD + SOURCE + "".join(CANDIDATE.replace('"forest"', f'"f{n}"') for n in range(65)),
            "candidates: give at most 64, not 65",
            id="candidates",
        ),
        pytest.param(
            f"{SPEC}[candidates.grid]\n{many(12, 'p{} = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]')}",
            "candidates.0.grid: has 1000000000000 settings; give at most 10000",
            id="grid",
        ),
    ],
)
def test_what_is_too_large_is_refused_in_no_time(tmp_path: Path, text: str, problem: str) -> None:
    file = write(tmp_path, text)
    started, held = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(SpecError, match=problem) as caught:
        read_spec(file)
    assert time.process_time() - started < 3  # seconds: 0.5 at the most on an idle machine
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - held) / 1024 < 100  # MB
    assert len(str(caught.value)) < 5000


def test_a_spec_for_thousands_of_columns_is_read(tmp_path: Path) -> None:
    types = many(5000, 'a_column_with_a_name_{} = "category"')
    assert len(read_spec(write(tmp_path, f"{SPEC}[features.types]\n{types}")).features.types) == 5000


def test_dots_in_texts_and_comments_and_numbers_are_not_keys(tmp_path: Path) -> None:
    dotted = ".".join("abcdefghijklmnopqrstuvwxyz")
    numbers = ", ".join(["0.1"] * 100)
    text = f'# {dotted}\n{SPEC}parameters = {{a = \'{dotted}\', b = """\n{dotted}""", c = [{numbers}]}}\n'
    assert read_spec(write(tmp_path, text)).candidates[0].parameters["a"] == dotted
