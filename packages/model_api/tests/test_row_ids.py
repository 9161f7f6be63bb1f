import time
from uuid import RFC_4122, UUID

import pytest
from mlyard_model_api.row_ids import MANY, RowIds


@pytest.mark.parametrize("count", [1, MANY - 1, MANY, 1000])
def test_ids_are_uuids_of_version_7_in_the_order_of_the_rows(count: int) -> None:
    before = time.time_ns() // 1_000_000
    ids = RowIds(count)
    after = time.time_ns() // 1_000_000
    found = [UUID(text) for text in ids]
    assert [str(one) for one in found] == list(ids)
    assert len(set(found)) == len(ids) == count
    assert found == sorted(found)
    assert {(one.version, one.variant) for one in found} == {(7, RFC_4122)}
    assert all(before <= one.int >> 80 <= after + 1000 for one in found)


def test_ids_of_two_answers_share_no_more_than_the_time() -> None:
    first, second = list(RowIds(MANY)), list(RowIds(MANY))
    assert not {text[14:] for text in first} & {text[14:] for text in second}
    # Each of the random digits takes all of its values.
    many = list(RowIds(5000))
    assert all(len({text[place] for text in many}) == 16 for place in (*range(20, 23), *range(24, 36)))
    assert {text[19] for text in many} == set("89ab")
