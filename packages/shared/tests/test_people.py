import pytest
from mlyard_shared.people import AccountRefused, check_name, check_role, made_password

ROLES = ("admin", "editor", "reader")


@pytest.mark.parametrize("name", ["a", "ann", "Ann.Lee", "ann@example.org", "7", "a" * 64, "a-b_c"])
def test_names_of_people_are_taken(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["", "a:b", "-a", ".a", "a b", "a\n", "ä", "a" * 65, "a/b"])
def test_a_name_that_no_service_takes_is_told_with_what_it_takes(name: str) -> None:
    with pytest.raises(AccountRefused, match="cannot be the name of an account: give letters, digits"):
        check_name(name)


def test_roles_are_taken_in_capitals_too() -> None:
    assert [check_role(role, ROLES) for role in ("admin", "Editor", "READER")] == ["admin", "editor", "reader"]


def test_a_role_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(AccountRefused) as refused:
        check_role("edtor", ROLES)
    assert str(refused.value) == "there is no role 'edtor': did you mean editor? give admin, editor or reader"
    with pytest.raises(AccountRefused) as refused:
        check_role("owner of all", ROLES)
    assert str(refused.value) == "there is no role 'owner of all': give admin, editor or reader"


def test_made_passwords_are_long_and_differ() -> None:
    assert len({made_password() for _ in range(20)}) == 20
    assert min(len(made_password()) for _ in range(20)) >= 24
