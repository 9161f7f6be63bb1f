import base64
from pathlib import Path

from mlyard_local import secrets

AIRFLOW = ("airflow_password", "airflow_jwt_secret", "airflow_secret_key", "airflow_fernet_key")


def test_secrets_are_private_files_in_private_folders(tmp_path: Path) -> None:
    secrets.make(tmp_path)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.relative_to(tmp_path).as_posix() for path in files} == {
        *("training_pipeline/" + name for name in AIRFLOW),
        "model_api/api_key",
    }
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o700}


def test_secrets_stay_what_they_are_at_the_second_start(tmp_path: Path) -> None:
    secrets.make(tmp_path)
    first = {path: path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    secrets.make(tmp_path)
    assert {path: path.read_text() for path in tmp_path.rglob("*") if path.is_file()} == first
    assert len(set(first.values())) == len(first)


def test_secrets_have_the_form_that_airflow_wants(tmp_path: Path) -> None:
    secrets.make(tmp_path)
    pipeline = tmp_path / "training_pipeline"
    assert len((pipeline / "airflow_jwt_secret").read_text().strip()) >= 64
    assert len(base64.urlsafe_b64decode((pipeline / "airflow_fernet_key").read_text())) == 32
