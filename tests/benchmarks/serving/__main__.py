"""How fast the API is beside its peers: every figure in one run, interleaved, as a ratio.

    hatch run bench-serving [--seconds 1] [--rounds 3] [--without mlflow,mlserver] [--only single,wide,forms,...]

Peers: `endpoint`, which is Starlette alone, parses with orjson and answers a constant; MLflow's scoring server;
MLServer. All have one worker unless it says otherwise; ours has its key and its metrics. The load and the server share
the machine, so that beside the rates there is the processor's time that a server takes for a request.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import NamedTuple

import bodies
import servers
import versions
from load import Load, Target, beside, run
from servers import KEY, Server, Unavailable

OURS = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
JSON = {"Content-Type": "application/json"}
ARROW, PARQUET = "application/vnd.apache.arrow.stream", "application/vnd.apache.parquet"


class Found(NamedTuple):
    """The medians of several rounds: answers a second, milliseconds, the processor's microseconds, errors."""

    rate: float
    p50: float
    p99: float
    cpu: float
    errors: int


class Bench:
    """The running servers, and how long each is measured."""

    def __init__(self, running: dict[str, Server], *, seconds: float, rounds: int) -> None:
        """Name the servers."""
        self.running = running
        self._seconds = seconds
        self._rounds = rounds

    def compare(self, label: str, targets: list[Target], connections: int) -> dict[str, Found]:
        """Measure targets in turns, and print a line."""
        rounds: dict[str, list[tuple[Load, float]]] = {target.name: [] for target in targets}
        for target in targets:
            run({target: (connections, 0)}, seconds=min(0.3, self._seconds))
        for _ in range(self._rounds):
            for target in targets:
                server = self.running[target.name]
                before = server.cpu_seconds()
                load = run({target: (connections, 0)}, seconds=self._seconds)[target.name]
                rounds[target.name].append((load, server.cpu_seconds() - before))
        found = {name: _median(loads) for name, loads in rounds.items()}
        ours = found["ours"]
        parts = [f"{ours.rate:8.0f}/s p50 {ours.p50:7.2f} p99 {ours.p99:7.2f} ms {ours.cpu:6.0f} us"]
        if ours.errors:
            parts.append(f"{ours.errors} errors")
        for name, other in found.items():
            if name != "ours" and not (other.rate and ours.cpu and ours.p99 and other.p99):
                parts.append(f"{name} had no answer in time")
            elif name != "ours":
                parts.append(
                    f"{name} {other.rate:.0f}/s p99 {other.p99:.2f} {other.cpu:.0f} us: "
                    f"x{ours.rate / other.rate:.2f} (cpu x{other.cpu / ours.cpu:.2f}, p99 x{ours.p99 / other.p99:.2f})"
                )
        print(f"{label:34s} {' | '.join(parts)}", flush=True)
        return found

    def target(self, name: str, kind: str, rows: int, *, columns: bool = False) -> Target:
        """The address and the bodies of a server for a model."""
        url = self.running[name].url
        if name == "ours":
            made = bodies.columns(rows) if columns else bodies.records(rows)
            return Target(name, f"{url}/models/{kind}/predict", made, OURS)
        if name == "endpoint":
            made = bodies.columns(rows) if columns else bodies.records(rows)
            return Target(name, f"{url}/predict", made, OURS)
        if name.startswith("mlflow"):
            return Target(name, f"{url}/invocations", bodies.mlflow(rows), JSON)
        return Target(name, f"{url}/v2/models/{kind}/infer", bodies.v2(rows), JSON)

    def targets(self, kind: str, rows: int, *, columns: bool = False) -> list[Target]:
        """All servers that have a model."""
        names = ("ours", "endpoint", f"mlflow-{kind}", "mlserver")
        return [self.target(name, kind, rows, columns=columns) for name in names if name in self.running]


def _median(loads: list[tuple[Load, float]]) -> Found:
    middle = statistics.median
    return Found(
        middle(load.rate for load, _ in loads),
        middle(load.quantile(0.5) for load, _ in loads),
        middle(load.quantile(0.99) for load, _ in loads),
        middle(cpu / max(1, len(load.times)) * 1e6 for load, cpu in loads),
        sum(load.errors for load, _ in loads),
    )


