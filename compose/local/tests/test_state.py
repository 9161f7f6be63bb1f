import os
import subprocess
import tempfile
from pathlib import Path

import pytest
from mlyard_local import secrets
from mlyard_local.errors import StateError, StateFull
from mlyard_local.state import StateFolder


def test_a_folder_that_cannot_be_made_is_refused_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StateError, match="name a folder you can write to in MLYARD_STATE"):
        StateFolder(tmp_path / "file" / "state").prepare()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_a_full_disk_is_told_as_such_and_not_as_a_matter_of_permissions(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], check=True)
    try:
        folder = StateFolder(disk / "state")
        folder.prepare()
        subprocess.run(["dd", "if=/dev/zero", f"of={disk / 'filler'}"], check=False, stderr=subprocess.DEVNULL)
        with pytest.raises(StateFull, match="its disk is full; free space there, or name a folder on another disk"):
            secrets.make(folder.secrets)
        assert not [file for file in folder.path.rglob("*") if file.is_file()], "nothing is half written"
        assert StateFolder(disk).is_full()
        (disk / "filler").unlink()
        secrets.make(folder.secrets)
        assert not folder.is_full()
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


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
