import pytest
from mlyard_shared.columns import canonical
from mlyard_shared.columns.examples import KEYS, Key


def name(example: Key) -> str:
    return f"{type(example.cell).__name__} {example.cell!r}"


@pytest.mark.parametrize("example", KEYS, ids=name)
def test_a_key_has_one_spelling_whatever_file_it_came_from(example: Key) -> None:
    assert canonical.key_text(example.cell) == example.key


@pytest.mark.parametrize("example", KEYS, ids=name)
def test_the_spelling_of_a_key_stays_as_it_is(example: Key) -> None:
    if example.key is not None:
        assert canonical.key_text(example.key) == example.key


@pytest.mark.parametrize("example", KEYS, ids=name)
def test_a_category_of_a_typed_column_is_spelled_as_a_key_and_a_text_is_left_alone(example: Key) -> None:
    assert canonical.typed_text(example.cell) == (example.key if example.typed else example.cell)