def single(bench: Bench) -> None:
    """Single rows."""
    for kind in ("linear", "forest"):
        for connections in (1, 16, 64, 256):
            bench.compare(f"{kind}, 1 row, {connections} connections", bench.targets(kind, 1), connections)


def wide(bench: Bench) -> None:
    """Many rows in a request."""
    for rows in (100, 1000):
        for columns in (True, False):
            form = "columns" if columns else "records"
            bench.compare(f"linear, {rows} rows as {form}, 16", bench.targets("linear", rows, columns=columns), 16)


def forms(bench: Bench) -> None:
    """Many rows in bytes, beside the same rows in JSON; the answer is in bytes as well."""
    ours = bench.running["ours"]
    bench.running |= {"records": ours, "columns": ours}
    address, key = f"{ours.url}/models/linear/predict", {"Authorization": f"Bearer {KEY}"}
    for rows in (1000, 10_000):
        length, tensors = bodies.v2_binary(rows)
        headers = {"Content-Type": "application/octet-stream", "Inference-Header-Content-Length": str(length)}
        in_bytes = {
            "V2, binary": Target("ours", f"{ours.url}/v2/models/linear/infer", tensors, key | headers),
            "Arrow": Target("ours", address, bodies.arrow(rows), key | {"Content-Type": ARROW, "Accept": ARROW}),
            "Parquet": Target("ours", address, bodies.parquet(rows), key | {"Content-Type": PARQUET, "Accept": ARROW}),
        }
        json = [
            Target("records", address, bodies.records(rows), OURS),
            Target("columns", address, bodies.columns(rows), OURS),
        ]
        for form, target in in_bytes.items():
            bench.compare(f"linear, {rows} rows as {form}, 4", [target, *json], 4)


def health(bench: Bench) -> None:
    """The health check while 256 connections ask, and beside a slow model at full load."""
    ours = bench.running["ours"]
    asked = Target("health", f"{ours.url}/health/live")
    for label, kind, connections in (("256 connections", "linear", 256), ("a slow model", "slow", 16)):
        busy = bench.target("ours", kind, 1)
        loads = [beside(asked, busy, connections, seconds=2) for _ in range(3)]
        p99 = statistics.median(load.quantile(0.99) for load in loads)
        print(f"{'health beside ' + label:34s} p99 {p99:.2f} ms of {len(loads[0].times)}", flush=True)


def neighbours(bench: Bench) -> None:
    """A fast model alone, and beside a slow one at full load: a request every 5 ms, as capacity is another figure."""
    ours = bench.running["ours"]
    fast = Target("fast", f"{ours.url}/models/linear/predict", bodies.records(1), OURS)
    slow = bench.target("ours", "slow", 1)
    alone, loaded = [], []
    for _ in range(3):
        alone.append(run({fast: (1, 0.005)}, seconds=2)["fast"].quantile(0.99))
        loaded.append(beside(fast, slow, 16, seconds=2).quantile(0.99))
    first, second = statistics.median(alone), statistics.median(loaded)
    print(
        f"{'fast model beside a slow one':34s} p99 {second:.2f} ms, alone {first:.2f}: x{second / first:.2f}",
        flush=True,
    )


def several_workers(python: str, cache: Path, folder: Path, *, seconds: float, rounds: int) -> None:
    """Two workers beside one; the client shares the cores, which leaves them less than two.

    What the client takes is told; and what two processors of the workers' own would answer, by the time that a request
    takes of them: whatever workers do for one another, such as to wait for a lock of the memory, is in that time.
    """
    with (
        servers.api(python, cache, folder / "one.log", models="linear") as one,
        servers.api(python, cache, folder / "two.log", workers=2, models="linear") as two,
    ):
        for rows in (1, 100):
            found: dict[str, list[tuple[Load, float]]] = {"one": [], "two": []}
            client = []
            for _ in range(rounds):
                for name, server in (("one", one), ("two", two)):
                    target = Target(name, f"{server.url}/models/linear/predict", bodies.records(rows), OURS)
                    before, own = server.cpu_seconds(), time.process_time()
                    load = run({target: (16, 0)}, seconds=seconds)[name]
                    found[name].append((load, server.cpu_seconds() - before))
                    client += [(time.process_time() - own) / seconds] if name == "two" else []
            first, second = _median(found["one"]), _median(found["two"])
            print(
                f"{f'2 workers, {rows} rows, 16':34s} {second.rate:.0f}/s, one {first.rate:.0f}/s: "
                f"x{second.rate / first.rate:.2f} with {statistics.median(client):.2f} processors for the client; "
                f"processor's time of a request x{second.cpu / first.cpu:.2f}, by which two processors of their own "
                f"would answer x{2 * first.cpu / second.cpu:.2f}",
                flush=True,
            )
        print(f"{'memory of 2 workers (PSS, MB)':34s} {_megabytes(two)}", flush=True)


