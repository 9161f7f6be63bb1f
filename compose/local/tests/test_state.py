import os
import tempfile
from pathlib import Path

import pytest
from mlyard_local.errors import StateError
from mlyard_local.state import StateFolder


def test_a_folder_that_cannot_be_made_is_refused_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StateError, match="name a folder you can write to in MLYARD_STATE"):
        StateFolder(tmp_path / "file" / "state").prepare()


def test_a_long_path_puts_the_socket_into_a_short_private_folder_that_is_removed(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path / ("long" * 30))
    folder.prepare()
    folder.place_socket()
    place = folder.socket.parent
    assert place.parent == Path(tempfile.gettempdir())
    assert len(os.fsencode(folder.socket)) < 100
    assert place.stat().st_mode & 0o777 == 0o700
    folder.clear()
    assert not place.exists()
