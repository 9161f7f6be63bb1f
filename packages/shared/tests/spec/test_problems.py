from pathlib import Path

import pytest
from mlyard_shared.errors import SpecError
from mlyard_shared.spec import read_spec

from .conftest import SPEC, write


def test_all_wrong_keys_are_reported_at_once(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        read_spec(write(tmp_path, 'folds = "x"\nzzz = 1\n' + SPEC.replace('"accuracy"', '"speed"')))
    assert {problem.partition(":")[0] for problem in caught.value.problems} == {"folds", "zzz", "metric"}


def test_of_very_many_wrong_keys_the_first_are_named_and_the_others_counted(tmp_path: Path) -> None:
    keys = "".join(f"k{number} = 1\n" for number in range(1000))
    with pytest.raises(SpecError) as caught:
        read_spec(write(tmp_path, keys + SPEC))
    assert caught.value.problems[0].startswith("k0: unknown key")
    assert caught.value.problems[-1] == "and 980 more"
    assert len(caught.value.problems) == 21


def test_of_very_many_dates_the_first_are_named(tmp_path: Path) -> None:
    keys = "".join(f"k{number} = 1979-05-27\n" for number in range(1000))
    with pytest.raises(SpecError) as caught:
        read_spec(write(tmp_path, keys + SPEC))
    assert len(caught.value.problems) == 21


@pytest.mark.parametrize(
    "key",
    [
        pytest.param('"' + "k" * 10_000 + '"', id="long"),
        pytest.param('"a\\nb"', id="two lines"),
        pytest.param('"a\\u001b[31mb"', id="a terminal's code"),
        pytest.param('"a\\u202eb"', id="right to left"),
        pytest.param('"a\\u0000b"', id="NUL"),
    ],
)
def test_a_key_of_any_name_fits_into_one_line(tmp_path: Path, key: str) -> None:
    file = write(tmp_path, f"{key} = 1\n{SPEC}")
    with pytest.raises(SpecError, match="unknown key") as caught:
        read_spec(file)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 600


def test_a_long_value_is_cut_where_the_sentence_repeats_it(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="timezone: 'zzz") as caught:
        read_spec(write(tmp_path, f'timezone = "{"z" * 100_000}"\n{SPEC}'))
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("number", ["9223372036854775808", "0x" + "f" * 50_000], ids=["one too large", "hexadecimal"])
def test_an_integer_beyond_64_bits_is_named(tmp_path: Path, number: str) -> None:
    with pytest.raises(SpecError, match=r"candidates.0.parameters.seed: give a whole number of at most 64 bits"):
        read_spec(write(tmp_path, f"{SPEC}parameters = {{seed = {number}}}\n"))
