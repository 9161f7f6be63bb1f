"""An ONNX graph in the making: nodes and constants, named by their order, so that the same model has the same bytes."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from mlyard_shared.features import Array
from mlyard_shared.schema import InputForm

INPUT = "inputs"
ML = "ai.onnx.ml"
_IR_VERSION = 10


class Integers(NamedTuple):
    """An attribute of integers, in parts."""

    parts: list[Array]


class Graph:
    """Nodes in the order of their computation over one input, `inputs` of shape [n, width].

    A `composed` graph holds several estimators, which share one version of each set of operators.
    """

    def __init__(self, form: InputForm, width: int, *, composed: bool = False) -> None:
        self.form = form
        self.width = width
        self.composed = composed
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.opsets = {"": 21, ML: 5}

    def constant(self, values: Array) -> str:
        """Add a constant and return its name."""
        from onnx import numpy_helper

        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def number(self, value: float) -> str:
        """Add a constant of one number in double."""
        return self.constant(np.array(value, dtype=np.float64))

    def node(self, kind: str, *inputs: str, domain: str = "", output: str | None = None, **attributes: Any) -> str:
        """Add a node of one output and return the output's name.

        Attributes of very many integers are given as `Integers`, since Python's own would take much memory at once.
        """
        from onnx import AttributeProto, helper

        name = output or f"{kind.lower()}_{len(self.nodes)}"
        many = {key: value for key, value in attributes.items() if isinstance(value, Integers)}
        plain = {key: value for key, value in attributes.items() if key not in many}
        node = helper.make_node(kind, list(inputs), [name], domain=domain, **plain)
        for key, integers in many.items():
            attribute = node.attribute.add(name=key, type=AttributeProto.INTS)
            for part in integers.parts:
                attribute.ints.extend(part.astype(np.int64).tolist())
        self.nodes.append(node)
        return name

    def inputs(self, positions: Sequence[int]) -> str:
        """Add some columns of the input.

        Gather copies number by number, which takes most of a linear model's time for many rows: where the columns stand
        side by side, Slice copies them by rows, and all of them need no copy.
        """
        first, last = positions[0], positions[-1] + 1
        if list(positions) != list(range(first, last)):
            return self.node("Gather", INPUT, self.constant(np.array(positions, dtype=np.int64)), axis=1)
        if last - first == self.width:
            return INPUT
        bounds = [self.constant(np.array([bound], dtype=np.int64)) for bound in (first, last, 1)]
        return self.node("Slice", INPUT, *bounds)

    def cast(self, source: str, kind: type[np.generic], *, output: str | None = None) -> str:
        """Add a conversion into another type of numbers."""
        from onnx import helper

        return self.node("Cast", source, output=output, to=helper.np_dtype_to_tensor_dtype(np.dtype(kind)))

    def beside_the_first(self, second: str) -> str:
        """Add the probabilities of two classes, made of that of the second."""
        first = self.node("Sub", self.number(1), second)
        return self.node("Concat", first, second, axis=1)

    def softmax(self, raw: str) -> str:
        """Add the probabilities of classes whose logarithms are known but for a constant."""
        return self.node("Softmax", raw, axis=1)

    def model(self, outputs: Mapping[str, tuple[type[np.generic], int]]) -> Any:
        """The finished model; each output has a type and a number of dimensions."""
        from onnx import helper

        def value(name: str, kind: Any, shape: list[int | None]) -> Any:
            return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(kind)), shape)

        inputs = [value(INPUT, self.form.precision, [None, self.width])]
        made = [value(name, kind, [None] * dimensions) for name, (kind, dimensions) in outputs.items()]
        graph = helper.make_graph(self.nodes, "mlyard", inputs, made, self.constants)
        opsets = [helper.make_opsetid(domain, version) for domain, version in self.opsets.items()]
        return helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION, producer_name="mlyard")
