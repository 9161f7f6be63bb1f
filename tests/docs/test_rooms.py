from .rooms import BEGIN, PACKAGES, PAGE, drawn


def test_the_rooms_are_drawn_as_the_code_has_them() -> None:
    page = PAGE.read_text()
    assert all(BEGIN.format(package=package) in page for package in PACKAGES)
    assert drawn(page) == page, "a room's imports have changed: run `hatch run lint:rooms`, and look at the diagram"
