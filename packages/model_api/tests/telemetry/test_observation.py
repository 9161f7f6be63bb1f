import pytest
from mlyard_model_api.telemetry.observation import identify


@pytest.mark.parametrize("given", ["a", "01a209de-033a-70c3-9f74-767e7cdb011f", "job:7/row=12+b@host~1", "x" * 128])
def test_a_well_formed_id_is_taken(given: str) -> None:
    assert identify([(b"host", b"api"), (b"x-request-id", given.encode())]) == given


@pytest.mark.parametrize("given", ["", "a b", 'a"b', "a{b}", "é", "x" * 129, "a\tb", "<script>"])
def test_an_id_of_any_other_form_is_replaced(given: str) -> None:
    made = identify([(b"x-request-id", given.encode())])
    assert made != given
    assert len(made) == 36


def test_two_ids_are_none() -> None:
    assert identify([(b"x-request-id", b"a"), (b"x-request-id", b"b")]) not in ("a", "b")


def test_ids_that_are_made_differ() -> None:
    assert len({identify([]) for _ in range(1000)}) == 1000
