import threading
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from mlflow import MlflowClient
from mlyard_shared.errors import ModelNotFound, ModelVersionRefused, PromotionConflict
from mlyard_shared.registry import Alias, ModelVersion, Move, Registry, history, promote, rollback
from mlyard_shared.registry.ledger import Ledger
from mlyard_shared.registry.succession import succession
from mlyard_shared.registry.version import DIGEST_TAG, GATE_TAG

# MLflow's store is used in this process: what it does that is to change is MLflow's to mend.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
MUTATIONS = {
    "create_experiment",
    "create_run",
    "delete_registered_model_alias",
    "set_registered_model_alias",
    "set_terminated",
}


class PowerCut(BaseException):
    """The process ends here: no `except Exception` sees it."""


class FailingClient:
    """MLflow's client until its k-th writing call, after whose effect the caller is cut off.

    To be cut off before the effect of a call leaves the same as after the effect of the one before it.
    """

    def __init__(self, client: Any, *, call: int) -> None:
        self.client = client
        self.left = call

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.client, name)
        if name not in MUTATIONS:
            return method

        def write(*args: Any, **kwargs: Any) -> Any:
            self.left -= 1
            result = method(*args, **kwargs)
            if not self.left:
                raise PowerCut
            return result

        return write


class Model:
    """A registered model with a name of its own, whose versions have no files."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.name = f"model-{uuid4().hex[:12]}"
        registry.client.create_registered_model(self.name)
        experiment = registry.client.create_experiment(self.name)
        logged = registry.client.create_logged_model(experiment)
        self.model_id = registry.client.finalize_logged_model(logged.model_id, "READY").model_id

    def add(self, *, own: bool = True) -> int:
        tags = {DIGEST_TAG: "0" * 64, GATE_TAG: "runs:/1/gate.json"} if own else {}
        version = self.registry.client.create_model_version(
            self.name, f"models:/{self.model_id}", model_id=self.model_id, tags=tags, await_creation_for=0
        )
        number = int(version.version)
        if own:
            self.registry.set_alias(self.registry.version(self.name, number), "challenger")
        return number

    def promote(self, version: int, **options: Any) -> Move:
        given: dict[str, Any] = {"actor": "ann", "reason": "better", "lease": 0.1, **options}
        return promote(self.registry, self.name, version, **given)

    def rollback(self, **options: Any) -> Move:
        given: dict[str, Any] = {"actor": "ann", "reason": "worse", "lease": 0.1, **options}
        return rollback(self.registry, self.name, **given)

    def champions(self, count: int) -> None:
        for _ in range(count):
            self.promote(self.add())

    def alias(self, alias: Alias) -> int | None:
        found: ModelVersion | None = self.registry.find(self.name, alias)
        return found.version if found else None

    def set_by_hand(self, alias: str, version: int) -> None:
        self.registry.client.set_registered_model_alias(self.name, alias, str(version))

    def moves(self) -> list[tuple[str, str, int | None, int | None]]:
        return [(m.kind, m.state, m.from_version, m.to_version) for m in history(self.registry, self.name)]

    def assert_consistent(self) -> None:
        """The finished moves are one chain to the champion, none is open, and `previous` is the one below the top."""
        moves = history(self.registry, self.name)
        assert [m for m in moves if m.state == "open"] == []
        finished = [m for m in moves if m.state == "finished"]
        steps = [None, *(m.to_version for m in finished)]
        assert [m.from_version for m in finished] == steps[:-1]
        assert steps[-1] == self.alias("champion")
        line = succession(moves)
        assert self.alias("previous") == (line[-2] if len(line) > 1 else None)
        assert self.alias("challenger") != self.alias("champion") or self.alias("champion") is None


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    """MLflow's store without a server before it: a call costs a fifth."""
    folder = tmp_path_factory.mktemp("stored")
    registry = Registry("http://127.0.0.1:9")
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)  # MLflow makes a folder for artifacts where it is
        registry.client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        registry.client.search_experiments()
    return registry