def start(python: str, cache: Path, folder: Path) -> None:
    """From the start of the process to the first success of the readiness check, and the memory then."""
    times = []
    for number in range(3):
        began = time.monotonic()
        with servers.api(python, cache, folder / f"start{number}.log", models="linear,forest") as server:
            times.append(time.monotonic() - began)
            if number == 2:
                print(
                    f"{'start to ready from the cache':34s} {min(times):.2f} s; memory {_megabytes(server)}", flush=True
                )


def _megabytes(server: Server) -> str:
    return ", ".join(f"{name.rpartition(' ')[0]} {size:.0f}" for name, size in server.memory().items())


def peers(stack: ExitStack, folder: Path, without: list[str]) -> Iterator[tuple[str, Server]]:
    """Start each peer that can run here."""
    here = Path(__file__).parent / "peers"
    wanted: list[tuple[str, str, Callable[[int], list[str]], str]] = [
        ("endpoint", "bench-endpoint", lambda port: [str(here / "endpoint.py"), str(port)], "/health"),
        (
            "mlserver",
            "bench-mlserver",
            lambda port: [str(here / "mlserver_model.py"), str(port), str(folder)],
            "/v2/health/ready",
        ),
    ]
    wanted += [
        (f"mlflow-{kind}", "bench-mlflow", partial(_mlflow, here, folder, kind), "/ping")
        for kind in ("linear", "forest")
    ]
    for name, environment, command, address in wanted:
        if name.partition("-")[0] in without:
            continue
        try:
            port = servers.free_port()
            python = servers.interpreter(environment)
            log = folder / f"{name}.log"
            yield (
                name,
                stack.enter_context(servers.running([python, *command(port)], port=port, health=address, log=log)),
            )
        except Unavailable as error:
            print(f"{name} is not compared: {error}", flush=True)


def _mlflow(here: Path, folder: Path, kind: str, port: int) -> list[str]:
    return [str(here / "mlflow_model.py"), str(port), str(folder), kind]


def main() -> None:
    """Measure everything, or what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=1.0, help="how long each server is measured in each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--without", default="", help="peers that are left out, with commas between them")
    parser.add_argument("--only", default="", help="single, wide, forms, health, neighbours, workers, start")
    given = parser.parse_args()
    asked = [name for name in given.only.split(",") if name]
    parts: dict[str, Callable[[Bench], None]] = {
        "single": single,
        "wide": wide,
        "forms": forms,
        "health": health,
        "neighbours": neighbours,
    }
    if unknown := set(asked) - {*parts, "workers", "start"}:
        sys.exit(f"there is no part {', '.join(unknown)}")
    python = servers.interpreter("model-api")
    with tempfile.TemporaryDirectory(prefix="mlyard-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        cache = folder / "cache"
        versions.fill(cache)
        chosen = [part for key, part in parts.items() if not asked or key in asked]
        if chosen:
            running = {"ours": stack.enter_context(servers.api(python, cache, folder / "ours.log"))}
            running |= dict(peers(stack, folder, given.without.split(",")))
            bench = Bench(running, seconds=given.seconds, rounds=given.rounds)
            for part in chosen:
                part(bench)
            stack.close()
        if not asked or "workers" in asked:
            several_workers(python, cache, folder, seconds=given.seconds, rounds=given.rounds)
        if not asked or "start" in asked:
            start(python, cache, folder)


if __name__ == "__main__":
    main()
