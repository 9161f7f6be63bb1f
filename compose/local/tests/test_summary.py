import json
import subprocess
import sys
from pathlib import Path

from mlyard_local.settings import ROOT
from mlyard_local.summary import curl


def test_the_curl_line_survives_a_shell_and_holds_no_key(tmp_path: Path) -> None:
    key = tmp_path / "it's a key"
    key.write_text("s3cret\n")
    row = {"who's": 'O\'Brien "$HOME"', "size": 1.5, "none": None}
    command = curl("http://127.0.0.1:8000", "penguins", key=key, row=row)
    assert "s3cret" not in command
    (tmp_path / "curl").write_text(f"#!{sys.executable}\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n")
    (tmp_path / "curl").chmod(0o755)
    path = f"{tmp_path}:/usr/bin:/bin"
    done = subprocess.run(
        ["sh", "-c", command], cwd=ROOT, env={"PATH": path}, capture_output=True, text=True, check=True
    )
    arguments = json.loads(done.stdout)
    assert "Authorization: Bearer s3cret" in arguments
    assert json.loads(arguments[arguments.index("-d") + 1]) == {"rows": [row]}
    assert arguments[-1] == "http://127.0.0.1:8000/models/penguins/predict"
