"""The promotion ledger: one MLflow run for each move of a model's champion, in the experiment `<model>.promotions`."""

import time
from datetime import UTC, datetime
from typing import Any, Literal, Self

from mlflow.entities import ViewType

from mlyard_shared.contract import Contract
from mlyard_shared.errors import RegistryError
from mlyard_shared.registry.client import Registry
from mlyard_shared.registry.errors import translated
from mlyard_shared.registry.experiments import ensure_experiment, find_experiment, run_calls

MoveKind = Literal["promotion", "rollback", "found"]
MoveState = Literal["open", "finished", "withdrawn"]
_STATES: dict[str, MoveState] = {"RUNNING": "open", "SCHEDULED": "open", "FINISHED": "finished"}
_PREFIX = "mlyard.move."


class Move(Contract):
    """One move of the alias `champion`.

    `found` is a move that somebody made past the ledger, entered when it was noticed. `previous_before` is what the
    alias `previous` pointed to before the move.
    """

    id: str
    kind: MoveKind
    state: MoveState
    model: str
    from_version: int | None
    to_version: int | None
    previous_before: int | None
    actor: str
    reason: str
    gate_report: str | None
    started_at: datetime

    @classmethod
    def from_run(cls, run: Any, model: str) -> Self:
        """Read a move from its MLflow run.

        Raises:
            ValueError: the run is not a move.
        """
        tags = {k.removeprefix(_PREFIX): v for k, v in run.data.tags.items() if k.startswith(_PREFIX)}
        number = {k: int(tags[k]) if tags.get(k) else None for k in ("from", "to", "previous_before")}
        return cls.model_validate(
            {
                "id": run.info.run_id,
                "kind": tags.get("kind"),
                "state": _STATES.get(run.info.status, "withdrawn"),
                "model": model,
                "from_version": number["from"],
                "to_version": number["to"],
                "previous_before": number["previous_before"],
                "actor": tags.get("actor"),
                "reason": tags.get("reason"),
                "gate_report": tags.get("gate_report"),
                "started_at": datetime.fromtimestamp(run.info.start_time / 1000, UTC),
            }
        )


class Ledger:
    """The moves of one model, oldest first."""

    def __init__(self, registry: Registry, model: str) -> None:
        """Open the ledger of a model; nothing is asked of the registry yet."""
        self.registry = registry
        self.model = model
        self._known_experiment: str | None = None

    def moves(self) -> tuple[Move, ...]:
        """Every move, oldest first; none where the model never moved."""
        experiment = self._experiment()
        if experiment is None:
            return ()
        runs: list[Any] = []
        token: str | None = None
        with translated(self.registry.uri):
            while True:
                page = self.registry.client.search_runs(
                    [experiment],
                    filter_string=f"tags.`{_PREFIX}kind` != ''",
                    run_view_type=ViewType.ACTIVE_ONLY,
                    order_by=["attributes.start_time ASC"],
                    page_token=token,
                )
                runs += page
                token = page.token
                if not token:
                    break
        moves = [self._read(run) for run in runs]
        return tuple(sorted(moves, key=lambda move: (move.started_at, move.id)))

    def open(
        self,
        kind: MoveKind,
        *,
        origin: int | None,
        target: int | None,
        previous: int | None,
        actor: str,
        reason: str,
        gate_report: str | None = None,
    ) -> Move:
        """Enter the intent of a move; it counts only when it is finished.

        It starts after every move that is entered already, whatever the callers' clocks say: the order is the history.
        """
        facts = {
            "kind": kind,
            "from": str(origin or ""),
            "to": str(target or ""),
            "previous_before": str(previous or ""),
            "actor": actor[:200],
            "reason": reason[:4000],
        }
        if gate_report is not None:
            facts["gate_report"] = gate_report
        tags = {_PREFIX + key: value for key, value in facts.items()}
        latest = max((move.started_at.timestamp() for move in self.moves()), default=0.0)
        start = max(round(time.time() * 1000), round(latest * 1000) + 1)
        experiment = self._ensure_experiment()
        with translated(self.registry.uri):
            run = self.registry.client.create_run(
                experiment, start, tags, run_name=f"{kind} {origin or '-'} to {target or '-'}"
            )
        return self._read(run)

    def finish(self, move: Move) -> Move:
        """Close a move that has happened."""
        return self._close(move, "FINISHED")

    def withdraw(self, move: Move) -> Move:
        """Close a move that has not happened."""
        return self._close(move, "KILLED")

    def is_open(self, move: Move) -> bool:
        """Whether nobody has closed the move."""
        with run_calls(self.registry.client, move.id, uri=self.registry.uri):
            return _STATES.get(self.registry.client.get_run(move.id).info.status) == "open"

    def is_alone(self, move: Move) -> bool:
        """Whether the move is open and no other one is. Of two that open at once, at least one sees the other."""
        return [other.id for other in self.moves() if other.state == "open"] == [move.id]

    def enter_found(self, moves: tuple[Move, ...]) -> Move | None:
        """Enter a move that was made past the ledger: the champion is not the one of the last finished of these moves.

        Nothing is entered while a move is under way, since its champion may be ahead of its entry.
        """
        champion = self.registry.find(self.model, "champion")
        current = champion.version if champion else None
        finished = [move for move in moves if move.state == "finished"]
        known = finished[-1].to_version if finished else None
        if known == current or any(move.state == "open" for move in moves) or self.moves() != moves:
            return None
        reason = "the alias was moved past the ledger, in MLflow itself"
        move = self.open("found", origin=known, target=current, previous=None, actor="unknown", reason=reason)
        if not self.is_alone(move):
            self.withdraw(move)
            return None
        return self.finish(move)

    @property
    def _experiment_name(self) -> str:
        return f"{self.model}.promotions"

    def _experiment(self) -> str | None:
        if self._known_experiment is None:
            self._known_experiment = find_experiment(self.registry.client, self._experiment_name, uri=self.registry.uri)
        return self._known_experiment

    def _ensure_experiment(self) -> str:
        if self._known_experiment is None:
            self._known_experiment = ensure_experiment(
                self.registry.client,
                self._experiment_name,
                uri=self.registry.uri,
                description=f"The moves of the champion of {self.model}, one run each: who made it, when, why, and "
                "from which version to which. This is the ledger: `promote` and `rollback` write "
                "it, and nobody edits it.",
            )
        return self._known_experiment

    def _read(self, run: Any) -> Move:
        try:
            return Move.from_run(run, self.model)
        except ValueError:
            raise RegistryError(
                f"run {run.info.run_id} in MLflow's experiment {self._experiment_name} has broken tags: "
                "restore them there, or delete the run"
            ) from None

    def _close(self, move: Move, status: str) -> Move:
        with run_calls(self.registry.client, move.id, uri=self.registry.uri):
            self.registry.client.set_terminated(move.id, status)
            run = self.registry.client.get_run(move.id)
        return self._read(run)


def history(registry: Registry, model: str) -> tuple[Move, ...]:
    """Every move of a model, oldest first, after entering one that was made past the ledger."""
    ledger = Ledger(registry, model)
    moves = ledger.moves()
    return moves if ledger.enter_found(moves) is None else ledger.moves()
