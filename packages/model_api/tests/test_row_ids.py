import time
from uuid import RFC_4122, UUID

import pytest
from mlyard_model_api.row_ids import RowIds


@pytest.mark.parametrize("count", [1, 2, 1000, 4096, 4097, 70_000])
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
    many = [list(RowIds(3)) for _ in range(2000)]
    assert len({text for ids in many for text in ids}) == 6000
    assert len({text[14:33] for text, *_ in many}) == 2000
    # Each of the random digits takes all of its values.
    assert all(len({text[place] for text, *_ in many}) == 16 for place in range(28, 33))
    # What is drawn once a millisecond need not: a fast machine is done in some.
    assert {text[19] for text, *_ in many} <= set("89ab")
