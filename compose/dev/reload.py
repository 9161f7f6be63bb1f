"""Run a service's command, and start it again whenever a file of its mounted sources is saved.

    reload.py FOLDER[:FOLDER...] COMMAND...

It is a container's first process: SIGTERM reaches the command. A command that ends by itself is shown and ends nothing
more, since the next save may mend it. It imports the standard library only, as it runs in every service's image.
"""

import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

LOOK_SECONDS = 0.5
STOP_SECONDS = 8


def stamps(folders: list[Path]) -> dict[str, int]:
    """When each source file was changed last; what editors leave beside it while they save does not count."""
    found = {}
    for place, inner, files in itertools.chain.from_iterable(map(os.walk, folders)):
        inner[:] = [name for name in inner if name != "__pycache__"]
        for name in files:
            if name.startswith(".") or name.endswith("~"):
                continue
            path = Path(place, name)
            try:
                found[str(path)] = path.stat().st_mtime_ns
            except FileNotFoundError:
                continue
    return found


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the command, gently at first."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def main(folders: list[Path], command: list[str]) -> None:
    """Run until SIGTERM."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    while True:
        seen = stamps(folders)
        process = subprocess.Popen(command)
        told = False
        try:
            while (now := stamps(folders)) == seen:
                if process.poll() is not None and not told:
                    told = True
                    print(f"reload: the command ended with {process.returncode}; waiting for a change", file=sys.stderr)
                time.sleep(LOOK_SECONDS)
            changed = sorted(Path(file).name for file in dict(now.items() ^ seen.items()))
            print(f"reload: {', '.join(changed)} changed", file=sys.stderr)
            stop(process)
        except KeyboardInterrupt:
            stop(process)
            return


if __name__ == "__main__":
    main([Path(folder) for folder in sys.argv[1].split(os.pathsep)], sys.argv[2:])