@pytest.fixture(params=["stored", pytest.param("registry", marks=pytest.mark.long)])
def model(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Model:
    """For the logic of the moves, where it does not matter what is between a caller and the store."""
    registry: Registry = request.getfixturevalue(request.param)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", registry.client.tracking_uri)  # where the store looks models up
    return Model(registry)


@pytest.fixture
def served(registry: Registry) -> Model:
    """For what needs a server, or shows that one makes no difference."""
    return Model(registry)


def test_the_first_promotion_makes_a_champion_and_no_previous(served: Model) -> None:
    move = served.promote(served.add(), actor="ann", reason="first", gate_report="runs:/1/gate.json")
    assert (move.kind, move.state, move.from_version, move.to_version) == ("promotion", "finished", None, 1)
    assert (move.actor, move.reason, move.gate_report) == ("ann", "first", "runs:/1/gate.json")
    assert served.alias("champion") == 1
    assert served.alias("previous") is None
    assert served.alias("challenger") is None
    served.assert_consistent()


def test_a_promotion_keeps_a_challenger_that_is_another_version(model: Model) -> None:
    first, second = model.add(), model.add()
    model.promote(first)
    assert model.alias("challenger") == second


def test_rollbacks_go_further_back_and_never_to_the_version_just_left(served: Model) -> None:
    served.champions(3)
    assert (served.rollback().to_version, served.alias("previous")) == (2, 1)
    assert (served.rollback().to_version, served.alias("previous")) == (1, None)
    with pytest.raises(ModelNotFound, match="no version to go back to from version 1"):
        served.rollback()
    served.assert_consistent()


def test_a_promotion_after_a_rollback_returns_to_the_version_that_served_before(model: Model) -> None:
    model.champions(3)
    model.rollback()
    model.promote(model.add())
    assert model.alias("previous") == 2
    assert model.rollback().to_version == 2
    assert model.rollback().to_version == 1


def test_a_former_champion_can_be_promoted_again(model: Model) -> None:
    model.champions(3)
    model.promote(1)
    assert model.alias("previous") == 3
    model.assert_consistent()


def test_promoting_the_champion_again_changes_nothing_and_returns_its_move(model: Model) -> None:
    model.champions(1)
    move = model.promote(model.add())
    before = history(model.registry, model.name)
    assert model.promote(2, actor="bob", reason="again") == move
    assert history(model.registry, model.name) == before
    assert model.alias("previous") == 1


def test_promoting_the_champion_again_takes_the_challenger_from_it(model: Model) -> None:
    model.champions(1)
    model.set_by_hand("challenger", 1)
    model.promote(1)
    assert model.alias("challenger") is None


def test_a_model_without_a_champion_has_nothing_to_roll_back(model: Model) -> None:
    model.add()
    with pytest.raises(ModelNotFound, match="has no champion to roll back"):
        model.rollback()


def test_a_version_that_does_not_exist_is_not_promoted(model: Model) -> None:
    with pytest.raises(ModelNotFound, match=r"has no version 7$"):
        model.promote(7)


def test_a_version_of_another_hand_is_refused_and_leaves_no_entry(model: Model) -> None:
    with pytest.raises(ModelVersionRefused, match=r"version 1 of .* was not registered by mlyard"):
        model.promote(model.add(own=False))
    assert model.moves() == []


def test_a_rollback_to_a_version_of_another_hand_is_refused(model: Model) -> None:
    model.set_by_hand("champion", model.add(own=False))
    model.promote(model.add())
    with pytest.raises(ModelVersionRefused):
        model.rollback()
    assert model.alias("champion") == 2


def test_a_move_by_hand_is_found_and_entered_once(served: Model) -> None:
    served.champions(2)
    served.set_by_hand("champion", served.add())
    assert served.moves()[2:] == [("found", "finished", 2, 3)]
    assert len(served.moves()) == 3
    assert served.rollback().to_version == 2
    served.assert_consistent()


def test_a_rollback_by_hand_steps_down_like_any_other(model: Model) -> None:
    model.champions(3)
    model.set_by_hand("champion", 2)
    assert model.rollback().to_version == 1
    model.assert_consistent()


def test_an_alias_removed_by_hand_is_found_and_the_version_can_be_promoted_again(model: Model) -> None:
    model.champions(2)
    model.registry.client.delete_registered_model_alias(model.name, "champion")
    assert model.moves()[2:] == [("found", "finished", 2, None)]
    model.promote(2)
    assert model.moves()[3:] == [("promotion", "finished", None, 2)]
    assert model.alias("previous") == 1
    model.assert_consistent()


def test_previous_skips_a_version_that_was_deleted(model: Model) -> None:
    model.champions(3)
    model.registry.client.delete_model_version(model.name, "2")
    assert model.alias("previous") is None
    assert model.rollback().to_version == 1
    assert model.alias("previous") is None


def test_previous_is_put_right_after_it_was_moved_by_hand(model: Model) -> None:
    model.champions(3)
    model.set_by_hand("previous", 3)
    assert model.rollback().to_version == 2


def test_a_deleted_champion_is_found_as_a_model_without_one(served: Model) -> None:
    served.champions(2)
    served.registry.client.delete_model_version(served.name, "2")
    assert served.moves()[2:] == [("found", "finished", 2, None)]
    served.promote(served.add())
    assert served.alias("previous") == 1


def test_the_ledger_reads_past_one_page(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    model.champions(3)
    search = model.registry.client.search_runs
    pages: list[int] = []

    def two_at_a_time(*args: Any, **kwargs: Any) -> Any:
        pages.append(1)
        return search(*args, **{**kwargs, "max_results": 2})

    monkeypatch.setattr(model.registry.client, "search_runs", two_at_a_time)
    assert [m.to_version for m in Ledger(model.registry, model.name).moves()] == [1, 2, 3]
    assert len(pages) == 2


def test_moves_are_in_order_although_a_callers_clock_is_late(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    model.champions(2)
    monkeypatch.setattr("time.time", lambda: 1_000_000_000.0)
    model.promote(model.add())
    assert [to for *_, to in model.moves()] == [1, 2, 3]
    model.assert_consistent()


def crash(model: Model, action: Callable[[], Move], *, call: int) -> bool:
    """Run the action with a client that fails at this call; say whether it got that far."""
    client: Any = model.registry.client
    failing: Any = FailingClient(client, call=call)
    model.registry.client = failing
    try:
        action()
    except PowerCut:
        return True
    finally:
        model.registry.client = client
    return False


@pytest.mark.parametrize(
    "rescuer", [pytest.param("ann", id="same-caller", marks=pytest.mark.long), pytest.param("bob", id="another-caller")]
)
def test_a_promotion_cut_off_at_any_call_is_finished_or_withdrawn_by_the_next(model: Model, rescuer: str) -> None:
    model.champions(1)
    for call in range(1, 10):
        old, new = model.alias("champion"), model.add()
        if not crash(model, lambda: model.promote(new, actor="ann"), call=call):  # noqa: B023 - runs here
            break
        assert model.alias("champion") in {old, new}, call
        model.promote(new, actor=rescuer)
        assert model.alias("champion") == new, call
        assert model.alias("previous") == old, call
        assert all(kind == "promotion" for kind, *_ in model.moves()), call
        model.assert_consistent()
    assert call == 6


@pytest.mark.long
def test_a_promotion_cut_off_at_any_call_leaves_the_next_caller_free_to_move_elsewhere(model: Model) -> None:
    model.champions(1)
    for call in range(1, 10):
        new, other = model.add(), model.add()
        if not crash(model, lambda: model.promote(new, actor="ann"), call=call):  # noqa: B023 - runs here
            break
        model.promote(other, actor="bob")
        assert model.alias("champion") == other, call
        model.assert_consistent()
    assert call > 4


@pytest.mark.long
def test_the_first_promotion_of_all_may_be_cut_off_too(registry: Registry) -> None:
    for call in range(1, 10):
        model = Model(registry)
        new = model.add()
        if not crash(model, lambda: model.promote(new), call=call):  # noqa: B023 - runs here
            break
        assert model.alias("champion") in {None, new}, call
        model.promote(new)
        assert model.alias("champion") == new, call
        model.assert_consistent()
    assert call == 6


def test_a_rollback_cut_off_at_any_call_and_repeated_goes_one_step_back(model: Model) -> None:
    model.champions(2)
    for call in range(1, 10):
        model.promote(model.add())
        before, champion = model.alias("previous"), model.alias("champion")
        if not crash(model, model.rollback, call=call):
            break
        assert model.alias("champion") in {before, champion}, call
        last = Ledger(model.registry, model.name).moves()[-1]
        # Cut off after its very last call it is done, and the next one would be another.
        if (last.kind, last.state) != ("rollback", "finished"):
            model.rollback()
        assert model.alias("champion") == before, call
        model.assert_consistent()
    assert call == 5


@pytest.mark.long
def test_a_rollback_cut_off_at_any_call_is_settled_by_another_callers_promotion(model: Model) -> None:
    model.champions(2)
    for call in range(1, 10):
        model.champions(1)
        if not crash(model, model.rollback, call=call):
            break
        model.promote(new := model.add(), actor="bob")
        assert model.alias("champion") == new, call
        model.assert_consistent()
    assert call == 5


@pytest.mark.parametrize("state", ["champion", pytest.param("no champion", marks=pytest.mark.long)])
def test_a_found_move_whose_entry_was_cut_off_is_entered_once(model: Model, state: str) -> None:
    model.champions(2)
    model.registry.client.delete_registered_model_alias(model.name, "champion")
    if state == "champion":
        model.set_by_hand("champion", 1)
    assert crash(model, lambda: history(model.registry, model.name)[-1], call=2)
    model.promote(model.add())
    finished = [kind for kind, condition, *_ in model.moves() if condition == "finished"]
    assert finished == ["promotion", "promotion", "found", "promotion"]
    model.assert_consistent()


def test_another_callers_open_intent_is_waited_for(served: Model) -> None:
    served.champions(1)
    new = served.add()
    ledger = Ledger(served.registry, served.name)
    intent = ledger.open("promotion", origin=1, target=new, previous=None, actor="ann", reason="slow")
    finisher = threading.Timer(0.6, lambda: ledger.withdraw(intent))
    finisher.start()
    move = served.promote(new, actor="bob", lease=20)
    finisher.join()
    assert (move.actor, move.state) == ("bob", "finished")
    assert [state for _, state, *_ in served.moves()] == ["finished", "withdrawn", "finished"]


def test_a_slow_caller_that_was_overtaken_moves_nothing(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    model.champions(1)
    slow, fast = model.add(), model.add()
    asked = Ledger.is_open

    def overtaken(ledger: Ledger, move: Move) -> bool:
        monkeypatch.setattr(Ledger, "is_open", asked)
        model.promote(fast, actor="bob")
        return asked(ledger, move)

    monkeypatch.setattr(Ledger, "is_open", overtaken)
    with pytest.raises(PromotionConflict, match="was overtaken; try again"):
        model.promote(slow, actor="ann")
    assert (model.alias("champion"), model.alias("previous")) == (fast, 1)
    model.assert_consistent()


def together(*actions: Callable[[], Move]) -> list[Move | PromotionConflict]:
    results: list[Move | PromotionConflict] = []
    start = threading.Barrier(len(actions))

    def run(action: Callable[[], Move]) -> None:
        start.wait()
        try:
            results.append(action())
        except PromotionConflict as conflict:
            results.append(conflict)

    threads = [threading.Thread(target=run, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.parametrize("turn", [0, *(pytest.param(turn, marks=pytest.mark.long) for turn in (1, 2))])
def test_of_two_promotions_at_once_each_is_made_whole_or_not_at_all(served: Model, turn: int) -> None:
    served.champions(1)
    one, two = served.add(), served.add()
    results = together(
        lambda: promote(Registry(served.registry.uri), served.name, one, actor="ann", reason="one"),
        lambda: promote(Registry(served.registry.uri), served.name, two, actor="bob", reason="two"),
    )
    made = [result for result in results if isinstance(result, Move)]
    assert made
    assert served.alias("champion") in {move.to_version for move in made}
    assert all(kind == "promotion" for kind, *_ in served.moves())
    served.assert_consistent()


def test_the_same_promotion_twice_at_once_is_made_once(served: Model) -> None:
    served.champions(1)
    new = served.add()
    results = together(*[lambda: promote(Registry(served.registry.uri), served.name, new, actor="a", reason="r")] * 2)
    assert [result for result in results if isinstance(result, Move)]
    assert (served.alias("champion"), served.alias("previous")) == (new, 1)
    assert served.promote(new).state == "finished"
    served.assert_consistent()


def test_readers_of_the_history_enter_no_move_that_is_under_way(served: Model) -> None:
    served.champions(1)
    done = threading.Event()
    seen: list[str] = []

    def read() -> None:
        while not done.is_set():
            seen.extend(move.kind for move in history(Registry(served.registry.uri), served.name))

    reader = threading.Thread(target=read)
    reader.start()
    served.champions(2)
    done.set()
    reader.join()
    assert set(seen) == {"promotion"}
    served.assert_consistent()
