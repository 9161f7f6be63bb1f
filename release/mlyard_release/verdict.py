"""Whether all jobs before this one have passed, for the workflow's one required check.

NEEDS holds the workflow's `needs`, in JSON. A job that nothing wanted was skipped, which is as good as passed.
"""

import json
import os
import sys


def main() -> int:
    """Say which jobs have not passed."""
    needs = json.loads(os.environ.get("NEEDS") or "{}")
    if not needs:
        print("verdict: NEEDS names no job", file=sys.stderr)
        return 2
    wrong = {name: job["result"] for name, job in needs.items() if job["result"] not in ("success", "skipped")}
    # Without the list of what is affected nothing was run.
    if needs.get("affected", {}).get("result") == "skipped":
        wrong["affected"] = "skipped"
    for name, result in wrong.items():
        print(f"{name}: {result}")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
