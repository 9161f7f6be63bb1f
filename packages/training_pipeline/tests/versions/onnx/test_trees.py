import numpy as np
import onnxruntime
import pytest
from mlyard_shared.features import Array
from mlyard_shared.schema import InputForm
from mlyard_training_pipeline.versions.onnx import trees
from mlyard_training_pipeline.versions.onnx.graph import Graph
from mlyard_training_pipeline.versions.onnx.trees import Tree


def run(made: list[Tree], matrix: Array, targets: int) -> Array:
    graph = Graph(InputForm(), matrix.shape[1])
    graph.node("Identity", trees.add(graph, "inputs", made, targets=targets), output="sums")
    model = graph.model({"sums": (np.float64, 2)})
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"inputs": matrix})[0])


def stump(threshold: float, values: list[list[float]], *, null_left: bool = False, target: int = 0) -> Tree:
    return Tree(
        left=np.array([1, -1, -1]),
        right=np.array([2, -1, -1]),
        feature=np.zeros(3, dtype=np.int64),
        threshold=np.array([threshold, 0.0, 0.0]),
        null_left=np.array([null_left, False, False]),
        values=np.array([[0.0] * len(values[0]), *values]),
        target=target,
    )


def leaf(values: list[float], target: int = 0) -> Tree:
    one = np.zeros(1, dtype=np.int64)
    return Tree(one - 1, one - 1, one, np.zeros(1), np.zeros(1), np.array([values]), target)


def test_a_value_one_step_beside_a_threshold_goes_to_its_own_side() -> None:
    threshold = 1.7e12 + 0.3
    beside = [np.nextafter(threshold, -np.inf), threshold, np.nextafter(threshold, np.inf)]
    found = run([stump(threshold, [[1.0], [2.0]])], np.array(beside).reshape(-1, 1), targets=1)
    assert found.ravel().tolist() == [1.0, 1.0, 2.0]


@pytest.mark.parametrize("null_left", [False, True])
def test_nulls_go_where_the_tree_sends_them(null_left: bool) -> None:
    found = run([stump(0.5, [[1.0], [2.0]], null_left=null_left)], np.array([[np.nan]]), targets=1)
    assert found.ravel().tolist() == [1.0 if null_left else 2.0]


@pytest.mark.parametrize("count", [3, 40, 300])
def test_members_of_a_set_go_to_the_left_and_all_else_to_the_right(count: int) -> None:
    members = np.arange(0, count, 2, dtype=np.float64)
    tree = stump(0.0, [[1.0], [2.0]])._replace(members={0: members})
    codes = np.array([-1.0, *range(count + 2), np.nan])
    expected = np.where(np.isin(codes, members), 1.0, 2.0)
    assert run([tree, leaf([0.0])], codes.reshape(-1, 1), targets=1).ravel().tolist() == expected.tolist()


def test_sums_in_float32_lose_their_digits_in_the_order_of_the_trees() -> None:
    made = [leaf([16777216.0]), *[leaf([1.0])] * 3]
    graph = Graph(InputForm(precision="float32"), 1)
    graph.node("Identity", trees.add(graph, "inputs", made, targets=1, kind=np.float32), output="sums")
    session = onnxruntime.InferenceSession(graph.model({"sums": (np.float32, 2)}).SerializeToString())
    assert session.run(None, {"inputs": np.zeros((1, 1), dtype=np.float32)})[0].tolist() == [[16777216.0]]


def test_a_composed_graph_takes_leaves_of_several_values_apart() -> None:
    graph = Graph(InputForm(), 1, composed=True)
    made = [stump(0.5, [[0.25, 0.75], [0.0, 1.0]])]
    graph.node("Identity", trees.add(graph, "inputs", made, targets=2), output="sums")
    assert graph.opsets["ai.onnx.ml"] == 5
    session = onnxruntime.InferenceSession(graph.model({"sums": (np.float64, 2)}).SerializeToString())
    assert session.run(None, {"inputs": np.array([[0.0], [1.0]])})[0].tolist() == [[0.25, 0.75], [0.0, 1.0]]


def test_sums_are_of_each_target_and_in_double() -> None:
    made = [stump(0.5, [[1e9], [1.0]]), stump(0.5, [[1e-7], [1.0]]), leaf([0.25], target=1), leaf([0.5], target=1)]
    assert run(made, np.zeros((1, 1)), targets=2).tolist() == [[1e9 + 1e-7, 0.75]]


def test_leaves_of_several_values_add_each_to_its_own_target() -> None:
    made = [stump(0.5, [[0.25, 0.75, 0.0], [0.0, 0.0, 1.0]]), leaf([0.5, 0.0, 0.5])]
    assert run(made, np.array([[0.0], [1.0]]), targets=3).tolist() == [[0.75, 0.75, 0.5], [0.5, 0.0, 1.5]]


@pytest.mark.parametrize("values", [[3.0], [1.0, 2.0]], ids=["one value", "two values"])
def test_a_tree_that_is_one_leaf_says_the_same_of_every_row(values: list[float]) -> None:
    assert run([leaf(values)], np.array([[0.0], [9.0]]), targets=len(values)).tolist() == [values, values]
